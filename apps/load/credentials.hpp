#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sip/auth/digest_response.hpp"

namespace load {

/// Digest (RFC 7616) for users who all have one password. The realm and what else a server says is
/// kept once, the nonce by each UAC.
class Credentials {
public:
    void set_password(std::string password) { password_ = std::move(password); }
    bool has_password() const { return !password_.empty(); }

    /// Takes what a challenge says; its nonce is given back. Empty: it cannot be answered.
    std::string_view take(std::string_view challenge, bool proxy);
    /// The header field with its line end.
    void write(std::string& out, std::string_view user, std::string_view method,
               std::string_view uri, std::string_view nonce, std::uint32_t count) const;

private:
    std::string password_, realm_, opaque_;
    sip::DigestAlgorithm algorithm_ = sip::DigestAlgorithm::md5;
    bool has_algorithm_ = false, has_qop_ = false, proxy_ = false;
};

}  // namespace load
