#include "sip/base/small_vector.hpp"

#include <doctest/doctest.h>

#include <numeric>

using namespace sip;

TEST_CASE("ROUR-4: a small vector takes as many as it has room for, and not one more") {
    SmallVector<int, 3> three;
    CHECK(three.empty());
    CHECK(three.push(1));
    CHECK(three.push(2));
    CHECK_FALSE(three.full());
    CHECK(three.push(3));
    CHECK(three.full());
    CHECK_FALSE(three.push(4));
    CHECK(three.size() == 3);
    CHECK(std::accumulate(three.begin(), three.end(), 0) == 6);
    three[1] = 7;
    const auto& fixed = three;
    CHECK(fixed[1] == 7);
    CHECK(std::accumulate(fixed.begin(), fixed.end(), 0) == 11);
    three.clear();
    CHECK(three.begin() == three.end());
    CHECK(three.push(5));
    CHECK(three[0] == 5);
}
