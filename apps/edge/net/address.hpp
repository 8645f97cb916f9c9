#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <string_view>
#include <vector>

#include "apps/edge/net/outcome.hpp"
#include "sip/base/endpoint.hpp"

namespace edge {

/// A socket address in the family of its endpoint: AF_INET for IPv4.
struct SocketAddress {
    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
    };
    socklen_t size;
    const sockaddr* get() const { return &any; }
    sockaddr* get() { return &any; }
};
SocketAddress to_socket_address(const sip::Endpoint& endpoint);
/// The endpoint of an AF_INET or AF_INET6 address; one with port 0 for any other family.
sip::Endpoint to_endpoint(const sockaddr* address);

/// The endpoint that `fd` is bound to, or is connected to; port 0 where it has none.
sip::Endpoint local_endpoint(int fd);
sip::Endpoint remote_endpoint(int fd);

/// "192.0.2.1:5060", "[2001:db8::1]:5060"
std::string to_text(const sip::Endpoint& endpoint);

/// Every address of this machine's interfaces in the family of `wildcard`, loopback included.
/// Link-local IPv6 addresses are left out: they mean nothing without an interface.
std::vector<sip::Address> interface_addresses(const sip::Address& wildcard);

/// A host that needs no name service: numeric (IPv6 with or without brackets), or "localhost",
/// which is 127.0.0.1. A name gives an error that says so.
Outcome<sip::Address> numeric_host(std::string_view host);

}  // namespace edge
