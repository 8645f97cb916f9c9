#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/vigil/json_output.hpp"
#include "sip/message/leniency.hpp"

namespace vigil {

/// What some bytes are, or what is wrong with them.
struct Inspection {
    ParseFields fields;
    std::vector<std::string> lines;  ///< for people: what was read, as far as that went
};

/// `text` as one SIP message, framed as a datagram is: the start line, every header field whose
/// grammar is known, and what a message must have (RFC 3261 8.1.1).
Inspection inspect_sip(std::string_view text, const sip::Leniency& leniency);

/// `text` as a presence document (RFC 3863): whose it is, its tuples, what the person does.
Inspection inspect_pidf(std::string_view text, bool strict);

/// Whether `text` looks like XML rather than SIP: a "<" behind white space, or an encoding's mark.
bool looks_like_xml(std::string_view text);

}  // namespace vigil
