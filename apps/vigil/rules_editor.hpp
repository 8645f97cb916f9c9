#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/edge/net/outcome.hpp"
#include "presence/rules/permissions.hpp"

namespace vigil {

/// A rule document after a decision.
struct EditedRules {
    std::string document;
    /// What had to be changed of rules that a person wrote, a line each.
    std::vector<std::string> notes;
};

/// A new document by which everybody who is authenticated gets `others`.
std::string make_rules(presence::SubHandling others);

/// Has `document` give `handling` to `watcher` (a sip, sips, pres or tel URI), now and at any time,
/// and leaves everybody else what they have. What people wrote stays as they wrote it, down to
/// comments and blanks: the watcher is named in a rule of ours ("vigil-allow" and its like) and,
/// since of several rules the most generous counts (RFC 5025 3.2.1), taken out of those that give
/// more. The error, one line: the document is no good, or a rule has it otherwise in a way that an
/// editor should not touch.
edge::Outcome<EditedRules> decide_about(std::string_view document, std::string_view watcher,
                                        presence::SubHandling handling);

}  // namespace vigil
