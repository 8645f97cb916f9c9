#pragma once

#include <cstdint>
#include <string_view>

#include "pidf/element.hpp"
#include "presence/rules/identity.hpp"
#include "presence/rules/ruleset.hpp"

namespace presence {

/// A rule document in memory: what Ruleset::read makes and Ruleset::evaluate goes through. Nodes
/// and texts live in one arena.

/// <except>: a person or a domain.
struct Except {
    Identity id;
    std::string_view domain;  ///< as write_domain has it; empty: `id` counts
    Except* next = nullptr;
};

/// A child of <identity> in the namespace of common policy.
struct Who {
    enum class Kind : std::uint8_t { one, many };
    Kind kind = Kind::one;
    /// Nothing stands in it that is not known here. If something does, it matches nobody.
    bool understood = true;
    Identity id;                 ///< of one
    std::string_view domain;     ///< of many; empty: any
    pidf::List<Except> excepts;  ///< of many
    Who* next = nullptr;
};

/// A pair of <from> and <until>.
struct Period {
    std::int64_t from_wall_ms = 0, until_wall_ms = 0;
    Period* next = nullptr;
};

/// A child of <conditions>.
struct RuleCondition {
    enum class Kind : std::uint8_t {
        identity,
        sphere,
        validity,
        anonymous_request,  ///< of OMA
        other_identity,     ///< of OMA
        never               ///< of a namespace that is not known here; external-list of OMA
    };
    Kind kind = Kind::never;
    pidf::List<Who> who;
    bool empty = false;        ///< of identity: nothing stands in it
    std::string_view spheres;  ///< names with blanks between two
    pidf::List<Period> periods;
    RuleCondition* next = nullptr;
};

struct SelectorNode {
    Selector selector;
    SelectorNode* next = nullptr;
};
struct UnknownNode {
    UnknownAttribute attribute;
    UnknownNode* next = nullptr;
};

struct Rule {
    std::string_view id;
    std::uint32_t offset = 0;  ///< in the document
    pidf::List<RuleCondition> conditions;
    /// Without its sets, which are these lists.
    Permissions grants;
    pidf::List<SelectorNode> selectors;
    pidf::List<UnknownNode> unknown;
    Rule* next = nullptr;
};

struct RuleModel {
    pidf::List<Rule> rules;
    std::uint32_t count = 0, members = 0;
    bool uses_sphere = false, uses_validity = false, uses_others = false;
    /// Some rule may refer to anybody: by a list, or by what is not known here.
    bool refers_to_unknown = false;
};

/// Reads `document` into `out`, all of whose memory is of `arena`; `scratch` is for the XML tree.
sip::Expected<void> read_rules(std::string_view document, const Ruleset::Limits& limits,
                               pidf::Arena& scratch, pidf::Arena& arena, RuleModel& out);

/// Whether `ns` and `name` are those of an element for which RFC 5025 has a permission, or which
/// it gives without one: provide-unknown-attribute is not about these (RFC 5025 3.3.2.14).
bool is_known_attribute(std::string_view ns, std::string_view name);

inline constexpr std::string_view common_policy_namespace = "urn:ietf:params:xml:ns:common-policy";
inline constexpr std::string_view pres_rules_namespace = "urn:ietf:params:xml:ns:pres-rules";
inline constexpr std::string_view oma_common_policy_namespace = "urn:oma:xml:xdm:common-policy";

}  // namespace presence
