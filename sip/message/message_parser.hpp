#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sip/base/error.hpp"
#include "sip/base/limits.hpp"
#include "sip/message/leniency.hpp"
#include "sip/message/message_view.hpp"

namespace sip {

/// How a scan ended.
enum class ScanEnd : std::uint8_t {
    complete,   ///< one message; `consumed` bytes of the input are done with
    need_more,  ///< streams only: call again with a longer input, from the same start
    nothing,    ///< only CRLFs (keep-alives): `consumed` bytes may be dropped
    broken,     ///< `error` says what; `message` holds what could be read, for a 400
};

struct Scan {
    Scan() {}  // no constant: each part is set, which costs less than a string operation over all
    ScanEnd end = ScanEnd::broken;
    MessageView message;
    std::size_t consumed = 0;
    /// `need_more`, once the header section is whole: the size of input that ends this message.
    /// 0 before that.
    std::size_t needed = 0;
    Error error;
    /// Streams, when `broken`: the end of this message is known, so the stream could go on behind
    /// it. False: framing is lost, no later byte may be served.
    bool framed = false;
};

/// The rule that a message breaks which has more header fields than there are slots for.
inline constexpr StaticText too_many_headers = "too many header fields";

enum class Framing : std::uint8_t { datagram, stream };

/// Finds one message at the start of `input` (RFC 3261 7 and 25.1): start line, header fields,
/// body by Content-Length. Goes forward only, allocates nothing. Leading CRLFs are skipped.
///
/// Checked here: the start line, the shape of each header line (name token, colon, no bare CR or
/// LF, folding), control bytes and UTF-8 in all of the header section, Content-Length (one value,
/// digits, 18.3), sizes. Not checked: the values of other header fields; `decode_essentials` and
/// the typed parsers do that.
/// Datagram: octets past Content-Length are dropped; fewer are an error; none given: to the end.
/// Stream: Content-Length is required; too large a message is `broken` as soon as that is known.
/// On `broken` the scan still reads on to the end of the header section where it can, so that an
/// answer can be built; the first error is the one reported, but for a stream's header section
/// that is over its limit: that is always `too_large`. Offsets count from the start of `input`.
Scan scan_message(std::string_view input, std::span<HeaderField> slots, Framing framing,
                  const Limits& limits, const Leniency& leniency);

}  // namespace sip
