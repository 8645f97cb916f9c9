#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "apps/vigil/user_file.hpp"
#include "sip/auth/credential_source.hpp"
#include "sip/event/notify_digest.hpp"

namespace vigil {

/// The users of a server, in memory. What a watcher proves himself with is also what proves NOTIFYs
/// to him, if he asks (RFC 3856 9.4).
class UserTable final : public sip::CredentialSource, public sip::NotifySecretSource {
public:
    /// Adds a user; one of the same name and realm is replaced.
    void put(const User& user);
    std::size_t size() const { return users_.size(); }
    bool empty() const { return users_.empty(); }

    bool find(std::string_view user, std::string_view realm, sip::DigestAlgorithm base,
              sip::Ha1& out) const override;
    bool find(std::string_view watcher, std::string_view realm, sip::DigestAlgorithm base,
              sip::NotifySecret& out) const override;
    /// `address`: a canonical address-of-record, "user@domain".
    bool exists(std::string_view address) const;
    /// Someone has no hash of `algorithm`, and so cannot answer its challenge.
    bool lacks(sip::DigestAlgorithm algorithm) const;
    /// Realms that some user has, in no order.
    std::vector<std::string> realms() const;

private:
    std::unordered_map<std::string, User> users_;  ///< by name, a line end, and realm
    std::unordered_set<std::string> addresses_;
};

}  // namespace vigil
