#include "presence/permission_views.hpp"

#include <doctest/doctest.h>

#include <array>

#include "tests/support/seeded_entropy.hpp"

using presence::Permissions;
using presence::PermissionViews;
using presence::Provide;
using presence::Selector;

namespace {

struct World {
    SeededEntropy entropy{1};
    sip::Shard shard{{}, {}, entropy, nullptr};
    PermissionViews views{shard, 2};

    std::size_t size() {
        views.trim();  // what nobody has retained goes
        return views.size();
    }
};

Permissions giving(Provide what) {
    Permissions made;
    made.handling = presence::SubHandling::allow;
    made.attributes = static_cast<std::uint16_t>(1U << static_cast<unsigned>(what));
    return made;
}

}  // namespace

TEST_CASE("the same permissions have one number, and others another, above those of the package") {
    World w;
    const auto mood = w.views.obtain(giving(Provide::mood));
    REQUIRE(mood);
    CHECK(static_cast<std::uint32_t>(*mood) >= 2);
    w.views.retain(*mood);
    const auto note = w.views.obtain(giving(Provide::note));
    REQUIRE(note);
    w.views.retain(*note);
    CHECK(*note != *mood);
    CHECK(w.views.obtain(giving(Provide::mood)) == mood);
    CHECK(w.views.size() == 2);
}

TEST_CASE("what a number stands for is found as long as it is retained, as often as it was") {
    World w;
    constexpr std::array selectors{
        Selector{Selector::Of::services, Selector::By::class_, "friends"}};
    Permissions given = giving(Provide::activities);
    given.selectors = selectors;
    const auto id = w.views.obtain(given);
    REQUIRE(id);
    w.views.retain(*id);
    w.views.retain(*id);
    w.views.release(*id);
    CHECK(w.size() == 1);
    pidf::Arena arena(w.shard.memory, 65'536);
    Permissions found;
    REQUIRE(w.views.find(*id, arena, found));
    CHECK(found.provides(Provide::activities));
    CHECK_FALSE(found.provides(Provide::mood));
    REQUIRE(found.selectors.size() == 1);
    CHECK(found.selectors[0].value == "friends");
    w.views.release(*id);
    CHECK(w.size() == 0);
}

TEST_CASE("what is asked for and not retained is lost with the next, and costs nothing lasting") {
    World w;
    for (int i = 0; i < 100; ++i)
        REQUIRE(w.views.obtain(giving(i % 2 ? Provide::mood : Provide::note)));
    CHECK(w.views.size() == 1);
    CHECK(w.size() == 0);
    // Numbers of the package's own are nobody's.
    w.views.retain(sip::ViewId{0});
    w.views.release(sip::ViewId{1});
    CHECK(w.size() == 0);
}

TEST_CASE("a view for which memory is refused is none, and nothing of it stays") {
    for (std::uint64_t nth = 0; nth < 8; ++nth) {
        World w;
        w.shard.memory.refuse_after(nth);
        const auto id = w.views.obtain(giving(Provide::mood));
        w.shard.memory.refuse_none();
        if (!id) CHECK(w.shard.counters.limit_memory == 1);
        CHECK(w.size() == 0);
    }
}
