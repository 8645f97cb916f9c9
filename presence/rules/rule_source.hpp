#pragma once

#include <string_view>

#include "presence/rules/ruleset.hpp"

namespace presence {

/// Where the rules of presentities are: files, a database, an embedder's settings.
class RuleSource {
public:
    /// The rules of a canonical address-of-record, valid until the next input; null: it has none,
    /// and the server's policy holds. Asked at each SUBSCRIBE and whenever a subscription is
    /// decided anew; Server::policy_changed says that they are other ones than before.
    virtual const Ruleset* rules_of(std::string_view presentity) const = 0;

protected:
    ~RuleSource() = default;
};

}  // namespace presence
