#include "sip/transport/certificate_names.hpp"

#include <algorithm>

#include "sip/base/buffer.hpp"
#include "sip/base/endpoint.hpp"
#include "sip/base/ranges.hpp"
#include "sip/base/text.hpp"

namespace sip {
namespace {

constexpr std::size_t name_max = 253, label_max = 63;

bool is_label(std::string_view label) {
    // An underscore is no letter of a host name, and stands in some all the same.
    return !label.empty() && label.size() <= label_max && label.front() != '-' &&
           label.back() != '-' &&
           all_of(label, [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; });
}

/// A DNS name as RFC 5280 4.2.1.6 wants it: labels alone, no wildcard, no final dot, no address in
/// disguise, and no NUL or other byte behind which another name would hide.
bool is_dns_name(std::string_view name) {
    if (name.empty() || name.size() > name_max || parse_numeric_host(name)) return false;
    for (;;) {
        const Halves halves = split_at(name, '.');
        if (!is_label(halves.before)) return false;
        if (!halves.found) return true;
        name = halves.after;
    }
}

/// The host of "sip:example.com"; nothing for another scheme, a user part, or what is no URI. Port,
/// parameters and headers say nothing of the domain, and a certificate has none.
std::optional<std::string_view> host_of(std::string_view uri) {
    constexpr std::string_view scheme = "sip:";
    if (uri.size() <= scheme.size() || !equal_ignoring_case(slice(uri, 0, scheme.size()), scheme))
        return {};
    const std::string_view host = slice(uri, scheme.size());
    // RFC 5922 7.1: with an "@" it is the name of a user, not of a domain.
    if (host.find('@') != std::string_view::npos) return {};
    const bool is_address = parse_ipv4(host) || (host.front() == '[' && parse_numeric_host(host));
    if (!is_address && !is_dns_name(host)) return {};
    return host;
}

std::optional<Address> address_of(std::string_view bytes) {
    Address address;
    if (bytes.size() == 4) {
        const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
        return Address::v4(at(0), at(1), at(2), at(3));
    }
    if (bytes.size() != address.bytes.size()) return {};
    std::transform(bytes.begin(), bytes.end(), address.bytes.begin(),
                   [](char c) { return static_cast<std::uint8_t>(c); });
    return address;
}

std::string_view without_final_dot(std::string_view name) {
    if (name.size() > 1 && name.ends_with('.')) name.remove_suffix(1);
    return name;
}

}  // namespace

DomainIdentities::DomainIdentities(const CertificateNames& names) : names_(names) {
    by_uri_ = any_of(names.alternatives, [](const AlternativeName& name) {
        return name.type == AlternativeName::Type::uri && host_of(name.value);
    });
}

std::optional<std::string_view> DomainIdentities::identity_of(const AlternativeName& name) {
    switch (name.type) {
        case AlternativeName::Type::uri: return host_of(name.value);
        case AlternativeName::Type::dns:
            if (!by_uri_ && is_dns_name(name.value)) return name.value;
            return {};
        case AlternativeName::Type::ip: {
            // RFC 5922 7.1, not followed: an address is no domain. But a URI may have one in the
            // place of a domain (RFC 3261 19.1.1), and this is how a certificate says it.
            const auto address = address_of(name.value);
            if (!address) return {};
            Appender out(room_);
            write_address(out, *address, Brackets::ipv6);
            return out.view();
        }
        case AlternativeName::Type::other: return {};
    }
    return {};
}

std::optional<std::string_view> DomainIdentities::next() {
    while (at_ < names_.alternatives.size())
        if (const auto identity = identity_of(names_.alternatives[at_++])) return identity;
    // RFC 5922 7.1: only where there is no subjectAltName at all.
    if (names_.has_alternatives || common_name_read_) return {};
    common_name_read_ = true;
    if (!is_dns_name(names_.common_name)) return {};
    return names_.common_name;
}

bool is_same_domain(std::string_view a, std::string_view b) {
    const auto first = parse_numeric_host(a), second = parse_numeric_host(b);
    if (first || second) return first == second;
    a = without_final_dot(a);
    return !a.empty() && equal_ignoring_case(a, without_final_dot(b));
}

bool proves(const CertificateNames& names, std::string_view domain) {
    DomainIdentities identities(names);
    while (const auto identity = identities.next())
        if (is_same_domain(*identity, domain)) return true;
    return false;
}

bool allows_sip(const KeyUsage& usage, bool as_server, bool strict) {
    if (!usage.restricted || usage.sip_domain || usage.any) return true;
    // RFC 5924 4.1, not followed: what public authorities issue is for TLS servers and clients, and
    // never says sipDomain; the domain is in its names all the same.
    return !strict && (as_server ? usage.tls_server : usage.tls_client || usage.tls_server);
}

}  // namespace sip
