#include <doctest/doctest.h>

#include <array>

#include "apps/edge/net/clock.hpp"
#include "tests/apps/edge/net/loopback.hpp"
#include "tests/support/seeded_entropy.hpp"
#include "tests/support/stack_world.hpp"

namespace {

/// A real stack on real sockets, with a T1 that a test can wait for.
struct RealWorld {
    explicit RealWorld(bool v6) {
        user.part = stack.attach(user, std::array{sip::Method::message});
        const std::vector specs{v6 ? loopback6(sip::Transport::udp)
                                   : loopback(sip::Transport::udp)};
        const auto listening = driver.listen(specs);
        REQUIRE_MESSAGE(listening, listening.error());
    }
    static sip::StackOptions options() {
        sip::StackOptions made;
        made.limits.t1 = sip::milliseconds{20};
        return made;
    }
    void send(const sip::Endpoint& to) {
        const auto via = driver.listening().front().id;
        REQUIRE(user.send(edge::read_clocks(), {sip::Transport::udp, via, {}, to}));
    }
    SeededEntropy entropy;
    sip::Stack stack{options(), entropy};
    ScriptedUser user{stack.core()};
    edge::EngineOf<sip::Stack> engine{stack};
    edge::Driver driver{engine};
};

}  // namespace

TEST_CASE("R3261-18.4-1 R3261-17.1.4-1: a request to a port where nobody listens fails as such") {
    for (const bool v6 : {false, true}) {
        CAPTURE(v6);
        RealWorld world(v6);
        Peer gone = Peer::udp(v6);
        const auto nobody = gone.local();
        gone.close();
        const auto start = edge::read_clocks().mono;
        world.send(nobody);
        REQUIRE(turn_until(world.driver, [&] { return !world.user.told.empty(); }));
        CHECK(world.user.told.size() == 1);
        CHECK(world.user.told[0].failure == sip::Failure::transport);
        // The first copy's error is no failure; a second copy had to be refused, too.
        CHECK(world.user.told[0].at >= start + sip::milliseconds{20});
        CHECK(world.driver.counters().icmp_errors >= 2);
        CHECK(world.stack.counters().unreachable_unproved >= 1);
        CHECK(world.stack.clients().size() == 0);
    }
}

TEST_CASE("R3261-17.1.4-1: a peer that comes back before the second copy is not given up") {
    RealWorld world(false);
    Peer first = Peer::udp();
    const auto peer = first.local();
    first.close();
    world.send(peer);
    REQUIRE(turn_until(world.driver, [&] { return world.driver.counters().icmp_errors == 1; }));
    CHECK(world.user.told.empty());
    CHECK(world.stack.clients().size() == 1);
}
