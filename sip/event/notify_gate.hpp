#pragma once

#include <array>

#include "sip/auth/digest_server.hpp"
#include "sip/transaction/gate.hpp"

namespace sip {

/// The gate of a subscriber that wants NOTIFYs proved (RFC 3856 9.4): each is challenged with
/// digest, qop auth-int, so that whoever sent it shares a secret with us and its body is his. Other
/// requests pass with their From as identity. A notifier that cannot answer loses its subscription
/// (RFC 6665 4.2.2), which is what was asked for.
class NotifyGate final : public Gate {
public:
    /// `server` has `auth_int_alone`. All outlive this, `realm` too, which is what the secrets of
    /// `source` are for.
    NotifyGate(DigestServer& server, const CredentialSource& source, std::string_view realm)
        : server_(server), source_(source), realm_(realm) {}

    Verdict admit(const Now& now, const Request& request) override;
    void write_challenges(const Now& now, const Request& request, bool stale,
                          MessageWriter& writer) override;

private:
    DigestServer& server_;
    const CredentialSource& source_;
    std::string_view realm_;
    std::array<char, 512> identity_{};
};

}  // namespace sip
