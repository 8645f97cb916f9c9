#include <algorithm>

#include "sip/base/text.hpp"
#include "sip/dialog/request_head.hpp"
#include "sip/event/event_headers.hpp"
#include "sip/event/notifier.hpp"
#include "sip/message/delta_seconds.hpp"
#include "sip/transport/locate.hpp"

// The sending half of the Notifier: which NOTIFY goes when, where to, and what becomes of it.

namespace sip {
namespace {

using Machine = subscription_machine::Event;
using State = subscription_machine::State;

/// RFC 3261 18.1.1: a request above this goes by a congestion-controlled transport.
constexpr std::size_t datagram_max = 1300;
/// What credentials add to a request, about.
constexpr std::size_t credentials_bytes = 512;
/// D-3: when a NOTIFY that failed for now is tried again, and how often.
constexpr std::uint32_t retry_default_s = 32, retry_max_s = 300;
constexpr std::uint8_t failures_max = 3;

/// RFC 6665 4.2.2, RFC 5057 5.1: the watcher, its dialog or its usage is gone.
bool ends_subscription(std::uint16_t status) {
    switch (status) {
        case 404:
        case 405:
        case 408:
        case 410:
        case 416:
        case 489:
        case 501:
        case 604: return true;
        default: return status >= 480 && status <= 485;
    }
}

}  // namespace

// Which NOTIFYs are due --------------------------------------------------------------------------

void Notifier::enqueue(Handle handle) {
    const Subscription& s = *slab_.find(handle);
    const bool waits = s.asking || s.silent;  // for an answer, or until it comes back
    if (s.stands == Stands::nowhere && !s.outstanding && !waits && s.due) enter(handle);
}

Notifier::Line& Notifier::line_of(const Subscription& s) {
    return s.stands == Stands::at_far_end ? far_ends_.at(s.far_end).waiting : due_;
}

/// The line of those that are due, or of those that wait for a far end.
void Notifier::enter(Handle handle, std::uint32_t far_end) {
    Subscription& s = *slab_.find(handle);
    s.stands = far_end == none ? Stands::due : Stands::at_far_end;
    if (far_end != none) s.far_end = far_end;
    Line& line = line_of(s);
    s.previous_due = line.last;
    s.next_due = UINT32_MAX;
    if (line.last != UINT32_MAX)
        slab_.at(line.last).next_due = handle.index;
    else
        line.first = handle.index;
    line.last = handle.index;
}

void Notifier::dequeue(Subscription& s) {
    if (s.stands == Stands::nowhere) return;
    Line& line = line_of(s);
    if (s.previous_due != UINT32_MAX)
        slab_.at(s.previous_due).next_due = s.next_due;
    else
        line.first = s.next_due;
    if (s.next_due != UINT32_MAX)
        slab_.at(s.next_due).previous_due = s.previous_due;
    else
        line.last = s.previous_due;
    if (s.stands == Stands::at_far_end) s.far_end = none;
    s.stands = Stands::nowhere;
}

void Notifier::make_due(Handle handle, bool by_change) {
    Subscription& s = *slab_.find(handle);
    s.by_change = by_change && (!s.due || s.by_change);
    s.due = true;
    s.again = false;
    // What only a change asks for waits for the rate, and for a retry that is already set.
    if (by_change && (s.held || s.timers.running(Name::retry))) return;
    s.timers.stop(core_.shard.timers, Name::retry);
    enqueue(handle);
}

void Notifier::state_changed(const Now& now, std::uint8_t package, std::string_view name) {
    const ResourceId id = resources_.find(package, name);
    if (!id) return;
    for (std::uint32_t i = resources_.at(id).first_view; i != UINT32_MAX;
         i = views_.at(i).next_view) {
        views_.at(i).stale = true;
        if (!views_.at(i).held) queue_view(now, views_.handle_at(i));
    }
}

void Notifier::queue_view(const Now& now, Handle handle) {
    View& view = *views_.find(handle);
    if (view.queued) return;
    view.queued = stale_.push(Handle{handle});
    if (!view.queued) try_again(now, view);
}

/// There was no memory for its document: the change is told later.
void Notifier::try_again(const Now& now, View& view) {
    ++core_.shard.counters.limit_memory;
    view.stale = true;
    view.held = true;
    view.timers.set(core_.shard.timers, ViewName::hold,
                    later(now.mono, seconds{core_.shard.limits.retry_after_s}));
}

void Notifier::render(const Now& now, View& view) {
    Shard& shard = core_.shard;
    view.stale = false;
    const Resources::Resource& resource = resources_.at(view.resource);
    EventPackage& package = packages_.at(resource.package);
    const std::uint32_t most = shard.limits.notify_body_bytes;
    if (room_.size() != most && !room_.resize(shard.memory, most)) {
        try_again(now, view);
        return;
    }
    const auto size =
        package.render(now, resources_.id_at(view.resource), resource.name.view(), view.id,
                       package.traits().accept[view.type], {room_.data(), room_.size()});
    if (!size && size.error().condition == Condition::overloaded) {
        try_again(now, view);
        return;
    }
    const std::optional<Instant> changes = size ? package.changes_at() : std::nullopt;
    view.timers.set(shard.timers, ViewName::change, changes.value_or(never));
    if (!size) {
        if (size.error().condition == Condition::body_too_large)
            ++shard.counters.limit_notify_body_bytes;
        shard.decision(now, "dropped", size.error().rule, resource.name.view());
        view.body = {};
        view.rendered = true;
        return;
    }
    const std::string_view text = slice(room_.view(), 0, *size);
    if (view.rendered && view.body.view() == text) return;
    SharedBytes body = SharedBytes::copy(shard.memory, text);
    if (!body) {
        try_again(now, view);
        return;
    }
    view.body = std::move(body);
    view.rendered = true;
}

void Notifier::refresh_view(const Now& now, Handle handle) {
    View& view = *views_.find(handle);
    if (traits_of(resources_.at(view.resource).package).own_documents)
        view.stale = false;
    else if (view.stale)
        render(now, view);
    if (view.held) return;
    start_walk(view, want_news);
    (void)walk_on(now, handle, walk_step(view));
}

bool Notifier::pull(const Now& now) {
    while (!stale_.empty()) {
        const Handle handle = stale_.pop();
        View* view = views_.find(handle);
        if (view == nullptr) continue;
        view->queued = false;
        refresh_view(now, handle);
        return true;
    }
    // Without room for a transaction they wait in line, and not for a retry.
    const bool may_send = due_.first != UINT32_MAX && !core_.clients.full();
    walked_ = is_walking() && (!may_send || (!walked_ && !tells_only()));
    if (walked_) return walk_piece(now);
    if (!may_send) return false;
    const Handle handle = slab_.handle_at(due_.first);
    dequeue(*slab_.find(handle));
    if (is_empty_now(now, handle)) return true;
    if (Way* way = way_of(*slab_.find(handle))) way->targets.clear();
    send(now, handle, nullptr);
    return true;
}

// Where it goes ---------------------------------------------------------------------------------

/// Threat 26: back to a watcher that speaks to us straight, and no name is looked up; else to the
/// next hop. Nothing: the name system is asked, and the NOTIFY alone waits for it.
Expected<std::optional<Target>> Notifier::next_target(const Now& now, Handle handle) {
    Subscription& s = *slab_.find(handle);
    const auto known = s.dialog.next_hop(core_.transport);
    // A GRUU is looked for where its device is, also if its domain is an address.
    const bool is_path = known && known->remote == s.dialog.path().remote;
    if (is_path || (known && devices_ == nullptr)) return std::optional(*known);
    if (devices_ != nullptr)
        if (const auto uri = parse_uri(s.dialog.next_hop_uri(), core_.shard.leniency))
            if (auto target = devices_->find(*uri)) return target;
    if (known) return std::optional(*known);
    if (known.error().condition != Condition::not_found || s.dialog.is_direct())
        return tl::unexpected(known.error());
    Way* way = way_of(s);
    if (way == nullptr) {
        s.way = ways_.create().index;
        way = way_of(s);
        if (way == nullptr) {
            ++core_.shard.counters.limit_memory;
            return failure(Condition::overloaded, "No memory for the way of a NOTIFY");
        }
    }
    if (way->targets.empty()) {
        const auto hop = parse_uri(s.dialog.next_hop_uri(), core_.shard.leniency);
        if (!hop) return tl::unexpected(hop.error());
        const auto begun = core_.locator.begin(now, *hop, {part_, handle});
        if (!begun) return tl::unexpected(begun.error());
        if (begun->id != LookupId{}) {
            way->lookup = begun->id;
            s.asking = true;
            return std::optional<Target>{};
        }
        const auto taken = take_targets(now, s, begun->targets);
        if (!taken) return tl::unexpected(taken.error());
    }
    const Target& target = way->targets[way->at];
    const Source path = s.dialog.path();
    // Who we heard from: the same socket or connection reaches it.
    if (target.transport == path.transport && target.remote == path.remote)
        return std::optional(back_to(path));
    return std::optional(target);
}

/// The one that took the last NOTIFY goes first.
Expected<void> Notifier::take_targets(const Now& now, Subscription& s,
                                      const Locator::Targets& found) {
    Way& way = *way_of(s);
    way.targets.clear();
    way.at = 0;
    const auto is_last = [&](const Target& target) {
        return target.transport == way.last.transport && target.remote == way.last.remote &&
               !core_.locator.has_failed(now, target);
    };
    for (const bool last : {true, false})
        for (const Target& target : found)
            if (is_last(target) == last && !core_.transport.listeners().is_ours(target.remote) &&
                (is_secure(target.transport) || !s.dialog.needs_tls()))
                (void)way.targets.push(target);
    // Threat 27.
    if (way.targets.empty()) return failure(Condition::loop_detected, "Contact names this server");
    return {};
}

void Notifier::on_located(const Now& now, Handle object, LookupId id) {
    Subscription* s = slab_.find(object);
    Way* way = s == nullptr ? nullptr : way_of(*s);
    if (way == nullptr || way->lookup != id) return;
    way->lookup = {};
    s->asking = false;
    const auto found = core_.locator.take(id);
    const auto taken = found ? take_targets(now, *s, *found) : tl::unexpected(found.error());
    if (taken) {
        send(now, object, nullptr);
        return;
    }
    core_.shard.decision(now, "dropped", taken.error().rule, s->identity.view());
    s->last_told = s->state == State::terminated;
    not_sent(now, object);
}

/// RFC 3263 4.3: nobody took it there; another server may. False: none is left.
bool Notifier::go_to_next_target(const Now& now, Handle handle, std::optional<Duration> how_long) {
    Way* way = way_of(*slab_.find(handle));
    if (way == nullptr || way->at >= way->targets.size()) return false;
    core_.locator.failed(now, way->targets[way->at], how_long);
    way->last = {};
    if (++way->at == way->targets.size()) {
        way->targets.clear();
        return false;
    }
    slab_.find(handle)->again = true;
    send(now, handle, nullptr);
    return true;
}

// One NOTIFY ------------------------------------------------------------------------------------

Packet Notifier::write_notify(const Now& now, Subscription& s, const Target& target, Branch branch,
                              const Response* challenge) {
    Shard& shard = core_.shard;
    Appender out(shard.scratch());
    MessageWriter writer(out);
    s.dialog.write_request(writer, core_.transport.listeners(), target, branch, Method::notify,
                           s.dialog.local_cseq());
    write_contact(writer, core_.transport.listeners(), target,
                  {{}, s.dialog.has_sips_contact(), core_.shard.leniency.transport_tls_in_contact});
    Appender& event = writer.begin(HeaderId::event);
    event << traits_of(s.package).name;
    if (!s.event_id.empty()) event << ";id=" << s.event_id.view();
    writer.end();
    Appender& state = writer.begin(HeaderId::subscription_state);
    if (s.state == State::terminated) {
        state << "terminated";
        if (s.reason != TerminationReason::none) state << ";reason=" << name_of(s.reason);
        if (s.granted_s > 0) state << ";retry-after=" << s.granted_s;
    } else {
        state << (s.state == State::pending ? "pending" : "active")
              << ";expires=" << seconds_left(now.mono, s.expires_at());
    }
    writer.end_own();
    const View* view = view_of(s);
    if (challenge != nullptr &&
        !credentials_->answer(now, *challenge, s.dialog.remote_target(), s.identity.view(),
                              s.sent_body.view(), writer))
        return {};
    if (s.sent_body && view != nullptr)
        writer.header(HeaderId::content_type, traits_of(s.package).accept[view->type]);
    writer.finish(s.sent_body.view().size());
    if (out.overflowed()) return {};
    SharedBytes head = SharedBytes::copy(shard.memory, out.view());
    if (!head) ++shard.counters.limit_memory;
    return {std::move(head), s.sent_body};
}

/// Threat 28: above the size limit a stream to the watcher is wanted, where there can be one.
Expected<Target> Notifier::choose_stream(const Subscription& s, const Target& target) {
    if (s.dialog.is_direct()) {
        const auto contact = parse_uri(s.dialog.remote_target(), core_.shard.leniency);
        if (!contact) return tl::unexpected(contact.error());
        const auto located = locate(*contact, core_.transport.listeners());
        if (!located) return located;
        if (located->remote != s.dialog.path().remote)
            return failure(Condition::internal, "the watcher is behind a NAT");
    }
    if (core_.transport.is_udp_only(target.remote))
        return failure(Condition::internal, "the watcher takes UDP alone");
    const auto* listener =
        core_.transport.listeners().towards(Transport::tcp, target.remote.address);
    if (listener == nullptr) return failure(Condition::internal, "no TCP listener");
    return Target{Transport::tcp, listener->id, {}, target.remote};
}

/// What of the state of this moment the watcher is told. False: not now, for want of memory.
bool Notifier::choose_body(const Now& now, Handle handle) {
    Subscription& s = *slab_.find(handle);
    View* view = view_of(s);
    const bool with_body = s.may_see && view != nullptr &&
                           s.reason != TerminationReason::rejected &&
                           s.reason != TerminationReason::noresource;
    if (with_body && traits_of(s.package).own_documents) return render_own(now, handle);
    if (with_body && (view->stale || !view->rendered)) {
        render(now, *view);
        // The others are told of this state too, when the rate lets them.
        if (!view->held) queue_view(now, views_.handle_at(s.view));
    }
    s.sent_body = with_body ? view->body : SharedBytes{};
    return true;
}

/// R3856-6.10-2: what a change brought about is followed by a pause.
void Notifier::begin_hold(const Now& now, Subscription& s, bool by_change) {
    const EventPackage::Traits& traits = traits_of(s.package);
    if (!by_change || !traits.hold_per_subscription || traits.notify_interval_min <= Duration{})
        return;
    s.held = true;
    s.timers.set(core_.shard.timers, Name::hold, later(now.mono, traits.notify_interval_min));
}

void Notifier::not_sent(const Now& now, Handle handle) {
    Subscription& s = *slab_.find(handle);
    s.told = Told::not_sent;
    s.told_at = whole_seconds(now.mono);
    notify_failed(now, handle, 0);
}

/// RFC 3261 18.1.1: where there is no connection, or no room behind one that is being opened, it
/// goes whole by UDP after all. One with credentials cannot be written twice.
Expected<ClientTransactionId> Notifier::start(const Now& now, Handle handle,
                                              ClientTransactions::Outgoing& outgoing,
                                              const Target& target, bool has_credentials) {
    Subscription& s = *slab_.find(handle);
    auto started = core_.clients.start(now, outgoing);
    if (started || !s.by_stream || has_credentials) return started;
    ++core_.shard.counters.notify_over_udp_for_size;
    s.by_stream = false;
    outgoing.target = target;
    outgoing.packet = write_notify(now, s, target, outgoing.branch, nullptr);
    return core_.clients.start(now, outgoing);
}

void Notifier::send(const Now& now, Handle handle, const Response* challenge) {
    if (!catch_up(now, handle)) return;
    Subscription& s = *slab_.find(handle);
    Shard& shard = core_.shard;
    s.last_told = s.state == State::terminated;
    const auto way = next_target(now, handle);
    if (!way) {
        shard.decision(now, "dropped", way.error().rule, s.identity.view());
        s.due = false;
        not_sent(now, handle);
        return;
    }
    const std::optional<Target>& target = *way;
    if (!target) return;
    const Reach reach = reach_of(now, handle, *target);
    if (reach == Reach::taken) return;
    if (reach == Reach::refused) {
        s.due = false;
        not_sent(now, handle);
        return;
    }
    if (!choose_body(now, handle)) {
        leave_far_end(handle);
        wait_for_memory(now, handle);
        return;
    }
    s.dialog.next_cseq();
    ClientTransactions::Outgoing outgoing{*target, Method::notify, core_.clients.new_branch(),
                                          {},      part_,          handle};
    outgoing.packet = write_notify(now, s, *target, outgoing.branch, nullptr);
    s.by_stream = false;
    bool more = false;
    if (reach == Reach::unknown && target->transport == Transport::udp &&
        outgoing.packet.size() > datagram_max) {
        // Whoever is there gets no large document that it may not have asked for: it follows once
        // this one is answered.
        s.sent_body = {};
        outgoing.packet = write_notify(now, s, *target, outgoing.branch, nullptr);
        more = true;
    }
    const std::size_t size =
        outgoing.packet.size() + (challenge != nullptr ? credentials_bytes : 0);
    if (target->transport == Transport::udp && size > datagram_max) {
        if (const auto stream = choose_stream(s, *target)) {
            outgoing.target = *stream;
            s.by_stream = true;
        } else {
            ++shard.counters.notify_over_udp_for_size;
        }
    }
    // Credentials are asked for once, when it is known how the request goes.
    if (s.by_stream || challenge != nullptr)
        outgoing.packet = write_notify(now, s, outgoing.target, outgoing.branch, challenge);
    const bool by_change = s.by_change;
    s.due = more;
    s.by_change = s.again = false;
    const auto started = start(now, handle, outgoing, *target, challenge != nullptr);
    if (!started) {
        if (!go_to_next_target(now, handle, {})) not_sent(now, handle);
        return;
    }
    ++shard.counters.notifies;
    s.transaction = *started;
    s.outstanding = true;
    s.told_at = whole_seconds(now.mono);
    s.answered = challenge != nullptr;
    begin_hold(now, s, by_change);
    if (traits_of(s.package).own_documents && s.sent_body) own_document_sent(now, handle);
}

// What becomes of it ----------------------------------------------------------------------------

void Notifier::notify_done(const Now& now, Handle handle) {
    Subscription& s = *slab_.find(handle);
    s.failures = 0;
    trust_again(s);
    if (Way* at = way_of(s); at != nullptr && at->at < at->targets.size())
        at->last = at->targets[at->at];
    if (s.last_told) {
        step(now, handle, Machine::told);
        return;
    }
    if (s.due && !(s.by_change && s.held)) enqueue(handle);
}

/// D-3: tried again with the newest state; the third failure in a row ends the subscription.
void Notifier::notify_failed(const Now& now, Handle handle, std::uint32_t retry_after_s) {
    Subscription& s = *slab_.find(handle);
    ++core_.shard.counters.notify_failures;
    s.outstanding = false;
    if (s.suspect && !s.last_told) {
        fall_silent(handle);
        return;
    }
    // One that ended while another NOTIFY was on its way has not been told so yet.
    if (s.last_told || ++s.failures >= failures_max) {
        step(now, handle, Machine::lost);
        return;
    }
    s.due = true;
    s.by_change = s.again = false;
    dequeue(s);
    const std::uint32_t after =
        retry_after_s == 0 ? retry_default_s : std::min(retry_after_s, retry_max_s);
    s.timers.set(core_.shard.timers, Name::retry, later(now.mono, seconds{after}));
}

void Notifier::answer_challenge(const Now& now, Handle handle, const Response& response) {
    Subscription& s = *slab_.find(handle);
    // Threat 15: once per nonce, and from this watcher's own secret; else it is a failure.
    if (credentials_ == nullptr || s.answered) {
        notify_failed(now, handle, 0);
        return;
    }
    s.again = true;
    send(now, handle, &response);
}

void Notifier::on_response(const Now& now, Handle object, const Response& response) {
    Subscription* s = slab_.find(object);
    if (s == nullptr || !s->outstanding || s->transaction.handle != response.transaction.handle)
        return;
    far_end_answered(now, object);
    if (response.status < 200) return;
    s->outstanding = false;
    s->told = Told::answered;
    s->told_status = response.status;
    if (response.status < 300) {
        notify_done(now, object);
        return;
    }
    if (response.status == 401 || response.status == 407) {
        answer_challenge(now, object, response);
        return;
    }
    if (ends_subscription(response.status)) {
        // Of a last NOTIFY this is as good as a 200: some clients have forgotten the dialog.
        ++core_.shard.counters.notify_failures;
        step(now, object, Machine::lost);
        return;
    }
    const auto retry = parse_retry_after(response.message.value_of(HeaderId::retry_after));
    std::optional<Duration> how_long;
    if (retry) how_long = seconds{retry->seconds};
    if (response.status == 503 && go_to_next_target(now, object, how_long)) return;
    notify_failed(now, object, retry ? retry->seconds : 0);
}

void Notifier::on_failure(const Now& now, Handle object, Failure why) {
    Subscription* s = slab_.find(object);
    if (s == nullptr || !s->outstanding) return;
    s->outstanding = false;
    s->told = why == Failure::timeout ? Told::timeout : Told::failed;
    if (!s->by_stream && go_to_next_target(now, object, {})) return;
    if (held_by(*s) != nullptr && !s->by_stream && !s->suspect) {
        far_end_silent(now, object);
        return;
    }
    if (why == Failure::timeout && !s->suspect) {
        ++core_.shard.counters.notify_failures;
        step(now, object, Machine::lost);
        return;
    }
    if (s->by_stream) {
        // RFC 3261 18.1.1: the peer takes no stream; the same goes whole by UDP.
        if (const auto target = next_target(now, object); target && *target)
            core_.transport.remember_udp_only((*target)->remote);
        s->due = s->again = true;
        s->by_change = false;
        enqueue(object);
        return;
    }
    notify_failed(now, object, 0);
}

}  // namespace sip
