#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/clock.hpp"

namespace presence {

/// What the program around the server says of presentities itself: a phone that is its own presence
/// agent (RFC 3856 7.1). Composed with what is published and registered, as a publication is.
class LocalStates {
public:
    struct State {
        std::string_view document;  ///< PIDF, valid until the next input; any other is left out
        sip::Instant changed{};     ///< when it became so
        std::int64_t changed_wall_ms = 0;  ///< the same as wall time
    };
    /// Of a canonical address-of-record; nothing: only others speak for it. Asked whenever its
    /// document is composed; Server::state_changed says that it is another one than before.
    virtual std::optional<State> state_of(std::string_view presentity) const = 0;

protected:
    ~LocalStates() = default;
};

}  // namespace presence
