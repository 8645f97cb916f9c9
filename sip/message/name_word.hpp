#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace sip {

/// The first bytes of `at` as a number, the first one lowest on every machine.
template <class Word>
constexpr Word load_word(const char* at) {
    Word word = 0;
    if (std::is_constant_evaluated() || std::endian::native == std::endian::big) {
        for (std::size_t i = 0; i < sizeof word; ++i)
            word |= static_cast<Word>(static_cast<unsigned char>(at[i])) << (8 * i);
    } else {
        std::memcpy(&word, at, sizeof word);
    }
    return word;
}

/// A text of at most eight bytes as one word; 0 when it is empty or longer. Two texts without NUL
/// bytes are the same when their words are.
constexpr std::uint64_t word_of(std::string_view text) {
    const char* const at = text.data();
    const std::size_t size = text.size();
    if (size - 1 > 7) return 0;
    if (size >= 4)
        return load_word<std::uint32_t>(at) |
               static_cast<std::uint64_t>(load_word<std::uint32_t>(at + size - 4))
                   << (8 * (size - 4));
    const auto byte = [at](std::size_t i) {
        return static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
    };
    return byte(0) | byte(size / 2) | byte(size - 1);
}

inline constexpr std::uint64_t small_letters = 0x2020202020202020;

/// The same for tokens (RFC 3261 25.1) in any case: two are the same but for their case when these
/// are, and one of them is made of letters and hyphens.
constexpr std::uint64_t name_word(std::string_view token) {
    const std::uint64_t word = word_of(token);
    return word == 0 ? 0 : word | small_letters;
}

}  // namespace sip
