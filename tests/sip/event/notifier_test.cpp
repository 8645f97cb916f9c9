#include "sip/event/notifier.hpp"

#include <doctest/doctest.h>

#include "tests/support/event_world.hpp"

using namespace sip;

namespace {

const Decision pending{SubscriptionDecision::pending, {}};
const Decision active{SubscriptionDecision::active, {}};
const Decision rejected{SubscriptionDecision::rejected, {}};

}  // namespace

TEST_CASE(
    "R6665-4.2.1.2-1 R6665-4.2.1.2-2 R6665-4.2.2-1 R6665-4.2.1.1-6 R6665-FSM-1: a SUBSCRIBE is "
    "answered 200 and followed at once by a NOTIFY in the new dialog") {
    EventWorld world;
    RawRequest request = world.subscribe_request();
    request.with("Event-Not: x")
        .with("Expires: 600")
        .with("Record-Route: <sip:192.0.2.99:5062;lr>");
    request.fields[0] = "Event: echo;id=Seven";
    const RawMessage answer = world.net.ask(request);
    CHECK(answer.status() == 200);
    CHECK(answer.field("Expires") == "600");
    CHECK(answer.field("Contact") == "<sip:192.0.2.1:5060>");
    CHECK(answer.field("Record-Route") == "<sip:192.0.2.99:5062;lr>");
    CHECK(answer.field("Allow-Events") == "echo");
    const RawMessage notify = world.net.take("NOTIFY");
    REQUIRE(notify);
    CHECK(notify.request_uri() == "sip:bob@192.0.2.99:5062");
    CHECK(notify.field("To") == "<sip:bob@example.com>;tag=bob");
    CHECK(notify.field("From") == "<sip:alice@example.com>;tag=" + answer.to_tag());
    CHECK(notify.field("Call-ID") == "bob-call");
    CHECK(notify.field("CSeq") == "1 NOTIFY");
    CHECK(notify.field("Event") == "echo;id=Seven");
    CHECK(notify.field("Route") == "<sip:192.0.2.99:5062;lr>");
    CHECK(notify.field("Subscription-State") == "active;expires=600");
    CHECK(notify.field("Content-Type") == "text/plain");
    CHECK(notify.body() == "alice@example.com/0/text/plain\n");
    CHECK(world.notifier.size() == 1);
}

TEST_CASE("R6665-4.2.1.1-2 R6665-8.3.2-1: no Event, or one not served, is 489 with Allow-Events") {
    EventWorld world;
    RawRequest request = world.subscribe_request();
    request.fields[0] = "Event: presence";
    RawMessage answer = world.net.ask(request);
    CHECK(answer.status() == 489);
    CHECK(answer.field("Allow-Events") == "echo");
    request.fields.erase(request.fields.begin());
    request.cseq = 2;
    answer = world.net.ask(request);
    CHECK(answer.status() == 489);
    CHECK(world.notifier.size() == 0);
}

TEST_CASE("R6665-4.2.1.1-3: two Event header fields, or two values in one, are 400") {
    EventWorld world;
    RawRequest request = world.subscribe_request();
    request.with("o: echo");
    CHECK(world.net.ask(request).status() == 400);
    request = world.subscribe_request();
    request.fields[0] = "Event: echo, echo";
    request.cseq = 2;
    CHECK(world.net.ask(request).status() == 400);
    CHECK(world.notifier.size() == 0);
}

TEST_CASE("R6665-4.2.1.1-4 R6665-4.2.1.1-5 ROUR-6: Expires is cut, refused or taken as it is") {
    struct Row {
        const char* field;
        int status;
        const char* granted;
    };
    for (const Row& row :
         {Row{"Expires: 59", 423, ""}, Row{"Expires: 1", 423, ""}, Row{"Expires: 60", 200, "60"},
          Row{"Expires: 0", 200, "0"}, Row{"Expires: 7200", 200, "7200"},
          Row{"Expires: 7201", 200, "7200"}, Row{"Expires: 2147483648", 200, "7200"},
          Row{"Expires: 4294967295", 200, "7200"}, Row{"Expires: 4294967296", 200, "3600"},
          Row{"Expires: soon", 200, "3600"}, Row{"X: y", 200, "3600"}}) {
        CAPTURE(row.field);
        EventWorld world;
        RawRequest request = world.subscribe_request();
        request.with(row.field);
        const RawMessage answer = world.net.ask(request);
        CHECK(answer.status() == row.status);
        if (row.status == 200)
            CHECK(answer.field("Expires") == row.granted);
        else
            CHECK(answer.field("Min-Expires") == "60");
    }
}

TEST_CASE("R6665-4.2.1.1-4: with a minimum above an hour, an hour is still granted") {
    EventWorld world;
    world.echo.traits_.expires_min_s = 5000;
    RawRequest request = world.subscribe_request();
    request.with("Expires: 3600");
    CHECK(world.net.ask(request).status() == 200);
}

TEST_CASE("R6665-4.4.3-1 R6665-4.2.1.4-3: a fetch gives one NOTIFY terminated with the state") {
    EventWorld world;
    RawRequest request = world.subscribe_request();
    request.with("Expires: 0");
    const RawMessage answer = world.net.ask(request);
    CHECK(answer.status() == 200);
    CHECK(answer.field("Expires") == "0");
    const RawMessage notify = world.net.take("NOTIFY");
    CHECK(notify.field("Subscription-State") == "terminated;reason=timeout");
    CHECK(notify.body() == "alice@example.com/0/text/plain\n");
    CHECK_FALSE(world.net.take("NOTIFY"));
    CHECK(world.notifier.size() == 0);
    CHECK(world.resources.size() == 0);
}

TEST_CASE("R6665-4.2.1.4-1 R6665-4.2.2-8: a refresh keeps the dialog and takes the new Accept") {
    EventWorld world;
    const RawRequest request = world.subscribe_request();
    const RawMessage answer = world.net.ask(request);
    world.net.sent.clear();
    world.net.pass(seconds{100});
    RawRequest refresh = EventWorld::in_dialog(request, answer, 2);
    refresh.with("Accept: text/x-echo").with("Expires: 300");
    const RawMessage again = world.net.ask(refresh);
    CHECK(again.status() == 200);
    CHECK(again.to_tag() == answer.to_tag());
    CHECK(again.field("Expires") == "300");
    const RawMessage notify = world.net.take("NOTIFY");
    CHECK(notify.field("CSeq") == "2 NOTIFY");
    CHECK(notify.field("Content-Type") == "text/x-echo");
    CHECK(notify.field("Subscription-State") == "active;expires=300");
    CHECK(world.notifier.size() == 1);
}

TEST_CASE("R3261-12.2.2-1: a SUBSCRIBE of a dialog whose CSeq is not above the last is 500") {
    EventWorld world;
    RawRequest request = world.subscribe_request();
    request.cseq = 10;
    const RawMessage answer = world.net.ask(request);
    CHECK(world.net.ask(EventWorld::in_dialog(request, answer, 9)).status() == 500);
    CHECK(world.net.ask(EventWorld::in_dialog(request, answer, 10)).status() == 500);
    CHECK(world.net.ask(EventWorld::in_dialog(request, answer, 99)).status() == 200);
}

TEST_CASE("R3261-12.2.2-2: a SUBSCRIBE of an unknown dialog is 481 and keeps nothing") {
    EventWorld world;
    RawRequest request = world.subscribe_request();
    request.to = "<sip:alice@example.com>;tag=nobody";
    CHECK(world.net.ask(request).status() == 481);
    CHECK(world.notifier.size() == 0);
}

TEST_CASE("R6665-4.5.2-3: another event id in a dialog is refused with a text that says so") {
    EventWorld world;
    RawRequest request = world.subscribe_request();
    const RawMessage answer = world.net.ask(request);
    request.fields[0] = "Event: echo;id=2";
    const RawMessage refused = world.net.ask(EventWorld::in_dialog(request, answer, 2));
    CHECK(refused.status() == 403);
    CHECK(refused.reason().find("One subscription a dialog") != std::string::npos);
}

TEST_CASE("R6665-4.2.1.4-2: without a refresh the watcher is told terminated;reason=timeout") {
    EventWorld world;
    RawRequest request = world.subscribe_request();
    request.with("Expires: 60");
    world.net.ask(request);
    world.net.sent.clear();
    world.net.pass(seconds{59});
    CHECK(world.net.sent.empty());
    world.net.pass(seconds{1});
    const RawMessage notify = world.net.take("NOTIFY");
    CHECK(notify.field("Subscription-State") == "terminated;reason=timeout");
    CHECK(world.notifier.size() == 0);
}

TEST_CASE("R6665-4.4.1-3 R6665-4.2.1.4-3: an unsubscribe ends with its last NOTIFY, then 481") {
    EventWorld world;
    world.net.answer_notify = false;
    const RawRequest request = world.subscribe_request();
    const RawMessage answer = world.net.ask(request);
    world.net.answer(world.net.take("NOTIFY"));
    RawRequest end = EventWorld::in_dialog(request, answer, 2);
    end.with("Expires: 0");
    CHECK(world.net.ask(end).status() == 200);
    const RawMessage last = world.net.take("NOTIFY");
    CHECK(last.field("Subscription-State") == "terminated;reason=timeout");
    // ROUR-7: a refresh that crosses the last NOTIFY.
    CHECK(world.net.ask(EventWorld::in_dialog(request, answer, 3)).status() == 481);
    CHECK(world.notifier.size() == 1);
    world.net.answer(last, 481, "Gone");  // some clients have forgotten the dialog by then
    CHECK(world.notifier.size() == 0);
}

TEST_CASE("R6665-4.2.1.3-2 R6665-FSM-1 R6665-FSM-4: pending is told without state, and back") {
    EventWorld world;
    world.echo.decisions["bob@example.com"] = pending;
    RawMessage answer = world.net.ask(world.subscribe_request());
    CHECK(answer.status() == 200);
    RawMessage notify = world.net.take("NOTIFY");
    CHECK(notify.field("Subscription-State") == "pending;expires=3600");
    CHECK(notify.body().empty());
    CHECK_FALSE(notify.has("Content-Type"));
    // Changes are not told to one who waits.
    world.net.ask(world.publish_request("here"));
    CHECK_FALSE(world.net.take("NOTIFY"));

    world.echo.decisions["bob@example.com"] = active;
    world.notifier.decide_again(world.net.now, 0, "alice@example.com");
    world.net.drain();
    notify = world.net.take("NOTIFY");
    CHECK(notify.field("Subscription-State") == "active;expires=3600");
    CHECK(notify.body() == "alice@example.com/0/text/plain\nhere\n");

    world.echo.decisions["bob@example.com"] = pending;
    world.notifier.decide_again(world.net.now, 0, "");
    world.net.drain();
    notify = world.net.take("NOTIFY");
    CHECK(notify.field("Subscription-State") == "pending;expires=3600");
    CHECK(notify.body().empty());
}

TEST_CASE("D-1 R6665-8.3.1-2: 202 for a pending subscription by setting alone") {
    EventWorld::Options options;
    options.notifier.rfc3265_compat = true;
    EventWorld world(options);
    world.echo.decisions["bob@example.com"] = pending;
    CHECK(world.net.ask(world.subscribe_request()).status() == 202);
    CHECK(world.net.ask(world.subscribe_request("carol")).status() == 200);
}

TEST_CASE("R6665-4.2.1.3-1 R6665-FSM-2 R6665-FSM-3: rejection is 403 at first, and later an end") {
    EventWorld world;
    world.net.ask(world.subscribe_request("carol"));
    world.net.sent.clear();
    world.echo.decisions["bob@example.com"] = rejected;
    world.echo.decisions["carol@example.com"] = rejected;
    CHECK(world.net.ask(world.subscribe_request()).status() == 403);
    CHECK(world.notifier.size() == 1);
    world.notifier.decide_again(world.net.now, 0, "alice@example.com");
    world.net.drain();
    const RawMessage notify = world.net.take("NOTIFY");
    CHECK(notify.field("Subscription-State") == "terminated;reason=rejected");
    CHECK(notify.body().empty());
    CHECK(world.notifier.size() == 0);
}

TEST_CASE("R6665-4.2.2-6 R5057-5.1-1 T-19: a NOTIFY answered with one of these ends it at once") {
    for (int status : {404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604}) {
        CAPTURE(status);
        EventWorld world;
        world.net.answer_notify = false;
        world.net.ask(world.subscribe_request());
        world.net.answer(world.net.take("NOTIFY"), status);
        CHECK(world.notifier.size() == 0);
        CHECK_FALSE(world.net.take("NOTIFY"));
    }
}

TEST_CASE("D-3 R6665-4.2.2-7 T-11: another error is retried with the newest state, twice") {
    EventWorld world;
    world.net.answer_notify = false;
    world.net.ask(world.subscribe_request());
    world.net.answer(world.net.take("NOTIFY"), 503, "Busy", {"Retry-After: 10"});
    world.net.ask(world.publish_request("newer"));
    CHECK_FALSE(world.net.take("NOTIFY"));
    world.net.pass(seconds{9});
    CHECK_FALSE(world.net.take("NOTIFY"));
    world.net.pass(seconds{1});
    RawMessage notify = world.net.take("NOTIFY");
    CHECK(notify.body() == "alice@example.com/0/text/plain\nnewer\n");
    world.net.answer(notify, 500);
    world.net.pass(seconds{31});
    CHECK_FALSE(world.net.take("NOTIFY"));
    world.net.pass(seconds{1});
    notify = world.net.take("NOTIFY");
    REQUIRE(notify);
    world.net.answer(notify, 500);
    CHECK(world.notifier.size() == 0);
}

TEST_CASE("D-3: Retry-After is held to 300 s, and a success forgets the failures before it") {
    EventWorld world;
    world.net.answer_notify = false;
    world.net.ask(world.subscribe_request());
    for (int round = 0; round < 4; ++round) {
        world.net.answer(world.net.take("NOTIFY"), 503, "Busy", {"Retry-After: 4000000000"});
        world.net.pass(seconds{299});
        CHECK_FALSE(world.net.take("NOTIFY"));
        world.net.pass(seconds{1});
        world.net.answer(world.net.take("NOTIFY"));
        world.net.ask(world.publish_request("round " + std::to_string(round)));
    }
    CHECK(world.notifier.size() == 1);
}

TEST_CASE(
    "R6665-4.2.2-5 R3856-9.5-1 T-11: an unanswered NOTIFY removes the subscription in silence") {
    EventWorld world;
    world.net.answer_notify = false;
    world.net.ask(world.subscribe_request());
    world.net.pass(seconds{31});
    CHECK(world.notifier.size() == 1);
    world.net.pass(seconds{1});
    CHECK(world.notifier.size() == 0);
    std::size_t copies = 0;
    while (world.net.take("NOTIFY")) ++copies;
    CHECK(copies == 11);  // timer E, and no other NOTIFY
    CHECK(world.stack.clients().size() == 0);
}

TEST_CASE("R6665-4.2.2-4 D-4: one NOTIFY at a time; what changed meanwhile is told together") {
    EventWorld world;
    world.net.answer_notify = false;
    world.net.ask(world.subscribe_request());
    const RawMessage first = world.net.take("NOTIFY");
    world.net.ask(world.publish_request("one"));
    world.net.ask(world.publish_request("two"));
    CHECK_FALSE(world.net.take("NOTIFY"));
    world.net.answer(first);
    const RawMessage second = world.net.take("NOTIFY");
    CHECK(second.body() == "alice@example.com/0/text/plain\ntwo\none\n");
    world.net.answer(second);
    CHECK_FALSE(world.net.take("NOTIFY"));
}

TEST_CASE("R3856-6.10-1 R6665-5.4.10-1: the first change leaves at once, later ones coalesce") {
    EventWorld world;
    world.echo.traits_.notify_interval_min = seconds{5};
    world.net.ask(world.subscribe_request());
    world.net.sent.clear();
    world.net.ask(world.publish_request("one"));
    CHECK(world.net.take("NOTIFY").body() == "alice@example.com/0/text/plain\none\n");
    world.net.pass(seconds{1});
    world.net.ask(world.publish_request("two"));
    world.net.ask(world.publish_request("three"));
    CHECK_FALSE(world.net.take("NOTIFY"));
    world.net.pass(milliseconds{3'999});
    CHECK_FALSE(world.net.take("NOTIFY"));
    world.net.pass(milliseconds{1});
    CHECK(world.net.take("NOTIFY").body() == "alice@example.com/0/text/plain\nthree\ntwo\none\n");
    CHECK_FALSE(world.net.take("NOTIFY"));
    world.net.pass(seconds{60});
    CHECK_FALSE(world.net.take("NOTIFY"));
}

TEST_CASE("D-4 R3856-6.10-2: a refresh neither waits for the hold nor starts one") {
    EventWorld world;
    world.echo.traits_.notify_interval_min = seconds{5};
    const RawRequest request = world.subscribe_request();
    const RawMessage answer = world.net.ask(request);
    world.net.ask(world.subscribe_request("carol"));
    world.net.sent.clear();
    world.net.ask(world.publish_request("one"));
    while (world.net.take("NOTIFY")) {
    }
    world.net.ask(world.publish_request("two"));
    world.net.sent.clear();
    world.net.ask(EventWorld::in_dialog(request, answer, 2));
    CHECK(world.net.take("NOTIFY").body() == "alice@example.com/0/text/plain\ntwo\none\n");
    CHECK_FALSE(world.net.take("NOTIFY"));  // carol's is held
    world.net.pass(seconds{5});
    const RawMessage held = world.net.take("NOTIFY");
    CHECK(held.field("Call-ID") == "carol-call");
    CHECK(held.body() == "alice@example.com/0/text/plain\ntwo\none\n");
    CHECK_FALSE(world.net.take("NOTIFY"));  // bob knows it already
}

TEST_CASE("R3856-6.10-2: with a hold per subscription each watcher has its own quiet interval") {
    EventWorld world;
    world.echo.traits_.notify_interval_min = seconds{5};
    world.echo.traits_.hold_per_subscription = true;
    world.net.ask(world.subscribe_request());
    world.net.sent.clear();
    world.net.ask(world.publish_request("one"));
    CHECK(world.net.take("NOTIFY"));
    world.net.ask(world.subscribe_request("carol"));
    world.net.sent.clear();
    world.net.ask(world.publish_request("two"));
    const RawMessage free_one = world.net.take("NOTIFY");
    CHECK(free_one.field("Call-ID") == "carol-call");
    CHECK_FALSE(world.net.take("NOTIFY"));
    world.net.pass(seconds{5});
    CHECK(world.net.take("NOTIFY").field("Call-ID") == "bob-call");
}

TEST_CASE("R3856-6.7-7: a change that a watcher cannot see is not told") {
    EventWorld world;
    world.net.ask(world.subscribe_request());
    world.net.sent.clear();
    world.notifier.state_changed(world.net.now, 0, "alice@example.com");
    world.net.drain();
    CHECK(world.net.sent.empty());
}

TEST_CASE("one body is rendered for all watchers of a view") {
    EventWorld world;
    for (int i = 0; i < 20; ++i) world.net.ask(world.subscribe_request("w" + std::to_string(i)));
    const int before = world.echo.rendered;
    world.net.sent.clear();
    world.net.ask(world.publish_request("news"));
    std::size_t told = 0;
    while (world.net.take("NOTIFY")) ++told;
    CHECK(told == 20);
    CHECK(world.echo.rendered == before + 1);
}

TEST_CASE("R6665-4.2.2-10 R6665-FSM-3: shutting down tells every watcher when to come back") {
    EventWorld world;
    for (int i = 0; i < 5; ++i) world.net.ask(world.subscribe_request("w" + std::to_string(i)));
    world.net.sent.clear();
    world.notifier.shut_down(world.net.now, subscription_machine::Event::probation, 5, 30);
    world.net.drain();
    std::size_t told = 0;
    while (const RawMessage notify = world.net.take("NOTIFY")) {
        const std::string state = notify.field("Subscription-State");
        const std::string start = "terminated;reason=probation;retry-after=";
        REQUIRE(state.starts_with(start));
        const int after = std::stoi(state.substr(start.size()));
        CHECK(after >= 5);
        CHECK(after <= 30);
        ++told;
    }
    CHECK(told == 5);
    CHECK(world.notifier.size() == 0);
}

TEST_CASE("R6665-4.2.2-11: a resource that is gone ends with reason noresource and no body") {
    EventWorld world;
    world.net.ask(world.subscribe_request());
    world.net.sent.clear();
    world.notifier.end(world.net.now, 0, "alice@example.com",
                       subscription_machine::Event::no_resource);
    world.net.drain();
    const RawMessage notify = world.net.take("NOTIFY");
    CHECK(notify.field("Subscription-State") == "terminated;reason=noresource");
    CHECK(notify.body().empty());
}

TEST_CASE("T-27: a Contact that names this server is refused with 482") {
    EventWorld world;
    RawRequest request = world.subscribe_request();
    request.fields[1] = "Contact: <sip:bob@192.0.2.1:5060>";
    CHECK(world.net.ask(request).status() == 482);
    CHECK(world.notifier.size() == 0);
    CHECK(world.resources.size() == 0);
}

TEST_CASE("R3261-8.1.1.8-1: a SUBSCRIBE without one SIP Contact is 400") {
    for (const char* contact : {"X: y", "Contact: *", "Contact: <tel:+1>",
                                "Contact: <sip:a@192.0.2.99>, <sip:b@192.0.2.99>"}) {
        CAPTURE(contact);
        EventWorld world;
        RawRequest request = world.subscribe_request();
        request.fields[1] = contact;
        CHECK(world.net.ask(request).status() == 400);
        CHECK(world.notifier.size() == 0);
    }
}

TEST_CASE("R3261-20.1-2 R6665-4.2.2-8: an Accept that lists none of the types is 406") {
    EventWorld world;
    RawRequest request = world.subscribe_request();
    request.with("Accept: application/json");
    CHECK(world.net.ask(request).status() == 406);
    request.fields.back() = "Accept: ";
    request.cseq = 2;
    CHECK(world.net.ask(request).status() == 406);
    request.fields.back() = "Accept: text/*;q=0.1, text/x-echo;q=0.5";
    request.cseq = 3;
    CHECK(world.net.ask(request).status() == 200);
    CHECK(world.net.take("NOTIFY").field("Content-Type") == "text/x-echo");
}

TEST_CASE("T-16 ROUR-4: quotas of a user, of an address and in total are answered 503") {
    EventWorld::Options options;
    SUBCASE("of a user") { options.stack.limits.subscriptions_per_user = 3; }
    SUBCASE("of an address") { options.stack.limits.subscriptions_per_resource = 3; }
    SUBCASE("in total") { options.stack.limits.subscriptions = 3; }
    EventWorld world(options);
    RawRequest request = world.subscribe_request();
    for (int i = 0; i < 3; ++i) {
        request.call_id = "call-" + std::to_string(i);
        CHECK(world.net.ask(request).status() == 200);
    }
    request.call_id = "one-too-many";
    const RawMessage refused = world.net.ask(request);
    CHECK(refused.status() == 503);
    CHECK(refused.has("Retry-After"));
    CHECK(world.notifier.size() == 3);
    const Counters& c = world.stack.counters();
    CHECK(c.limit_subscriptions + c.limit_subscriptions_per_user +
              c.limit_subscriptions_per_resource ==
          1);
}

TEST_CASE("a SUBSCRIBE waits for the store, and one that cannot be stored leaves nothing") {
    EventWorld::Options options;
    options.stack.has_store = true;
    EventWorld world(options);
    const RawRequest request = world.subscribe_request();
    CHECK_FALSE(world.net.ask(request));
    CHECK_FALSE(world.net.take("NOTIFY"));
    REQUIRE(world.net.commits.size() == 1);
    SUBCASE("stored") {
        world.net.commit();
        CHECK(world.net.take().status() == 200);
        CHECK(world.net.take("NOTIFY"));
        CHECK(world.notifier.size() == 1);
    }
    SUBCASE("not stored") {
        world.net.commit(false);
        const RawMessage answer = world.net.take();
        CHECK(answer.status() == 500);
        CHECK(answer.has("Retry-After"));
        CHECK_FALSE(world.net.take("NOTIFY"));
        CHECK(world.notifier.size() == 0);
        CHECK(world.resources.size() == 0);
    }
    SUBCASE("R4320-4.1-3: slow, a 100 goes out at 3.5 s") {
        world.net.pass(milliseconds{3'499});
        CHECK_FALSE(world.net.take());
        world.net.pass(milliseconds{1});
        CHECK(world.net.take().status() == 100);
        world.net.commit();
        CHECK(world.net.take().status() == 200);
    }
}

TEST_CASE("T-35: memory refused at any allocation of a SUBSCRIBE is an answer, and no leak") {
    bool succeeded = false;
    for (std::uint64_t n = 0; n < 200 && !succeeded; ++n) {
        EventWorld world;
        const std::size_t before = world.stack.shard().memory.used();
        (void)before;
        world.stack.shard().memory.refuse_after(n);
        const RawMessage answer = world.net.ask(world.subscribe_request());
        world.stack.shard().memory.refuse_none();
        succeeded = world.stack.shard().memory.refusals() == 0;
        CAPTURE(n);
        CAPTURE(answer.text);
        if (answer.status() != 0) CHECK((answer.status() == 200 || answer.status() >= 500));
        // Whatever happened, the next one is served.
        RawRequest next = world.subscribe_request("carol");
        CHECK(world.net.ask(next).status() == 200);
        CHECK(world.net.take("NOTIFY"));
    }
    CHECK(succeeded);
}

namespace {

EventWorld::Options with_store() {
    EventWorld::Options options;
    options.stack.has_store = true;
    return options;
}

}  // namespace

TEST_CASE("T-39 ROUR-7: what is not stored yet when we stop is told 5xx, and gets no NOTIFY") {
    EventWorld world(with_store());
    CHECK_FALSE(world.net.ask(world.subscribe_request()));
    CHECK_FALSE(world.net.ask(world.subscribe_request("carol")));  // waits behind the first
    world.notifier.shut_down(world.net.now, subscription_machine::Event::probation, 5, 30);
    world.net.drain();
    CHECK_FALSE(world.net.take("NOTIFY"));
    CHECK(world.notifier.size() == 0);
    bool stored = false;
    SUBCASE("stored") { stored = true; }
    SUBCASE("not stored") {}
    world.net.commit(stored);
    CHECK(world.net.take().status() == 500);
    const RawMessage second = world.net.take();
    CHECK(second.status() == 503);
    CHECK(second.has("Retry-After"));
    CHECK_FALSE(world.net.take());
    CHECK(world.net.commits.empty());
    CHECK(world.notifier.size() == 0);
    CHECK(world.resources.size() == 0);
    CHECK(world.net.ask(world.subscribe_request("dave")).status() == 503);
}

TEST_CASE("R6665-4.2.2-10: who is being told of another end is told no retry-after") {
    EventWorld world;
    const RawMessage answer = world.net.ask(world.subscribe_request());
    world.net.answer_notify = false;
    RawRequest leave = EventWorld::in_dialog(world.subscribe_request(), answer, 2);
    world.net.ask(leave.with("Expires: 600"));
    const RawMessage first = world.net.take("NOTIFY");
    leave = EventWorld::in_dialog(world.subscribe_request(), answer, 3);
    world.net.ask(leave.with("Expires: 0"));
    world.notifier.shut_down(world.net.now, subscription_machine::Event::probation, 5, 30);
    world.net.answer(first);
    CHECK(world.net.take("NOTIFY").field("Subscription-State") == "terminated;reason=timeout");
}

TEST_CASE("ROUR-9: rules that change while a SUBSCRIBE is being stored are the ones that hold") {
    EventWorld world(with_store());
    const bool refresh = [] {
        bool it = false;
        SUBCASE("the first") {}
        SUBCASE("a refresh") { it = true; }
        return it;
    }();
    RawRequest request = world.subscribe_request();
    if (refresh) {
        world.net.ask(request);
        world.net.commit();
        request = EventWorld::in_dialog(request, world.net.take(), 2);
        world.net.sent.clear();
    }
    CHECK_FALSE(world.net.ask(request));
    world.echo.decisions["bob@example.com"] = {SubscriptionDecision::pending, ViewId{1}};
    SUBCASE("held back") {
        world.notifier.decide_again(world.net.now, 0, "");
        world.net.drain();
        world.net.sent.clear();
        world.net.commit();
        CHECK(world.net.take().status() == 200);
        const RawMessage notify = world.net.take("NOTIFY");
        CHECK(notify.field("Subscription-State").starts_with("pending"));
        CHECK(notify.body().empty());
    }
    SUBCASE("rejected") {
        world.echo.decisions["bob@example.com"] = {SubscriptionDecision::rejected, ViewId{1}};
        world.notifier.decide_again(world.net.now, 0, "");
        world.net.commit();
        while (const RawMessage message = world.net.take()) {
            CHECK(message.body().empty());
            if (message.method() == "NOTIFY")
                CHECK(message.field("Subscription-State") == "terminated;reason=rejected");
            else
                CHECK(message.status() == 500);
        }
        CHECK(world.notifier.size() == 0);
        CHECK(world.resources.size() == 0);
    }
}

TEST_CASE("ROUR-7: a refresh that came in time holds, however long the store takes") {
    EventWorld world(with_store());
    RawRequest request = world.subscribe_request();
    request.with("Expires: 60");
    world.net.ask(request);
    world.net.commit();
    const RawMessage answer = world.net.take();
    world.net.pass(seconds{59});
    world.net.ask(EventWorld::in_dialog(request, answer, 2));
    world.net.pass(seconds{5});
    CHECK_FALSE(world.net.take("NOTIFY"));
    SUBCASE("stored") {
        world.net.sent.clear();
        world.net.commit();
        CHECK(world.net.take().status() == 200);
        CHECK(world.net.take("NOTIFY").field("Subscription-State") == "active;expires=60");
        world.net.pass(seconds{59});
        CHECK_FALSE(world.net.take("NOTIFY"));
        world.net.pass(seconds{1});
        CHECK(world.net.take("NOTIFY").field("Subscription-State") == "terminated;reason=timeout");
    }
    SUBCASE("not stored") {
        world.net.sent.clear();
        world.net.commit(false);
        CHECK(world.net.take().status() == 500);
        world.net.pass(seconds{1});
        CHECK(world.net.take("NOTIFY").field("Subscription-State") == "terminated;reason=timeout");
        CHECK(world.notifier.size() == 0);
    }
}

TEST_CASE("R6665-4.2.1.4-2 D-3: an end is told also where the NOTIFY before it was refused") {
    EventWorld world;
    RawRequest request = world.subscribe_request();
    request.with("Expires: 60");
    world.net.ask(request);
    world.net.pass(seconds{50});
    world.net.answer_notify = false;
    world.net.ask(world.publish_request("news"));
    const RawMessage news = world.net.take("NOTIFY");
    REQUIRE(news);
    world.net.pass(seconds{15});  // it runs out meanwhile
    world.net.sent.clear();
    world.net.answer(news, 503, "Busy", {"Retry-After: 4"});
    CHECK_FALSE(world.net.take("NOTIFY"));
    world.net.pass(seconds{4});
    const RawMessage last = world.net.take("NOTIFY");
    CHECK(last.field("Subscription-State") == "terminated;reason=timeout");
    world.net.answer(last, 503, "Busy");
    CHECK(world.notifier.size() == 0);
    CHECK_FALSE(world.net.take("NOTIFY"));
}

TEST_CASE("ROUR-3: with no transaction free the NOTIFYs wait in line, and each of them gets out") {
    EventWorld::Options options;
    options.stack.limits.client_transactions = 2;
    EventWorld world(options);
    for (int i = 0; i < 5; ++i) {
        world.net.ask(world.subscribe_request("w" + std::to_string(i)));
        world.net.pass(seconds{5});
    }
    world.net.sent.clear();
    world.net.ask(world.publish_request("news"));
    const auto start = world.net.now.mono;
    world.net.pass(seconds{10});  // twice T4 of those that were answered
    std::size_t told = 0;
    while (const RawMessage notify = world.net.take("NOTIFY")) {
        CHECK(notify.body().find("news") != std::string::npos);
        CHECK(notify.at - start <= seconds{10});
        ++told;
    }
    CHECK(told == 5);
    CHECK(world.stack.counters().notify_failures == 0);
}

TEST_CASE("ROUR-9 R6665-4.2.2-3: who may see something else from now on is told at once") {
    EventWorld world;
    world.echo.traits_.notify_interval_min = seconds{5};
    world.net.ask(world.subscribe_request());
    CHECK(world.net.take("NOTIFY").body().starts_with("alice@example.com/0/"));
    world.net.ask(world.publish_request("news"));  // a hold is running
    world.net.sent.clear();
    world.echo.decisions["bob@example.com"] = {SubscriptionDecision::active, ViewId{1}};
    world.notifier.decide_again(world.net.now, 0, "alice@example.com");
    world.net.drain();
    const RawMessage notify = world.net.take("NOTIFY");
    CHECK(notify.field("Subscription-State").starts_with("active"));
    CHECK(notify.body().starts_with("alice@example.com/1/"));
    // Nothing changed: nobody is told.
    world.notifier.decide_again(world.net.now, 0, "alice@example.com");
    world.net.pass(seconds{60});
    CHECK_FALSE(world.net.take("NOTIFY"));
}

TEST_CASE("R6665-4.2.1.4-1: each refresh brings the way that NOTIFYs go from then on") {
    EventWorld world;
    const RawMessage answer = world.net.ask(world.subscribe_request());
    CHECK(world.net.take("NOTIFY").to == world.net.peer);
    const Endpoint before = world.net.peer;
    world.net.peer.port = 6'062;  // the NAT in between has bound anew
    world.net.ask(EventWorld::in_dialog(world.subscribe_request(), answer, 2));
    CHECK(world.net.take("NOTIFY").to == world.net.peer);
    world.net.ask(world.publish_request("news"));
    CHECK(world.net.take("NOTIFY").to == world.net.peer);
    CHECK_FALSE(world.net.peer == before);
    const FlowId flow = world.net.connect();
    world.net.ask(flow, EventWorld::in_dialog(world.subscribe_request(), answer, 3));
    CHECK(world.net.take("NOTIFY").flow == flow);
    CHECK(world.stack.transport().is_bound(flow));
}

TEST_CASE("T-17: a connection is idle again once the last subscription by it has ended") {
    EventWorld world;
    const FlowId flow = world.net.connect();
    RawRequest request = world.subscribe_request();
    const RawMessage answer = world.net.ask(flow, request.with("Expires: 3600"));
    const FlowId other = world.net.connect();
    world.net.ask(other, world.subscribe_request("carol").with("Expires: 7200"));
    world.net.pass(seconds{1'900});
    CHECK(world.net.closed.empty());
    // By another connection from here on; then it ends.
    request = EventWorld::in_dialog(world.subscribe_request(), answer, 2);
    world.net.ask(other, request.with("Expires: 60"));
    world.net.pass(seconds{3'700});
    REQUIRE(world.net.closed.size() == 1);
    CHECK(world.net.closed[0] == flow);
    CHECK(world.notifier.size() == 1);
    world.net.pass(seconds{7'200});
    CHECK(world.notifier.size() == 0);
    CHECK(world.net.closed.size() == 2);
}

TEST_CASE("ROUR-9: a decision, and the end, reach the watchers of every view of a resource") {
    EventWorld world;
    const std::vector<std::string> watchers{"bob", "carol", "dave"};
    const auto subscribe = [&](const std::string& who, const std::string& uri, const char* type) {
        RawRequest request = world.subscribe_request(who);
        request.uri = uri;
        request.call_id += uri;
        world.net.ask(request.with("Accept: " + std::string(type)));
    };
    for (const std::string& who : watchers)
        for (const char* type : {"text/plain", "text/x-echo"}) {
            subscribe(who + type[5], "sip:alice@example.com", type);
            subscribe(who + type[5], "sip:other@example.com", type);
        }
    const auto told = [&](const std::string& state) {
        std::size_t count = 0;
        for (world.net.drain(); const RawMessage notify = world.net.take("NOTIFY");)
            count += notify.field("Subscription-State").starts_with(state) &&
                             notify.field("From").find("alice@") != std::string::npos
                         ? 1U
                         : 0U;
        return count;
    };
    (void)told("");
    for (const std::string& who : watchers)
        for (const char* kind : {"p", "x"})
            world.echo.decisions[who + kind + "@example.com"] = {SubscriptionDecision::pending, {}};
    world.notifier.decide_again(world.net.now, 0, "alice@example.com");
    CHECK(told("pending") == 6);
    world.notifier.end(world.net.now, 0, "alice@example.com",
                       subscription_machine::Event::no_resource);
    CHECK(told("terminated;reason=noresource") == 6);
    CHECK(world.notifier.size() == 6);  // of the other resource
}
