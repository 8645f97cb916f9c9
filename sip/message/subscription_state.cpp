#include "sip/message/subscription_state.hpp"

#include <array>

#include "sip/message/scanner.hpp"

namespace sip {
namespace {

constexpr std::array<std::string_view, 4> state_names{"active", "pending", "terminated", ""};
constexpr std::array<std::string_view, 8> reason_names{
    "", "deactivated", "probation", "rejected", "timeout", "giveup", "noresource", "invariant"};

std::optional<std::uint32_t> seconds_of(const Parameters& parameters, std::string_view name) {
    const auto value = parse_decimal(parameters.value_of(name), UINT32_MAX);
    if (!value) return {};
    return static_cast<std::uint32_t>(*value);
}

}  // namespace

Expected<SubscriptionStateHeader> parse_subscription_state(std::string_view value) {
    Scanner scanner(value);
    SubscriptionStateHeader header;
    scanner.skip_lws();
    header.state_name = scanner.take_token();
    if (header.state_name.empty())
        return failure(Condition::malformed, "Subscription-State: state is missing", scanner.at());
    const auto parameters = parse_parameters(scanner.rest(), scanner.at());
    if (!parameters) return tl::unexpected(parameters.error());
    header.parameters = *parameters;
    for (std::size_t i = 0; i < 3; ++i)
        if (equal_ignoring_case(header.state_name, state_names[i]))
            header.state = static_cast<SubscriptionStateValue>(i);
    header.reason_name = header.parameters.value_of("reason");
    for (std::size_t i = 1; i < reason_names.size(); ++i)
        if (equal_ignoring_case(header.reason_name, reason_names[i]))
            header.reason = static_cast<TerminationReason>(i);
    header.expires = seconds_of(header.parameters, "expires");
    header.retry_after = seconds_of(header.parameters, "retry-after");
    return header;
}

std::string_view name_of(SubscriptionStateValue state) {
    return state_names[static_cast<std::size_t>(state)];
}
std::string_view name_of(TerminationReason reason) {
    return reason_names[static_cast<std::size_t>(reason)];
}

}  // namespace sip
