#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sip/auth/digest_client.hpp"
#include "sip/base/siphash.hpp"
#include "sip/event/notifier.hpp"

namespace sip {

/// What proves to one watcher that a NOTIFY is ours.
struct NotifySecret {
    std::string_view user;  ///< our name in that realm; lives for the call
    Ha1 ha1;
};

/// Where the secrets that watchers and we share come from.
class NotifySecretSource {
public:
    /// The secret for challenges of `watcher` (a canonical address-of-record) in `realm`, for
    /// `base` (md5, sha256 or sha512_256). False: there is none.
    virtual bool find(std::string_view watcher, std::string_view realm, DigestAlgorithm base,
                      NotifySecret& out) const = 0;

protected:
    ~NotifySecretSource() = default;
};

/// Answers watchers that challenge a NOTIFY (RFC 3856 9.4, RFC 6665 4.1.3) with digest, from the
/// secret of that watcher and realm and from no other, and each nonce once (threat 15): a watcher
/// cannot have us sign for somebody else, nor try passwords on us.
class NotifyDigest final : public NotifyCredentials {
public:
    /// All outlive this.
    NotifyDigest(Memory& memory, Entropy& entropy, const NotifySecretSource& secrets);

    bool answer(const Now& now, const Response& response, std::string_view uri,
                std::string_view watcher, std::string_view body, MessageWriter& writer) override;

private:
    bool was_answered(std::uint64_t nonce) const;
    bool add_secrets(DigestClient& client, const MessageView& response, HeaderId id,
                     std::string_view watcher);

    Memory& memory_;
    Entropy& entropy_;
    const NotifySecretSource& secrets_;
    HashKey key_;
    /// Hashes of the nonces that were answered last; older ones have expired at whoever made them,
    /// or else the answer to them is another one, by its cnonce.
    std::array<std::uint64_t, 256> answered_{};
    std::size_t next_ = 0;
};

}  // namespace sip
