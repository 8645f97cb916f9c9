#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "apps/edge/net/outcome.hpp"
#include "sip/base/limits.hpp"

namespace vigil {

/// "subscriptions=1000000" into its field. The error says what is wrong with it.
edge::Outcome<void> set_limit(std::string_view text, sip::Limits& limits);

}  // namespace vigil
