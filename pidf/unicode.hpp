#pragma once

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

constexpr bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

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
