#pragma once

#include <uv.h>

#include <chrono>

#include "sip/base/clock.hpp"

namespace edge {

/// Both clocks of this machine. `mono` counts from libuv's origin, so that it can be compared with
/// the loop's time.
inline sip::Now read_clocks() {
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    return {sip::Instant{sip::Duration{static_cast<std::int64_t>(uv_hrtime())}},
            std::chrono::duration_cast<std::chrono::milliseconds>(wall).count()};
}

}  // namespace edge
