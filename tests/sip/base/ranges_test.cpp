#include "sip/base/ranges.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string_view>

using namespace sip;

TEST_CASE("of a range some, all or none are as asked, and of an empty one all and none") {
    constexpr std::array numbers{1, 2, 3};
    const auto below = [](int bound) { return [bound](int n) { return n < bound; }; };
    CHECK_FALSE(any_of(numbers, below(1)));
    CHECK(any_of(numbers, below(2)));
    CHECK_FALSE(all_of(numbers, below(3)));
    CHECK(all_of(numbers, below(4)));
    const std::array<int, 0> none{};
    CHECK_FALSE(any_of(none, below(4)));
    CHECK(all_of(none, below(4)));
}

TEST_CASE("a range has what equals one of its elements") {
    static_assert(has(std::array{1, 2, 3}, 3));
    static_assert(!has(std::array{1, 2, 3}, 4));
    constexpr std::array<std::string_view, 2> names{"presence", "dialog"};
    CHECK(has(names, "dialog"));
    CHECK_FALSE(has(names, "dialo"));
}
