#include "sip/base/hash_index.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <random>
#include <set>

using namespace sip;

namespace {
std::uint32_t lookup(const HashIndex& index, std::uint64_t hash, std::uint32_t value) {
    return index.find(hash, [&](std::uint32_t found) { return found == value; });
}
}  // namespace

TEST_CASE("entries of one hash are told apart by the caller") {
    Memory memory;
    HashIndex index(memory);
    CHECK(lookup(index, 5, 0) == HashIndex::none);
    for (std::uint32_t value = 0; value < 40; ++value) REQUIRE(index.insert(5, value));
    for (std::uint32_t value = 0; value < 40; ++value) CHECK(lookup(index, 5, value) == value);
    CHECK(lookup(index, 5, 40) == HashIndex::none);
    CHECK(lookup(index, 6, 1) == HashIndex::none);
}

TEST_CASE("an erased entry leaves those displaced past it in reach") {
    // Few hashes over a small table, so that probing runs cross, wrap and close all the time.
    Memory memory;
    HashIndex index(memory);
    std::map<std::uint32_t, std::uint64_t> model;
    std::mt19937 random(1);
    for (std::uint32_t step = 0; step < 20000; ++step) {
        const std::uint32_t value = static_cast<std::uint32_t>(random() % 24);
        const auto known = model.find(value);
        if (known == model.end()) {
            const std::uint64_t hash = random() % 20;
            REQUIRE(index.insert(hash, value));
            model[value] = hash;
        } else {
            index.erase(known->second, value);
            model.erase(known);
        }
        REQUIRE(index.size() == model.size());
        for (const auto& [there, hash] : model) REQUIRE(lookup(index, hash, there) == there);
    }
}

TEST_CASE("T-35: an insert that memory refuses changes nothing, a reserved one cannot fail") {
    Memory memory;
    HashIndex index(memory);
    std::uint32_t count = 0;
    for (int refused = 0; refused < 40; ++count) {
        memory.refuse_after(0);
        if (index.insert(count, count)) continue;
        ++refused;
        CHECK(index.size() == count);
        for (std::uint32_t i = 0; i < count; ++i) REQUIRE(lookup(index, i, i) == i);
        CHECK(lookup(index, count, count) == HashIndex::none);
        memory.refuse_none();
        REQUIRE(index.reserve_one());
        memory.refuse_after(0);
        REQUIRE(index.insert(count, count));
    }
    memory.refuse_none();
}

namespace {

/// What an index says it has, beside what it was given.
struct Twin {
    void insert(std::uint64_t hash, std::uint32_t value, bool refuse) {
        if (refuse) memory.refuse_after(0);
        const bool done = index.insert(hash, value);
        memory.refuse_none();
        if (!done) ++refused;
        if (!done) return;
        CHECK(model.emplace(value, hash).second);
    }
    void erase(std::uint32_t value) {
        index.erase(model.at(value), value);
        model.erase(value);
    }
    void replace(std::uint32_t value, std::uint32_t with) {
        const std::uint64_t hash = model.at(value);
        index.replace(hash, value, with);
        model.erase(value);
        model[with] = hash;
    }
    void check() const {
        REQUIRE(index.size() == model.size());
        for (const auto& [value, hash] : model) {
            REQUIRE(lookup(index, hash, value) == value);
            REQUIRE(lookup(index, hash, value + 1'000'000) == HashIndex::none);
        }
        // Each is asked about once, and nothing else is.
        for (const auto& one : model) {
            const std::uint64_t hash = one.second;
            std::set<std::uint32_t> asked;
            (void)index.find(hash, [&](std::uint32_t found) {
                CHECK(asked.insert(found).second);
                CHECK(static_cast<std::uint32_t>(model.at(found)) ==
                      static_cast<std::uint32_t>(hash));
                return false;
            });
            for (const auto& [other, others] : model)
                REQUIRE(asked.contains(other) == (others == hash));
            break;
        }
    }
    Memory memory;
    HashIndex index{memory};
    std::map<std::uint32_t, std::uint64_t> model;
    int refused = 0;
};

}  // namespace

TEST_CASE("T-35: an index is what a map is, up and down, however hashes are and memory refuses") {
    // How the hashes are spread: at random, few, all the same, and those that only differ in bits
    // that the buckets of a small table do not look at.
    for (const int spread : {0, 1, 2, 3}) {
        CAPTURE(spread);
        std::mt19937_64 random(static_cast<std::uint64_t>(spread) + 7);
        const auto hash = [&]() -> std::uint64_t {
            switch (spread) {
                case 0: return random();
                case 1: return random() % 5;
                case 2: return 99;
                default: return random() % 64 << 20 | 3;
            }
        };
        Twin twin;
        std::uint32_t next = 0;
        for (int wave = 0; wave < 6; ++wave) {
            const std::size_t most = wave % 2 == 0 ? 700 : 40;
            for (int step = 0; step < 900; ++step) {
                const bool grows = twin.model.size() < most ? random() % 4 != 0 : random() % 4 == 0;
                if (grows || twin.model.empty()) {
                    twin.insert(hash(), next++, random() % 3 == 0);
                } else {
                    auto chosen = twin.model.begin();
                    std::advance(chosen, random() % twin.model.size());
                    if (random() % 5 == 0)
                        twin.replace(chosen->first, next++);
                    else
                        twin.erase(chosen->first);
                }
                if (step % 50 == 0) twin.check();
            }
            twin.check();
        }
        CHECK(twin.refused > 5);
        while (!twin.model.empty()) twin.erase(twin.model.begin()->first);
        twin.index.trim();
        CHECK(twin.memory.used() == 0);
        twin.insert(4, 4, false);
        twin.check();
    }
}

TEST_CASE(
    "T-35: no insertion of a million moves more than a few entries, or asks for a large block") {
    Memory memory;
    HashIndex index(memory);
    std::size_t longest = 0, largest = 0;
    std::uint64_t most_allocations = 0;
    for (std::uint32_t i = 0; i < 1'000'000; ++i) {
        const std::size_t used = memory.used();
        const std::uint64_t allocations = memory.allocations();
        REQUIRE(index.insert(i * 0x9e3779b97f4a7c15 >> 7, i));
        largest = std::max(largest, memory.used() - std::min(used, memory.used()));
        most_allocations = std::max(most_allocations, memory.allocations() - allocations);
        if (i % 65'536 == 0) longest = std::max(longest, index.longest_run());
    }
    // An insertion moves what stands in one bucket, which is at most so much.
    CHECK(longest < 16);
    CHECK(index.longest_run() < 16);
    CHECK(most_allocations <= 2);  // a chunk, and a directory of chunks
    CHECK(largest <= 300'000);     // the directory, where all entries are sixteen million bytes
    CHECK(memory.used() < 17'000'000);
}

TEST_CASE("an empty index gives its memory back, one with entries keeps them") {
    Memory memory;
    HashIndex index(memory);
    for (std::uint32_t i = 0; i < 100; ++i) REQUIRE(index.insert(i * 77, i));
    index.trim();
    CHECK(index.find(77, [](std::uint32_t) { return true; }) == 1);
    for (std::uint32_t i = 0; i < 100; ++i) index.erase(i * 77, i);
    index.trim();
    CHECK(memory.used() == 0);
    CHECK(index.find(77, [](std::uint32_t) { return true; }) == HashIndex::none);
    REQUIRE(index.insert(77, 5));
    CHECK(index.find(77, [](std::uint32_t) { return true; }) == 5);
}

TEST_CASE("an index takes what bytes_for says") {
    Memory memory;
    HashIndex index(memory);
    CHECK(HashIndex::bytes_for(0) == 0);
    for (std::uint32_t n = 1; n <= 2000; ++n) {
        REQUIRE(index.insert(n * 0x9e3779b97f4a7c15, n));
        REQUIRE(memory.used() == HashIndex::bytes_for(n));
    }
}

TEST_CASE("T-35: the memory of an index is given back in steps, between which it works") {
    Memory memory;
    HashIndex index(memory);
    for (std::uint32_t i = 0; i < 10'000; ++i) REQUIRE(index.insert(i * 77, i));
    for (std::uint32_t i = 0; i < 10'000; ++i) index.erase(i * 77, i);
    std::size_t before = memory.used();
    for (int step = 0; step < 10; ++step) {
        memory.limit_trim(8);
        index.trim();
        CHECK(before - memory.used() == 8 * HashIndex::bytes_for(1) - 8 * vector_bytes<void*>(1));
        before = memory.used();
        REQUIRE(index.insert(5, 5));
        CHECK(lookup(index, 5, 5) == 5);
        CHECK(lookup(index, 77, 1) == HashIndex::none);
        index.erase(5, 5);
    }
    memory.limit_trim(SIZE_MAX);
    index.trim();
    CHECK(memory.used() == 0);
}
