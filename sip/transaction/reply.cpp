#include "sip/transaction/reply.hpp"

#include "sip/base/endpoint.hpp"
#include "sip/base/text.hpp"
#include "sip/message/scanner.hpp"
#include "sip/message/via.hpp"

namespace sip {
void write_received_via(Appender& out, const Via& via, const Source& source) {
    // All in front of the parameters goes back as it came.
    const std::size_t head =
        via.parameters.empty()
            ? via.text.size()
            : static_cast<std::size_t>(via.parameters.text().data() - via.text.data());
    out << trim(slice(via.text, 0, head));
    std::string_view rest = via.parameters.text();
    while (const auto parameter = Parameters::next(rest)) {
        if (equal_ignoring_case(parameter->name, "received") ||
            equal_ignoring_case(parameter->name, "rport"))
            continue;
        write_parameter(out, *parameter);
    }
    const auto sent_by = parse_numeric_host(via.host);
    if (via.has_rport || !sent_by || *sent_by != source.remote.address) {
        out << ";received=";
        // RFC 5118 4.5: never with brackets.
        write_address(out, source.remote.address, Brackets::none);
    }
    if (via.has_rport) out << ";rport=" << source.remote.port;
}

ResponseRoute response_route(const Via& via, const Source& source, Sender sender) {
    ResponseRoute route{back_to(source), source.remote};
    const std::uint16_t sent_by_port = via.port_or_default();
    if (is_reliable(source.transport)) {
        route.reopen_at.port = sent_by_port;
        return route;
    }
    // RFC 3261 18.2.2: maddr, then received with the sent-by port; RFC 3581 4: rport before that.
    // RFC 3261 18.2.2, not followed: the maddr of a stranger.
    const auto maddr = parse_numeric_host(via.maddr);
    if (maddr && !via.maddr.empty() && sender == Sender::proved) {
        route.target.remote = {*maddr, sent_by_port};
    } else if (!via.has_rport) {
        route.target.remote.port = sent_by_port;
    }
    return route;
}

std::uint64_t stateless_tag(const HashKey& key, const MessageView& request) {
    KeyedHash hash(key);
    hash.add("stateless To tag");
    for (HeaderId id : {HeaderId::via, HeaderId::from, HeaderId::call_id})
        hash.add(request.value_of(id));
    // RFC 3261 9.2: a CANCEL has its request's number, and is answered with the same tag.
    const std::string_view cseq = request.value_of(HeaderId::cseq);
    return hash.add(slice(cseq, 0, cseq.find_first_not_of("0123456789"))).finish();
}

Reply::Reply(Shard& shard, const MessageView& request, const Source& source,
             std::string_view to_tag, std::uint16_t status, std::string_view reason)
    : shard_(shard), out_(shard.scratch()), writer_(out_), status_(status) {
    writer_.response(status, reason.empty() ? reason_of(status) : reason);
    bool first = true;
    for (const HeaderField& field : request.headers) {
        if (field.id != HeaderId::via) continue;
        std::string_view rest = field.value;
        if (!first) {
            writer_.header(HeaderId::via, field.value);
            continue;
        }
        first = false;
        const auto via = next_via(rest, shard.leniency, request.limit());
        if (!via || !*via) {
            // It cannot be read: whoever sent it may know it again.
            if (!has_control(field.value)) writer_.header(HeaderId::via, field.value);
            continue;
        }
        Appender& out = writer_.begin(HeaderId::via);
        write_received_via(out, **via, source);
        rest = trim(rest);
        if (!rest.empty()) out << ", " << rest;
        writer_.end();
    }
    if (const auto* from = request.find(HeaderId::from);
        from != nullptr && !has_control(from->value))
        writer_.header(HeaderId::from, from->value);
    if (const auto* to = request.find(HeaderId::to); to != nullptr && !has_control(to->value)) {
        const auto parsed = parse_name_addr(to->value, shard.leniency, request.limit());
        const bool tagged = !parsed || parsed->parameters.has("tag") || status == 100;
        Appender& out = writer_.begin(HeaderId::to) << to->value;
        if (!tagged && !to_tag.empty()) {
            out << ";tag=" << to_tag;
            tag_end_ = static_cast<std::uint16_t>(out.size());
        }
        writer_.end();
    }
    for (HeaderId id : {HeaderId::call_id, HeaderId::cseq})
        if (const auto* field = request.find(id); field != nullptr && !has_control(field->value))
            writer_.header(id, field->value);
    if (status == 100 && request.has(HeaderId::timestamp))
        writer_.header(HeaderId::timestamp, request.value_of(HeaderId::timestamp));
}

Packet Reply::finish() {
    writer_.finish(0);
    return seal();
}

Packet Reply::finish(std::string_view content_type, std::string_view body) {
    writer_.finish(content_type, body);
    return seal();
}

Packet Reply::seal() {
    if (out_.overflowed()) {
        ++shard_.counters.limit_response_bytes;
        return {};
    }
    Packet packet{SharedBytes::copy(shard_.memory, out_.view()), {}, repeatable_, tag_end_};
    if (packet) return packet;
    ++shard_.counters.limit_memory;
    return {};
}

}  // namespace sip
