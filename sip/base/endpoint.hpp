#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "sip/base/buffer.hpp"
#include "sip/base/siphash.hpp"

namespace sip {

/// An IP address; IPv4 as IPv4-mapped IPv6 (RFC 4291 2.5.5.2), so that there is one form to
/// compare.
struct Address {
    std::array<std::uint8_t, 16> bytes{};

    bool is_v4() const {
        constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
        return std::memcmp(bytes.data(), mapped, sizeof mapped) == 0;
    }
    bool is_loopback() const;
    bool is_unspecified() const;
    friend bool operator==(const Address&, const Address&) = default;

    static Address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
        return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}};
    }
};

/// An address and port, as a datagram or a connection has them.
struct Endpoint {
    Address address;
    std::uint16_t port = 0;
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// Whom a quota by address is for, as a keyed hash: a host has all addresses of an IPv6 network of
/// 64 bits (RFC 4291 2.5.4), which count as one.
std::uint64_t site_hash(const HashKey& key, const Address& address);

/// RFC 3261 25.1 IPv4address; nothing when the text is anything else.
std::optional<Address> parse_ipv4(std::string_view text);
/// RFC 5954 IPv6address without brackets; also takes the ":::" of the old grammar before an IPv4
/// suffix. Nothing when the text is anything else.
std::optional<Address> parse_ipv6(std::string_view text);
/// A host as it stands in a URI or Via: IPv4, IPv6 in brackets, or (as `received` is often
/// written) IPv6 without. Nothing for a name.
std::optional<Address> parse_numeric_host(std::string_view host);

/// Text forms. RFC 5952 4 for IPv6; `bracketed` puts [] around it, as URIs and Via sent-by need.
enum class Brackets : std::uint8_t { none, ipv6 };
void write_address(Appender& out, const Address& address, Brackets brackets);
/// "192.0.2.1:5060", "[2001:db8::1]:5060"
void write_endpoint(Appender& out, const Endpoint& endpoint);

}  // namespace sip
