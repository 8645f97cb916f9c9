#include "sip/base/hash_groups.hpp"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <random>
#include <vector>

using namespace sip;

namespace {

struct World {
    Memory memory;
    HashGroups groups{memory};
    std::vector<GroupLink> links = std::vector<GroupLink>(10'000);
    auto link() {
        return [this](std::uint32_t i) -> GroupLink& { return links[i]; };
    }
    bool add(std::uint64_t hash, std::uint32_t value) { return groups.add(hash, value, link()); }
    void remove(std::uint32_t value) { groups.remove(value, link()); }
};

}  // namespace

TEST_CASE("the newest of a group is found, whatever was added and removed before") {
    World world;
    std::map<std::uint64_t, std::vector<std::uint32_t>> model;
    std::vector<std::uint64_t> hash_of(64, 0);
    std::mt19937 random(1);
    for (int step = 0; step < 50'000; ++step) {
        const auto value = static_cast<std::uint32_t>(random() % 64);
        if (hash_of[value] == 0) {
            hash_of[value] = 1 + random() % 5;
            REQUIRE(world.add(hash_of[value], value));
            model[hash_of[value]].push_back(value);
        } else {
            world.remove(value);
            std::erase(model[hash_of[value]], value);
            hash_of[value] = 0;
        }
        std::size_t groups = 0;
        for (std::uint64_t hash = 1; hash <= 5; ++hash) {
            const auto& all = model[hash];
            groups += all.empty() ? 0U : 1U;
            REQUIRE(world.groups.newest(hash, world.link()) ==
                    (all.empty() ? HashIndex::none : all.back()));
        }
        REQUIRE(world.groups.size() == groups);
    }
}

TEST_CASE("T-23: ten thousand of one hash take one slot, and no search looks at more") {
    World world;
    for (std::uint32_t i = 0; i < 10'000; ++i) REQUIRE(world.add(7, i));
    CHECK(world.groups.longest_run() == 1);
    CHECK(world.groups.newest(7, world.link()) == 9'999);
    for (std::uint32_t i = 0; i < 10'000; ++i) world.remove(i);
    CHECK(world.groups.longest_run() == 0);
    // A HashIndex has them in one run; what it reports is what HashGroups is spared.
    HashIndex plain(world.memory);
    for (std::uint32_t i = 0; i < 100; ++i) REQUIRE(plain.insert(UINT64_MAX, i));
    CHECK(plain.longest_run() == 100);
}

TEST_CASE("T-35: a group for which there is no memory was not begun; a reserved one cannot fail") {
    World world;
    world.memory.refuse_after(0);
    CHECK_FALSE(world.add(1, 1));
    world.memory.refuse_none();
    CHECK(world.groups.newest(1, world.link()) == HashIndex::none);
    REQUIRE(world.groups.reserve_one());
    world.memory.refuse_after(0);
    CHECK(world.add(1, 1));
    CHECK(world.add(1, 2));
    world.memory.refuse_none();
}
