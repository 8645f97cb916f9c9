#pragma once

#include <string_view>

#include "sip/base/error.hpp"
#include "sip/message/leniency.hpp"
#include "sip/message/parameter_walk.hpp"
#include "sip/message/parameters.hpp"
#include "sip/message/scanner.hpp"
#include "sip/message/uri.hpp"

namespace sip {

/// From, To, Contact, Route, Record-Route, Path: name-addr or addr-spec with parameters behind.
/// RFC 3261 20.10, 20.20, 25.1; RFC 8217.
struct NameAddr {
    std::string_view display_name;  ///< without quotes, escapes kept; empty when there is none
    Uri uri;
    Parameters parameters;   ///< of the header field, not of the URI
    bool bracketed = false;  ///< the URI stood in <>

    /// The `tag` parameter (From, To), or an empty text.
    std::string_view tag() const { return parameters.value_of("tag"); }
};

/// Display name and URI alone; the parameters are not looked at.
Expected<void> read_address(NameAddr& into, Scanner& scanner, Ends ends, const Leniency& leniency);

/// One value, and all of it: `visit` is told its parameters as they are read.
template <class Visit>
Expected<void> read_name_addr(NameAddr& into, Scanner& scanner, Ends ends, const Leniency& leniency,
                              Visit visit) {
    if (const auto address = read_address(into, scanner, ends, leniency); !address) return address;
    return walk_parameters(scanner, into.parameters, ends, visit);
}

/// One value, all of `value`. Without <> everything from ";" on belongs to the header field, and a
/// URI holding "?" or "," is an error (RFC 8217) unless leniency says otherwise.
/// Where it is known what can be read behind `value`, up to `limit`, it costs less.
Expected<NameAddr> parse_name_addr(std::string_view value, const Leniency& leniency = {},
                                   const char* limit = nullptr);

/// The same of a list: see `take_value`.
Taken take_name_addr(std::string_view& rest, NameAddr& into, Error& error, const Leniency& leniency,
                     const char* limit = nullptr);

/// Takes the next comma-separated value off the front of `rest`, minding quotes and <>. Empty
/// elements (", ,") are an error. Nothing at the end.
std::optional<Expected<NameAddr>> next_name_addr(std::string_view& rest,
                                                 const Leniency& leniency = {},
                                                 const char* limit = nullptr);

}  // namespace sip
