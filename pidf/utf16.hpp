#pragma once

#include <cstddef>
#include <string_view>

#include "pidf/arena.hpp"
#include "sip/base/error.hpp"

namespace pidf {

inline constexpr std::size_t utf16_mark_size = 2;

/// The bytes start with a byte order mark of UTF-16 (RFC 2781 3.2), of either order.
bool is_utf16(std::string_view bytes);

/// UTF-16 with a byte order mark as UTF-8 without one, in `arena`.
/// Errors: malformed (an odd byte at the end, a surrogate that stands alone), with the offset in
/// `bytes`; what Arena::refusal says.
sip::Expected<std::string_view> utf16_to_utf8(std::string_view bytes, Arena& arena);

/// Bytes that this text takes as UTF-16, without a mark; up to the first byte that is not UTF-8.
std::size_t utf16_size(std::string_view utf8);

}  // namespace pidf
