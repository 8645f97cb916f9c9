#pragma once

#include <cstdint>
#include <optional>

#include "sip/message/name_addr.hpp"

namespace sip {

/// One Contact value. RFC 3261 20.10.
struct Contact {
    bool star = false;  ///< "*"; nothing else is set then
    NameAddr address;
    std::optional<std::uint32_t> expires;  ///< malformed or above 2^32-1: 3600 (RFC 4475 3.1.2.4)
    std::uint16_t q = 1000;                ///< thousandths; 1000 when absent
    bool has_q = false;
};

/// Takes the next value off the front of `rest`: see `take_value`. A malformed q is an error.
/// Where it is known what can be read behind `rest`, up to `limit`, it costs less.
Taken take_contact(std::string_view& rest, Contact& contact, Error& error, const Leniency& leniency,
                   const char* limit = nullptr);

/// The same as a value; nothing at the end.
std::optional<Expected<Contact>> next_contact(std::string_view& rest, const Leniency& leniency = {},
                                              const char* limit = nullptr);

}  // namespace sip
