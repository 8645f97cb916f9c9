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
    for (const auto& row :
         {std::array{"Expires: 1000", "1000", "968"}, std::array{"Expires: 9999", "3600", "3568"},
          std::array{"Expires: 50", "50", "25"}, std::array{"Subject: none", "3600", "3568"},
          std::array{"Expires: x", "3600", "3568"}}) {
        const std::string granted = row[0], left = row[1], refresh = row[2];
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

TEST_CASE(
    "R6665-4.1.2.1-4 R3261-8.1.3.2-1 R6665-FSM-5: a first SUBSCRIBE that is refused makes no "
    "subscription, and is not repeated") {
    for (const int status : {300, 302, 399, 400, 401, 403, 404, 407, 408, 413, 415, 416, 420,
                             480, 481, 486, 489, 499, 500, 501, 503, 599, 600, 603, 606, 699}) {
        CAPTURE(status);
        WatcherWorld world;
        REQUIRE(world.subscribe());
        const RawMessage sent = world.only();
        world.reply(sent, status, {"Contact: <sip:alice@example.com>", world.challenge("n")});
        const auto news = world.news();
        CHECK(news.kind == Kind::ended);
        CHECK(news.status == status);
        CHECK(news.phrase == "Said");
        CHECK(news.last);
        CHECK(world.part.size() == 0);
        CHECK(world.notify(sent) == 481);
        world.pass(seconds{7200});
        CHECK(world.silent());
    }
}

TEST_CASE("R3261-8.1.3.5-2: a first SUBSCRIBE is sent again after the Retry-After of a 503") {
    for (const int status : {480, 500, 503}) {
        WatcherWorld world;
        const auto id = world.subscribe();
        const RawMessage sent = world.only();
        world.reply(sent, status, {"Retry-After: 40 (soon);duration=9"});
        const auto news = world.news();
        CHECK(news.kind == Kind::waiting);
        CHECK(news.status == status);
        CHECK(news.retry_after == 40);
        CHECK(world.part.state_of(id) == State::waiting);
        world.pass(milliseconds{39'999});
        CHECK(world.silent());
        world.pass(milliseconds{1});
        const RawMessage again = world.only();
        CHECK(again.field("Call-ID") != sent.field("Call-ID"));
        CHECK(world.notify(again) == 200);
    }
}

TEST_CASE("a Retry-After of more than a lifetime is no trouble") {
    WatcherWorld world;
    (void)world.subscribe();
    world.reply(world.only(), 503, {"Retry-After: 4294967295"});
    CHECK(world.news().retry_after == 4'294'967'295U);
    world.pass(seconds{86'400});
    CHECK(world.silent());
}

TEST_CASE("R6665-4.1.2.1-4: 423 is tried once more, with Min-Expires") {
    WatcherWorld world;
    const auto id = world.subscribe(world.options(10));
    const RawMessage first = world.only();
    world.reply(first, 423, {"Min-Expires: 120"});
    const RawMessage second = world.only();
    CHECK(second.field("Expires") == "120");
    CHECK(second.field("Call-ID") == first.field("Call-ID"));
    CHECK(second.field("From") == first.field("From"));
    CHECK(cseq_of(second) == 2);
    world.reply(second, 200, {"Expires: 120"});
    CHECK(world.notify(second) == 200);
    CHECK(world.part.state_of(id) == State::active);
    world.pass(seconds{88});
    CHECK(world.only().field("Expires") == "120");

    WatcherWorld other;
    (void)other.subscribe(other.options(10));
    other.reply(other.only(), 423, {"Min-Expires: 120"});
    other.reply(other.only(), 423, {"Min-Expires: 240"});
    CHECK(other.news().status == 423);
    CHECK(other.silent());

    // Nothing longer is asked for, or nothing at all: that would be the same again.
    for (const char* least : {"Min-Expires: 10", "Min-Expires: 9", "Min-Expires: soon", "X: y"}) {
        WatcherWorld third;
        (void)third.subscribe(third.options(10));
        third.reply(third.only(), 423, {least});
        CHECK(third.news().kind == Kind::ended);
        CHECK(third.silent());
    }
}

TEST_CASE(
    "R6665-4.1.2.1-4 R3261-8.1.3.5-1 R3261-22.2-2: a challenged SUBSCRIBE is sent again with "
    "credentials, and later ones bear them from the start") {
    for (const int status : {401, 407}) {
        WatcherWorld world;
        auto options = world.options(600);
        options.peer.credentials = world.credentials();
        (void)world.subscribe(options);
        const RawMessage first = world.only();
        const std::string asked = status == 401 ? "WWW-Authenticate" : "Proxy-Authenticate";
        const std::string answer = status == 401 ? "Authorization" : "Proxy-Authorization";
        const std::string challenge = world.challenge("n1");
        world.reply(first, status, {asked + challenge.substr(challenge.find(':'))});
        const RawMessage second = world.only();
        CHECK(second.field(answer).find("username=\"bob\"") != std::string::npos);
        CHECK(second.field(answer).find("uri=\"sip:alice@example.com\"") != std::string::npos);
        CHECK(second.field("Call-ID") == first.field("Call-ID"));
        CHECK(second.field("From") == first.field("From"));
        CHECK(second.field("To") == first.field("To"));
        CHECK(cseq_of(second) == 2);
        CHECK(second.field("Via") != first.field("Via"));
        world.reply(second, 200, {"Expires: 600"});
        CHECK(world.notify(second) == 200);
        world.pass(seconds{568});
        const RawMessage refresh = world.only();
        CHECK(refresh.field(answer).find("nc=00000002") != std::string::npos);
        CHECK(refresh.field(answer).find("uri=\"sip:192.0.2.99:5062\"") != std::string::npos);
        // Its nonce ran out meanwhile: answered again, in the dialog.
        const std::string stale = world.challenge("n2", true);
        world.reply(refresh, status, {asked + stale.substr(stale.find(':'))});
        const RawMessage signed_anew = world.only();
        CHECK(signed_anew.field(answer).find("nonce=\"n2\"") != std::string::npos);
        CHECK(tag_of(signed_anew.field("To")) == "server");
        CHECK(cseq_of(signed_anew) == 4);
    }
}

TEST_CASE("R3261-22.2-1: credentials that were refused are not sent again") {
    WatcherWorld world;
    auto options = world.options();
    options.peer.credentials = world.credentials();
    (void)world.subscribe(options);
    world.reply(world.only(), 401, {world.challenge("n1")});
    world.reply(world.only(), 401, {world.challenge("n2")});
    CHECK(world.news().status == 401);
    CHECK(world.silent());
}

TEST_CASE("R6665-4.4.3-1: a second fetch is signed from the start") {
    WatcherWorld world;
    auto options = world.options(0);
    options.peer.credentials = world.credentials();
    (void)world.subscribe(options);
    world.reply(world.only(), 401, {world.challenge("n1")});
    const RawMessage second = world.only();
    CHECK(second.field("Expires") == "0");
    world.reply(second, 200);
    WatcherWorld::Notify only;
    only.state = "terminated;reason=timeout";
    CHECK(world.notify(second, only) == 200);
    (void)world.subscribe(options);
    const RawMessage next = world.only();
    CHECK(next.field("Authorization").find("nonce=\"n1\"") != std::string::npos);
    CHECK(next.field("Call-ID") != second.field("Call-ID"));
}

TEST_CASE("a fetch that is refused says so") {
    WatcherWorld world;
    (void)world.subscribe(world.options(0));
    world.reply(world.only(), 403);
    const auto news = world.news();
    CHECK(news.kind == Kind::ended);
    CHECK(news.status == 403);
}

TEST_CASE("provisional, doubled and late responses change nothing") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    world.reply(sent, 100, {}, "");
    world.reply(sent, 183);
    CHECK_FALSE(world.news().any);
    world.reply(sent, 200, {"Expires: 3600"});
    world.reply(sent, 200, {"Expires: 10"});
    world.reply(sent, 403);
    CHECK(world.news().kind == Kind::accepted);
    CHECK_FALSE(world.news().any);
    CHECK(world.notify(sent) == 200);
    CHECK(world.news().expires == 3600);
    world.reply(sent, 481);
    CHECK(world.part.state_of(id) == State::active);
}

TEST_CASE("a SUBSCRIBE that gets lost is sent again as it was") {
    WatcherWorld world;
    (void)world.subscribe();
    const RawMessage sent = world.only();
    world.pass(milliseconds{500});
    CHECK(world.only().text == sent.text);
    world.reply(sent, 200);
    world.pass(seconds{10});
    CHECK(world.silent());
}

TEST_CASE("a refusal that comes behind a NOTIFY is judged as one of a refresh") {
    WatcherWorld world;
    const auto id = world.subscribe();
    RawMessage sent = world.only();
    CHECK(world.notify(sent) == 200);
    world.reply(sent, 500);
    CHECK(world.part.state_of(id) == State::active);

    WatcherWorld other;
    const auto gone = other.subscribe();
    sent = other.only();
    CHECK(other.notify(sent) == 200);
    other.reply(sent, 481);
    CHECK(other.part.state_of(gone) == State::notify_wait);
    CHECK(other.only().field("Call-ID") != sent.field("Call-ID"));
}

TEST_CASE("a refresh asked for goes at once, one at a time") {
    WatcherWorld world;
    sip::WatchId id;
    (void)world.stand(id);
    CHECK(world.part.refresh(world.raw.now, id));
    const RawMessage sent = world.only();
    CHECK(sent.field("Expires") == "3600");
    CHECK_FALSE(world.part.refresh(world.raw.now, id));
    world.reply(sent, 200);
    CHECK(world.part.refresh(world.raw.now, id));
    CHECK_FALSE(world.part.refresh(world.raw.now, sip::WatchId{}));
    CHECK_FALSE(world.part.unsubscribe(world.raw.now, sip::WatchId{}));
}

TEST_CASE("an unsubscribe takes over from a refresh that is on its way") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id);
    (void)world.part.refresh(world.raw.now, id);
    const RawMessage refresh = world.only();
    CHECK(world.part.unsubscribe(world.raw.now, id));
    const RawMessage leave = world.only();
    CHECK(leave.field("Expires") == "0");
    CHECK(cseq_of(leave) == cseq_of(refresh) + 1);
    world.reply(refresh, 200, {"Expires: 3600"});
    CHECK(world.part.state_of(id) == State::leaving);
    world.reply(leave, 200);
    WatcherWorld::Notify last;
    last.cseq = 2;
    last.state = "terminated;reason=timeout";
    CHECK(world.notify(sent, last) == 200);
    CHECK(world.part.size() == 0);
    world.pass(seconds{7200});
    CHECK(world.silent());
}

TEST_CASE("R3261-19.3-1 R3261-8.1.1.3-1: no two subscriptions share a tag, Call-ID or branch") {
    WatcherWorld world;
    (void)world.subscribe();
    (void)world.subscribe();
    const RawMessage one = world.raw.take(), two = world.raw.take();
    CHECK(one.field("Call-ID") != two.field("Call-ID"));
    CHECK(tag_of(one.field("From")) != tag_of(two.field("From")));
    CHECK(one.field("Via") != two.field("Via"));
    CHECK(world.notify(two) == 200);
    CHECK(world.notify(one) == 200);
}

TEST_CASE("what cannot be subscribed to is said at once, and nothing is sent") {
    WatcherWorld world;
    const auto refused = [&](auto change) {
        auto options = world.options();
        change(options);
        return world.part.subscribe(world.raw.now, options).has_value();
    };
    CHECK_FALSE(refused([](auto& o) { o.event = "dialog"; }));
    CHECK_FALSE(refused([](auto& o) { o.event_id = "a b"; }));
    CHECK_FALSE(refused([](auto& o) { o.peer.uri = "alice"; }));
    CHECK_FALSE(refused([](auto& o) { o.peer.uri = "sip:a@b\r\nX: y"; }));
    CHECK_FALSE(refused([](auto& o) { o.peer.from = "bob"; }));
    CHECK_FALSE(refused([](auto& o) { o.peer.to = "<sip:a@b>"; }));
    // No next hop, and a name in the Request-URI that exists nowhere.
    CHECK_FALSE(refused([](auto& o) {
        o.peer.next_hop = {};
        o.peer.uri = "sip:alice@nowhere.invalid";
    }));
    // An address family that no socket has.
    CHECK_FALSE(refused([](auto& o) { o.peer.next_hop.remote.address.bytes[10] = 0; }));
    CHECK(world.part.size() == 0);
    CHECK(world.silent());
}

TEST_CASE("R3261-8.1.2-1: without a next hop the Request-URI says where it goes") {
    WatcherWorld world;
    auto options = world.options();
    options.peer.uri = "sip:alice@192.0.2.7:5070";
    options.peer.next_hop = {};
    REQUIRE(world.subscribe(options));
    CHECK(world.only().to == sip::Endpoint{sip::Address::v4(192, 0, 2, 7), 5070});
}

TEST_CASE("by TCP: SUBSCRIBE and NOTIFY share the connection, and a lost one is opened again") {
    WatcherWorld world;
    auto options = world.options();
    options.peer.next_hop = {sip::Transport::tcp, {}, {}, world.raw.peer};
    const auto flow = world.raw.connect();
    const auto id = world.subscribe(options);
    const RawMessage sent = world.only();
    CHECK(sent.flow == flow);
    CHECK(sent.field("Via").starts_with("SIP/2.0/TCP 192.0.2.1:5060;"));
    CHECK(sent.field("Contact") == "<sip:bob@192.0.2.1:5060;transport=tcp>");
    world.reply(sent, 200, {"Expires: 3600"});
    WatcherWorld::Notify given;
    given.contact = "<sip:192.0.2.99:5062;transport=tcp>";
    world.raw.input(flow, world.raw.text_of(world.request_of(sent, given), "TCP"));
    CHECK(world.raw.take("").status() == 200);
    CHECK(world.part.state_of(id) == State::active);
    CHECK(world.stack.transport().is_bound(flow));
    world.stack.closed(world.raw.now, flow);
    world.raw.drain();
    CHECK(world.silent());
    const auto second = world.raw.connect();
    world.pass(seconds{1});
    const RawMessage refresh = world.only();
    CHECK(refresh.flow == second);
    CHECK(tag_of(refresh.field("To")) == "server");
    // That one is lost too, before the answer: once more, a little later.
    world.stack.closed(world.raw.now, second);
    world.raw.drain();
    CHECK(world.part.state_of(id) == State::active);
    const auto third = world.raw.connect();
    world.pass(seconds{1});
    const RawMessage again = world.only();
    CHECK(again.flow == third);
    world.reply(again, 200, {"Expires: 3600"});
    CHECK(world.part.state_of(id) == State::active);
}

TEST_CASE("R3261-8.1.3.1-1: a connection that cannot be had is a 503") {
    WatcherWorld world;
    auto options = world.options();
    options.peer.next_hop = {sip::Transport::tcp, {}, {}, world.raw.peer};
    (void)world.subscribe(options);
    world.pass(seconds{2});
    const auto news = world.news();
    CHECK(news.kind == Kind::ended);
    CHECK(news.status == 503);
    CHECK(world.part.size() == 0);
}

TEST_CASE("one subscription more than the limit is refused, and counted") {
    sip::Limits limits;
    limits.watches = 2;
    WatcherWorld world(limits);
    CHECK(world.subscribe());
    CHECK(world.subscribe());
    CHECK_FALSE(world.subscribe());
    CHECK(world.stack.counters().limit_watches == 1);
    CHECK(world.part.size() == 2);
}

TEST_CASE("news that nobody reads is bounded: NOTIFY gets 503 then, and comes again") {
    sip::Limits limits;
    limits.notices = 3;
    WatcherWorld world(limits);
    sip::WatchId id;
    const RawMessage sent = world.stand(id);
    WatcherWorld::Notify given;
    for (given.cseq = 2; given.cseq < 5; ++given.cseq) CHECK(world.notify(sent, given) == 200);
    CHECK(world.notify(sent, given) == 503);
    CHECK(world.last_answer.has("Retry-After"));
    CHECK(world.stack.counters().limit_notices == 1);
    world.forget_news();
    ++given.cseq;
    given.body = "<latest/>";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().body == "<latest/>");
}

TEST_CASE("memory that is refused at any place leaves a defined answer and nothing behind") {
    for (std::uint64_t nth = 0; nth < 40; ++nth) {
        CAPTURE(nth);
        WatcherWorld world;
        world.stack.shard().memory.refuse_after(nth);
        const auto id = world.subscribe();
        world.stack.shard().memory.refuse_none();
        CHECK(world.part.size() == (id ? 1 : 0));
    }
    for (std::uint64_t nth = 0; nth < 24; ++nth) {
        CAPTURE(nth);
        WatcherWorld world;
        const auto id = world.subscribe();
        const RawMessage sent = world.only();
        world.stack.shard().memory.refuse_after(nth);
        const int status = world.notify(sent);
        world.stack.shard().memory.refuse_none();
        // 0: not even an answer could be made. The notifier sends the same again.
        CHECK((status == 200 || status == 503 || status == 500 || status == 0));
        if (status != 200) {
            WatcherWorld::Notify second;
            second.cseq = 2;
            CHECK(world.notify(sent, second) == 200);
        }
        CHECK(world.part.state_of(id) == State::active);
    }
}

TEST_CASE("R6665-4.5.2-1: a dialog whose remote target is a GRUU is shared with no other usage") {
    WatcherWorld world;
    WatcherWorld::Notify notify;
    notify.contact = "<sip:alice@example.com;gr=urn:uuid:1>";
    std::vector<std::string> calls;
    for (int i = 0; i < 2; ++i) {
        REQUIRE(world.subscribe());
        const RawMessage subscribe = world.only();
        calls.push_back(subscribe.field("Call-ID"));
        world.raw.input(world.raw.text_of(world.request_of(subscribe, notify)));
        world.raw.sent.clear();
    }
    CHECK(calls[0] != calls[1]);
}
