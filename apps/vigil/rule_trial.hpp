#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/edge/net/outcome.hpp"
#include "apps/vigil/json_output.hpp"

namespace vigil {

/// A text and what to call it: "alice.xml", "standard input".
struct NamedText {
    std::string name, text;
};

/// Who would watch, when, and what the presentity published.
struct RuleTrial {
    std::vector<std::string> identities;  ///< URIs; none: nobody vouches for the watcher
    std::int64_t wall_ms = 0;
    std::optional<std::string> sphere;  ///< nothing: as the document says
    std::optional<NamedText> document;
};

/// What comes of it: for programs, and in words for people.
struct RuleOutcome {
    RulesFields fields;
    std::vector<std::string> lines;
};

/// How many rules a document has. The error is "alice.xml:7: rule: id is missing".
edge::Outcome<std::size_t> check_rules(const NamedText& rules);

/// What the server would do and show. Errors as above, of either document.
edge::Outcome<RuleOutcome> try_rules(const NamedText& rules, const RuleTrial& trial);

}  // namespace vigil
