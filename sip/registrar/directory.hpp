#pragma once

#include <span>
#include <string_view>

#include "sip/base/endpoint.hpp"
#include "sip/base/text.hpp"

namespace sip {

/// Who has an address with this element.
class Directory {
public:
    /// Whether there is such an address-of-record, given in canonical form ("user@domain").
    virtual bool exists(std::string_view address_of_record) const = 0;

protected:
    ~Directory() = default;
};

/// Whether `host`, as it stands in a URI, is one of `domains`: names in any case, addresses by
/// value.
inline bool is_one_of(std::span<const std::string_view> domains, std::string_view host) {
    const auto address = parse_numeric_host(host);
    for (std::string_view domain : domains) {
        if (equal_ignoring_case(domain, host)) return true;
        if (address && parse_numeric_host(domain) == address) return true;
    }
    return false;
}

}  // namespace sip
