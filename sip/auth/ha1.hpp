#pragma once

#include <string_view>

#include "sip/auth/digest_hash.hpp"

namespace sip {

/// The hash of user, realm and password (RFC 7616 3.4.2, without -sess): all that has to be kept
/// of a password for one algorithm, and as good as the password for its realm, so a secret.
struct Ha1 {
    DigestAlgorithm algorithm = DigestAlgorithm::md5;  ///< md5, sha256 or sha512_256
    HexDigest hex;
    friend bool operator==(const Ha1&, const Ha1&) = default;
};

/// `user` and `realm` without quotes and escapes. A -sess algorithm gives that of its base.
inline Ha1 make_ha1(DigestAlgorithm algorithm, std::string_view user, std::string_view realm,
                    std::string_view password) {
    return {base_of(algorithm), hash_joined(algorithm, {user, realm, password})};
}

}  // namespace sip
