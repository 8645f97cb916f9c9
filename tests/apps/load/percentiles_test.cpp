#include "apps/load/percentiles.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

using load::Percentiles;

TEST_CASE("Small numbers are counted exactly") {
    const auto times = std::make_unique<Percentiles>();
    CHECK(times->at(0.5) == 0);
    for (std::uint64_t i = 1; i <= 60; ++i) times->add(i);
    CHECK(times->count() == 60);
    CHECK(times->at(0) == 1);
    CHECK(times->at(0.5) == 30);
    CHECK(times->at(0.9) == 54);
    CHECK(times->at(1) == 60);
    CHECK(times->max() == 60);
}

TEST_CASE("Great numbers are found within a 64th, never below them and never above the greatest") {
    const auto times = std::make_unique<Percentiles>();
    std::vector<std::uint64_t> all;
    std::uint64_t x = 12345;
    for (int i = 0; i < 10'000; ++i) {
        x = x * 6364136223846793005U + 1442695040888963407U;
        all.push_back(x >> (x >> 58));
        times->add(all.back());
    }
    std::sort(all.begin(), all.end());
    for (const double share : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        const auto rank = static_cast<std::size_t>(std::ceil(share * 10'000)) - 1;
        CHECK(times->at(share) >= all[rank]);
        CHECK(times->at(share) - all[rank] <= all[rank] / 64);
    }
    CHECK(times->max() == all.back());
    CHECK(times->at(1) == all.back());
}

TEST_CASE("The greatest number there is has a class") {
    const auto times = std::make_unique<Percentiles>();
    times->add(UINT64_MAX);
    times->add(0);
    CHECK(times->at(0.5) == 0);
    CHECK(times->at(1) == UINT64_MAX);
}
