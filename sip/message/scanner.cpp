#include "sip/message/scanner.hpp"

#include "sip/base/text.hpp"

namespace sip {

std::uint64_t word_ends(const char* begin, const char* at, const char* end) {
    return scan::all_ends<scan::Word>(begin, at, end);
}

WordWindow next_window(const char* from, const char* end) {
    for (const char* at = from + 64;; at += 64) {
        const std::uint64_t ends = end - at >= 64 ? scan::ends_of_64<scan::Word>(at)
                                                  : scan::all_ends<scan::Word>(from, at, end);
        if (ends != 0) return {at, ends};
    }
}

WordWindow Scanner::find_window(const char* begin, const char* at, const char* end) {
    for (;; at += 64)
        if (const std::uint64_t ends = word_ends(begin, at, end); ends != 0) return {at, ends};
}

bool has_control(std::string_view value) {
    const char *const begin = value.data(), *const end = begin + value.size();
    if (scan::find_end<scan::Plain>(begin, begin, end) == end) return false;
    QuoteState quotes;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        if (c == '\\' && quotes.is_pair(slice(value, i)))
            ++i;
        else if (is_control(c) && !is_lws(c))
            return true;
        else
            quotes.pass(c);
    }
    return false;
}

ListElement take_element(std::string_view& rest) {
    bool in_quotes = false, in_brackets = false;
    for (std::size_t i = 0; i < rest.size(); ++i) {
        const char c = rest[i];
        if (!in_quotes && !is(c, Class::delimiter)) continue;
        if (in_quotes) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_quotes = false;
        } else if (c == '"' && !in_brackets) {
            in_quotes = true;
        } else if (c == '<') {
            in_brackets = true;
        } else if (c == '>') {
            in_brackets = false;
        } else if (c == ',' && !in_brackets) {
            const std::string_view text = trim(slice(rest, 0, i));
            rest.remove_prefix(i + 1);
            return {text, false};
        }
    }
    const std::string_view text = trim(rest);
    rest = {};
    return {text, true};
}

}  // namespace sip
