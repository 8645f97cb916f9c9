#include "sip/base/split_table.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <set>

using namespace sip;

namespace {

constexpr std::uint32_t none = UINT32_MAX;

struct Table {
    struct Access {
        Table& of;
        std::uint32_t& next(std::uint32_t i) const { return of.links[i]; }
        std::uint64_t hash(std::uint32_t i) const {
            ++of.hashed;
            return of.hashes[i];
        }
    };
    Access access() { return {*this}; }
    std::uint32_t find(std::uint32_t i) {
        return table.find(hashes[i], access(), [&](std::uint32_t at) { return at == i; });
    }
    std::array<std::uint32_t, 5000> links{};
    std::array<std::uint64_t, 5000> hashes{};
    std::uint64_t hashed = 0;
    Memory memory;
    SplitTable<std::uint32_t, none> table{memory};
};

}  // namespace

TEST_CASE("a table that splits one bucket at a time finds all it has, at every size up and down") {
    Table t;
    std::uint64_t x = 1;
    for (auto& hash : t.hashes) hash = x = x * 6364136223846793005ULL + 1442695040888963407ULL;
    for (auto& hash : t.hashes) hash ^= hash >> 32;
    std::uint64_t most = 0;
    for (std::uint32_t i = 0; i < t.hashes.size(); ++i) {
        const std::uint64_t before = t.hashed;
        REQUIRE(t.table.insert(i, t.access()));
        if (t.hashed - before > most) most = t.hashed - before;
        if (i % 97 == 0)
            for (std::uint32_t k = 0; k <= i; ++k) REQUIRE(t.find(k) == k);
        if (i + 1 < t.hashes.size()) REQUIRE(t.find(i + 1) == none);
    }
    // No insertion moves more than what stands in one bucket.
    CHECK(most < 20);
    CHECK(t.table.longest_chain(t.access()) < 20);
    CHECK(t.table.size() == t.hashes.size());
    // About one reference each.
    CHECK(t.memory.used() < t.hashes.size() * 5);
    for (std::uint32_t i = 0; i < t.hashes.size(); ++i) {
        t.table.erase(i, t.access());
        CHECK(t.find(i) == none);
        if (i % 501 == 0)
            for (std::uint32_t k = i + 1; k < t.hashes.size(); ++k) REQUIRE(t.find(k) == k);
    }
    t.table.trim();
    CHECK(t.memory.used() == 0);
    REQUIRE(t.table.insert(7, t.access()));
    CHECK(t.find(7) == 7);
}

TEST_CASE("what shares a hash is all found, and each is erased alone") {
    Table t;
    t.hashes.fill(42);
    for (std::uint32_t i = 0; i < 100; ++i) REQUIRE(t.table.insert(i, t.access()));
    t.table.erase(50, t.access());
    for (std::uint32_t i = 0; i < 100; ++i) CHECK(t.find(i) == (i == 50 ? none : i));
}

TEST_CASE("T-35: a table that gets no memory refuses, and has what it had") {
    Table t;
    for (std::uint32_t i = 0; i < t.hashes.size(); ++i) t.hashes[i] = i * 0x9e3779b97f4a7c15ULL;
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        t.memory.refuse_after(0);
        if (!t.table.insert(i, t.access())) {
            t.memory.refuse_none();
            REQUIRE(t.table.reserve_one());
            t.memory.refuse_after(0);
            REQUIRE(t.table.insert(i, t.access()));
        }
        t.memory.refuse_none();
        ++kept;
    }
    CHECK(kept == 1000);
    for (std::uint32_t i = 0; i < 1000; ++i) REQUIRE(t.find(i) == i);
}
