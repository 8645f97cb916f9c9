#pragma once

#include "sip/base/error.hpp"
#include "sip/message/uri.hpp"
#include "sip/transport/listeners.hpp"
#include "sip/transport/source.hpp"

namespace sip {

/// Where a request for `uri` goes, as far as no name has to be looked up (RFC 3263 4.1, 4.2: a
/// numeric host, its port and transport parameter; "localhost" counts as numeric). Errors:
/// `not_found` (a name), `scheme_not_supported` (tel, pres, ...), `internal` (no listener of that
/// transport and address family; sips without TLS).
Expected<Target> locate(const Uri& uri, const Listeners& listeners);

}  // namespace sip
