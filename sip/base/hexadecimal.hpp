#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "sip/base/inline.hpp"

namespace sip {

/// Eight digits at a time, by arithmetic on all of them at once.
namespace hexadecimal {

inline constexpr bool by_words = std::endian::native == std::endian::little && !built_for_size;

constexpr std::uint64_t each(std::uint64_t byte) { return byte * 0x0101010101010101U; }

/// The digits of `number`, the first one lowest. Letters are small.
constexpr std::uint64_t digits_of(std::uint32_t number) {
    std::uint64_t x = __builtin_bswap32(number);
    x = (x | x << 16) & 0x0000ffff0000ffffU;
    x = (x | x << 8) & 0x00ff00ff00ff00ffU;
    x = (x >> 4 | x << 8) & each(0x0f);
    const std::uint64_t letters = (x + each(0x76)) >> 7 & each(1);
    return x + each('0') + letters * ('a' - '0' - 10);
}

/// Whether all eight bytes are digits, letters small or large.
constexpr bool are_digits(std::uint64_t text) {
    const std::uint64_t lower = text | each(0x20);
    const std::uint64_t is_number = (text + each(0x80 - '0')) & ~(text + each(0x80 - '9' - 1));
    const std::uint64_t is_letter = (lower + each(0x80 - 'a')) & ~(lower + each(0x80 - 'f' - 1));
    return (text & each(0x80)) == 0 && ((is_number | is_letter) & each(0x80)) == each(0x80);
}

/// What eight digits say, the first one lowest.
constexpr std::uint32_t number_of(std::uint64_t text) {
    std::uint64_t x = (text & each(0x0f)) + (text >> 6 & each(1)) * 9;
    x = (x << 4 | x >> 8) & 0x00ff00ff00ff00ffU;
    x = (x | x >> 8) & 0x0000ffff0000ffffU;
    return __builtin_bswap32(static_cast<std::uint32_t>(x | x >> 16));
}

/// All sixteen digits of a number.
inline void write(char* to, std::uint64_t number) {
    const std::uint64_t words[2] = {digits_of(static_cast<std::uint32_t>(number >> 32)),
                                    digits_of(static_cast<std::uint32_t>(number))};
    std::memcpy(to, words, sizeof words);
}

/// The number of sixteen digits. False: one of them is none.
[[nodiscard]] inline bool read(const char* from, std::uint64_t& number) {
    std::uint64_t words[2];
    std::memcpy(words, from, sizeof words);
    number = std::uint64_t{number_of(words[0])} << 32 | number_of(words[1]);
    return are_digits(words[0]) && are_digits(words[1]);
}

}  // namespace hexadecimal

}  // namespace sip
