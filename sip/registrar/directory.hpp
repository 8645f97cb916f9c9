#pragma once

#include <string_view>

namespace sip {

/// Which domains and addresses an element is responsible for.
class Directory {
public:
    /// `host` as it stands in a URI, in any case.
    virtual bool serves_domain(std::string_view host) const = 0;
    /// Whether somebody has this address-of-record, given in canonical form ("user@domain").
    virtual bool exists(std::string_view address_of_record) const = 0;

protected:
    ~Directory() = default;
};

}  // namespace sip
