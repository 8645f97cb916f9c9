#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pidf {

/// One character of UTF-8. `size` 0: there is none, because the text ends or the bytes are not
/// UTF-8 (RFC 3629: overlong forms, surrogates and values above U+10FFFF are not).
struct Decoded {
    char32_t code = 0;
    std::uint8_t size = 0;
};
Decoded decode_utf8(std::string_view text, std::size_t at);

/// What most documents are made of is looked up: what a byte below 0x80 is. A byte above is none of
/// these, and has to be decoded.
enum class AsciiClass : std::uint8_t {
    allowed = 1,     ///< Char
    name_start = 2,  ///< NCNameStartChar
    name = 4,        ///< NCNameChar
    plain = 8,       ///< means nothing in XML but itself, wherever it stands
    uri = 16,        ///< of a URI, escapes and brackets aside
};
namespace detail {
constexpr std::array<std::uint8_t, 256> make_ascii_classes() {
    std::array<std::uint8_t, 256> classes{};
    const auto is_in = [](char c, std::string_view set) {
        return set.find(c) != std::string_view::npos;
    };
    for (unsigned i = 0; i < 0x80; ++i) {
        const char c = static_cast<char>(i);
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool digit = c >= '0' && c <= '9';
        const bool allowed = i >= 0x20 || is_in(c, "\t\n\r");
        unsigned all = 0;
        if (allowed) all |= 1;
        if (letter || c == '_') all |= 2;
        if (letter || digit || is_in(c, "_-.")) all |= 4;
        if (allowed && i >= 0x20 && !is_in(c, "&<>\"']")) all |= 8;
        if (letter || digit || is_in(c, "-._~:/?@!$&'()*+,;=")) all |= 16;
        classes[i] = static_cast<std::uint8_t>(all);
    }
    return classes;
}
inline constexpr std::array<std::uint8_t, 256> ascii_classes = make_ascii_classes();
}  // namespace detail
inline bool is_ascii(char c, AsciiClass of) {
    return (detail::ascii_classes[static_cast<unsigned char>(c)] & static_cast<std::uint8_t>(of)) !=
           0;
}
/// How many of the first bytes of `text` are of that class.
inline std::size_t ascii_run(std::string_view text, AsciiClass of) {
    std::size_t size = 0;
    while (size < text.size() && is_ascii(text[size], of)) ++size;
    return size;
}
/// Whether all of it is UTF-8 and Char; where it is not, `fault` says at which byte, and `encoding`
/// that the bytes are not UTF-8.
struct TextFault {
    std::size_t at = 0;
    bool any = false, encoding = false;
};
TextFault find_fault(std::string_view text);

/// Writes 1 to 4 bytes and returns how many. `code` is a Unicode scalar value.
std::size_t encode_utf8(char32_t code, char* out);

/// XML 1.0 (fifth edition) production [2]: Char.
bool is_xml_char(char32_t code);
/// XML 1.0 (fifth edition) productions [4] and [4a], without the colon: NCNameStartChar,
/// NCNameChar.
bool is_name_start(char32_t code);
bool is_name_char(char32_t code);
/// Namespaces in XML 1.0 production [4]: NCName. Also what an xs:ID may be.
bool is_ncname(std::string_view text);
/// XML 1.0 production [3]: S.
constexpr bool is_xml_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_xml_blank(std::string_view text);
std::string_view trim_xml_space(std::string_view text);

}  // namespace pidf
