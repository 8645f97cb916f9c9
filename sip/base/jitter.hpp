#pragma once

#include <cstdint>

#include "sip/base/entropy.hpp"

namespace sip {

/// What is granted of the seconds that were `asked` for, shortened by chance by up to `percent` of
/// them (50 at most), so that many who asked together do not come back together. A value below
/// twice the `least` that anybody is granted stays as it is, and so no other falls below that.
inline std::uint32_t shortened(Entropy& entropy, std::uint32_t asked, std::uint32_t percent,
                               std::uint32_t least) {
    if (percent == 0 || asked < 2 || asked / 2 < least) return asked;
    const std::uint64_t span = std::uint64_t{asked} * (percent < 50 ? percent : 50) / 100;
    return asked - static_cast<std::uint32_t>(entropy.next() % (span + 1));
}

}  // namespace sip
