#include "sip/message/token_list.hpp"

#include "sip/message/scanner.hpp"
#include "sip/message/usual.hpp"

namespace sip {

bool is_token(std::string_view text) {
    for (char c : text)
        if (!is_token_char(c)) return false;
    return !text.empty();
}

std::optional<Expected<std::string_view>> next_token(std::string_view& rest) {
    const char* const end = rest.data() + rest.size();
    const auto skip_lws = [end](const char* at) {
        while (at != end && is_lws(*at)) ++at;
        return at;
    };
    for (const char* at = rest.data();;) {
        const char* const token = skip_lws(at);
        const char* token_end = token;
        while (token_end != end && is_token_char(*token_end)) ++token_end;
        at = skip_lws(token_end);
        const bool last = at == end;
        if (!last && *at++ != ',') {
            rest = {};
            return Expected<std::string_view>(
                failure(Condition::malformed, "List: token expected"));
        }
        rest = {at, static_cast<std::size_t>(end - at)};
        if (token != token_end)
            return Expected<std::string_view>(
                std::string_view{token, static_cast<std::size_t>(token_end - token)});
        if (last) return {};
    }
}

namespace {

/// Whether `rest` lists `token`, as far as it is spelt as nearly all lists are: what it is not read
/// of is left there.
bool usually_lists(std::string_view& rest, std::string_view token) {
    if (built_for_size || rest.empty()) return false;
    usual::TextEnds ends(rest);
    const char* at = rest.data();
    for (;;) {
        const char* const end = usual::take_past(ends, Class::token);
        if (end == at || (end != ends.end() && *end != ',')) break;
        const std::string_view listed = usual::between(at, end);
        at = end;
        if (equal_ignoring_case(listed, token)) return true;
        if (at == ends.end()) break;
        ++at;
        if (at != ends.end() && *at == ' ') {
            ends.take();
            ++at;
        }
    }
    rest = usual::between(at, ends.end());
    return false;
}

}  // namespace

bool lists_token(const MessageView& message, HeaderId id, std::string_view token) {
    if (!message.has(id)) return false;
    for (const HeaderField& field : message.headers) {
        if (field.id != id) continue;
        std::string_view rest = field.value;
        if (usually_lists(rest, token)) return true;
        while (const auto listed = next_token(rest))
            if (*listed && equal_ignoring_case(**listed, token)) return true;
    }
    return false;
}

}  // namespace sip
