#include "apps/edge/workers/worker_counts.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "sip/auth/nonce_table.hpp"
#include "tests/support/seeded_entropy.hpp"

using namespace sip;

namespace {

constexpr unsigned threads = 4;
using Counted = CommonCounts::Counted;
constexpr std::uint32_t any_number = CommonCounts::any_number;

Instant at(std::int64_t milliseconds_in) {
    return Instant{seconds{100} + milliseconds{milliseconds_in}};
}

std::uint64_t key_of(std::uint64_t number) { return mix(number, 0x5eed) | 8; }

/// `what(number of the thread)` in all of them at once.
template <class What>
void at_once(What what) {
    std::vector<std::thread> all;
    for (unsigned i = 0; i < threads; ++i) all.emplace_back([&what, i] { what(i); });
    for (std::thread& each : all) each.join();
}

Limits small() {
    Limits limits;
    limits.subscriptions = 40;
    limits.undecided_watchers = 0;
    limits.server_transactions = 20;
    limits.flows = 0;
    limits.rate_buckets = 16;
    limits.known_sources = 16;
    limits.nonces = 7;
    return limits;
}

}  // namespace

TEST_CASE("counts are those of a map, and one that is counted down to nothing leaves its place") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        edge::WorkerCounts counts(small(), 1);
        std::map<std::uint64_t, std::uint32_t> model;
        std::mt19937_64 random(seed);
        for (int i = 0; i < 20'000; ++i) {
            const std::uint64_t key = key_of(random() % 1'000);
            if (random() % 2 == 0) {
                if (model.size() < 80 || model.contains(key)) {
                    REQUIRE(counts.add(key, any_number) == Counted::yes);
                    ++model[key];
                }
            } else if (model.contains(key)) {
                counts.remove(key);
                if (--model[key] == 0) model.erase(key);
            }
            REQUIRE(counts.count(key) == (model.contains(key) ? model[key] : 0));
        }
    }
}

TEST_CASE("ROUR-4: a full table takes no new key, and counts those that it has") {
    edge::WorkerCounts counts(small(), 1);
    std::vector<std::uint64_t> taken;
    std::uint64_t refused = 0;
    for (std::uint64_t i = 0; refused < 1'000; ++i) {
        if (counts.add(key_of(i), any_number) == Counted::yes)
            taken.push_back(key_of(i));
        else
            ++refused;
    }
    CHECK(taken.size() >= 100);
    for (const std::uint64_t key : taken) CHECK(counts.add(key, 2) == Counted::yes);
    for (const std::uint64_t key : taken) CHECK(counts.count(key) == 2);
    for (const std::uint64_t key : taken) counts.remove(key);
    for (const std::uint64_t key : taken) counts.remove(key);
    for (const std::uint64_t key : taken) CHECK(counts.count(key) == 0);
    CHECK(counts.add(key_of(1'000'000), 1) == Counted::yes);
}

TEST_CASE("threads that count the same few keys lose nothing and leave nothing") {
    edge::WorkerCounts counts(small(), threads);
    constexpr std::uint64_t keys = 5;
    at_once([&](unsigned thread) {
        std::mt19937_64 random(thread);
        std::array<std::uint32_t, keys> mine{};
        for (int i = 0; i < 100'000; ++i) {
            const std::size_t which = random() % keys;
            if (mine[which] < 3) {
                CHECK(counts.add(key_of(which), any_number) == Counted::yes);
                ++mine[which];
            } else {
                while (mine[which] > 0) {
                    counts.remove(key_of(which));
                    --mine[which];
                }
            }
        }
        for (std::size_t which = 0; which < keys; ++which)
            for (; mine[which] < 7; ++mine[which])
                CHECK(counts.add(key_of(which), any_number) == Counted::yes);
    });
    for (std::size_t which = 0; which < keys; ++which) {
        CHECK(counts.count(key_of(which)) == 7 * threads);
        for (unsigned i = 0; i < 7 * threads; ++i) counts.remove(key_of(which));
        CHECK(counts.count(key_of(which)) == 0);
    }
}

TEST_CASE("ROUR-4: threads that race for the last ones never have more than there are to be") {
    constexpr std::uint32_t most = 5;
    for (std::uint64_t key = 1; key <= 2'000; ++key) {
        edge::WorkerCounts counts(small(), threads);
        std::atomic<std::uint32_t> waiting = threads, had = 0, more = 0;
        at_once([&](unsigned) {
            --waiting;
            while (waiting > 0) {
            }
            for (int i = 0; i < 12; ++i) {
                const Counted counted = counts.add(key_of(key), most);
                if (counted == Counted::yes && ++had > most) ++more;
                if (counted == Counted::no_room) ++more;
            }
        });
        REQUIRE(more == 0);
        // Whom two took for each other's, the next one gets.
        while (counts.add(key_of(key), most) == Counted::yes) ++had;
        REQUIRE(had == most);
        REQUIRE(counts.count(key_of(key)) == most);
    }
}

TEST_CASE("ROUR-4: a count is taken up to the most there may be, and not past it") {
    edge::WorkerCounts counts(small(), 1);
    CHECK(counts.add(key_of(1), 0) == Counted::too_many);
    CHECK(counts.count(key_of(1)) == 0);
    for (int i = 0; i < 3; ++i) CHECK(counts.add(key_of(1), 3) == Counted::yes);
    CHECK(counts.add(key_of(1), 3) == Counted::too_many);
    CHECK(counts.add(key_of(1), 2) == Counted::too_many);
    CHECK(counts.add(key_of(1), any_number) == Counted::yes);
    CHECK(counts.count(key_of(1)) == 4);
}

TEST_CASE("T-16: a bucket is that of TokenBucket, and tells the first few that it is empty") {
    edge::WorkerCounts counts(small(), 1);
    TokenBucket model;
    const Rate rate{10, 20};
    std::mt19937_64 random(7);
    std::int64_t now = 0;
    int taken = 0;
    for (int i = 0; i < 5'000; ++i) {
        now += static_cast<std::int64_t>(random() % 180);
        const auto given = counts.take(at(now), key_of(1), rate, 3);
        REQUIRE(given.taken == model.take(at(now), rate));
        REQUIRE(given.had_place);
        taken += given.taken;
    }
    CHECK(taken > 3'000);
    // 20 at once, and then three are told, until it was full once more.
    now += 10'000;
    const auto told = [&] {
        int told_now = 0;
        for (int i = 0; i < 50; ++i) told_now += counts.take(at(now), key_of(1), rate, 3).told;
        return told_now;
    };
    CHECK(told() == 3);
    now += 1'000;
    CHECK(told() == 0);
    now += 10'000;
    CHECK(told() == 3);
}

TEST_CASE("T-16: threads that take of one bucket get no more than one would") {
    edge::WorkerCounts counts(small(), threads);
    std::atomic<int> taken = 0, told = 0;
    at_once([&](unsigned) {
        for (int i = 0; i < 20'000; ++i) {
            const auto given = counts.take(at(0), key_of(1), {100, 500}, 3);
            taken += given.taken;
            told += given.told;
        }
    });
    CHECK(taken == 500);
    CHECK(told == 3);
}

TEST_CASE("T-16: who finds no place shares a bucket, and a place is free when its bucket is full") {
    edge::WorkerCounts counts(small(), 1);
    const Rate rate{1, 1};
    int alone = 0, together = 0;
    for (std::uint64_t i = 0; i < 1'000; ++i) {
        const auto given = counts.take(at(0), key_of(i), rate, 0);
        alone += given.had_place;
        together += !given.had_place && given.taken;
    }
    CHECK(alone == 16);
    CHECK(together == 1);
    alone = 0;
    for (std::uint64_t i = 0; i < 1'000; ++i)
        alone += counts.take(at(1'001), key_of(2'000 + i), rate, 0).had_place;
    CHECK(alone == 16);
    // Those of all have theirs whatever else there is.
    CHECK(counts.take(at(1'001), CommonCounts::strangers, rate, 0).taken);
    CHECK_FALSE(counts.take(at(1'001), CommonCounts::strangers, rate, 0).taken);
    CHECK(counts.take(at(1'001), CommonCounts::refusals, rate, 0).taken);
}

TEST_CASE("a key is kept as long as it was to be; the one that is due first makes room") {
    edge::WorkerCounts counts(small(), 1);
    CHECK_FALSE(counts.is_kept(at(0), key_of(0)));
    CHECK(counts.keep(at(0), key_of(0), at(100)));
    CHECK(counts.is_kept(at(99), key_of(0)));
    CHECK_FALSE(counts.is_kept(at(100), key_of(0)));
    CHECK(counts.keep(at(100), key_of(0), at(200)));
    CHECK(counts.keep(at(100), key_of(0), at(300)));
    CHECK(counts.is_kept(at(299), key_of(0)));
    int went = 0;
    for (std::uint64_t i = 1; i <= 100; ++i) {
        went += !counts.keep(at(300), key_of(i), at(1'000 + static_cast<std::int64_t>(i)));
        REQUIRE(counts.is_kept(at(300), key_of(i)));
    }
    CHECK(went == 100 - 16);
}

TEST_CASE("T-13: a count of a nonce is good once, in whatever order counts come") {
    edge::WorkerCounts counts(small(), 1);
    std::vector<std::uint32_t> order;
    for (std::uint32_t i = 1; i < edge::WorkerCounts::nonce_counts; ++i) order.push_back(i);
    std::shuffle(order.begin(), order.end(), std::mt19937_64(3));
    CHECK(counts.use_nonce(key_of(1), at(1'000), {}));
    for (const std::uint32_t count : order) REQUIRE(counts.use_nonce(key_of(1), at(1'000), count));
    CHECK_FALSE(counts.use_nonce(key_of(1), at(1'000), {}));
    for (const std::uint32_t count : order)
        REQUIRE_FALSE(counts.use_nonce(key_of(1), at(1'000), count));
    // RFC 7616 3.4: they begin at 1. And further than its bits go it is not good.
    for (const std::uint32_t count : {0U, edge::WorkerCounts::nonce_counts, UINT32_MAX})
        CHECK_FALSE(counts.use_nonce(key_of(2), at(1'000), count));
    CHECK(counts.use_nonce(key_of(2), at(1'000), edge::WorkerCounts::nonce_counts - 1));
}

TEST_CASE("T-13: a nonce that had to make room is never good again, nor is an older one") {
    edge::WorkerCounts counts(small(), 1);
    for (std::int64_t i = 1; i <= 7; ++i)
        CHECK(counts.use_nonce(key_of(static_cast<std::uint64_t>(i)), at(i), 1));
    CHECK(counts.use_nonce(key_of(8), at(8), 1));  // in place of the first
    CHECK_FALSE(counts.use_nonce(key_of(1), at(1), 1));
    CHECK_FALSE(counts.use_nonce(key_of(1), at(1), 2));
    CHECK_FALSE(counts.use_nonce(key_of(9), at(0), 1));
    for (std::int64_t i = 2; i <= 8; ++i) {
        CHECK_FALSE(counts.use_nonce(key_of(static_cast<std::uint64_t>(i)), at(i), 1));
        CHECK(counts.use_nonce(key_of(static_cast<std::uint64_t>(i)), at(i), 2));
    }
}

TEST_CASE(
    "T-13: many threads with the same nonces and counts: each count is taken by one of them") {
    edge::WorkerCounts counts(small(), threads);
    constexpr std::uint64_t nonces = 3'000;
    constexpr std::uint32_t uses = 20;
    // So few places that they go all the time, while others still count in them.
    std::vector<std::atomic<std::uint8_t>> taken(nonces * uses);
    at_once([&](unsigned) {
        for (std::uint64_t nonce = 0; nonce < nonces; ++nonce)
            for (std::uint32_t use = 0; use < uses; ++use)
                if (counts.use_nonce(key_of(nonce), at(static_cast<std::int64_t>(nonce)), use + 1))
                    ++taken[nonce * uses + use];
    });
    std::size_t once = 0, more = 0;
    for (const auto& each : taken) {
        once += each == 1;
        more += each > 1;
    }
    CHECK(more == 0);
    CHECK(once > nonces * uses / 2);
}

TEST_CASE("T-13: a nonce that one worker gave and another took is used up at all of them") {
    Memory memory;
    edge::WorkerCounts counts(small(), 2);
    const HashKey key{1, 2};
    SeededEntropy first_draws(9), second_draws(9);
    NonceTable first(memory, first_draws, 10, seconds{300}, {0, 2, key}, &counts);
    NonceTable second(memory, second_draws, 10, seconds{300}, {1, 2, key}, &counts);
    std::array<char, NonceTable::nonce_bytes> room{};
    Appender nonce(room);
    const Now now{at(0), 0};
    first.write(nonce, now, "r");
    const auto there = second.check(now, "r", nonce.view());
    REQUIRE(there.state == NonceTable::State::current);
    CHECK(second.use(now, there.issued, 1) == NonceTable::Use::first);
    CHECK(first.use(now, first.check(now, "r", nonce.view()).issued, 1) ==
          NonceTable::Use::repeated);
    CHECK(first.use(now, there.issued, 2) == NonceTable::Use::first);
    CHECK(second.use(now, there.issued, 2) == NonceTable::Use::repeated);
}
