#include "sip/auth/digest_gate.hpp"

#include "sip/base/domains.hpp"

namespace sip {
namespace {

/// As write_address_of_record spells a host.
void write_host(Appender& out, std::string_view host) {
    if (const auto numeric = parse_numeric_host(host)) {
        write_address(out, *numeric, Brackets::ipv6);
        return;
    }
    for (char c : host) out << to_lower(c);
}

}  // namespace

std::string_view DigestGate::realm_of(const Request& request) const {
    for (const Uri& uri : {request.essentials.from.uri, request.essentials.request_uri})
        if (const std::string_view domain = find_domain(domains_, uri.host); !domain.empty())
            return domain;
    return domains_.front();
}

Gate::Verdict DigestGate::admit(const Now& now, const Request& request) {
    const std::string_view realm = realm_of(request);
    last_ = server_.verify(now, request.message, request.essentials, realm, source_, role_);
    last_realm_ = realm;
    const DigestVerdict& digest = last_;
    Verdict verdict;
    verdict.stale = digest.stale;
    switch (digest.outcome) {
        case DigestVerdict::Outcome::challenge:
            verdict.kind = Verdict::Kind::challenged;
            if (request.message.has(role_ == DigestRole::proxy ? HeaderId::proxy_authorization
                                                               : HeaderId::authorization))
                verdict.error = digest.error;
            return verdict;
        case DigestVerdict::Outcome::malformed:
            verdict.kind = Verdict::Kind::refused;
            verdict.error = digest.error;
            return verdict;
        case DigestVerdict::Outcome::accepted: break;
    }
    if (digest.anonymous) {
        // RFC 3856 9.6: the address is proved, and nobody's name. RFC 3323 4.1.1.3.
        verdict.identity = {"anonymous@anonymous.invalid", false};
        if (request.message.method == Method::subscribe) return verdict;
        verdict.kind = Verdict::Kind::refused;
        verdict.error = {Condition::forbidden, "Nobody in particular may not do this"};
        return verdict;
    }
    // The canonical form of an address-of-record, as Uri has it.
    Appender out(identity_);
    write_escaped_user(out, digest.user);
    out << '@';
    write_host(out, realm);
    if (out.overflowed()) {
        verdict.kind = Verdict::Kind::refused;
        verdict.error = {Condition::forbidden, "User name is too long"};
        return verdict;
    }
    verdict.identity = {out.view(), true, ProvedBy::digest};
    return verdict;
}

void DigestGate::write_challenges(const Now& now, const Request& request, bool stale,
                                  MessageWriter& writer) {
    server_.write_challenges(writer, now, realm_of(request), stale, role_);
}

void DigestGate::write_proof(const Now& now, MessageWriter& writer) {
    if (last_.outcome != DigestVerdict::Outcome::accepted) return;
    server_.write_authentication_info(writer, now, last_realm_, last_, {});
}

Gate::Verdict TrustingGate::admit(const Now&, const Request& request) {
    Appender out(identity_);
    write_address_of_record(out, request.essentials.from.uri);
    Verdict verdict;
    if (out.overflowed()) {
        verdict.kind = Verdict::Kind::refused;
        verdict.error = {Condition::forbidden, "From: address is too long"};
        return verdict;
    }
    verdict.identity = {out.view(), true, ProvedBy::from};
    return verdict;
}

}  // namespace sip
