#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

#include "sip/base/assert.hpp"
#include "sip/base/hexadecimal.hpp"

namespace sip {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_alphanumeric(char c) { return is_digit(c) || is_alpha(c); }
constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// -1 when `c` is no hexadecimal digit.
constexpr int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// ASCII only; bytes of 128 and above compare as they are.
constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    std::size_t i = 0;
    if (!std::is_constant_evaluated())
        for (; a.size() - i >= 8; i += 8)
            if (std::memcmp(a.data() + i, b.data() + i, 8) != 0) break;
    for (; i < a.size(); ++i)
        if (to_lower(a[i]) != to_lower(b[i])) return false;
    return true;
}

/// RFC 3261 25.1 LWS as it may stand inside a header value: SP, HTAB, and the CR LF of a fold.
constexpr bool is_lws(char c) {
    return c <= ' ' && (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

constexpr std::string_view trim(std::string_view text) {
    while (!text.empty() && is_lws(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_lws(text.back())) text.remove_suffix(1);
    return text;
}

/// Decimal digits only, at least one; nothing when the text is anything else or above `max`.
constexpr std::optional<std::uint64_t> parse_decimal(std::string_view text,
                                                     std::uint64_t max = UINT64_MAX) {
    if (text.empty()) return {};
    std::uint64_t value = 0;
    if (text.size() < 20) {  // none of that many digits is too large
        for (char c : text) {
            const auto digit = static_cast<unsigned char>(c - '0');
            if (digit > 9) return {};
            value = value * 10 + digit;
        }
        if (value > max) return {};
        return value;
    }
    constexpr std::uint64_t roomy = UINT64_MAX / 10;
    for (char c : text) {
        if (!is_digit(c)) return {};
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (value >= roomy && (value > roomy || digit > UINT64_MAX % 10)) return {};
        value = value * 10 + digit;
    }
    if (value > max) return {};
    return value;
}

/// `digits` hexadecimal ones and nothing else, 16 at most; nothing when the text is anything else.
constexpr std::optional<std::uint64_t> parse_hexadecimal(std::string_view text,
                                                         std::size_t digits = 16) {
    if (text.size() != digits) return {};
    std::uint64_t value = 0;
    if (hexadecimal::by_words && digits == 16 && !std::is_constant_evaluated()) {
        if (!hexadecimal::read(text.data(), value)) return {};
        return value;
    }
    for (const char c : text) {
        const int digit = hex_value(c);
        if (digit < 0) return {};
        value = value << 4 | static_cast<std::uint64_t>(digit);
    }
    return value;
}
/// A number as Appender::hex writes it: 16 of them, letters small.
constexpr std::optional<std::uint64_t> parse_own_number(std::string_view text) {
    for (const char c : text)
        if (c != to_lower(c)) return {};
    return parse_hexadecimal(text);
}

/// `text` from `at` on, which is at most its size; at most `count` bytes. As substr, which throws.
constexpr std::string_view slice(std::string_view text, std::size_t at,
                                 std::size_t count = std::string_view::npos) {
    SIP_ASSERT(at <= text.size());
    const std::size_t left = text.size() - at;
    return {text.data() + at, left < count ? left : count};
}

/// Splits at the first `separator`; the second half is empty when there is none.
struct Halves {
    std::string_view before, after;
    bool found = false;
};
constexpr Halves split_at(std::string_view text, char separator) {
    const auto at = text.find(separator);
    if (at == std::string_view::npos) return {text, {}, false};
    return {slice(text, 0, at), slice(text, at + 1), true};
}

/// Equality in time that depends on the lengths alone (for digests and tags that peers guess at).
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace sip
