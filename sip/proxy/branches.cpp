#include "sip/base/text.hpp"
#include "sip/message/message_parser.hpp"
#include "sip/proxy/proxy.hpp"

namespace sip {
namespace {

/// RFC 3261 18.1.1: the largest request that goes by datagram where the path is unknown.
constexpr std::size_t datagram_max = 1'300;

}  // namespace

Proxy::Opened Proxy::open(const Context& context) {
    const Scan scan = scan_message(context.request.view(), slots_, Framing::datagram,
                                   core_.shard.limits, core_.shard.leniency);
    SIP_ASSERT(scan.end == ScanEnd::complete);
    const auto essentials = decode_essentials(scan.message, core_.shard.leniency);
    SIP_ASSERT(essentials);
    return {scan.message, *essentials, read(scan.message, essentials->request_uri)};
}

/// Does what can be done now: begins branches, and ends the whole when none is left. The context
/// may be gone afterwards.
void Proxy::advance(const Now& now, Handle handle) {
    while (start_group(now, handle)) {
    }
    const Context* context = contexts_.find(handle);
    if (context == nullptr) return;
    for (std::uint32_t i = context->first; i != no_leg; i = legs_.at(i).next)
        if (legs_.at(i).phase != Phase::done) return;
    finish(now, handle);
}

/// Begins the next branch that may be: all of one q at one time, the next q when those are done
/// (RFC 3261 16.6), and never more at one time than Max-Breadth allows (RFC 5393 5.3.3). False:
/// none.
bool Proxy::start_group(const Now& now, Handle handle) {
    const Context* context = contexts_.find(handle);
    if (context == nullptr || context->ended) return false;
    std::uint32_t next = no_leg, taken = 0, waiting = 0;
    std::uint16_t q = 0;
    bool busy = false;
    for (std::uint32_t i = context->first; i != no_leg; i = legs_.at(i).next) {
        const Leg& leg = legs_.at(i);
        if (leg.phase == Phase::locating || leg.phase == Phase::sent) {
            busy = true;
            q = leg.q;
            taken += leg.breadth;
        } else if (leg.phase == Phase::queued && next == no_leg) {
            next = i;
        }
    }
    if (next == no_leg || (busy && legs_.at(next).q != q)) return false;
    if (taken >= context->breadth) {
        ++core_.shard.counters.limit_breadth;  // the others wait
        return false;
    }
    for (std::uint32_t i = next; i != no_leg; i = legs_.at(i).next)
        waiting += legs_.at(i).phase == Phase::queued && legs_.at(i).q == legs_.at(next).q;
    const std::uint32_t share = (context->breadth - taken) / waiting;
    legs_.at(next).breadth = static_cast<std::uint16_t>(share == 0 ? 1 : share);
    start(now, legs_.handle_at(next));
    return true;
}

/// Finds out where a branch goes, and sends it if that is known at once.
void Proxy::start(const Now& now, Handle handle) {
    Leg& leg = *legs_.find(handle);
    leg.phase = Phase::sent;
    const auto flow = core_.transport.source_of(leg.way.flow);
    if (flow || leg.way.behind_nat.port != 0) {
        const bool kept = leg.targets.push(
            flow ? back_to(*flow)
                 : Target{Transport::udp, leg.way.listener, {}, leg.way.behind_nat, {}});
        SIP_ASSERT(kept);
        leg.by_flow = static_cast<bool>(flow);
        send(now, handle);
        return;
    }
    const Context& context = *contexts_.find(leg.context);
    const Opened opened = open(context);
    std::optional<Uri> hop = opened.routing.next_route;
    if (!leg.path().empty()) {
        std::string_view rest = leg.path();
        if (const auto first = next_name_addr(rest, core_.shard.leniency); first && *first)
            hop = (*first)->uri;
    }
    if (!hop)
        if (const auto uri = parse_uri(leg.uri(), core_.shard.leniency)) hop = *uri;
    auto begun = hop ? core_.locator.begin(now, *hop, {part_, handle})
                     : failure(Condition::not_found, "no next hop");
    if (!begun) {
        failed(now, handle, Failure::transport);
        return;
    }
    if (begun->id != LookupId{}) {
        leg.phase = Phase::locating;
        leg.lookup = begun->id;
        return;
    }
    leg.targets = begun->targets;
    send(now, handle);
}

void Proxy::on_located(const Now& now, Handle object, LookupId id) {
    auto targets = core_.locator.take(id);
    Leg* leg = legs_.find(object);
    if (leg == nullptr || leg->phase != Phase::locating || leg->lookup != id) return;
    const Handle context = leg->context;
    leg->phase = Phase::sent;
    leg->lookup = {};
    if (targets) {
        leg->targets = *targets;
        send(now, object);
    } else {
        failed(now, object, Failure::transport);
    }
    advance(now, context);
}

/// Sends a branch to the next of its targets that takes it (RFC 3263 4.3); each time as a new
/// transaction.
void Proxy::send(const Now& now, Handle handle) {
    const auto uri = parse_uri(legs_.find(handle)->uri(), core_.shard.leniency);
    const bool is_sips = uri && uri->scheme == Scheme::sips;
    for (;;) {
        Leg& leg = *legs_.find(handle);
        if (leg.next_target == leg.targets.size()) break;
        Target target = leg.targets[leg.next_target++];
        // RFC 3261 26.2.2: never a downgrade, by whatever route, connection or NAT.
        if (is_sips && !is_secure(target.transport)) continue;
        if (send_to(now, handle, target)) return;
    }
    failed(now, handle, Failure::transport);
}

bool Proxy::send_to(const Now& now, Handle handle, Target& target) {
    Leg& leg = *legs_.find(handle);
    Context& context = *contexts_.find(leg.context);
    const Opened opened = open(context);
    Branch branch = core_.clients.new_branch();
    branch.carried = true;
    branch.loop = context.loop;
    RequestCopy copy{opened.message, opened.essentials, opened.routing, context.source,
                     leg.uri(),      leg.path(),        target,         branch};
    copy.record_route = context.stays ? &context.token : nullptr;
    copy.breadth = leg.breadth;
    copy.realms = options_.domains;
    copy.keeps_identity = context.keeps_identity;
    copy.asserted = context.asserted.view();
    const Listeners& listeners = core_.transport.listeners();
    Appender out(room());
    write_request(out, copy, listeners, core_.shard.leniency);
    if (target.transport == Transport::udp && !leg.for_size &&
        out.size() + context.body.view().size() > datagram_max &&
        !core_.transport.is_udp_only(target.remote)) {
        Target stream{Transport::tcp, {}, {}, target.remote, {}};
        if (core_.transport.connect(now, stream)) {
            leg.for_size = true;
            --leg.next_target;  // by datagram after all, where that is refused
            target = stream;
            copy.target = stream;
            out = Appender(room());
            write_request(out, copy, listeners, core_.shard.leniency);
        }
    }
    if (out.overflowed()) return false;
    if (is_reliable(target.transport) && !core_.transport.connect(now, target)) return false;
    Packet packet{SharedBytes::copy(core_.shard.memory, out.view()), context.body};
    leg.way.flow = is_reliable(target.transport) ? target.flow : FlowId{};
    if (!context.server) {  // RFC 3261 16.11: an ACK is carried on and forgotten
        leg.phase = Phase::done;
        return packet && core_.transport.send(now, target, packet);
    }
    const auto sent = core_.clients.start(
        now, {target, context.method, branch, std::move(packet), part_, handle});
    if (!sent) return false;
    leg.transaction = *sent;
    leg.phase = Phase::sent;
    leg.rings = false;
    if (context.method == Method::invite) {
        leg.c_at = later(now.mono, core_.shard.limits.timer_c);
        set_c(now, context);
    }
    return true;
}

/// RFC 3261 16.8, 16.9: a branch has no answer and no further target.
void Proxy::failed(const Now&, Handle handle, Failure why) {
    Leg& leg = *legs_.find(handle);
    leg.phase = Phase::done;
    leg.c_at = never;
    Context& context = *contexts_.find(leg.context);
    if (why == Failure::timeout)
        remember(context, 408, nullptr, {});
    else
        remember(context, 503, nullptr, "No way to the next hop");
}

void Proxy::on_failure(const Now& now, Handle object, Failure why) {
    Leg* leg = legs_.find(object);
    if (leg == nullptr || leg->phase != Phase::sent) return;
    const Handle context = leg->context;
    if (leg->for_size && why == Failure::transport && leg->next_target < leg->targets.size())
        core_.transport.remember_udp_only(leg->targets[leg->next_target].remote);
    // RFC 3263 4.3, but not for one that nobody waits for any more.
    const bool wanted = !contexts_.find(context)->ended;
    if (wanted && leg->next_target < leg->targets.size()) {
        send(now, object);
    } else if (wanted && leg->by_flow && why == Failure::transport) {
        // The connection is gone, and the address of the contact may be as good.
        leg->by_flow = false;
        leg->way.flow = {};
        leg->targets.clear();
        leg->next_target = 0;
        start(now, object);
    } else {
        failed(now, object, why);
    }
    advance(now, context);
}

/// No further branch is begun, and those that ring are told so (RFC 3261 16.10). What is not an
/// INVITE takes its course.
void Proxy::end_legs(const Now& now, Context& context, std::string_view reason) {
    context.ended = true;
    for (std::uint32_t i = context.first; i != no_leg; i = legs_.at(i).next) {
        Leg& leg = legs_.at(i);
        if (leg.phase == Phase::locating) core_.locator.abandon(leg.lookup);
        if (leg.phase == Phase::queued || leg.phase == Phase::locating) leg.phase = Phase::done;
        if (leg.phase != Phase::sent || context.method != Method::invite || leg.cancelled) continue;
        leg.cancelled = true;
        leg.c_at = never;
        core_.clients.cancel(now, leg.transaction, reason);
    }
    set_c(now, context);
}

void Proxy::set_c(const Now&, Context& context) {
    Instant first = never;
    for (std::uint32_t i = context.first; i != no_leg; i = legs_.at(i).next)
        if (legs_.at(i).phase == Phase::sent && legs_.at(i).c_at < first) first = legs_.at(i).c_at;
    if (first == never)
        context.timers.stop(core_.shard.timers, Name::c);
    else
        context.timers.set(core_.shard.timers, Name::c, first);
}

void Proxy::on_timer(const Now& now, Handle object) {
    for (;;) {
        Context* context = contexts_.find(object);
        if (context == nullptr) return;
        const auto name = context->timers.pop_due(core_.shard.timers, now.mono);
        if (!name) return;
        if (*name == Name::end) {
            if (context->back != nullptr && !context->answered) {
                ++core_.shard.counters.limit_migration_patience;
                give_back(now, object, 0);
                return;
            }
            forget(object);
            return;
        }
        // RFC 3261 16.8: CANCEL, and the answer to that ends it.
        for (std::uint32_t i = context->first; i != no_leg; i = legs_.at(i).next) {
            Leg& leg = legs_.at(i);
            if (leg.phase != Phase::sent || leg.c_at > now.mono) continue;
            ++core_.shard.counters.limit_timer_c;
            leg.c_at = never;
            leg.cancelled = true;
            core_.clients.cancel(now, leg.transaction);
        }
        set_c(now, *context);
    }
}

/// Nobody waits any more for what may still come.
void Proxy::forget(Handle handle) {
    Context& context = *contexts_.find(handle);
    if (!context.answered) core_.servers.forget(context.server);
    let_go_of_legs(context);
    destroy(handle);
}

void Proxy::let_go_of_legs(const Context& context) {
    for (std::uint32_t i = context.first; i != no_leg; i = legs_.at(i).next) {
        const Leg& leg = legs_.at(i);
        if (leg.phase == Phase::locating) core_.locator.abandon(leg.lookup);
        if (leg.phase == Phase::sent) core_.clients.abandon(leg.transaction);
    }
}

void Proxy::destroy(Handle handle) {
    Context& context = *contexts_.find(handle);
    for (std::uint32_t i = context.first; i != no_leg;) {
        const std::uint32_t next = legs_.at(i).next;
        legs_.destroy(legs_.handle_at(i));
        i = next;
    }
    if (context.server) by_server_.erase(mix(context.server.handle.index, 0), handle.index);
    context.timers.detach(core_.shard.timers);
    contexts_.destroy(handle);
}

}  // namespace sip
