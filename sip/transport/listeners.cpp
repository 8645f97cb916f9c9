#include "sip/transport/listeners.hpp"

#include "sip/base/text.hpp"

namespace sip {

const Listeners::Listener* Listeners::datagram(ListenerId id) const {
    for (const Listener& l : listeners_)
        if (l.transport == Transport::udp && l.id == id) return &l;
    return nullptr;
}

const Listeners::Listener* Listeners::towards(Transport transport, const Address& remote) const {
    const Listener* best = nullptr;
    for (const Listener& l : listeners_) {
        if (l.transport != transport || l.local.address.is_v4() != remote.is_v4()) continue;
        if (l.local.address.is_loopback() == remote.is_loopback()) return &l;
        if (best == nullptr) best = &l;
    }
    return best;
}

bool Listeners::is_ours(const Endpoint& endpoint) const {
    for (const Listener& l : listeners_)
        if (l.local == endpoint) return true;
    return false;
}

namespace {

bool is_host_of(const Listeners::Listener& l, std::string_view host,
                const std::optional<Address>& numeric) {
    if (numeric && (*numeric == l.local.address || l.local.address.is_unspecified())) return true;
    if (!l.advertise.empty() && equal_ignoring_case(l.advertise, host)) return true;
    return numeric && parse_numeric_host(l.advertise) == numeric;
}

}  // namespace

bool Listeners::names_us(std::string_view host, std::uint16_t port) const {
    const auto numeric = parse_numeric_host(host);
    for (const Listener& l : listeners_) {
        const std::uint16_t standard = is_secure(l.transport) ? 5061 : 5060;
        if ((port == 0 ? standard : port) == l.local.port && is_host_of(l, host, numeric))
            return true;
    }
    return false;
}

bool Listeners::has_host(std::string_view host) const {
    const auto numeric = parse_numeric_host(host);
    for (const Listener& l : listeners_)
        if (is_host_of(l, host, numeric)) return true;
    return false;
}

void write_sent_by(Appender& out, const Listeners::Listener& listener) {
    if (listener.advertise.empty()) {
        write_endpoint(out, listener.local);
        return;
    }
    const auto numeric = parse_numeric_host(listener.advertise);
    if (numeric)
        write_address(out, *numeric, Brackets::ipv6);
    else
        out << listener.advertise;
    out << ':' << listener.local.port;
}

}  // namespace sip
