#pragma once

#include <string_view>

#include "sip/auth/ha1.hpp"

namespace sip {

/// Where a server's users come from: a user file, a table, an embedder's directory.
class CredentialSource {
public:
    /// The HA1 of `user` in `realm` for `base` (md5, sha256 or sha512_256). False: no such user,
    /// or no HA1 of that algorithm. Should take the same time for both outcomes.
    virtual bool find(std::string_view user, std::string_view realm, DigestAlgorithm base,
                      Ha1& out) const = 0;

protected:
    ~CredentialSource() = default;
};

/// Has no users: nobody proves anything by digest.
class NoCredentials final : public CredentialSource {
public:
    bool find(std::string_view, std::string_view, DigestAlgorithm, Ha1&) const override {
        return false;
    }
};
inline constexpr NoCredentials no_credentials;

}  // namespace sip
