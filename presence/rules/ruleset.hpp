#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "pidf/arena.hpp"
#include "presence/rules/permissions.hpp"
#include "sip/base/error.hpp"
#include "sip/base/memory.hpp"

namespace presence {

/// Who watches, when, and how the presentity is: what the conditions of a rule are about.
struct Circumstances {
    /// URIs that were proved to be the watcher's ("sip:bob@example.com", "tel:+15551234"): any that
    /// matches counts (RFC 5025 3.1.1). Empty: nobody vouches for the watcher.
    std::span<const std::string_view> identities;
    std::int64_t wall_ms = 0;
    /// RFC 5025 3.1.2; nothing: undefined, which matches no sphere.
    std::optional<std::string_view> sphere;
};

/// What the rules say of one watcher.
struct Verdict {
    Permissions permissions;
    /// Ids of the rules that applied, in the document's order.
    std::span<const std::string_view> rules;
    /// The next instant at which the answer for somebody may be another one (RFC 4745 7.4), by the
    /// wall clock; nothing: never.
    std::optional<std::int64_t> until_wall_ms;
};

/// The rules of one presentity: a document of RFC 4745 with the conditions, actions and
/// transformations of RFC 5025. Immutable once read. Owns its memory.
class Ruleset {
public:
    /// What a document may cost; more is `body_too_large`.
    struct Limits {
        std::uint32_t bytes = 256 * 1024;
        std::uint32_t rules = 1024;
        /// Members of provide-services, -persons and -devices, and unknown attributes, of all
        /// rules.
        std::uint32_t members = 4096;
    };
    /// Reads `document`. Strict where leniency would grant or hide what was not meant: a document
    /// that is no valid ruleset is refused whole. It is one by the schemas of RFC 4745 and RFC
    /// 5025, but that an identity may be empty (RFC 5025 3.1.1.2), and that
    /// - ids of persons are URIs (RFC 4745 7.2), domains are domain names that write_domain knows,
    ///   an except has one of the two, and times have a zone (RFC 4745 erratum 1455);
    /// - there are no other elements of pres-rules than RFC 5025 has (RFC 5025 8), no actions among
    ///   transformations or the other way round; an unknown attribute has a name without prefix and
    ///   a namespace that is a URI (RFC 5025 3.3.2.14).
    /// Errors, with the offset in `document` of what is
    /// wrong: `malformed`, `media_not_supported` (encoding), `body_too_large`, `overloaded`.
    static sip::Expected<Ruleset> read(std::string_view document, sip::Memory& memory,
                                       const Limits& limits);
    Ruleset(Ruleset&&) noexcept;
    Ruleset& operator=(Ruleset&&) noexcept;
    ~Ruleset();

    /// Every rule whose conditions all hold applies; grants only add up (RFC 4745 6, 10.2).
    /// - An identity that is no URI vouches for nobody. sip, sips and pres URIs of one address are
    ///   one identity; no other schemes are.
    /// - one and many with something in them that is not known match nobody: it may be a limit.
    /// - Of urn:oma:xml:xdm:common-policy, anonymous-request is for whom nobody vouches, and
    ///   other-identity for whom no other rule refers to, be it in an except; for nobody where a
    ///   rule may refer to anybody: by external-list, which never holds as there are no lists here,
    ///   or by what is not known. It alone can make that a new rule takes a permission away.
    /// - Permissions are in one form: what all-services and its like cover is not listed beside
    ///   them, and all attributes are written as Permissions::everything() does.
    /// Views into `arena` and this. Error: `overloaded` (the arena).
    sip::Expected<Verdict> evaluate(const Circumstances& circumstances, pidf::Arena& arena) const;
    bool uses_sphere() const;
    bool uses_validity() const;
    std::size_t size() const;  ///< rules

private:
    struct Impl;
    Ruleset() = default;
    Impl* impl_ = nullptr;
};

}  // namespace presence
