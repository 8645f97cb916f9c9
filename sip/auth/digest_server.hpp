#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sip/auth/credential_source.hpp"
#include "sip/auth/nonce_table.hpp"
#include "sip/base/clock.hpp"
#include "sip/base/error.hpp"
#include "sip/base/small_vector.hpp"
#include "sip/message/digest_header.hpp"
#include "sip/message/essentials.hpp"
#include "sip/message/message_view.hpp"
#include "sip/message/message_writer.hpp"

namespace sip {

struct DigestServerOptions {
    /// What is offered, most preferred first, one challenge each; nothing else is accepted.
    /// Never empty, no `other`. MD5 alone, because widely used clients fail with more.
    SmallVector<DigestAlgorithm, 6> algorithms;
    bool offer_auth_int = false;  ///< beside auth, which is always offered
    bool auth_int_alone = false;  ///< in its place, and nothing else is accepted
    /// RFC 2069 style, with MD5 alone: each nonce is good once then.
    bool accept_without_qop = true;
    bool send_opaque = false;
    Duration nonce_lifetime = seconds{300};
    WorkerPlace place;  ///< among several that draw their keys from the same entropy
    CommonCounts* common_counts = nullptr;  ///< of all of them; null: each counts for itself
    std::size_t nonces = 16'384;            ///< tracked at one time, see NonceTable
    /// The hosts that this server answers for; the texts outlive the server. A digest uri of an
    /// earlier form of the Request-URI may name one of them.
    std::span<const std::string_view> domains;
    /// Takes the RFCs by their letter: no response without qop, no nc without qop, the digest uri
    /// equivalent to the Request-URI, no hash in upper case, no username with a stray "@".
    bool strict = false;
    /// RFC 3261 22.1: whoever calls himself "anonymous" needs no password. What he answers proves
    /// that he gets what is sent to his address, and no identity (RFC 3856 9.6).
    bool anonymous = false;
};

/// RFC 3261 22.2 and 22.3: who asks. It decides the header fields (WWW-Authenticate and
/// Authorization, or Proxy-Authenticate and Proxy-Authorization).
enum class DigestRole : std::uint8_t { server, proxy };

/// The outcome of `DigestServer::verify`. Views are into the request, or the server, and live
/// until the request goes or the next `verify`, whichever comes first.
struct DigestVerdict {
    enum class Outcome : std::uint8_t {
        accepted,
        challenge,  ///< answer 401 with `write_challenges(..., stale)`
        malformed,  ///< answer 400 with the rule of `error`
    };
    Outcome outcome = Outcome::challenge;
    bool stale = false;
    bool anonymous = false;  ///< accepted: nobody in particular
    std::string_view user;   ///< accepted: as the source of credentials knows it
    Error error;             ///< not accepted: why, for a trace or a 400

    // Accepted: what Authentication-Info is made of.
    DigestCredentials credentials;
    HexDigest key;  ///< secret
    Duration nonce_left{};
};

/// The UAS side of digest authentication. RFC 3261 22, RFC 7616, RFC 8760.
///
/// Stateless but for the counts of nonces that right responses have used. An unknown user gets the
/// same answer after the same work as a wrong password.
class DigestServer {
public:
    DigestServer(Memory& memory, Entropy& entropy, const DigestServerOptions& options);

    /// Judges the credentials of `request` for `realm`. Counts the nonce when it accepts, so one
    /// request is to be asked about once.
    DigestVerdict verify(const Now& now, const MessageView& request, const Essentials& essentials,
                         std::string_view realm, const CredentialSource& source,
                         DigestRole role = DigestRole::server);

    /// One challenge field for each algorithm offered.
    void write_challenges(MessageWriter& out, const Now& now, std::string_view realm, bool stale,
                          DigestRole role = DigestRole::server);

    /// Authentication-Info for the 2xx to an accepted request, `body` being the response's, with
    /// the next nonce when the one in use is in the last quarter of its life. Nothing for a
    /// response without qop. RFC 3261 22.4, RFC 7616 3.5.
    void write_authentication_info(MessageWriter& out, const Now& now, std::string_view realm,
                                   const DigestVerdict& accepted, std::string_view body);

    const NonceTable& nonces() const { return nonces_; }
    /// Gives back memory that only a load of the past needed.
    void trim(const Now& now) { nonces_.trim(now); }

private:
    struct Found {
        std::optional<DigestCredentials> credentials;
        Fault error;  ///< of a field that could not be read
    };
    Found find_credentials(const MessageView& request, std::string_view realm,
                           DigestRole role) const;
    bool offers(DigestAlgorithm algorithm) const;
    bool accepts(std::string_view qop) const;
    bool is_own_host(std::string_view host, std::string_view realm) const;
    bool fits_request(const DigestCredentials& credentials, const MessageView& request,
                      const Essentials& essentials, std::string_view realm) const;
    bool opaque_is_ours(const DigestCredentials& credentials, std::string_view realm) const;
    bool is_anonymous(const DigestCredentials& credentials) const;
    std::string_view account_of(const DigestCredentials& credentials);
    /// Whether the response is right for `account`; `key` is that of the response.
    bool response_is_right(const DigestCredentials& credentials, const MessageView& request,
                           std::string_view account, std::string_view realm,
                           const CredentialSource& source, HexDigest& key) const;
    void write_opaque(Appender& out, std::string_view realm) const;

    DigestServerOptions options_;
    NonceTable nonces_;
    std::array<Ha1, 3> nobody_;  ///< stands in for unknown users, one for each hash
    std::array<char, 16> opaque_key_;
    std::array<char, 256> account_;
};

}  // namespace sip
