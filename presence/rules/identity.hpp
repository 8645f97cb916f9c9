#pragma once

#include <string_view>

#include "pidf/arena.hpp"
#include "sip/message/uri.hpp"

namespace presence {

/// Who somebody is, in a form that compares quickly. Views into the arena it was made with, and
/// into the text that it was made of.
struct Identity {
    std::string_view text;
    /// The canonical address-of-record where the URI is nothing else, so that two of these are
    /// equal exactly when their bytes are; empty for any other URI.
    std::string_view address;
    std::string_view domain;  ///< as write_domain has it; empty: none (tel, urn)
};

/// False: the arena refused. `known` is false when `text` is no URI: nobody is called so.
[[nodiscard]] bool make_identity(std::string_view text, pidf::Arena& arena, Identity& out,
                                 bool& known);

/// RFC 4745 7.1.2: equal by the rules of the scheme. A sip, sips and pres URI of one address name
/// one party (RFC 3859 3); other schemes are never the same, and no alias is looked up (RFC 5025
/// 3.1.1.2).
bool same_identity(const Identity& a, const Identity& b);

/// URI equality as RFC 5025 3.3.1 asks for it: by the scheme, UUIDs in any case (RFC 4122 3).
bool same_uri(std::string_view a, std::string_view b);

}  // namespace presence
