// A presence server on real sockets, and peers that are slow, silent or gone. What is asked each
// time: a bound that holds, a counter that says so, and others that are served.

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "apps/edge/net/driver.hpp"
#include "presence/server.hpp"
#include "tests/apps/edge/net/loopback.hpp"
#include "tests/support/seeded_entropy.hpp"

namespace {

using sip::milliseconds;
using sip::Transport;

// The kernel takes no datagram while this is set.
bool send_is_blocked = false;
int maybe_send(int fd, mmsghdr* messages, unsigned count, int flags) {
    if (!send_is_blocked) return ::sendmmsg(fd, messages, count, flags);
    errno = EAGAIN;
    return -1;
}

/// A server of "localhost" that believes everybody, on udp and tcp at one port.
struct Served {
    explicit Served(const sip::Limits& limits = {}, const edge::DriverOptions& net = {})
        : server(options(limits), entropy), engine(server), driver(engine, net) {
        send_is_blocked = false;
        const std::vector specs{loopback(Transport::udp), loopback(Transport::tcp)};
        const auto listening = driver.listen(specs);
        REQUIRE_MESSAGE(listening, listening.error());
        local = driver.listening().front().local;
    }
    static presence::ServerOptions options(const sip::Limits& limits) {
        presence::ServerOptions made;
        made.domains = domains;
        made.policy = presence::Policy::allow;
        made.notify_interval = sip::seconds{0};
        made.limits = limits;
        return made;
    }
    bool until(const std::function<bool()>& done) { return turn_until(driver, done); }

    std::string request(const std::string& method, const Peer& peer, const std::string& fields,
                        const std::string& body = {}, const char* via = "UDP") {
        const std::string n = std::to_string(++number_);
        const std::string port = std::to_string(peer.local().port);
        return method + " sip:alice@localhost SIP/2.0\r\nVia: SIP/2.0/" + via +
               " 127.0.0.1:" + port + ";rport;branch=z9hG4bK" + n + "\r\nMax-Forwards: 70\r\n" +
               "From: <sip:bob@localhost>;tag=f" + n + "\r\nTo: <sip:alice@localhost>\r\n" +
               "Call-ID: call-" + n + "\r\nCSeq: 1 " + method +
               "\r\nContact: <sip:bob@127.0.0.1:" + port + ">\r\n" + fields +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }
    /// The answer's status to OPTIONS by a new connection or datagram, as another peer would see.
    bool serves(bool stream) {
        Peer peer = stream ? Peer::tcp(local) : Peer::udp();
        const std::string text = request("OPTIONS", peer, {}, {}, stream ? "TCP" : "UDP");
        if (!stream) peer.send_to(local, text);
        bool sent = !stream;
        return until([&] {
            if (!sent) sent = peer.send(text);
            return peer.receive().starts_with("SIP/2.0 200 ");
        });
    }
    /// Publishes for alice that `note`, as herself.
    bool publish(Peer& peer, const std::string& note) {
        std::string text = request(
            "PUBLISH", peer, "Event: presence\r\nContent-Type: application/pidf+xml\r\n",
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:alice@localhost'><tuple "
            "id='t'><status><basic>open</basic></status></tuple><note>" +
                note + "</note></presence>");
        text.replace(text.find("sip:bob"), 7, "sip:alice");
        return peer.send_to(local, text);
    }
    const sip::Counters& counters() const { return server.counters(); }

    static constexpr std::array<std::string_view, 1> domains{"localhost"};
    SeededEntropy entropy{5};
    presence::Server server;
    edge::EngineOf<presence::Server> engine;
    edge::Driver driver;
    sip::Endpoint local;

private:
    unsigned number_ = 0;
};

/// 200 to a request, which may come in several copies.
std::string ok_to(const std::string& request) {
    std::string text = "SIP/2.0 200 OK\r\n";
    for (const char* name : {"Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "}) {
        const auto start = request.find(std::string("\r\n") + name) + 2;
        text += request.substr(start, request.find("\r\n", start) + 2 - start);
    }
    return text + "Content-Length: 0\r\n\r\n";
}

}  // namespace

TEST_CASE("T-17: who connects and is silent, or sends a byte now and then, is cut off in time") {
    sip::Limits limits;
    limits.flow_first_byte = milliseconds{40};
    limits.flow_message = milliseconds{80};
    Served served(limits);
    std::vector<Peer> silent, slow;
    for (int i = 0; i < 40; ++i) silent.push_back(Peer::tcp(served.local));
    for (int i = 0; i < 40; ++i) slow.push_back(Peer::tcp(served.local));
    const std::string text = served.request("OPTIONS", slow.front(), {}, {}, "TCP");
    std::size_t at = 0;
    const auto gone = [](Peer& peer) {
        (void)peer.receive();
        return peer.at_end();
    };
    CHECK(served.until([&] {
        // All but the last byte would take longer than there is time for.
        if (at < text.size() - 1)
            for (const Peer& peer : slow) peer.send(std::string_view(text).substr(at, 1));
        at = std::min(at + 1, text.size() - 1);
        return std::all_of(silent.begin(), silent.end(), gone) &&
               std::all_of(slow.begin(), slow.end(), gone);
    }));
    CHECK(served.counters().flow_timeouts == 80);
    CHECK(served.until([&] { return served.driver.connections() == 0; }));
    CHECK(served.serves(true));
    CHECK(served.serves(false));
}

TEST_CASE("T-17 T-34: a crowd of connections is held to its bound, and datagrams go on") {
    sip::Limits limits;
    limits.flows = 50;
    limits.flows_per_address = 20;
    Served served(limits);
    std::vector<Peer> crowd;
    for (int i = 0; i < 100; ++i) crowd.push_back(Peer::tcp(served.local));
    REQUIRE(served.until([&] { return served.driver.counters().connections_accepted == 100; }));
    CHECK(served.driver.counters().connections_refused == 80);
    CHECK(served.counters().limit_flows_per_address == 80);
    CHECK(served.serves(false));
    crowd.clear();
    CHECK(served.until([&] { return served.driver.connections() == 0; }));
    CHECK(served.serves(true));
}

TEST_CASE("T-17: a watcher by TCP that never reads is cut off, and its subscription ends with it") {
    edge::DriverOptions net;
    net.flow_write_bytes = 20'000;
    Served served({}, net);
    Peer deaf = Peer::tcp(served.local, 4'096);
    const std::string subscribe =
        served.request("SUBSCRIBE", deaf, "Event: presence\r\nExpires: 600\r\n", {}, "TCP");
    bool sent = false;
    REQUIRE(served.until([&] {
        if (!sent) sent = deaf.send(subscribe);
        return served.server.notifier().size() == 1;
    }));
    // It asks and asks and takes no answer.
    const std::string options = served.request("OPTIONS", deaf, {}, {}, "TCP");
    std::size_t unsent_most = 0;
    CHECK(served.until([&] {
        for (int i = 0; i < 200; ++i) deaf.send(options);
        unsent_most = std::max(unsent_most, served.server.stack().shard().memory.used());
        return served.driver.counters().write_overflows == 1;
    }));
    CHECK(unsent_most < 3'000'000);
    CHECK(served.until([&] { return served.driver.connections() == 0; }));
    CHECK(served.serves(true));
    CHECK(served.serves(false));
}

TEST_CASE("T-16: while the kernel takes no datagrams state moves on, and the newest is told then") {
    edge::DriverOptions net;
    net.udp.send_many = maybe_send;
    net.udp.queue_max = 8;
    net.udp.blocked_max = milliseconds{400};
    Served served({}, net);
    Peer watcher = Peer::udp(), publisher = Peer::udp();
    std::string shown;
    const auto read = [&] {
        const std::string got = watcher.receive();
        if (!got.starts_with("NOTIFY")) return;
        watcher.send_to(served.local, ok_to(got));
        shown = got;
    };
    watcher.send_to(served.local,
                    served.request("SUBSCRIBE", watcher, "Event: presence\r\nExpires: 600\r\n"));
    REQUIRE(served.until([&] {
        read();
        return !shown.empty();
    }));
    send_is_blocked = true;
    std::uint64_t published = 0;
    REQUIRE(served.until([&] {
        if (published < 100) REQUIRE(served.publish(publisher, "n" + std::to_string(++published)));
        return served.counters().publishes >= 15 && served.driver.counters().send_blocked > 0;
    }));
    send_is_blocked = false;
    // Publications beyond the bound of the presentity are refused: the newest that was taken shows.
    const std::string newest =
        "<note>n" + std::to_string(served.server.compositor().size()) + "</note>";
    CHECK(served.until([&] {
        read();
        return shown.find(newest) != std::string::npos;
    }));
    CHECK(served.driver.writable());
    CHECK(served.serves(false));
}
