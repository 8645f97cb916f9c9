#include "sip/base/hash_index.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

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

TEST_CASE("an insert that memory refuses changes nothing, and a reserved one cannot fail") {
    Memory memory;
    HashIndex index(memory);
    std::uint32_t count = 0;
    for (int refused = 0; refused < 4; ++count) {
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
