#pragma once

#include <cstdint>
#include <string_view>

#include "sip/base/packet.hpp"
#include "sip/message/message_writer.hpp"
#include "sip/transaction/request.hpp"
#include "sip/transport/shard.hpp"

namespace sip {

/// Builds one response: the status line, then Via (received and rport filled in), From, To, Call-ID
/// and CSeq of the request (RFC 3261 8.2.6.2); the caller adds what else belongs in and finishes.
/// One at a time in a shard: it writes into the shard's scratch.
class Reply {
public:
    /// An empty `reason` becomes the RFC's. The request needs no essentials: what cannot be read
    /// is copied as far as it is harmless, or left out.
    Reply(Shard& shard, const MessageView& request, const Source& source, std::string_view to_tag,
          std::uint16_t status, std::string_view reason = {});
    Reply(Shard& shard, const Request& request, std::uint16_t status, std::string_view reason = {})
        : Reply(shard, request.message, request.source, request.local_tag, status, reason) {
        if (out_.size() <= UINT16_MAX) repeatable_ = static_cast<std::uint16_t>(out_.size());
    }

    MessageWriter& writer() { return writer_; }
    Reply& header(HeaderId id, std::string_view value) {
        writer_.header(id, value);
        return *this;
    }
    Reply& header(HeaderId id, std::uint64_t value) {
        writer_.header(id, value);
        return *this;
    }
    std::uint16_t status() const { return status_; }
    /// The whole response, or an empty packet: it was longer than the limit, or memory refused.
    Packet finish();
    Packet finish(std::string_view content_type, std::string_view body);
    /// For a response that is made again: what stood behind CSeq goes here, Content-Length and the
    /// empty line included; then `finish_copy`.
    Appender& rest() { return out_; }
    Packet finish_copy() { return seal(); }

private:
    Packet seal();

    Shard& shard_;
    Appender out_;
    MessageWriter writer_;
    std::uint16_t status_;
    std::uint16_t repeatable_ = 0, tag_end_ = 0;  ///< see Packet
};

/// RFC 3261 18.2.1, RFC 3581 4: the top Via of a request with what was learnt of its sender.
void write_received_via(Appender& out, const Via& via, const Source& source);

/// RFC 3261 18.2.2 and RFC 3581 4: where the response to a request goes. Streams: back on the
/// connection. `reopen_at` is where to connect to when that is gone.
struct ResponseRoute {
    Target target;
    Endpoint reopen_at;
};
/// Where the sender is a stranger, maddr is not followed: whoever asks could have answers sent to
/// anybody else (threat 25).
enum class Sender : std::uint8_t { stranger, proved };
ResponseRoute response_route(const Via& via, const Source& source, Sender sender);

/// The To tag of answers that keep no state: the same for each copy of a request (RFC 3261 8.2.7),
/// and nobody can guess it.
std::uint64_t stateless_tag(const HashKey& key, const MessageView& request);

}  // namespace sip
