#include "sip/dialog/request_head.hpp"

#include "sip/base/text.hpp"

namespace sip {

const Listeners::Listener* listener_for(const Listeners& listeners, const Target& target) {
    if (target.transport == Transport::udp)
        if (const auto* l = listeners.datagram(target.listener)) return l;
    if (const auto* l = listeners.towards(target.transport, target.remote.address)) return l;
    // Nobody takes connections there: any socket that one of that family can reach.
    for (const Listeners::Listener& l : listeners)
        if (l.local.address.is_v4() == target.remote.address.is_v4()) return &l;
    return listeners.empty() ? nullptr : listeners.begin();
}

void write_via(MessageWriter& writer, const Listeners& listeners, const Target& target,
               Branch branch) {
    Appender& out = writer.begin(HeaderId::via);
    out << "SIP/2.0/" << via_name_of(target.transport) << ' ';
    if (const auto* listener = listener_for(listeners, target)) write_sent_by(out, *listener);
    out << ";branch=";
    branch.write(out);
    out << ";rport";
    writer.end();
}

void write_contact(MessageWriter& writer, const Listeners& listeners, const Target& target,
                   std::string_view user) {
    Appender& out = writer.begin(HeaderId::contact);
    out << "<sip:";
    if (!user.empty()) {
        write_escaped_user(out, user);
        out << '@';
    }
    const auto* listener = listener_for(listeners, target);
    if (listener != nullptr) write_sent_by(out, *listener);
    // What we are reached by is what listens, whatever the request at hand goes by.
    const Transport by = listener != nullptr ? listener->transport : target.transport;
    // RFC 5630 5.1.1: transport=tls is never written.
    if (by == Transport::tcp) out << ";transport=tcp";
    if (by == Transport::ws || by == Transport::wss) out << ";transport=ws";
    out << '>';
    writer.end();
}

}  // namespace sip
