#include "sip/message/scanner.hpp"

#include "sip/base/text.hpp"

namespace sip {

Scanner::Window Scanner::find_window(const char* begin, const char* at, const char* end) {
    for (;; at += 64)
        if (const std::uint64_t ends = scan::all_ends<scan::Word>(begin, at, end); ends != 0)
            return {at, ends};
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
