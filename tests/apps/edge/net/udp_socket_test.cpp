#include "apps/edge/net/udp_socket.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>

#include "apps/edge/net/clock.hpp"
#include "tests/apps/edge/net/fake_engine.hpp"
#include "tests/apps/edge/net/loopback.hpp"

namespace {

using sip::Transport;

/// A driver with one datagram listener.
struct Udp {
    explicit Udp(const edge::DriverOptions& options = {}, bool v6 = false)
        : driver(engine, options) {
        const std::vector specs{v6 ? loopback6(Transport::udp) : loopback(Transport::udp)};
        const auto listening = driver.listen(specs);
        REQUIRE_MESSAGE(listening, listening.error());
        local = driver.listening().front().local;
        id = driver.listening().front().id;
    }
    bool until(const std::function<bool()>& done) { return turn_until(driver, done); }

    FakeEngine engine;
    edge::Driver driver;
    sip::Endpoint local;
    sip::ListenerId id{};
};

std::string bytes_of(std::size_t size, int seed) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<char>((i * 31 + i / 251 + static_cast<std::size_t>(seed)) & 0xff);
    return bytes;
}

// The kernel's answers to sendmmsg, scripted: how many are taken, or a negative errno.
std::vector<int> script;
int scripted_calls = 0;
int scripted_send(int fd, mmsghdr* messages, unsigned count, int flags) {
    ++scripted_calls;
    if (script.empty()) return ::sendmmsg(fd, messages, count, flags);
    const int answer = script.front();
    if (script.size() > 1 || answer >= 0) script.erase(script.begin());
    if (answer < 0) {
        errno = -answer;
        return -1;
    }
    return ::sendmmsg(fd, messages, std::min(count, static_cast<unsigned>(answer)), flags);
}

edge::DriverOptions scripted(std::vector<int> answers) {
    script = std::move(answers);
    scripted_calls = 0;
    edge::DriverOptions options;
    options.udp.send_many = scripted_send;
    return options;
}

}  // namespace

TEST_CASE("a datagram drives the engine, and what it answers leaves by the same socket") {
    for (const bool v6 : {false, true}) {
        Udp udp({}, v6);
        Peer peer = Peer::udp(v6);
        sip::Endpoint from;
        udp.engine.on_datagram = [&](const sip::Datagram& in) {
            from = in.from;
            udp.engine.send(in.via, in.from, "head ", "body");
        };
        REQUIRE(peer.send_to(udp.local, "hello"));
        std::string got;
        REQUIRE(udp.until([&] { return !(got = peer.receive()).empty(); }));
        CHECK(got == "head body");
        CHECK(udp.engine.datagrams == std::vector<std::string>{"hello"});
        CHECK(from == peer.local());
        CHECK_FALSE(udp.engine.time_went_back);
        CHECK(udp.driver.counters().datagrams_in == 1);
        CHECK(udp.driver.counters().datagrams_out == 1);
    }
}

TEST_CASE("R3261-18.1.1-3: the largest datagrams, and empty ones, come in whole and go out whole") {
    Udp udp;
    Peer peer = Peer::udp();
    // 65507: what fits an IPv4 packet of 65535 with its headers.
    const std::vector<std::string> sent{bytes_of(65'507, 1), bytes_of(65'507, 2), "",
                                        bytes_of(1, 3)};
    for (const auto& bytes : sent) REQUIRE(peer.send_to(udp.local, bytes));
    REQUIRE(udp.until([&] { return udp.engine.datagrams.size() == sent.size(); }));
    CHECK((udp.engine.datagrams == sent));

    udp.engine.send(udp.id, peer.local(), sent[0].substr(0, 500), sent[0].substr(500));
    std::string got;
    REQUIRE(udp.until([&] { return !(got = peer.receive()).empty(); }));
    CHECK((got == sent[0]));
}

TEST_CASE("a burst of datagrams is taken in batches, in order, each with its own bytes") {
    Udp udp;
    Peer peer = Peer::udp();
    udp.engine.on_datagram = [&](const sip::Datagram& in) {
        udp.engine.send(in.via, in.from, std::string_view(in.bytes.data(), in.bytes.size()));
    };
    std::vector<std::string> sent;
    for (int i = 0; i < 200; ++i) {
        sent.push_back(std::to_string(i) + " " + bytes_of(1'000, i));
        REQUIRE(peer.send_to(udp.local, sent.back()));
    }
    std::vector<std::string> back;
    REQUIRE(udp.until([&] {
        for (auto got = peer.receive(); !got.empty(); got = peer.receive()) back.push_back(got);
        return back.size() == sent.size();
    }));
    CHECK((udp.engine.datagrams == sent));
    CHECK((back == sent));
    const auto& counters = udp.driver.counters();
    CHECK(counters.receive_calls <= 20);  // 20 datagrams a call
    CHECK(counters.send_calls <= 10);     // 64 datagrams a call
}

TEST_CASE("what came before a timer is due is read before it fires, within bounds") {
    constexpr int many = 540;  // more than one turn takes
    for (const auto& [lag, all] : {std::pair{sip::seconds{60}, true}, {sip::seconds{0}, false}}) {
        edge::DriverOptions options;
        options.input_lag_max = lag;
        Udp udp(options);
        Peer peer = Peer::udp();
        udp.engine.due = sip::later(edge::read_clocks().mono, sip::milliseconds{1});
        udp.driver.turn(false);
        for (int i = 0; i < many; ++i) REQUIRE(peer.send_to(udp.local, "x"));
        while (edge::read_clocks().mono < sip::later(*udp.engine.due, sip::milliseconds{2})) {
        }
        int before = 0;
        udp.engine.on_datagram = [&](const sip::Datagram&) { before += udp.engine.fired == 0; };
        REQUIRE(udp.until(
            [&] { return udp.engine.fired == 1 && udp.engine.datagrams.size() == many; }));
        CHECK((before == many) == all);
        CHECK_FALSE(udp.engine.time_went_back);
    }
}

TEST_CASE("a datagram that the kernel refuses is dropped and the rest is sent") {
    Udp udp;
    Peer peer = Peer::udp();
    udp.engine.send(udp.id, peer.local(), "before");
    udp.engine.send(udp.id, peer.local(), bytes_of(65'508, 1));  // one byte too long
    udp.engine.send(udp.id, {peer.local().address, 0}, "to port 0");
    udp.engine.send(sip::ListenerId{7}, peer.local(), "no such socket");
    udp.engine.send(udp.id, peer.local(), "after");
    std::vector<std::string> got;
    REQUIRE(udp.until([&] {
        if (auto bytes = peer.receive(); !bytes.empty()) got.push_back(bytes);
        return got.size() == 2;
    }));
    CHECK(got == std::vector<std::string>{"before", "after"});
    CHECK(udp.driver.counters().send_refused == 2);
    CHECK(udp.driver.counters().unknown_flows == 1);
    CHECK(udp.engine.memory.used() == 0);
}

TEST_CASE(
    "R3261-18.4-1: an ICMP error is told, with where the datagram went and how it begins; nothing "
    "is closed, and later datagrams pass") {
    for (const bool v6 : {false, true}) {
        CAPTURE(v6);
        Udp udp({}, v6);
        Peer gone = Peer::udp(v6);
        const auto nobody = gone.local();
        gone.close();
        Peer peer = Peer::udp(v6);
        const std::string text = "anybody? " + bytes_of(3'000, 1);
        for (int i = 0; i < 3; ++i) {
            udp.engine.send(udp.id, nobody, text.substr(0, 4), text.substr(4));
            REQUIRE(udp.until(
                [&] { return udp.engine.unreached.size() == static_cast<std::size_t>(i) + 1; }));
        }
        for (const auto& each : udp.engine.unreached) {
            CHECK((each.via == udp.id));
            CHECK(each.to == nobody);
            CHECK(each.quoted.size() >= 400);
            CHECK(text.starts_with(each.quoted));
        }
        udp.engine.send(udp.id, peer.local(), "still here");
        std::string got;
        REQUIRE(udp.until([&] { return !(got = peer.receive()).empty(); }));
        CHECK(got == "still here");
        CHECK(udp.engine.ended.empty());
        CHECK(udp.driver.counters().icmp_errors == 3);
        CHECK(udp.driver.counters().send_refused == 0);
    }
}

TEST_CASE("T-11: ICMP errors cost no other datagram, and do not keep the loop awake") {
    Udp udp;
    Peer gone = Peer::udp();
    const auto nobody = gone.local();
    gone.close();
    Peer peer = Peer::udp();
    std::size_t got = 0;
    for (int i = 0; i < 500; ++i) {
        udp.engine.send(udp.id, nobody, "anybody?");
        udp.engine.send(udp.id, peer.local(), "you");
        if (i % 10 == 0) udp.driver.turn(false);
        while (!peer.receive().empty()) ++got;
    }
    REQUIRE(udp.until([&] {
        while (!peer.receive().empty()) ++got;
        return got == 500;
    }));
    CHECK(udp.driver.counters().send_refused == 0);
    REQUIRE(udp.until([&] { return udp.driver.counters().icmp_errors >= 1; }));
    // With all of them taken, a turn that may wait does.
    bool fired = false;
    for (int i = 0; i < 200; ++i) udp.driver.turn(false);
    udp.driver.after(sip::milliseconds{5}, [&] { fired = true; });
    int turns = 0;
    for (; turns < 100 && !fired; ++turns) udp.driver.turn();
    CHECK(fired);
    CHECK(turns < 10);
}

TEST_CASE("T-11: an ICMP error while the socket is blocked drops nothing that waits") {
    Udp udp(scripted({64, -EAGAIN}));
    Peer gone = Peer::udp();
    const auto nobody = gone.local();
    gone.close();
    Peer peer = Peer::udp();
    // The error is there before the socket is blocked, and it is blocked before the loop sees it.
    udp.engine.send(udp.id, nobody, "anybody?");
    for (int i = 0; i < 63; ++i) udp.engine.send(udp.id, nobody, "anybody?");
    udp.engine.send(udp.id, peer.local(), "waits");
    for (int i = 0; i < 20; ++i) udp.driver.turn(false);
    CHECK(udp.driver.counters().icmp_errors >= 1);
    CHECK(udp.driver.has_unsent());
    CHECK(udp.driver.counters().send_queue_dropped == 0);
    script.clear();
    std::string got;
    REQUIRE(udp.until([&] { return !(got = peer.receive()).empty(); }));
    CHECK(got == "waits");
}

TEST_CASE("an ICMP error handed to the wrong datagram does not cost that datagram") {
    Udp udp(scripted({-ECONNREFUSED, -EINTR, 64}));
    Peer peer = Peer::udp();
    udp.engine.send(udp.id, peer.local(), "mine");
    std::string got;
    REQUIRE(udp.until([&] { return !(got = peer.receive()).empty(); }));
    CHECK(got == "mine");
    CHECK(udp.driver.counters().send_refused == 0);
}

TEST_CASE("an error that comes back for ever ends with the datagram dropped") {
    Udp udp(scripted({-ECONNREFUSED}));
    udp.engine.send(udp.id, Peer::udp().local(), "never");
    udp.engine.send(udp.id, Peer::udp().local(), "never");
    REQUIRE(udp.until([&] { return udp.engine.memory.used() == 0; }));
    CHECK(scripted_calls == 4);
}

TEST_CASE("a batch taken in part goes on where it stopped") {
    Udp udp(scripted({1, 3, -EAGAIN, 2, 64}));
    // The script repeats its last error until told otherwise; the poll for writability goes on.
    Peer peer = Peer::udp();
    std::vector<std::string> sent, got;
    for (int i = 0; i < 10; ++i) {
        sent.push_back("datagram " + std::to_string(i));
        udp.engine.send(udp.id, peer.local(), sent.back());
    }
    REQUIRE(udp.until([&] {
        if (auto bytes = peer.receive(); !bytes.empty()) got.push_back(bytes);
        return got.size() == sent.size();
    }));
    CHECK(got == sent);
    CHECK(udp.driver.counters().send_blocked == 1);
    CHECK(udp.driver.writable());
    CHECK_FALSE(udp.driver.has_unsent());
}

TEST_CASE("while the queue of a blocked socket is full the engine is not asked for more") {
    auto options = scripted({-EAGAIN});
    options.udp.queue_max = 10;
    Udp udp(options);
    Peer peer = Peer::udp();
    for (int i = 0; i < 100; ++i) udp.engine.send(udp.id, peer.local(), std::to_string(i));
    // Nothing tells that the kernel is full before the first batch of 64 is tried.
    REQUIRE(udp.until([&] { return !udp.driver.writable(); }));
    const auto left = udp.engine.effects.size();
    CHECK(left == 36);
    for (int i = 0; i < 5; ++i) udp.driver.turn(false);
    CHECK(udp.engine.effects.size() == left);
    CHECK(udp.driver.has_unsent());

    script = {64};
    int count = 0;
    REQUIRE(udp.until([&] {
        while (!peer.receive().empty()) ++count;
        return count == 100;
    }));
    CHECK(udp.driver.writable());
    CHECK(udp.driver.counters().send_queue_dropped == 0);
}

TEST_CASE("what a socket cannot send for too long is dropped and counted, and others go on") {
    auto options = scripted({-EAGAIN});
    options.udp.queue_max = 4;
    options.udp.blocked_max = sip::milliseconds{5};
    Udp udp(options);
    Peer peer = Peer::udp();
    for (int i = 0; i < 64; ++i) udp.engine.send(udp.id, peer.local(), "lost");
    REQUIRE(udp.until([&] { return udp.driver.counters().send_queue_dropped == 64; }));
    CHECK(udp.engine.memory.used() == 0);
    CHECK(udp.driver.writable());
    script.clear();
    udp.engine.send(udp.id, peer.local(), "now");
    std::string got;
    REQUIRE(udp.until([&] { return !(got = peer.receive()).empty(); }));
    CHECK(got == "now");
}

TEST_CASE("packets that wait are let go of before the engine's memory is") {
    Udp udp(scripted({-EAGAIN}));
    udp.engine.send(udp.id, Peer::udp().local(), "waits", "for ever");
    for (int i = 0; i < 3; ++i) udp.driver.turn(false);
    CHECK(udp.engine.memory.used() > 0);
    // ~Memory traps when something is left.
}
