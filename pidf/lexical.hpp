#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "pidf/arena.hpp"

namespace pidf {

/// The simple types of XML Schema that presence documents are made of: whether a text, without
/// blanks around it, is one; and for two of them the valid form of what clients write instead.

/// xs:anyURI: a URI or relative reference of RFC 3986, other than ASCII too. RFC 2732, to which
/// XML Schema 1.0 refers, lets an IPv6 address stand in brackets in any host: sip:a@[2001:db8::1].
bool is_any_uri(std::string_view text);
/// A URI with its scheme, and something behind it.
bool is_uri(std::string_view text);
/// xs:language: "en", "zh-Hant-TW".
bool is_language(std::string_view text);
/// xs:boolean, xs:integer and xs:positiveInteger (of 18 digits at most).
bool is_boolean(std::string_view text);
bool is_integer(std::string_view text);
bool is_positive_integer(std::string_view text);
/// Both xs:dateTime and RFC 3339 as RFC 3863 4.1.7 has it: capital T and Z, years 1 to 9999, no
/// leap second, an offset of 14 hours at most.
bool is_date_time(std::string_view text);

/// `out`: the language tag that `text` means ("en_US" is "en-US"), or nothing. False: refused.
[[nodiscard]] bool normal_language(std::string_view text, Arena& arena, std::string_view& out);
/// `out`: the same instant by is_date_time, `text` itself where that will do; nothing when it is
/// no RFC 3339, or of no year that can be written. `wall_ms`: the instant. False: refused.
[[nodiscard]] bool normal_date_time(std::string_view text, Arena& arena, std::string_view& out,
                                    std::optional<std::int64_t>& wall_ms);
/// `out`: `text` where it is an NCName, else one made of it; different ones of different texts.
[[nodiscard]] bool normal_ncname(std::string_view text, Arena& arena, std::string_view& out);

}  // namespace pidf
