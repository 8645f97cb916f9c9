#pragma once

#include <string_view>

#include "sip/auth/ha1.hpp"

namespace sip {

/// What goes into a response besides the secret, each text as it stands on the wire.
struct DigestInput {
    DigestAlgorithm algorithm = DigestAlgorithm::md5;
    std::string_view nonce;
    std::string_view qop;  ///< "auth", "auth-int", or empty: then no cnonce and nc go in
    std::string_view cnonce;
    std::string_view nc;  ///< 8 hexadecimal digits
    std::string_view method;
    std::string_view uri;
    std::string_view body;  ///< hashed with auth-int alone
};

/// H(A1) of RFC 7616 3.4.2: `ha1` itself, but for -sess bound to the two nonces.
HexDigest session_key(const Ha1& ha1, DigestAlgorithm algorithm, std::string_view nonce,
                      std::string_view cnonce);

/// RFC 7616 3.4.1 and 3.4.3, and without qop RFC 2617 3.2.2.1. `key` comes from `session_key`.
/// With an empty method this is rspauth (RFC 7616 3.5), `body` being that of the response.
HexDigest digest_response(const HexDigest& key, const DigestInput& input);

}  // namespace sip
