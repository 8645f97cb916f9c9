#include "sip/registrar/outbound.hpp"

#include "sip/base/text.hpp"
#include "sip/message/delta_seconds.hpp"
#include "sip/message/name_addr.hpp"
#include "sip/message/token_list.hpp"

namespace sip {

OutboundContact read_outbound(const Parameters& contact) {
    OutboundContact found;
    found.instance = contact.value_of("+sip.instance");
    if (found.instance.empty()) return found;
    constexpr std::uint32_t most = std::uint32_t{1} << 31;
    const auto number = parse_delta_seconds(contact.value_of("reg-id"));
    if (number && *number <= most) found.reg_id = *number;
    return found;
}

bool is_first_hop(const Request& request) {
    return request.essentials.via_count == 1 && !request.message.has(HeaderId::path);
}

OutboundVerdict judge_outbound(const Request& request, const Leniency& leniency) {
    // RFC 5626 6, not followed: over UDP it takes STUN to keep a flow, and a UA that asks for one
    // there is not refused with 439 but registered as ever. It sees that by Require in the 200.
    if (is_first_hop(request) && !is_reliable(request.source.transport))
        return OutboundVerdict::ignored;
    bool can = is_first_hop(request);
    // Each proxy puts its own in front: the last is that of the first hop.
    if (request.essentials.via_count > 1)
        for (const HeaderField& field : request.message.headers) {
            if (field.id != HeaderId::path) continue;
            std::string_view rest = field.value;
            while (const auto value = next_name_addr(rest, leniency)) {
                can = *value && (*value)->uri.parameters.has("ob");
                if (!*value) break;
            }
        }
    if (can) return OutboundVerdict::applied;
    return lists_token(request.message, HeaderId::supported, "outbound") ? OutboundVerdict::lacking
                                                                         : OutboundVerdict::ignored;
}

}  // namespace sip
