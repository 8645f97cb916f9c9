#include <doctest/doctest.h>

#include "tests/support/server_world.hpp"

// How devices are reached that no address leads to: behind a NAT, by their connection, by a GRUU.

namespace {

using sip::FlowId;

presence::ServerOptions carrying() {
    presence::ServerOptions options = ServerWorld::open();
    options.relay = sip::Proxy::Relay::local;
    options.gives_gruu = true;
    return options;
}

/// A request of somebody elsewhere.
RawRequest from_elsewhere(const std::string& method, const std::string& uri) {
    RawRequest request{method, uri};
    request.from = "<sip:carol@example.org>;tag=c";
    request.call_id = "elsewhere-" + method + uri;
    if (method == "INVITE") request.with("Contact: <sip:carol@192.0.2.99:5062>");
    return request;
}

/// Registers bob by a connection, as a device that is asked for by its instance alone.
RawMessage register_device(ServerWorld& w, FlowId flow, const std::string& call_id) {
    RawRequest request = w.register_(
        "bob", "<sip:bob@10.0.0.7:5070;transport=tcp>;+sip.instance=\"<urn:uuid:1>\";reg-id=1");
    request.call_id = call_id;
    request.with("Supported: outbound, path, gruu");
    return w.raw.ask(flow, request);
}

}  // namespace

TEST_CASE("a phone behind a NAT is sent requests where it registered from") {
    ServerWorld w(carrying());
    std::string text = w.raw.text_of(w.register_("bob", "<sip:bob@10.0.0.7:5070>"));
    const std::string said = "192.0.2.99:5062";
    text.replace(text.find(said), said.size(), "10.0.0.7:5070");
    w.raw.input(text);
    REQUIRE(w.raw.take().status() == 200);
    w.raw.sent.clear();
    w.raw.input(w.raw.text_of(from_elsewhere("MESSAGE", "sip:bob@example.com")));
    const RawMessage carried = w.raw.take("MESSAGE");
    REQUIRE(carried);
    CHECK(carried.to == w.raw.peer);
    CHECK(carried.request_uri() == "sip:bob@10.0.0.7:5070");
}

TEST_CASE("RFC 5627 6.1: what is for a GRUU goes to that device alone, by its connection") {
    ServerWorld w(carrying());
    const FlowId flow = w.raw.connect();
    const RawMessage registered = register_device(w, flow, "device");
    REQUIRE(registered.status() == 200);
    REQUIRE(w.raw.ask(w.register_("bob", "<sip:bob@192.0.2.50:5060>")).status() == 200);
    const std::string contact = registered.field("Contact");
    const auto at = contact.find("temp-gruu=\"") + 11;
    const std::string temporary = contact.substr(at, contact.find('"', at) - at);
    for (const std::string& uri : {std::string("sip:bob@example.com;gr=urn:uuid:1"), temporary}) {
        CAPTURE(uri);
        w.raw.sent.clear();
        w.raw.input(w.raw.text_of(from_elsewhere("MESSAGE", uri)));
        std::vector<RawMessage> carried;
        while (const RawMessage each = w.raw.take("MESSAGE")) carried.push_back(each);
        REQUIRE(carried.size() == 1);
        CHECK(carried[0].flow == flow);
        CHECK(carried[0].request_uri() == "sip:bob@10.0.0.7:5070;transport=tcp");
    }
    // Both of them for the user; nobody for a device that is not there.
    w.raw.sent.clear();
    w.raw.input(w.raw.text_of(from_elsewhere("INVITE", "sip:bob@example.com")));
    std::size_t invites = 0;
    while (w.raw.take("INVITE")) ++invites;
    CHECK(invites == 2);
    w.raw.sent.clear();
    w.raw.input(w.raw.text_of(from_elsewhere("MESSAGE", "sip:bob@example.com;gr=urn:uuid:2")));
    CHECK(w.raw.take().status() == 480);
}

TEST_CASE("RFC 5626 7: of a device's flows one is used, the newest") {
    ServerWorld w(carrying());
    const FlowId one = w.raw.connect();
    REQUIRE(register_device(w, one, "one").status() == 200);
    const FlowId two = w.raw.connect();
    RawRequest second = w.register_(
        "bob", "<sip:bob@10.0.0.7:5071;transport=tcp>;+sip.instance=\"<urn:uuid:1>\";reg-id=2");
    second.call_id = "two";
    REQUIRE(w.raw.ask(two, second).status() == 200);
    CHECK(w.server.registrar().size() == 2);
    const auto asked = [&](const std::string& call_id) {
        w.raw.sent.clear();
        RawRequest request = from_elsewhere("MESSAGE", "sip:bob@example.com");
        request.call_id = call_id;
        w.raw.input(w.raw.text_of(request));
        std::vector<FlowId> found;
        while (const RawMessage each = w.raw.take("MESSAGE")) found.push_back(each.flow);
        return found;
    };
    CHECK(asked("a") == std::vector<FlowId>{two});
    w.server.closed(w.raw.now, two);
    w.raw.drain();
    CHECK(asked("b") == std::vector<FlowId>{one});
}

TEST_CASE(
    "a watcher whose Contact is its GRUU is told by the connection that it registers by now") {
    ServerWorld w(carrying());
    const FlowId one = w.raw.connect();
    REQUIRE(register_device(w, one, "device").status() == 200);
    RawRequest subscribe = ServerWorld::subscribe("bob");
    subscribe.fields[1] = "Contact: <sip:bob@example.com;gr=urn:uuid:1>";
    REQUIRE(w.raw.ask(one, subscribe).status() == 200);
    CHECK(w.raw.take("NOTIFY").flow == one);
    w.server.closed(w.raw.now, one);
    w.raw.drain();
    CHECK(w.server.notifier().suspects() == 1);
    const FlowId two = w.raw.connect();
    REQUIRE(register_device(w, two, "device").status() == 200);
    w.raw.sent.clear();
    (void)w.raw.ask(w.publish("alice", pidf_document("open")));
    w.raw.pass(sip::seconds{6});
    const RawMessage notify = w.raw.take("NOTIFY");
    CHECK(notify.flow == two);
    CHECK(notify.request_uri() == "sip:bob@example.com;gr=urn:uuid:1");
    CHECK(w.server.notifier().suspects() == 0);
}

TEST_CASE("a GRUU leads to its device also where its domain is an address") {
    constexpr std::array<std::string_view, 2> domains{"example.com", "192.0.2.77"};
    presence::ServerOptions options = carrying();
    options.domains = domains;
    ServerWorld w(options);
    const FlowId home = w.raw.connect(), way = w.raw.connect();
    RawRequest request = w.register_(
        "bob", "<sip:bob@10.0.0.7:5070;transport=tcp>;+sip.instance=\"<urn:uuid:1>\";reg-id=1");
    request.uri = "sip:192.0.2.77";
    request.from = "<sip:bob@192.0.2.77>;tag=register";
    request.to = "<sip:bob@192.0.2.77>";
    request.with("Supported: outbound, path, gruu");
    REQUIRE(w.raw.ask(home, request).status() == 200);
    RawRequest subscribe = ServerWorld::subscribe("bob");
    subscribe.fields[1] = "Contact: <sip:bob@192.0.2.77;gr=urn:uuid:1>";
    REQUIRE(w.raw.ask(way, subscribe).status() == 200);
    CHECK(w.raw.take("NOTIFY").flow == way);
    w.raw.sent.clear();
    w.server.closed(w.raw.now, way);
    (void)w.raw.ask(w.publish("alice", pidf_document("open")));
    w.raw.pass(sip::seconds{6});
    CHECK(w.raw.take("NOTIFY").flow == home);
}

TEST_CASE("a phone's presence goes with its connection, and its watchers are told at once") {
    ServerWorld w(carrying());
    const FlowId flow = w.raw.connect();
    REQUIRE(register_device(w, flow, "device").status() == 200);
    RawRequest subscribe = ServerWorld::subscribe("alice", "bob");
    (void)w.raw.ask(subscribe);
    CHECK(w.raw.take("NOTIFY").body().find("<basic>open") != std::string::npos);
    w.raw.pass(sip::seconds{6});
    w.raw.sent.clear();
    w.server.closed(w.raw.now, flow);
    w.raw.drain();
    CHECK(w.raw.take("NOTIFY").body().find("<basic>closed") != std::string::npos);
}
