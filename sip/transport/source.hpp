#pragma once

#include "sip/base/endpoint.hpp"
#include "sip/base/ids.hpp"
#include "sip/base/inline.hpp"
#include "sip/base/packet.hpp"

namespace sip {

/// Where a message came in.
struct Source {
    Transport transport = Transport::udp;
    ListenerId listener{};  ///< datagrams: the socket
    FlowId flow{};          ///< streams: the connection
    Endpoint local, remote;
};

/// Where a message goes. A UDP peer is not a flow; a stream peer is one, open or to be opened.
struct Target {
    Transport transport = Transport::udp;
    ListenerId listener{};  ///< datagrams: the socket to send from
    FlowId flow{};          ///< streams: the connection, or none: one to `remote` is used or opened
    Endpoint remote;
    /// TLS: the name that the peer has to prove by its certificate (RFC 5922 7.3: what RFC 3263 was
    /// asked for, not what it answered). Empty: no connection is opened, `flow` alone will do.
    SharedBytes domain = {};
};

/// Back to where a message came from.
SIP_CALL_FOR_SIZE inline Target back_to(const Source& source) {
    return {source.transport, source.listener, source.flow, source.remote, {}};
}

}  // namespace sip
