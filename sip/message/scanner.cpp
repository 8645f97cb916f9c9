#include "sip/message/scanner.hpp"

namespace sip {

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
            const std::string_view text = trim(rest.substr(0, i));
            rest.remove_prefix(i + 1);
            return {text, false};
        }
    }
    const std::string_view text = trim(rest);
    rest = {};
    return {text, true};
}

}  // namespace sip
