#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "sip/base/endpoint.hpp"
#include "sip/base/text.hpp"

namespace sip {

/// The one of `domains` that `host`, as it stands in a URI, names: names in any case, addresses by
/// value. Empty when there is none.
inline std::string_view find_domain(std::span<const std::string_view> domains,
                                    std::string_view host) {
    std::optional<Address> address;
    for (const std::string_view& domain : domains) {
        if (equal_ignoring_case(domain, host)) return domain;
        if (&domain == domains.data()) address = parse_numeric_host(host);
        if (address && parse_numeric_host(domain) == address) return domain;
    }
    return {};
}

}  // namespace sip
