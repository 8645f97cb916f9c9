#pragma once

#include "pidf/document.hpp"
#include "sip/base/buffer.hpp"
#include "sip/base/error.hpp"

namespace pidf {

/// Writes a document: UTF-8 with its XML declaration, children in schema order (RFC 3863 4.4, RFC
/// 4479 5), namespaces declared once on the root: pidf as the default, dm, rpid, and one prefix
/// for each other in order of first use. Equal documents give equal bytes. A contact, timestamp,
/// language or deviceID that is none is not written; a character that XML has not is U+FFFD.
/// Ids and extensions are taken as they are: what read() gives is valid, what a program puts
/// there is its own matter.
/// Errors: `body_too_large` (the room, or more than 48 namespaces). The room is undefined then.
sip::Expected<void> write(const Document& document, sip::Appender& out);

/// Takes extensions out whose namespaces are more than write() declares; those in front stay.
void fit_namespaces(Document& document);

}  // namespace pidf
