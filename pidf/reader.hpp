#pragma once

#include <string_view>

#include "pidf/document.hpp"
#include "pidf/xml.hpp"

namespace pidf {

struct ReadOptions {
    XmlLimits xml;
    std::uint32_t components = 128;  ///< tuples, persons and devices; over: `body_too_large`
    std::uint32_t notes = 256;       ///< of the document and its components; over: `body_too_large`
    /// The letter of RFC 3863 4.1: entity given, ids that are XML names, children in schema order,
    /// timestamps that can be read, contacts that are URIs, a status that says something, no
    /// element that stands where none of its namespace may. Off: as real clients write.
    bool strict = false;
    /// A basic of "unknown" counts as absent: baresip writes it until its user has said how it is.
    bool unknown_basic = false;
    /// As a watcher reads (R3863-4.2.3-2): an extension of status with a mustUnderstand element in
    /// it counts as absent; basic stays. A compositor keeps all of it instead.
    bool watcher = false;
};

/// Reads a presence document. What it comes to is valid by the schemas (R4479-5-1), whatever was
/// written: values get the form that they have there (timestamps, languages, ids), what the schemas
/// have another word for gets that (conformer.hpp), what can be no part of a valid document is left
/// out: a contact or entity that is no URI, a timestamp that cannot be read, a device without its
/// deviceID, a second id of an extension. Of several timestamps the latest counts.
/// Errors, with offsets in `bytes`: those of parse_xml, and `malformed`
/// where RFC 3863 4.1 or RFC 4479 5 is broken (root, entity, ids, basic).
sip::Expected<Document*> read(std::string_view bytes, Arena& arena,
                              const ReadOptions& options = {});

}  // namespace pidf
