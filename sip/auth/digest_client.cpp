#include "sip/auth/digest_client.hpp"

#include <cstring>
#include <utility>

#include "sip/auth/quoted_text.hpp"
#include "sip/base/text.hpp"

namespace sip {

namespace {

bool is_notify(std::string_view method) { return method == name_of(Method::notify); }

bool can_compute(const DigestChallenge& challenge) {
    if (!challenge.is_digest || challenge.algorithm == DigestAlgorithm::other) return false;
    if (challenge.nonce.empty()) return false;
    // A qop that is neither asks for what we cannot do.
    if (challenge.qop.present && !challenge.qop.auth && !challenge.qop.auth_int) return false;
    // RFC 7616 3.4.2: -sess needs a cnonce, which goes with qop alone.
    return challenge.qop.present || !is_session(challenge.algorithm);
}

struct NcText {
    explicit NcText(std::uint32_t count) { Appender(text).hex(count, 8); }
    std::string_view view() const { return {text.data(), text.size()}; }
    std::array<char, 8> text;
};

}  // namespace

bool DigestClient::add(std::string_view realm, std::string_view user, std::string_view password,
                       const Ha1* ha1) {
    Secret* place = nullptr;
    for (Secret& secret : secrets_)
        if (secret.used && secret.realm() == realm) place = &secret;
    for (Secret& secret : secrets_)
        if (place == nullptr && !secret.used) place = &secret;
    if (place == nullptr) return false;
    Block text;
    if (!text.resize(*memory_, realm.size() + user.size() + password.size())) return false;
    Appender out(std::span(text.data(), text.size()));
    out << realm << user << password;
    // What was signed with the old secret is of no more use.
    for (Session& session : sessions_)
        if (&secrets_[session.secret] == place) session.id = 0;
    *place = {std::move(text), realm.size(), user.size(), {}, ha1 == nullptr, true};
    if (ha1 != nullptr) place->ha1 = *ha1;
    return true;
}

bool DigestClient::add_password(std::string_view realm, std::string_view user,
                                std::string_view password) {
    return add(realm, user, password, nullptr);
}

bool DigestClient::add_ha1(std::string_view realm, std::string_view user, const Ha1& ha1) {
    return !realm.empty() && add(realm, user, {}, &ha1);
}

const DigestClient::Secret* DigestClient::secret_for(std::string_view realm, DigestAlgorithm base,
                                                     bool notify) const {
    const Secret* for_any = nullptr;
    for (const Secret& secret : secrets_) {
        if (!secret.used || (!secret.has_password && secret.ha1.algorithm != base)) continue;
        if (!secret.realm().empty() && secret.realm() == realm) return &secret;
        if (secret.realm().empty()) for_any = &secret;
    }
    // Whoever a NOTIFY goes to could name any realm and collect digests of the secret.
    return notify ? nullptr : for_any;
}

DigestClient::Session* DigestClient::session_for(std::string_view realm, bool proxy) {
    for (Session& session : sessions_)
        if (session.id != 0 && session.proxy == proxy && Unquoted(session.realm()).view() == realm)
            return &session;
    return nullptr;
}

DigestClient::Session& DigestClient::free_session() {
    Session* oldest = &sessions_[0];
    for (Session& session : sessions_) {
        if (session.id == 0) return session;
        if (session.last_used < oldest->last_used) oldest = &session;
    }
    return *oldest;
}

bool DigestClient::begin_nonce(Session& session, std::string_view realm, std::string_view nonce,
                               std::string_view opaque) {
    Block text;
    if (!text.resize(*memory_, realm.size() + nonce.size() + opaque.size())) return false;
    Appender out(std::span(text.data(), text.size()));
    out << realm << nonce << opaque;
    session.realm_size = realm.size();
    session.nonce_size = nonce.size();
    session.text = std::move(text);
    // One cnonce for the whole life of a nonce: with -sess the key is made of both.
    Appender(session.cnonce).hex(entropy_->next());
    session.key =
        session_key(session.ha1, session.algorithm, session.nonce(), session.cnonce_text());
    session.count = 0;
    session.last_used = ++uses_;
    return true;
}

DigestClient::Taken DigestClient::take(const DigestChallenge& challenge, bool proxy, bool notify,
                                       DigestAttempt& attempt) {
    if (!can_compute(challenge) || !fits_between_quotes(challenge.realm) ||
        !fits_between_quotes(challenge.nonce) || !fits_between_quotes(challenge.opaque))
        return Taken::not_for_us;
    if (challenge.realm.size() + challenge.nonce.size() + challenge.opaque.size() >
        challenge_bytes_max)
        return Taken::not_for_us;
    const Unquoted realm(challenge.realm);
    if (realm.too_long()) return Taken::not_for_us;
    const DigestAlgorithm base = base_of(challenge.algorithm);
    const Secret* secret = secret_for(realm.view(), base, notify);
    if (secret == nullptr) return Taken::not_for_us;

    Session* session = session_for(realm.view(), proxy);
    if (session != nullptr) {
        if (notify && session->nonce() == challenge.nonce) return Taken::refused_again;
        for (const DigestAttempt::Refusal& refusal : attempt.refusals)
            if (refusal.session == session->id && refusal.count > 0 && !challenge.stale)
                return Taken::refused_again;
    } else {
        session = &free_session();
        *session = {};
        session->proxy = proxy;
        if (++last_id_ == 0) ++last_id_;
    }
    session->secret = static_cast<std::uint8_t>(secret - secrets_.data());
    session->algorithm = challenge.algorithm;
    session->echo_algorithm = challenge.has_algorithm;
    session->has_qop = challenge.qop.present;
    session->auth_int = !challenge.qop.auth;
    session->ha1 = secret->has_password
                       ? make_ha1(base, secret->user(), realm.view(), secret->password())
                       : secret->ha1;
    if (!begin_nonce(*session, challenge.realm, challenge.nonce, challenge.opaque)) {
        session->id = 0;
        return Taken::no_memory;
    }
    if (session->id == 0) session->id = last_id_;
    for (DigestAttempt::Refusal& refusal : attempt.refusals)
        if (refusal.session == session->id) {
            ++refusal.count;
            return Taken::yes;
        }
    return attempt.refusals.push({session->id, 1}) ? Taken::yes : Taken::refused_again;
}

DigestClient::Taken DigestClient::take_fields(const MessageView& response, HeaderId id, bool notify,
                                              DigestAttempt& attempt) {
    Taken outcome = Taken::not_for_us;
    SmallVector<std::string_view, sessions_max> decided;
    for (const HeaderField& field : response.headers) {
        if (field.id != id || decided.full()) continue;
        const auto challenge = parse_challenge(field.value);
        if (!challenge) continue;
        bool known = false;
        for (const std::string_view realm : decided) known = known || realm == challenge->realm;
        if (known) continue;
        const Taken taken = take(*challenge, id == HeaderId::proxy_authenticate, notify, attempt);
        // RFC 8760 2.4: what cannot be answered is passed over for the next one of that realm.
        if (taken == Taken::not_for_us) continue;
        (void)decided.push(challenge->realm);
        if (outcome != Taken::yes) outcome = taken;
    }
    return outcome;
}

Expected<void> DigestClient::answer(const MessageView& response, std::string_view method,
                                    DigestAttempt& attempt) {
    if (attempt.answers >= answers_max)
        return failure(Condition::not_authenticated, "Authentication: too many challenges");
    const bool notify = is_notify(method);
    // RFC 3261 22.3: a forking proxy may have gathered challenges of both kinds.
    const Taken www = take_fields(response, HeaderId::www_authenticate, notify, attempt);
    const Taken proxy = take_fields(response, HeaderId::proxy_authenticate, notify, attempt);
    const auto either = [www, proxy](Taken what) { return www == what || proxy == what; };
    if (either(Taken::yes)) {
        ++attempt.answers;
        return {};
    }
    if (either(Taken::no_memory))
        return failure(Condition::overloaded, "Authentication: no memory for a challenge");
    if (either(Taken::refused_again))
        return failure(Condition::not_authenticated, "Authentication: credentials were refused");
    return failure(Condition::not_authenticated, "Authentication: no challenge we can answer");
}

void DigestClient::write(MessageWriter& out, Session& session, std::string_view method,
                         std::string_view uri, std::string_view body) {
    ++session.count;
    session.last_used = ++uses_;
    const NcText nc(session.count);
    DigestInput input;
    input.algorithm = session.algorithm;
    input.nonce = session.nonce();
    input.qop = session.qop();
    input.cnonce = session.cnonce_text();
    input.nc = nc.view();
    input.method = method;
    input.uri = uri;
    input.body = body;
    Appender& text =
        out.begin(session.proxy ? HeaderId::proxy_authorization : HeaderId::authorization);
    text << "Digest username=";
    write_quoted(text, secrets_[session.secret].user());
    text << ",realm=\"" << session.realm() << "\",nonce=\"" << session.nonce() << "\",uri=\"" << uri
         << "\",response=\"" << digest_response(session.key, input).view() << '"';
    if (session.echo_algorithm) text << ",algorithm=" << name_of(session.algorithm);
    // RFC 8760 2.6: always sent back when it was offered.
    if (session.has_qop)
        text << ",qop=" << input.qop << ",cnonce=\"" << input.cnonce << "\",nc=" << input.nc;
    if (!session.opaque().empty()) text << ",opaque=\"" << session.opaque() << '"';
    out.end();
}

void DigestClient::write_credentials(MessageWriter& out, std::string_view method,
                                     std::string_view uri, std::string_view body) {
    if (!fits_between_quotes(uri)) return;
    for (Session& session : sessions_) {
        if (session.id == 0 || session.count == UINT32_MAX) continue;
        if (is_notify(method) && (session.count > 0 || secrets_[session.secret].realm().empty()))
            continue;
        write(out, session, method, uri, body);
    }
}

DigestClient::Proof DigestClient::check_authentication_info(const MessageView& response,
                                                            std::string_view uri) {
    const HeaderField* field = response.find(HeaderId::authentication_info);
    if (field == nullptr) return Proof::absent;
    const auto info = parse_authentication_info(field->value);
    if (!info) return Proof::absent;
    Session* session = nullptr;
    for (Session& s : sessions_) {
        if (s.id == 0 || s.proxy || s.count == 0) continue;
        if (!info->cnonce.empty() && info->cnonce != s.cnonce_text()) continue;
        if (session == nullptr || s.last_used > session->last_used) session = &s;
    }
    // An answer to what was signed with an earlier nonce can no longer be judged.
    if (session == nullptr) return Proof::absent;
    if (!info->rspauth.empty()) {
        const NcText nc(info->nc ? *info->nc : session->count);
        DigestInput input;
        input.algorithm = session->algorithm;
        input.nonce = session->nonce();
        input.qop = session->qop();
        input.cnonce = session->cnonce_text();
        input.nc = nc.view();
        input.uri = uri;
        input.body = response.body;
        const HexDigest right = digest_response(session->key, input);
        const auto given = HexDigest::parse(info->rspauth);
        if (!given || !equal_in_constant_time(given->view(), right.view())) return Proof::wrong;
    }
    const std::string_view next = info->nextnonce;
    if (!next.empty() && fits_between_quotes(next) &&
        session->realm().size() + next.size() + session->opaque().size() <= challenge_bytes_max) {
        // Without memory the old nonce goes on, until the server calls it stale.
        (void)begin_nonce(*session, session->realm(), next, session->opaque());
    }
    return info->rspauth.empty() ? Proof::absent : Proof::right;
}

std::size_t DigestClient::sessions() const {
    std::size_t count = 0;
    for (const Session& session : sessions_) count += session.id != 0;
    return count;
}

}  // namespace sip
