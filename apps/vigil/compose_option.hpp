#pragma once

#include <string_view>

#include "apps/edge/net/outcome.hpp"
#include "presence/composition_policy.hpp"

namespace vigil {

/// One value of --compose, RULE=CHOICE: sets it in `policy`. The error says what there is.
edge::Outcome<void> read_composition_rule(std::string_view text,
                                          presence::CompositionPolicy& policy);

}  // namespace vigil
