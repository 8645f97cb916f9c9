#pragma once

#include <string_view>

#include "sip/base/error.hpp"
#include "sip/message/parameters.hpp"

namespace sip {

/// RFC 6665 8.2.1: the Event header field.
struct EventHeader {
    std::string_view package;  ///< the whole event-type, templates included: "presence.winfo"
    std::string_view id;       ///< empty when absent
    Parameters parameters;
};
/// One value only; a comma is an error.
Expected<EventHeader> parse_event(std::string_view value);
/// RFC 6665 8.2.1: packages compare as tokens in any case (7.3.1), ids byte by byte.
bool same_event(std::string_view package_a, std::string_view id_a, std::string_view package_b,
                std::string_view id_b);

}  // namespace sip
