#pragma once

#include <cstdint>
#include <string_view>

#include "sip/base/buffer.hpp"
#include "sip/message/header_id.hpp"
#include "sip/message/method.hpp"

namespace sip {

/// Writes one message, head first, into a buffer. Values must not hold CR or LF; `header` folds
/// what came in folded back to single spaces and drops control bytes, so that nothing a peer sent
/// can start a header field of its own.
class MessageWriter {
public:
    explicit MessageWriter(Appender& out) : out_(out) {}

    MessageWriter& request(Method method, std::string_view uri);
    MessageWriter& request(std::string_view method, std::string_view uri);
    /// An empty `reason` becomes the RFC's for that status.
    MessageWriter& response(std::uint16_t status, std::string_view reason = {});

    /// A whole header field; the value as it is but for folds and control bytes.
    MessageWriter& header(HeaderId id, std::string_view value);
    MessageWriter& header(std::string_view name, std::string_view value);
    MessageWriter& header(HeaderId id, std::uint64_t value);
    /// Starts a header field whose value the caller appends to `out()`; `end` closes it.
    Appender& begin(HeaderId id);
    MessageWriter& end();

    /// Content-Length and the empty line: the head is done. `body_bytes` follow elsewhere.
    void finish(std::size_t body_bytes);
    /// The same, and the body behind it. With a `content_type`, that field too.
    void finish(std::string_view content_type, std::string_view body);

    Appender& out() { return out_; }

private:
    Appender& out_;
};

/// `text` between quotes, with quoted-pairs where needed. RFC 3261 25.1 quoted-string.
void write_quoted(Appender& out, std::string_view text);
/// `"Display" <uri>` or `<uri>`; always in brackets (RFC 8217).
void write_name_addr(Appender& out, std::string_view display_name, std::string_view uri);

}  // namespace sip
