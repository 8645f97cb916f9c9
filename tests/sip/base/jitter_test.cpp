#include "sip/base/jitter.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/support/seeded_entropy.hpp"

using namespace sip;

TEST_CASE("What is granted is shortened by up to so much, evenly, and never lengthened") {
    SeededEntropy entropy{1};
    std::set<std::uint32_t> seen;
    for (int i = 0; i < 20'000; ++i) seen.insert(shortened(entropy, 3600, 10, 60));
    CHECK(*seen.begin() == 3240);
    CHECK(*seen.rbegin() == 3600);
    CHECK(seen.size() == 361);
}

TEST_CASE("What is granted is never shortened below the minimum, and 0 stays 0") {
    SeededEntropy entropy{2};
    for (std::uint32_t least : {1U, 60U, 3600U})
        for (std::uint32_t percent : {1U, 10U, 50U, 100U, UINT32_MAX})
            for (std::uint32_t asked :
                 {0U, 1U, 2U, 59U, 60U, 119U, 120U, 121U, 3600U, 7200U, UINT32_MAX})
                for (int i = 0; i < 20; ++i) {
                    const std::uint32_t granted = shortened(entropy, asked, percent, least);
                    CHECK(granted <= asked);
                    CHECK(granted >= std::min(asked, least));
                    if (asked / 2 < least) CHECK(granted == asked);
                }
    for (int i = 0; i < 100; ++i) CHECK(shortened(entropy, 3600, 0, 60) == 3600);
}
