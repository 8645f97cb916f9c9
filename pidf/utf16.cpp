#include "pidf/utf16.hpp"

#include "pidf/unicode.hpp"

namespace pidf {

namespace {

struct Units {
    std::string_view bytes;
    bool big_endian;

    char32_t at(std::size_t offset) const {
        const auto first = static_cast<unsigned char>(bytes[offset]);
        const auto second = static_cast<unsigned char>(bytes[offset + 1]);
        return big_endian ? static_cast<char32_t>(first << 8 | second)
                          : static_cast<char32_t>(second << 8 | first);
    }
};

}  // namespace

bool is_utf16(std::string_view bytes) {
    return bytes.starts_with("\xFE\xFF") || bytes.starts_with("\xFF\xFE");
}

sip::Expected<std::string_view> utf16_to_utf8(std::string_view bytes, Arena& arena) {
    constexpr sip::StaticText lone = "XML: UTF-16 surrogate stands alone";
    if (bytes.size() % 2 != 0)
        return sip::failure(sip::Condition::malformed, "XML: UTF-16 ends within a character",
                            bytes.size() - 1);
    const Units units{bytes, bytes[0] == '\xFE'};
    // A unit of two bytes becomes three at most; a pair of four bytes becomes four.
    auto* out = static_cast<char*>(arena.allocate((bytes.size() - utf16_mark_size) / 2 * 3));
    if (out == nullptr) return tl::unexpected(arena.refusal());
    std::size_t size = 0;
    for (std::size_t at = utf16_mark_size; at < bytes.size(); at += 2) {
        char32_t code = units.at(at);
        if (code >= 0xDC00 && code <= 0xDFFF)
            return sip::failure(sip::Condition::malformed, lone, at);
        if (code >= 0xD800 && code <= 0xDBFF) {
            const char32_t low = at + 2 < bytes.size() ? units.at(at + 2) : 0;
            if (low < 0xDC00 || low > 0xDFFF)
                return sip::failure(sip::Condition::malformed, lone, at);
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            at += 2;
        }
        size += encode_utf8(code, out + size);
    }
    return std::string_view(out, size);
}

std::size_t utf16_size(std::string_view utf8) {
    std::size_t result = 0;
    for (std::size_t at = 0; at < utf8.size();) {
        const Decoded next = decode_utf8(utf8, at);
        if (next.size == 0) break;
        result += next.code > 0xFFFF ? 4 : 2;
        at += next.size;
    }
    return result;
}

}  // namespace pidf
