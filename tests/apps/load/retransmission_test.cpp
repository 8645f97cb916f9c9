#include "apps/load/retransmission.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace load;

TEST_CASE("Timer E doubles from T1 to T2 and stays there") {
    RetransmissionTimers timers;
    std::vector<std::uint64_t> sent;
    std::uint64_t now = 0;
    timers.arm(7, 3, 0, now);
    RetransmissionTimers::Entry entry;
    while (now < 20'000'000'000) {
        now = timers.next();
        CHECK_FALSE(timers.take_due(now - 1, entry));
        REQUIRE(timers.take_due(now, entry));
        CHECK(entry.operation == 7);
        CHECK(entry.generation == 3);
        sent.push_back(now / 1'000'000);
        timers.arm(7, 3, static_cast<std::uint8_t>(entry.level + 1), now);
    }
    CHECK(sent ==
          std::vector<std::uint64_t>{500, 1'500, 3'500, 7'500, 11'500, 15'500, 19'500, 23'500});
}

TEST_CASE("Timers of different ages come in their order of being due") {
    RetransmissionTimers timers;
    CHECK(timers.next() == UINT64_MAX);
    timers.arm(1, 1, 3, 0);              // at 4 s
    timers.arm(2, 1, 0, 1'000'000'000);  // at 1.5 s
    CHECK(timers.next() == 1'500'000'000);
    RetransmissionTimers::Entry entry;
    REQUIRE(timers.take_due(5'000'000'000, entry));
    CHECK(entry.operation == 2);
    REQUIRE(timers.take_due(5'000'000'000, entry));
    CHECK(entry.operation == 1);
    CHECK_FALSE(timers.take_due(5'000'000'000, entry));
}

TEST_CASE("A ring keeps its order while it grows and goes round") {
    Ring<int> ring;
    int in = 0, out = 0;
    for (int round = 0; round < 50; ++round) {
        for (int i = 0; i < 37 + round; ++i) ring.push(in++);
        for (int i = 0; i < 30; ++i) {
            REQUIRE(ring.front() == out++);
            ring.pop();
        }
    }
    for (; !ring.empty(); ring.pop()) REQUIRE(ring.front() == out++);
    CHECK(out == in);
}
