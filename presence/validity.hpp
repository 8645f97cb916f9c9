#pragma once

#include <cstdint>

#include "pidf/document.hpp"

namespace presence {

/// Never: nothing that a document holds begins or ends.
inline constexpr std::int64_t no_change = INT64_MAX;

/// Takes out of a document what does not hold at `now_ms` (wall time). How long the rest stays as
/// it is: the instant of the next change behind `now_ms`, or `no_change`.
///
/// - RFC 4480 3.1: an RPID element holds from its `from` on and until its `until`.
/// - RFC 4481 3: a timed-status speaks of the past or the future; while it would speak of the
///   present it is left out, since the status of its tuple does that.
/// - A person of whom nothing is left is not there.
std::int64_t drop_invalid(pidf::Document& document, std::int64_t now_ms);

}  // namespace presence
