#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/error.hpp"
#include "sip/message/message_view.hpp"
#include "sip/message/parameters.hpp"

namespace sip {

/// Content-Type, or one element of Accept. RFC 3261 20.1, 20.15.
struct MediaType {
    std::string_view type, subtype;  ///< either may be "*" in Accept
    Parameters parameters;
    std::uint16_t q = 1000;  ///< thousandths
};
Expected<MediaType> parse_media_type(std::string_view value);
/// Takes the next element of an Accept value off the front of `rest`; nothing at the end.
std::optional<Expected<MediaType>> next_media_type(std::string_view& rest);

/// Whether `type` ("application/pidf+xml") is `media`, in any case, parameters aside.
bool is_media_type(const MediaType& media, std::string_view type);
/// How much the Accept fields of `message` want `type`: 0 not at all, else 1 to 1000. The most
/// specific range that covers it decides. No Accept field at all: nothing (the caller's default
/// holds). An empty Accept, or a malformed one: 0.
std::optional<std::uint16_t> acceptance_of(const MessageView& message, std::string_view type);

}  // namespace sip
