#include <doctest/doctest.h>

#include <algorithm>

#include "sip/transaction/record.hpp"
#include "tests/support/event_world.hpp"

namespace {

using namespace sip;

/// A SUBSCRIBE from behind a NAT: its Contact is nowhere, the connection alone leads to it.
RawRequest from_device(EventWorld& world, const std::string& call, const std::string& port = "5070",
                       const std::string& instance = "<urn:uuid:1>") {
    RawRequest request = world.subscribe_request();
    request.call_id = call;
    request.fields[1] = "Contact: <sip:bob@10.0.0.7:" + port + ";transport=tcp>";
    if (!instance.empty()) request.fields[1] += ";+sip.instance=\"" + instance + "\"";
    request.with("Expires: 600");
    return request;
}

struct Watching : EventWorld {
    using EventWorld::EventWorld;
    FlowId flow = net.connect();
    RawMessage answer = net.ask(flow, from_device(*this, "first"));

    void cut() {
        stack.closed(net.now, flow);
        net.drain();
    }
    /// Connections that were asked for come to nothing.
    void refuse_opened() {
        while (!net.opened.empty()) {
            const FlowId asked = net.opened.front().flow;
            net.opened.pop_front();
            stack.closed(net.now, asked);
            net.drain();
        }
    }
    void change(const std::string& body) {
        (void)net.ask(publish_request(body));
        net.pass(seconds{6});
        refuse_opened();
    }
    std::size_t notifies() {
        std::size_t count = 0;
        for (const RawMessage& message : net.sent) count += message.method() == "NOTIFY";
        return count;
    }
};

}  // namespace

TEST_CASE("a watcher whose connection goes is kept, and told nothing that it could not hear") {
    Watching world;
    REQUIRE(world.answer.status() == 200);
    world.cut();
    CHECK(world.notifier.suspects() == 1);
    world.change("one");
    world.change("two");
    world.net.sent.clear();
    world.change("three");
    CHECK(world.notifies() == 0);
    CHECK(world.notifier.size() == 1);
    CHECK(world.stack.clients().size() == 0);
    // One try was enough; no state change brings about another.
    CHECK(world.net.opened.empty());
    world.net.pass(seconds{400});
    CHECK(world.notifier.size() == 1);
    world.net.pass(seconds{300});
    CHECK(world.net.opened.empty());
    CHECK(world.notifier.size() == 0);
    CHECK(world.notifier.suspects() == 0);
}

TEST_CASE("T-11: a suspect that is not to be reached leaves the way free for the next one there") {
    Watching world;
    const FlowId other = world.net.connect();
    CHECK(world.net.ask(other, from_device(world, "two", "5072", "<urn:uuid:2>")).status() == 200);
    world.cut();
    world.stack.closed(world.net.now, other);
    world.net.drain();
    (void)world.net.ask(world.publish_request("news"));
    std::vector<std::uint16_t> tried;
    while (!world.net.opened.empty()) {
        tried.push_back(world.net.opened.front().to.port);
        const FlowId asked = world.net.opened.front().flow;
        world.net.opened.pop_front();
        world.stack.closed(world.net.now, asked);
        world.net.drain();
    }
    std::sort(tried.begin(), tried.end());
    CHECK(tried == std::vector<std::uint16_t>{5070, 5072});
    CHECK(world.notifier.suspects() == 2);
}

TEST_CASE("a suspect that refreshes its dialog by another connection is told at once") {
    Watching world;
    world.cut();
    world.change("missed");
    world.net.sent.clear();
    const FlowId back = world.net.connect();
    RawRequest again = EventWorld::in_dialog(from_device(world, "first"), world.answer, 2);
    CHECK(world.net.ask(back, again).status() == 200);
    const RawMessage notify = world.net.take("NOTIFY");
    CHECK(notify.flow == back);
    CHECK(notify.body().find("missed") != std::string::npos);
    CHECK(world.notifier.suspects() == 0);
    world.net.sent.clear();
    world.change("after");
    CHECK(world.net.take("NOTIFY").flow == back);
}

TEST_CASE("a device that comes back with a new dialog takes the place of its old one") {
    Watching world;
    world.cut();
    const FlowId back = world.net.connect();
    // Another port in its Contact: the instance tells.
    CHECK(world.net.ask(back, from_device(world, "second", "5099")).status() == 200);
    CHECK(world.notifier.size() == 1);
    CHECK(world.notifier.suspects() == 0);
    world.net.sent.clear();
    world.change("seen once");
    CHECK(world.notifies() == 1);
    CHECK(world.net.take("NOTIFY").field("Call-ID") == "second");
    // The old dialog is no more.
    RawRequest old = EventWorld::in_dialog(from_device(world, "first"), world.answer, 2);
    CHECK(world.net.ask(back, old).status() == 481);
}

TEST_CASE("a device that came back before its old connection was known to be gone is one lamp") {
    Watching world;
    const FlowId back = world.net.connect();
    CHECK(world.net.ask(back, from_device(world, "second")).status() == 200);
    CHECK(world.notifier.size() == 2);
    world.cut();
    CHECK(world.notifier.size() == 1);
    CHECK(world.notifier.suspects() == 0);
}

TEST_CASE("without an instance the same Contact is the same device, and another one is not") {
    Watching world;
    const FlowId plain = world.net.connect();
    CHECK(world.net.ask(plain, from_device(world, "plain", "5070", "")).status() == 200);
    world.stack.closed(world.net.now, plain);
    world.net.drain();
    const FlowId back = world.net.connect();
    CHECK(world.net.ask(back, from_device(world, "other", "5071", "")).status() == 200);
    CHECK(world.notifier.size() == 3);
    CHECK(world.net.ask(back, from_device(world, "same", "5070", "")).status() == 200);
    CHECK(world.notifier.size() == 3);
    CHECK(world.notifier.suspects() == 0);
}

TEST_CASE("another user, another event id or a fetch does not take the place of a suspect") {
    Watching world;
    world.cut();
    const FlowId back = world.net.connect();
    RawRequest eve = from_device(world, "eve");
    eve.from = "<sip:eve@example.com>;tag=eve";
    CHECK(world.net.ask(back, eve).status() == 200);
    RawRequest other = from_device(world, "other");
    other.fields[0] = "Event: echo;id=7";
    CHECK(world.net.ask(back, other).status() == 200);
    RawRequest fetch = from_device(world, "fetch");
    fetch.fields.back() = "Expires: 0";
    CHECK(world.net.ask(back, fetch).status() == 200);
    CHECK(world.notifier.suspects() == 1);
    CHECK(world.notifier.size() == 3);
}

TEST_CASE("a NOTIFY on its way when the connection goes is told again to whoever comes back") {
    Watching world;
    world.net.answer_notify = false;
    world.change("in flight");
    CHECK(world.stack.clients().size() == 1);
    world.cut();
    world.refuse_opened();
    CHECK(world.stack.clients().size() == 0);
    world.net.pass(seconds{200});
    CHECK(world.notifier.size() == 1);
    world.net.sent.clear();
    const FlowId back = world.net.connect();
    RawRequest again = EventWorld::in_dialog(from_device(world, "first"), world.answer, 2);
    (void)world.net.ask(back, again);
    CHECK(world.net.take("NOTIFY").body().find("in flight") != std::string::npos);
}

TEST_CASE("T-19: a watcher that was being told its end is gone with its connection") {
    Watching world;
    world.net.answer_notify = false;
    RawRequest end = EventWorld::in_dialog(from_device(world, "first"), world.answer, 2);
    end.fields.back() = "Expires: 0";
    CHECK(world.net.ask(world.flow, end).status() == 200);
    CHECK(world.notifier.size() == 1);
    world.cut();
    CHECK(world.notifier.size() == 0);
}

TEST_CASE("a suspect that can be reached at its Contact is told there, and is none any more") {
    EventWorld world;
    const FlowId flow = world.net.connect();
    RawRequest request = world.subscribe_request();
    request.fields[1] = "Contact: <sip:bob@192.0.2.99:5062;transport=tcp>";
    CHECK(world.net.ask(flow, request).status() == 200);
    world.stack.closed(world.net.now, flow);
    world.net.drain();
    CHECK(world.notifier.suspects() == 1);
    world.net.sent.clear();
    (void)world.net.ask(world.publish_request("still there"));
    REQUIRE(world.net.opened.size() == 1);
    world.stack.connected(world.net.now, world.net.opened[0].flow, world.net.server);
    world.net.drain();
    CHECK(world.net.take("NOTIFY").body().find("still there") != std::string::npos);
    CHECK(world.notifier.suspects() == 0);
    // A refusal that ends subscriptions ends this one, too.
    world.net.answer_notify = false;
    (void)world.net.ask(world.publish_request("no more"));
    world.net.pass(seconds{6});
    world.net.answer(world.net.take("NOTIFY"), 481);
    CHECK(world.notifier.size() == 0);
}

TEST_CASE("T-11: a suspect's end that nobody answers where its Contact leads is the end of it") {
    EventWorld world;
    const FlowId flow = world.net.connect();
    RawRequest request = world.subscribe_request();
    request.fields[1] = "Contact: <sip:bob@198.51.100.2:5062>";
    request.with("Expires: 600");
    CHECK(world.net.ask(flow, request).status() == 200);
    world.stack.closed(world.net.now, flow);
    world.net.drain();
    CHECK(world.notifier.suspects() == 1);
    world.net.answer_notify = false;
    world.net.sent.clear();
    world.net.pass(seconds{700});
    CHECK(world.net.take("NOTIFY").field("Subscription-State").starts_with("terminated"));
    CHECK(world.notifier.size() == 0);
    CHECK(world.notifier.suspects() == 0);
}

TEST_CASE("T-16: whoever has all the subscriptions a user may have comes back all the same") {
    EventWorld::Options options;
    options.stack.limits.subscriptions_per_user = 2;
    Watching world(options);
    const FlowId back = world.net.connect();
    CHECK(world.net.ask(back, from_device(world, "two", "5071", "<urn:uuid:2>")).status() == 200);
    CHECK(world.net.ask(back, from_device(world, "three", "5072", "<urn:uuid:3>")).status() == 503);
    world.cut();
    CHECK(world.net.ask(back, from_device(world, "three", "5072", "<urn:uuid:3>")).status() == 503);
    CHECK(world.net.ask(back, from_device(world, "again")).status() == 200);
    CHECK(world.notifier.size() == 2);
}

TEST_CASE("a store is told that the old dialog of a device is no more, with the new one") {
    EventWorld::Options options;
    options.stack.has_store = true;
    EventWorld world(options);
    const FlowId flow = world.net.connect();
    (void)world.net.ask(flow, from_device(world, "first"));
    world.net.commit();
    const std::string tag = world.net.take("").to_tag();
    world.stack.closed(world.net.now, flow);
    world.net.drain();
    world.net.records.clear();
    const FlowId back = world.net.connect();
    (void)world.net.ask(back, from_device(world, "second"));
    CHECK(world.notifier.suspects() == 1);
    std::string_view rest = world.net.records;
    std::vector<std::string> seen;
    while (const auto record = next_record(rest)) {
        REQUIRE(*record);
        const auto* subscription = std::get_if<SubscriptionRecord>(&(*record)->of);
        REQUIRE(subscription != nullptr);
        seen.push_back(((*record)->change == RecordChange::put ? "put " : "remove ") +
                       std::string(subscription->local_tag));
    }
    REQUIRE(seen.size() == 2);
    CHECK(seen[0] != "put " + tag);
    CHECK(seen[1] == "remove " + tag);
    world.net.commit();
    CHECK(world.notifier.size() == 1);
    CHECK(world.notifier.suspects() == 0);
}

TEST_CASE("T-9: a device that loses its connection again while its new dialog is stored") {
    EventWorld::Options options;
    options.stack.has_store = true;
    EventWorld world(options);
    const FlowId flow = world.net.connect();
    (void)world.net.ask(flow, from_device(world, "first"));
    world.net.commit();
    world.stack.closed(world.net.now, flow);
    world.net.drain();
    const FlowId back = world.net.connect();
    (void)world.net.ask(back, from_device(world, "second"));
    world.stack.closed(world.net.now, back);
    world.net.drain();
    CHECK(world.notifier.suspects() == 2);
    world.net.commit();
    CHECK(world.notifier.size() == 1);
    CHECK(world.notifier.suspects() == 1);
}

TEST_CASE("a watcher behind a proxy is no suspect: its Route leads there") {
    EventWorld world;
    const FlowId flow = world.net.connect();
    RawRequest request = from_device(world, "routed");
    request.with("Record-Route: <sip:192.0.2.99:5062;transport=tcp;lr>");
    CHECK(world.net.ask(flow, request).status() == 200);
    world.stack.closed(world.net.now, flow);
    world.net.drain();
    CHECK(world.notifier.suspects() == 0);
    (void)world.net.ask(world.publish_request("by the route"));
    world.net.pass(seconds{6});
    REQUIRE(world.net.opened.size() == 1);
    CHECK(world.net.opened[0].to == world.net.peer);
}
