#include "sip/base/token_bucket.hpp"

#include <doctest/doctest.h>

using namespace sip;

namespace {
constexpr Instant start = Instant{} + seconds{1000};

int taken_at(TokenBucket& bucket, Instant now, const Rate& rate, int tries) {
    int taken = 0;
    for (int i = 0; i < tries; ++i) taken += bucket.take(now, rate) ? 1 : 0;
    return taken;
}
}  // namespace

TEST_CASE("T-16: a bucket gives its burst at once, and its rate from then on") {
    TokenBucket bucket;
    const Rate rate{10, 25};
    CHECK(bucket.is_full(start));
    CHECK(taken_at(bucket, start, rate, 100) == 25);
    CHECK_FALSE(bucket.is_full(start));
    CHECK(taken_at(bucket, start + milliseconds{99}, rate, 100) == 0);
    CHECK(taken_at(bucket, start + milliseconds{100}, rate, 100) == 1);
    CHECK(taken_at(bucket, start + milliseconds{1100}, rate, 100) == 10);
    // Full again, and never fuller.
    CHECK_FALSE(bucket.is_full(start + milliseconds{3599}));
    CHECK(bucket.is_full(start + milliseconds{3600}));
    CHECK(taken_at(bucket, start + seconds{100'000}, rate, 100) == 25);
}

TEST_CASE("T-16: who never stops asking gets the rate and no more") {
    TokenBucket bucket;
    const Rate rate{50, 5};
    int taken = 0;
    for (int ms = 0; ms < 10'000; ++ms)
        taken += taken_at(bucket, start + milliseconds{ms}, rate, 3);
    CHECK(taken >= 500);
    CHECK(taken <= 505);
}

TEST_CASE("a bucket without a rate never ends, one without a burst gives one at a time") {
    TokenBucket bucket;
    CHECK(taken_at(bucket, start, {}, 1000) == 1000);
    CHECK(taken_at(bucket, start, {1, 0}, 10) == 1);
}

TEST_CASE("T-33: a bucket lives to the end of time") {
    TokenBucket bucket;
    CHECK(taken_at(bucket, never, {1, 3}, 10) >= 1);
    TokenBucket early;
    CHECK(taken_at(early, Instant{}, {1'000'000, 4}, 10) == 4);
}
