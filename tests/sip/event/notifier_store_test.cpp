#include <doctest/doctest.h>

#include "sip/event/notifier.hpp"
#include "tests/support/event_world.hpp"
#include "tests/support/stored.hpp"

using namespace sip;

namespace {

const Decision pending{SubscriptionDecision::pending, {}};

EventWorld::Options with_store() {
    EventWorld::Options options;
    options.stack.has_store = true;
    return options;
}

}  // namespace

TEST_CASE(
    "T-31 R3261-12.2.2-1: until a refresh is stored, and for good where it cannot be, all is as it "
    "was") {
    EventWorld world(with_store());
    world.echo.traits_.expires_min_s = 10;
    const RawRequest first = world.subscribe_request();
    RawRequest request = first;
    const FlowId way = world.net.connect();
    CHECK_FALSE(world.net.ask(way, request.with("Expires: 600")));
    world.net.commit();
    const RawMessage answer = world.net.take();
    REQUIRE(answer.status() == 200);
    world.net.sent.clear();
    world.net.pass(seconds{100});

    RawRequest refresh = EventWorld::in_dialog(first, answer, 7);
    refresh.fields[1] = "Contact: <sip:elsewhere@192.0.2.98:5099>";
    refresh.with("Accept: text/x-echo").with("Expires: 60");
    const FlowId other = world.net.connect();
    CHECK_FALSE(world.net.ask(other, refresh));
    CHECK(world.stack.transport().is_bound(way));
    const auto as_before = [&](const std::string& state) {
        const RawMessage notify = world.net.take("NOTIFY");
        REQUIRE(notify);
        CHECK(notify.flow == way);
        CHECK(notify.request_uri() == "sip:bob@192.0.2.99:5062");
        CHECK(notify.field("Subscription-State") == state);
        if (!notify.body().empty()) CHECK(notify.field("Content-Type") == "text/plain");
    };
    // A NOTIFY that leaves meanwhile.
    world.echo.decisions["bob@example.com"] = pending;
    world.notifier.decide_again(world.net.now, 0, "");
    world.net.drain();
    as_before("pending;expires=500");
    world.echo.decisions.clear();
    world.notifier.decide_again(world.net.now, 0, "");
    world.net.drain();
    as_before("active;expires=500");

    SUBCASE("not stored") {
        world.net.commit(false);
        CHECK(world.net.take().status() == 500);
        world.net.sent.clear();
        world.net.pass(seconds{61});
        CHECK(world.net.sent.empty());
        world.echo.extra = "more";
        world.notifier.state_changed(world.net.now, 0, "alice@example.com");
        world.net.drain();
        as_before("active;expires=439");
        // RFC 3261 12.2.2: its CSeq was seen, all the same.
        refresh.branch.clear();
        CHECK(world.net.ask(other, refresh).status() == 500);
        refresh.cseq = 8;
        CHECK_FALSE(world.net.ask(other, refresh));
        world.net.commit();
        CHECK(world.net.take().status() == 200);
    }
    SUBCASE("stored") {
        world.net.commit();
        CHECK(world.net.take().status() == 200);
    }
    const RawMessage notify = world.net.take("NOTIFY");
    CHECK(notify.flow == other);
    CHECK(notify.request_uri() == "sip:elsewhere@192.0.2.98:5099");
    CHECK(notify.field("Content-Type") == "text/x-echo");
    CHECK(notify.field("Subscription-State") == "active;expires=60");
    CHECK(world.stack.transport().is_bound(other));
}

TEST_CASE("T-35: a refresh that memory refuses leaves target and way as they were") {
    bool succeeded = false;
    for (std::uint64_t n = 0; n < 60 && !succeeded; ++n) {
        CAPTURE(n);
        EventWorld world;
        const RawMessage answer = world.net.ask(world.subscribe_request());
        world.net.sent.clear();
        world.net.answer_notify = false;
        RawRequest refresh = EventWorld::in_dialog(world.subscribe_request(), answer, 2);
        refresh.fields[1] = "Contact: <sip:elsewhere@192.0.2.98:5099>";
        const std::string text = world.net.text_of(refresh.with("Accept: text/x-echo"));
        world.net.sent.clear();
        world.stack.shard().memory.refuse_after(n);
        world.net.input(text);
        world.stack.shard().memory.refuse_none();
        succeeded = world.stack.shard().memory.refusals() == 0;
        int status = 0;
        RawMessage notify;
        while (const RawMessage message = world.net.take())
            if (message.status() != 0)
                status = message.status();
            else
                notify = message;
        if (notify) world.net.answer(notify);
        world.net.sent.clear();
        world.echo.extra = "more";
        world.notifier.state_changed(world.net.now, 0, "alice@example.com");
        world.net.pass(seconds{33});  // a NOTIFY that found no memory is tried again
        notify = world.net.take("NOTIFY");
        REQUIRE(notify);
        if (status >= 500) {
            CHECK(notify.request_uri() == "sip:bob@192.0.2.99:5062");
            CHECK(notify.field("Content-Type") == "text/plain");
        } else if (status == 200) {
            CHECK(notify.request_uri() == "sip:elsewhere@192.0.2.98:5099");
            CHECK(notify.field("Content-Type") == "text/x-echo");
        }
    }
    CHECK(succeeded);
}

TEST_CASE("T-35 T-31: what is stored is answered 200, whatever memory there is to go on with") {
    for (const bool first : {true, false}) {
        bool succeeded = false;
        for (std::uint64_t n = 0; n < 60 && !succeeded; ++n) {
            CAPTURE(n);
            EventWorld world(with_store());
            RawRequest request = world.subscribe_request();
            if (!first) {
                world.net.ask(request);
                world.net.commit();
                request = EventWorld::in_dialog(request, world.net.take(), 2);
                request.with("Accept: text/x-echo");
            }
            world.net.ask(request);
            world.stack.shard().memory.refuse_after(n);
            world.net.commit();
            world.stack.shard().memory.refuse_none();
            succeeded = world.stack.shard().memory.refusals() == 0;
            world.net.pass(seconds{33});
            bool told = false;
            while (const RawMessage message = world.net.take()) {
                CHECK((message.status() == 0 || message.status() == 200));
                told |= message.method() == "NOTIFY";
            }
            CHECK(told);
        }
        CHECK(succeeded);
    }
}

TEST_CASE("T-31: what is stored of a subscription is what holds after the commit") {
    EventWorld world(with_store());
    world.net.answer_notify = false;
    const RawRequest first =
        world.subscribe_request().with("Record-Route: <sip:192.0.2.99:5062;lr>, <sip:p2;lr>");
    RawRequest request = first;
    request.fields[0] = "Event: echo;id=Seven";
    world.net.ask(request.with("Expires: 600"));
    const Stored made(world.net.records);
    CHECK(held_by<SubscriptionRecord>(world.notifier, world.net.now).empty());
    world.net.commit();
    const RawMessage answer = world.net.take(), notify = world.net.take("NOTIFY");
    REQUIRE(made.records.size() == 1);
    SubscriptionRecord record = made.of<SubscriptionRecord>(0);
    CHECK(made.is(0, RecordChange::put));
    CHECK(record.resource == "alice@example.com");
    CHECK(record.package == "echo");
    CHECK(record.event_id == "Seven");
    CHECK(record.body_type == "text/plain");
    CHECK(record.watcher == "bob@example.com");
    CHECK(record.call_id == "bob-call");
    CHECK(record.local_tag == answer.to_tag());
    CHECK(record.remote_tag == "bob");
    CHECK(record.local_uri == "sip:alice@example.com");
    CHECK(record.remote_uri == "sip:bob@example.com");
    CHECK(record.remote_target == notify.request_uri());
    CHECK(record.routes == "<sip:192.0.2.99:5062;lr><sip:p2;lr>");
    CHECK(record.remote_cseq == 1);
    CHECK_FALSE(record.direct);
    CHECK(record.transport == Transport::udp);
    CHECK(record.listener == world.net.udp);
    CHECK(record.local == world.net.server);
    CHECK(record.remote == world.net.peer);
    CHECK(record.expires_at_ms == world.net.now.wall_ms + 600'000);
    ++record.local_cseq;  // the NOTIFY
    CHECK(held_by<SubscriptionRecord>(world.notifier, world.net.now) == std::vector{record});
    world.net.answer(notify);

    world.net.pass(seconds{10});
    RawRequest refresh = EventWorld::in_dialog(first, answer, 9);
    refresh.fields = {"Event: echo;id=Seven", "Contact: <sip:elsewhere@192.0.2.98:5099>",
                      "Accept: text/x-echo", "Expires: 60"};
    world.net.ask(refresh);
    const Stored moved(world.net.records);
    record.remote_cseq = 9;  // seen, whatever becomes of it
    CHECK(held_by<SubscriptionRecord>(world.notifier, world.net.now) == std::vector{record});
    world.net.commit();
    REQUIRE(moved.is(0, RecordChange::put));
    record = moved.of<SubscriptionRecord>(0);
    CHECK(record.local_tag == answer.to_tag());
    CHECK(record.remote_target == "sip:elsewhere@192.0.2.98:5099");
    CHECK(record.body_type == "text/x-echo");
    CHECK(record.remote_cseq == 9);
    CHECK(record.direct);
    CHECK(record.expires_at_ms == world.net.now.wall_ms + 60'000);
    ++record.local_cseq;
    CHECK(held_by<SubscriptionRecord>(world.notifier, world.net.now) == std::vector{record});

    refresh.cseq = 10;
    refresh.branch.clear();
    refresh.fields.back() = "Expires: 0";
    world.net.ask(refresh);
    const Stored gone(world.net.records);
    world.net.commit();
    REQUIRE(gone.is(0, RecordChange::remove));
    CHECK(gone.of<SubscriptionRecord>(0).local_tag == answer.to_tag());
    CHECK(gone.of<SubscriptionRecord>(0).resource == "alice@example.com");
    CHECK(held_by<SubscriptionRecord>(world.notifier, world.net.now).empty());
}

TEST_CASE("a fetch leaves nothing to be stored, and waits for no store") {
    EventWorld world(with_store());
    CHECK(world.net.ask(world.subscribe_request().with("Expires: 0")).status() == 200);
    CHECK(world.net.take("NOTIFY").field("Subscription-State") == "terminated;reason=timeout");
    CHECK(world.net.commits.empty());
    CHECK(world.notifier.size() == 0);
}

TEST_CASE("ROUR-7: what ends while its SUBSCRIBE is being stored leaves nothing behind") {
    for (const bool durable : {true, false}) {
        for (const bool first : {true, false}) {
            EventWorld world(with_store());
            RawRequest request = world.subscribe_request();
            if (!first) {
                world.net.ask(request);
                world.net.commit();
                request = EventWorld::in_dialog(request, world.net.take(), 2);
                request.with("Accept: text/x-echo");
            }
            world.net.sent.clear();
            world.net.ask(request);
            world.notifier.end(world.net.now, 0, "alice@example.com",
                               subscription_machine::Event::no_resource);
            world.net.drain();
            CHECK(world.notifier.size() == 0);
            CHECK(world.resources.size() == 1);  // as long as the store is at work
            world.net.commit(durable);
            CHECK(world.resources.size() == 0);
            RawMessage answer = world.net.take();
            while (answer && answer.status() == 0) answer = world.net.take();
            CHECK(answer.status() == 500);
        }
    }
    EventWorld world(with_store());
    world.net.ask(world.subscribe_request());  // and the whole world ends
}
