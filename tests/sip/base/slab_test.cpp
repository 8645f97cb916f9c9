#include "sip/base/slab.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

using namespace sip;

TEST_CASE("a handle that outlived its object finds nothing, even when the place is taken anew") {
    Memory memory;
    Slab<int> slab(memory, 10);
    const Handle first = slab.create(1);
    slab.destroy(first);
    CHECK(slab.find(first) == nullptr);
    const Handle second = slab.create(2);
    CHECK(second.index == first.index);
    CHECK(slab.find(first) == nullptr);
    REQUIRE(slab.find(second) != nullptr);
    CHECK(*slab.find(second) == 2);
    CHECK(slab.find(Handle{}) == nullptr);
    CHECK(slab.find(Handle{9999, 1}) == nullptr);
    CHECK_FALSE(static_cast<bool>(Handle{}));
}

TEST_CASE("objects keep their addresses while the slab grows") {
    Memory memory;
    Slab<int> slab(memory, 1000);
    std::vector<std::pair<Handle, int*>> made;
    for (int i = 0; i < 1000; ++i) {
        const Handle handle = slab.create(int{i});
        REQUIRE(handle);
        made.emplace_back(handle, slab.find(handle));
    }
    for (std::size_t i = 0; i < made.size(); ++i) {
        CHECK(slab.find(made[i].first) == made[i].second);
        CHECK(*made[i].second == static_cast<int>(i));
    }
}

TEST_CASE("ROUR-4: a slab refuses one past its limit and takes again after a destroy") {
    Memory memory;
    Slab<int> slab(memory, 33);
    std::vector<Handle> made;
    for (int i = 0; i < 33; ++i) made.push_back(slab.create(int{i}));
    CHECK(slab.full());
    CHECK_FALSE(slab.create(99));
    slab.destroy(made[5]);
    CHECK_FALSE(slab.full());
    CHECK(slab.create(99));
}

TEST_CASE("T-35: a slab refused memory creates nothing, at either of its two allocations") {
    for (const std::uint64_t n : {0U, 1U}) {
        Memory memory;
        Slab<int> slab(memory, 10);
        memory.refuse_after(n);
        CHECK_FALSE(slab.create(1));
        CHECK(slab.size() == 0);
        CHECK(slab.create(1));
    }
}

TEST_CASE("for_each visits each live object once, and may destroy the one it is given") {
    Memory memory;
    Slab<int> slab(memory, 100);
    for (int i = 0; i < 70; ++i) slab.create(int{i});
    int sum = 0;
    slab.for_each([&](Handle handle, int& value) {
        sum += value;
        if (value % 2 == 0) slab.destroy(handle);
    });
    CHECK(sum == 69 * 70 / 2);
    CHECK(slab.size() == 35);
    slab.for_each([&](Handle, const int& value) { CHECK(value % 2 == 1); });
}

TEST_CASE("a slab destroys what lives in it when it goes") {
    Memory memory;
    const auto watched = std::make_shared<int>(1);
    {
        Slab<std::shared_ptr<int>> slab(memory, 100);
        for (int i = 0; i < 40; ++i) slab.create(watched);
        CHECK(watched.use_count() == 41);
    }
    CHECK(watched.use_count() == 1);
    CHECK(memory.used() == 0);
}

TEST_CASE("an empty slab gives its memory back, and handles from before go on finding nothing") {
    Memory memory;
    Slab<int> slab(memory, 100);
    Handle first = slab.create(1);
    for (int i = 0; i < 5; ++i) {  // its cell is in its sixth generation
        slab.destroy(first);
        first = slab.create(i);
    }
    Handle others[70];
    for (Handle& other : others) other = slab.create(7);
    slab.trim();
    CHECK(*slab.find(first) == 4);
    slab.destroy(first);
    for (const Handle& other : others) slab.destroy(other);
    slab.trim();
    CHECK(memory.used() == 0);
    for (int i = 0; i < 70; ++i) {
        const Handle made = slab.create(i);
        CHECK_FALSE(made == first);
        CHECK(slab.find(first) == nullptr);
        for (const Handle& other : others) CHECK_FALSE(made == other);
        CHECK(*slab.find(made) == i);
    }
}

TEST_CASE("a slab is met in steps: each that lives once, and the end is said") {
    Memory memory;
    Slab<int> slab(memory, 100);
    CHECK(slab.for_each_from(0, 10, [](Handle, int&) { FAIL("nothing lives here"); }) ==
          UINT32_MAX);
    Handle made[40];
    for (int i = 0; i < 40; ++i) made[i] = slab.create(i);
    slab.destroy(made[3]);
    int met = 0, sum = 0;
    std::uint32_t at = 0;
    do {
        at = slab.for_each_from(at, 10, [&](Handle handle, int& value) {
            CHECK(slab.find(handle) == &value);
            ++met;
            sum += value;
        });
    } while (at != UINT32_MAX);
    CHECK(met == 39);
    CHECK(sum == 39 * 40 / 2 - 3);
    CHECK(slab.for_each_from(1'000, 10, [](Handle, int&) {}) == UINT32_MAX);
    for (int i = 0; i < 40; ++i)
        if (i != 3) slab.destroy(made[i]);
}

TEST_CASE("a slab takes what bytes_for says, and little where there may be few") {
    for (const std::size_t limit : {1U, 4U, 8U, 9U, 32U, 64U, 65U, 128U, 129U, 1000U}) {
        Memory memory;
        Slab<std::uint64_t> slab(memory, limit);
        for (std::size_t n = 1; n <= limit; ++n) {
            REQUIRE(slab.create(n));
            REQUIRE(memory.used() == Slab<std::uint64_t>::bytes_for(n, limit));
        }
        CHECK_FALSE(slab.create(0U));
    }
    const std::size_t cell = Slab<std::uint64_t>::bytes_for(1, 1'000'000) / 32;
    CHECK(Slab<std::uint64_t>::bytes_for(1, 8) <= 8 * cell);
}

TEST_CASE("what a slab reserved it never asks for again, up to its limit, and keeps when trimmed") {
    for (const std::size_t limit : {1U, 4U, 9U, 33U, 100U, 1000U}) {
        CAPTURE(limit);
        Memory memory;
        Slab<std::uint64_t> slab(memory, limit);
        REQUIRE(slab.reserve(limit));
        const auto used = memory.used();
        CHECK(used <= Slab<std::uint64_t>::bytes_for(limit, limit));
        memory.refuse_after(0);
        for (int round = 0; round < 2; ++round) {
            std::vector<Handle> made;
            for (std::size_t n = 0; n < limit; ++n) {
                made.push_back(slab.create(n));
                REQUIRE(made.back());
            }
            CHECK_FALSE(slab.create(0U));
            for (const Handle& handle : made) slab.destroy(handle);
            slab.trim();
            CHECK(memory.used() == used);
        }
        memory.refuse_none();
    }
}

TEST_CASE("T-35: a slab that is refused what it would reserve says so, and takes the rest later") {
    Memory memory;
    Slab<std::uint64_t> slab(memory, 100);
    for (std::uint64_t n = 0; n < 5; ++n) {
        memory.refuse_after(n);
        CHECK_FALSE(slab.reserve(100));
        memory.refuse_none();
        CHECK(slab.size() == 0);
        slab.trim();
    }
    REQUIRE(slab.reserve(1'000'000));
    CHECK(memory.used() <= Slab<std::uint64_t>::bytes_for(100, 100));
}

TEST_CASE("T-35: the memory of a slab is given back in steps, between which objects may be made") {
    Memory memory;
    Slab<std::uint64_t> slab(memory, 1'000'000);
    std::vector<Handle> old;
    for (std::uint64_t i = 0; i < 3'200; ++i) old.push_back(slab.create(i));
    for (const Handle handle : old) slab.destroy(handle);
    std::size_t before = memory.used();
    for (int step = 0; step < 10; ++step) {
        memory.limit_trim(4);
        slab.trim();
        CHECK(memory.used() < before);
        CHECK(before - memory.used() <= 4 * Slab<std::uint64_t>::bytes_for(32, 1'000'000));
        before = memory.used();
        // What stays is used before more is asked for, and nobody finds it by a name of before.
        memory.refuse_after(0);
        const Handle made = slab.create(7U);
        memory.refuse_none();
        REQUIRE(made);
        CHECK(*slab.find(made) == 7);
        for (const Handle handle : old) REQUIRE(slab.find(handle) == nullptr);
        slab.destroy(made);
        old.push_back(made);
    }
    memory.limit_trim(SIZE_MAX);
    slab.trim();
    CHECK(memory.used() == 0);
}
