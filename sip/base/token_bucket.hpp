#pragma once

#include <algorithm>
#include <cstdint>

#include "sip/base/clock.hpp"

namespace sip {

/// So many a second on average, and so many at once. No number a second: as many as come.
struct Rate {
    std::uint32_t per_second = 0, at_once = 0;
    bool limits() const { return per_second > 0; }
};

/// A token bucket in one number: when it will be full again. A new one is full.
class TokenBucket {
public:
    /// False: it is empty.
    [[nodiscard]] bool take(Instant now, const Rate& rate) {
        if (!rate.limits()) return true;
        const Duration each = Duration{seconds{1}} / rate.per_second;
        const Instant from = std::max(full_at_, now);
        if (later(from, each) - now > each * std::max(rate.at_once, 1U)) return false;
        full_at_ = later(from, each);
        return true;
    }
    Instant full_at() const { return full_at_; }
    bool is_full(Instant now) const { return full_at_ <= now; }

private:
    Instant full_at_{Instant::min()};
};

}  // namespace sip
