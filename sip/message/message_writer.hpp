#pragma once

#include <cstdint>
#include <string_view>

#include "sip/base/buffer.hpp"
#include "sip/message/header_id.hpp"
#include "sip/message/method.hpp"

namespace sip {

/// Writes one message, head first, into a buffer. Whatever it is given, no line comes out that was
/// not asked for: in a value folds become single spaces and control bytes go, but for those of
/// quoted-pairs. What cannot be made clean fails the buffer (it has `overflowed`): a method or name
/// that is no token, a Request-URI with a byte that may not stand in one, a status that is none, a
/// Content-Length beside that of `finish`, a field begun and not ended, or text that was written
/// outside of any.
class MessageWriter {
public:
    explicit MessageWriter(Appender& out) : out_(out), line_at_(out.size()) {}

    MessageWriter& request(Method method, std::string_view uri);
    MessageWriter& request(std::string_view method, std::string_view uri);
    /// An empty `reason` becomes the RFC's for that status.
    MessageWriter& response(std::uint16_t status, std::string_view reason = {});

    /// A whole header field.
    MessageWriter& header(HeaderId id, std::string_view value);
    MessageWriter& header(std::string_view name, std::string_view value);
    MessageWriter& header(HeaderId id, std::uint64_t value);
    /// Starts a header field whose value the caller appends to what is returned; `end` closes it.
    Appender& begin(HeaderId id);
    MessageWriter& end();
    /// The same where all of the value is our own: numbers, addresses, words of ours. Nobody looks
    /// whether it is clean.
    MessageWriter& end_own();

    /// Content-Length and the empty line: the head is done. `body_bytes` follow elsewhere.
    void finish(std::size_t body_bytes);
    /// The same, and the body behind it. With a `content_type`, that field too.
    void finish(std::string_view content_type, std::string_view body);

private:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    void start_line();
    void value_starts() {
        value_at_ = out_.size();
        line_at_ = none;
    }
    MessageWriter& request_line(std::string_view method, std::string_view uri, bool is_method);
    template <class Copy>
    bool plain_header(HeaderId id, std::string_view value, Copy copy);
    [[gnu::noinline]] MessageWriter& short_header(HeaderId id, std::string_view value);
    [[gnu::noinline, gnu::cold]] MessageWriter& any_header(HeaderId id, std::string_view value);
    void start_value(HeaderId id);
    void start_value(std::string_view name);
    void end_line(bool quotes);

    Appender& out_;
    std::size_t line_at_;          ///< where the last line ended; `none` in one
    std::size_t value_at_ = none;  ///< where the text begins that `end_line` cleans
};

/// `text` between quotes, with quoted-pairs where needed. RFC 3261 25.1 quoted-string.
void write_quoted(Appender& out, std::string_view text);
/// `"Display" <uri>` or `<uri>`; always in brackets (RFC 8217).
void write_name_addr(Appender& out, std::string_view display_name, std::string_view uri);

}  // namespace sip
