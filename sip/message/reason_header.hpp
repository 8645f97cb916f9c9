#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/error.hpp"
#include "sip/message/parameters.hpp"

namespace sip {

/// One Reason value. RFC 3326 2.
struct ReasonHeader {
    std::string_view protocol;  ///< "SIP", "Q.850"
    std::optional<std::uint16_t> cause;
    std::string_view text;  ///< without quotes, escapes kept
    Parameters parameters;
};
std::optional<Expected<ReasonHeader>> next_reason(std::string_view& rest);

}  // namespace sip
