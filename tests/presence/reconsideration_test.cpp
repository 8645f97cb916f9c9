#include "presence/reconsideration.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/seeded_entropy.hpp"

using presence::Reconsideration;
using sip::seconds;

namespace {

struct World final : presence::Reconsiderer {
    World() { reconsideration.attach_as(0); }

    void decide_again(const sip::Now&, std::string_view presentity) override {
        decided.emplace_back(presentity);
        if (basis) reconsideration.expect(now, presentity, *basis);
    }
    bool is_watched(std::string_view) const override { return watched; }
    /// Lets time pass by both clocks.
    void pass(sip::Duration by) {
        const sip::Instant end = now.mono + by;
        while (const auto next = shard.timers.next()) {
            if (*next > end) break;
            move_to(*next);
            const auto due = shard.timers.pop_due(now.mono);
            if (!due) break;
            reconsideration.on_timer(now, due->owner.object);
        }
        move_to(end);
    }
    void move_to(sip::Instant at) {
        now.wall_ms = sip::wall_ms_at(now, at);
        now.mono = at;
    }
    void expect(std::int64_t until_s) {
        reconsideration.expect(now, "alice@example.com", {now.wall_ms + until_s * 1000, false, {}});
    }

    SeededEntropy entropy{1};
    sip::Shard shard{{}, {}, entropy, nullptr};
    Reconsideration reconsideration{shard, *this};
    sip::Now now{{}, 1'893'499'200'000};
    bool watched = true;
    std::optional<Reconsideration::Basis> basis;
    std::vector<std::string> decided;
};

}  // namespace

TEST_CASE("R4745-7.4-1: it is decided again at the instant that a decision said, and not before") {
    World w;
    w.expect(3'000);
    w.pass(seconds{2'999});
    CHECK(w.decided.empty());
    w.pass(seconds{1});
    CHECK(w.decided == std::vector<std::string>{"alice@example.com"});
    // Nothing said when the next one is: it is not asked for again.
    w.pass(seconds{7'200});
    CHECK(w.decided.size() == 1);
}

TEST_CASE("decisions that rest on no time and no sphere are not kept in mind") {
    World w;
    w.reconsideration.expect(w.now, "alice@example.com", {});
    CHECK(w.reconsideration.size() == 0);
}

TEST_CASE("whom nobody watches any more is forgotten") {
    World w;
    w.expect(100'000);
    CHECK(w.reconsideration.size() == 1);
    w.watched = false;
    w.pass(seconds{61});
    CHECK(w.reconsideration.size() == 0);
    CHECK(w.decided.empty());
}

TEST_CASE("ROUR-2: a wall clock that is set is seen within a minute, either way") {
    for (const std::int64_t by_s : {-3'600, 7'200}) {
        World w;
        w.expect(3'600);
        w.now.wall_ms += by_s * 1000;
        w.pass(seconds{60});
        CHECK(w.decided.size() == 1);
    }
}

TEST_CASE("a decision by another clock than the one before has the others decided at once") {
    World w;
    w.expect(3'600);
    w.now.wall_ms -= 1'000'000;
    w.expect(3'600);
    w.pass(sip::milliseconds{1});
    CHECK(w.decided.size() == 1);
}

TEST_CASE("R4745-7.3-1: another sphere is told from the same one, and none from any") {
    World w;
    CHECK_FALSE(w.reconsideration.asks_for_sphere("alice@example.com"));
    w.reconsideration.expect(w.now, "alice@example.com", {{}, true, "work"});
    CHECK(w.reconsideration.asks_for_sphere("alice@example.com"));
    CHECK_FALSE(w.reconsideration.is_other_sphere("alice@example.com", "work"));
    CHECK(w.reconsideration.is_other_sphere("alice@example.com", "home"));
    CHECK(w.reconsideration.is_other_sphere("alice@example.com", {}));
    CHECK_FALSE(w.reconsideration.is_other_sphere("carol@example.com", "home"));
    w.reconsideration.expect(w.now, "alice@example.com", {{}, true, {}});
    CHECK(w.reconsideration.is_other_sphere("alice@example.com", ""));
    CHECK_FALSE(w.reconsideration.is_other_sphere("alice@example.com", {}));
}

TEST_CASE("what could not be decided for want of memory is decided in a while, once") {
    World w;
    w.reconsideration.expect_soon(w.now, "alice@example.com");
    w.pass(seconds{w.shard.limits.retry_after_s});
    CHECK(w.decided.size() == 1);
    w.pass(seconds{600});
    CHECK(w.decided.size() == 1);
    // And where memory for keeping it in mind is refused, nothing is left half made.
    for (std::uint64_t nth = 0; nth < 8; ++nth) {
        World other;
        other.shard.memory.refuse_after(nth);
        other.expect(100);
        other.shard.memory.refuse_none();
        CHECK(other.reconsideration.size() <= 1);
        other.pass(seconds{101});
    }
}
