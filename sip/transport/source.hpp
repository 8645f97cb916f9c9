#pragma once

#include "sip/base/endpoint.hpp"
#include "sip/base/ids.hpp"

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
};

/// Back to where a message came from.
constexpr Target back_to(const Source& source) {
    return {source.transport, source.listener, source.flow, source.remote};
}

}  // namespace sip
