#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/error.hpp"
#include "sip/message/parameters.hpp"

namespace sip {

enum class SubscriptionStateValue : std::uint8_t { active, pending, terminated, other };
/// RFC 6665 4.1.3 and 4.4; `none`: absent or unknown.
enum class TerminationReason : std::uint8_t {
    none,
    deactivated,
    probation,
    rejected,
    timeout,
    giveup,
    noresource,
    invariant,
};

/// RFC 6665 8.2.3.
struct SubscriptionStateHeader {
    SubscriptionStateValue state = SubscriptionStateValue::other;
    std::string_view state_name;
    TerminationReason reason = TerminationReason::none;
    std::string_view reason_name;
    std::optional<std::uint32_t> expires;
    std::optional<std::uint32_t> retry_after;
    Parameters parameters;
};
/// A malformed expires or retry-after is taken as absent.
Expected<SubscriptionStateHeader> parse_subscription_state(std::string_view value);
std::string_view name_of(SubscriptionStateValue state);
std::string_view name_of(TerminationReason reason);

}  // namespace sip
