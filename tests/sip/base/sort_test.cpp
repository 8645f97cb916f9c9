#include "sip/base/sort.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

using namespace sip;

namespace {

struct Odd {  // a size that is no power of two
    std::uint32_t key, other;
    char tail;
    friend bool operator==(const Odd&, const Odd&) = default;
};

}  // namespace

TEST_CASE("items of any number are put in order, and none is lost or changed") {
    std::mt19937 random(7);
    for (std::size_t count = 0; count < 70; ++count)
        for (const std::uint32_t range : {1U, 3U, 1'000'000U}) {
            std::vector<Odd> items;
            for (std::size_t i = 0; i < count; ++i) {
                const auto key = static_cast<std::uint32_t>(random() % range);
                items.push_back({key, static_cast<std::uint32_t>(i), static_cast<char>('a' + i)});
            }
            std::vector<Odd> wanted = items;
            const auto before = [](const Odd& a, const Odd& b) {
                return a.key != b.key ? a.key < b.key : a.other < b.other;
            };
            std::sort(wanted.begin(), wanted.end(), before);
            sort(items.data(), items.size(), before);
            CHECK(items == wanted);
        }
}

TEST_CASE("T-35: what is in order, the other way round or all alike costs n log n at most") {
    constexpr std::size_t count = 4096;
    for (const int kind : {0, 1, 2}) {
        std::vector<int> items(count);
        for (std::size_t i = 0; i < count; ++i)
            items[i] = kind == 0 ? static_cast<int>(i) : kind == 1 ? -static_cast<int>(i) : 0;
        std::size_t asked = 0;
        sort(items.data(), count, [&](int a, int b) {
            ++asked;
            return a < b;
        });
        CHECK(std::is_sorted(items.begin(), items.end()));
        CHECK(asked <= 3 * count * 12);
    }
}
