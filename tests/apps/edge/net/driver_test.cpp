#include "apps/edge/net/driver.hpp"

#include <doctest/doctest.h>

#include <csignal>

#include "apps/edge/net/clock.hpp"
#include "tests/apps/edge/net/fake_engine.hpp"
#include "tests/apps/edge/net/loopback.hpp"

namespace {

using sip::Transport;

struct Idle {
    Idle() : driver(engine) {}
    bool until(const std::function<bool()>& done) { return turn_until(driver, done); }
    FakeEngine engine;
    edge::Driver driver;
};

sip::Instant in(int milliseconds) {
    return sip::later(edge::read_clocks().mono, sip::milliseconds{milliseconds});
}

}  // namespace

TEST_CASE("the engine's deadline is met, never early") {
    Idle idle;
    const auto start = edge::read_clocks().mono;
    idle.engine.due = in(8);
    for (int i = 0; i < 100 && idle.engine.fired == 0; ++i) idle.driver.turn();
    CHECK(idle.engine.fired == 1);
    CHECK(idle.engine.early == 0);
    CHECK(edge::read_clocks().mono >= start + sip::milliseconds{8});
    CHECK_FALSE(idle.engine.time_went_back);
}

TEST_CASE("a deadline that moves nearer or away is followed, one that has passed is met at once") {
    Idle idle;
    idle.engine.due = in(3'600'000);
    idle.driver.turn(false);
    idle.engine.due = in(2);
    CHECK(idle.until([&] { return idle.engine.fired == 1; }));
    idle.engine.due = in(-1'000);
    CHECK(idle.until([&] { return idle.engine.fired == 2; }));
    idle.engine.due = sip::never;
    idle.driver.turn(false);
    idle.engine.due.reset();
    idle.driver.turn(false);
    CHECK(idle.engine.fired == 2);
}

TEST_CASE("effects that a timer brings about leave in its turn") {
    Idle idle;
    const std::vector specs{loopback(Transport::udp)};
    REQUIRE(idle.driver.listen(specs));
    Peer peer = Peer::udp();
    idle.driver.after(sip::milliseconds{1}, [&] {
        idle.engine.send(idle.driver.listening().front().id, peer.local(), "tick");
    });
    std::string got;
    REQUIRE(idle.until([&] { return !(got = peer.receive()).empty(); }));
    CHECK(got == "tick");
}

TEST_CASE("callbacks come once, in the order of their times, and may ask for more") {
    Idle idle;
    std::vector<int> order;
    // Both are due: which was due first decides, however slow this machine is.
    idle.driver.after(-sip::seconds{100}, [&] { order.push_back(2); });
    idle.driver.after(-sip::seconds{200}, [&] {
        order.push_back(1);
        idle.driver.after(sip::milliseconds{1}, [&] { order.push_back(3); });
    });
    REQUIRE(idle.until([&] { return order.size() == 3; }));
    CHECK(order == std::vector{1, 2, 3});
    for (int i = 0; i < 5; ++i) idle.driver.turn(false);
    CHECK(order.size() == 3);
}

TEST_CASE("the hook comes after the effects, and what it brings about leaves in the same turn") {
    Idle idle;
    const std::vector specs{loopback(Transport::udp)};
    REQUIRE(idle.driver.listen(specs));
    const auto id = idle.driver.listening().front().id;
    Peer peer = Peer::udp();
    int hooks = 0, acted = 0;
    idle.engine.on_datagram = [&](const sip::Datagram& in) {
        idle.engine.send(in.via, in.from, "first");
    };
    idle.driver.after_drain([&] {
        CHECK(idle.engine.effects.empty());
        ++hooks;
        if (idle.engine.datagrams.size() == 1 && acted++ == 0)
            idle.engine.send(id, peer.local(), "second");
    });
    REQUIRE(peer.send_to(idle.driver.listening().front().local, "go"));
    std::vector<std::string> got;
    REQUIRE(idle.until([&] {
        if (auto bytes = peer.receive(); !bytes.empty()) got.push_back(bytes);
        return got.size() == 2;
    }));
    CHECK(got == std::vector<std::string>{"first", "second"});
    CHECK(idle.driver.counters().send_calls == 1);
    CHECK(hooks >= 2);
}

TEST_CASE("a hook that always brings about more does not keep the loop from turning") {
    Idle idle;
    idle.driver.after_drain([&] { idle.engine.send(sip::FlowId{1}, "nobody"); });
    bool fired = false;
    idle.driver.after(sip::milliseconds{1}, [&] { fired = true; });
    for (int i = 0; i < 10'000 && !fired; ++i) idle.driver.turn();
    CHECK(fired);
    idle.driver.after_drain({});
}

TEST_CASE("an engine with very many effects shares the loop") {
    for (const bool hook : {false, true}) {
        CAPTURE(hook);
        Idle idle;
        if (hook) idle.driver.after_drain([] {});
        for (int i = 0; i < 5'000; ++i) idle.engine.send(sip::FlowId{1}, "nobody");
        idle.driver.turn(false);
        CHECK(idle.engine.effects.size() >= 2'500);
        for (int i = 0; i < 100 && !idle.engine.effects.empty(); ++i) idle.driver.turn();
        CHECK(idle.engine.effects.empty());
    }
}

TEST_CASE("commits are durable at once without a store, else when the store says so") {
    Idle idle;
    idle.engine.effects.push_back(sip::Commit{sip::CommitId{1}, {}});
    idle.driver.turn(false);
    CHECK(idle.engine.durable == std::vector{sip::CommitId{1}});

    std::vector<sip::CommitId> taken;
    idle.driver.store([&](const sip::Commit& commit) { taken.push_back(commit.id); });
    for (const int id : {2, 3})
        idle.engine.effects.push_back(sip::Commit{static_cast<sip::CommitId>(id), {}});
    idle.driver.turn(false);
    CHECK(taken == std::vector{sip::CommitId{2}, sip::CommitId{3}});
    CHECK(idle.engine.durable.size() == 1);
    idle.driver.committed(sip::CommitId{3});
    idle.driver.failed(sip::CommitId{2});
    CHECK(idle.engine.durable.back() == sip::CommitId{3});
    CHECK(idle.engine.lost == std::vector{sip::CommitId{2}});
}

TEST_CASE("signals call back in the loop") {
    Idle idle;
    int terms = 0, hangups = 0;
    idle.driver.on_signal(SIGTERM, [&] { ++terms; });
    idle.driver.on_signal(SIGHUP, [&] { ++hangups; });
    std::raise(SIGHUP);
    std::raise(SIGTERM);
    CHECK(terms + hangups == 0);
    CHECK(idle.until([&] { return terms == 1 && hangups == 1; }));
}

TEST_CASE("run goes on until stop, and what was asked for before it still leaves") {
    Idle idle;
    const std::vector specs{loopback(Transport::udp), loopback(Transport::tcp)};
    REQUIRE(idle.driver.listen(specs));
    const auto port = std::to_string(idle.driver.listening().front().local.port);
    CHECK(idle.driver.ready_line() == "ready udp:127.0.0.1:" + port + " tcp:127.0.0.1:" + port);
    CHECK(idle.engine.listeners.size() == 2);
    Peer peer = Peer::udp();
    idle.driver.after(sip::milliseconds{1}, [&] {
        idle.engine.send(idle.driver.listening().front().id, peer.local(), "goodbye");
        idle.driver.stop();
    });
    idle.driver.run();
    CHECK(peer.receive() == "goodbye");
    CHECK_FALSE(idle.driver.has_unsent());
    // And again: a driver can be run more than once.
    idle.driver.after(sip::milliseconds{1}, [&] { idle.driver.stop(); });
    idle.driver.run();
}

TEST_CASE("stop waits for a peer that does not read, but not for ever") {
    FakeEngine engine;
    edge::DriverOptions options;
    options.stop_timeout = sip::milliseconds{20};
    options.flow_write_bytes = 100'000'000;
    edge::Driver driver(engine, options);
    const std::vector specs{loopback(Transport::tcp)};
    REQUIRE(driver.listen(specs));
    Peer peer = Peer::tcp(driver.listening().front().local, 4'096);
    REQUIRE(turn_until(driver, [&] { return !engine.flows.empty(); }));
    for (int i = 0; i < 1'000; ++i) engine.send(engine.flows[0].flow, std::string(10'000, 'a'));
    REQUIRE(turn_until(driver, [&] { return engine.effects.empty(); }));
    const auto start = edge::read_clocks().mono;
    driver.stop();
    driver.run();
    CHECK(driver.has_unsent());
    CHECK(edge::read_clocks().mono >= start + sip::milliseconds{20});
}

TEST_CASE("a listener that cannot be bound is said, with its reason") {
    Idle idle, other;
    const std::vector specs{loopback(Transport::udp)};
    REQUIRE(idle.driver.listen(specs));
    const std::vector same{loopback(Transport::udp, idle.driver.listening().front().local.port)};
    const auto second = other.driver.listen(same);
    REQUIRE_FALSE(second);
    CHECK(second.error().find("address already in use") != std::string::npos);
    CHECK(other.engine.listeners.empty());
}
