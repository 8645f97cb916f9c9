#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sip/auth/digest_response.hpp"
#include "sip/base/entropy.hpp"
#include "sip/base/error.hpp"
#include "sip/base/memory.hpp"
#include "sip/base/small_vector.hpp"
#include "sip/base/text.hpp"
#include "sip/message/digest_header.hpp"
#include "sip/message/message_view.hpp"
#include "sip/message/message_writer.hpp"

namespace sip {

/// What one request has met so far, from its first sending through all its retries. Begins empty.
struct DigestAttempt {
    struct Refusal {
        std::uint32_t session = 0;
        std::uint8_t count = 0;
    };
    SmallVector<Refusal, 8> refusals;
    std::uint8_t answers = 0;  ///< times that it was sent again with new credentials
};

/// The UAC side of digest authentication: keeps secrets and what servers said, answers 401 and 407,
/// and signs later requests without being asked again. RFC 3261 22.2 and 22.3, RFC 7616, RFC 8760.
class DigestClient {
public:
    static constexpr std::size_t secrets_max = 8;
    static constexpr std::size_t sessions_max = 8;
    static constexpr std::size_t challenge_bytes_max = 1'024;  ///< realm, nonce and opaque together
    static constexpr unsigned answers_max = 4;                 ///< for one request

    DigestClient(Memory& memory, Entropy& entropy) : memory_(&memory), entropy_(&entropy) {}

    /// Keeps copies. An empty realm stands for every realm that has no secret of its own, and is
    /// never used for NOTIFY. The same realm again replaces. False: full, or no memory.
    [[nodiscard]] bool add_password(std::string_view realm, std::string_view user,
                                    std::string_view password);
    /// With an HA1 only challenges of its hash can be answered; the realm must not be empty.
    [[nodiscard]] bool add_ha1(std::string_view realm, std::string_view user, const Ha1& ha1);

    /// Takes the challenges of a 401 or 407 to a request of `method`: for each realm the topmost
    /// one that can be answered. After success the request is to be sent again, with a new CSeq
    /// and branch, and `write_credentials`.
    /// Fails with not_authenticated: no challenge, none with a secret of ours or an algorithm that
    /// we know, all refused a second time without stale=true (RFC 3261 22.2), a NOTIFY challenged
    /// with a nonce already answered, or too many answers; with overloaded: memory was refused.
    Expected<void> answer(const MessageView& response, std::string_view method,
                          DigestAttempt& attempt);

    /// One Authorization or Proxy-Authorization for each realm met so far. `uri` is the
    /// Request-URI. A NOTIFY is signed once for each nonce, whoever asks for more.
    void write_credentials(MessageWriter& out, std::string_view method, std::string_view uri,
                           std::string_view body);

    enum class Proof : std::uint8_t { absent, right, wrong };
    /// Judges Authentication-Info in a 2xx to a request for `uri` and takes its nextnonce, but
    /// not from a wrong one. `absent`: there is no rspauth, or none for the nonce now in use.
    Proof check_authentication_info(const MessageView& response, std::string_view uri);

    std::size_t sessions() const;

private:
    struct Secret {
        Block text;  ///< realm, user, password
        std::size_t realm_size = 0, user_size = 0;
        Ha1 ha1;
        bool has_password = false, used = false;
        std::string_view realm() const { return slice(text.view(), 0, realm_size); }
        std::string_view user() const { return slice(text.view(), realm_size, user_size); }
        std::string_view password() const { return slice(text.view(), realm_size + user_size); }
    };
    /// One realm's latest challenge.
    struct Session {
        std::uint32_t id = 0;  ///< never used twice; 0: free
        bool proxy = false;
        Block text;  ///< realm, nonce, opaque as they came, escapes kept
        std::size_t realm_size = 0, nonce_size = 0;
        DigestAlgorithm algorithm = DigestAlgorithm::md5;
        bool echo_algorithm = false, auth_int = false, has_qop = false;
        std::uint8_t secret = 0;
        Ha1 ha1;
        HexDigest key;
        std::array<char, 16> cnonce{};
        std::uint32_t count = 0;
        std::uint64_t last_used = 0;
        std::string_view realm() const { return slice(text.view(), 0, realm_size); }
        std::string_view nonce() const { return slice(text.view(), realm_size, nonce_size); }
        std::string_view opaque() const { return slice(text.view(), realm_size + nonce_size); }
        std::string_view qop() const { return !has_qop ? "" : auth_int ? "auth-int" : "auth"; }
        std::string_view cnonce_text() const { return {cnonce.data(), cnonce.size()}; }
    };
    /// How one challenge was taken.
    enum class Taken : std::uint8_t { yes, not_for_us, refused_again, no_memory };

    bool add(std::string_view realm, std::string_view user, std::string_view password,
             const Ha1* ha1);
    const Secret* secret_for(std::string_view realm, DigestAlgorithm base, bool notify) const;
    /// `realm` without escapes.
    Session* session_for(std::string_view realm, bool proxy);
    Session& free_session();
    Taken take(const DigestChallenge& challenge, bool proxy, bool notify, DigestAttempt& attempt);
    [[nodiscard]] bool begin_nonce(Session& session, std::string_view realm, std::string_view nonce,
                                   std::string_view opaque);
    Taken take_fields(const MessageView& response, HeaderId id, bool notify,
                      DigestAttempt& attempt);
    void write(MessageWriter& out, Session& session, std::string_view method, std::string_view uri,
               std::string_view body);

    Memory* memory_;
    Entropy* entropy_;
    std::array<Secret, secrets_max> secrets_;
    std::array<Session, sessions_max> sessions_;
    std::uint32_t last_id_ = 0;
    std::uint64_t uses_ = 0;
};

}  // namespace sip
