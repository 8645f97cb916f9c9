#include "sip/auth/digest_server.hpp"

#include <cstring>

#include "sip/auth/digest_response.hpp"
#include "sip/auth/hmac.hpp"
#include "sip/auth/quoted_text.hpp"
#include "sip/base/text.hpp"

namespace sip {

namespace {

constexpr std::array bases{DigestAlgorithm::md5, DigestAlgorithm::sha256,
                           DigestAlgorithm::sha512_256};

SIP_CALL_FOR_SIZE DigestVerdict challenge(StaticText rule, bool stale = false) {
    DigestVerdict verdict;
    verdict.outcome = DigestVerdict::Outcome::challenge;
    verdict.stale = stale;
    verdict.error = {Condition::not_authenticated, rule, 0};
    return verdict;
}

SIP_CALL_FOR_SIZE DigestVerdict malformed(const Error& error) {
    DigestVerdict verdict;
    verdict.outcome = DigestVerdict::Outcome::malformed;
    verdict.error = error;
    return verdict;
}

/// The rule that is broken when a parameter is missing or does not go with another; empty if none.
StaticText broken_rule(const DigestCredentials& c, bool strict) {
    if (c.username.empty()) return "Authorization: username is missing";
    if (c.nonce.empty()) return "Authorization: nonce is missing";
    if (c.uri.empty()) return "Authorization: uri is missing";
    if (c.response.empty()) return "Authorization: response is missing";
    if (!c.qop.empty()) {
        // RFC 7616 3.4: with qop both must be there, without it neither may.
        if (c.cnonce.empty()) return "Authorization: cnonce is missing";
        if (c.nc_text.empty()) return "Authorization: nc is missing";
        if (!c.nc) return "Authorization: nc is not 8 hexadecimal digits";
    } else if (strict && !(c.cnonce.empty() && c.nc_text.empty())) {
        return "Authorization: cnonce and nc need qop";
    }
    return {};
}

/// "user@host" of a URI, in its one spelling; empty when it is too long to compare.
class AddressOfRecord {
public:
    explicit AddressOfRecord(const Uri& uri) { write_address_of_record(out_, uri); }
    AddressOfRecord(const AddressOfRecord&) = delete;
    AddressOfRecord& operator=(const AddressOfRecord&) = delete;

    std::string_view user() const { return cut().first; }
    std::string_view host() const { return cut().second; }

private:
    std::pair<std::string_view, std::string_view> cut() const {
        if (out_.overflowed()) return {};
        const auto at = out_.view().rfind('@');
        if (at == std::string_view::npos) return {{}, out_.view()};
        return {slice(out_.view(), 0, at), slice(out_.view(), at + 1)};
    }
    Room<512> out_;
};

constexpr std::string_view anonymous_user = "anonymous";

/// RFC 3261 22.1: the user name "anonymous", and no password.
class NoPassword final : public CredentialSource {
public:
    bool find(std::string_view user, std::string_view realm, DigestAlgorithm base,
              Ha1& out) const override {
        out = make_ha1(base, user, realm, {});
        return true;
    }
};

DigestInput input_of(const DigestCredentials& c) {
    DigestInput input;
    input.algorithm = c.algorithm;
    input.nonce = c.nonce;
    input.qop = c.qop;
    input.cnonce = c.cnonce;
    input.nc = c.nc_text;
    input.uri = c.uri;
    return input;
}

}  // namespace

DigestServer::DigestServer(Memory& memory, Entropy& entropy, const DigestServerOptions& options)
    : options_(options),
      nonces_(memory, entropy, options.nonces, options.nonce_lifetime, options.place,
              options.common_counts) {
    if (options_.algorithms.empty()) (void)options_.algorithms.push(DigestAlgorithm::md5);
    entropy.fill(std::as_writable_bytes(std::span(opaque_key_)));
    std::array<char, 32> secret;
    entropy.fill(std::as_writable_bytes(std::span(secret)));
    for (std::size_t i = 0; i < bases.size(); ++i)
        nobody_[i] = make_ha1(bases[i], {}, {}, {secret.data(), secret.size()});
}

bool DigestServer::offers(DigestAlgorithm algorithm) const {
    for (const DigestAlgorithm offered : options_.algorithms)
        if (offered == algorithm) return true;
    return false;
}

DigestServer::Found DigestServer::find_credentials(const MessageView& request,
                                                   std::string_view realm, DigestRole role) const {
    Found found;
    const HeaderId id =
        role == DigestRole::proxy ? HeaderId::proxy_authorization : HeaderId::authorization;
    for (const HeaderField& field : request.headers) {
        // RFC 3261 7.3.1: neither is ever a comma-separated list; a field is one of them.
        if (field.id != id) continue;
        const auto credentials = parse_credentials(field.value);
        if (!credentials) {
            if (!found.error) found.error = credentials.error();
            continue;
        }
        // RFC 3261 22.1: Basic and what else there may be count as no credentials.
        if (!credentials->is_digest || Unquoted(credentials->realm).view() != realm) continue;
        const bool better = found.credentials && !offers(found.credentials->algorithm) &&
                            offers(credentials->algorithm);
        if (!found.credentials || better) found.credentials = *credentials;
    }
    return found;
}

bool DigestServer::is_own_host(std::string_view host, std::string_view realm) const {
    if (host.empty()) return false;
    if (equal_ignoring_case(host, realm)) return true;
    for (const std::string_view domain : options_.domains)
        if (equal_ignoring_case(host, domain)) return true;
    return false;
}

// RFC 3261 22.4 item 1 and RFC 7616 3.4.6: the digest uri names what the request is for, and
// proxies may have rewritten the Request-URI since.
bool DigestServer::fits_request(const DigestCredentials& credentials, const MessageView& request,
                                const Essentials& essentials, std::string_view realm) const {
    if (credentials.uri == request.request_uri) return true;
    const auto digest_uri = parse_uri(credentials.uri);
    if (!digest_uri) return false;
    if (equivalent(*digest_uri, essentials.request_uri)) return true;
    if (options_.strict) return false;
    const AddressOfRecord signed_for(*digest_uri), asked(essentials.request_uri),
        to(essentials.to.uri);
    if (signed_for.host().empty()) return false;
    const bool same_host = signed_for.host() == asked.host();
    const bool same_user = signed_for.user().empty() || signed_for.user() == asked.user();
    if (same_user && (same_host || is_own_host(signed_for.host(), realm))) return true;
    // The To URI is what the request was for before it was retargeted. Within one host nobody but
    // an attacker retargets from one user to another, outside a dialog.
    const bool is_to = signed_for.user() == to.user() && signed_for.host() == to.host();
    return is_to && (!essentials.to_tag.empty() || !same_host);
}

void DigestServer::write_opaque(Appender& out, std::string_view realm) const {
    HmacSha256 mac({opaque_key_.data(), opaque_key_.size()});
    mac.update(realm);
    const HmacSha256::Digest digest = mac.finish();
    for (std::size_t i = 0; i < 8; ++i) out.hex(digest[i], 2);
}

bool DigestServer::opaque_is_ours(const DigestCredentials& credentials,
                                  std::string_view realm) const {
    if (!options_.send_opaque) return true;
    if (credentials.opaque.empty()) return !options_.strict;
    Room<16> ours;
    write_opaque(ours, realm);
    return ours.view() == credentials.opaque;
}

bool DigestServer::is_anonymous(const DigestCredentials& credentials) const {
    if (!options_.anonymous || credentials.userhash) return false;
    const Unquoted name(credentials.username);
    return !name.too_long() && name.view() == anonymous_user;
}

/// The name to look up; empty when it can be nobody's.
std::string_view DigestServer::account_of(const DigestCredentials& credentials) {
    if (credentials.userhash) return {};
    const Unquoted unquoted(credentials.username);
    if (unquoted.too_long() || unquoted.view().size() > account_.size()) return {};
    std::string_view name = unquoted.view();
    // sipsak writes username="alice@" and hashes "alice".
    if (!options_.strict && !name.empty() && name.back() == '@') name.remove_suffix(1);
    // RFC 3261 22.1: anybody may call himself this, without a password.
    if (name == anonymous_user) return {};
    std::memcpy(account_.data(), name.data(), name.size());
    return {account_.data(), name.size()};
}

bool DigestServer::response_is_right(const DigestCredentials& credentials,
                                     const MessageView& request, std::string_view account,
                                     std::string_view realm, const CredentialSource& source,
                                     HexDigest& key) const {
    const DigestAlgorithm base = base_of(credentials.algorithm);
    Ha1 ha1;
    for (const Ha1& nobody : nobody_)
        if (nobody.algorithm == base) ha1 = nobody;
    Ha1 found;
    const bool known = source.find(account, realm, base, found) && !account.empty() &&
                       found.algorithm == base && found.hex.view().size() == ha1.hex.view().size();
    if (known) ha1 = found;
    key = session_key(ha1, credentials.algorithm, credentials.nonce, credentials.cnonce);
    DigestInput input = input_of(credentials);
    input.method = request.method_name;
    input.body = request.body;
    const HexDigest right = digest_response(key, input);
    const auto given = HexDigest::parse(credentials.response);
    if (!given || (options_.strict && given->view() != credentials.response)) return false;
    return equal_in_constant_time(right.view(), given->view()) && known;
}

DigestVerdict DigestServer::verify(const Now& now, const MessageView& request,
                                   const Essentials& essentials, std::string_view realm,
                                   const CredentialSource& source, DigestRole role) {
    const Found found = find_credentials(request, realm, role);
    if (!found.credentials)
        return found.error ? malformed(*found.error)
                           : challenge("Authorization: none for our realm");
    const DigestCredentials& c = *found.credentials;

    const StaticText broken = broken_rule(c, options_.strict);
    if (!broken.empty()) return malformed({Condition::malformed, broken, 0});
    if (!offers(c.algorithm)) return challenge("Authorization: algorithm was not offered");
    if (c.qop.empty()) {
        const bool accepted =
            options_.accept_without_qop && !options_.strict && !options_.auth_int_alone;
        if (!accepted || c.algorithm != DigestAlgorithm::md5)
            return challenge("Authorization: qop is missing");
    } else if (!accepts(c.qop)) {
        return challenge("Authorization: qop was not offered");
    }
    if (!fits_request(c, request, essentials, realm))
        return malformed(
            {Condition::mismatch, "Authorization: uri does not fit the Request-URI", 0});
    if (!opaque_is_ours(c, realm)) return challenge("Authorization: opaque is not ours");

    DigestVerdict verdict;
    verdict.anonymous = is_anonymous(c);
    const std::string_view account = verdict.anonymous ? anonymous_user : account_of(c);
    const NoPassword no_password;
    const CredentialSource& secrets = verdict.anonymous ? no_password : source;
    const NonceTable::Check nonce = nonces_.check(now, realm, c.nonce);
    if (!response_is_right(c, request, account, realm, secrets, verdict.key))
        return challenge("Authorization: wrong credentials");
    // RFC 7616 3.3: stale says that the secret was right, and only then may it be said.
    if (nonce.state == NonceTable::State::foreign)
        return challenge("Authorization: nonce is not ours", true);
    if (nonce.state == NonceTable::State::expired)
        return challenge("Authorization: nonce has expired", true);
    const auto count = c.qop.empty() ? std::nullopt : c.nc;
    if (nonces_.use(now, nonce.issued, count) == NonceTable::Use::repeated)
        return challenge("Authorization: nonce was used with this count", true);
    verdict.outcome = DigestVerdict::Outcome::accepted;
    verdict.user = account;
    verdict.credentials = c;
    verdict.nonce_left = nonce.left;
    return verdict;
}

bool DigestServer::accepts(std::string_view qop) const {
    if (qop == "auth") return !options_.auth_int_alone;
    return qop == "auth-int" && (options_.offer_auth_int || options_.auth_int_alone);
}

void DigestServer::write_challenges(MessageWriter& out, const Now& now, std::string_view realm,
                                    bool stale, DigestRole role) {
    Room<NonceTable::nonce_bytes> nonce;
    nonces_.write(nonce, now, realm);
    for (const DigestAlgorithm algorithm : options_.algorithms) {
        Appender& text = out.begin(role == DigestRole::proxy ? HeaderId::proxy_authenticate
                                                             : HeaderId::www_authenticate);
        text << "Digest realm=";
        write_quoted(text, realm);
        text << ",nonce=\"" << nonce.view() << "\",qop=\"auth";
        if (options_.auth_int_alone)
            text << "-int";
        else if (options_.offer_auth_int)
            text << ",auth-int";
        text << "\",algorithm=" << name_of(algorithm);
        if (options_.send_opaque) {
            text << ",opaque=\"";
            write_opaque(text, realm);
            text << '"';
        }
        if (stale) text << ",stale=true";
        out.end();
    }
}

void DigestServer::write_authentication_info(MessageWriter& out, const Now& now,
                                             std::string_view realm, const DigestVerdict& accepted,
                                             std::string_view body) {
    const DigestCredentials& c = accepted.credentials;
    if (c.qop.empty() || !fits_between_quotes(c.cnonce)) return;
    DigestInput input = input_of(c);
    input.body = body;
    Appender& text = out.begin(HeaderId::authentication_info);
    text << "qop=" << c.qop << ",rspauth=\"" << digest_response(accepted.key, input).view()
         << "\",cnonce=\"" << c.cnonce << "\",nc=" << c.nc_text;
    if (accepted.nonce_left < nonces_.lifetime() / 4) {
        text << ",nextnonce=\"";
        nonces_.write(text, now, realm);
        text << '"';
    }
    out.end();
}

}  // namespace sip
