#include "sip/auth/asserted_gate.hpp"

#include "sip/message/asserted_identity.hpp"

namespace sip {
bool TrustedPeers::include(const TransportLayer& transport, const Source& source) const {
    if (networks.contains(source.remote.address)) return true;
    for (const std::string_view name : names)
        if (is_secure(source.transport) && transport.proves(source.flow, name)) return true;
    return false;
}

Gate::Verdict AssertedGate::admit(const Now& now, const Request& request) {
    asserted_ = false;
    if (!request.message.has(HeaderId::p_asserted_identity)) return otherwise_.admit(now, request);
    const auto refused = [](Condition condition, StaticText rule) {
        Verdict verdict;
        verdict.kind = Verdict::Kind::refused;
        verdict.error = {condition, rule};
        return verdict;
    };
    // RFC 3325 5: what comes from outside of the trust domain is removed, or the request refused.
    if (!trusted_.include(transport_, request.source)) {
        if (untrusted_ == Untrusted::refuse)
            return refused(Condition::forbidden, "P-Asserted-Identity from outside");
        return otherwise_.admit(now, request);
    }
    const auto identity = read_asserted_identity(request.message, leniency_);
    if (!identity) return refused(identity.error().condition, identity.error().rule);
    const NameAddr& asserted = (*identity)->sip ? *(*identity)->sip : *(*identity)->tel;
    Appender out(identity_);
    write_address_of_record(out, asserted.uri);
    if (out.overflowed()) return refused(Condition::forbidden, "P-Asserted-Identity is too long");
    if (asserted.uri.is_sip() && !asserted.uri.has_user)
        return refused(Condition::forbidden, "P-Asserted-Identity names no user");
    asserted_ = true;
    Verdict verdict;
    verdict.identity = {out.view(), true, ProvedBy::asserted};
    return verdict;
}

}  // namespace sip
