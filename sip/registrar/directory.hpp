#pragma once

#include <string_view>

namespace sip {

/// Who has an address with this element.
class Directory {
public:
    /// Whether there is such an address-of-record, given in canonical form ("user@domain").
    virtual bool exists(std::string_view address_of_record) const = 0;

protected:
    ~Directory() = default;
};

}  // namespace sip
