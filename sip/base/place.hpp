#pragma once

#include <cstdint>
#include <optional>

#include "sip/base/siphash.hpp"

namespace sip {

/// Which of several stacks, the workers of one server, this one is. What it draws to be known by
/// again (tags, branches, tokens of routes) carries its number, so that whichever of them a message
/// reaches knows whose it is. The number is no proof of anything.
struct WorkerPlace {
    static constexpr unsigned workers_max = 64;
    static constexpr std::uint64_t mark_mask = workers_max - 1;

    std::uint8_t worker = 0;   ///< below `workers`
    std::uint8_t workers = 1;  ///< at most `workers_max`; 1: there are no others, and no marks
    HashKey key{};             ///< the same for all of them, and secret

    bool is_alone() const { return workers <= 1; }
    std::uint64_t mark(std::uint64_t drawn) const {
        return is_alone() ? drawn : (drawn & ~mark_mask) | worker;
    }
    /// What all of them hash their tables by; whose something is depends on another key.
    HashKey common_key() const { return {siphash(key, "one key"), siphash(key, "and another")}; }
    /// Nothing: none of them drew it.
    std::optional<unsigned> marked(std::uint64_t drawn) const {
        const auto number = static_cast<unsigned>(drawn & mark_mask);
        if (number >= workers) return {};
        return number;
    }
};

}  // namespace sip
