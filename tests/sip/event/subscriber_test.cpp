#include "sip/event/subscriber.hpp"

#include <doctest/doctest.h>

#include "tests/sip/event/watcher_world.hpp"

using sip::Handle;
using sip::milliseconds;
using sip::seconds;
using sip::SubscriptionStateValue;
using sip::TerminationReason;
using Kind = WatcherWorld::Kind;
using State = WatcherWorld::State;

TEST_CASE(
    "R3261-8.1.1-1 R3261-8.1.1.1-1 R3261-8.1.1.2-1 R3261-8.1.1.5-1 R3261-8.1.1.6-1 "
    "R3261-8.1.1.7-1 R3261-8.1.1.8-1 R6665-3.1.1-1 R6665-3.1.2-1 R6665-3.1.3-1 R3856-6.5-2 "
    "R6665-4.1.2.1-1: the first SUBSCRIBE bears all that it must") {
    WatcherWorld world;
    REQUIRE(world.subscribe());
    const RawMessage sent = world.only();
    CHECK(sent.method() == "SUBSCRIBE");
    CHECK(sent.request_uri() == "sip:alice@example.com");
    CHECK(sent.field("To") == "<sip:alice@example.com>");
    CHECK(sent.field("From").starts_with("<sip:bob@example.com>;tag="));
    CHECK(tag_of(sent.field("From")).size() >= 8);
    CHECK(sent.field("Call-ID").size() >= 16);
    CHECK(sent.field("CSeq") == "1 SUBSCRIBE");
    CHECK(sent.field("Max-Forwards") == "70");
    CHECK(sent.field("Via").starts_with("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK"));
    CHECK(sent.fields("Contact") == std::vector<std::string>{"<sip:bob@192.0.2.1:5060>"});
    CHECK(sent.fields("Event") == std::vector<std::string>{"presence"});
    CHECK(sent.field("Expires") == "3600");
    CHECK(sent.field("Accept") == "application/pidf+xml");
    CHECK(sent.to == world.raw.peer);
    CHECK_FALSE(sent.has("Authorization"));
}

TEST_CASE("R6665-4.1.2.1-2 R6665-8.3.1-1 D-1: a 2xx is no state, and 202 is a 200") {
    for (const int status : {200, 202, 299}) {
        WatcherWorld world;
        const auto id = world.subscribe();
        world.reply(world.only(), status, {"Expires: 3600"});
        const auto news = world.news();
        CHECK(news.kind == Kind::accepted);
        CHECK(news.status == status);
        CHECK(news.state == SubscriptionStateValue::other);
        CHECK(news.expires == 3600);
        CHECK(world.part.state_of(id) == State::notify_wait);
    }
}

TEST_CASE("R6665-4.1.3-1 R6665-4.1.3-5 R6665-4.1.3-13: a NOTIFY is answered 200 and passed on") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    world.reply(sent, 200, {"Expires: 3600"});
    CHECK(world.news().kind == Kind::accepted);
    CHECK(world.notify(sent) == 200);
    const auto news = world.news();
    CHECK(news.kind == Kind::notified);
    CHECK(news.state == SubscriptionStateValue::active);
    CHECK(news.expires == 3600);
    CHECK(news.body == "<presence/>");
    CHECK(news.type == "application/pidf+xml");
    CHECK(news.has_document);
    CHECK(world.part.state_of(id) == State::active);
    CHECK_FALSE(world.news().any);
    CHECK(world.silent());
}

TEST_CASE(
    "R6665-4.1.2.1-3: the granted time drives the refresh, and is never above what we asked") {
    for (const auto& [granted, left, refresh] :
         {std::array{"Expires: 1000", "1000", "968"}, std::array{"Expires: 9999", "3600", "3568"},
          std::array{"Expires: 50", "50", "25"}, std::array{"Subject: none", "3600", "3568"},
          std::array{"Expires: x", "3600", "3568"}}) {
        CAPTURE(granted);
        WatcherWorld world;
        const auto id = world.subscribe();
        const RawMessage sent = world.only();
        world.reply(sent, 200, {granted});
        CHECK(world.news().expires == std::stoul(left));
        WatcherWorld::Notify first;
        first.state = "active";
        CHECK(world.notify(sent, first) == 200);
        CHECK(world.news().expires == std::stoul(left));
        world.pass(seconds{std::stol(refresh)} - milliseconds{1});
        CHECK(world.silent());
        world.pass(milliseconds{1});
        CHECK(world.only().method() == "SUBSCRIBE");
        CHECK(world.part.state_of(id) == State::active);
    }
}

TEST_CASE(
    "R6665-4.1.2.2-1 R6665-4.5.2-2 R3261-12.2.1.1-1 R3261-12.2.1.1-3: a refresh goes in the "
    "dialog, with the same Event and id") {
    WatcherWorld world;
    auto options = world.options(600);
    options.event_id = "Q7";
    REQUIRE(world.subscribe(options));
    const RawMessage first = world.only();
    CHECK(first.field("Event") == "presence;id=Q7");
    world.reply(first, 200, {"Expires: 600"});
    WatcherWorld::Notify notify;
    notify.event = "presence;id=Q7";
    notify.contact = "<sip:notifier@192.0.2.99:5062>";
    CHECK(world.notify(first, notify) == 200);
    world.pass(seconds{568});
    const RawMessage refresh = world.only();
    CHECK(refresh.request_uri() == "sip:notifier@192.0.2.99:5062");
    CHECK(refresh.field("Call-ID") == first.field("Call-ID"));
    CHECK(refresh.field("From") == first.field("From"));
    CHECK(refresh.field("To") == "<sip:alice@example.com>;tag=server");
    CHECK(cseq_of(refresh) == 2);
    CHECK(refresh.field("Event") == "presence;id=Q7");
    CHECK(refresh.field("Expires") == "600");
    CHECK(refresh.field("Contact") == "<sip:bob@192.0.2.1:5060>");
    CHECK(refresh.field("Via") != first.field("Via"));
}

TEST_CASE(
    "R6665-4.1.2.4-3 R6665-4.4.1-1 R3261-12.1.1-2 D-8: a NOTIFY before the 200 makes the "
    "subscription, and its Record-Route in order is the route set") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    WatcherWorld::Notify notify;
    notify.contact = "<sip:notifier@192.0.2.50>";
    notify.fields = {"Record-Route: <sip:192.0.2.99:5062;lr>, <sip:192.0.2.98;lr>"};
    notify.state = "active;expires=300";
    CHECK(world.notify(sent, notify) == 200);
    CHECK(world.part.state_of(id) == State::active);
    CHECK(world.news().kind == Kind::notified);
    world.reply(sent, 200, {"Expires: 300", "Record-Route: <sip:192.0.2.77;lr>"}, "another-tag");
    CHECK_FALSE(world.news().any);
    world.pass(seconds{268});
    const RawMessage refresh = world.last();
    CHECK(refresh.request_uri() == "sip:notifier@192.0.2.50");
    CHECK(refresh.field("Route") == "<sip:192.0.2.99:5062;lr>, <sip:192.0.2.98;lr>");
    CHECK(tag_of(refresh.field("To")) == "server");
}

TEST_CASE("R6665-4.1.2.4-1 R6665-FSM-5: without a NOTIFY in 64*T1 the subscription has failed") {
    for (const bool answered : {false, true}) {
        WatcherWorld world;
        const auto id = world.subscribe();
        const RawMessage sent = world.only();
        if (answered) {
            world.reply(sent, 200, {"Expires: 3600"});
            CHECK(world.news().kind == Kind::accepted);
        }
        world.pass(milliseconds{31'999});
        CHECK(world.part.state_of(id) == State::notify_wait);
        world.pass(milliseconds{1});
        const auto news = world.news();
        CHECK(news.kind == Kind::ended);
        CHECK(news.status == 408);
        CHECK(news.last);
        CHECK(world.part.size() == 0);
        (void)world.last();
        // R6665-4.1.2.4-2: too late now.
        CHECK(world.notify(sent) == 481);
        world.pass(seconds{7200});
        CHECK(world.silent());
    }
}

TEST_CASE("R6665-4.1.2.4-2: a NOTIFY after Timer N gets 481, one just before it is taken") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    world.reply(sent, 200);
    world.pass(milliseconds{31'999});
    CHECK(world.notify(sent) == 200);
    CHECK(world.part.state_of(id) == State::active);
    world.pass(milliseconds{1});
    CHECK(world.part.state_of(id) == State::active);
}

TEST_CASE("R6665-4.1.2.4-4: until the first NOTIFY nothing is said of the state") {
    WatcherWorld world;
    (void)world.subscribe();
    world.reply(world.only(), 200);
    const auto news = world.news();
    CHECK(news.kind == Kind::accepted);
    CHECK(news.state == SubscriptionStateValue::other);
    CHECK(news.body.empty());
    CHECK_FALSE(world.news().any);
}

TEST_CASE("R6665-4.1.2.2-4: Timer N runs with each refresh, and a NOTIFY or 204 stops it") {
    sip::WatchId id;
    WatcherWorld world;
    (void)world.stand(id, 600);
    world.pass(seconds{568});
    world.reply(world.only(), 200, {"Expires: 600"});
    world.pass(milliseconds{31'999});
    CHECK(world.part.state_of(id) == State::active);
    world.pass(milliseconds{1});
    const auto news = world.news();
    CHECK(news.kind == Kind::waiting);
    CHECK(news.status == 408);
    CHECK(news.retry_after == 0);

    WatcherWorld other;
    const RawMessage sent = other.stand(id, 600);
    other.pass(seconds{568});
    other.reply(other.only(), 200, {"Expires: 600"});
    WatcherWorld::Notify second;
    second.cseq = 2;
    CHECK(other.notify(sent, second) == 200);
    other.pass(seconds{40});
    CHECK(other.part.state_of(id) == State::active);

    WatcherWorld third;
    (void)third.stand(id, 600);
    third.pass(seconds{568});
    third.reply(third.only(), 204, {"Expires: 600"});
    third.pass(seconds{40});
    CHECK(third.part.state_of(id) == State::active);
}

TEST_CASE(
    "R6665-4.1.2.2-2 R5057-5.1-1 R6665-OUR-1: a refresh that is answered 481 and the like ends the "
    "subscription; the next has a new Call-ID and From tag") {
    for (const int status : {404, 410, 416, 480, 481, 482, 483, 484, 485, 604}) {
        CAPTURE(status);
        sip::WatchId id;
        WatcherWorld world;
        const RawMessage first = world.stand(id, 600);
        world.pass(seconds{568});
        world.reply(world.only(), status);
        const auto news = world.news();
        CHECK(news.kind == Kind::waiting);
        CHECK(news.status == status);
        world.pass(seconds{0});
        const RawMessage again = world.only();
        CHECK(again.method() == "SUBSCRIBE");
        CHECK(again.request_uri() == "sip:alice@example.com");
        CHECK(again.field("Call-ID") != first.field("Call-ID"));
        CHECK(tag_of(again.field("From")) != tag_of(first.field("From")));
        CHECK(again.field("To") == "<sip:alice@example.com>");
        CHECK_FALSE(again.has("Route"));
        CHECK(cseq_of(again) == 1);
        CHECK(world.part.state_of(id) == State::notify_wait);
        CHECK(world.notify(first) == 481);
        CHECK(world.notify(again) == 200);
    }
}

TEST_CASE("R6665-4.1.2.2-2 R6665-4.1.2.1-4: 405, 489 and 501 to a refresh end it for good") {
    for (const int status : {405, 489, 501}) {
        sip::WatchId id;
        WatcherWorld world;
        (void)world.stand(id, 600);
        world.pass(seconds{568});
        world.reply(world.only(), status);
        const auto news = world.news();
        CHECK(news.kind == Kind::ended);
        CHECK(news.status == status);
        world.pass(seconds{3600});
        CHECK(world.silent());
    }
}

TEST_CASE("R6665-4.1.2.2-3: a refresh that fails otherwise leaves it until its last expiry") {
    for (const int status : {400, 403, 406, 408, 415, 486, 500, 503, 513, 600, 603, 699}) {
        CAPTURE(status);
        sip::WatchId id;
        WatcherWorld world;
        const RawMessage sent = world.stand(id, 600);
        world.pass(seconds{568});
        world.reply(world.only(), status, {"Retry-After: 100"});
        CHECK_FALSE(world.news().any);
        world.pass(milliseconds{31'999});
        CHECK(world.part.state_of(id) == State::active);
        WatcherWorld::Notify second;
        second.cseq = 2;
        second.state = "active";
        CHECK(world.notify(sent, second) == 200);
        CHECK(world.news().kind == Kind::notified);
        world.pass(milliseconds{1});
        CHECK(world.news().kind == Kind::waiting);
    }
}

TEST_CASE("R3261-8.1.3.5-2: a failed refresh is tried again, not before Retry-After") {
    sip::WatchId id;
    WatcherWorld world;
    (void)world.stand(id, 600);
    world.pass(seconds{568});
    world.reply(world.only(), 500, {"Retry-After: 7"});
    world.pass(milliseconds{6'999});
    CHECK(world.silent());
    world.pass(milliseconds{1});
    world.reply(world.only(), 500);
    world.pass(milliseconds{1'999});
    CHECK(world.silent());
    world.pass(milliseconds{1});
    world.reply(world.only(), 200, {"Expires: 600"});
    CHECK(world.part.state_of(id) == State::active);
}

TEST_CASE("R3261-12.2.1.2-1: a refresh that nobody answers ends the subscription") {
    sip::WatchId id;
    WatcherWorld world;
    (void)world.stand(id);
    CHECK(world.part.refresh(world.raw.now, id));
    world.pass(milliseconds{31'999});
    CHECK(world.part.state_of(id) == State::active);
    world.pass(milliseconds{1});
    const auto news = world.news();
    CHECK(news.kind == Kind::waiting);
    CHECK(news.status == 408);
    (void)world.last();
    // Nobody is there for the new one either: further apart each time, never given up.
    for (const unsigned delay : {1U, 2U, 4U}) {
        world.pass(seconds{32});
        const auto next = world.news();
        CHECK(next.kind == Kind::waiting);
        CHECK(next.retry_after == delay);
        world.pass(seconds{delay});
    }
    CHECK(world.part.state_of(id) == State::notify_wait);
}

TEST_CASE("R6665-4.1.2.3-1 R6665-FSM-5: unsubscribing lives until the NOTIFY that ends it") {
    for (const bool with_body : {false, true}) {
        sip::WatchId id;
        WatcherWorld world;
        const RawMessage sent = world.stand(id);
        CHECK(world.part.unsubscribe(world.raw.now, id));
        const RawMessage leave = world.only();
        CHECK(leave.field("Expires") == "0");
        CHECK(tag_of(leave.field("To")) == "server");
        CHECK(cseq_of(leave) == 2);
        world.reply(leave, 200, {"Expires: 0"});
        CHECK_FALSE(world.news().any);
        CHECK(world.part.state_of(id) == State::leaving);
        WatcherWorld::Notify last;
        last.cseq = 2;
        last.state = "terminated;reason=timeout";
        if (!with_body) last.body.clear();
        CHECK(world.notify(sent, last) == 200);
        const auto notified = world.news();
        CHECK(notified.state == SubscriptionStateValue::terminated);
        CHECK(notified.has_document == with_body);
        const auto news = world.news();
        CHECK(news.kind == Kind::ended);
        CHECK(news.reason == TerminationReason::timeout);
        CHECK(news.status == 0);
        CHECK(news.last);
        CHECK(world.part.size() == 0);
        CHECK_FALSE(world.part.unsubscribe(world.raw.now, id));
        CHECK(world.silent());
    }
}

TEST_CASE("R6665-4.1.2.3-1: an unsubscribe that no NOTIFY follows ends with Timer N") {
    sip::WatchId id;
    WatcherWorld world;
    const RawMessage sent = world.stand(id);
    (void)world.part.unsubscribe(world.raw.now, id);
    world.reply(world.only(), 200);
    // A NOTIFY of a change that crossed it is taken, and is not the end.
    WatcherWorld::Notify crossing;
    crossing.cseq = 2;
    CHECK(world.notify(sent, crossing) == 200);
    CHECK(world.news().kind == Kind::notified);
    CHECK(world.silent());
    world.pass(seconds{32});
    CHECK(world.news().kind == Kind::ended);
    CHECK(world.part.size() == 0);
}

TEST_CASE("unsubscribing before the first NOTIFY waits for the dialog, then leaves it") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    world.reply(sent, 200, {"Expires: 50"});
    CHECK(world.part.unsubscribe(world.raw.now, id));
    CHECK(world.silent());
    world.pass(seconds{25});
    CHECK(world.silent());
    CHECK(world.notify(sent) == 200);
    const RawMessage leave = world.only();
    CHECK(leave.field("Expires") == "0");
    CHECK(tag_of(leave.field("To")) == "server");
    world.reply(leave, 481);
    world.forget_news();
    CHECK(world.part.size() == 0);
}

TEST_CASE("R6665-4.6-1: nothing is ever cancelled") {
    WatcherWorld world;
    const auto id = world.subscribe();
    (void)world.part.unsubscribe(world.raw.now, id);
    world.pass(seconds{100});
    while (const auto message = world.raw.take()) CHECK(message.method() == "SUBSCRIBE");
}

TEST_CASE(
    "R6665-4.4.3-1 R6665-4.4.1-2: a fetch has Expires 0, and the NOTIFY that is terminated from "
    "its start is passed on and makes no usage") {
    WatcherWorld world;
    const auto id = world.subscribe(world.options(0));
    const RawMessage sent = world.only();
    CHECK(sent.field("Expires") == "0");
    CHECK(sent.field("To") == "<sip:alice@example.com>");
    world.reply(sent, 200, {"Expires: 0"});
    WatcherWorld::Notify only;
    only.state = "terminated;reason=timeout";
    only.contact.clear();
    CHECK(world.notify(sent, only) == 200);
    const auto notified = world.news();
    CHECK(notified.kind == Kind::notified);
    CHECK(notified.body == "<presence/>");
    const auto ended = world.news();
    CHECK(ended.kind == Kind::ended);
    CHECK(ended.reason == TerminationReason::timeout);
    CHECK(ended.status == 0);
    CHECK(world.part.size() == 0);
    CHECK_FALSE(world.part.state_of(id));
    only.cseq = 2;
    CHECK(world.notify(sent, only) == 481);
    world.pass(seconds{100});
    CHECK(world.silent());
}

TEST_CASE("R3265-3.2.2-1: a fetch whose NOTIFY is active ends in silence, at Timer N at last") {
    WatcherWorld world;
    (void)world.subscribe(world.options(0));
    const RawMessage sent = world.only();
    world.reply(sent, 202);
    CHECK(world.notify(sent) == 200);
    CHECK(world.news().kind == Kind::notified);
    CHECK(world.silent());
    world.pass(seconds{32});
    CHECK(world.news().kind == Kind::ended);
    CHECK(world.silent());
}

TEST_CASE("R6665-4.1.3-1: a NOTIFY of no subscription of ours gets 481") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id);
    const auto status_of = [&](auto change) {
        WatcherWorld::Notify given;
        given.cseq = 5;
        RawRequest request = world.request_of(sent, given);
        change(request);
        world.raw.input(world.raw.text_of(request));
        const RawMessage answer = world.raw.take("");
        return answer.status();
    };
    CHECK(status_of([](RawRequest& r) { r.call_id = "other"; }) == 481);
    CHECK(status_of([](RawRequest& r) { r.call_id.back() ^= 1; }) == 481);
    CHECK(status_of([](RawRequest& r) { r.to = "<sip:bob@example.com>;tag=other"; }) == 481);
    CHECK(status_of([](RawRequest& r) { r.to = "<sip:bob@example.com>"; }) == 481);
    CHECK(status_of([](RawRequest& r) { r.fields[0] = "Event: presence;id=1"; }) == 481);
    CHECK(status_of([](RawRequest& r) { r.fields[0] = "Event: gossip"; }) == 481);
    CHECK_FALSE(world.news().any);
    CHECK(status_of([](RawRequest& r) { r.fields[0] = "o: PRESENCE;x=y"; }) == 200);
}

TEST_CASE("R6665-4.1.3-1: an event id is compared byte by byte") {
    WatcherWorld world;
    auto options = world.options();
    options.event_id = "Ab";
    (void)world.subscribe(options);
    const RawMessage sent = world.only();
    WatcherWorld::Notify given;
    for (const auto& [event, status] :
         {std::pair{"presence", 481}, {"presence;id=ab", 481}, {"presence;id=Ab", 200}}) {
        given.event = event;
        CHECK(world.notify(sent, given) == status);
    }
}

TEST_CASE("R6665-4.1.3-2: no Event or an unknown package is 489, no Subscription-State is 400") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id);
    WatcherWorld::Notify given;
    given.cseq = 2;
    given.event.clear();
    CHECK(world.notify(sent, given) == 489);
    CHECK(world.last_answer.field("Allow-Events") == "presence, gossip");
    given.event = "presence.winfo";
    CHECK(world.notify(sent, given) == 489);
    given.event = "presence";
    given.state.clear();
    CHECK(world.notify(sent, given) == 400);
    given.state = ";;";
    CHECK(world.notify(sent, given) == 400);
    CHECK_FALSE(world.news().any);
    // Nothing of it counted: the same CSeq is still good.
    given.state = "active";
    CHECK(world.notify(sent, given) == 200);
}

TEST_CASE("R6665-4.1.3-4 R3265-3.2.2-1: the time that a NOTIFY tells may only shorten") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id, 600);
    WatcherWorld::Notify given;
    given.cseq = 2;
    given.state = "active;expires=5000";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().expires == 600);
    given.cseq = 3;
    given.state = "active";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().expires == 600);
    given.cseq = 4;
    given.state = "active;expires=100";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().expires == 100);
    world.pass(seconds{67});
    CHECK(world.silent());
    world.pass(seconds{1});
    CHECK(world.only().method() == "SUBSCRIBE");
}

TEST_CASE("a NOTIFY's time counts when the 2xx comes behind it, too") {
    WatcherWorld world;
    (void)world.subscribe();
    const RawMessage sent = world.only();
    WatcherWorld::Notify given;
    given.state = "active;expires=90";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().expires == 90);
    world.reply(sent, 200, {"Expires: 3600"});
    world.pass(seconds{58});
    CHECK(world.only().method() == "SUBSCRIBE");
}

TEST_CASE("NOTIFYs that count down do not put the refresh off") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id, 100);
    WatcherWorld::Notify given;
    for (unsigned second = 1; second < 68; ++second) {
        world.pass(seconds{1});
        given.cseq = 1 + second;
        given.state = "active;expires=" + std::to_string(100 - second);
        CHECK(world.notify(sent, given) == 200);
        CHECK(world.silent());
    }
    world.pass(seconds{1});
    CHECK(world.only().method() == "SUBSCRIBE");
}

TEST_CASE("R6665-4.1.3-5 R6665-FSM-5: pending and active follow one another as the NOTIFYs say") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    world.reply(sent, 200);
    world.forget_news();
    WatcherWorld::Notify given;
    unsigned cseq = 0;
    for (const auto& [state, value, expected] :
         {std::tuple{"pending;expires=3600", SubscriptionStateValue::pending, State::pending},
          {"active;expires=3600", SubscriptionStateValue::active, State::active},
          {"pending", SubscriptionStateValue::pending, State::pending},
          {"ACTIVE", SubscriptionStateValue::active, State::active}}) {
        given.cseq = ++cseq;
        given.state = state;
        CHECK(world.notify(sent, given) == 200);
        CHECK(world.news().state == value);
        CHECK(world.part.state_of(id) == expected);
    }
}

TEST_CASE("R6665-4.1.3-14: a state nobody knows keeps the subscription") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    world.reply(sent, 200);
    world.forget_news();
    WatcherWorld::Notify given;
    given.state = "dormant;expires=3600";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().state == SubscriptionStateValue::other);
    CHECK(world.part.state_of(id) == State::pending);
    given.cseq = 2;
    given.state = "active";
    CHECK(world.notify(sent, given) == 200);
    given.cseq = 3;
    given.state = "dormant";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.part.state_of(id) == State::active);
}

namespace {

/// A subscription that its notifier ends with `state`: what is told, and when the next SUBSCRIBE
/// goes out.
struct AfterEnd {
    WatcherWorld world;
    RawMessage first;
    WatcherWorld::News news;

    explicit AfterEnd(const std::string& state) {
        sip::WatchId id;
        first = world.stand(id);
        WatcherWorld::Notify given;
        given.cseq = 2;
        given.state = state;
        CHECK(world.notify(first, given) == 200);
        CHECK(world.news().kind == Kind::notified);
        news = world.news();
    }
    /// Seconds until the next SUBSCRIBE; -1: none within a day.
    int delay() {
        for (int second = 0; second <= 86'400; second += second < 400 ? 1 : 1000) {
            const RawMessage sent = world.only();
            if (sent) {
                CHECK(sent.field("Call-ID") != first.field("Call-ID"));
                return second;
            }
            world.pass(seconds{second < 400 ? 1 : 1000});
        }
        return -1;
    }
};

}  // namespace

TEST_CASE(
    "R6665-4.1.3-6 R6665-4.1.3-9 R6665-4.1.3-15 R6665-4.4.2-1: deactivated and timeout are tried "
    "again at once, whatever retry-after says") {
    for (const char* state :
         {"terminated;reason=deactivated", "terminated;reason=deactivated;retry-after=50",
          "terminated;reason=timeout", "terminated;reason=timeout;retry-after=50;expires=9"}) {
        AfterEnd after(state);
        CHECK(after.news.kind == Kind::waiting);
        CHECK(after.news.retry_after == 0);
        after.world.pass(seconds{0});
        CHECK(after.delay() == 0);
    }
}

TEST_CASE("R6665-4.1.3-7 R6665-4.1.3-10: probation and giveup are tried again after retry-after") {
    for (const char* reason : {"probation", "giveup"}) {
        AfterEnd after("terminated;reason=" + std::string(reason) + ";retry-after=77");
        CHECK(after.news.kind == Kind::waiting);
        CHECK(after.news.retry_after == 77);
        CHECK(after.delay() == 77);
        AfterEnd without("terminated;reason=" + std::string(reason));
        CHECK(without.delay() == 30);
    }
}

TEST_CASE(
    "R6665-4.1.3-8 R6665-4.1.3-11 R6665-4.1.3-15: rejected, noresource and invariant are never "
    "tried again") {
    for (const char* reason : {"rejected", "noresource", "invariant"}) {
        AfterEnd after("terminated;retry-after=5;reason=" + std::string(reason));
        CHECK(after.news.kind == Kind::ended);
        CHECK(after.news.last);
        CHECK(after.delay() == -1);
        CHECK(after.world.part.size() == 0);
    }
}

TEST_CASE("R6665-4.1.3-12 R6665-4.1.3-15: no reason and unknown ones wait for retry-after alone") {
    for (const char* reason : {"", ";reason=expired", ";reason=because"}) {
        AfterEnd after("terminated;retry-after=9" + std::string(reason));
        CHECK(after.news.kind == Kind::waiting);
        CHECK(after.delay() == 9);
        AfterEnd without("terminated" + std::string(reason));
        without.world.pass(seconds{0});
        CHECK(without.delay() == 0);
    }
}

TEST_CASE("a notifier that ends each subscription at once is asked ever less often") {
    WatcherWorld world;
    sip::WatchId id;
    RawMessage sent = world.stand(id);
    WatcherWorld::Notify given;
    given.cseq = 2;
    given.state = "terminated;reason=deactivated";
    for (const unsigned delay : {0U, 1U, 2U, 4U, 8U, 16U, 32U, 60U, 60U, 60U}) {
        CHECK(world.notify(sent, given) == 200);
        (void)world.news();
        const auto news = world.news();
        CHECK(news.kind == Kind::waiting);
        CHECK(news.retry_after == delay);
        if (delay > 0) {
            world.pass(seconds{delay} - milliseconds{1});
            CHECK(world.silent());
            world.pass(milliseconds{1});
        } else {
            world.pass(seconds{0});
        }
        sent = world.only();
        REQUIRE(sent);
        world.reply(sent, 200);
        (void)world.news();
        given.cseq = 1;
    }
    // One that lasted begins anew.
    CHECK(world.notify(sent) == 200);
    world.pass(seconds{60});
    world.forget_news();
    given.cseq = 2;
    CHECK(world.notify(sent, given) == 200);
    (void)world.news();
    CHECK(world.news().retry_after == 0);
}

TEST_CASE("a subscription that waits for its next try can be left") {
    AfterEnd after("terminated;reason=probation;retry-after=100");
    sip::WatchId id;
    WatcherWorld& world = after.world;
    // The one watch there is.
    id = {{0, 1}};
    REQUIRE(world.part.state_of(id) == State::waiting);
    CHECK_FALSE(world.part.refresh(world.raw.now, id));
    CHECK(world.part.unsubscribe(world.raw.now, id));
    const auto news = world.news();
    CHECK(news.kind == Kind::ended);
    CHECK(news.last);
    CHECK(after.delay() == -1);
}

TEST_CASE("a subscription that runs out without a refresh is made anew") {
    WatcherWorld world;
    sip::WatchId id;
    (void)world.stand(id, 40);
    world.pass(seconds{20});
    world.reply(world.only(), 500, {"Retry-After: 100"});
    world.pass(seconds{20});
    const auto news = world.news();
    CHECK(news.kind == Kind::waiting);
    CHECK(news.status == 0);
    CHECK(news.reason == TerminationReason::timeout);
    CHECK(cseq_of(world.only()) == 1);
}

TEST_CASE("R6665-4.1.3-1 R3856-6.8-1 R3261-12.2.2-1: an older CSeq never overwrites") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id);
    WatcherWorld::Notify given;
    given.cseq = 10;
    given.body = "<ten/>";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().body == "<ten/>");
    given.cseq = 9;
    given.body = "<nine/>";
    CHECK(world.notify(sent, given) == 500);
    given.cseq = 10;
    CHECK(world.notify(sent, given) == 500);
    given.cseq = 8;
    given.state = "terminated;reason=rejected";
    CHECK(world.notify(sent, given) == 500);
    CHECK_FALSE(world.news().any);
    CHECK(world.part.state_of(id) == State::active);
    given.cseq = 20;
    given.body = "<twenty/>";
    given.state = "active";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().body == "<twenty/>");
}

TEST_CASE("a NOTIFY that comes twice is answered twice and told once") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id);
    WatcherWorld::Notify given;
    given.cseq = 2;
    given.branch = "z9hG4bKsame";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().any);
    CHECK_FALSE(world.news().any);
    given.cseq = 3;
    given.state = "terminated;reason=rejected";
    given.branch = "z9hG4bKlast";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.part.size() == 0);
    CHECK(world.notify(sent, given) == 200);
}

TEST_CASE("R3856-6.8-2 R3856-6.8-3: each document replaces the former, no document leaves it") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id);
    WatcherWorld::Notify given;
    given.cseq = 2;
    given.body = "<two/>";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().body == "<two/>");
    given.cseq = 3;
    given.body.clear();
    CHECK(world.notify(sent, given) == 200);
    auto news = world.news();
    CHECK(news.body == "<two/>");
    CHECK(news.type == "application/pidf+xml");
    CHECK_FALSE(news.has_document);
    given.cseq = 4;
    given.body = "<four/>";
    CHECK(world.notify(sent, given) == 200);
    news = world.news();
    CHECK(news.body == "<four/>");
    CHECK(news.has_document);
}

TEST_CASE("R3261-8.2.3-1: a body that was not asked for is 415, with what is") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id);
    WatcherWorld::Notify given;
    given.cseq = 2;
    given.type = "text/plain";
    CHECK(world.notify(sent, given) == 415);
    CHECK(world.last_answer.field("Accept") == "application/pidf+xml");
    CHECK_FALSE(world.last_answer.has("Accept-Encoding"));
    given.type = "APPLICATION/pidf+xml;charset=UTF-8";
    given.fields = {"Content-Encoding: gzip"};
    CHECK(world.notify(sent, given) == 415);
    CHECK(world.last_answer.field("Accept-Encoding") == "identity");
    CHECK_FALSE(world.last_answer.has("Accept"));
    CHECK_FALSE(world.news().any);
    given.fields.clear();
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().has_document);
}

TEST_CASE(
    "R3856-6.9-1 R6665-4.1.4-1 D-2: of several forks the first NOTIFY wins, the others get 481") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    WatcherWorld::Notify given;
    given.tag = "fork-a";
    given.body = "<a/>";
    CHECK(world.notify(sent, given) == 200);
    given.tag = "fork-b";
    given.body = "<b/>";
    CHECK(world.notify(sent, given) == 481);
    world.reply(sent, 200, {"Expires: 3600"}, "fork-b");
    given.cseq = 2;
    CHECK(world.notify(sent, given) == 481);
    CHECK(world.news().body == "<a/>");
    CHECK_FALSE(world.news().any);
    CHECK(world.part.refresh(world.raw.now, id));
    CHECK(tag_of(world.only().field("To")) == "fork-a");
}

TEST_CASE("D-2 D-8: the 2xx names the one dialog when it comes first") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    world.reply(sent, 200, {"Expires: 3600"}, "fork-b");
    WatcherWorld::Notify given;
    given.tag = "fork-a";
    CHECK(world.notify(sent, given) == 481);
    CHECK(world.part.state_of(id) == State::notify_wait);
    given.tag = "fork-b";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.part.state_of(id) == State::active);
}

TEST_CASE("D-2 R6665-4.1.4-1: a package that merges takes every fork until Timer N") {
    WatcherWorld world;
    const auto id = world.subscribe(world.options(3600, "gossip"));
    const RawMessage sent = world.only();
    WatcherWorld::Notify given;
    given.event = "gossip";
    given.tag = "fork-a";
    CHECK(world.notify(sent, given) == 200);
    const auto a = world.news();
    world.reply(sent, 200, {"Expires: 3600"}, "fork-b");
    given.tag = "fork-b";
    given.body = "<b/>";
    CHECK(world.notify(sent, given) == 200);
    const auto b = world.news();
    CHECK(a.fork != b.fork);
    CHECK(b.body == "<b/>");
    // Each has its own order.
    given.cseq = 2;
    CHECK(world.notify(sent, given) == 200);
    given.tag = "fork-a";
    CHECK(world.notify(sent, given) == 200);
    world.forget_news();
    world.pass(seconds{32});
    given.tag = "fork-c";
    given.cseq = 1;
    CHECK(world.notify(sent, given) == 481);
    // Both are refreshed, each in its dialog.
    CHECK(world.part.refresh(world.raw.now, id));
    world.raw.drain();
    const RawMessage one = world.raw.take(), two = world.raw.take();
    CHECK(tag_of(one.field("To")) != tag_of(two.field("To")));
    CHECK(cseq_of(one) == 2);
    CHECK(cseq_of(two) == 2);
    // One that ends leaves the other; the last is made anew.
    given.tag = "fork-a";
    given.cseq = 3;
    given.state = "terminated;reason=deactivated";
    CHECK(world.notify(sent, given) == 200);
    (void)world.news();
    const auto ended = world.news();
    CHECK(ended.kind == Kind::ended);
    CHECK_FALSE(ended.last);
    CHECK(ended.fork == a.fork);
    given.tag = "fork-b";
    CHECK(world.notify(sent, given) == 200);
    (void)world.news();
    CHECK(world.news().kind == Kind::waiting);
    world.pass(seconds{0});
    CHECK(cseq_of(world.last()) == 1);
}

TEST_CASE("more forks than are kept get 481, and a fork that cannot be made leaves nothing") {
    WatcherWorld world;
    (void)world.subscribe(world.options(3600, "gossip"));
    const RawMessage sent = world.only();
    WatcherWorld::Notify given;
    given.event = "gossip";
    for (int fork = 0; fork < 8; ++fork) {
        given.tag = "fork-" + std::to_string(fork);
        CHECK(world.notify(sent, given) == 200);
        if (fork == 0) {
            WatcherWorld::Notify bad = given;
            bad.tag = "bad";
            bad.contact.clear();
            CHECK(world.notify(sent, bad) == 400);
        }
    }
    given.tag = "fork-8";
    CHECK(world.notify(sent, given) == 481);
}

TEST_CASE("R3261-12.2.1.1-3: the Contact of a NOTIFY moves the remote target, never the route") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    world.reply(sent, 200);
    WatcherWorld::Notify given;
    given.fields = {"Record-Route: <sip:192.0.2.99:5062;lr>"};
    CHECK(world.notify(sent, given) == 200);
    given.cseq = 2;
    given.fields = {"Record-Route: <sip:192.0.2.66;lr>"};
    given.contact = "<sip:moved@192.0.2.44>";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.part.refresh(world.raw.now, id));
    const RawMessage refresh = world.only();
    CHECK(refresh.request_uri() == "sip:moved@192.0.2.44");
    CHECK(refresh.field("Route") == "<sip:192.0.2.99:5062;lr>");
}

TEST_CASE("a first NOTIFY without a Contact is 400 and makes no dialog") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    WatcherWorld::Notify given;
    given.contact.clear();
    CHECK(world.notify(sent, given) == 400);
    CHECK(world.part.state_of(id) == State::notify_wait);
    given.contact = "<sip:a@192.0.2.99>, <sip:b@192.0.2.99>";
    CHECK(world.notify(sent, given) == 400);
    CHECK(world.notify(sent) == 200);
}
