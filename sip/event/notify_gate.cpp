#include "sip/event/notify_gate.hpp"

namespace sip {

Gate::Verdict NotifyGate::admit(const Now& now, const Request& request) {
    Verdict verdict;
    Appender from(identity_);
    write_address_of_record(from, request.essentials.from.uri);
    verdict.identity = {from.overflowed() ? std::string_view{} : from.view(), false};
    if (request.message.method != Method::notify) return verdict;
    const DigestVerdict digest =
        server_.verify(now, request.message, request.essentials, realm_, source_);
    verdict.stale = digest.stale;
    switch (digest.outcome) {
        case DigestVerdict::Outcome::accepted: verdict.identity.authenticated = true; break;
        case DigestVerdict::Outcome::challenge:
            verdict.kind = Verdict::Kind::challenged;
            if (request.message.has(HeaderId::authorization)) verdict.error = digest.error;
            break;
        case DigestVerdict::Outcome::malformed:
            verdict.kind = Verdict::Kind::refused;
            verdict.error = digest.error;
    }
    return verdict;
}

void NotifyGate::write_challenges(const Now& now, const Request&, bool stale,
                                  MessageWriter& writer) {
    server_.write_challenges(writer, now, realm_, stale);
}

}  // namespace sip
