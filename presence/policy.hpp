#pragma once

#include <cstdint>
#include <string_view>

namespace presence {

/// What becomes of watchers of a presentity that has no rules of its own. RFC 5025 3.2.1.
enum class Policy : std::uint8_t {
    allow,         ///< every authenticated watcher sees all
    confirm,       ///< pending until somebody decides
    polite_block,  ///< active, and always the closed document
    block,         ///< 403
};
std::string_view name_of(Policy policy);
/// "allow", "confirm", "polite-block", "block". False: none of them.
bool parse_policy(std::string_view text, Policy& out);

}  // namespace presence
