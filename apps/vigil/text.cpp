#include "apps/vigil/text.hpp"

#include <algorithm>
#include <array>

#include "sip/base/civil_time.hpp"

namespace vigil {

namespace {

/// Bytes of the well-formed UTF-8 character at the start of `text`, 0 when there is none
/// (RFC 3629 4: no overlong forms, no surrogates).
std::size_t utf8_length(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = at(0);
    const std::size_t size = first < 0x80                    ? 1
                             : first >= 0xc2 && first < 0xe0 ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
    if (size == 0 || size > text.size()) return 0;
    for (std::size_t i = 1; i < size; ++i)
        if ((at(i) & 0xc0) != 0x80) return 0;
    if (first == 0xe0 && at(1) < 0xa0) return 0;
    if (first == 0xed && at(1) >= 0xa0) return 0;
    if (first == 0xf0 && at(1) < 0x90) return 0;
    if (first == 0xf4 && at(1) >= 0x90) return 0;
    return size;
}

/// C0, DEL, C1, and what turns the direction of a line around or breaks it.
bool is_unfit(std::string_view character) {
    const auto first = static_cast<unsigned char>(character[0]);
    if (character.size() == 1) return first < 0x20 || first == 0x7f;
    if (character.size() == 2)
        return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
    if (character.size() != 3 || first != 0xe2) return false;
    const auto second = static_cast<unsigned char>(character[1]);
    const auto third = static_cast<unsigned char>(character[2]);
    // U+2028 to U+202E; U+2066 to U+2069.
    return (second == 0x80 && third >= 0xa8 && third <= 0xae) ||
           (second == 0x81 && third >= 0xa6 && third <= 0xa9);
}

void write_hex(std::string& out, std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += "\\x";
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
}

}  // namespace

std::string escape(std::string_view text, std::size_t bytes_max) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        if (out.size() >= bytes_max) return out + "...";
        const std::size_t size = utf8_length(text.substr(at));
        const std::string_view character = text.substr(at, std::max<std::size_t>(size, 1));
        if (character == "\\")
            out += "\\\\";
        else if (size == 0 || is_unfit(character))
            write_hex(out, character);
        else
            out += character;
        at += character.size();
    }
    return out;
}

std::string time_text(std::int64_t wall_ms) {
    std::array<char, 64> room{};
    sip::Appender out(room);
    sip::write_rfc3339(out, wall_ms);
    return std::string(out.view());
}

Place place_of(std::string_view text, std::size_t offset) {
    const std::string_view before = text.substr(0, std::min(offset, text.size()));
    const auto lines = std::count(before.begin(), before.end(), '\n');
    const auto last = before.rfind('\n');
    const std::size_t column =
        last == std::string_view::npos ? before.size() : before.size() - last - 1;
    return {static_cast<std::size_t>(lines) + 1, column + 1};
}

}  // namespace vigil
