#include "presence/policy.hpp"

#include <array>

namespace presence {
namespace {

constexpr std::array<std::string_view, 4> names{"allow", "confirm", "polite-block", "block"};

}  // namespace

std::string_view name_of(Policy policy) { return names[static_cast<std::size_t>(policy)]; }

bool parse_policy(std::string_view text, Policy& out) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] != text) continue;
        out = static_cast<Policy>(i);
        return true;
    }
    return false;
}

}  // namespace presence
