#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sip/base/limits.hpp"
#include "sip/base/memory.hpp"
#include "sip/base/text.hpp"
#include "sip/message/leniency.hpp"
#include "sip/message/message_parser.hpp"

namespace sip {

/// Cuts the bytes of one connection into messages and keep-alives (RFC 3261 18.3, RFC 5626 4.4.1).
/// However the stream was split on its way, what comes out is the same, and the work is linear in
/// the bytes that came in. Holds memory only while bytes wait in it.
class StreamFramer {
public:
    /// What may wait beyond one message of the largest size: append no more before `next` has said
    /// `need_more`.
    static constexpr std::size_t read_ahead_max = 262'144;

    StreamFramer(Memory& memory, const Limits& limits)
        : memory_(&memory), size_max_(limits.message_bytes + read_ahead_max) {}

    /// Keeps a copy of `bytes`. False: memory was refused, or too much waits already; nothing was
    /// kept then, and the connection is of no more use. Ends what the last `next` gave.
    [[nodiscard]] bool append(std::string_view bytes);

    enum class Kind : std::uint8_t {
        need_more,   ///< nothing whole is there
        message,     ///< `scan.message`
        ping,        ///< a double CRLF between messages: answer with one CRLF
        keep_alive,  ///< a single CRLF, a pong or the first half of a ping: nothing to do
        broken,      ///< `scan` says why; unless it is `framed`, nothing ever comes after it
    };
    struct Next {
        Kind kind = Kind::need_more;
        Scan scan;
    };
    /// The next thing in the stream. Its views are valid until the next call of `next` or `append`.
    /// `limits` and `leniency` are the same each time.
    Next next(std::span<HeaderField> slots, const Limits& limits, const Leniency& leniency);

    /// A message is begun and not complete (once `next` has said `need_more`).
    bool midway() const { return !lost_ && buffered() > 0; }
    /// Framing is lost: whatever else comes is dropped unread.
    bool lost() const { return lost_; }
    /// Bytes that wait.
    std::size_t buffered() const { return end_ - begin_ - given_; }
    /// Memory taken for them.
    std::size_t held() const { return buffer_.size(); }

private:
    void drop_given();
    [[nodiscard]] bool make_room(std::size_t size);
    bool section_is_whole(std::string_view waiting);
    std::string_view waiting() const { return slice(buffer_.view(), begin_, end_ - begin_); }

    Memory* memory_;
    std::size_t size_max_;
    Block buffer_;
    std::size_t begin_ = 0, end_ = 0;  ///< what waits in buffer_
    std::size_t given_ = 0;            ///< of that, what the last `next` gave
    std::size_t searched_ = 0;         ///< bytes from begin_ without an end of the header section
    std::size_t needed_ = 0;           ///< bytes of the begun message; 0: not known yet
    bool half_ping_ = false;           ///< a CRLF was the last thing
    bool lost_ = false;
};

}  // namespace sip
