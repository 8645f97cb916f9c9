#include "pidf/lexical.hpp"

#include "pidf/run.hpp"
#include "pidf/unicode.hpp"
#include "sip/base/buffer.hpp"
#include "sip/base/civil_time.hpp"
#include "sip/base/text.hpp"

namespace pidf {
namespace {

constexpr std::size_t digits_max = 18, language_max = 64;
/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z.
constexpr std::int64_t wall_ms_first = -62'135'596'800'000, wall_ms_last = 253'402'300'799'999;

bool all_digits(std::string_view text) {
    for (char c : text)
        if (!sip::is_digit(c)) return false;
    return !text.empty() && text.size() <= digits_max;
}

bool is_uri_char(char c) { return run::Uri::has(c) || static_cast<unsigned char>(c) >= 0x80; }

/// How many characters of `text` are an address in brackets, "[2001:db8::1]"; 0: none.
std::size_t literal_size(std::string_view text) {
    const auto end = text.find(']');
    if (text.empty() || text.front() != '[' || end == std::string_view::npos || end < 3) return 0;
    for (char c : sip::slice(text, 1, end - 1))
        if (sip::hex_value(c) < 0 && c != ':' && c != '.') return 0;
    return text.find(':') < end ? end + 1 : 0;
}

/// Only the characters of a URI, escapes whole, brackets where a host may begin.
bool has_uri_chars(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] == '%') {
            if (i + 2 >= text.size() || sip::hex_value(text[i + 1]) < 0 ||
                sip::hex_value(text[i + 2]) < 0)
                return false;
            i += 3;
        } else if (text[i] == '[') {
            const std::size_t size = literal_size(sip::slice(text, i));
            const std::string_view before = sip::slice(text, 0, i);
            const bool host = before.ends_with('@') || before.ends_with("://") || before == "//" ||
                              before.find(':') + 1 == i;
            if (size == 0 || i == 0 || !host) return false;
            i += size;
        } else if (!is_uri_char(text[i])) {
            return false;
        } else {
            ++i;
        }
    }
    return true;
}

/// RFC 3986 3.2: one @ at most, a port of digits.
bool is_authority(std::string_view text) {
    if (const auto at = text.find('@'); at != std::string_view::npos) text.remove_prefix(at + 1);
    if (text.find('@') != std::string_view::npos) return false;
    const std::size_t literal = literal_size(text);
    const auto colon = text.find(':', literal);
    if (literal > 0 && text.size() > literal && colon != literal) return false;
    if (colon == std::string_view::npos) return true;
    const std::string_view port = sip::slice(text, colon + 1);
    return all_digits(port) && port.size() <= 5;
}

/// What stands in front of the first colon, where no part of another kind begins before it: nothing
/// when there is no such colon.
std::optional<std::string_view> before_colon(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == ':') return sip::slice(text, 0, i);
        if (c == '/' || c == '?' || c == '#') break;
    }
    return {};
}
bool is_scheme(std::string_view text) {
    if (text.empty() || !sip::is_alpha(text.front())) return false;
    for (char c : text)
        if (!sip::is_alpha(c) && !sip::is_digit(c) && c != '+' && c != '-' && c != '.')
            return false;
    return true;
}

/// Takes the fragment off. False: there, or in what is left, are characters of no URI.
bool take_fragment(std::string_view& text) {
    // As a rule there is nothing but what needs no second look.
    if (run_size<run::Uri>(text) == text.size()) return true;
    if (find_fault(text).any) return false;
    const auto hash = text.find('#');
    const std::string_view fragment =
        hash == std::string_view::npos ? std::string_view{} : sip::slice(text, hash + 1);
    text = sip::slice(text, 0, hash);
    return fragment.find('[') == std::string_view::npos && has_uri_chars(fragment) &&
           has_uri_chars(text);
}

}  // namespace

bool is_any_uri(std::string_view text) {
    if (!take_fragment(text)) return false;
    if (const auto scheme = before_colon(text)) {
        // RFC 3986 4.2: a first segment with a colon in it would be taken for a scheme.
        if (!is_scheme(*scheme)) return false;
        text.remove_prefix(scheme->size() + 1);
    }
    if (!text.starts_with("//")) return true;
    text.remove_prefix(2);
    return is_authority(sip::slice(text, 0, text.find_first_of("/?")));
}

bool is_uri(std::string_view text) {
    const auto scheme = before_colon(text);
    return scheme && is_scheme(*scheme) && scheme->size() + 1 < text.size() && is_any_uri(text);
}

bool is_language(std::string_view text) {
    bool first = true;
    for (;; first = false) {
        const sip::Halves halves = sip::split_at(text, '-');
        if (halves.before.empty() || halves.before.size() > 8) return false;
        for (char c : halves.before)
            if (!sip::is_alpha(c) && (first || !sip::is_digit(c))) return false;
        if (!halves.found) return true;
        text = halves.after;
    }
}

bool is_boolean(std::string_view text) {
    return text == "true" || text == "false" || text == "1" || text == "0";
}

bool is_integer(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return all_digits(text);
}

bool is_positive_integer(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    return all_digits(text) && text.find_first_not_of('0') != std::string_view::npos;
}

namespace {

/// Of a text that is an instant by RFC 3339: whether it is one by XML Schema as well.
bool is_schema_form(std::string_view text) {
    if (text.starts_with("0000") || text[10] != 'T' || sip::slice(text, 17, 2) == "60")
        return false;
    if (text.back() == 'Z') return true;
    const std::string_view offset = sip::slice(text, text.size() - 5);
    return text.back() != 'z' && (offset < "14:00" || offset == "14:00");
}

}  // namespace

bool is_date_time(std::string_view text) {
    return sip::parse_rfc3339(text).has_value() && is_schema_form(text);
}

bool normal_language(std::string_view text, Arena& arena, std::string_view& out) {
    out = {};
    text = trim_xml_space(text);
    if (is_language(text)) {
        out = text;
        return true;
    }
    // POSIX spells it with _, and behind a dot or @ what is no matter of the language.
    text = sip::slice(text, 0, text.find_first_of(".@"));
    if (text.size() > language_max) return true;
    auto* room = static_cast<char*>(arena.allocate(text.size()));
    if (room == nullptr) return false;
    for (std::size_t i = 0; i < text.size(); ++i) room[i] = text[i] == '_' ? '-' : text[i];
    if (is_language({room, text.size()})) out = {room, text.size()};
    return true;
}

bool normal_date_time(std::string_view text, Arena& arena, std::string_view& out,
                      std::optional<std::int64_t>& wall_ms) {
    out = {};
    text = trim_xml_space(text);
    wall_ms = sip::parse_rfc3339(text);
    if (!wall_ms) return true;
    if (is_schema_form(text)) {
        out = text;
        return true;
    }
    if (*wall_ms < wall_ms_first || *wall_ms > wall_ms_last) return true;
    sip::Room<40> written;
    sip::write_rfc3339(written, *wall_ms);
    return arena.copy(written.view(), out);
}

bool normal_ncname(std::string_view text, Arena& arena, std::string_view& out) {
    if (is_ncname(text)) {
        out = text;
        return true;
    }
    // "_", then what may stand in a name as it is, and every other byte, also "_", as "_5F".
    const std::size_t size = 1 + 3 * text.size();
    auto* room = static_cast<char*>(arena.allocate(size));
    if (room == nullptr) return false;
    constexpr std::string_view digits = "0123456789ABCDEF";
    sip::Appender name({room, size});
    name << '_';
    for (char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (sip::is_alpha(c) || sip::is_digit(c) || c == '-' || c == '.')
            name << c;
        else
            name << '_' << digits[byte >> 4U] << digits[byte & 0xFU];
    }
    out = name.view();
    return true;
}

}  // namespace pidf
