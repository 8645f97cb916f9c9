#include "pidf/unicode.hpp"

#include "pidf/run.hpp"

namespace pidf {

namespace {

struct Range {
    char32_t first, last;
};
constexpr Range name_start_ranges[] = {
    {'A', 'Z'},       {'_', '_'},       {'a', 'z'},       {0xC0, 0xD6},     {0xD8, 0xF6},
    {0xF8, 0x2FF},    {0x370, 0x37D},   {0x37F, 0x1FFF},  {0x200C, 0x200D}, {0x2070, 0x218F},
    {0x2C00, 0x2FEF}, {0x3001, 0xD7FF}, {0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF},
};
constexpr Range name_only_ranges[] = {
    {'-', '.'}, {'0', '9'}, {0xB7, 0xB7}, {0x300, 0x36F}, {0x203F, 0x2040},
};

template <std::size_t N>
bool within(const Range (&ranges)[N], char32_t code) {
    for (const Range& range : ranges)
        if (code >= range.first && code <= range.last) return true;
    return false;
}

}  // namespace

Decoded decode_utf8(std::string_view text, std::size_t at) {
    if (at >= text.size()) return {};
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const std::uint8_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() - at < size) return {};
    char32_t code = lead & (0xFFU >> (size + 1U));
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) return {};
        code = code << 6 | (byte(i) & 0x3FU);
    }
    const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    if (overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
    return {code, size};
}

TextFault find_fault(std::string_view text) {
    for (std::size_t i = 0;;) {
        i += run_size<run::Allowed>(text, i);
        if (i == text.size()) return {};
        const Decoded c = decode_utf8(text, i);
        if (c.size == 0) return {i, true, true};
        if (!is_xml_char(c.code)) return {i, true, false};
        i += c.size;
    }
}

std::size_t encode_utf8(char32_t code, char* out) {
    const auto tail = [&](unsigned shift) {
        return static_cast<char>(0x80U | (static_cast<unsigned>(code) >> shift & 0x3FU));
    };
    const auto head = [&](unsigned mark, unsigned shift) {
        return static_cast<char>(mark | static_cast<unsigned>(code) >> shift);
    };
    if (code < 0x80) {
        out[0] = static_cast<char>(code);
        return 1;
    }
    if (code < 0x800) {
        out[0] = head(0xC0, 6);
        out[1] = tail(0);
        return 2;
    }
    if (code < 0x10000) {
        out[0] = head(0xE0, 12);
        out[1] = tail(6);
        out[2] = tail(0);
        return 3;
    }
    out[0] = head(0xF0, 18);
    out[1] = tail(12);
    out[2] = tail(6);
    out[3] = tail(0);
    return 4;
}

bool is_xml_char(char32_t code) {
    if (code < 0x20) return code == '\t' || code == '\n' || code == '\r';
    return code < 0xD800 || (code > 0xDFFF && code < 0xFFFE) || (code > 0xFFFF && code < 0x110000);
}

bool is_name_start(char32_t code) { return within(name_start_ranges, code); }
bool is_name_char(char32_t code) { return is_name_start(code) || within(name_only_ranges, code); }

bool is_ncname(std::string_view text) {
    std::size_t begin = 0;
    if (!text.empty() && is_ascii(text.front()) &&
        is_name_start(static_cast<unsigned char>(text.front())))
        begin = run_size<run::Name>(text);
    for (std::size_t at = begin; at < text.size();) {
        const Decoded next = decode_utf8(text, at);
        if (next.size == 0) return false;
        if (!(at == 0 ? is_name_start(next.code) : is_name_char(next.code))) return false;
        at += next.size;
    }
    return !text.empty();
}

bool is_xml_blank(std::string_view text) { return trim_xml_space(text).empty(); }

std::string_view trim_xml_space(std::string_view text) {
    while (!text.empty() && is_xml_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_xml_space(text.back())) text.remove_suffix(1);
    return text;
}

}  // namespace pidf
