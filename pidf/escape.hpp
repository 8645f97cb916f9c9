#pragma once

#include <string_view>

#include "sip/base/buffer.hpp"

namespace pidf {

/// Writes text into an element or an attribute in double quotes, so that a reader gets it back:
/// markup as references, and in an attribute line ends and tabs too; blanks alone in an element as
/// references. What XML has no way to write, or is no UTF-8, becomes U+FFFD.
void escape(sip::Appender& out, std::string_view text, bool in_attribute);

}  // namespace pidf
