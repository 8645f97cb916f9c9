#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/error.hpp"

namespace sip {

/// Expires, Min-Expires: decimal seconds up to 2^32-1 (RFC 3261 20.19).
Expected<std::uint32_t> parse_delta_seconds(std::string_view value);

/// RFC 3261 20.33: seconds, an optional comment, an optional `duration`.
struct RetryAfter {
    std::uint32_t seconds = 0;
    std::optional<std::uint32_t> duration;
};
Expected<RetryAfter> parse_retry_after(std::string_view value);

/// Max-Forwards: 0 to 255 (RFC 3261 20.22).
Expected<std::uint8_t> parse_max_forwards(std::string_view value);

}  // namespace sip
