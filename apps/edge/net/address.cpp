#include "apps/edge/net/address.hpp"

#include <netinet/in.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "sip/base/text.hpp"

namespace edge {

SocketAddress to_socket_address(const sip::Endpoint& endpoint) {
    SocketAddress made;  // of which one part is written, and no more
    const auto& bytes = endpoint.address.bytes;
    if (endpoint.address.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(endpoint.port);
        std::memcpy(&v4.sin_addr, bytes.data() + 12, 4);
        made.v4 = v4;
        made.size = sizeof v4;
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(endpoint.port);
        std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
        made.v6 = v6;
        made.size = sizeof v6;
    }
    return made;
}

sip::Endpoint to_endpoint(const sockaddr* address) {
    sip::Endpoint endpoint;
    if (address->sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, address, sizeof v4);
        endpoint.address = sip::Address::v4(0, 0, 0, 0);
        std::memcpy(endpoint.address.bytes.data() + 12, &v4.sin_addr, 4);
        endpoint.port = ntohs(v4.sin_port);
    } else if (address->sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, address, sizeof v6);
        std::memcpy(endpoint.address.bytes.data(), &v6.sin6_addr, 16);
        endpoint.port = ntohs(v6.sin6_port);
    }
    return endpoint;
}

sip::Endpoint local_endpoint(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
    return to_endpoint(reinterpret_cast<const sockaddr*>(&storage));
}

sip::Endpoint remote_endpoint(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
    return to_endpoint(reinterpret_cast<const sockaddr*>(&storage));
}

std::string to_text(const sip::Endpoint& endpoint) {
    std::array<char, 64> room{};
    sip::Appender out(room);
    sip::write_endpoint(out, endpoint);
    return std::string(out.view());
}

std::vector<sip::Address> interface_addresses(const sip::Address& wildcard) {
    std::vector<sip::Address> found;
    uv_interface_address_t* list = nullptr;
    int count = 0;
    if (uv_interface_addresses(&list, &count) != 0) return found;
    for (int i = 0; i < count; ++i) {
        const auto* raw = reinterpret_cast<const sockaddr*>(&list[i].address);
        const sip::Address address = to_endpoint(raw).address;
        const bool link_local =
            !address.is_v4() && address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
        if (address.is_v4() != wildcard.is_v4() || link_local) continue;
        if (std::find(found.begin(), found.end(), address) == found.end()) found.push_back(address);
    }
    uv_free_interface_addresses(list, count);
    return found;
}

Outcome<sip::Address> numeric_host(std::string_view host) {
    if (sip::equal_ignoring_case(host, "localhost")) return sip::Address::v4(127, 0, 0, 1);
    if (const auto address = sip::parse_numeric_host(host)) return *address;
    return failure("\"" + std::string(host) +
                   "\" is not an IP address or localhost; names are not resolved");
}

}  // namespace edge
