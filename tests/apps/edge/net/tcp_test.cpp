// Connections as the driver runs them: tcp_listener and tcp_connection have no behaviour apart
// from it that could be seen.

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "tests/apps/edge/net/fake_engine.hpp"
#include "tests/apps/edge/net/loopback.hpp"

namespace {

using sip::FlowId;
using sip::Transport;

/// A driver that listens on udp and tcp at one port.
struct Tcp {
    explicit Tcp(const edge::DriverOptions& options = {}, bool v6 = false)
        : driver(engine, options) {
        const std::vector specs{v6 ? loopback6(Transport::udp) : loopback(Transport::udp),
                                v6 ? loopback6(Transport::tcp) : loopback(Transport::tcp)};
        const auto listening = driver.listen(specs);
        REQUIRE_MESSAGE(listening, listening.error());
        local = driver.listening().back().local;
        udp = driver.listening().front().id;
    }
    bool until(const std::function<bool()>& done) { return turn_until(driver, done); }
    /// A peer that is connected, and the flow it got.
    Peer connect(FlowId& flow, int receive_buffer = 0) {
        const auto before = engine.flows.size();
        Peer peer = Peer::tcp(local, receive_buffer);
        REQUIRE(until([&] { return engine.flows.size() > before; }));
        flow = engine.flows.back().flow;
        return peer;
    }
    /// Everything that `peer` gets until it has `size` bytes or its end.
    std::string read(Peer& peer, std::size_t size) {
        std::string all;
        CHECK(until([&] {
            for (auto got = peer.receive(); !got.empty(); got = peer.receive()) all += got;
            return all.size() >= size || peer.at_end();
        }));
        return all;
    }
    bool ends(Peer& peer) {
        return until([&] {
            peer.receive();
            return peer.at_end();
        });
    }
    bool echoes_udp() {
        Peer peer = Peer::udp();
        engine.on_datagram = [&](const sip::Datagram& in) { engine.send(in.via, in.from, "yes"); };
        peer.send_to(local, "there?");
        return until([&] { return peer.receive() == "yes"; });
    }

    FakeEngine engine;
    edge::Driver driver;
    sip::Endpoint local;
    sip::ListenerId udp{};
};

// The system's answer to accept4, scripted: an errno, or 0 for what it really says.
int accept_error = 0;
int accept_calls = 0;
int refusing_accept(int fd, sockaddr* address, socklen_t* size, int flags) {
    if (accept_error == 0) return ::accept4(fd, address, size, flags);
    ++accept_calls;
    errno = accept_error;
    return -1;
}

}  // namespace

TEST_CASE("a connection is accepted, read, written to and closed") {
    for (const bool v6 : {false, true}) {
        Tcp tcp({}, v6);
        FlowId flow{};
        Peer peer = tcp.connect(flow);
        CHECK(tcp.engine.flows.front().local == tcp.local);
        CHECK(tcp.engine.flows.front().remote == peer.local());
        tcp.engine.on_chunk = [&](const sip::Chunk& in) {
            tcp.engine.send(in.flow, "head ", "body ");
            tcp.engine.send(in.flow, "again");
        };
        REQUIRE(peer.send("hello"));
        CHECK(tcp.read(peer, 15) == "head body again");
        CHECK(tcp.engine.heard(flow) == "hello");
        peer.close();
        REQUIRE(tcp.until([&] { return !tcp.engine.ended.empty(); }));
        CHECK(tcp.engine.ended == std::vector{flow});
        REQUIRE(tcp.until([&] { return tcp.driver.connections() == 0; }));
        CHECK(tcp.engine.memory.used() == 0);
    }
}

TEST_CASE("a peer that ends its sending still gets what was written to it") {
    Tcp tcp;
    FlowId flow{};
    Peer peer = tcp.connect(flow);
    const std::string answer(100'000, 'a');
    tcp.engine.on_chunk = [&](const sip::Chunk& in) { tcp.engine.send(in.flow, answer); };
    REQUIRE(peer.send("question"));
    peer.end_sending();
    CHECK((tcp.read(peer, answer.size() + 1) == answer));
    CHECK_FALSE(peer.was_reset());
    CHECK(tcp.engine.ended == std::vector{flow});
    CHECK(tcp.until([&] { return tcp.driver.connections() == 0; }));
}

TEST_CASE("a connection that the core closes sends what was written first, without a reset") {
    Tcp tcp;
    FlowId flow{};
    Peer peer = tcp.connect(flow);
    // What the peer goes on sending would turn a plain close into a reset that overtakes the 400.
    tcp.engine.on_chunk = [&](const sip::Chunk& in) {
        tcp.engine.send(in.flow, "SIP/2.0 400 what was that\r\n\r\n");
        tcp.engine.effects.push_back(sip::CloseFlow{in.flow, "framing"});
    };
    REQUIRE(peer.send("nonsense"));
    REQUIRE(tcp.until([&] { return !tcp.engine.streams.empty(); }));
    REQUIRE(peer.send(std::string(50'000, 'x')));
    CHECK(tcp.read(peer, 1'000) == "SIP/2.0 400 what was that\r\n\r\n");
    CHECK_FALSE(peer.was_reset());
    CHECK(tcp.engine.streams.size() == 1);  // threat 4: no later byte is served
    peer.close();
    CHECK(tcp.until([&] { return tcp.driver.connections() == 0; }));
    CHECK(tcp.engine.ended.empty());  // the core knows already
    CHECK(tcp.driver.counters().close_timeouts == 0);
}

TEST_CASE("a driver that ends takes back nothing of what it wrote") {
    auto tcp = std::make_unique<Tcp>();
    FlowId flow{};
    Peer peer = tcp->connect(flow, 4'096);
    // More than the peer's system takes before it reads, so that some waits in ours.
    const std::string last(50'000, 'z');
    bool written = false;
    tcp->engine.on_chunk = [&](const sip::Chunk& in) {
        tcp->engine.send(in.flow, last);
        written = true;
    };
    REQUIRE(peer.send("question"));
    REQUIRE(tcp->until([&] { return written; }));
    tcp.reset();
    std::string all;
    // Nothing turns any more: it is the system that delivers.
    pollfd readable{peer.fd(), POLLIN, 0};
    while (!peer.at_end() && ::poll(&readable, 1, 5'000) == 1) all += peer.receive();
    CHECK(all.size() == last.size());
    CHECK(peer.at_end());
    CHECK_FALSE(peer.was_reset());
}

TEST_CASE("a closed connection whose peer does not end is cut off in time") {
    edge::DriverOptions options;
    options.close_timeout = sip::milliseconds{10};
    Tcp tcp(options);
    FlowId flow{};
    Peer peer = tcp.connect(flow);
    tcp.engine.effects.push_back(sip::CloseFlow{flow, "idle"});
    CHECK(tcp.until([&] { return tcp.driver.connections() == 0; }));
    CHECK(tcp.driver.counters().close_timeouts == 1);
    CHECK(tcp.engine.ended.empty());
}

TEST_CASE("a peer that never reads is reset once more than the bound waits for it") {
    edge::DriverOptions options;
    options.flow_write_bytes = 100'000;
    Tcp tcp(options);
    FlowId flow{}, other{};
    Peer reader = tcp.connect(other);
    Peer peer = tcp.connect(flow, 4'096);
    std::size_t written = 0;
    REQUIRE(tcp.until([&] {
        tcp.engine.send(flow, std::string(1'000, 'a'), std::string(9'000, 'b'));
        written += 10'000;
        return !tcp.engine.ended.empty();
    }));
    CHECK(tcp.engine.ended == std::vector{flow});
    CHECK(written > options.flow_write_bytes);
    CHECK(tcp.driver.counters().write_overflows == 1);
    // What it had not taken is let go of at once; nobody else noticed.
    CHECK(tcp.until([&] { return tcp.driver.connections() == 1; }));
    tcp.engine.effects.clear();
    CHECK(tcp.until([&] { return tcp.engine.memory.used() == 0; }));
    CHECK(tcp.ends(peer));
    CHECK(peer.was_reset());
    tcp.engine.send(other, "still here");
    CHECK(tcp.read(reader, 10) == "still here");
}

TEST_CASE("T-38: who reads none of very many short answers is cut off before they cost much") {
    edge::DriverOptions options;
    options.flow_write_bytes = 100'000;
    Tcp tcp(options);
    FlowId flow{};
    Peer peer = tcp.connect(flow, 4'096);
    REQUIRE(tcp.until([&] {
        for (int i = 0; i < 1'000; ++i) tcp.engine.send(flow, "\r\n");
        return !tcp.engine.ended.empty();
    }));
    CHECK(tcp.driver.counters().write_overflows == 1);
    CHECK(tcp.engine.memory.peak() < 400'000);
    CHECK(tcp.echoes_udp());
}

TEST_CASE("a peer that reads gets more than the bound in one turn") {
    edge::DriverOptions options;
    options.flow_write_bytes = 3'000'000;
    Tcp tcp(options);
    FlowId flow{};
    Peer peer = tcp.connect(flow);
    std::string all;
    for (int i = 0; i < 300; ++i) {
        tcp.engine.send(flow, std::to_string(i), std::string(10'000, 'b'));
        all += std::to_string(i) + std::string(10'000, 'b');
    }
    CHECK((tcp.read(peer, all.size()) == all));
    CHECK(tcp.driver.counters().write_overflows == 0);
}

TEST_CASE("no more than 64 KiB are read ahead of the core") {
    Tcp tcp;
    FlowId flow{};
    Peer peer = tcp.connect(flow);
    std::string sent;
    REQUIRE(tcp.until([&] {
        const std::string more(30'000, static_cast<char>('a' + sent.size() % 26));
        if (sent.size() < 1'500'000 && peer.send(more)) sent += more;
        return sent.size() >= 1'500'000;
    }));
    REQUIRE(tcp.until([&] { return tcp.engine.heard(flow).size() == sent.size(); }));
    CHECK((tcp.engine.heard(flow) == sent));
    CHECK(tcp.engine.largest_chunk <= 65'536);
}

TEST_CASE("T-38: while the core is behind with a connection, what its peer sends is not read") {
    Tcp tcp;
    FlowId flow{}, other{};
    Peer peer = tcp.connect(flow), reader = tcp.connect(other);
    tcp.engine.behind.insert(flow);
    const std::string sent(100'000, 'a');
    REQUIRE(tcp.until([&] {
        (void)peer.send(sent);
        return !tcp.engine.heard(flow).empty();
    }));
    const std::size_t read = tcp.engine.heard(flow).size();
    CHECK(read <= 65'536);
    for (int i = 0; i < 50; ++i) {
        (void)peer.send(sent);
        tcp.engine.send(other, "on");
        CHECK(tcp.read(reader, 2) == "on");
    }
    CHECK(tcp.engine.heard(flow).size() == read);
    tcp.engine.behind.clear();
    CHECK(tcp.until([&] { return tcp.engine.heard(flow).size() > read; }));
}

TEST_CASE("a connection that is closed while the core is behind with it ends with its peer") {
    Tcp tcp;
    FlowId flow{};
    Peer peer = tcp.connect(flow);
    tcp.engine.behind.insert(flow);
    REQUIRE(tcp.until([&] {
        (void)peer.send("more than is read");
        return !tcp.engine.heard(flow).empty();
    }));
    tcp.engine.effects.push_back(sip::CloseFlow{flow, "idle"});
    CHECK(tcp.ends(peer));
    peer.close();
    CHECK(tcp.until([&] { return tcp.driver.connections() == 0; }));
    CHECK(tcp.driver.counters().close_timeouts == 0);
}

TEST_CASE("a connection that the core asks for is opened, used and reported with its address") {
    Tcp tcp;
    Tcp far;
    tcp.engine.effects.push_back(sip::OpenFlow{FlowId{77}, Transport::tcp, far.local});
    REQUIRE(tcp.until([&] {
        far.driver.turn(false);
        return !tcp.engine.opened.empty() && !far.engine.flows.empty();
    }));
    CHECK(tcp.engine.opened.front().flow == FlowId{77});
    CHECK(tcp.engine.opened.front().local == far.engine.flows.front().remote);
    tcp.engine.send(FlowId{77}, "over there");
    far.engine.on_chunk = [&](const sip::Chunk& in) { far.engine.send(in.flow, "and back"); };
    REQUIRE(tcp.until([&] {
        far.driver.turn(false);
        return tcp.engine.heard(FlowId{77}) == "and back";
    }));
    CHECK(far.engine.heard(far.engine.flows.front().flow) == "over there");
}

TEST_CASE("a connection that cannot be opened is reported closed, once") {
    Tcp tcp;
    const auto nobody = [] {
        const std::vector specs{loopback(Transport::tcp)};
        const auto bound = edge::bind_listeners(specs);
        REQUIRE(bound);
        return bound->front().local;  // nothing listens there any more
    }();
    tcp.engine.effects.push_back(sip::OpenFlow{FlowId{78}, Transport::tcp, nobody});
    CHECK(tcp.until([&] { return !tcp.engine.ended.empty(); }));
    tcp.engine.effects.push_back(sip::OpenFlow{FlowId{79}, Transport::tls, tcp.local});
    REQUIRE(tcp.until([&] { return tcp.engine.ended.size() == 2; }));
    CHECK(std::count(tcp.engine.ended.begin(), tcp.engine.ended.end(), FlowId{78}) == 1);
    CHECK(std::count(tcp.engine.ended.begin(), tcp.engine.ended.end(), FlowId{79}) == 1);
    CHECK(tcp.engine.opened.empty());
    CHECK(tcp.driver.counters().connect_failures == 2);
    CHECK(tcp.echoes_udp());
    CHECK(tcp.engine.ended.size() == 2);
}

TEST_CASE("closing a connection that is being opened says nothing more about it") {
    Tcp tcp;
    tcp.engine.effects.push_back(sip::OpenFlow{FlowId{80}, Transport::tcp, tcp.local});
    tcp.engine.effects.push_back(sip::CloseFlow{FlowId{80}, "too late"});
    CHECK(tcp.until([&] { return tcp.engine.ended.size() == 1; }));  // the accepting side's
    CHECK(tcp.engine.ended.front() != FlowId{80});
    CHECK(tcp.engine.opened.empty());
    CHECK(tcp.until([&] { return tcp.driver.connections() == 0; }));
}

TEST_CASE("a connection that the core has no room for is closed at once") {
    Tcp tcp;
    tcp.engine.refuse_flows = true;
    Peer peer = Peer::tcp(tcp.local);
    CHECK(tcp.ends(peer));
    CHECK(tcp.driver.counters().connections_refused == 1);
    CHECK(tcp.until([&] { return tcp.driver.connections() == 0; }));
}

TEST_CASE("effects for a connection that is gone are counted and let go of") {
    Tcp tcp;
    tcp.engine.send(FlowId{12'345}, "nobody");
    tcp.engine.effects.push_back(sip::CloseFlow{FlowId{12'345}, "nobody"});
    tcp.driver.turn(false);
    CHECK(tcp.driver.counters().unknown_flows == 1);
    CHECK(tcp.engine.memory.used() == 0);
}

TEST_CASE("at as many connections as there is room for the next ones wait, and UDP goes on") {
    edge::DriverOptions options;
    options.connections_max = 2;
    Tcp tcp(options);
    std::vector<Peer> peers;
    for (int i = 0; i < 5; ++i) {
        peers.push_back(Peer::tcp(tcp.local));
        REQUIRE(peers.back().send("from " + std::to_string(i)));
    }
    REQUIRE(tcp.until([&] { return tcp.driver.counters().accept_pauses == 1; }));
    CHECK(tcp.echoes_udp());
    CHECK(tcp.engine.flows.size() == 2);
    // As each goes, the one that has waited the longest is served.
    for (int i = 0; i < 5; ++i) {
        const auto index = static_cast<std::size_t>(i);
        REQUIRE(tcp.until([&] { return tcp.engine.flows.size() > index; }));
        const FlowId flow = tcp.engine.flows[index].flow;
        REQUIRE(tcp.until([&] { return tcp.engine.heard(flow) == "from " + std::to_string(i); }));
        peers[index].close();
    }
    CHECK(tcp.until([&] { return tcp.driver.connections() == 0; }));
}

TEST_CASE("T-34: with no descriptor left connections wait, UDP goes on, and then all are taken") {
    Tcp tcp;
    std::vector<Peer> peers;
    for (int i = 0; i < 4; ++i) peers.push_back(Peer::unconnected_tcp());
    Peer echo = Peer::udp();
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    // The lowest free number: from it on nothing can be opened.
    const auto none_left = static_cast<rlim_t>(edge::Descriptor(::dup(0)).get());
    const rlimit lowered{none_left, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &lowered) == 0);
    for (Peer& peer : peers) peer.connect(tcp.local);
    bool udp_alive = false;
    tcp.engine.on_datagram = [&](const sip::Datagram& in) {
        tcp.engine.send(in.via, in.from, "yes");
    };
    for (int i = 0; i < 20; ++i) tcp.driver.turn(false);
    echo.send_to(tcp.local, "there?");
    udp_alive = tcp.until([&] { return echo.receive() == "yes"; });
    ::setrlimit(RLIMIT_NOFILE, &before);

    CHECK(udp_alive);
    CHECK(tcp.engine.flows.empty());
    CHECK(tcp.driver.counters().accept_errors > 0);
    REQUIRE(tcp.until([&] { return tcp.engine.flows.size() == peers.size(); }));
    FlowId flow{};
    Peer later = tcp.connect(flow);
    REQUIRE(later.send("after"));
    CHECK(tcp.until([&] { return tcp.engine.heard(flow) == "after"; }));
}

TEST_CASE("T-34: a system without descriptors or memory for connections is asked now and then") {
    for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
        CAPTURE(error);
        accept_error = error;
        edge::DriverOptions options;
        options.accept_retry = sip::milliseconds{20};
        options.tcp.accept = refusing_accept;
        Tcp tcp(options);
        Peer peer = Peer::tcp(tcp.local);
        REQUIRE(peer.send("patient"));
        REQUIRE(tcp.until([&] { return tcp.driver.counters().accept_errors == 3; }));
        // Each time it is asked once, not until the machine is out of breath.
        CHECK(accept_calls == 3);
        CHECK(tcp.echoes_udp());
        accept_error = 0;
        REQUIRE(tcp.until([&] { return !tcp.engine.streams.empty(); }));
        CHECK(tcp.engine.heard(tcp.engine.flows.front().flow) == "patient");
        accept_calls = 0;
    }
}

TEST_CASE("T-34: a connection that failed before it was accepted does not keep back the next") {
    accept_calls = 0;
    accept_error = ECONNABORTED;
    edge::DriverOptions options;
    options.tcp.accept = refusing_accept;
    Tcp tcp(options);
    Peer peer = Peer::tcp(tcp.local);
    REQUIRE(tcp.until([&] { return accept_calls >= 100; }));  // more than one turn may ask
    accept_error = 0;
    REQUIRE(tcp.until([&] { return tcp.engine.flows.size() == 1; }));
    CHECK(tcp.driver.counters().accept_errors == 0);
    accept_calls = 0;
}

TEST_CASE("T-34: connections that the core opens leave descriptors for files") {
    edge::DriverOptions options;
    options.connections_max = 1;
    Tcp tcp(options);
    Tcp far;
    for (std::uint64_t i = 0; i < 40; ++i)
        tcp.engine.effects.push_back(sip::OpenFlow{FlowId{100 + i}, Transport::tcp, far.local});
    REQUIRE(tcp.until([&] {
        far.driver.turn(false);
        return tcp.engine.opened.size() + tcp.engine.ended.size() == 40;
    }));
    CHECK(tcp.engine.opened.size() == 17);
    CHECK(tcp.driver.counters().connect_failures == 23);
    CHECK(tcp.echoes_udp());
}

TEST_CASE("a driver that ends in the middle of everything leaves nothing behind") {
    FakeEngine engine;
    {
        edge::Driver driver(engine);
        const std::vector specs{loopback(Transport::tcp)};
        REQUIRE(driver.listen(specs));
        const sip::Endpoint local = driver.listening().front().local;
        Peer silent = Peer::tcp(local, 4'096);
        Peer waiting = Peer::tcp(local);
        REQUIRE(turn_until(driver, [&] { return engine.flows.size() == 2; }));
        for (int i = 0; i < 25; ++i)
            engine.send(engine.flows.front().flow, std::string(10'000, 'a'));
        engine.effects.push_back(sip::CloseFlow{engine.flows.back().flow, "why not"});
        engine.effects.push_back(sip::OpenFlow{FlowId{500}, Transport::tcp, local});
        driver.turn(false);
        engine.send(engine.flows.front().flow, "one more");
    }
    CHECK(engine.ended.empty());
    engine.effects.clear();
    CHECK(engine.memory.used() == 0);
}
