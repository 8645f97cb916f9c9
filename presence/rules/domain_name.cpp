#include "presence/rules/domain_name.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "pidf/unicode.hpp"
#include "sip/base/endpoint.hpp"
#include "sip/base/text.hpp"

namespace presence {
namespace {

/// Characters of one label, as many as can come to anything.
struct Label {
    std::array<char32_t, label_max> codes{};
    std::size_t size = 0;
    bool ascii = true;

    bool push(char32_t code) {
        if (size == codes.size()) return false;
        ascii = ascii && code < 0x80;
        codes[size++] = code;
        return true;
    }
    std::span<const char32_t> view() const { return {codes.data(), size}; }
};

/// What nameprep does to the characters of a range.
enum class Fold : std::uint8_t {
    kept,
    up_32,      ///< the small letter is 32 further on
    up_80,      ///< ... 80 further on
    even_next,  ///< capitals are even, the small letter follows
    odd_next,   ///< capitals are odd, the small letter follows
};
struct Range {
    char32_t first, last;
    Fold fold;
};
/// RFC 3454 B.2 and normalization form KC: those that neither changes but in case.
constexpr Range ranges[] = {
    {0x00C0, 0x00D6, Fold::up_32},     {0x00D8, 0x00DE, Fold::up_32},
    {0x00E0, 0x00F6, Fold::kept},      {0x00F8, 0x00FF, Fold::kept},
    {0x0100, 0x012F, Fold::even_next}, {0x0134, 0x0137, Fold::even_next},
    {0x0139, 0x013E, Fold::odd_next},  {0x0141, 0x0148, Fold::odd_next},
    {0x014A, 0x0177, Fold::even_next}, {0x0179, 0x017E, Fold::odd_next},
    {0x0391, 0x03A1, Fold::up_32},     {0x03A3, 0x03A9, Fold::up_32},
    {0x03AC, 0x03AF, Fold::kept},      {0x03B1, 0x03C1, Fold::kept},
    {0x03C3, 0x03C9, Fold::kept},      {0x03CC, 0x03CE, Fold::kept},
    {0x0400, 0x040F, Fold::up_80},     {0x0410, 0x042F, Fold::up_32},
    {0x0430, 0x045F, Fold::kept},      {0x05D0, 0x05EA, Fold::kept},
    {0x0621, 0x063A, Fold::kept},      {0x0641, 0x064A, Fold::kept},
    {0x0905, 0x0939, Fold::kept},      {0x0E01, 0x0E30, Fold::kept},
    {0x3041, 0x3094, Fold::kept},      {0x30A1, 0x30FA, Fold::kept},
    {0x30FC, 0x30FC, Fold::kept},      {0x4E00, 0x9FA5, Fold::kept},
    {0xAC00, 0xD7A3, Fold::kept},
};

/// Adds what nameprep makes of one character to the label. False: not known here.
bool push_prepared(Label& label, char32_t code) {
    if (code < 0x80) return label.push(code >= 'A' && code <= 'Z' ? code + 32 : code);
    if (code == 0x00DF) return label.push('s') && label.push('s');
    if (code == 0x0178) return label.push(0x00FF);
    if (code == 0x03C2) return label.push(0x03C3);
    if (code == 0x00AD || code == 0x200B || code == 0x2060 || code == 0xFEFF) return true;
    for (const Range& range : ranges) {
        if (code < range.first || code > range.last) continue;
        switch (range.fold) {
            case Fold::kept: break;
            case Fold::up_32: code += 32; break;
            case Fold::up_80: code += 80; break;
            case Fold::even_next: code += code % 2 == 0 ? 1 : 0; break;
            case Fold::odd_next: code += code % 2 == 1 ? 1 : 0; break;
        }
        return label.push(code);
    }
    return false;
}

/// RFC 3492 6.1.
std::uint32_t adapt(std::uint32_t delta, std::uint32_t points, bool first) {
    delta = first ? delta / 700 : delta / 2;
    delta += delta / points;
    std::uint32_t k = 0;
    for (; delta > 455; k += 36) delta /= 35;
    return k + 36 * delta / (delta + 38);
}

void write_punycode_number(sip::Appender& out, std::uint32_t number, std::uint32_t bias) {
    constexpr std::string_view digits = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (std::uint32_t k = 36;; k += 36) {
        const std::uint32_t threshold = k <= bias ? 1 : std::min(k - bias, std::uint32_t{26});
        if (number < threshold) break;
        out << digits[threshold + (number - threshold) % (36 - threshold)];
        number = (number - threshold) / (36 - threshold);
    }
    out << digits[number];
}

/// RFC 3492 6.3. Labels are so short that nothing overflows.
void write_punycode(sip::Appender& out, std::span<const char32_t> codes) {
    std::uint32_t basic = 0;
    for (char32_t code : codes)
        if (code < 0x80) {
            out << static_cast<char>(code);
            ++basic;
        }
    if (basic > 0) out << '-';
    char32_t at = 0x80;
    std::uint32_t delta = 0, bias = 72, done = basic;
    while (done < codes.size()) {
        char32_t least = 0x10FFFF;
        for (char32_t code : codes)
            if (code >= at) least = std::min(least, code);
        delta += (least - at) * (done + 1);
        at = least;
        for (char32_t code : codes) {
            if (code < at) ++delta;
            if (code != at) continue;
            write_punycode_number(out, delta, bias);
            bias = adapt(delta, done + 1, done == basic);
            delta = 0;
            ++done;
        }
        ++delta;
        ++at;
    }
}

/// RFC 3490 4.1.
bool write_label(sip::Appender& out, const Label& label) {
    if (label.size == 0) return false;
    const std::size_t start = out.size();
    if (label.ascii) {
        for (char32_t code : label.view()) out << static_cast<char>(code);
    } else {
        constexpr std::string_view prefix = "xn--";
        const auto view = label.view();
        if (view.size() >= prefix.size() &&
            std::equal(prefix.begin(), prefix.end(), view.begin(),
                       [](char a, char32_t b) { return static_cast<char32_t>(a) == b; }))
            return false;
        out << prefix;
        write_punycode(out, view);
    }
    return !out.overflowed() && out.size() - start <= label_max;
}

/// RFC 3490 3.1: all that count as a dot.
bool is_dot(char32_t code) {
    return code == '.' || code == 0x3002 || code == 0xFF0E || code == 0xFF61;
}

/// Percent-encoding undone. False: there is more than any domain has.
bool unescape(std::string_view text, sip::Appender& out) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '%' && i + 2 < text.size() &&
                            sip::hex_value(text[i + 1]) >= 0 && sip::hex_value(text[i + 2]) >= 0;
        if (!escape) {
            out << text[i];
            continue;
        }
        out << static_cast<char>(sip::hex_value(text[i + 1]) * 16 + sip::hex_value(text[i + 2]));
        i += 2;
    }
    return !out.overflowed();
}

}  // namespace

bool write_domain(sip::Appender& out, std::string_view domain) {
    sip::Room<4 * domain_max> plain;
    if (!unescape(domain, plain)) return false;
    const std::string_view text = plain.view();
    const std::size_t start = out.size();
    if (const auto numeric = sip::parse_numeric_host(text)) {
        sip::write_address(out, *numeric, sip::Brackets::ipv6);
        return !out.overflowed();
    }
    Label label;
    for (std::size_t at = 0; at < text.size();) {
        const pidf::Decoded next = pidf::decode_utf8(text, at);
        // What is no character of a name at all cannot be meant: "sip:example.com", "a@b".
        if (next.size == 0 || next.code <= ' ' || next.code == 0x7F || next.code == '@' ||
            next.code == ':' || next.code == '/')
            return false;
        at += next.size;
        if (!is_dot(next.code)) {
            if (!push_prepared(label, next.code)) return false;
            continue;
        }
        if (!write_label(out, label)) return false;
        label = {};
        if (at < text.size()) out << '.';
    }
    // The empty label behind a last dot is the root's.
    if (label.size > 0 && !write_label(out, label)) return false;
    return !out.overflowed() && out.size() > start && out.size() - start <= domain_max;
}

}  // namespace presence
