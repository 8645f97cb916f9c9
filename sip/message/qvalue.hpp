#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/text.hpp"

namespace sip {

/// RFC 3261 25.1 qvalue in thousandths: "0", "0.5", "1", "1.000"; nothing for anything else.
constexpr std::optional<std::uint16_t> parse_qvalue(std::string_view text) {
    const Halves halves = split_at(text, '.');
    if (halves.before != "0" && halves.before != "1") return {};
    if (halves.after.size() > 3) return {};
    std::uint16_t value = halves.before == "1" ? 1000 : 0;
    std::uint16_t scale = 100;
    for (char c : halves.after) {
        if (!is_digit(c)) return {};
        value = static_cast<std::uint16_t>(value + scale * (c - '0'));
        scale = static_cast<std::uint16_t>(scale / 10);
    }
    if (value > 1000) return {};
    return value;
}

}  // namespace sip
