#include "sip/event/resources.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/seeded_entropy.hpp"

using namespace sip;

namespace {

struct Shop {
    explicit Shop(const Limits& limits = {}) : shard(limits, {}, entropy, nullptr), all(shard) {}
    SeededEntropy entropy;
    Shard shard;
    Resources all;
};

}  // namespace

TEST_CASE("a resource is one for each package and address, and lives while it is referred to") {
    Shop shop;
    const ResourceId alice = shop.all.obtain(0, "alice@example.com");
    REQUIRE(alice);
    CHECK(shop.all.obtain(0, "alice@example.com") == alice);
    const ResourceId other = shop.all.obtain(1, "alice@example.com");
    CHECK_FALSE(other == alice);
    CHECK_FALSE(shop.all.find(0, "Alice@example.com"));
    CHECK(shop.all.find(0, "alice@example.com") == alice);
    CHECK(shop.all.at(alice).name.view() == "alice@example.com");
    CHECK(shop.all.hash_of(0, "alice@example.com") == shop.all.at(alice).hash);
    CHECK(shop.all.hash_of(1, "alice@example.com") != shop.all.at(alice).hash);
    shop.all.release(alice);
    CHECK(shop.all.find(0, "alice@example.com"));
    shop.all.release(alice);
    CHECK_FALSE(shop.all.find(0, "alice@example.com"));
    CHECK(shop.all.size() == 1);
    shop.all.release(other);
    CHECK(shop.all.size() == 0);
}

TEST_CASE("ROUR-4: one resource more than the limit is refused; known ones are still obtained") {
    Limits limits;
    limits.resources = 2;
    Shop shop(limits);
    const ResourceId a = shop.all.obtain(0, "a");
    const ResourceId b = shop.all.obtain(0, "b");
    CHECK_FALSE(shop.all.obtain(0, "c"));
    CHECK(shop.shard.counters.limit_resources == 1);
    CHECK(shop.all.obtain(0, "a") == a);
    shop.all.release(a);
    shop.all.release(a);
    const ResourceId c = shop.all.obtain(0, "c");
    CHECK(c);
    shop.all.release(b);
    shop.all.release(c);
}

TEST_CASE("T-35: memory refused at any allocation of a resource leaves none") {
    bool succeeded = false;
    for (std::uint64_t n = 0; !succeeded; ++n) {
        REQUIRE(n < 10);
        Shop shop;
        shop.shard.memory.refuse_after(n);
        const ResourceId made = shop.all.obtain(0, "alice@example.com");
        shop.shard.memory.refuse_none();
        succeeded = static_cast<bool>(made);
        CHECK(shop.all.size() == (succeeded ? 1 : 0));
        const ResourceId again = shop.all.obtain(0, "alice@example.com");
        REQUIRE(again);
        shop.all.release(again);
        if (succeeded) shop.all.release(made);
    }
}
