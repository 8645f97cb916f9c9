#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sip {

/// Key of every table that peers feed: drawn once per stack, so that nobody can aim collisions.
struct HashKey {
    std::uint64_t k0 = 0, k1 = 0;
};

/// SipHash-2-4 of `text` under `key`.
std::uint64_t siphash(const HashKey& key, std::string_view text);

/// The four words of a SipHash.
struct SipState {
    explicit SipState(const HashKey& key)
        : v0(key.k0 ^ 0x736f6d6570736575ULL),
          v1(key.k1 ^ 0x646f72616e646f6dULL),
          v2(key.k0 ^ 0x6c7967656e657261ULL),
          v3(key.k1 ^ 0x7465646279746573ULL) {}
    void round() {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    }
    std::uint64_t v0, v1, v2, v3;
};

/// Eight bytes of text as a number: little-endian on every machine, so that equal keys give equal
/// hashes everywhere.
inline std::uint64_t load_word(const char* bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes, 8);
    if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
    return value;
}
/// The same of fewer than eight; the rest is 0.
inline std::uint64_t load_rest(const char* bytes, std::size_t count) {
    std::uint64_t value = 0;
    if (count >= 4) {
        std::uint32_t low = 0, high = 0;  // they overlap
        std::memcpy(&low, bytes, 4);
        std::memcpy(&high, bytes + count - 4, 4);
        if constexpr (std::endian::native == std::endian::big) {
            low = __builtin_bswap32(low);
            high = __builtin_bswap32(high);
        }
        return low | static_cast<std::uint64_t>(high) << (8 * (count - 4));
    }
    for (std::size_t i = 0; i < count; ++i)
        value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    return value;
}

/// A keyed hash over several parts in one pass, for keys of tables: SipHash-1-3 over words, each
/// text led by its length, so that no two lists of parts are the same words.
class KeyedHash {
public:
    explicit KeyedHash(const HashKey& key) : state_(key) { state_.v1 ^= 0xee; }

    KeyedHash& add(std::uint64_t number) {
        state_.v3 ^= number;
        state_.round();
        state_.v0 ^= number;
        return *this;
    }
    KeyedHash& add(std::string_view text) {
        const char* at = text.data();
        std::size_t left = text.size();
        add(static_cast<std::uint64_t>(left));
        for (; left >= 8; left -= 8, at += 8) add(load_word(at));
        if (left > 0) add(load_rest(at, left));
        return *this;
    }
    /// Nothing is added after this. A second call gives another 64 bits.
    std::uint64_t finish() {
        state_.v2 ^= 0xee;
        for (int i = 0; i < 3; ++i) state_.round();
        return state_.v0 ^ state_.v1 ^ state_.v2 ^ state_.v3;
    }

private:
    SipState state_;
};

/// KeyedHash of one text: what tables are looked up by. Never leaves the process.
std::uint64_t table_hash(const HashKey& key, std::string_view text);

/// Combines hashes of parts, order mattering, so that no concatenation has to be built.
constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    std::uint64_t x = a ^ (b + 0x9e3779b97f4a7c15ULL + (a << 6) + (a >> 2));
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    x ^= x >> 32;
    return x;
}

}  // namespace sip
