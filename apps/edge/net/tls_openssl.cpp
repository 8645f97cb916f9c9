// The door to OpenSSL.

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <ctime>
#include <list>
#include <mutex>
#include <utility>

#include "apps/edge/net/tls.hpp"
#include "sip/base/endpoint.hpp"
#include "sip/base/text.hpp"
#include "sip/transport/certificate_names.hpp"

namespace edge {

namespace {

// Forward secrecy and authenticated encryption alone; of TLS 1.3 all are so.
constexpr const char* ciphers_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* ciphers_1_3 =
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
constexpr const char* groups = "X25519:P-256:P-384";
// RSA below 2048 bits, SHA-1 signatures and the like are refused.
constexpr int security_level = 2;
constexpr int depth_max = 8;
constexpr long session_lifetime_s = 7'200;
// Sessions that we may resume as clients; the oldest makes room.
constexpr std::size_t sessions_max = 256;
// Of a certificate: more names than that are not looked at.
constexpr std::size_t names_max = 256;
// Names of a peer that a person is told of.
constexpr std::size_t names_told = 5;
constexpr std::string_view session_context = "vigil";

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using ContextOf = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using ConnectionOf = std::unique_ptr<SSL, Freed<SSL_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Store = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using File = std::unique_ptr<BIO, Freed<BIO_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;
using Usage = std::unique_ptr<EXTENDED_KEY_USAGE, Freed<EXTENDED_KEY_USAGE_free>>;
using Resumable = std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION_free>>;

/// The newest thing that OpenSSL has to say, in its words; its queue is empty afterwards.
std::string openssl_error() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "the reason is not known" : reason;
}

std::string date_of(const ASN1_TIME* time) {
    std::tm fields{};
    std::array<char, 32> room{};
    if (ASN1_TIME_to_tm(time, &fields) != 1) return "a time that cannot be read";
    return {room.data(), std::strftime(room.data(), room.size(), "%Y-%m-%d", &fields)};
}

// ---- What a certificate says --------------------------------------------------------------------

std::string_view view_of(const ASN1_STRING* text) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
}

/// The names of a certificate, bytes and all: a NUL is one of them, and no end (threat 30).
class NamesOf {
public:
    explicit NamesOf(const X509& certificate)
        : names_(static_cast<GENERAL_NAMES*>(
              X509_get_ext_d2i(&certificate, NID_subject_alt_name, &found_, nullptr))) {
        const int count = names_ ? sk_GENERAL_NAME_num(names_.get()) : 0;
        for (int i = 0; i < count && alternatives_.size() < names_max; ++i)
            add(*sk_GENERAL_NAME_value(names_.get(), i));
        // RFC 4514: the last one is the most specific.
        const X509_NAME* subject = X509_get_subject_name(&certificate);
        int last = -1;
        for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
            last = at;
        if (last >= 0)
            common_name_ = view_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
    }

    /// An extension that is there and cannot be read, or is there twice, is no leave to use the CN.
    sip::CertificateNames view() const { return {alternatives_, found_ != -1, common_name_}; }

private:
    void add(const GENERAL_NAME& name) {
        using Type = sip::AlternativeName::Type;
        switch (name.type) {
            case GEN_URI:
                alternatives_.push_back({Type::uri, view_of(name.d.uniformResourceIdentifier)});
                break;
            case GEN_DNS: alternatives_.push_back({Type::dns, view_of(name.d.dNSName)}); break;
            case GEN_IPADD: alternatives_.push_back({Type::ip, view_of(name.d.iPAddress)}); break;
            default: alternatives_.push_back({Type::other, {}});
        }
    }

    int found_ = -1;
    Names names_;
    std::vector<sip::AlternativeName> alternatives_;
    std::string_view common_name_;
};

sip::KeyUsage usage_of(const X509& certificate) {
    int found = -1;
    const Usage usage(static_cast<EXTENDED_KEY_USAGE*>(
        X509_get_ext_d2i(&certificate, NID_ext_key_usage, &found, nullptr)));
    sip::KeyUsage out;
    out.restricted = found != -1;
    const int count = usage ? sk_ASN1_OBJECT_num(usage.get()) : 0;
    for (int i = 0; i < count; ++i) {
        const ASN1_OBJECT* purpose = sk_ASN1_OBJECT_value(usage.get(), i);
        std::array<char, 64> oid{};
        OBJ_obj2txt(oid.data(), static_cast<int>(oid.size()), purpose, 1);
        const std::string_view number = oid.data();
        out.sip_domain |= number == "1.3.6.1.5.5.7.3.20";
        out.any |= number == "2.5.29.37.0";
        out.tls_server |= number == "1.3.6.1.5.5.7.3.1";
        out.tls_client |= number == "1.3.6.1.5.5.7.3.2";
    }
    return out;
}

std::vector<std::string> identities_of(const X509& certificate) {
    const NamesOf names(certificate);
    std::vector<std::string> all;
    sip::DomainIdentities reader(names.view());
    while (const auto each = reader.next()) all.emplace_back(*each);
    return all;
}

bool is_for(const X509& certificate, std::string_view domain) {
    const NamesOf names(certificate);
    return sip::proves(names.view(), domain);
}

/// RFC 5280 4.1.2.5: whether it holds at this time. "": it does.
std::string out_of_date(const X509& certificate) {
    if (X509_cmp_current_time(X509_get0_notAfter(&certificate)) < 0)
        return "its certificate expired on " + date_of(X509_get0_notAfter(&certificate));
    if (X509_cmp_current_time(X509_get0_notBefore(&certificate)) > 0)
        return "its certificate is not valid before " + date_of(X509_get0_notBefore(&certificate));
    return {};
}

/// What is wrong with a chain, for a person.
std::string chain_error(long error, const X509* certificate) {
    switch (error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
        case X509_V_ERR_CERT_NOT_YET_VALID:
            if (certificate != nullptr)
                if (std::string why = out_of_date(*certificate); !why.empty()) return why;
            break;
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return "its certificate comes from no authority that we trust; --ca FILE says whom to "
                   "trust";
        default: break;
    }
    return std::string("its certificate does not hold: ") + X509_verify_cert_error_string(error);
}

// ---- Our own files ------------------------------------------------------------------------------

/// A key that is locked with a password would ask for it on a terminal. `wanted`: a bool.
int no_password(char*, int, int, void* wanted) {
    if (wanted != nullptr) *static_cast<bool*>(wanted) = true;
    return -1;
}

Outcome<File> open_file(const std::string& path) {
    errno = 0;
    File file(BIO_new_file(path.c_str(), "r"));
    ERR_clear_error();
    if (file) return file;
    return failure(path + ": " + (errno != 0 ? ::strerrordesc_np(errno) : "cannot be opened"));
}

/// One certificate after the other; null at the end of the file.
Certificate next_certificate(BIO& file) {
    return Certificate(PEM_read_bio_X509(&file, nullptr, no_password, nullptr));
}

Outcome<std::vector<Certificate>> read_certificates(const std::string& path) {
    auto file = open_file(path);
    if (!file) return failure(file.error());
    std::vector<Certificate> all;
    while (auto each = next_certificate(**file)) all.push_back(std::move(each));
    const unsigned long end = ERR_peek_last_error();
    ERR_clear_error();
    if (end != 0 && ERR_GET_REASON(end) != PEM_R_NO_START_LINE)
        return failure(path +
                       ": a certificate in it cannot be read: " + ERR_reason_error_string(end));
    if (all.empty())
        return failure(path +
                       ": there is no certificate in it; it wants PEM, which begins with "
                       "-----BEGIN CERTIFICATE-----");
    return all;
}

Outcome<Key> read_key(const std::string& path) {
    auto file = open_file(path);
    if (!file) return failure(file.error());
    bool locked = false;
    Key key(PEM_read_bio_PrivateKey(file->get(), nullptr, no_password, &locked));
    ERR_clear_error();
    if (key) return key;
    if (locked)
        return failure(path +
                       ": the private key is locked with a password; `openssl pkey` "
                       "unlocks it");
    return failure(path +
                   ": there is no private key in it that can be read; it wants PEM, which "
                   "begins with -----BEGIN PRIVATE KEY-----");
}

void say_what_is_unwise(const X509& certificate, const std::string& path,
                        std::vector<std::string>& warnings) {
    if (X509_cmp_current_time(X509_get0_notAfter(&certificate)) < 0)
        warnings.push_back(path + ": the certificate expired on " +
                           date_of(X509_get0_notAfter(&certificate)) +
                           "; peers that check it will not connect");
    else if (X509_cmp_current_time(X509_get0_notBefore(&certificate)) > 0)
        warnings.push_back(path + ": the certificate is not valid before " +
                           date_of(X509_get0_notBefore(&certificate)));
    if (identities_of(certificate).empty())
        warnings.push_back(path +
                           ": the certificate names no SIP domain (RFC 5922): it has no DNS "
                           "name without a wildcard; peers that check it will not connect");
}

/// Puts a certificate, its issuers and its key into `context`.
Outcome<Certificate> use_pair(SSL_CTX& context, const TlsSettings::Pair& pair) {
    auto chain = read_certificates(pair.certificate);
    if (!chain) return failure("--cert " + chain.error());
    auto key = read_key(pair.key);
    if (!key) return failure("--key " + key.error());
    if (SSL_CTX_use_certificate(&context, chain->front().get()) != 1)
        return failure("--cert " + pair.certificate + ": " + openssl_error());
    if (X509_check_private_key(chain->front().get(), key->get()) != 1) {
        ERR_clear_error();
        return failure("--key " + pair.key + " is not the key of the certificate in " +
                       pair.certificate);
    }
    if (SSL_CTX_use_PrivateKey(&context, key->get()) != 1)
        return failure("--key " + pair.key + ": " + openssl_error());
    for (std::size_t i = 1; i < chain->size(); ++i)
        if (SSL_CTX_add1_chain_cert(&context, (*chain)[i].get()) != 1)
            return failure("--cert " + pair.certificate + ": " + openssl_error());
    return std::move(chain->front());
}

Outcome<Store> trusted(const std::string& path) {
    Store store(X509_STORE_new());
    if (!store) return failure("no memory");
    if (path.empty()) {
        X509_STORE_set_default_paths(store.get());
        ERR_clear_error();
        return store;
    }
    const auto all = read_certificates(path);
    if (!all) return failure("--ca " + all.error());
    for (const Certificate& each : *all) X509_STORE_add_cert(store.get(), each.get());
    ERR_clear_error();
    return store;
}

// ---- A context ----------------------------------------------------------------------------------

class Session;

class Context final : public TlsContext, public std::enable_shared_from_this<Context> {
public:
    Outcome<void> read(const TlsSettings& settings, std::vector<std::string>& warnings);
    std::unique_ptr<TlsSession> accept() override;
    std::unique_ptr<TlsSession> connect(std::string_view domain) override;

    bool is_strict() const { return settings_.strict; }
    ClientCertificates client_certificates() const { return settings_.client_certificates; }
    /// The certificate that is for `name`: of the server's contexts one.
    SSL_CTX* for_name(std::string_view name) const;
    /// A client's session with a peer that proved `domain`, to be gone on with later.
    void keep(const std::string& domain, Resumable session);
    Resumable take(std::string_view domain);

private:
    struct Server {
        ContextOf context;
        Certificate certificate;
    };
    struct Kept {
        std::string domain;
        Resumable session;
    };
    ContextOf make(const SSL_METHOD* method, X509_STORE& store) const;
    Outcome<void> make_server(const TlsSettings::Pair* pair, X509_STORE& store,
                              std::vector<std::string>& warnings);
    Outcome<void> name_authorities(SSL_CTX& context) const;

    TlsSettings settings_;
    std::vector<Server> servers_;
    ContextOf client_;
    std::mutex mutex_;      ///< several workers may share it
    std::list<Kept> kept_;  ///< the oldest first
};

// ---- A session ----------------------------------------------------------------------------------

class Session final : public TlsSession {
public:
    Session(std::shared_ptr<Context> context, ConnectionOf ssl, bool as_client,
            std::string_view domain)
        : context_(std::move(context)),
          ssl_(std::move(ssl)),
          as_client_(as_client),
          domain_(domain) {}

    bool prepare();
    State start() override { return go_on(); }
    State receive(std::span<const char> bytes) override;
    std::span<const char> read(std::span<char> room) override;
    bool write(std::string_view plain) override;
    void close() override;
    std::string take_output() override { return std::exchange(output_, {}); }
    State state() const override { return state_; }
    const std::string& error() const override { return error_; }
    const std::vector<std::string>& peer_names() const override { return names_; }
    const std::string& doubt() const override { return doubt_; }
    bool is_resumed() const override { return SSL_session_reused(ssl_.get()) == 1; }
    std::string parameters() const override {
        return std::string(SSL_get_version(ssl_.get())) + " " + SSL_get_cipher_name(ssl_.get());
    }

    static Session& of(const SSL* ssl) { return *static_cast<Session*>(SSL_get_app_data(ssl)); }
    int verified(int good, X509_STORE_CTX* chain);
    int resumable(SSL_SESSION* session);
    Context& context() { return *context_; }

    // What the BIO calls.
    int take_input(char* room, int size);
    int put_output(const char* bytes, int size);

private:
    State go_on();
    State finish_handshake();
    std::string judge_peer();
    State fail(std::string why);
    std::string handshake_error();

    std::shared_ptr<Context> context_;
    ConnectionOf ssl_;
    bool as_client_;
    std::string domain_;
    State state_ = State::handshake;
    std::string error_, doubt_, output_;
    std::string chain_error_;  ///< the first thing that was wrong with the peer's chain
    std::vector<std::string> names_;
    std::span<const char> input_;  ///< lives during `receive` and the `read`s after it
    Resumable waiting_;            ///< told before the peer was judged
    bool closed_ = false;
};

Session& session_of(BIO* bio) { return *static_cast<Session*>(BIO_get_data(bio)); }

int bio_read(BIO* bio, char* room, int size) {
    BIO_clear_retry_flags(bio);
    const int taken = session_of(bio).take_input(room, size);
    if (taken > 0) return taken;
    BIO_set_retry_read(bio);
    return -1;
}

int bio_write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    return session_of(bio).put_output(bytes, size);
}

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

/// Reads from and writes to a Session: no copy of the input is kept, OpenSSL takes what it needs.
const BIO_METHOD* bio_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "vigil");
        if (made == nullptr) return made;
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_ctrl(made, bio_control);
        return made;
    }();
    return method;
}

bool Session::prepare() {
    BIO* bio = bio_method() == nullptr ? nullptr : BIO_new(bio_method());
    if (bio == nullptr) return false;
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_app_data(ssl_.get(), this);
    if (!as_client_) {
        SSL_set_accept_state(ssl_.get());
        return true;
    }
    SSL_set_connect_state(ssl_.get());
    // RFC 6066 3: a name without its final dot; an address is none.
    std::string name = domain_;
    if (name.ends_with('.')) name.pop_back();
    if (!name.empty() && !sip::parse_numeric_host(name))
        SSL_set_tlsext_host_name(ssl_.get(), name.c_str());
    if (const Resumable known = context_->take(domain_)) SSL_set_session(ssl_.get(), known.get());
    ERR_clear_error();
    return true;
}

int Session::take_input(char* room, int size) {
    const std::size_t taken = std::min(input_.size(), static_cast<std::size_t>(size));
    std::copy_n(input_.begin(), taken, room);
    input_ = input_.subspan(taken);
    return static_cast<int>(taken);
}

int Session::put_output(const char* bytes, int size) {
    output_.append(bytes, static_cast<std::size_t>(size));
    return size;
}

TlsSession::State Session::receive(std::span<const char> bytes) {
    if (state_ == State::failed || state_ == State::ended) return state_;
    input_ = bytes;
    return go_on();
}

TlsSession::State Session::go_on() {
    if (state_ != State::handshake) return state_;
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    if (done == 1) return finish_handshake();
    if (SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ) return state_;
    return fail(handshake_error());
}

TlsSession::State Session::fail(std::string why) {
    state_ = State::failed;
    error_ = std::move(why);
    waiting_.reset();
    input_ = {};
    ERR_clear_error();
    return state_;
}

std::string Session::handshake_error() {
    const unsigned long code = ERR_peek_error();
    switch (ERR_GET_REASON(code)) {
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            if (!chain_error_.empty()) return chain_error_;
            break;
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return "it showed no certificate";
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_HTTP_REQUEST:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_RECORD_LENGTH_MISMATCH: return "it does not speak TLS";
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: return "it speaks no TLS of version 1.2 or later";
        case SSL_R_NO_SHARED_CIPHER: return "it offers no cipher that is strong enough";
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
            return "it does not trust the authority of our certificate";
        default: break;
    }
    return "the handshake failed: " + openssl_error();
}

/// RFC 5922 7.3, 7.4, RFC 5924 4.1: what a chain that holds is good for. "": all is well. Asked
/// again of a session that is resumed: what was proved stands in it, but time went on.
std::string Session::judge_peer() {
    const Certificate peer(SSL_get1_peer_certificate(ssl_.get()));
    if (!peer) return as_client_ ? "it showed no certificate" : "";
    if (!chain_error_.empty()) return chain_error_;
    if (const long error = SSL_get_verify_result(ssl_.get()); error != X509_V_OK)
        return chain_error(error, peer.get());
    if (std::string why = out_of_date(*peer); !why.empty()) return why;
    if (!sip::allows_sip(usage_of(*peer), as_client_, context_->is_strict()))
        return "its certificate is for another use than SIP (RFC 5924)";
    // De facto: what an issuer is restricted to restricts what it issues; its root is not.
    const STACK_OF(X509)* chain = SSL_get0_verified_chain(ssl_.get());
    for (int i = 1; chain != nullptr && i + 1 < sk_X509_num(chain); ++i)
        if (!sip::allows_sip(usage_of(*sk_X509_value(chain, i)), as_client_, context_->is_strict()))
            return "its certificate's issuer is for another use than SIP (RFC 5924)";
    std::vector<std::string> names = identities_of(*peer);
    if (as_client_ && !is_for(*peer, domain_)) {
        std::string told;
        for (std::size_t i = 0; i < names.size() && i < names_told; ++i)
            told += (i == 0 ? "" : ", ") + names[i];
        if (names.size() > names_told) told += ", ...";
        return "its certificate is of " + (told.empty() ? "no SIP domain" : told) + ", not of " +
               domain_;
    }
    if (as_client_) names.insert(names.begin(), domain_);
    names_ = std::move(names);
    return {};
}

TlsSession::State Session::finish_handshake() {
    std::string why = judge_peer();
    const bool must_hold =
        as_client_ || context_->client_certificates() == ClientCertificates::require;
    if (!why.empty() && must_hold) {
        // RFC 5922 7.3: closed at once.
        SSL_shutdown(ssl_.get());
        closed_ = true;
        return fail(std::move(why));
    }
    doubt_ = std::move(why);
    state_ = State::open;
    if (waiting_) context_->keep(domain_, std::move(waiting_));
    return state_;
}

std::span<const char> Session::read(std::span<char> room) {
    if (state_ != State::open) return {};
    ERR_clear_error();
    const int most = static_cast<int>(std::min<std::size_t>(room.size(), INT_MAX));
    const int size = SSL_read(ssl_.get(), room.data(), most);
    if (size > 0) return room.first(static_cast<std::size_t>(size));
    input_ = {};
    switch (SSL_get_error(ssl_.get(), size)) {
        case SSL_ERROR_WANT_READ: break;
        case SSL_ERROR_ZERO_RETURN: state_ = State::ended; break;
        default: fail("the connection is broken: " + openssl_error());
    }
    return {};
}

bool Session::write(std::string_view plain) {
    if (state_ != State::open || closed_) return false;
    if (plain.empty()) return true;
    ERR_clear_error();
    std::size_t written = 0;
    if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) == 1) return true;
    fail("cannot be written to: " + openssl_error());
    return false;
}

void Session::close() {
    if (closed_ || state_ == State::handshake || state_ == State::failed) return;
    closed_ = true;
    input_ = {};
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
}

int Session::verified(int good, X509_STORE_CTX* chain) {
    if (good == 1) return 1;
    if (chain_error_.empty())
        chain_error_ =
            chain_error(X509_STORE_CTX_get_error(chain), X509_STORE_CTX_get_current_cert(chain));
    // It proves nothing, and where nothing has to be proved the connection goes on.
    return !as_client_ && context_->client_certificates() == ClientCertificates::ask ? 1 : 0;
}

/// 1: we keep it.
int Session::resumable(SSL_SESSION* session) {
    if (!as_client_) return 0;
    if (state_ == State::open)
        context_->keep(domain_, Resumable(session));
    else if (state_ == State::handshake)
        waiting_.reset(session);
    else
        return 0;
    return 1;
}

int on_verified(int good, X509_STORE_CTX* chain) {
    const auto* ssl = static_cast<const SSL*>(
        X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    return Session::of(ssl).verified(good, chain);
}

int on_resumable(SSL* ssl, SSL_SESSION* session) { return Session::of(ssl).resumable(session); }

int on_server_name(SSL* ssl, int*, void*) {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name != nullptr) SSL_set_SSL_CTX(ssl, Session::of(ssl).context().for_name(name));
    return SSL_TLSEXT_ERR_OK;
}

// ---- A context, made ----------------------------------------------------------------------------

ContextOf Context::make(const SSL_METHOD* method, X509_STORE& store) const {
    ContextOf context(SSL_CTX_new(method));
    if (!context) return {};
    SSL_CTX* c = context.get();
    SSL_CTX_set_security_level(c, security_level);
    SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
    const auto& context_id = session_context;
    SSL_CTX_set1_cert_store(c, &store);
    const bool good =
        SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 &&
        SSL_CTX_set_cipher_list(c, ciphers_1_2) == 1 &&
        SSL_CTX_set_ciphersuites(c, ciphers_1_3) == 1 && SSL_CTX_set1_groups_list(c, groups) == 1 &&
        SSL_CTX_set_session_id_context(c, reinterpret_cast<const unsigned char*>(context_id.data()),
                                       static_cast<unsigned>(context_id.size())) == 1 &&
        // What a certificate may be used for is our own rule (RFC 5924), not that of the web.
        SSL_CTX_set_purpose(c, X509_PURPOSE_ANY) == 1;
    SSL_CTX_set_verify_depth(c, depth_max);
    SSL_CTX_set_timeout(c, session_lifetime_s);
    return good ? std::move(context) : ContextOf{};
}

Outcome<void> Context::name_authorities(SSL_CTX& context) const {
    if (settings_.authorities.empty()) return {};
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(settings_.authorities.c_str());
    if (names == nullptr) return failure("--ca " + settings_.authorities + ": " + openssl_error());
    SSL_CTX_set_client_CA_list(&context, names);
    return {};
}

Outcome<void> Context::make_server(const TlsSettings::Pair* pair, X509_STORE& store,
                                   std::vector<std::string>& warnings) {
    Server server{make(TLS_server_method(), store), {}};
    if (!server.context) return failure("TLS could not be set up: " + openssl_error());
    SSL_CTX* c = server.context.get();
    // Tickets alone: what a session proved travels with it, sealed, and costs us no memory.
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_tlsext_servername_callback(c, on_server_name);
    if (settings_.client_certificates != ClientCertificates::none) {
        const bool must = settings_.client_certificates == ClientCertificates::require;
        SSL_CTX_set_verify(c, SSL_VERIFY_PEER | (must ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                           on_verified);
        if (auto named = name_authorities(*c); !named) return named;
    }
    if (pair != nullptr) {
        auto certificate = use_pair(*c, *pair);
        if (!certificate) return failure(certificate.error());
        say_what_is_unwise(**certificate, pair->certificate, warnings);
        server.certificate = std::move(*certificate);
    }
    servers_.push_back(std::move(server));
    return {};
}

Outcome<void> Context::read(const TlsSettings& settings, std::vector<std::string>& warnings) {
    settings_ = settings;
    auto store = trusted(settings.authorities);
    if (!store) return failure(store.error());
    for (const TlsSettings::Pair& pair : settings.certificates)
        if (auto made = make_server(&pair, **store, warnings); !made) return made;
    if (settings.certificates.empty())
        if (auto made = make_server(nullptr, **store, warnings); !made) return made;
    client_ = make(TLS_client_method(), **store);
    if (!client_) return failure("TLS could not be set up: " + openssl_error());
    SSL_CTX_set_verify(client_.get(), SSL_VERIFY_PEER, on_verified);
    SSL_CTX_set_session_cache_mode(client_.get(),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client_.get(), on_resumable);
    if (settings.certificates.empty()) return {};
    const auto used = use_pair(*client_, settings.certificates.front());
    if (!used) return failure(used.error());
    return {};
}

SSL_CTX* Context::for_name(std::string_view name) const {
    for (const Server& server : servers_)
        if (server.certificate && is_for(*server.certificate, name)) return server.context.get();
    return servers_.front().context.get();
}

void Context::keep(const std::string& domain, Resumable session) {
    if (SSL_SESSION_is_resumable(session.get()) != 1) return;
    const std::lock_guard lock(mutex_);
    if (kept_.size() == sessions_max) kept_.pop_front();
    kept_.push_back({domain, std::move(session)});
}

/// The newest of that domain, which is used once (RFC 8446 C.4).
Resumable Context::take(std::string_view domain) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(kept_.rbegin(), kept_.rend(), [&](const Kept& each) {
        return sip::is_same_domain(each.domain, domain);
    });
    if (found == kept_.rend()) return {};
    Resumable session = std::move(found->session);
    kept_.erase(std::next(found).base());
    return session;
}

std::unique_ptr<TlsSession> Context::accept() {
    ConnectionOf ssl(SSL_new(servers_.front().context.get()));
    if (!ssl) return {};
    auto session = std::make_unique<Session>(shared_from_this(), std::move(ssl), false, "");
    return session->prepare() ? std::move(session) : nullptr;
}

std::unique_ptr<TlsSession> Context::connect(std::string_view domain) {
    ConnectionOf ssl(SSL_new(client_.get()));
    if (!ssl) return {};
    auto session = std::make_unique<Session>(shared_from_this(), std::move(ssl), true, domain);
    return session->prepare() ? std::move(session) : nullptr;
}

}  // namespace

std::string tls_library() {
    return std::string("OpenSSL ") + OpenSSL_version(OPENSSL_VERSION_STRING);
}

Outcome<std::shared_ptr<TlsContext>> TlsContext::make(const TlsSettings& settings,
                                                      std::vector<std::string>& warnings) {
    auto context = std::make_shared<Context>();
    if (auto read = context->read(settings, warnings); !read) return failure(read.error());
    return context;
}

}  // namespace edge
