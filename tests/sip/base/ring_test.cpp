#include "sip/base/ring.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <random>

using namespace sip;

TEST_CASE("a ring gives back first what came first, whatever the mix of pushes and pops") {
    Memory memory;
    Ring<int> ring(memory, 100);
    std::deque<int> model;
    std::mt19937 random(7);
    for (int i = 0; i < 20'000; ++i) {
        if (random() % 100 < 52) {
            const bool fits = model.size() < 100;
            CHECK(ring.push(int{i}) == fits);
            if (fits) model.push_back(i);
        } else if (!model.empty()) {
            CHECK(ring.pop() == model.front());
            model.pop_front();
        }
        REQUIRE(ring.size() == model.size());
        if (!model.empty()) {
            const std::size_t at = random() % model.size();
            CHECK(ring.at(at) == model[at]);
        }
    }
}

TEST_CASE("ROUR-4: a ring refuses one past its limit and takes again after a pop") {
    Memory memory;
    Ring<int> ring(memory, 17);
    for (int i = 0; i < 17; ++i) CHECK(ring.push(int{i}));
    CHECK_FALSE(ring.push(17));
    CHECK(ring.pop() == 0);
    CHECK(ring.push(17));
    for (int i = 1; i <= 17; ++i) CHECK(ring.pop() == i);
    CHECK(ring.empty());
}

TEST_CASE("T-35: a ring that memory refuses to let grow keeps what it has") {
    Memory memory;
    Ring<int> ring(memory, 100);
    memory.refuse_after(0);
    CHECK_FALSE(ring.push(1));
    CHECK(ring.push(1));
    for (int i = 2; i <= 16; ++i) CHECK(ring.push(int{i}));
    memory.refuse_after(0);
    CHECK_FALSE(ring.push(17));
    CHECK(ring.size() == 16);
    for (int i = 1; i <= 16; ++i) CHECK(ring.pop() == i);
}

TEST_CASE("a ring lets go of what it holds when it goes, and of what was popped at once") {
    Memory memory;
    const auto watched = std::make_shared<int>(1);
    {
        Ring<std::shared_ptr<int>> ring(memory, 100);
        for (int i = 0; i < 40; ++i) {
            std::shared_ptr<int> copy = watched;
            CHECK(ring.push(std::move(copy)));
        }
        CHECK(watched.use_count() == 41);
        ring.pop();
        CHECK(watched.use_count() == 40);
    }
    CHECK(watched.use_count() == 1);
    CHECK(memory.used() == 0);
}
