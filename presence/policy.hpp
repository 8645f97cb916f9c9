#pragma once

#include <cstdint>
#include <optional>
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

/// Where presentities have a policy of their own: a table, a file, an embedder's settings.
class PolicySource {
public:
    /// What `presentity` (a canonical address-of-record) decided for others; nothing: the
    /// server's policy holds. Asked at each SUBSCRIBE, and again after Server::policy_changed.
    virtual std::optional<Policy> policy_of(std::string_view presentity) const = 0;

protected:
    ~PolicySource() = default;
};

}  // namespace presence
