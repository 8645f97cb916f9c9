#pragma once

#include <string_view>

#include "sip/base/buffer.hpp"

namespace presence {

/// Writes a domain in the form in which RFC 4745 7.1.3 compares it: percent-encoding undone, each
/// label through ToASCII of RFC 3490 and in lower case, without a dot at the end; an address in
/// digits in its canonical form. Two domains are the same when these are the same bytes. False: the
/// conversion fails, and the domain is equal to none.
///
/// Of Unicode it takes letters for which nameprep (RFC 3491) is no more than a change of case:
/// Latin, Greek, Cyrillic, Hebrew, Arabic, Devanagari and Thai without combining marks, kana, Han
/// and Hangul. A name with any other character has to be given as its A-labels ("xn--...").
[[nodiscard]] bool write_domain(sip::Appender& out, std::string_view domain);

/// A domain name in this form has no more bytes (RFC 1035 2.3.4), and neither has a label.
inline constexpr std::size_t domain_max = 255, label_max = 63;

}  // namespace presence
