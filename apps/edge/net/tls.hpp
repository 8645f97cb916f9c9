#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/edge/net/outcome.hpp"

namespace edge {

// TLS (RFC 8446, RFC 5246) over memory: bytes in, bytes out, no socket and no waiting. What stands
// behind it is OpenSSL where it is built in (tls_openssl.cpp, the door to it), else nothing.

/// What this build speaks TLS with, "OpenSSL 3.0.15"; empty: it speaks none.
std::string tls_library();

/// What is asked of whoever connects to us.
enum class ClientCertificates : std::uint8_t {
    none,
    ask,      ///< one that does not hold proves nothing; who shows none is as welcome
    require,  ///< without one that holds there is no connection
};

struct TlsSettings {
    struct Pair {
        std::string certificate, key;  ///< PEM files; the certificate's issuers may follow it
    };
    /// Chosen by the name that a client asks for; the first is for all other names, and is shown
    /// where a server that we connect to asks for ours.
    std::vector<Pair> certificates;
    std::string authorities;  ///< PEM file of whom we trust; empty: whom the system trusts
    ClientCertificates client_certificates = ClientCertificates::none;
    bool strict = false;  ///< RFC 5924 to the letter
};

class TlsSession;

/// Certificates, trust and resumable sessions, shared by connections. Never changes: what is read
/// anew is another context, and connections keep the one that they began with.
class TlsContext {
public:
    /// Reads all files. The error is one line that names the file; `warnings` gets what is unwise.
    static Outcome<std::shared_ptr<TlsContext>> make(const TlsSettings& settings,
                                                     std::vector<std::string>& warnings);
    /// The same, made when the first connection needs it, so that who never speaks TLS pays
    /// nothing; one that cannot be made gives no sessions. Null: this build speaks no TLS.
    static std::shared_ptr<TlsContext> later(TlsSettings settings);
    virtual ~TlsContext() = default;

    /// Our side of a connection that a peer opened. Null: no memory.
    virtual std::unique_ptr<TlsSession> accept() = 0;
    /// Our side of one that we open: the peer has to prove to be `domain` (RFC 5922 7.3), which is
    /// also the name that it is asked for (RFC 6066 3; never an address). Null: no memory.
    virtual std::unique_ptr<TlsSession> connect(std::string_view domain) = 0;
};

/// One side of one connection. Fed with what the peer sent; what is to be sent is taken from it.
class TlsSession {
public:
    enum class State : std::uint8_t {
        handshake,
        open,    ///< the peer is who it was to be, and may be written to
        ended,   ///< the peer said that it sends no more
        failed,  ///< see `error`; what is to be sent may still have an alert
    };
    virtual ~TlsSession() = default;

    /// Begins: a client has something to say first.
    virtual State start() = 0;
    /// Takes all of `bytes`, whatever comes of it. To be followed by `read` until it gives nothing.
    virtual State receive(std::span<const char> bytes) = 0;
    /// What the peer wrote, decrypted into `room`, of which a part is given back; empty: no more
    /// for now. Called also after the last `receive`, before the state is believed.
    virtual std::span<const char> read(std::span<char> room) = 0;
    /// False: it failed, or is not open.
    virtual bool write(std::string_view plain) = 0;
    /// Says that we send no more (close_notify). Once; nothing is written after it.
    virtual void close() = 0;
    /// What is to be sent to the peer; empty: nothing.
    virtual std::string take_output() = 0;

    virtual State state() const = 0;
    /// Why it failed, for a person: "its certificate is of bob.example, not of alice.example".
    virtual const std::string& error() const = 0;
    /// SIP domain identities that the peer's certificate proves (RFC 5922 7.1); none: it showed
    /// none, or none that holds. Of one that we opened `domain` comes first.
    virtual const std::vector<std::string>& peer_names() const = 0;
    /// Why a certificate that was shown proves nothing, where the connection goes on; else empty.
    virtual const std::string& doubt() const = 0;
    virtual bool is_resumed() const = 0;
    /// "TLSv1.3 TLS_AES_256_GCM_SHA384"
    virtual std::string parameters() const = 0;
};

}  // namespace edge
