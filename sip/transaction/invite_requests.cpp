#include "sip/transaction/invite_requests.hpp"

#include <array>

#include "sip/base/text.hpp"
#include "sip/message/message_parser.hpp"
#include "sip/message/message_writer.hpp"
#include "sip/message/via.hpp"

namespace sip {
namespace {

/// Of a request of ours, whatever wrote it; enough for `Limits::headers`.
constexpr std::size_t headers_max = 512;

Packet make(Shard& shard, const Packet& invite, std::string_view method, std::string_view to,
            std::string_view reason) {
    std::array<HeaderField, headers_max> slots;
    // Its body stands elsewhere, so that it may seem cut off: the header section is all there.
    const MessageView request =
        scan_message(invite.head.view(), slots, Framing::datagram, shard.limits, shard.leniency)
            .message;
    std::string_view vias = request.value_of(HeaderId::via);
    const auto via = next_via(vias, shard.leniency);
    if (!via || !*via) return {};
    Appender out(shard.scratch());
    MessageWriter writer(out);
    writer.request(method, request.request_uri);
    writer.header(HeaderId::via, trim((*via)->text));
    writer.header(HeaderId::max_forwards, std::uint64_t{70});
    for (const HeaderField& field : request.headers)
        if (field.id == HeaderId::route) writer.header(HeaderId::route, field.value);
    writer.header(HeaderId::from, request.value_of(HeaderId::from));
    writer.header(HeaderId::to, to.empty() ? request.value_of(HeaderId::to) : to);
    writer.header(HeaderId::call_id, request.value_of(HeaderId::call_id));
    const std::string_view cseq = request.value_of(HeaderId::cseq);
    writer.begin(HeaderId::cseq) << slice(cseq, 0, cseq.find_first_not_of("0123456789")) << ' '
                                 << method;
    writer.end();
    if (!reason.empty()) writer.header(HeaderId::reason, reason);
    writer.finish(0);
    if (out.overflowed()) {
        ++shard.counters.limit_response_bytes;
        return {};
    }
    Packet packet{SharedBytes::copy(shard.memory, out.view()), {}};
    if (!packet) ++shard.counters.limit_memory;
    return packet;
}

}  // namespace

Packet make_ack(Shard& shard, const Packet& invite, const MessageView& response) {
    return make(shard, invite, name_of(Method::ack), response.value_of(HeaderId::to), {});
}

Packet make_cancel(Shard& shard, const Packet& invite, std::string_view reason) {
    return make(shard, invite, name_of(Method::cancel), {}, reason);
}

}  // namespace sip
