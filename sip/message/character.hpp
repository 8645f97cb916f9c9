#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sip/base/text.hpp"

namespace sip {

/// Classes of characters in the grammar of RFC 3261 25.1, one bit each: a lookup instead of a
/// comparison for each that a class holds.
enum class Class : std::uint16_t {
    token = 1,       ///< token
    value = 2,       ///< what a parameter may hold unquoted: token, host, and a few of a URI
    unreserved = 4,  ///< of a URI: alphanumeric and mark
    delimiter = 8,   ///< what decides where an element of a list ends: quotes, <, >, comma
    host = 16,       ///< of a name or IPv4 address
    // The parts of a URI (RFC 3261 25.1), escapes aside.
    uri_user = 32,
    uri_password = 64,
    uri_parameter = 128,
    uri_header = 256,
    scheme = 512,
};

namespace detail {
consteval std::array<std::uint16_t, 256> make_classes() {
    std::array<std::uint16_t, 256> table{};
    const auto add = [&](std::string_view characters, Class which) {
        for (char c : characters) {
            auto& entry = table[static_cast<unsigned char>(c)];
            entry = static_cast<std::uint16_t>(entry | static_cast<std::uint16_t>(which));
        }
    };
    constexpr std::string_view alphanumeric =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    constexpr std::string_view mark = "-_.!~*'()";
    for (Class which : {Class::token, Class::value, Class::host, Class::scheme})
        add(alphanumeric, which);
    for (Class which : {Class::unreserved, Class::uri_user, Class::uri_password,
                        Class::uri_parameter, Class::uri_header}) {
        add(alphanumeric, which);
        add(mark, which);
    }
    add("&=+$,;?/", Class::uri_user);
    add("&=+$,", Class::uri_password);
    add("[]/:&+$", Class::uri_parameter);
    add("[]/?:+$", Class::uri_header);
    add("+-.", Class::scheme);
    add("-.!%*_+`'~", Class::token);
    add("-.!%*_+`'~[]:/&$", Class::value);
    add("\"<>,", Class::delimiter);
    add("-._", Class::host);
    return table;
}
inline constexpr std::array<std::uint16_t, 256> classes = make_classes();
}  // namespace detail

constexpr bool is(char c, Class which) {
    return (detail::classes[static_cast<unsigned char>(c)] & static_cast<std::uint16_t>(which)) !=
           0;
}
constexpr bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}
constexpr bool is_token_char(char c) { return is(c, Class::token); }

}  // namespace sip
