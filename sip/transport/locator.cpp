#include "sip/transport/locator.hpp"

#include "sip/transport/locate.hpp"
#include "sip/transport/transport_layer.hpp"

namespace sip {

Expected<Locator::Begun> Locator::begin(Now, const Uri& uri, const Owner&) {
    auto target = locate(uri, transport_.listeners());
    if (!target) return tl::unexpected(target.error());
    if (is_secure(target->transport)) target->domain = SharedBytes::copy(shard_.memory, uri.host);
    Begun begun;
    const bool kept = begun.targets.push(*target);
    SIP_ASSERT(kept);
    return begun;
}

Expected<Locator::Targets> Locator::take(LookupId) {
    return failure(Condition::not_found, "no such lookup");
}

void Locator::abandon(LookupId) {}

std::optional<Locator::Done> Locator::next_done() { return {}; }

void Locator::resolved(Now, const NameAnswer&) {}

}  // namespace sip
