#include "apps/edge/net/listen_spec.hpp"

#include <array>
#include <optional>

#include "apps/edge/net/address.hpp"
#include "sip/base/text.hpp"

namespace edge {

namespace {

constexpr std::array<std::string_view, 5> transport_names{"udp", "tcp", "tls", "ws", "wss"};

std::optional<sip::Transport> transport_of(std::string_view name) {
    for (std::size_t i = 0; i < transport_names.size(); ++i)
        if (sip::equal_ignoring_case(name, transport_names[i]))
            return static_cast<sip::Transport>(i);
    return {};
}

}  // namespace

std::string_view name_of(sip::Transport transport) {
    return transport_names[static_cast<std::size_t>(transport)];
}

std::string to_text(sip::Transport transport, const sip::Endpoint& endpoint) {
    return std::string(name_of(transport)) + ":" + to_text(endpoint);
}

std::string to_text(const ListenSpec& spec) {
    return to_text(spec.transport, {spec.address, spec.port});
}

Outcome<ListenSpec> parse_listen_spec(std::string_view text) {
    const auto wrong = [&](std::string_view what) {
        return failure("\"" + std::string(text) + "\": " + std::string(what) +
                       "; write it as udp:127.0.0.1:5060 or tcp:[::1]:5060");
    };
    const auto first = text.find(':');
    const auto last = text.rfind(':');
    if (first == std::string_view::npos || first == last) return wrong("a part is missing");
    const auto transport = transport_of(text.substr(0, first));
    if (!transport) return wrong("the transport is none of udp, tcp, tls, ws, wss");
    const std::string_view host = text.substr(first + 1, last - first - 1);
    if (host.find(':') != std::string_view::npos && !host.starts_with('['))
        return wrong("an IPv6 address needs brackets");
    const auto address = numeric_host(host);
    if (!address) return wrong("the host is not an IP address or localhost");
    const std::string_view digits = text.substr(last + 1);
    const auto port = sip::parse_decimal(digits, 65'535);
    if (digits.empty() || !port) return wrong("the port is not a number from 0 to 65535");
    return ListenSpec{*transport, *address, static_cast<std::uint16_t>(*port)};
}

}  // namespace edge
