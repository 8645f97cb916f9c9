#include "sip/message/reason_header.hpp"

#include "sip/message/scanner.hpp"

namespace sip {
namespace {

Expected<ReasonHeader> parse_reason(std::string_view text) {
    Scanner scanner(text);
    ReasonHeader reason;
    reason.protocol = scanner.take_token();
    if (reason.protocol.empty())
        return failure(Condition::malformed, "Reason: protocol is missing");
    const auto parameters = parse_parameters(scanner.rest(), scanner.at());
    if (!parameters) return tl::unexpected(parameters.error());
    reason.parameters = *parameters;
    if (const auto cause = parse_decimal(reason.parameters.value_of("cause"), UINT16_MAX))
        reason.cause = static_cast<std::uint16_t>(*cause);
    reason.text = reason.parameters.value_of("text");
    return reason;
}

}  // namespace

std::optional<Expected<ReasonHeader>> next_reason(std::string_view& rest) {
    if (trim(rest).empty()) return {};
    auto parsed = parse_reason(take_element(rest).text);
    if (!parsed) rest = {};
    return parsed;
}

}  // namespace sip
