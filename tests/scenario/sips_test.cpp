// SIPS and TLS seen from the core: RFC 3261 12.1, 26.2, RFC 5630, RFC 5922, RFC 5923.

#include <doctest/doctest.h>

#include "tests/support/server_world.hpp"
#include "tests/support/world.hpp"

namespace {

using sip::Endpoint;
using sip::FlowId;
using sip::Transport;

/// A presence server that takes TLS too, and peers that speak to it so.
struct SipsWorld : ServerWorld {
    explicit SipsWorld(const presence::ServerOptions& options = ServerWorld::open())
        : ServerWorld(options) {
        (void)server.add_listener({sip::ListenerId{3}, Transport::tls, at, {}});
    }
    FlowId connect(const std::vector<std::string_view>& names = {}) {
        const FlowId flow = server.accepted(raw.now, Transport::tls, at, raw.peer);
        server.secured(raw.now, flow, names);
        return flow;
    }
    RawMessage ask(FlowId flow, const RawRequest& request) {
        raw.sent.clear();
        raw.input(flow, raw.text_of(request, "TLS"));
        return raw.take();
    }
    static RawRequest secure(RawRequest request) {
        request.uri.insert(3, "s");
        for (std::string& field : request.fields)
            if (field.starts_with("Contact: <sip:")) field.insert(13, "s");
        return request;
    }
    /// Nothing has left but by `flow`, and no connection was asked for.
    bool left_only_by(FlowId flow) const {
        for (const RawMessage& message : raw.sent)
            if (message.flow != flow) return false;
        return raw.opened.empty();
    }
    Endpoint at{sip::Address::v4(192, 0, 2, 1), 5061};
};

}  // namespace

TEST_CASE("R5630-5.1.2-1 T-30: SIPS by a hop that is not TLS is 480 with Warning 380") {
    SipsWorld w;
    for (RawRequest request : {SipsWorld::secure(ServerWorld::subscribe("bob")),
                               SipsWorld::secure(w.publish("alice", pidf_document("open")))}) {
        for (const bool stream : {false, true}) {
            request.call_id += "x";
            const RawMessage answer =
                stream ? w.raw.ask(w.raw.connect(), request) : w.raw.ask(request);
            CHECK(answer.status() == 480);
            CHECK(answer.field("Warning") == "380 192.0.2.1:5060 \"SIPS Not Allowed\"");
        }
    }
    CHECK(w.server.notifier().size() == 0);
    CHECK(w.server.compositor().size() == 0);
}

TEST_CASE("R3261-8.2.2.1-1: a server without TLS does not know the scheme") {
    ServerWorld w;
    CHECK(w.raw.ask(SipsWorld::secure(ServerWorld::subscribe("bob"))).status() == 416);
}

TEST_CASE("R5630-5.1.2-1: where SIPS is wanted a SIP Request-URI is 480 with Warning 381") {
    presence::ServerOptions options = ServerWorld::open();
    options.sips_only = true;
    SipsWorld w(options);
    const FlowId flow = w.connect();
    const RawMessage answer = w.ask(flow, ServerWorld::subscribe("bob"));
    CHECK(answer.status() == 480);
    CHECK(answer.field("Warning") == "381 192.0.2.1:5061 \"SIPS Required\"");
    CHECK(w.ask(flow, SipsWorld::secure(ServerWorld::subscribe("bob"))).status() == 200);
}

TEST_CASE(
    "R3261-12.1-1 R3856-6.6.1-3 R3261-12.1.1-1 T-30: a sips dialog lives on TLS, or not at all") {
    SipsWorld w;
    const FlowId flow = w.connect();
    const RawMessage accepted = w.ask(flow, SipsWorld::secure(ServerWorld::subscribe("bob")));
    CHECK(accepted.status() == 200);
    CHECK(accepted.field("Contact") == "<sips:192.0.2.1:5061>");
    const RawMessage first = w.raw.take("NOTIFY");
    CHECK(first.flow == flow);
    CHECK(first.request_uri() == "sips:bob@192.0.2.99:5062");
    CHECK(first.field("Contact") == "<sips:192.0.2.1:5061>");
    CHECK(first.field("Via").starts_with("SIP/2.0/TLS 192.0.2.1:5061;"));
    // However large the document is, and whatever listens by TCP.
    std::string much;
    for (int i = 0; i < 40; ++i)
        much += "<note xml:lang=\"en\">A line of some length, number " + std::to_string(i) +
                ", so that it is over what a datagram may hold.</note>";
    w.raw.pass(sip::seconds{6});
    w.raw.sent.clear();
    w.raw.ask(w.publish("alice", pidf_document("open", "t1", {}, much)));
    w.raw.pass(sip::seconds{6});
    const RawMessage large = w.raw.take("NOTIFY");
    CHECK(large.text.size() > 1'300);
    CHECK(large.flow == flow);
    // The connection goes: who is reached by sips has to prove his host; there is no other way.
    w.server.closed(w.raw.now, flow);
    w.raw.sent.clear();
    w.raw.ask(w.publish("alice", pidf_document("closed")));
    w.raw.pass(sip::seconds{20});
    CHECK_FALSE(w.raw.take("NOTIFY"));
    REQUIRE(w.raw.opened.size() == 1);
    CHECK(w.raw.opened.front().transport == Transport::tls);
    CHECK(w.raw.opened.front().domain.view() == "192.0.2.99");
    CHECK(w.raw.opened.front().to == Endpoint{sip::Address::v4(192, 0, 2, 99), 5062});
}

TEST_CASE("T-30: who came by TLS with a SIP URI is not told in the clear once it is gone") {
    for (const bool direct : {true, false}) {
        CAPTURE(direct);
        SipsWorld w;
        const FlowId flow = w.connect();
        RawRequest subscribe = ServerWorld::subscribe("bob");
        if (!direct) subscribe.with("Record-Route: <sip:192.0.2.99:5062;lr>");
        CHECK(w.ask(flow, subscribe).status() == 200);
        const RawMessage notify = w.raw.take("NOTIFY");
        CHECK(notify.flow == flow);
        CHECK(notify.field("Contact") == "<sip:192.0.2.1:5061;transport=tls>");
        w.server.closed(w.raw.now, flow);
        w.raw.sent.clear();
        w.raw.ask(w.publish("alice", pidf_document("closed")));
        w.raw.pass(sip::seconds{120});
        CHECK_FALSE(w.raw.take("NOTIFY"));
        CHECK(w.raw.opened.empty());
    }
}

TEST_CASE(
    "R3261-26.2.2-1 T-30: a SIPS Contact is not answered by UDP, though its SUBSCRIBE came so") {
    for (const std::string& route : {std::string(), std::string("<sip:192.0.2.99:5062;lr>")}) {
        CAPTURE(route);
        SipsWorld w;
        RawRequest subscribe = ServerWorld::subscribe("bob");
        subscribe.fields[1] = "Contact: <sips:bob@192.0.2.99:5071>";
        if (!route.empty()) subscribe.with("Record-Route: " + route);
        const RawMessage accepted = w.raw.ask(subscribe);
        CHECK(accepted.status() == 200);
        if (route.empty()) CHECK(accepted.field("Contact") == "<sips:192.0.2.1:5061>");
        w.raw.pass(sip::seconds{1});
        CHECK_FALSE(w.raw.take("NOTIFY"));
        CHECK(w.raw.opened.size() == (route.empty() ? 1 : 0));
        if (route.empty()) CHECK(w.raw.opened.front().transport == Transport::tls);
    }
}

TEST_CASE("a phone whose Contact says transport=tls is reached anew where it proves its host") {
    SipsWorld w;
    const FlowId flow = w.connect();
    RawRequest subscribe = ServerWorld::subscribe("bob");
    subscribe.fields[1] = "Contact: <sip:bob@192.0.2.99:5071;transport=tls>";
    CHECK(w.ask(flow, subscribe).status() == 200);
    CHECK(w.raw.take("NOTIFY").flow == flow);
    w.server.closed(w.raw.now, flow);
    w.raw.ask(w.publish("alice", pidf_document("closed")));
    w.raw.pass(sip::seconds{6});
    REQUIRE(w.raw.opened.size() == 1);
    const sip::OpenFlow wanted = w.raw.opened.front();
    CHECK(wanted.to == Endpoint{sip::Address::v4(192, 0, 2, 99), 5071});
    CHECK(wanted.domain.view() == "192.0.2.99");
    w.raw.sent.clear();
    w.server.secured(w.raw.now, wanted.flow, std::vector<std::string_view>{"192.0.2.99"});
    w.server.connected(w.raw.now, wanted.flow, w.at);
    w.raw.drain();
    CHECK(w.raw.take("NOTIFY").flow == wanted.flow);
}

TEST_CASE("R5630-5.1.2-1: SIPS and SIP mixed in what makes or refreshes a dialog is 400") {
    SipsWorld w;
    const FlowId flow = w.connect();
    RawRequest mixed = SipsWorld::secure(ServerWorld::subscribe("bob"));
    mixed.fields[1] = "Contact: <sip:bob@192.0.2.99:5062>";
    CHECK(w.ask(flow, mixed).status() == 400);
    RawRequest routed = SipsWorld::secure(ServerWorld::subscribe("carol"));
    routed.with("Record-Route: <sip:192.0.2.98;lr>");
    CHECK(w.ask(flow, routed).status() == 400);
    CHECK(w.server.notifier().size() == 0);
    RawRequest good = SipsWorld::secure(ServerWorld::subscribe("bob"));
    CHECK(w.ask(flow, good).status() == 200);
    RawRequest next = ServerWorld::resubscribe(good, w.raw.take("NOTIFY"), 600);
    CHECK(next.uri.starts_with("sips:"));
    next.fields[1] = "Contact: <sip:bob@192.0.2.99:5062>";
    CHECK(w.ask(flow, next).status() == 400);
    next.fields[1] = "Contact: <sips:bob@192.0.2.99:5063>";
    ++next.cseq;
    CHECK(w.ask(flow, next).status() == 200);
    CHECK(w.raw.take("NOTIFY").request_uri() == "sips:bob@192.0.2.99:5063");
}

TEST_CASE("R3856-9.2-2 R3863-6-1: sip and sips of one user are one presentity") {
    SipsWorld w;
    const FlowId flow = w.connect();
    CHECK(w.ask(flow, SipsWorld::secure(ServerWorld::subscribe("bob"))).status() == 200);
    CHECK(w.raw.take("NOTIFY").body().find("open") == std::string::npos);
    w.raw.pass(sip::seconds{6});
    w.raw.sent.clear();
    CHECK(w.raw.ask(w.publish("alice", pidf_document("open"))).status() == 200);
    w.raw.pass(sip::seconds{6});
    const RawMessage told = w.raw.take("NOTIFY");
    CHECK(told.flow == flow);
    CHECK(told.body().find("open") != std::string::npos);
    RawRequest other = SipsWorld::secure(w.publish("alice", pidf_document("closed")));
    other.call_id = "another-device";
    CHECK(w.ask(flow, other).status() == 200);
    CHECK(w.server.compositor().size() == 2);
}

TEST_CASE(
    "R5630-5.1.2-1: a SIPS contact is bound where all is SIPS, and takes its SIP form's place") {
    SipsWorld w;
    const FlowId flow = w.connect();
    const std::string sips = "<sips:alice@192.0.2.99:5062>", sip_ = "<sip:alice@192.0.2.99:5062>";
    CHECK(w.ask(flow, w.register_("alice", sips)).status() == 400);
    CHECK(w.ask(flow, SipsWorld::secure(w.register_("alice", sips + ", " + sip_))).status() == 400);
    RawRequest by_path = SipsWorld::secure(w.register_("alice", sips));
    CHECK(w.ask(flow, by_path.with("Path: <sip:192.0.2.98;lr>")).status() == 400);
    CHECK(w.server.registrar().size() == 0);
    CHECK(w.ask(flow, w.register_("alice", sip_)).status() == 200);
    const RawMessage bound = w.ask(flow, SipsWorld::secure(w.register_("alice", sips)));
    CHECK(bound.status() == 200);
    CHECK(w.server.registrar().size() == 1);
    CHECK(bound.fields("Contact").size() == 1);
    CHECK(bound.field("Contact").starts_with(sips));
}

TEST_CASE("R5923-8.2-1: a TLS connection is used backwards by alias, for what its peer proves") {
    struct Row {
        std::string_view name, via;
        std::string_view contact;
        bool reused;
    };
    for (const Row& row : {Row{"peer.example", ";alias", "peer.example", true},
                           Row{"peer.example", "", "peer.example", false},
                           Row{"peer.example", ";alias", "other.example", false},
                           Row{"", ";alias", "peer.example", false}}) {
        CAPTURE(row.name);
        CAPTURE(row.via);
        CAPTURE(row.contact);
        SeededEntropy entropy{3};
        sip::Stack stack(sip::StackOptions{}, entropy);
        const Endpoint own{sip::Address::v4(192, 0, 2, 1), 5061};
        const Endpoint peer{sip::Address::v4(192, 0, 2, 99), 41'000};
        const sip::Now now{sip::Instant{} + sip::seconds{1}, 0};
        (void)stack.add_listener({sip::ListenerId{1}, Transport::tls, own, {}});
        const FlowId flow = stack.accepted(now, Transport::tls, own, peer);
        std::vector<std::string_view> names;
        if (!row.name.empty()) names.push_back(row.name);
        stack.secured(now, flow, names);
        const std::string text =
            "OPTIONS sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TLS peer.example:5071;branch=z9hG4bKx" +
            std::string(row.via) +
            "\r\nMax-Forwards: 70\r\nFrom: <sip:a@peer.example>;tag=1\r\nTo: <sip:192.0.2.1>\r\n"
            "Call-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
        stack.input(now, sip::Chunk{flow, {text.data(), text.size()}});
        while (stack.poll(now)) {
        }
        auto core = stack.core();
        for (const std::uint16_t port : {std::uint16_t{5071}, std::uint16_t{5061}}) {
            sip::Target target{Transport::tls,
                               {},
                               {},
                               {peer.address, port},
                               sip::SharedBytes::copy(stack.shard().memory, row.contact)};
            REQUIRE(core.transport.connect(now, target));
            CHECK((target.flow == flow) == (row.reused && port == 5071));
        }
        // Once it is closed nothing leads to it.
        stack.closed(now, flow);
        sip::Target target{Transport::tls,
                           {},
                           {},
                           {peer.address, 5071},
                           sip::SharedBytes::copy(stack.shard().memory, row.contact)};
        REQUIRE(core.transport.connect(now, target));
        CHECK(target.flow != flow);
    }
}

namespace {

/// Bob's program on a network with TLS: who watches alice by sips.
struct Watching {
    explicit Watching(const std::vector<std::string>& names, std::uint64_t seed = 1) : world(seed) {
        server.certify(names);
        watcher.certify({});
        sip::SubscribeOptions options;
        options.peer.uri = "sips:alice@example.com";
        options.peer.from = "sip:bob@example.com";
        options.peer.contact_user = "bob";
        options.peer.next_hop = {
            Transport::tls,
            {},
            {},
            {server.at.address, 5061},
            sip::SharedBytes::copy(watcher.stack.shard().memory, "example.com")};
        options.event = "echo";
        world.keep_sent = true;
        if (const auto made = watcher.subscriber.subscribe(world.now, options)) watcher.id = *made;
        world.drain_all();
    }
    World world;
    NotifierNode server{world};
    WatcherNode watcher{world};
};

}  // namespace

TEST_CASE(
    "R3261-26.2.2-1 R5922-7.3-1: a watcher of sips is served by who proves the domain alone") {
    Watching good({"other.example", "Example.com"});
    good.world.pass(sip::seconds{2});
    good.server.set_state("here");
    good.world.pass(sip::seconds{10});
    CHECK(good.watcher.state.find("here") != std::string::npos);
    CHECK(good.world.connections() == 1);
    for (const std::string& text : good.world.sent) {
        if (text.find("NOTIFY sips:bob@") == std::string::npos) continue;
        CHECK(text.find("Contact: <sips:192.0.2.1:5061>") != std::string::npos);
    }
    Watching wrong({"other.example"});
    wrong.world.pass(sip::seconds{60});
    CHECK(wrong.watcher.state.empty());
    CHECK(wrong.world.connections() == 0);
    // Not one byte of it left, by any way.
    CHECK(wrong.world.sent.empty());
}
