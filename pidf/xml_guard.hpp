#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sip/base/error.hpp"

namespace pidf {

/// How large a document may be in every direction. Over any of these: `body_too_large`.
struct XmlLimits {
    std::size_t bytes = 65'536;
    std::uint32_t depth = 64;  ///< of any element, the root being at 1; at most 64
    std::uint32_t elements = 2'048;
    std::uint32_t attributes = 60;  ///< of one element, with declarations of namespaces; at most 64
};

/// How many zero bytes stand behind a text that was checked.
inline constexpr std::size_t xml_padding = 16;

/// Whether `text` (UTF-8, without byte order mark) is well-formed XML 1.0 as far as we take it:
/// no document type, no entities but the five and character references, no byte that the parser
/// behind could read differently. Iterative; constant stack. Namespaces are looked at afterwards.
/// The text and its padding are in `copy` then; one over the limit is not copied.
/// `encoding_utf16`: the text was transcoded, so that its declaration may say UTF-16.
/// `plain`: no text and no attribute needs XML's references, line ends or blanks resolved.
/// Errors: `malformed` with the rule and the offset, `body_too_large`.
sip::Fault check_xml(std::string_view text, char* copy, const XmlLimits& limits,
                     bool encoding_utf16 = false, bool* plain = nullptr);

}  // namespace pidf
