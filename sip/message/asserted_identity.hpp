#pragma once

#include <optional>

#include "sip/message/message_view.hpp"
#include "sip/message/name_addr.hpp"

namespace sip {

/// P-Asserted-Identity (RFC 3325 9.1): one sip or sips URI, one tel URI, or one of each.
struct AssertedIdentity {
    std::optional<NameAddr> sip, tel;
};

/// What all fields of a message say together; nothing where there is none. An error: a value that
/// is malformed or of another scheme, or more of one kind than one.
Expected<std::optional<AssertedIdentity>> read_asserted_identity(const MessageView& message,
                                                                 const Leniency& leniency = {});

/// The next value of a list. As next_name_addr, but of these schemes alone, and without parameters
/// of the header field.
std::optional<Expected<NameAddr>> next_asserted(std::string_view& rest,
                                                const Leniency& leniency = {});

}  // namespace sip
