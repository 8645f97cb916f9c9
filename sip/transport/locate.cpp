#include "sip/transport/locate.hpp"

#include "sip/base/buffer.hpp"
#include "sip/base/text.hpp"

namespace sip {
namespace {

std::optional<Transport> transport_named(std::string_view name) {
    if (name.empty() || same_unescaped(name, "udp")) return Transport::udp;
    if (same_unescaped(name, "tcp")) return Transport::tcp;
    if (same_unescaped(name, "tls")) return Transport::tls;
    if (same_unescaped(name, "ws")) return Transport::ws;
    if (same_unescaped(name, "wss")) return Transport::wss;
    return {};
}

}  // namespace

Expected<Target> locate(const Uri& uri, const Listeners& listeners) {
    if (!uri.is_sip()) return failure(Condition::scheme_not_supported, "no SIP URI to send to");
    const auto transport = transport_named(uri.parameters.value_of("transport"));
    if (!transport) return failure(Condition::internal, "unknown transport in the URI");
    Target target;
    // RFC 3261 26.2.2: sips is never downgraded.
    target.transport =
        uri.scheme == Scheme::sips && !is_secure(*transport) ? Transport::tls : *transport;
    target.remote.port =
        uri.port != 0 ? uri.port
                      : static_cast<std::uint16_t>(is_secure(target.transport) ? 5061 : 5060);
    Room<64> maddr;
    write_plain(maddr, uri.parameters.value_of("maddr"), Class::uri_parameter);
    const std::string_view host = maddr.size() == 0 ? uri.host : maddr.view();
    if (maddr.overflowed()) return failure(Condition::not_found, "maddr is no address");
    if (const auto address = parse_numeric_host(host))
        target.remote.address = *address;
    else if (equal_ignoring_case(host, "localhost"))
        target.remote.address = Address::v4(127, 0, 0, 1);
    else
        return failure(Condition::not_found, "the host is a name, and names are not looked up");
    const auto* listener = listeners.towards(target.transport, target.remote.address);
    if (listener == nullptr)
        return failure(Condition::internal, "no listener of that transport and address family");
    target.listener = listener->id;
    return target;
}

}  // namespace sip
