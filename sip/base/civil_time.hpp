#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/buffer.hpp"

namespace sip {

/// Milliseconds since 1970 UTC, to and from the text forms that SIP and its documents use.

/// RFC 3339, "2026-11-23T08:00:00.123Z"; the fraction is left out when it is zero.
void write_rfc3339(Appender& out, std::int64_t wall_ms);
/// Fraction of any length (read to milliseconds), "Z" or a numeric offset; lower-case t and z too.
/// Nothing for an impossible date or any other text.
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

/// RFC 3261 20.17: "Mon, 23 Nov 2026 08:00:00 GMT".
void write_sip_date(Appender& out, std::int64_t wall_ms);
/// GMT only; nothing for any other zone or text.
std::optional<std::int64_t> parse_sip_date(std::string_view text);

}  // namespace sip
