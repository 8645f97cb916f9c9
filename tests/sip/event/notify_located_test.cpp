// Where NOTIFYs go when the next hop of a dialog is a name.

#include <doctest/doctest.h>

#include "tests/support/event_world.hpp"

using sip::Address;
using sip::seconds;

namespace {

struct NamedWorld : EventWorld {
    explicit NamedWorld(bool answered = true) {
        names.srv("_sip._udp.phone.example", 1, 1, 5071, "a.example");
        names.srv("_sip._udp.phone.example", 2, 1, 5072, "b.example");
        names.a("a.example", Address::v4(192, 0, 2, 71));
        names.a("b.example", Address::v4(192, 0, 2, 72));
        net.answer_notify = false;
        if (answered) net.names = &names;
    }
    /// As a proxy passes it on: with a second Via.
    RawRequest through_a_proxy(const std::string& contact, const std::string& who = "bob") {
        RawRequest request = subscribe_request(who);
        request.fields = {"Event: echo", "Contact: <" + contact + ">",
                          "Via: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKfar"};
        return request;
    }
    RawMessage notify() {
        net.drain();
        return net.take("NOTIFY");
    }
    ScriptedNames names;
};

}  // namespace

TEST_CASE("T-26: who speaks to us straight gets NOTIFYs there, and no name of his is looked up") {
    NamedWorld world(false);
    RawRequest request = world.subscribe_request();
    request.fields = {"Event: echo", "Contact: <sip:bob@phone.example>"};
    CHECK(world.net.ask(request).status() == 200);
    const RawMessage notify = world.notify();
    CHECK(notify.to == world.net.peer);
    CHECK(notify.request_uri() == "sip:bob@phone.example");
    CHECK(world.net.asked.empty());

    // By a connection that is gone: still nobody is asked.
    const sip::FlowId flow = world.net.connect();
    request.call_id = "by-tcp";
    CHECK(world.net.ask(flow, request).status() == 200);
    CHECK(world.notify().flow == flow);
    world.stack.closed(world.net.now, flow);
    world.net.input(world.net.text_of(world.publish_request("new")));
    world.net.drain();
    world.net.pass(seconds{200});
    CHECK(world.net.asked.empty());
}

TEST_CASE("T-26: a next hop that is a name is looked up, and nothing else waits for it") {
    NamedWorld world(false);
    CHECK(world.net.ask(world.through_a_proxy("sip:bob@phone.example;transport=udp")).status() ==
          200);
    CHECK_FALSE(world.notify());
    CHECK(world.net.asked == std::vector<std::string>{"SRV _sip._udp.phone.example"});
    // Another watcher's leave meanwhile.
    CHECK(world.net.ask(world.subscribe_request("carol")).status() == 200);
    const RawMessage carols = world.notify();
    CHECK(carols.to == world.net.peer);
    world.net.answer(carols);
    world.net.answer_names(world.names);
    world.net.answer_names(world.names);
    const RawMessage notify = world.notify();
    CHECK(notify.to == sip::Endpoint{Address::v4(192, 0, 2, 71), 5071});
    CHECK(notify.request_uri() == "sip:bob@phone.example;transport=udp");
    world.net.answer(notify);
    CHECK(world.stack.core().locator.size() == 0);
    CHECK(world.notifier.size() == 2);
}

TEST_CASE("R3263-4.3-1 T-26: a NOTIFY that nobody takes goes to the next before it has failed") {
    NamedWorld world;
    CHECK(world.net.ask(world.through_a_proxy("sip:bob@phone.example;transport=udp")).status() ==
          200);
    const RawMessage first = world.notify();
    CHECK(first.to.port == 5071);
    world.net.sent.clear();
    SUBCASE("after a timeout") { world.net.pass(seconds{8}); }
    SUBCASE("after a 503") { world.net.answer(first, 503); }
    RawMessage second;
    while (const RawMessage each = world.notify()) second = each;
    CHECK(second.to == sip::Endpoint{Address::v4(192, 0, 2, 72), 5072});
    CHECK(second.field("Via") != first.field("Via"));
    CHECK(second.field("Call-ID") == first.field("Call-ID"));
    CHECK(world.stack.counters().notify_failures == 0);
    world.net.answer(second);
    CHECK(world.notifier.size() == 1);

    // What follows goes where it was taken.
    world.net.pass(seconds{90});
    world.net.input(world.net.text_of(world.publish_request("new")));
    CHECK(world.notify().to.port == 5072);
    // When nobody takes it, it has failed once, and a timeout ends the subscription.
    world.net.pass(seconds{32});
    world.net.pass(seconds{32});
    CHECK(world.stack.counters().notify_failures == 1);
    CHECK(world.notifier.size() == 0);
}

TEST_CASE("T-26: a name that leads nowhere is a failed NOTIFY, tried again in time") {
    NamedWorld world;
    world.names.negative_ttl_s = 20;
    CHECK(world.net.ask(world.through_a_proxy("sip:bob@nobody.example:5070")).status() == 200);
    CHECK_FALSE(world.notify());
    CHECK(world.stack.counters().notify_failures == 1);
    CHECK(world.notifier.size() == 1);
    world.names.a("nobody.example", Address::v4(192, 0, 2, 77));
    world.net.pass(seconds{32});
    const RawMessage notify = world.notify();
    CHECK(notify.to == sip::Endpoint{Address::v4(192, 0, 2, 77), 5070});
    // Under invalid nobody is asked; three failures are the end.
    world.net.answer(notify);
    world.net.asked.clear();
    CHECK(world.net.ask(world.through_a_proxy("sip:eve@x.invalid", "eve")).status() == 200);
    world.net.pass(seconds{100});
    CHECK(world.net.asked.empty());
    CHECK(world.notifier.size() == 1);
}

TEST_CASE("T-26: hostile names wait in bounded number, and leave when their subscriptions do") {
    NamedWorld world(false);
    for (int i = 0; i < 20; ++i) {
        const std::string who = "eve" + std::to_string(i);
        CHECK(
            world.net.ask(world.through_a_proxy("sip:e@" + who + ".example:5060", who)).status() ==
            200);
    }
    CHECK(world.stack.core().locator.size() == 20);
    // The name server says nothing at all.
    world.net.pass(seconds{10});
    CHECK(world.stack.core().locator.size() == 0);
    CHECK(world.stack.counters().name_timeouts == 20);
    CHECK(world.stack.counters().notify_failures == 20);
    world.net.pass(seconds{200});
    CHECK(world.notifier.size() == 0);
    CHECK(world.stack.core().locator.size() == 0);
    world.net.answer_names(world.names);
    CHECK_FALSE(world.notify());
}

TEST_CASE("T-26: a subscription that ends while its name is looked up is told so") {
    NamedWorld world(false);
    RawRequest request = world.through_a_proxy("sip:bob@phone.example;transport=udp");
    const RawMessage answer = world.net.ask(request);
    CHECK(answer.status() == 200);
    RawRequest ending = EventWorld::in_dialog(request, answer, 2);
    ending.branch.clear();
    ending.with("Expires: 0");
    CHECK(world.net.ask(ending).status() == 200);
    world.net.answer_names(world.names);
    world.net.answer_names(world.names);
    const RawMessage notify = world.notify();
    CHECK(notify.to.port == 5071);
    CHECK(notify.field("Subscription-State").starts_with("terminated"));
    world.net.answer(notify);
    CHECK(world.notifier.size() == 0);
}

TEST_CASE("T-27: a name that leads to this server is no way for a NOTIFY") {
    NamedWorld world;
    world.names.a("us.example", Address::v4(192, 0, 2, 1));
    CHECK(world.net.ask(world.through_a_proxy("sip:bob@us.example:5060")).status() == 200);
    CHECK_FALSE(world.notify());
    CHECK(world.stack.counters().notify_failures == 1);
}

TEST_CASE("a route that is a name is followed, and back by the socket that its proxy spoke from") {
    NamedWorld world;
    world.names.a("proxy.example", world.net.peer.address);
    RawRequest request = world.subscribe_request();
    request.with("Record-Route: <sip:proxy.example:5062;lr>");
    CHECK(world.net.ask(request).status() == 200);
    const RawMessage notify = world.notify();
    CHECK(notify.to == world.net.peer);
    CHECK(notify.field("Route") == "<sip:proxy.example:5062;lr>");
}
