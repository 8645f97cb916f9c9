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

/// Contact of ours as a peer at `target` can reach it: "<sip:user@host:port;transport=tcp>".
/// Without a user: "<sip:host:port>".
void write_contact(MessageWriter& writer, const Listeners& listeners, const Target& target,
                   std::string_view user = {});

}  // namespace sip
