#pragma once

#include "sip/message/message_writer.hpp"
#include "sip/transaction/client_transactions.hpp"
#include "sip/transport/listeners.hpp"
#include "sip/transport/source.hpp"

namespace sip {

/// The listener by which we are reached by a peer at `target`: what is shown to it. Null: there is
/// none at all.
const Listeners::Listener* listener_for(const Listeners& listeners, const Target& target);

/// Via of a request of ours towards `target` (RFC 3261 8.1.1.7, RFC 3581: with rport).
void write_via(MessageWriter& writer, const Listeners& listeners, const Target& target,
               Branch branch);

struct ContactForm {
    std::string_view user = {};      ///< empty: "<sip:host:port>"
    bool sips = false;               ///< RFC 3261 8.1.1.8, 12.1.1: a SIPS URI
    bool transport_tls = false;      ///< Leniency::transport_tls_in_contact
    std::string_view instance = {};  ///< a URN; empty: none
};
/// Contact of ours as a peer at `target` can reach it: "<sip:user@host:port;transport=tcp>".
/// Without a user: "<sip:host:port>". With an instance, a URN, this UA is to be reached by the
/// connection at hand (RFC 5626 4.3): "ob" in the URI, and "+sip.instance" behind it.
void write_contact(MessageWriter& writer, const Listeners& listeners, const Target& target,
                   const ContactForm& form = {});

}  // namespace sip
