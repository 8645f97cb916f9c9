#include "sip/message/warning.hpp"

#include "sip/message/scanner.hpp"

namespace sip {
namespace {

Expected<Warning> parse_warning(std::string_view text) {
    Scanner scanner(text);
    Warning warning;
    const std::string_view code = scanner.take_while(is_digit);
    if (code.size() != 3 || !is_lws(scanner.peek()))
        return failure(Condition::malformed, "Warning: three digits expected", 0);
    warning.code = static_cast<std::uint16_t>(*parse_decimal(code));
    scanner.skip_lws();
    // warn-agent = hostport / pseudonym
    warning.agent = scanner.take_while([](char c) { return is(c, Class::value); });
    scanner.skip_lws();
    const auto quoted = scanner.take_quoted();
    if (warning.agent.empty() || !quoted || !scanner.done())
        return failure(Condition::malformed, "Warning: agent and quoted text expected",
                       scanner.at());
    warning.text = *quoted;
    return warning;
}

}  // namespace

std::optional<Expected<Warning>> next_warning(std::string_view& rest) {
    if (trim(rest).empty()) return {};
    auto parsed = parse_warning(take_element(rest).text);
    if (!parsed) rest = {};
    return parsed;
}

}  // namespace sip
