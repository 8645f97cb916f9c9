#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/error.hpp"

namespace sip {

/// RFC 7616 3.3: which hash. `other`: a token we do not know; an absent parameter means MD5.
enum class DigestAlgorithm : std::uint8_t {
    md5,
    md5_sess,
    sha256,
    sha256_sess,
    sha512_256,
    sha512_256_sess,
    other,
};
std::string_view name_of(DigestAlgorithm algorithm);

/// RFC 7616 3.3 qop values as a set.
struct QopSet {
    bool auth = false, auth_int = false;
    bool present = false;  ///< the parameter was there
};

/// WWW-Authenticate, Proxy-Authenticate. Quoted values come without quotes, escapes kept.
struct DigestChallenge {
    bool is_digest = false;  ///< another scheme: nothing else is set
    std::string_view scheme, realm, domain, nonce, opaque;
    bool stale = false;
    DigestAlgorithm algorithm = DigestAlgorithm::md5;
    bool has_algorithm = false;
    QopSet qop;
    bool userhash = false;
};
Expected<DigestChallenge> parse_challenge(std::string_view value);

/// Authorization, Proxy-Authorization. Values quoted or bare, any white space (clients.md).
struct DigestCredentials {
    bool is_digest = false;
    std::string_view scheme, username, realm, nonce, uri, response, cnonce, opaque;
    std::string_view nc_text;
    std::optional<std::uint32_t> nc;  ///< 8 hex digits
    std::string_view qop;             ///< "auth", "auth-int", or empty
    DigestAlgorithm algorithm = DigestAlgorithm::md5;
    bool has_algorithm = false;
    bool userhash = false;
};
/// A parameter that stands twice is an error.
Expected<DigestCredentials> parse_credentials(std::string_view value);

/// Authentication-Info. RFC 7616 3.5.
struct AuthenticationInfo {
    std::string_view nextnonce, rspauth, cnonce, qop;
    std::optional<std::uint32_t> nc;
};
Expected<AuthenticationInfo> parse_authentication_info(std::string_view value);

}  // namespace sip
