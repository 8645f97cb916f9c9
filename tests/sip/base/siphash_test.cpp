#include "sip/base/siphash.hpp"

#include <doctest/doctest.h>

#include <array>
#include <set>
#include <string>

using namespace sip;

namespace {
/// The key of the reference vectors: bytes 0, 1, ... 15, little-endian.
constexpr HashKey reference_key{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};

std::string counting(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(i);
    return text;
}
}  // namespace

TEST_CASE("SipHash-2-4 gives the values of its reference vectors") {
    CHECK(siphash(reference_key, "") == 0x726fdb47dd0e0e31ULL);
    CHECK(siphash(reference_key, counting(15)) == 0xa129ca6149be45e5ULL);
}

TEST_CASE("every length, every byte and both halves of the key count") {
    std::set<std::uint64_t> seen;
    for (std::size_t size = 0; size < 64; ++size)
        CHECK(seen.insert(siphash(reference_key, std::string(size, '\0'))).second);
    for (std::size_t i = 0; i < 17; ++i) {
        auto text = counting(17);
        text[i] = static_cast<char>(text[i] ^ '\x80');
        CHECK(siphash(reference_key, text) != siphash(reference_key, counting(17)));
    }
    CHECK(siphash({1, 0}, "a") != siphash({0, 0}, "a"));
    CHECK(siphash({0, 1}, "a") != siphash({0, 0}, "a"));
}

TEST_CASE("a hash over parts depends on each byte, on each number and on where the parts end") {
    std::set<std::uint64_t> seen;
    for (std::size_t size = 0; size < 40; ++size) {
        const std::string text(size, '\0');
        CHECK(seen.insert(KeyedHash(reference_key).add(text).finish()).second);
        CHECK(seen.insert(KeyedHash(reference_key).add(text).add("").finish()).second);
        for (std::size_t i = 0; i < size; ++i) {
            std::string other = text;
            other[i] = '\x80';
            CHECK(seen.insert(KeyedHash(reference_key).add(other).finish()).second);
        }
    }
    CHECK(KeyedHash(reference_key).add("ab").add("c").finish() !=
          KeyedHash(reference_key).add("a").add("bc").finish());
    KeyedHash twice(reference_key);
    twice.add("a");
    const std::uint64_t first = twice.finish();
    CHECK(first != twice.finish());
}

TEST_CASE("mixing hashes depends on their order") {
    CHECK(mix(1, 2) != mix(2, 1));
    CHECK(mix(0, 0) != mix(0, 1));
    CHECK(mix(mix(1, 2), 3) != mix(1, mix(2, 3)));
}
