#include "sip/transport/transport_layer.hpp"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

#include "tests/support/stack_world.hpp"

using namespace sip;

namespace {

std::string tcp_text(const std::string& call_id, const std::string& more = "",
                     const std::string& body = "") {
    return "MESSAGE sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/TCP "
           "192.0.2.99:5062;branch=z9hG4bK" +
           call_id +
           "\r\nMax-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=b\r\n"
           "To: <sip:alice@example.com>\r\nCall-ID: " +
           call_id + "\r\nCSeq: 1 MESSAGE\r\n" + more +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

struct Statuses : std::vector<int> {
    using vector::vector;
    friend std::ostream& operator<<(std::ostream& out, const Statuses& all) {
        for (int one : all) out << one << ' ';
        return out;
    }
};
Statuses statuses(RawWorld<Stack>& net) {
    Statuses found;
    while (const RawMessage message = net.take()) found.push_back(message.status());
    return found;
}

}  // namespace

TEST_CASE("R3261-18.3-2: pipelined requests are answered each, in order, on their connection") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    const std::string three = tcp_text("a") + tcp_text("b", "Content-Type: text/plain\r\n", "hi") +
                              "\r\n\r\n" + tcp_text("c");
    SUBCASE("in one piece") { world.net.input(flow, three); }
    SUBCASE("a byte at a time") {
        for (char c : three) world.net.input(flow, std::string(1, c));
    }
    SUBCASE("cut anywhere in two") {
        for (std::size_t cut = 1; cut < three.size(); ++cut) {
            StackWorld other;
            const FlowId there = other.net.connect();
            other.net.input(there, three.substr(0, cut));
            other.net.input(there, three.substr(cut));
            CHECK(other.user.seen.size() == 3);
        }
        world.net.input(flow, three);
    }
    std::vector<std::string> calls;
    bool pong = false;
    while (const RawMessage message = world.net.take()) {
        CHECK(message.flow == flow);
        if (message.text == "\r\n")
            pong = true;
        else
            calls.push_back(message.field("Call-ID"));
    }
    CHECK(calls == std::vector<std::string>{"a", "b", "c"});
    CHECK(pong);
    CHECK(world.net.closed.empty());
}

TEST_CASE("R5626-3.5.1-1 T-38: a double CRLF gets one CRLF back, a single one nothing") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    world.net.input(flow, "\r\n\r\n");
    REQUIRE(world.net.sent.size() == 1);
    CHECK(world.net.take().text == "\r\n");
    world.net.input(flow, "\r\n");
    CHECK_FALSE(world.net.take());
    world.net.input(flow, "\r");
    world.net.input(flow, "\n");
    // The second half of a ping that came in pieces.
    CHECK(world.net.take().text == "\r\n");
    CHECK(world.stack.counters().keepalive_pings == 2);
    world.net.input(flow, tcp_text("a"));
    CHECK(world.net.take().status() == 200);
}

TEST_CASE(
    "T-4 R3261-18.3-2 R3261-20.14-1: after a framing error there is a 400, the connection closes, "
    "and no later byte is served") {
    for (const char* length :
         {"Content-Length: -1\r\n", "Content-Length: 5x\r\n", "Content-Length: 1, 2\r\n",
          "Content-Length: 99999999999999999999\r\n", "Content-Length: 3\r\nl: 4\r\n", ""}) {
        CAPTURE(length);
        StackWorld world;
        const FlowId flow = world.net.connect();
        std::string broken = tcp_text("a");
        broken.replace(broken.find("Content-Length: 0\r\n"), 19, length);
        world.net.input(flow, broken + tcp_text("b"));
        CHECK(statuses(world.net) == Statuses{400});
        REQUIRE(world.net.closed.size() == 1);
        CHECK(world.net.closed[0] == flow);
        world.net.input(flow, tcp_text("c"));
        CHECK_FALSE(world.net.take());
        CHECK(world.user.seen.empty());
        CHECK(world.stack.counters().flow_framing_errors == 1);
        CHECK(world.stack.transport().flow_count() == 0);
    }
}

TEST_CASE(
    "R3261-18.3-2: a broken message whose end is known is a 400, and the next one is served") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    std::string broken = tcp_text("a");
    SUBCASE("a wrong CSeq") { broken.replace(broken.find("1 MESSAGE"), 9, "1 BYE"); }
    SUBCASE("a doubled To") { broken.replace(broken.find("To:"), 3, "t: <sip:x@y>\r\nTo:"); }
    SUBCASE("a control byte") { broken.replace(broken.find("<sip:bob"), 1, "\"\x01\" <"); }
    world.net.input(flow, broken + tcp_text("b"));
    CHECK(statuses(world.net) == Statuses{400, 200});
    CHECK(world.net.closed.empty());
}

TEST_CASE("T-4: noise on a stream is closed without an answer") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    world.net.input(flow, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(world.net.closed.size() == 1);
    CHECK(statuses(world.net).size() <= 1);
    CHECK(world.user.seen.empty());
}

TEST_CASE("T-17 R3261-18.3-3: a header section over its limit is 513, and closed") {
    StackOptions options;
    options.limits.header_bytes = 1'000;
    StackWorld world(options);
    const FlowId flow = world.net.connect();
    world.net.input(flow, tcp_text("a", "X: " + std::string(2'000, 'x') + "\r\n") + tcp_text("b"));
    CHECK(statuses(world.net) == Statuses{513});
    CHECK(world.net.closed.size() == 1);
}

TEST_CASE("T-17: a connection that never says anything is closed at 30 s") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    world.net.pass(milliseconds{29'999});
    CHECK(world.net.closed.empty());
    world.net.pass(milliseconds{1});
    CHECK(world.net.closed == std::deque{flow});
    CHECK(world.stack.counters().flow_timeouts == 1);
}

TEST_CASE(
    "T-17 R3261-18.3-3: a message not complete 30 s after its first byte closes, drip or not") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    const std::string text = tcp_text("a");
    for (std::size_t i = 0; i < 29; ++i) {
        world.net.input(flow, text.substr(i, 1));
        world.net.pass(seconds{1});
    }
    world.net.pass(milliseconds{999});
    CHECK(world.net.closed.empty());
    world.net.pass(milliseconds{1});
    CHECK(world.net.closed == std::deque{flow});
}

TEST_CASE("T-17: each message has its own 30 s, also one that follows another without a gap") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    std::string left = tcp_text("a") + tcp_text("b") + tcp_text("c");
    // Each is complete well within its time, though the connection is never between two of them.
    const std::size_t size = tcp_text("a").size();
    std::size_t given = 0;
    for (std::size_t until : {size / 2, size + size / 2, 2 * size + size / 2, 3 * size}) {
        world.net.input(flow, left.substr(given, until - given));
        given = until;
        world.net.pass(seconds{20});
    }
    CHECK(world.net.closed.empty());
    CHECK(statuses(world.net) == Statuses{200, 200, 200});
}

TEST_CASE(
    "T-17: a connection without use is closed after 1800 s; what comes in winds it up again") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    world.net.input(flow, tcp_text("a"));
    world.net.pass(seconds{1'000});
    world.net.input(flow, "\r\n\r\n");
    world.net.pass(seconds{1'799});
    CHECK(world.net.closed.empty());
    world.net.pass(seconds{1});
    CHECK(world.net.closed == std::deque{flow});
}

TEST_CASE("a connection that something lives by is not idle, until that is over") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    world.net.input(flow, tcp_text("a"));
    FlowBond bond;
    world.stack.transport().bind(bond, flow, {world.user.part, Handle{9, 1}});
    CHECK(world.stack.transport().is_bound(flow));
    world.net.pass(seconds{10'000});
    CHECK(world.net.closed.empty());
    TransportLayer::release(bond);
    world.net.pass(seconds{1'800});
    CHECK(world.net.closed.size() == 1);
    world.stack.transport().bind(bond, flow, {world.user.part, Handle{9, 1}});  // gone: to none
    CHECK(bond.flow() == FlowId{});
    CHECK(world.user.lost.empty());
    CHECK_FALSE(world.stack.transport().is_bound(flow));
}

TEST_CASE("T-17 ROUR-4: one connection more than the limits allow is refused, and counted") {
    StackOptions options;
    options.limits.flows = 5;
    options.limits.flows_per_address = 3;
    StackWorld world(options);
    std::vector<FlowId> flows;
    for (std::uint16_t port = 1; port <= 3; ++port) {
        world.net.peer.port = port;
        flows.push_back(world.net.connect());
        CHECK(flows.back() != FlowId{});
    }
    world.net.peer.port = 4;
    CHECK(world.net.connect() == FlowId{});
    CHECK(world.stack.counters().limit_flows_per_address == 1);
    world.net.peer.address = Address::v4(192, 0, 2, 98);
    CHECK(world.net.connect() != FlowId{});
    CHECK(world.net.connect() != FlowId{});
    world.net.peer.address = Address::v4(192, 0, 2, 97);
    CHECK(world.net.connect() == FlowId{});
    CHECK(world.stack.counters().limit_flows == 1);
    world.stack.closed(world.net.now, flows[0]);
    world.net.peer.address = Address::v4(192, 0, 2, 99);
    CHECK(world.net.connect() != FlowId{});
}

TEST_CASE("T-17 ROUR-4: all addresses of an IPv6 network of 64 bits are one to the limit") {
    StackOptions options;
    options.limits.flows_per_address = 2;
    StackWorld world(options);
    const auto at = [&](const char* host) {
        world.net.peer.address = *parse_numeric_host(host);
        return world.net.connect();
    };
    const FlowId first = at("[2001:db8:1:2::1]");
    CHECK(first != FlowId{});
    CHECK(at("[2001:db8:1:2:ffff::2]") != FlowId{});
    CHECK(at("[2001:db8:1:2::3]") == FlowId{});
    CHECK(at("[2001:db8:1:3::3]") != FlowId{});
    world.stack.closed(world.net.now, first);
    CHECK(at("[2001:db8:1:2::3]") != FlowId{});
}

TEST_CASE(
    "T-3 T-17: what a peer sends ahead of us is bounded, and its connection closed past that") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    FlowBond bond;
    world.stack.transport().bind(bond, flow, {world.user.part, Handle{9, 1}});
    const std::string chunk(100'000, 'x');
    const std::vector<char> bytes(chunk.begin(), chunk.end());
    for (int i = 0; i < 10; ++i) world.stack.input(world.net.now, Chunk{flow, bytes});
    CHECK_FALSE(world.stack.transport().is_open(flow));
    // Who lived by it is told.
    CHECK(world.user.lost == std::vector{Handle{9, 1}});
    CHECK(bond.flow() == FlowId{});
    world.net.drain();
    CHECK(world.net.closed == std::deque{flow});
}

TEST_CASE("T-35: memory refused at any allocation of a connection and its first request") {
    bool succeeded = false;
    for (std::uint64_t n = 0; !succeeded; ++n) {
        REQUIRE(n < 60);
        StackWorld world;
        world.stack.shard().memory.refuse_after(n);
        const FlowId flow = world.net.connect();
        if (flow != FlowId{}) world.net.input(flow, tcp_text("a"));
        world.stack.shard().memory.refuse_none();
        succeeded = world.stack.shard().memory.refusals() == 0;
        const FlowId next = world.net.connect();
        REQUIRE(next != FlowId{});
        world.net.sent.clear();
        world.net.input(next, tcp_text("b"));
        CHECK(world.net.take().status() == 200);
    }
}

TEST_CASE("R3261-18.1.1-5: a request goes by the connection that stands to that address and port") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    REQUIRE(world.user.send(world.net.now, world.peer_by_tcp()));
    world.net.drain();
    CHECK(world.net.opened.empty());
    CHECK(world.net.take().flow == flow);
    Target other = world.peer_by_tcp();
    other.remote.port = 5999;
    REQUIRE(world.user.send(world.net.now, other));
    REQUIRE(world.user.send(world.net.now, other));
    world.net.drain();
    REQUIRE(world.net.opened.size() == 1);  // one for both
    CHECK_FALSE(world.net.take());
    world.stack.connected(world.net.now, world.net.opened[0].flow, world.net.server);
    world.net.drain();
    CHECK(world.net.sent.size() == 2);
}

TEST_CASE("ROUR-4: more than eight messages do not wait for one connection") {
    StackWorld world;
    int sent = 0;
    for (int i = 0; i < 10; ++i)
        sent += world.user.send(world.net.now, world.peer_by_tcp()) ? 1 : 0;
    CHECK(sent == 8);
    world.net.drain();
    world.stack.connected(world.net.now, world.net.opened.at(0).flow, world.net.server);
    world.net.drain();
    CHECK(world.net.sent.size() == 8);
}

TEST_CASE("one connection that floods does not keep another from being served") {
    StackWorld world;
    const FlowId greedy = world.net.connect();
    world.net.peer.port = 7;
    const FlowId modest = world.net.connect();
    std::string many;
    for (int i = 0; i < 200; ++i) many += tcp_text("g" + std::to_string(i));
    const std::vector<char> bytes(many.begin(), many.end());
    world.stack.input(world.net.now, Chunk{greedy, bytes});
    world.net.input(modest, tcp_text("modest"));
    std::size_t before = 0;
    while (const RawMessage message = world.net.take()) {
        if (message.flow == modest) break;
        ++before;
    }
    CHECK(before <= 2);
    CHECK(world.user.seen.size() == 201);
}

TEST_CASE("T-38: the stack is behind with a connection until all that came by it was looked at") {
    StackWorld world;
    const FlowId flow = world.net.connect(), other = world.net.connect();
    const auto input = [&](const std::string& text) {
        world.stack.input(world.net.now, Chunk{flow, std::vector<char>(text.begin(), text.end())});
    };
    const auto poll = [&] {
        const auto effect = world.stack.poll(world.net.now);
        const auto* out = effect ? std::get_if<Transmit>(&*effect) : nullptr;
        return out == nullptr ? std::string() : std::string(out->packet.head.view());
    };
    CHECK_FALSE(world.stack.is_behind(flow));
    // Each ping has its pong; what leaves at a time is bounded, and so is what waits to leave.
    std::string pings, pongs, all;
    for (int i = 0; i < 300; ++i) {
        pings += "\r\n\r\n";
        all += "\r\n";
    }
    input(pings);
    CHECK(world.stack.is_behind(flow));
    CHECK_FALSE(world.stack.is_behind(other));
    for (int packets = 0;; ++packets) {
        const bool was_behind = world.stack.is_behind(flow);
        const std::string some = poll();
        if (some.empty()) break;
        CHECK(was_behind);
        CHECK(some.size() <= 256);
        CHECK(packets < 3);
        pongs += some;
    }
    CHECK(pongs == all);
    CHECK_FALSE(world.stack.is_behind(flow));
    // What is not whole does not wait for us.
    input(tcp_text("a") + "\r\n\r\n" + "MESSAGE sip:alice@exa");
    CHECK(world.stack.is_behind(flow));
    CHECK(poll().starts_with("SIP/2.0 "));
    CHECK(poll() == "\r\n");
    CHECK(poll().empty());
    CHECK_FALSE(world.stack.is_behind(flow));
    CHECK(world.user.seen.size() == 1);
    // Nor does a connection that is gone.
    input("mple.com SIP/2.0\r\n");
    CHECK(world.stack.is_behind(flow));
    world.stack.closed(world.net.now, flow);
    CHECK_FALSE(world.stack.is_behind(flow));
}

TEST_CASE("a peer that takes large messages by UDP alone is remembered by address and port") {
    StackWorld world;
    TransportLayer& transport = world.stack.transport();
    CHECK_FALSE(transport.is_udp_only(world.net.peer));
    transport.remember_udp_only(world.net.peer);
    CHECK(transport.is_udp_only(world.net.peer));
    Endpoint other = world.net.peer;
    ++other.port;
    CHECK_FALSE(transport.is_udp_only(other));
}

TEST_CASE("of a connection that goes, whatever is bound to it is told, in order, and nobody else") {
    StackWorld world;
    TransportLayer& transport = world.stack.transport();
    const FlowId one = world.net.connect();
    ++world.net.peer.port;
    const FlowId two = world.net.connect();
    std::array<FlowBond, 6> bonds;
    for (std::uint32_t i = 0; i < bonds.size(); ++i)
        transport.bind(bonds[i], i < 4 ? one : two, {world.user.part, Handle{i, 1}});
    transport.bind(bonds[0], one, {world.user.part, Handle{0, 1}});  // again: the last now
    transport.bind(bonds[1], two, {world.user.part, Handle{1, 1}});  // moves
    TransportLayer::release(bonds[2]);
    CHECK(bonds[0].flow() == one);
    world.stack.closed(world.net.now, one);
    CHECK(world.user.lost == std::vector{Handle{3, 1}, Handle{0, 1}});
    CHECK(bonds[0].flow() == FlowId{});
    CHECK(bonds[1].flow() == two);
    world.user.lost.clear();
    world.stack.closed(world.net.now, one);  // once
    CHECK(world.user.lost.empty());
    {
        FlowBond brief;
        transport.bind(brief, two, {world.user.part, Handle{9, 1}});
    }
    world.stack.closed(world.net.now, two);
    CHECK(world.user.lost == std::vector{Handle{4, 1}, Handle{5, 1}, Handle{1, 1}});
    CHECK(transport.flow_count() == 0);
}

TEST_CASE("a bond outlives the stack's connections, and the other way round") {
    FlowBond bond;
    {
        StackWorld world;
        world.stack.transport().bind(bond, world.net.connect(), {world.user.part, Handle{1, 1}});
    }
    StackWorld world;
    world.stack.transport().bind(bond, world.net.connect(), {world.user.part, Handle{1, 1}});
    CHECK(bond.flow() != FlowId{});
}

namespace {

/// Room for about 100 KB in all streams.
struct NarrowWorld : StackWorld {
    static StackOptions options() {
        StackOptions made;
        made.limits.memory_bytes = 10'000'000;
        made.limits.stream_bytes_percent = 1;
        return made;
    }
    NarrowWorld() : StackWorld(options()) {}
    /// A connection with the beginning of a message of that size.
    FlowId begin(std::size_t size, std::uint8_t host) {
        net.peer.address = Address::v4(192, 0, 2, host);
        const FlowId flow = net.connect();
        net.input(flow, tcp_text("p", "X: " + std::string(size, 'x')).substr(0, size));
        return flow;
    }
    std::uint64_t closed() const { return stack.counters().limit_stream_bytes; }
};

}  // namespace

TEST_CASE(
    "T-3 T-17 T-35 ROUR-4: what all streams hold unfinished is bounded, and the longest unfinished "
    "is closed") {
    NarrowWorld world;
    std::vector<FlowId> flows;
    for (std::uint8_t i = 0; i < 5; ++i) flows.push_back(world.begin(20'000, i));
    CHECK(world.stack.transport().stream_bytes() == 100'000);  // at the bound
    CHECK(world.closed() == 0);
    world.net.input(flows[3], "x");  // and one past it
    CHECK(world.closed() == 1);
    CHECK(world.net.closed == std::deque{flows[0]});
    CHECK(world.stack.counters().flow_timeouts == 0);
    world.stack.closed(world.net.now, flows[4]);
    // Who completes a message goes to the end of the line.
    world.net.input(flows[1], "\r\nContent-Length: 0\r\n\r\n");
    CHECK(world.net.take().status() == 200);
    CHECK(world.stack.transport().stream_bytes() == 60'000);
    world.net.input(flows[1], tcp_text("q", "X: " + std::string(30'000, 'x')).substr(0, 30'000));
    world.begin(20'000, 6);
    CHECK(world.closed() == 2);
    CHECK(world.net.closed == std::deque{flows[0], flows[2]});
    CHECK(world.stack.transport().stream_bytes() == 90'000);
    for (const FlowId flow : flows) world.stack.closed(world.net.now, flow);
    world.net.pass(seconds{30});
    CHECK(world.stack.transport().stream_bytes() == 0);
    CHECK(world.stack.transport().flow_count() == 0);
}

TEST_CASE("T-17 T-35: under many unfinished messages complete ones are served, by UDP and TCP") {
    NarrowWorld world;
    FlowBond bond;
    const FlowId bound = world.begin(1'000, 200);
    world.stack.transport().bind(bond, bound, {world.user.part, Handle{3, 1}});
    for (int i = 0; i < 500; ++i) {
        world.begin(30'000, static_cast<std::uint8_t>(i % 100));
        CHECK(world.stack.transport().stream_bytes() <= 100'000);
        if (i % 50 != 0) continue;
        world.net.peer.address = Address::v4(192, 0, 2, 201);
        RawRequest request = StackWorld::request();
        request.call_id = "udp-" + std::to_string(i);
        CHECK(world.net.ask(request).status() == 200);
        const FlowId flow = world.net.connect();
        request.call_id = "tcp-" + std::to_string(i);
        CHECK(world.net.ask(flow, request).status() == 200);
        world.stack.closed(world.net.now, flow);
    }
    CHECK(world.closed() >= 490);
    CHECK(world.stack.transport().flow_count() <= 10);
    // Who lived by one of them was told.
    CHECK(world.user.lost == std::vector{Handle{3, 1}});
}

// TLS ---------------------------------------------------------------------------------------------

namespace {

/// Opens connections to 192.0.2.9:5061 for one domain or another.
struct Opener {
    Target to(std::string_view domain) {
        Target target{Transport::tls, {}, {}, {Address::v4(192, 0, 2, 9), 5061}, {}};
        target.domain = SharedBytes::copy(world.stack.shard().memory, domain);
        return target;
    }
    FlowId flow_to(std::string_view domain) {
        Target target = to(domain);
        REQUIRE(layer.connect(world.net.now, target));
        world.net.drain();
        return target.flow;
    }
    void stands(FlowId flow, std::vector<std::string_view> names) {
        world.stack.secured(world.net.now, flow, names);
        world.stack.connected(world.net.now, flow, world.net.server);
        world.net.drain();
    }
    StackWorld world;
    TransportLayer& layer = world.stack.core().transport;
};

}  // namespace

TEST_CASE(
    "R5922-7.3-1 T-30: one address is a connection for each domain that is not proved there") {
    Opener o;
    const FlowId first = o.flow_to("a.example");
    CHECK(o.world.net.opened.front().domain.view() == "a.example");
    CHECK(o.flow_to("A.example.") == first);
    const FlowId second = o.flow_to("b.example");
    CHECK(second != first);
    o.stands(first, {"a.example", "c.example"});
    CHECK(o.flow_to("c.example") == first);
    CHECK(o.flow_to("b.example") == second);
    CHECK(o.flow_to("d.example") != first);
    CHECK(o.layer.proves(first, "C.EXAMPLE"));
    CHECK_FALSE(o.layer.proves(first, "example"));
    CHECK_FALSE(o.layer.proves(first, ""));
    CHECK_FALSE(o.layer.proves(second, "b.example"));
    Target nobody = o.to("");
    nobody.domain = {};
    CHECK_FALSE(o.layer.connect(o.world.net.now, nobody));
    CHECK_FALSE(o.layer.proves(FlowId{12'345}, "a.example"));
}

TEST_CASE("names of a peer are kept up to 1024 bytes, and whole; one with a line feed is none") {
    Opener o;
    const FlowId flow = o.flow_to("a.example");
    const std::string large(600, 'x'), other(600, 'y'), fits(400, 'z');
    o.stands(flow, {"a.example", large, other, fits, "odd\nb.example"});
    CHECK(o.layer.proves(flow, large));
    CHECK_FALSE(o.layer.proves(flow, other));
    CHECK(o.layer.proves(flow, fits));
    CHECK_FALSE(o.layer.proves(flow, "b.example"));
}

TEST_CASE("T-30: a TLS connection that does not come to stand is given up after 12 s") {
    Opener o;
    (void)o.flow_to("a.example");
    o.world.net.pass(secure_connect_timeout - milliseconds{1});
    CHECK(o.world.net.closed.empty());
    o.world.net.pass(milliseconds{1});
    CHECK(o.world.net.closed.size() == 1);
    CHECK(o.layer.flow_count() == 0);
}
