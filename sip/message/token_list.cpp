#include "sip/message/token_list.hpp"

#include "sip/message/scanner.hpp"

namespace sip {

bool is_token(std::string_view text) {
    for (char c : text)
        if (!is_token_char(c)) return false;
    return !text.empty();
}

std::optional<Expected<std::string_view>> next_token(std::string_view& rest) {
    for (;;) {
        Scanner scanner(rest);
        scanner.skip_lws();
        const std::string_view token = scanner.take_run(Class::token);
        scanner.skip_lws();
        const bool more = scanner.take(',');
        if (!more && !scanner.done()) {
            rest = {};
            return Expected<std::string_view>(
                failure(Condition::malformed, "List: token expected"));
        }
        rest = scanner.rest();
        if (!token.empty()) return Expected<std::string_view>(token);
        if (!more) return {};
    }
}

bool lists_token(const MessageView& message, HeaderId id, std::string_view token) {
    for (const HeaderField& field : message.headers) {
        if (field.id != id) continue;
        std::string_view rest = field.value;
        while (const auto listed = next_token(rest))
            if (*listed && equal_ignoring_case(**listed, token)) return true;
    }
    return false;
}

}  // namespace sip
