#include <cstring>

#include "sip/message/message_parser.hpp"
#include "sip/proxy/best_response.hpp"
#include "sip/proxy/proxy.hpp"

namespace sip {
namespace {

/// RFC 3326: so that a phone that rang does not count the call as missed.
constexpr std::string_view answered_elsewhere = "SIP;cause=200;text=\"Call completed elsewhere\"";
/// What a message may grow by on its way through us: Via, Record-Route, Path.
constexpr std::size_t growth = 8'192;

bool is_challenge(HeaderId id) {
    return id == HeaderId::www_authenticate || id == HeaderId::proxy_authenticate;
}

}  // namespace

/// Room to write one message in, taken when it is first needed; empty when memory refuses it.
std::span<char> Proxy::room() {
    if (room_.empty() &&
        !room_.resize(core_.shard.memory, core_.shard.limits.message_bytes + growth))
        ++core_.shard.counters.limit_memory;
    return {room_.data(), room_.size()};
}

void Proxy::on_response(const Now& now, Handle object, const Response& response) {
    Leg* leg = legs_.find(object);
    if (leg == nullptr) return;
    const Handle handle = leg->context;
    Context& context = *contexts_.find(handle);
    if (response.status < 200) {
        leg->rings = true;
        provisional(now, context, response, *leg);
        return;
    }
    if (response.status < 300) {
        leg->phase = Phase::done;
        leg->c_at = never;
        success(now, handle, response, *leg);
        advance(now, handle);
        return;
    }
    // RFC 3263 4.3: a 503 says that another server may do.
    if (response.status == 503 && !context.ended && !context.answered &&
        leg->next_target < leg->targets.size()) {
        core_.clients.abandon(leg->transaction);
        send(now, object);
        advance(now, handle);
        return;
    }
    leg->phase = Phase::done;
    leg->c_at = never;
    set_c(now, context);
    if (!context.answered) remember(context, response.status, &response.message, {});
    // RFC 3261 16.7 item 5: a 6xx speaks for all.
    if (response.status >= 600) end_legs(now, context, {});
    advance(now, handle);
}

/// RFC 3261 16.7 items 2 and 5. RFC 4320 4.1: of other methods none is sent on.
void Proxy::provisional(const Now& now, Context& context, const Response& response,
                        const Leg& leg) {
    if (context.method != Method::invite || response.status == 100) return;
    if (leg.c_at != never) {
        const_cast<Leg&>(leg).c_at = later(now.mono, core_.shard.limits.timer_c);
        set_c(now, context);
    }
    if (!context.answered) (void)pass_on(now, context, response.message, leg);
}

/// RFC 3261 16.7 item 5: each 2xx to an INVITE goes on at once; of other methods the first alone.
void Proxy::success(const Now& now, Handle handle, const Response& response, const Leg& leg) {
    Context& context = *contexts_.find(handle);
    const bool invite = context.method == Method::invite;
    if (!invite && context.answered) return;
    const bool first = !context.answered;
    // A copy of a 2xx to INVITE comes until its ACK does: what could not be sent will be then.
    if (!pass_on(now, context, response.message, leg) && !invite) {
        remember(context, 500, nullptr, "No memory for the answer");
        return;
    }
    context.answered = true;
    if (invite) {
        // RFC 6026: others may follow for as long as the transactions live.
        context.timers.set(core_.shard.timers, Name::end,
                           later(now.mono, 64 * core_.shard.limits.t1));
        if (first) end_legs(now, context, answered_elsewhere);
    } else {
        end_legs(now, context, {});
    }
}

/// Writes what goes back of a response; an empty packet where memory or room refuse it.
Packet Proxy::copy_response(const Context&, const ResponseCopy& copy) {
    Appender out(room());
    write_response(out, copy, own_, core_.shard.leniency);
    if (out.overflowed()) {
        ++core_.shard.counters.limit_response_context_bytes;
        return {};
    }
    Packet packet{SharedBytes::copy(core_.shard.memory, out.view()), {}};
    if (!packet) ++core_.shard.counters.limit_memory;
    return packet;
}

bool Proxy::pass_on(const Now& now, Context& context, const MessageView& message, const Leg& leg) {
    ResponseCopy copy{message};
    RouteToken back;
    // RFC 3261 16.7 item 8: our Record-Route, as the sender of the request needs it.
    if (context.stays)
        if (const auto behind = hop_behind(message, context.token, own_, core_.shard.leniency)) {
            const auto to = parse_name_addr(message.value_of(HeaderId::to), core_.shard.leniency);
            back = RouteToken::make(core_.shard.key, message.value_of(HeaderId::call_id),
                                    to ? to->tag() : std::string_view{}, *behind, leg.way.flow,
                                    core_.shard.place);
            copy.record_route = &context.token;
            copy.route_back = &back;
        }
    const Packet packet = copy_response(context, copy);
    if (!packet) return false;
    ++core_.shard.counters.forwarded_responses;
    core_.servers.respond(now, context.server, message.status, packet);
    return true;
}

/// A final response that is no 2xx: kept if it is better than what there was. Null: of our making.
void Proxy::remember(Context& context, std::uint16_t status, const MessageView* message,
                     std::string_view reason) {
    if (message != nullptr && (status == 401 || status == 407))
        remember_challenges(context, *message);
    if (context.best_status != 0 && rank_of(context.best_status) <= rank_of(status)) return;
    context.best_status = status;
    context.best_reason = reason;
    context.best = {};
    if (message == nullptr) return;
    const std::size_t others = context.request.view().size() + context.challenges.size();
    if (others + message->bytes.size() > core_.shard.limits.response_context_bytes) {
        ++core_.shard.counters.limit_response_context_bytes;
        return;
    }
    context.best = SharedBytes::copy(core_.shard.memory, message->bytes);
    if (!context.best) ++core_.shard.counters.limit_memory;
}

/// RFC 3261 16.7 item 7: the challenges of all branches go to who can answer them.
void Proxy::remember_challenges(Context& context, const MessageView& message) {
    Appender out(room());
    out << context.challenges.view();
    for (const HeaderField& field : message.headers)
        if (is_challenge(field.id)) write_line(out, field);
    const std::size_t others = context.request.view().size() + context.best.view().size();
    if (out.overflowed() || others + out.size() > core_.shard.limits.response_context_bytes) {
        ++core_.shard.counters.limit_response_context_bytes;
        return;
    }
    Block grown;
    if (!grown.assign(core_.shard.memory, out.view())) {
        ++core_.shard.counters.limit_memory;
        return;
    }
    context.challenges = std::move(grown);
}

/// All branches are done. RFC 3261 16.7 items 6 to 9, and the end of the context.
void Proxy::finish(const Now& now, Handle handle) {
    Context& context = *contexts_.find(handle);
    if (!context.server) return destroy(handle);  // an ACK
    if (comes_back(context))
        return give_back(now, handle, context.best ? context.best_status : std::uint16_t{0});
    if (!context.answered) {
        std::uint16_t status = context.best_status;
        std::string_view reason = context.best_reason;
        // RFC 3261 16.10: what was cancelled is answered so, where no branch has said anything.
        if (context.cancelled && !context.best) {
            status = 487;
            reason = {};
        }
        if (status == 0) status = 500;
        // RFC 4320 4.2: a timeout is told to nobody but of an INVITE.
        if (status == 408 && context.method != Method::invite) return forget(handle);
        answer(now, context, status, reason);
        context.answered = true;
    }
    if (context.method == Method::invite && context.timers.running(Name::end)) return;
    destroy(handle);
}

void Proxy::answer(const Now& now, Context& context, std::uint16_t status,
                   std::string_view reason) {
    Shard& shard = core_.shard;
    // RFC 3261 16.7 item 6: 503 would say of us that we are overloaded.
    const std::uint16_t told = status == 503 ? 500 : status;
    Packet packet;
    if (context.best) {
        const Scan scan = scan_message(context.best.view(), slots_, Framing::datagram, shard.limits,
                                       shard.leniency);
        ResponseCopy copy{scan.message};
        if (told != status) copy.status = told;
        if (status == 401 || status == 407) copy.challenges = context.challenges.view();
        packet = copy_response(context, copy);
        if (packet) ++shard.counters.forwarded_responses;
    }
    if (!packet) {
        const Opened opened = open(context);
        Room<16> tag;
        tag.hex(stateless_tag(shard.key, opened.message));
        const std::string_view to_tag =
            opened.essentials.to_tag.empty() ? tag.view() : opened.essentials.to_tag;
        Reply reply(shard, opened.message, context.source, to_tag, told, reason);
        packet = reply.finish();
    }
    if (!packet) {
        core_.servers.forget(context.server);
        return;
    }
    core_.servers.respond(now, context.server, told, packet);
}

}  // namespace sip
