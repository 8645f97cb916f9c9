#include "sip/base/tally.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

using namespace sip;
using Counted = Tally::Counted;

TEST_CASE("a tally counts each key apart and forgets one that is counted down to nothing") {
    Memory memory;
    Tally tally(memory, 100);
    std::map<std::uint64_t, std::uint32_t> model;
    std::mt19937_64 random(3);
    for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t key = random() % 90 * 0x9e3779b97f4a7c15ULL;
        if (random() % 2 == 0) {
            CHECK(tally.add(key) == Counted::yes);
            ++model[key];
        } else if (model.count(key) != 0) {
            tally.remove(key);
            if (--model[key] == 0) model.erase(key);
        }
        CHECK(tally.count(key) == (model.count(key) == 0 ? 0 : model[key]));
        REQUIRE(tally.size() == model.size());
    }
}

TEST_CASE("ROUR-4: a full tally still counts the keys that it knows") {
    Memory memory;
    Tally tally(memory, 2);
    CHECK(tally.add(1) == Counted::yes);
    CHECK(tally.add(2) == Counted::yes);
    CHECK(tally.add(3) == Counted::no_room);
    CHECK(tally.count(3) == 0);
    CHECK(tally.add(1) == Counted::yes);
    CHECK(tally.count(1) == 2);
    tally.remove(2);
    CHECK(tally.add(3) == Counted::yes);
}

TEST_CASE("ROUR-4: a tally counts up to the most there may be, and not past it") {
    Memory memory;
    Tally tally(memory, 2);
    CHECK(tally.add(1, 0) == Counted::too_many);
    CHECK(tally.size() == 0);
    CHECK(tally.add(1, 2) == Counted::yes);
    CHECK(tally.add(1, 2) == Counted::yes);
    CHECK(tally.add(1, 2) == Counted::too_many);
    CHECK(tally.count(1) == 2);
    // Whom no bound holds is counted all the same.
    CHECK(tally.add(1) == Counted::yes);
    CHECK(tally.add(1, 2) == Counted::too_many);
    tally.remove(1);
    tally.remove(1);
    CHECK(tally.add(1, 2) == Counted::yes);
    CHECK(tally.count(1) == 2);
}

TEST_CASE("T-35: a tally refused memory has counted nothing") {
    bool done = false;
    for (std::uint64_t n = 0; !done; ++n) {
        Memory memory;
        Tally tally(memory, 10);
        memory.refuse_after(n);
        done = tally.add(7) == Counted::yes;
        CHECK(tally.count(7) == (done ? 1 : 0));
        memory.refuse_none();
        CHECK(tally.add(7) == Counted::yes);
        CHECK(tally.count(7) == (done ? 2 : 1));
        REQUIRE(n < 10);
    }
}
