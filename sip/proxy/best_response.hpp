#pragma once

#include <cstdint>

namespace sip {

/// RFC 3261 16.7 item 6: of the final responses of several branches the one with the lowest rank
/// goes on. 6xx before all; else the lowest class, and in it what tells how the request could be
/// repeated with success; last what says only that nobody was there to answer.
constexpr std::uint8_t rank_of(std::uint16_t status) {
    switch (status) {
        case 401:
        case 407: return 40;
        case 415:
        case 420:
        case 484: return 41;
        case 408:
        case 480:
        case 487: return 43;
        case 503: return 51;  // it is never handed on
        default: break;
    }
    if (status >= 600) return 0;
    return static_cast<std::uint8_t>(status / 100 * 10 + (status / 100 == 4 ? 2 : 0));
}

}  // namespace sip
