#include "apps/edge/net/entropy.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "apps/edge/net/clock.hpp"

TEST_CASE("entropy does not repeat, within a source and between two") {
    edge::OsEntropy one, two;
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 20'000; ++i) {
        seen.insert(one.next());
        seen.insert(two.next());
    }
    CHECK(seen.size() == 40'000);
}

TEST_CASE("entropy fills every byte asked for, across and beyond its pool, and none besides") {
    edge::OsEntropy entropy;
    for (const std::size_t size : {0U, 1U, 7U, 100U, 4'095U, 4'096U, 4'097U, 10'000U}) {
        // A byte that stays as it was in all of these runs was not written.
        std::vector<bool> changed(size, false);
        for (int run = 0; run < 12; ++run) {
            std::vector<std::byte> room(size + 2, std::byte{0x5a});
            entropy.fill(std::span(room).subspan(1, size));
            for (std::size_t i = 0; i < size; ++i)
                if (room[i + 1] != std::byte{0x5a}) changed[i] = true;
            CHECK(room.front() == std::byte{0x5a});
            CHECK(room.back() == std::byte{0x5a});
        }
        CHECK(std::all_of(changed.begin(), changed.end(), [](bool b) { return b; }));
    }
}

TEST_CASE("the clocks go forward, and the wall clock is in this century") {
    sip::Now last = edge::read_clocks();
    CHECK(last.wall_ms > INT64_C(946'684'800'000));
    CHECK(last.wall_ms < INT64_C(4'102'444'800'000));
    for (int i = 0; i < 1'000; ++i) {
        const sip::Now now = edge::read_clocks();
        CHECK(now.mono >= last.mono);
        last = now;
    }
}
