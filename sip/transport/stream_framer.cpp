#include "sip/transport/stream_framer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "sip/base/text.hpp"

namespace sip {

bool StreamFramer::append(std::string_view bytes) {
    drop_given();
    if (lost_ || bytes.empty()) return true;
    if (!make_room(bytes.size())) return false;
    std::memcpy(buffer_.data() + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
    return true;
}

void StreamFramer::drop_given() {
    begin_ += given_;
    given_ = 0;
    if (lost_) begin_ = end_;
    if (begin_ < end_) return;
    buffer_.reset();
    begin_ = end_ = 0;
}

/// Room for `size` bytes behind what waits. What waits is moved only when at least as much was
/// taken out before it, or into twice the room: each byte is moved a constant number of times.
bool StreamFramer::make_room(std::size_t size) {
    if (size <= buffer_.size() - end_) return true;
    const std::size_t kept = end_ - begin_;
    if (size > size_max_ || kept > size_max_ - size) return false;
    if (begin_ >= kept && size <= buffer_.size() - kept) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, kept);
    } else {
        Block grown;
        if (!grown.resize(*memory_, std::max(kept + size, std::min(2 * kept, size_max_))))
            return false;
        if (kept > 0) std::memcpy(grown.data(), buffer_.data() + begin_, kept);
        buffer_ = std::move(grown);
    }
    begin_ = 0;
    end_ = kept;
    return true;
}

/// Whether the header section ends in `waiting`: behind the first line that an empty one follows.
/// Goes on where the last call stopped.
bool StreamFramer::section_is_whole(std::string_view waiting) {
    for (;;) {
        const std::size_t line_feed = waiting.find('\n', searched_);
        if (line_feed == std::string_view::npos) {
            searched_ = waiting.size();
            return false;
        }
        const std::string_view behind = slice(waiting, line_feed + 1, 2);
        if (behind.starts_with('\n') || behind == "\r\n") return true;
        searched_ = line_feed;  // to be looked at again, if what follows it has not come yet
        if (behind.empty() || behind == "\r") return false;
        ++searched_;
    }
}

StreamFramer::Next StreamFramer::next(std::span<HeaderField> slots, const Limits& limits,
                                      const Leniency& leniency) {
    drop_given();
    const std::string_view bytes = waiting();
    if (bytes.empty() || bytes.size() < needed_) return {};

    if (needed_ == 0) {
        const bool is_line_feed = leniency.bare_line_feed && bytes.front() == '\n';
        if (is_line_feed || bytes.starts_with("\r\n")) {
            given_ = is_line_feed ? 1 : 2;
            half_ping_ = !half_ping_;
            return {half_ping_ ? Kind::keep_alive : Kind::ping, {}};
        }
        if (bytes == "\r") return {};
        // Too long a header section needs no end to be refused.
        if (!section_is_whole(bytes) && bytes.size() < limits.header_bytes) return {};
    }

    Next found{Kind::message, scan_message(bytes, slots, Framing::stream, limits, leniency)};
    if (found.scan.end == ScanEnd::need_more) {
        needed_ = found.scan.needed;
        return {};
    }
    if (found.scan.end == ScanEnd::broken) {
        found.kind = Kind::broken;
        lost_ = !found.scan.framed;
    }
    given_ = found.scan.consumed;
    searched_ = needed_ = 0;
    half_ping_ = false;
    return found;
}

}  // namespace sip
