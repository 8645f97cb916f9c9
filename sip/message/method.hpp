#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sip {

/// The methods that have a meaning here or elsewhere. RFC 3261 7.1: names are case-sensitive.
enum class Method : std::uint8_t {
    unknown,
    invite,
    ack,
    bye,
    cancel,
    options,
    register_,
    prack,
    subscribe,
    notify,
    publish,
    info,
    refer,
    message,
    update,
};
inline constexpr std::size_t method_count = static_cast<std::size_t>(Method::update) + 1;

/// `unknown` for any other token.
Method method_of(std::string_view name);
/// Empty for `unknown`.
std::string_view name_of(Method method);

}  // namespace sip
