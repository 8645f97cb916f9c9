#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/error.hpp"

namespace sip {

/// One Warning value. RFC 3261 20.43.
struct Warning {
    std::uint16_t code = 0;
    std::string_view agent;
    std::string_view text;  ///< without quotes, escapes kept
};
std::optional<Expected<Warning>> next_warning(std::string_view& rest);

}  // namespace sip
