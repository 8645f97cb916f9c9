#include "sip/message/subscription_state.hpp"

#include <array>

#include "sip/message/parameter_walk.hpp"
#include "sip/message/usual.hpp"

namespace sip {
namespace {

constexpr std::array<std::string_view, 4> state_names{"active", "pending", "terminated", ""};
constexpr std::array<std::string_view, 8> reason_names{
    "", "deactivated", "probation", "rejected", "timeout", "giveup", "noresource", "invariant"};

void read_seconds(std::optional<std::uint32_t>& into, std::string_view text) {
    if (const auto value = parse_decimal(text, UINT32_MAX))
        into = static_cast<std::uint32_t>(*value);
}

/// The parameters that mean something; the first of a name counts.
struct Asked {
    std::optional<std::string_view> reason, expires, retry_after;

    void meet(const Parameter& parameter) {
        const auto keep = [&parameter](std::optional<std::string_view>& field) {
            if (!field) field = parameter.value;
        };
        const std::uint64_t name = name_word(parameter.name);
        if (name == name_word("reason"))
            keep(reason);
        else if (name == name_word("expires"))
            keep(expires);
        else if (name == 0 && equal_ignoring_case(parameter.name, "retry-after"))
            keep(retry_after);
    }
};

Expected<void> read_any(SubscriptionStateHeader& header, Asked& asked, std::string_view value) {
    Scanner scanner(value);
    scanner.skip_lws();
    header.state_name = scanner.take_token();
    if (header.state_name.empty())
        return failure(Condition::malformed, "Subscription-State: state is missing", scanner.at());
    return walk_parameters(scanner, header.parameters, Ends::with_text,
                           [&asked](const Parameter& one) { asked.meet(one); });
}

}  // namespace

Expected<SubscriptionStateHeader> parse_subscription_state(std::string_view value) {
    Expected<SubscriptionStateHeader> result;
    SubscriptionStateHeader& header = *result;
    Asked asked;
    if (!usual::read_token(value, header.state_name, header.parameters,
                           [&asked](const Parameter& one) {
                               asked.meet(one);
                               return true;
                           })) {
        asked = {};
        if (const auto read = read_any(header, asked, value); !read)
            return tl::unexpected(read.error());
    }
    for (std::size_t i = 0; i < 3; ++i)
        if (equal_ignoring_case(header.state_name, state_names[i]))
            header.state = static_cast<SubscriptionStateValue>(i);
    header.reason_name = asked.reason.value_or(std::string_view{});
    for (std::size_t i = 1; !header.reason_name.empty() && i < reason_names.size(); ++i)
        if (equal_ignoring_case(header.reason_name, reason_names[i]))
            header.reason = static_cast<TerminationReason>(i);
    read_seconds(header.expires, asked.expires.value_or(std::string_view{}));
    read_seconds(header.retry_after, asked.retry_after.value_or(std::string_view{}));
    return result;
}

std::string_view name_of(SubscriptionStateValue state) {
    return state_names[static_cast<std::size_t>(state)];
}
std::string_view name_of(TerminationReason reason) {
    return reason_names[static_cast<std::size_t>(reason)];
}

}  // namespace sip
