#pragma once

#include <string_view>

#include "pidf/arena.hpp"
#include "pidf/element.hpp"
#include "pidf/xml_guard.hpp"

namespace pidf {

/// Reads a whole XML document into a tree of its own (RFC 3863 4.1, RFC 7303): UTF-8, or UTF-16
/// with a byte order mark. The one door of the XML library. All that is kept lives in `arena`,
/// whose cap bounds what a document can cost.
/// Errors: `malformed` (not well-formed, or a prefix that is not declared), `media_not_supported`
/// (another encoding), `body_too_large` (limits, the arena's cap), `overloaded` (no memory).
/// Offsets count from the start of `bytes`.
sip::Expected<Element*> parse_xml(std::string_view bytes, Arena& arena, const XmlLimits& limits);

}  // namespace pidf
