#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "apps/load/plan.hpp"

namespace load {

enum class Scenario : std::uint8_t {
    subscribe,
    publish,
    fan_out,
    refresh,
    unsubscribe,
    boot_storm,
    mixed,
    options,
};
/// Nothing: there is none of that name.
std::optional<Scenario> scenario_named(std::string_view name);

/// How much of it.
struct Amount {
    std::uint64_t count = 0;  ///< operations of the main phase; 0: by `seconds`, or one for each
    double seconds = 0;
    double rate = 0;
    std::uint32_t window = 128;
    double warm_up_s = 0;
    double probe_rate = 0;
    bool mute = false;  ///< NOTIFYs of the main phase are not answered
    bool keep = false;  ///< subscriptions and publications are left behind
};

inline constexpr std::string_view warm_up_name = "warm-up";

/// What is done, one after the other: what the main phase stands on, a warm-up, the main phase or
/// phases, and the end of what was begun.
std::vector<Phase> phases_of(Scenario scenario, const Plan& plan, const Amount& amount);

}  // namespace load
