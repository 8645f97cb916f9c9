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
    const auto* listener = listener_for(listeners, target);
    if (listener != nullptr) write_sent_by(out, *listener);
    out << ";branch=";
    branch.write(out);
    out << ";rport";
    if (listener == nullptr || listener->advertise.empty())
        writer.end_own();
    else
        writer.end();
}

void write_contact(MessageWriter& writer, const Listeners& listeners, const Target& target,
                   const ContactForm& form) {
    Appender& out = writer.begin(HeaderId::contact);
    out << (form.sips ? "<sips:" : "<sip:");
    if (!form.user.empty()) {
        write_escaped_user(out, form.user);
        out << '@';
    }
    const Listeners::Listener* listener = nullptr;
    // What a SIPS URI names is reached by TLS, whatever the request at hand goes by.
    if (form.sips && !is_secure(target.transport))
        listener = listeners.towards(Transport::tls, target.remote.address);
    if (listener == nullptr) listener = listener_for(listeners, target);
    if (listener != nullptr) write_sent_by(out, *listener);
    // What we are reached by is what listens.
    const Transport by = listener != nullptr ? listener->transport : target.transport;
    // RFC 5630 5.1.1: transport=tls is not written; and see Leniency.
    if (by == Transport::tls && !form.sips && form.transport_tls) out << ";transport=tls";
    if (by == Transport::tcp) out << ";transport=tcp";
    if (by == Transport::ws || by == Transport::wss) out << ";transport=ws";
    if (!form.instance.empty()) out << ";ob";
    out << '>';
    if (!form.instance.empty()) out << ";+sip.instance=\"<" << form.instance << ">\"";
    writer.end();
}

}  // namespace sip
