#pragma once

#include <string_view>

namespace presence {

/// Who may publish for whom besides themself: a desk for its boss, a calendar for everybody.
class Delegations {
public:
    /// Both are canonical addresses-of-record. Asked at each PUBLISH for another's address; false
    /// is answered 403 (RFC 3903 14.1).
    virtual bool may_publish(std::string_view publisher, std::string_view presentity) const = 0;

protected:
    ~Delegations() = default;
};

}  // namespace presence
