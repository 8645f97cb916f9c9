#pragma once

#include "sip/base/packet.hpp"
#include "sip/message/message_view.hpp"
#include "sip/transport/shard.hpp"

namespace sip {

/// The ACK for `response`, which is no 2xx, to `invite` as it was sent (RFC 3261 17.1.1.3): its
/// Request-URI, top Via, Route, From, Call-ID and CSeq number, and To of the response. Empty:
/// memory or room refused.
Packet make_ack(Shard& shard, const Packet& invite, const MessageView& response);

/// The CANCEL of `invite` as it was sent (RFC 3261 9.1), in its branch. `reason`: the value of a
/// Reason field (RFC 3326), or empty. Empty: as above.
Packet make_cancel(Shard& shard, const Packet& invite, std::string_view reason);

}  // namespace sip
