#pragma once

#include <chrono>
#include <cstdint>
#include <ratio>

namespace sip {

/// Monotonic time as the stack sees it. Unit: nanoseconds since an arbitrary origin.
/// There is deliberately no now(): inside the core, time is only ever an argument.
struct StackClock {
    using rep = std::int64_t;
    using period = std::nano;
    using duration = std::chrono::duration<rep, period>;
    using time_point = std::chrono::time_point<StackClock>;
    static constexpr bool is_steady = true;
};
using Instant = StackClock::time_point;
using Duration = StackClock::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr bool operator<(Instant a, Instant b) {
    return a.time_since_epoch().count() < b.time_since_epoch().count();
}
constexpr bool operator>(Instant a, Instant b) { return b < a; }
constexpr bool operator<=(Instant a, Instant b) { return !(b < a); }
constexpr bool operator>=(Instant a, Instant b) { return !(a < b); }

/// A deadline that never comes.
inline constexpr Instant never = Instant::max();

/// Both clocks, read once by the caller. Deadlines use `mono`; documents and Date use `wall_ms`.
struct Now {
    Instant mono;
    std::int64_t wall_ms = 0;  ///< milliseconds since 1970, UTC
};

/// `from + after` without wrapping: anything past the end of time is `never`.
constexpr Instant later(Instant from, Duration after) {
    return after > never - from ? never : from + after;
}

/// The wall time that it is, or will be, at `at`.
constexpr std::int64_t wall_ms_at(const Now& now, Instant at) {
    return now.wall_ms + std::chrono::duration_cast<milliseconds>(at - now.mono).count();
}

/// Whole seconds from `now` until `then`, rounded up; 0 when `then` has passed.
constexpr std::uint32_t seconds_left(Instant now, Instant then) {
    if (then <= now) return 0;
    const auto left = std::chrono::ceil<seconds>(then - now).count();
    return left > INT64_C(0xffffffff) ? 0xffffffffU : static_cast<std::uint32_t>(left);
}

}  // namespace sip
