#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sip {

/// Key of every table that peers feed: drawn once per stack, so that nobody can aim collisions.
struct HashKey {
    std::uint64_t k0 = 0, k1 = 0;
};

/// SipHash-2-4 of `text` under `key`.
std::uint64_t siphash(const HashKey& key, std::string_view text);

/// Combines hashes of parts, order mattering, so that no concatenation has to be built.
constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    std::uint64_t x = a ^ (b + 0x9e3779b97f4a7c15ULL + (a << 6) + (a >> 2));
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    x ^= x >> 32;
    return x;
}

}  // namespace sip
