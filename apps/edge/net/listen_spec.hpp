#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "apps/edge/net/outcome.hpp"
#include "sip/base/endpoint.hpp"
#include "sip/base/ids.hpp"

namespace edge {

/// "udp:127.0.0.1:5060", "tcp:[::1]:0": a transport, a host and a port, as --listen and --server
/// take them.
struct ListenSpec {
    sip::Transport transport = sip::Transport::udp;
    sip::Address address;
    std::uint16_t port = 0;  ///< 0: a free one is picked
};

/// The error says what was expected; it does not name the option.
Outcome<ListenSpec> parse_listen_spec(std::string_view text);

/// The scheme of `transport`: "udp", "tcp", "tls", "ws", "wss".
std::string_view name_of(sip::Transport transport);
/// "udp:127.0.0.1:5060"
std::string to_text(sip::Transport transport, const sip::Endpoint& endpoint);
std::string to_text(const ListenSpec& spec);

}  // namespace edge
