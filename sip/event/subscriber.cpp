#include "sip/event/subscriber.hpp"

#include <algorithm>

#include "sip/base/text.hpp"
#include "sip/message/event_header.hpp"
#include "sip/message/media_type.hpp"
#include "sip/message/token_list.hpp"

namespace sip {
namespace {

using watch_machine::Action;
using watch_machine::Event;
using watch_machine::State;

/// Before a try that nobody gave a time for, where the notifier asked to come later.
constexpr std::uint32_t later_s = 30;
constexpr Duration reconnect_delay = seconds{1};

/// RFC 6665 4.1.2.2: a SUBSCRIBE in a dialog that is answered so has no subscription any more.
bool ends_usage(std::uint16_t status) {
    switch (status) {
        case 404:
        case 405:
        case 410:
        case 416:
        case 489:
        case 501:
        case 604: return true;
        default: return status >= 480 && status <= 485;
    }
}

/// Of those, the ones that another SUBSCRIBE would meet again.
bool is_hopeless(std::uint16_t status) { return status == 405 || status == 489 || status == 501; }

/// RFC 3261 8.1.3.5, 21.4.18, 21.5.1, 21.5.4: the server is there, and cannot just now.
bool is_temporary(std::uint16_t status) { return status == 480 || status == 500 || status == 503; }

Event event_of(const SubscriptionStateHeader& state) {
    switch (state.state) {
        case SubscriptionStateValue::active: return Event::notify_active;
        case SubscriptionStateValue::pending: return Event::notify_pending;
        case SubscriptionStateValue::other: return Event::notify_other;
        case SubscriptionStateValue::terminated: break;
    }
    switch (state.reason) {
        case TerminationReason::rejected:
        case TerminationReason::noresource:
        case TerminationReason::invariant: return Event::notify_over;
        default: return Event::notify_again;
    }
}

/// RFC 6665 4.1.3: what retry-after means for each reason, and how long to wait without one.
std::uint32_t wait_of(TerminationReason reason, std::optional<std::uint32_t> retry_after_s) {
    switch (reason) {
        case TerminationReason::deactivated:
        case TerminationReason::timeout: return 0;
        case TerminationReason::probation:
        case TerminationReason::giveup: return retry_after_s.value_or(later_s);
        default: return retry_after_s.value_or(0);
    }
}

/// When a subscription is refreshed: at half of its time, or 32 s before its end where that is
/// later.
Duration watch_refresh_delay(Duration left) {
    return std::max<Duration>({left / 2, left - seconds{32}, seconds{1}});
}

}  // namespace

Subscriber::Subscriber(const Core& core)
    : core_(core),
      watches_(core.shard.memory, core.shard.limits.watches),
      usages_(core.shard.memory, std::size_t{core.shard.limits.watches} * 2),
      by_call_id_(core.shard.memory),
      notices_(core.shard.memory, core.shard.limits.notices) {}

Subscriber::~Subscriber() {
    usages_.for_each([&](Handle, Usage& u) { u.timers.detach(shard().timers); });
}

bool Subscriber::add_package(const EventPackage::Traits& traits) {
    return find_package(traits.name) < 0 && packages_.push(&traits);
}

int Subscriber::find_package(std::string_view name) const {
    for (std::size_t i = 0; i < packages_.size(); ++i)
        if (equal_ignoring_case(packages_[i]->name, name)) return static_cast<int>(i);
    return -1;
}

// ---- What the application asks for --------------------------------------------------------------

Expected<Handle> Subscriber::make(const SubscribeOptions& options, std::uint8_t package) {
    const EventPackage::Traits& traits = *packages_[package];
    const Handle handle = watches_.create();
    if (!handle) {
        ++(watches_.full() ? shard().counters.limit_watches : shard().counters.limit_memory);
        return failure(Condition::overloaded, "too many subscriptions");
    }
    Watch& watch = *watches_.find(handle);
    const auto opened = watch.uac.open(core_, options.peer);
    if (!opened) {
        watches_.destroy(handle);
        return tl::unexpected(opened.error());
    }
    watch.package = package;
    watch.expires_s = options.expires_s.value_or(traits.expires_default_s);
    const auto types = options.accept.empty() ? traits.accept : options.accept;
    std::size_t size = 0;
    for (std::string_view type : types) size += type.size() + 2;
    bool kept = watch.event_id.assign(shard().memory, options.event_id) &&
                watch.accept.resize(shard().memory, size < 2 ? 0 : size - 2);
    if (kept) {
        Appender out({watch.accept.data(), watch.accept.size()});
        for (std::string_view type : types) out << (out.size() == 0 ? "" : ", ") << type;
        const Handle usage = make_usage(watch, handle);
        kept = usage && by_call_id_.insert(hash_of(watch.uac.call_id()), handle.index);
        if (usage && !kept) {
            usages_.find(usage)->timers.detach(shard().timers);
            usages_.destroy(usage);
        }
    }
    if (!kept) {
        ++shard().counters.limit_memory;
        watches_.destroy(handle);
        return failure(Condition::overloaded, "no memory for a subscription");
    }
    return handle;
}

Handle Subscriber::make_usage(Watch& watch, Handle of) {
    const Handle handle = usages_.create();
    if (!handle) return {};
    Usage& usage = *usages_.find(handle);
    if (!usage.timers.attach(shard().timers, {part_, handle})) {
        usages_.destroy(handle);
        return {};
    }
    usage.watch = of;
    usage.fork = watch.next_fork++;
    usage.next = watch.first;
    watch.first = handle.index;
    ++watch.forks;
    return handle;
}

/// Takes a usage away, and its watch with the last one.
void Subscriber::forget(Handle handle) {
    Usage& usage = *usages_.find(handle);
    const Handle of = usage.watch;
    Watch& watch = *watches_.find(of);
    Uac::give_up(core_, usage.attempt);
    std::uint32_t* link = &watch.first;
    while (*link != handle.index) link = &usages_.at(*link).next;
    *link = usage.next;
    usage.timers.detach(shard().timers);
    usages_.destroy(handle);
    if (--watch.forks > 0) return;
    by_call_id_.erase(hash_of(watch.uac.call_id()), of.index);
    watches_.destroy(of);
}

Expected<WatchId> Subscriber::subscribe(const Now& now, const SubscribeOptions& options) {
    const int package = find_package(options.event);
    if (package < 0) return failure(Condition::bad_event, "no such event package");
    if (!options.event_id.empty() && !is_token(options.event_id))
        return failure(Condition::malformed, "the event id is no token");
    const auto made = make(options, static_cast<std::uint8_t>(package));
    if (!made) return tl::unexpected(made.error());
    Watch& watch = *watches_.find(*made);
    const Handle usage = usages_.handle_at(watch.first);
    // RFC 6665 4.4.3: a fetch is a subscription that is left from its start.
    if (watch.expires_s == 0) usages_.find(usage)->state = State::leaving;
    const auto sent = send(now, usage, watch.expires_s, true);
    if (!sent) {
        forget(usage);
        return tl::unexpected(sent.error());
    }
    return WatchId{*made};
}

bool Subscriber::unsubscribe(const Now& now, WatchId id) {
    const Watch* watch = watches_.find(id.handle);
    if (watch == nullptr) return false;
    for (std::uint32_t i = watch->first; i != UINT32_MAX;) {
        const Handle usage = usages_.handle_at(i);
        i = usages_.at(i).next;
        step(now, usage, Event::unsubscribe, {});
    }
    return true;
}

bool Subscriber::refresh(const Now& now, WatchId id) {
    const Watch* watch = watches_.find(id.handle);
    if (watch == nullptr) return false;
    bool any = false;
    for (std::uint32_t i = watch->first; i != UINT32_MAX;) {
        const Handle handle = usages_.handle_at(i);
        const Usage& usage = usages_.at(i);
        i = usage.next;
        if (usage.state != State::active && usage.state != State::pending) continue;
        if (usage.attempt.outstanding) continue;
        any = true;
        send_or_fail(now, handle, watches_.find(usage.watch)->expires_s, true);
    }
    return any;
}

std::optional<SubscriptionNotice> Subscriber::next_notice() {
    if (notices_.empty()) return {};
    return notices_.pop();
}

std::optional<State> Subscriber::state_of(WatchId id) const {
    const Watch* watch = watches_.find(id.handle);
    if (watch == nullptr) return {};
    return const_cast<Slab<Usage>&>(usages_).at(watch->first).state;
}

bool Subscriber::tell(SubscriptionNotice&& notice) {
    if (notices_.push(std::move(notice))) return true;
    ++shard().counters.limit_notices;
    return false;
}

void Subscriber::tell_or_count(SubscriptionNotice&& notice) { (void)tell(std::move(notice)); }

// ---- SUBSCRIBE ----------------------------------------------------------------------------------

void Subscriber::keep_flow(Handle handle, FlowId flow) {
    Usage& usage = *usages_.find(handle);
    if (usage.bond.flow() != flow) core_.transport.bind(usage.bond, flow, {part_, handle});
}

/// `first_try`: not the same request once more for a 401, 407 or 423.
Expected<void> Subscriber::send(const Now& now, Handle handle, std::uint32_t expires_s,
                                bool first_try) {
    Usage& usage = *usages_.find(handle);
    Watch& watch = *watches_.find(usage.watch);
    Uac::give_up(core_, usage.attempt);
    if (first_try) usage.attempt = {};
    // Whether it can be sent or not: what fails at once is not tried again at once.
    if (first_try && !usage.has_dialog) watch.made_at = now.mono;
    usage.asked_s = expires_s;
    usage.left = expires_s == 0;
    usage.timers.stop(shard().timers, Name::refresh);
    const auto way = watch.uac.find_way(now, core_, {part_, handle}, usage.attempt,
                                        usage.has_dialog ? &usage.dialog : nullptr);
    if (!way) return tl::unexpected(way.error());
    if (!*way) {
        usage.timers.stop(shard().timers, Name::n);
        return {};
    }
    const std::uint32_t cseq = usage.has_dialog ? usage.dialog.next_cseq() : watch.uac.next_cseq();
    UacRequest request(core_, watch.uac, Method::subscribe, cseq, usage.attempt,
                       usage.has_dialog ? &usage.dialog : nullptr);
    request.contact();
    Appender& event = request.writer().begin(HeaderId::event);
    event << packages_[watch.package]->name;
    if (!watch.event_id.empty()) event << ";id=" << watch.event_id.view();
    request.writer().end();
    request.header(HeaderId::expires, expires_s);
    if (!watch.accept.empty()) request.header(HeaderId::accept, watch.accept.view());
    const auto sent = request.send(now, part_, handle, usage.attempt);
    if (!sent) return sent;
    usage.told_at = never;
    if (usage.attempt.flow != FlowId{}) keep_flow(handle, usage.attempt.flow);
    // RFC 6665 4.1.2.2, 4.1.2.4: a NOTIFY has to come within 64*T1 of each SUBSCRIBE.
    const Instant n = later(now.mono, 64 * shard().limits.t1);
    usage.timers.set(shard().timers, Name::n, n);
    if (!usage.has_dialog) watch.forks_until = n;
    return {};
}

void Subscriber::send_or_fail(const Now& now, Handle handle, std::uint32_t expires_s,
                              bool first_try) {
    const auto sent = send(now, handle, expires_s, first_try);
    if (sent) return;
    const UacFailure why = Uac::failure_of(usages_.find(handle)->attempt, sent.error());
    request_failed(now, handle, {why.status, why.phrase, {}, why.retry_after_s}, why.silent);
}

void Subscriber::on_located(const Now& now, Handle handle, LookupId id) {
    Usage* usage = usages_.find(handle);
    if (usage == nullptr ||
        !watches_.find(usage->watch)->uac.located(now, core_, id, usage->attempt))
        return;
    send_or_fail(now, handle, usage->asked_s, false);
}

void Subscriber::on_response(const Now& now, Handle handle, const Response& response) {
    Usage* usage = usages_.find(handle);
    if (usage == nullptr) return;
    Watch& watch = *watches_.find(usage->watch);
    std::uint32_t asked_s = usage->asked_s;
    switch (watch.uac.judge(now, core_, response, Method::subscribe, asked_s, usage->attempt)) {
        case UacVerdict::wait: return;
        case UacVerdict::done: accepted(now, handle, response); return;
        case UacVerdict::again:
            if (asked_s > usage->asked_s) watch.expires_s = asked_s;
            send_or_fail(now, handle, asked_s, false);
            return;
        case UacVerdict::failed: break;
    }
    request_failed(now, handle,
                   {response.status, response.message.reason, {}, retry_after_of(response.message)},
                   {});
}

void Subscriber::accepted(const Now& now, Handle handle, const Response& response) {
    Usage& usage = *usages_.find(handle);
    Watch& watch = *watches_.find(usage.watch);
    // D-2: the 2xx names the one dialog, unless a NOTIFY did so before.
    if (!usage.has_dialog && packages_[watch.package]->forks == EventPackage::Forks::one_dialog) {
        watch.chosen = true;
        watch.chosen_tag = table_hash(shard().key, response.essentials.to_tag);
    }
    // RFC 5839 5.2: nothing changed, and no NOTIFY follows.
    if (response.status == 204 && usage.state != State::leaving)
        usage.timers.stop(shard().timers, Name::n);
    const std::uint32_t granted_s = granted_expires(response.message, usage.asked_s);
    if (usage.state != State::leaving)
        set_expiry(now, usage, std::min(later(now.mono, seconds{granted_s}), usage.told_at));
    usage.failures = 0;
    step(now, handle, Event::accepted, {response.status, response.message.reason, {}, {}});
}

void Subscriber::set_expiry(const Now& now, Usage& usage, Instant at) {
    usage.timers.set(shard().timers, Name::expires, at);
    usage.timers.set(shard().timers, Name::refresh,
                     later(now.mono, watch_refresh_delay(at - now.mono)));
}

/// `silent`: no response came at all.
void Subscriber::request_failed(const Now& now, Handle handle, const Cause& cause,
                                std::optional<Failure> silent) {
    Usage& usage = *usages_.find(handle);
    const Watch& watch = *watches_.find(usage.watch);
    if (usage.state == State::leaving) {
        step(now, handle, Event::refused, cause);
        return;
    }
    if (!usage.has_dialog) {
        const bool again = silent
                               ? watch.established
                               : asks_to_wait(cause.status, cause.retry_after_s, watch.failures) ||
                                     (is_temporary(cause.status) && watch.established);
        step(now, handle, again ? Event::lost : Event::refused, cause);
        return;
    }
    // RFC 3261 12.2.1.2: nobody is there; Timer N says the same.
    if (silent == Failure::timeout || ends_usage(cause.status)) {
        step(now, handle, is_hopeless(cause.status) ? Event::refused : Event::lost, cause);
        return;
    }
    // RFC 6665 4.1.2.2: any other answer leaves the subscription until its expiry. Until then it
    // is tried again.
    usage.timers.stop(shard().timers, Name::n);
    if (usage.failures < 32) ++usage.failures;
    const Duration asked = seconds{cause.retry_after_s.value_or(0)};
    usage.timers.set(shard().timers, Name::refresh,
                     later(now.mono, std::max(asked, back_off(usage.failures))));
}

void Subscriber::on_failure(const Now& now, Handle handle, Failure why) {
    Usage* usage = usages_.find(handle);
    if (usage == nullptr || !usage->attempt.outstanding) return;
    usage->attempt.outstanding = false;
    if (Uac::fall_back(now, core_, usage->attempt, why)) {
        send_or_fail(now, handle, usage->asked_s, false);
        return;
    }
    const bool timeout = why == Failure::timeout;
    request_failed(now, handle, {static_cast<std::uint16_t>(timeout ? 408 : 503), {}, {}, {}}, why);
}

void Subscriber::on_flow_lost(const Now& now, Handle handle) {
    Usage* usage = usages_.find(handle);
    if (usage == nullptr || usage->attempt.outstanding) return;
    if (usage->state != State::active && usage->state != State::pending) return;
    // The notifier cannot reach us any more, until a SUBSCRIBE opens a way for it.
    const Instant soon = later(now.mono, reconnect_delay);
    if (soon < usage->timers.at(Name::refresh))
        usage->timers.set(shard().timers, Name::refresh, soon);
}

void Subscriber::on_timer(const Now& now, Handle handle) {
    for (;;) {
        Usage* usage = usages_.find(handle);
        if (usage == nullptr) return;
        const auto name = usage->timers.pop_due(shard().timers, now.mono);
        if (!name) return;
        const Watch& watch = *watches_.find(usage->watch);
        switch (*name) {
            case Name::n:
                Uac::give_up(core_, usage->attempt);
                step(now, handle,
                     watch.established && usage->state == State::notify_wait ? Event::lost
                                                                             : Event::timer_n,
                     {408, {}, {}, {}});
                break;
            case Name::refresh:
                if (!usage->attempt.outstanding && usage->has_dialog &&
                    (usage->state == State::active || usage->state == State::pending))
                    send_or_fail(now, handle, watch.expires_s, true);
                break;
            case Name::expires:
                step(now, handle, Event::expired, {0, {}, TerminationReason::timeout, {}});
                break;
            case Name::retry: step(now, handle, Event::retry, {}); break;
        }
    }
}

// ---- Steps of the machine -----------------------------------------------------------------------

void Subscriber::step(const Now& now, Handle handle, Event event, const Cause& cause) {
    Usage& usage = *usages_.find(handle);
    const State from = usage.state;
    const auto& row = watch_machine::step(from, event);
    usage.state = row.to;
    if (shard().tracer != nullptr)
        shard().tracer->transition(
            now,
            {"subscriber", handle.index, watch_machine::state_names[static_cast<std::size_t>(from)],
             watch_machine::event_names[static_cast<std::size_t>(event)],
             watch_machine::state_names[static_cast<std::size_t>(row.to)]});
    if (row.to == State::active || row.to == State::pending)
        watches_.find(usage.watch)->established = true;
    if (has(row.act, Action::tell_accepted)) {
        SubscriptionNotice notice;
        notice.kind = SubscriptionNotice::Kind::accepted;
        notice.watch = {usage.watch};
        notice.fork = usage.fork;
        notice.status = cause.status;
        notice.expires_s = seconds_left(now.mono, usage.timers.at(Name::expires));
        tell_or_count(std::move(notice));
    }
    if (has(row.act, Action::leave) && usage.has_dialog && !usage.left) {
        usage.timers.stop(shard().timers, Name::expires);
        send_or_fail(now, handle, 0, true);
        return;
    }
    if (has(row.act, Action::subscribe)) begin_again(now, handle);
    if (has(row.act, Action::again)) wait(now, handle, cause);
    if (has(row.act, Action::end)) {
        SubscriptionNotice notice;
        notice.kind = SubscriptionNotice::Kind::ended;
        notice.watch = {usage.watch};
        notice.fork = usage.fork;
        notice.state = SubscriptionStateValue::terminated;
        // Timer N is the end of a fetch that somebody has answered, and no failure of it.
        const bool complete = cause.status == 408 && !watches_.find(usage.watch)->gathered.empty();
        notice.status = complete ? std::uint16_t{0} : cause.status;
        notice.reason = cause.reason;
        notice.last = watches_.find(usage.watch)->forks == 1;
        notice.phrase = SharedBytes::copy(shard().memory, cause.phrase);
        tell_or_count(std::move(notice));
        forget(handle);
    }
}

/// It is over: the next try waits for what the notifier asked, and longer each time in a row.
void Subscriber::wait(const Now& now, Handle handle, const Cause& cause) {
    Usage& usage = *usages_.find(handle);
    Watch& watch = *watches_.find(usage.watch);
    if (watch.forks > 1) {
        // The forks that live on are this watch now.
        SubscriptionNotice notice;
        notice.kind = SubscriptionNotice::Kind::ended;
        notice.watch = {usage.watch};
        notice.fork = usage.fork;
        notice.state = SubscriptionStateValue::terminated;
        notice.status = cause.status;
        notice.reason = cause.reason;
        tell_or_count(std::move(notice));
        forget(handle);
        return;
    }
    Uac::give_up(core_, usage.attempt);
    for (Name name : {Name::n, Name::refresh, Name::expires})
        usage.timers.stop(shard().timers, name);
    usage.dialog = {};
    usage.has_dialog = false;
    keep_flow(handle, {});
    if (now.mono - watch.made_at >= back_off_max) watch.failures = 0;
    const Duration delay = std::max<Duration>(back_off(watch.failures),
                                              seconds{wait_of(cause.reason, cause.retry_after_s)});
    if (watch.failures < 32) ++watch.failures;
    usage.timers.set(shard().timers, Name::retry, later(now.mono, delay));
    SubscriptionNotice notice;
    notice.kind = SubscriptionNotice::Kind::waiting;
    notice.watch = {usage.watch};
    notice.fork = usage.fork;
    notice.state = SubscriptionStateValue::terminated;
    notice.status = cause.status;
    notice.reason = cause.reason;
    notice.retry_after_s = seconds_left(now.mono, later(now.mono, delay));
    notice.phrase = SharedBytes::copy(shard().memory, cause.phrase);
    tell_or_count(std::move(notice));
}

/// RFC 6665 4.1.2.2: a new subscription has a new Call-ID and From tag, and no route of the old.
void Subscriber::begin_again(const Now& now, Handle handle) {
    Usage& usage = *usages_.find(handle);
    Watch& watch = *watches_.find(usage.watch);
    const std::uint32_t index = usage.watch.index;
    by_call_id_.erase(hash_of(watch.uac.call_id()), index);
    watch.uac.renew(shard());
    // What was just erased left its place.
    const bool kept = by_call_id_.insert(hash_of(watch.uac.call_id()), index);
    SIP_ASSERT(kept);
    watch.chosen = false;
    send_or_fail(now, handle, watch.expires_s, true);
}

// ---- NOTIFY -------------------------------------------------------------------------------------

void Subscriber::on_request(const Now& now, const Request& request) {
    auto notify = recognise(now, request);
    if (!notify) {
        refuse(now, request, nullptr, notify.error());
        return;
    }
    const auto taken = take(now, request, *notify);
    if (!taken) {
        if (notify->new_fork) forget(notify->usage);
        refuse(now, request, watches_.find(notify->watch), taken.error());
        return;
    }
    // RFC 6665 4.1.3: answered at once, before anything is done about it.
    core_.respond(now, request, 200);
    step(now, notify->usage, event_of(notify->state),
         {0, {}, notify->state.reason, notify->state.retry_after});
}

bool Subscriber::knows_dialog(const Request& request) {
    const Essentials& e = request.essentials;
    return by_call_id_.find(hash_of(e.call_id), [&](std::uint32_t i) {
        return watches_.at(i).uac.call_id() == e.call_id && watches_.at(i).uac.tag() == e.to_tag;
    }) != HashIndex::none;
}

/// RFC 6665 4.1.3: whose it is.
Expected<Subscriber::Notify> Subscriber::recognise(const Now& now, const Request& request) {
    const Essentials& e = request.essentials;
    const HeaderField* field = request.message.find(HeaderId::event);
    if (field == nullptr) return failure(Condition::bad_event, "Event is missing");
    const auto event = parse_event(field->value);
    if (!event) return tl::unexpected(event.error());
    const int package = find_package(event->package);
    if (package < 0) return failure(Condition::bad_event, "No such event package");
    const std::uint32_t index = by_call_id_.find(hash_of(e.call_id), [&](std::uint32_t i) {
        const Watch& w = watches_.at(i);
        return w.uac.call_id() == e.call_id && w.uac.tag() == e.to_tag && w.package == package &&
               w.event_id.view() == event->id;
    });
    const auto stranger = failure(Condition::no_dialog, "No such subscription");
    if (index == HashIndex::none) return stranger;
    Notify notify;
    notify.watch = watches_.handle_at(index);
    const Watch& watch = watches_.at(index);
    const bool one = packages_[watch.package]->forks == EventPackage::Forks::one_dialog;
    Handle open;  // a usage whose dialog this NOTIFY can make
    for (std::uint32_t i = watch.first; i != UINT32_MAX; i = usages_.at(i).next) {
        const Usage& usage = usages_.at(i);
        if (usage.has_dialog && usage.dialog.remote_tag() == e.from_tag)
            notify.usage = usages_.handle_at(i);
        else if (!usage.has_dialog && !gathers(watch) &&
                 (!watch.chosen || watch.chosen_tag == table_hash(shard().key, e.from_tag)))
            open = usages_.handle_at(i);
    }
    if (!notify.usage) notify.usage = open;
    if (!notify.usage && (one || now.mono >= watch.forks_until || watch.forks >= forks_max ||
                          watch.gathered.size() >= forks_max || has_gathered(watch, e.from_tag)))
        return stranger;
    const HeaderField* state = request.message.find(HeaderId::subscription_state);
    if (state == nullptr)
        return failure(Condition::missing_header, "Subscription-State is missing");
    const auto parsed = parse_subscription_state(state->value);
    if (!parsed) return tl::unexpected(parsed.error());
    notify.state = *parsed;
    if (notify.usage &&
        !has(watch_machine::step(usages_.find(notify.usage)->state, event_of(notify.state)).act,
             Action::deliver))
        return stranger;
    return notify;
}

bool Subscriber::make_fork(Notify& notify) {
    Watch& watch = *watches_.find(notify.watch);
    notify.usage = make_usage(watch, notify.watch);
    if (!notify.usage) return false;
    notify.new_fork = true;
    Usage& fork = *usages_.find(notify.usage);
    fork.asked_s = watch.expires_s;
    fork.left = watch.expires_s == 0;
    if (fork.left) fork.state = State::leaving;
    fork.timers.set(shard().timers, Name::n, watch.forks_until);
    return true;
}

/// Makes or moves the dialog, keeps the document, tells the application. When it fails, the
/// notifier may send the same again.
Expected<void> Subscriber::take(const Now& now, const Request& request, Notify& notify) {
    const MessageView& message = request.message;
    Watch& watch = *watches_.find(notify.watch);
    if (message.body.size() > 0 && !understands(watch, message.value_of(HeaderId::content_type)))
        return failure(Condition::media_not_supported, "Body type is not one of Accept");
    if (message.body.size() > 0 && message.has(HeaderId::content_encoding) &&
        !equal_ignoring_case(message.value_of(HeaderId::content_encoding), "identity"))
        return failure(Condition::media_not_supported, "Body is encoded");
    if (!notify.usage && !make_fork(notify))
        return failure(Condition::overloaded, "No memory for a fork");
    Usage& usage = *usages_.find(notify.usage);
    const bool over = notify.state.state == SubscriptionStateValue::terminated;
    Dialog::Refresh refresh;
    if (!usage.has_dialog && !over) {
        // RFC 6665 4.4.1: the NOTIFY makes the dialog, with the view of a UAS.
        auto dialog = Dialog::as_uas(shard(), request, watch.uac.tag());
        if (!dialog) return tl::unexpected(dialog.error());
        usage.dialog = std::move(*dialog);
        usage.dialog.continue_from(watch.uac.cseq());
        usage.has_dialog = true;
    } else if (usage.has_dialog) {
        // RFC 3856 6.8: what is older than what we have never overwrites it. RFC 3863 6 has a
        // watcher ignore what is outdated, too, by its timestamps; but those are of the
        // publishers' clocks, which step back, and by them a lamp would stick.
        if (!usage.dialog.accept_cseq(request.essentials.cseq.number))
            return failure(Condition::out_of_order, "CSeq is not above the last one");
        auto prepared = usage.dialog.prepare_refresh(shard(), request);
        if (!prepared) return tl::unexpected(prepared.error());
        refresh = std::move(*prepared);
    }
    SubscriptionNotice notice;
    const auto kept = take_body(usage, message, notice.has_document);
    if (!kept) return kept;
    notice.watch = {notify.watch};
    notice.fork = usage.fork;
    notice.state = notify.state.state;
    notice.reason = notify.state.reason;
    notice.retry_after_s = notify.state.retry_after.value_or(0);
    notice.content_type = usage.content_type;
    notice.body = usage.body;
    if (!over) {
        keep_flow(notify.usage, request.source.flow);
        if (usage.state != State::leaving) {
            usage.timers.stop(shard().timers, Name::n);
            const std::uint32_t asked_s = usage.asked_s;
            const Instant told =
                later(now.mono, seconds{std::min(notify.state.expires.value_or(asked_s), asked_s)});
            if (notify.state.expires) usage.told_at = told;
            // RFC 6665 4.1.3: a NOTIFY may shorten what was granted, never lengthen it. Whole
            // seconds that were rounded up are no news.
            if (!usage.timers.running(Name::expires) ||
                later(told, seconds{1}) < usage.timers.at(Name::expires))
                set_expiry(now, usage, told);
        }
        notice.expires_s = seconds_left(now.mono, usage.timers.at(Name::expires));
        if (usage.state == State::leaving) notice.expires_s = 0;
    }
    if (!tell(std::move(notice))) return failure(Condition::overloaded, "Too much news");
    usage.dialog.apply(std::move(refresh));
    if (notify.new_fork && gathers(watch)) {
        const bool noted =
            watch.gathered.push(table_hash(shard().key, request.essentials.from_tag));
        SIP_ASSERT(noted);
    }
    return {};
}

bool Subscriber::has_gathered(const Watch& watch, std::string_view tag) const {
    bool found = false;
    for (std::uint64_t hash : watch.gathered) found |= hash == table_hash(shard().key, tag);
    return found;
}

/// RFC 3856 6.8: a document replaces the one before; no document leaves it.
Expected<void> Subscriber::take_body(Usage& usage, const MessageView& message, bool& has_document) {
    if (message.body.empty()) return {};
    SharedBytes body = SharedBytes::copy(shard().memory, message.body);
    SharedBytes type = SharedBytes::copy(shard().memory, message.value_of(HeaderId::content_type));
    if (!body || !type) {
        ++shard().counters.limit_memory;
        return failure(Condition::overloaded, "No memory for the document");
    }
    usage.body = std::move(body);
    usage.content_type = std::move(type);
    has_document = true;
    return {};
}

bool Subscriber::understands(const Watch& watch, std::string_view content_type) const {
    if (content_type.empty() || watch.accept.empty()) return true;  // then it is the package's
    const auto media = parse_media_type(content_type);
    if (!media) return false;
    std::string_view rest = watch.accept.view();
    while (!rest.empty()) {
        const Halves halves = split_at(rest, ',');
        rest = halves.after;
        const std::string_view type = sip::trim(split_at(halves.before, ';').before);
        if (type == "*/*" || is_media_type(*media, type)) return true;
    }
    return false;
}

void Subscriber::refuse(const Now& now, const Request& request, const Watch* watch,
                        const Error& error) {
    const std::uint16_t status = status_of(error.condition);
    if (status != 489 && status != 415) {
        core_.refuse(now, request, error);
        return;
    }
    shard().decision(now, "refused", error.rule, request.identity.address_of_record, status);
    Reply reply(shard(), request, status, error.rule);
    // RFC 3261 8.2.3: the header field that matters.
    if (status == 415 && request.message.has(HeaderId::content_encoding))
        reply.header(HeaderId::accept_encoding, "identity");
    else if (status == 415 && watch != nullptr)
        reply.header(HeaderId::accept, watch->accept.view());
    if (status == 489) {
        Appender& out = reply.writer().begin(HeaderId::allow_events);
        for (std::size_t i = 0; i < packages_.size(); ++i)
            out << (i == 0 ? "" : ", ") << packages_[i]->name;
        reply.writer().end();
    }
    core_.respond(now, request, reply);
}

}  // namespace sip
