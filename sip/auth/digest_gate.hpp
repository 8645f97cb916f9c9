#pragma once

#include <array>
#include <span>
#include <string_view>

#include "sip/auth/credential_source.hpp"
#include "sip/auth/digest_server.hpp"
#include "sip/transaction/gate.hpp"

namespace sip {

/// Asks every request for digest credentials. The realm is the domain of its From where that is
/// one of ours, else the domain of its Request-URI, else our first one; who proves to be `user`
/// there is `user@realm`.
class DigestGate final : public Gate {
public:
    /// All outlive this. `domains` is not empty.
    DigestGate(DigestServer& server, const CredentialSource& source,
               std::span<const std::string_view> domains, DigestRole role = DigestRole::server)
        : server_(server), source_(source), domains_(domains), role_(role) {}

    Verdict admit(const Now& now, const Request& request) override;
    void write_challenges(const Now& now, const Request& request, bool stale,
                          MessageWriter& writer) override;
    void write_proof(const Now& now, MessageWriter& writer) override;

private:
    std::string_view realm_of(const Request& request) const;

    DigestServer& server_;
    const CredentialSource& source_;
    std::span<const std::string_view> domains_;
    DigestRole role_;
    std::array<char, 512> identity_{};
    DigestVerdict last_;  ///< of the request at hand, whose views it holds
    std::string_view last_realm_;
};

/// Takes everybody's word: whoever From names counts as authenticated. For trying things out, and
/// for where another element in front has asked already.
class TrustingGate final : public Gate {
public:
    Verdict admit(const Now& now, const Request& request) override;
    void write_challenges(const Now&, const Request&, bool, MessageWriter&) override {}

private:
    std::array<char, 512> identity_{};
};

}  // namespace sip
