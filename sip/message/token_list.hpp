#pragma once

#include <optional>
#include <string_view>

#include "sip/base/error.hpp"
#include "sip/message/message_view.hpp"

namespace sip {

/// Takes the next comma-separated token off the front of `rest` (Supported, Require, Allow,
/// Allow-Events, Unsupported, ...). Nothing at the end; empty elements are skipped.
std::optional<Expected<std::string_view>> next_token(std::string_view& rest);

/// Whether any field `id` of `message` lists `token`, in any case.
bool lists_token(const MessageView& message, HeaderId id, std::string_view token);

/// RFC 3261 25.1 token.
bool is_token(std::string_view text);

}  // namespace sip
