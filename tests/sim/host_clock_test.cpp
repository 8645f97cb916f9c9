#include "tests/sim/host_clock.hpp"

#include <doctest/doctest.h>

using namespace sim;

TEST_CASE("an instant of a host comes at the first moment that its clock shows it") {
    for (const std::int64_t drift : {0, 1, -1, 50, -50, 2'000, -2'000, 10'000}) {
        HostClock clock;
        clock.set_drift(drift);
        for (const Time time : {Time{0}, Time{1}, 7 * millisecond + 3, 3600 * second + 17,
                                1'000'000 * second + 999'999'999}) {
            const sip::Instant instant = clock.at(time).mono;
            CHECK(clock.when(instant) <= time);
            CHECK(clock.at(clock.when(instant)).mono >= instant);
            CHECK(clock.at(clock.when(instant + sip::Duration{1})).mono > instant);
        }
    }
    CHECK(HostClock{}.when(sip::never) == no_time);
}

TEST_CASE("ROUR-2 T-33: the wall clock jumps, and the monotonic one does not") {
    HostClock clock;
    const sip::Now before = clock.at(second);
    clock.jump(-5'000);
    const sip::Now after = clock.at(second);
    CHECK(after.mono == before.mono);
    CHECK(after.wall_ms == before.wall_ms - 5'000);
}
