#pragma once

#include <cstdint>

#include "sip/base/clock.hpp"

namespace sim {

/// Time in a world: nanoseconds since it began. Each host reads it through a clock of its own.
using Time = std::int64_t;
inline constexpr Time millisecond = 1'000'000, second = 1'000'000'000;
inline constexpr Time no_time = INT64_MAX;

/// What one host takes for the time: a monotonic clock that runs fast or slow by some parts in a
/// million, and a wall clock that is set at will.
class HostClock {
public:
    void set_drift(std::int64_t parts_per_million) { rate_ = million + parts_per_million; }
    void jump(std::int64_t milliseconds) { wall_offset_ms_ += milliseconds; }

    sip::Now at(Time time) const {
        const std::int64_t local = time / million * rate_ + time % million * rate_ / million;
        return {sip::Instant{} + sip::Duration{origin + local},
                wall_origin_ms + local / millisecond + wall_offset_ms_};
    }
    /// The first moment of the world at which `instant` is reached here.
    Time when(sip::Instant instant) const {
        if (instant == sip::never) return no_time;
        const std::int64_t local = instant.time_since_epoch().count() - origin;
        if (local <= 0) return 0;
        Time time = local / rate_ * million + local % rate_ * million / rate_;
        while (at(time).mono < instant) ++time;
        return time;
    }

private:
    static constexpr std::int64_t million = 1'000'000;
    static constexpr std::int64_t origin = 1000 * second;
    static constexpr std::int64_t wall_origin_ms = 1'767'225'600'000;
    std::int64_t rate_ = million, wall_offset_ms_ = 0;
};

}  // namespace sim
