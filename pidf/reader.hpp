#pragma once

#include <string_view>

#include "pidf/document.hpp"
#include "pidf/xml.hpp"

namespace pidf {

struct ReadOptions {
    XmlLimits xml;
    std::uint32_t components = 128;  ///< tuples, persons and devices; over: `body_too_large`
    /// The letter of RFC 3863 4.1: entity given, ids that are XML names, children in schema order,
    /// timestamps that can be read, a status that says something, no element of the pidf namespace
    /// that it does not define. Off: as real clients write.
    bool strict = false;
    /// A basic of "unknown" counts as absent: baresip writes it until its user has said how it is.
    bool unknown_basic = false;
    /// As a watcher reads (R3863-4.2.3-2): an extension of status with a mustUnderstand element in
    /// it counts as absent; basic stays. A compositor keeps all of it instead.
    bool watcher = false;
};

/// Reads a presence document. Errors, with offsets in `bytes`: those of parse_xml, and `malformed`
/// where RFC 3863 4.1 or RFC 4479 5 is broken (root, entity, ids, basic).
sip::Expected<Document*> read(std::string_view bytes, Arena& arena,
                              const ReadOptions& options = {});

}  // namespace pidf
