#pragma once

#include <span>
#include <vector>

#include "apps/edge/net/descriptor.hpp"
#include "apps/edge/net/listen_spec.hpp"

namespace edge {

/// A socket that is bound; a stream socket listens too.
struct BoundSocket {
    Descriptor fd;
    sip::Transport transport = sip::Transport::udp;
    sip::Endpoint local;
};

/// Binds every listener of `specs`, in order, or none. A wildcard address becomes one socket an
/// interface address. Those of udp and tcp with port 0 on one host share one port that is free for
/// all of them. IPv6 sockets take IPv6 alone. The error names the listener, says why and what to
/// do.
Outcome<std::vector<BoundSocket>> bind_listeners(std::span<const ListenSpec> specs);

/// Sockets beside those of `bound`, at the same addresses: the kernel spreads over them what comes
/// (SO_REUSEPORT). Only programs of the same user could join them.
Outcome<std::vector<BoundSocket>> bind_beside(std::span<const BoundSocket> bound);

}  // namespace edge
