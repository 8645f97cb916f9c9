#include "sip/event/notifier.hpp"

#include "sip/base/jitter.hpp"
#include "sip/dialog/request_head.hpp"
#include "sip/event/event_headers.hpp"
#include "sip/message/event_header.hpp"
#include "sip/message/media_type.hpp"
#include "sip/message/name_addr.hpp"
#include "sip/transport/locate.hpp"

namespace sip {
namespace {

using Machine = subscription_machine::Event;
using State = subscription_machine::State;

TerminationReason reason_for(Machine event) {
    switch (event) {
        case Machine::reject: return TerminationReason::rejected;
        case Machine::unsubscribe:
        case Machine::expire: return TerminationReason::timeout;
        case Machine::deactivate: return TerminationReason::deactivated;
        case Machine::probation: return TerminationReason::probation;
        case Machine::give_up: return TerminationReason::giveup;
        case Machine::no_resource: return TerminationReason::noresource;
        default: return TerminationReason::none;
    }
}

/// The type of `accept` that the watcher wants most; nothing when it wants none of them.
std::optional<std::uint8_t> choose_type(const MessageView& message,
                                        std::span<const std::string_view> accept) {
    if (!message.has(HeaderId::accept)) return std::uint8_t{0};
    std::uint16_t best = 0;
    std::optional<std::uint8_t> chosen;
    for (std::size_t i = 0; i < accept.size(); ++i) {
        const std::uint16_t q = acceptance_of(message, accept[i]).value_or(0);
        if (q <= best) continue;
        best = q;
        chosen = static_cast<std::uint8_t>(i);
    }
    return chosen;
}

/// RFC 3858 3: what people call the watcher, without quotes and escapes. Without memory it has no
/// name.
void keep_display_name(const Request& request, Memory& memory, Block& out) {
    std::array<char, SubscriptionChange::display_name_max + 1> room{};
    std::size_t size = 0;
    const std::string_view name = request.essentials.from.display_name;
    for (std::size_t i = 0; i < name.size() && size < room.size(); ++i) {
        if (name[i] == '\\' && i + 1 < name.size()) ++i;
        room[size++] = name[i];
    }
    // What is cut is cut between two characters of UTF-8.
    if (size == room.size()) {
        --size;
        while (size > 0 && (static_cast<unsigned char>(room[size]) & 0xc0) == 0x80) --size;
    }
    (void)out.assign(memory, {room.data(), size});
}

}  // namespace

Notifier::Notifier(const Core& core, EventPackages& packages, Resources& resources, Options options)
    : core_(core),
      packages_(packages),
      resources_(resources),
      options_(options),
      slab_(core.shard.memory, core.shard.limits.subscriptions),
      ways_(core.shard.memory, core.shard.limits.subscriptions),
      connections_(core.shard.memory, core.shard.limits.subscriptions),
      views_(core.shard.memory, core.shard.limits.subscriptions),
      staged_(core.shard.memory, core.shard.limits.waiting_requests),
      by_dialog_(core.shard.memory),
      by_device_(core.shard.memory),
      by_user_(core.shard.memory, core.shard.limits.subscriptions, core.shard.common,
               Tally::subscriptions_of_user),
      far_ends_(core.shard.memory, core.shard.limits.unproven_peers),
      by_far_end_(core.shard.memory),
      proofs_(core.shard.memory, core.shard.limits.known_sources),
      stale_(core.shard.memory, core.shard.limits.subscriptions) {
    Shard& shard = core.shard;
    const std::uint32_t count = shard.limits.subscriptions;
    shard.reserve(count, slab_, ways_, connections_, views_, stale_);
    shard.reserve(count, by_dialog_, by_device_, by_user_, proofs_);
    shard.reserve(shard.limits.waiting_requests, staged_);
    shard.reserve(shard.limits.unproven_peers, far_ends_, by_far_end_);
    shard.reserve_timers(std::size_t{2} * count + shard.limits.unproven_peers);
    shard.reserve_texts(std::size_t{5} * count);
    if (shard.limits.reserve && !room_.resize(shard.memory, shard.limits.notify_body_bytes))
        shard.has_room = false;
}

Notifier::~Notifier() {
    staged_.for_each([&](Handle handle, Staged&) { finish(handle); });
    slab_.for_each([&](Handle handle, Subscription&) { destroy(handle); });
}

// What a SUBSCRIBE asks for ---------------------------------------------------------------------

void Notifier::write_name(Appender& out, const Request& request) const {
    if (names_ != nullptr)
        names_->write(out, request.essentials.request_uri);
    else
        write_address_of_record(out, request.essentials.request_uri);
}

bool Notifier::serves(const Request& request) {
    if (!request.essentials.to_tag.empty()) return true;  // its dialog decides
    Room<512> name;
    write_name(name, request);
    if (name.overflowed()) return false;
    for (std::size_t i = 0; i < packages_.size(); ++i)
        if (packages_.at(i).exists(name.view())) return true;
    return false;
}

Expected<void> Notifier::check(const Request& request, Wanted& wanted) const {
    const MessageView& message = request.message;
    const auto event = read_event(message, packages_);
    if (!event) return tl::unexpected(event.error());
    wanted.package = event->package;
    wanted.event_id = event->id;
    const EventPackage::Traits& traits = traits_of(wanted.package);
    const auto type = choose_type(message, traits.accept);
    if (!type) return failure(Condition::not_acceptable, "Accept lists no type of this package");
    wanted.type = *type;
    constexpr bool hour_rule = true;
    const auto expires = read_expires(message, traits, hour_rule);
    if (!expires) return tl::unexpected(expires.error());
    wanted.expires_s = *expires;
    if (!message.body.empty() && !is_optional_body(message))
        return failure(Condition::media_not_supported, "SUBSCRIBE bodies are not understood");
    return {};
}

void Notifier::on_request(const Now& now, const Request& request) {
    ++core_.shard.counters.subscribes;
    Wanted wanted;
    if (stopping_) {
        // What waited behind a change that was being stored comes here, past the gate.
        refuse(now, request, wanted, {Condition::overloaded, "Shutting down"});
        return;
    }
    const bool in_dialog = !request.essentials.to_tag.empty();
    const Handle known = in_dialog ? find_dialog(request.essentials) : Handle{};
    if (in_dialog && !known) {
        refuse(now, request, wanted, {Condition::no_dialog, "Subscription does not exist"});
        return;
    }
    if (known && end_if_due(now, known) && slab_.find(known) == nullptr) {
        refuse(now, request, wanted, {Condition::no_dialog, "Subscription has ended"});
        return;
    }
    if (known) {
        const std::uint64_t resource = resources_.at(slab_.find(known)->resource).hash;
        if (core_.staging.is_busy(resource)) {
            if (!core_.staging.wait(resource, request))
                refuse(now, request, wanted, {Condition::overloaded, "Too many requests wait"});
            return;
        }
    }
    // Before anything of the dialog moves, its CSeq included: is this its watcher?
    if (known && slab_.find(known)->identity.view() != request.identity.address_of_record) {
        refuse(now, request, wanted, {Condition::forbidden, "Not your own subscription"});
        return;
    }
    // The order of a dialog's requests is looked at first: a late copy changes nothing.
    if (known && !slab_.find(known)->dialog.accept_cseq(request.essentials.cseq.number)) {
        refuse(now, request, wanted, {Condition::out_of_order, "CSeq is not above the last one"});
        return;
    }
    if (const auto checked = check(request, wanted); !checked) {
        refuse(now, request, wanted, checked.error());
        return;
    }
    if (known)
        refresh(now, request, wanted, known);
    else
        subscribe(now, request, wanted);
}

/// Unless it is over one, it counts as one of its user's.
Fault Notifier::over_quota(const Now& now, const Request& request, Wanted& wanted,
                           const Decision& decision) {
    const Limits& limits = core_.shard.limits;
    Counters& counters = core_.shard.counters;
    if (slab_.full()) {
        ++counters.limit_subscriptions;
        return Error{Condition::overloaded, "Too many subscriptions"};
    }
    // Whoever comes back takes the place of what was.
    const bool comes_back = bool{find_suspect(wanted.device, {UINT32_MAX, 0})};
    switch (
        by_user_.add(wanted.user, comes_back ? Tally::any_number : limits.subscriptions_per_user)) {
        case Tally::Counted::yes: break;
        case Tally::Counted::too_many:
            ++counters.limit_subscriptions_per_user;
            return Error{Condition::overloaded, "Too many subscriptions of this user"};
        case Tally::Counted::no_room:
            ++counters.limit_memory;
            return Error{Condition::overloaded, "No memory for the subscription"};
    }
    if (comes_back) return {};
    const Fault fault = over_other_quota(now, request, wanted, decision);
    if (fault) by_user_.remove(wanted.user);
    return fault;
}

Fault Notifier::over_other_quota(const Now& now, const Request& request, const Wanted& wanted,
                                 const Decision& decision) {
    const Limits& limits = core_.shard.limits;
    const ResourceId resource = resources_.find(wanted.package, wanted.name, wanted.resource);
    if (resource && resources_.at(resource).subscriptions >= limits.subscriptions_per_resource) {
        ++core_.shard.counters.limit_subscriptions_per_resource;
        return Error{Condition::overloaded, "Too many subscriptions to this address"};
    }
    SubscriptionListener* listener = packages_.at(wanted.package).listener();
    if (listener == nullptr) return {};
    return listener->refuses(
        now, {request.identity.address_of_record, wanted.name, request.identity.authenticated},
        wanted.event_id, decision);
}

void Notifier::subscribe(const Now& now, const Request& request, Wanted& wanted) {
    Appender name(wanted.name_room);
    write_name(name, request);
    wanted.name = name.view();
    EventPackage& package = packages_.at(wanted.package);
    if (!package.exists(wanted.name)) {
        refuse(now, request, wanted, {Condition::not_found, "No such address"});
        return;
    }
    wanted.resource = resources_.hash_of(wanted.package, wanted.name);
    if (core_.staging.is_busy(wanted.resource)) {
        if (!core_.staging.wait(wanted.resource, request))
            refuse(now, request, wanted, {Condition::overloaded, "Too many requests wait"});
        return;
    }
    const Decision decision = package.decide(
        now, {request.identity.address_of_record, wanted.name, request.identity.authenticated});
    if (decision.state == SubscriptionDecision::rejected) {
        refuse(now, request, wanted, {Condition::forbidden, "Forbidden"});
        return;
    }
    if (carrier_ != nullptr && !serves_here_ && decision.state == SubscriptionDecision::active &&
        carrier_->take(now, request, wanted.package, wanted.name, decision.view))
        return;
    wanted.user = InternedAddress::hash_of(core_.shard.texts, request.identity.address_of_record);
    // Where nobody came by a connection none can be gone.
    if (by_device_.size() > 0 || is_reliable(request.source.transport))
        wanted.device = device_hash(request, wanted, {});
    if (const auto error = over_quota(now, request, wanted, decision)) {
        refuse(now, request, wanted, *error);
        return;
    }
    Room<16> tag;
    tag.hex(core_.shard.mint());
    const auto made = make(request, wanted, tag.view());
    if (!made) {
        by_user_.remove(wanted.user);
        refuse(now, request, wanted, made.error());
        return;
    }
    Request tagged = request;
    tagged.local_tag = tag.view();
    shorten(request, wanted);
    Staged staged;
    staged.subscription = *made;
    staged.initial = true;
    staged.decision = decision;
    if (package.listener() != nullptr)
        keep_display_name(request, core_.shard.memory, staged.display_name);
    stage(now, tagged, wanted, std::move(staged));
}

Expected<Handle> Notifier::make(const Request& request, const Wanted& wanted,
                                std::string_view local_tag) {
    Shard& shard = core_.shard;
    auto dialog = Dialog::as_uas(shard, request, local_tag);
    if (!dialog) return tl::unexpected(dialog.error());
    if (const auto contact = parse_uri(dialog->remote_target(), shard.leniency)) {
        const auto target = locate(*contact, core_.transport.listeners());
        const bool is_device = devices_ != nullptr && contact->parameters.has("gr");
        if (target && !is_device && core_.transport.listeners().is_ours(target->remote))
            return failure(Condition::loop_detected, "Contact names this server");
    }
    const ResourceId resource = resources_.obtain(wanted.package, wanted.name, wanted.resource);
    if (!resource) return failure(Condition::overloaded, "Too many resources");
    const Handle handle = slab_.create();
    if (!handle) {
        ++shard.counters.limit_memory;
        resources_.release(resource);
        return failure(Condition::overloaded, "No memory for the subscription");
    }
    Subscription& s = *slab_.find(handle);
    s.package = wanted.package;
    s.resource = resource.handle.index;
    const bool kept =
        s.timers.attach(shard.timers, {part_, handle}) &&
        shard.texts.intern(wanted.event_id, s.event_id) &&
        s.identity.intern(shard.texts, request.identity.address_of_record, wanted.user) &&
        by_dialog_.reserve_one() && keep_connection(handle, request, wanted);
    if (!kept) {
        ++shard.counters.limit_memory;
        if (s.connection != none) connections_.destroy(connections_.handle_at(s.connection));
        s.timers.detach(shard.timers);
        slab_.destroy(handle);
        resources_.release(resource);
        return failure(Condition::overloaded, "No memory for the subscription");
    }
    s.authenticated = request.identity.authenticated;
    s.proved_by = request.identity.proved_by;
    s.dialog = std::move(*dialog);
    const bool indexed = by_dialog_.insert(handle.index, by_dialog());
    SIP_ASSERT(indexed);
    ++resources_.at(resource).subscriptions;
    bind_flow(handle);
    return handle;
}

void Notifier::refresh(const Now& now, const Request& request, Wanted& wanted, Handle handle) {
    Subscription& s = *slab_.find(handle);
    if (s.state == State::terminated) {
        // RFC 6665 4.4.1: what crosses the last NOTIFY is too late.
        refuse(now, request, wanted, {Condition::no_dialog, "Subscription has ended"});
        return;
    }
    if (s.package != wanted.package || s.event_id.view() != wanted.event_id) {
        refuse(now, request, wanted,
               {Condition::forbidden, "One subscription a dialog; use a new one"});
        return;
    }
    wanted.name = resource_name(s);
    wanted.resource = resources_.at(s.resource).hash;
    auto prepared = s.dialog.prepare_refresh(core_.shard, request);
    if (!prepared) {
        refuse(now, request, wanted, prepared.error());
        return;
    }
    if (!keep_connection(handle, request, wanted)) {
        ++core_.shard.counters.limit_memory;
        refuse(now, request, wanted, {Condition::overloaded, "No memory for the subscription"});
        return;
    }
    shorten(request, wanted);
    Staged staged;
    staged.subscription = handle;
    staged.refresh = std::move(*prepared);
    staged.decision = packages_.at(s.package).decide(now, watcher_of(s));
    Request tagged = request;
    tagged.local_tag = s.dialog.local_tag();
    stage(now, tagged, wanted, std::move(staged));
}

/// RFC 6665 4.2.1.1: what is granted may be less than what was asked for.
void Notifier::shorten(const Request& request, Wanted& wanted) const {
    const EventPackage::Traits& traits = traits_of(wanted.package);
    wanted.expires_s =
        shortened(core_.shard.entropy, wanted.expires_s,
                  core_.shard.is_exempt(request.source) ? 0 : traits.expires_jitter_percent,
                  traits.expires_min_s);
}

Handle Notifier::find_dialog(const Essentials& e) {
    const std::uint32_t index =
        by_dialog_.find(table_hash(core_.shard.key, e.to_tag), by_dialog(), [&](std::uint32_t i) {
            return slab_.at(i).dialog.matches(e.call_id, e.to_tag, e.from_tag);
        });
    return index == none ? Handle{} : slab_.handle_at(index);
}

void Notifier::refuse(const Now& now, const Request& request, const Wanted& wanted,
                      const Error& error) {
    std::uint16_t status = status_of(error.condition);
    core_.tell_refused(now, request, error.rule, status);
    Reply reply(core_.shard, request, status, error.rule);
    if (status == 489) write_allow_events(reply.writer(), packages_);
    if (status == 423) reply.header(HeaderId::min_expires, traits_of(wanted.package).expires_min_s);
    if (status == 415) write_accept(reply.writer(), {});
    if (status == 503) reply.header(HeaderId::retry_after, core_.shard.limits.retry_after_s);
    core_.respond(now, request, reply);
}

// From accepted to holding ----------------------------------------------------------------------

void Notifier::stage(const Now& now, const Request& request, const Wanted& wanted,
                     Staged&& values) {
    const Handle subscription = values.subscription;
    const bool initial = values.initial;
    const Handle handle = staged_.create(std::move(values));
    if (!handle) {
        ++core_.shard.counters.limit_waiting_requests;
        if (initial) destroy(subscription);
        refuse(now, request, wanted, {Condition::overloaded, "Too many changes wait"});
        return;
    }
    Staged& staged = *staged_.find(handle);
    staged.transaction = request.transaction;
    staged.resource = wanted.resource;
    staged.device = wanted.device;
    staged.expires_s = wanted.expires_s;
    staged.type = wanted.type;
    const Decision decision = staged.decision;
    const bool pending = decision.state == SubscriptionDecision::pending;
    {
        Reply reply(core_.shard, request, pending && options_.rfc3265_compat ? 202 : 200);
        if (initial)  // RFC 3261 12.1.1
            for (const HeaderField& field : request.message.headers)
                if (field.id == HeaderId::record_route)
                    reply.header(HeaderId::record_route, field.value);
        write_contact(reply.writer(), core_.transport.listeners(), back_to(request.source),
                      {{},
                       slab_.find(subscription)->dialog.has_sips_contact(),
                       core_.shard.leniency.transport_tls_in_contact});
        reply.header(HeaderId::expires, wanted.expires_s);
        write_allow_events(reply.writer(), packages_);
        core_.prove(now, request, reply);
        staged.accepted = reply.finish();
    }
    if (!staged.accepted) {
        // Nothing has happened; what was taken for it makes room for an answer.
        staged_.destroy(handle);
        if (initial) destroy(subscription);
        refuse(now, request, wanted, {Condition::overloaded, "No room for the answer"});
        return;
    }
    // A fetch leaves nothing that could be stored, but for a watcher whom nobody decided about.
    const bool leaves_watcher =
        initial && pending && packages_.at(wanted.package).listener() != nullptr;
    const bool stores =
        core_.staging.has_store() && (!initial || staged.expires_s > 0 || leaves_watcher);
    // What could still go wrong goes wrong here, where it can be answered.
    const bool fits =
        stores ? keep_view(staged) : set_view(subscription, decision.view, wanted.type);
    if (stores || !fits) {
        Reply reply(core_.shard, request, 500,
                    fits ? "The change could not be stored" : "No memory for the subscription");
        reply.header(HeaderId::retry_after, core_.shard.limits.retry_after_s);
        staged.refused = reply.finish();
    }
    if (!fits) {
        on_commit_failed(now, handle);
        return;
    }
    if (!stores) {
        on_committed(now, handle);
        return;
    }
    slab_.find(subscription)->staged = true;
    if (core_.staging.stage(part_, handle, staged.resource, records_of(now, staged))) return;
    if (Packet busy = core_.too_many_changes(request)) staged.refused = std::move(busy);
    on_commit_failed(now, handle);
}

void Notifier::on_committed(const Now& now, Handle object) {
    Staged* staged = staged_.find(object);
    SIP_ASSERT(staged != nullptr);
    const Handle handle = staged->subscription;
    if (slab_.find(handle) != nullptr) (void)end_if_due(now, handle);
    Subscription* s = slab_.find(handle);
    const bool may_hold = s != nullptr && s->state != State::terminated;
    // ROUR-9: rules may have changed while the store was at work.
    if (may_hold && core_.staging.has_store())
        staged->decision = packages_.at(s->package).decide(now, watcher_of(*s));
    const Decision decision = staged->decision;
    if (may_hold) keep_reason(*s, decision);
    const bool refused_now = staged->initial && decision.state == SubscriptionDecision::rejected;
    const bool sees = may_hold && !refused_now && set_view(handle, decision.view, staged->type);
    // What is stored is never answered 500 because rules changed and memory is short.
    if (!may_hold || refused_now || (!sees && !core_.staging.has_store())) {
        on_commit_failed(now, object);
        return;
    }
    s->staged = false;
    core_.servers.respond(now, staged->transaction, 200, staged->accepted);
    const std::uint32_t expires_s = staged->expires_s;
    const bool initial = staged->initial;
    const std::uint64_t device = staged->device;
    const Block display_name = std::move(staged->display_name);
    s->dialog.apply(std::move(staged->refresh));
    bind_flow(handle);
    if (initial && expires_s > 0)
        supersede(now, handle, device);
    else
        trust_again(*s);
    finish(object);
    s->granted_s = expires_s;
    if (initial) s->since = whole_seconds(now.mono);
    if (expires_s == 0) {
        s->may_see = decision.state == SubscriptionDecision::active;
        step(now, handle, Machine::unsubscribe, display_name.view());
        return;
    }
    s->timers.set(core_.shard.timers, Name::expires, later(now.mono, seconds{expires_s}));
    if (!sees) {
        // It may not go on seeing what it saw; a new subscription is welcome.
        s->may_see = false;
        (void)withdraw(*s);
        if (initial) step(now, handle, Machine::hold_back, display_name.view());
        step(now, handle, Machine::probation);
        return;
    }
    const bool moves = s->moves;
    s->moves = false;
    decide(now, handle, decision, display_name.view());
    // The decision may have been the end of it: nothing is left to refresh.
    const auto lives = [&] {
        const Subscription* left = slab_.find(handle);
        return left != nullptr && left->state != State::terminated;
    };
    if (!initial && lives()) step(now, handle, Machine::refresh);
    if (moves && lives()) leave(now, handle);
}

/// So that it is there once the change is stored, and its resource with it.
bool Notifier::keep_view(Staged& staged) {
    const Subscription& s = *slab_.find(staged.subscription);
    staged.view = obtain_view(s.resource, staged.decision.view, staged.type);
    if (!staged.view) return false;
    ++views_.find(staged.view)->kept;
    ++resources_.at(s.resource).references;
    return true;
}

/// A staged change is dealt with, for good or ill.
void Notifier::finish(Handle object) {
    const Handle view = staged_.find(object)->view;
    staged_.destroy(object);
    if (!view) return;
    const ResourceId resource = resources_.id_at(views_.find(view)->resource);
    --views_.find(view)->kept;
    release_view(view);
    resources_.release(resource);
}

void Notifier::on_commit_failed(const Now& now, Handle object) {
    Staged* staged = staged_.find(object);
    SIP_ASSERT(staged != nullptr);
    core_.servers.respond(now, staged->transaction, 500, staged->refused);
    const Handle handle = staged->subscription;
    const bool initial = staged->initial;
    finish(object);
    Subscription* s = slab_.find(handle);
    if (s == nullptr) return;
    s->staged = false;
    if (initial) destroy(handle);
}

// What becomes of a subscription ----------------------------------------------------------------

/// What a NOTIFY on its way shows is not to be seen any more, so no copy of it leaves from here on.
/// True: another one has to go.
bool Notifier::withdraw(Subscription& s) {
    if (!s.outstanding || !s.sent_body) return false;
    core_.clients.withdraw(s.transaction);
    s.outstanding = false;
    s.told = Told::withdrawn;
    s.last_told = false;
    return true;
}

/// Its views last until the package is called again, so at once.
void Notifier::keep_reason(Subscription& s, const Decision& decision) {
    if (!options_.keeps_reasons || s.because.view() == decision.because) return;
    if (!core_.shard.texts.intern(decision.because, s.because)) ++core_.shard.counters.limit_memory;
}

void Notifier::decide(const Now& now, Handle handle, const Decision& decision,
                      std::string_view display_name) {
    Subscription& s = *slab_.find(handle);
    s.may_see = decision.state == SubscriptionDecision::active;
    const View* view = view_of(s);
    const bool other_view = view == nullptr || view->id != decision.view;
    const bool withdrawn = (other_view || !s.may_see) && withdraw(s);
    if (other_view && s.may_see && !set_view(handle, decision.view, view ? view->type : 0)) {
        // No memory for the view it should see: it may not go on seeing the old one.
        s.may_see = false;
        step(now, handle, Machine::probation);
        if (withdrawn) make_due(handle, false);
        return;
    }
    const bool was_active = s.state == State::active;
    switch (decision.state) {
        case SubscriptionDecision::active: step(now, handle, Machine::grant, display_name); break;
        case SubscriptionDecision::pending:
            step(now, handle, Machine::hold_back, display_name);
            break;
        case SubscriptionDecision::rejected: step(now, handle, Machine::reject); break;
    }
    if (slab_.find(handle) == nullptr) return;
    if (withdrawn || (was_active && other_view && s.state == State::active))
        make_due(handle, false);
}

void Notifier::step(const Now& now, Handle handle, Machine event, std::string_view display_name) {
    using namespace subscription_machine;
    Subscription& s = *slab_.find(handle);
    const State from = s.state;
    // Whoever is not to be reached is not told of its end either.
    if (s.silent && subscription_machine::step(from, event).to == State::terminated)
        event = Machine::lost;
    const Row& row = subscription_machine::step(from, event);
    s.state = row.to;
    if (core_.shard.tracer != nullptr)
        core_.shard.tracer->transition(
            now, {"subscription", handle.index, state_names[static_cast<std::size_t>(from)],
                  event_names[static_cast<std::size_t>(event)],
                  state_names[static_cast<std::size_t>(row.to)]});
    if (has(row.act, Action::final)) {
        if (event == Machine::reject || event == Machine::no_resource) (void)withdraw(s);
        s.reason = reason_for(event);
        s.granted_s = 0;
        s.timers.stop(core_.shard.timers, Name::expires);
    }
    if (from != row.to && core_.shard.tracer != nullptr)
        core_.shard.tracer->subscription(
            now, {handle.index, traits_of(s.package).name, s.identity.view(), resource_name(s),
                  state_names[static_cast<std::size_t>(row.to)], name_of(s.reason),
                  row.to == State::terminated ? 0 : seconds_left(now.mono, s.expires_at())});
    if (packages_.at(s.package).listener() != nullptr)
        tell_listener(now, handle, from, event, display_name);
    if (has(row.act, Action::notify)) make_due(handle, false);
    if (has(row.act, Action::remove)) destroy(handle);
}

/// Finds or makes it. False handle: no memory.
Handle Notifier::obtain_view(std::uint32_t of, ViewId id, std::uint8_t type) {
    Resources::Resource& resource = resources_.at(of);
    std::uint32_t index = resource.first_view;
    const auto is_it = [&](const View& view) {
        return view.id == id && view.type == type && !view.ending;
    };
    while (index != UINT32_MAX && !is_it(views_.at(index))) index = views_.at(index).next_view;
    if (index != UINT32_MAX) return views_.handle_at(index);
    const Handle handle = views_.create();
    if (!handle) {
        ++core_.shard.counters.limit_memory;
        return {};
    }
    View& made = *views_.find(handle);
    if (!made.timers.attach(core_.shard.timers,
                            {part_, {handle.index | view_mark, handle.generation}})) {
        ++core_.shard.counters.limit_memory;
        views_.destroy(handle);
        return {};
    }
    made.resource = of;
    made.id = id;
    made.type = type;
    made.next_view = resource.first_view;
    resource.first_view = handle.index;
    packages_.at(resource.package).retain_view(id);
    return handle;
}

/// Takes it away when nobody is in it and nobody will be.
void Notifier::release_view(Handle handle) {
    View& view = *views_.find(handle);
    if (view.first != UINT32_MAX || view.kept > 0) return;
    std::uint32_t* link = &resources_.at(view.resource).first_view;
    while (*link != handle.index) link = &views_.at(*link).next_view;
    *link = view.next_view;
    view.timers.detach(core_.shard.timers);
    if (view.ending) --endings_;
    EventPackage& package = packages_.at(resources_.at(view.resource).package);
    const ViewId id = view.id;
    views_.destroy(handle);
    package.release_view(id);
}

bool Notifier::set_view(Handle handle, ViewId id, std::uint8_t type) {
    Subscription& s = *slab_.find(handle);
    if (const View* view = view_of(s); view != nullptr && view->id == id && view->type == type)
        return true;
    const Handle found = obtain_view(s.resource, id, type);
    if (!found) return false;
    leave_view(handle);
    View& view = *views_.find(found);
    s.view = found.index;
    s.previous = UINT32_MAX;
    s.next = view.first;
    if (s.next != UINT32_MAX) slab_.at(s.next).previous = handle.index;
    view.first = handle.index;
    return true;
}

void Notifier::leave_view(Handle handle) {
    Subscription& s = *slab_.find(handle);
    View* view = view_of(s);
    if (view == nullptr) return;
    if (s.previous != UINT32_MAX)
        slab_.at(s.previous).next = s.next;
    else
        view->first = s.next;
    if (s.next != UINT32_MAX) slab_.at(s.next).previous = s.previous;
    if (view->walk == handle.index) view->walk = s.next;
    const Handle left = views_.handle_at(s.view);
    s.view = none;
    release_view(left);
}

void Notifier::destroy(Handle handle) {
    Subscription& s = *slab_.find(handle);
    dequeue(s);
    // What nobody waits for any more does not go on to where nobody may be.
    if (held_by(s) != nullptr && s.outstanding) {
        core_.clients.withdraw(s.transaction);
        s.outstanding = false;
    }
    leave_far_end(handle);
    leave_view(handle);
    by_dialog_.erase(handle.index, by_dialog());
    if (const Connection* connection = connection_of(s)) {
        if (connection->is_indexed) by_device_.erase(connection->device, handle.index);
        connections_.destroy(connections_.handle_at(s.connection));
    }
    trust_again(s);
    by_user_.remove(s.identity.hash());
    s.timers.detach(core_.shard.timers);
    if (s.outstanding) core_.clients.abandon(s.transaction);
    if (const Way* way = way_of(s)) {
        core_.locator.abandon(way->lookup);
        ways_.destroy(ways_.handle_at(s.way));
    }
    --resources_.at(s.resource).subscriptions;
    const ResourceId released = resources_.id_at(s.resource);
    if (traits_of(s.package).own_documents) packages_.at(s.package).forget({handle});
    slab_.destroy(handle);
    resources_.release(released);
}

void Notifier::serve_here(const Now& now, const Request& request) {
    serves_here_ = true;
    on_request(now, request);
    serves_here_ = false;
}

void Notifier::end(const Now& now, SubscriptionId id, Machine why) {
    if (slab_.find(id.handle) != nullptr) step(now, id.handle, why);
}

void Notifier::trim() {
    slab_.trim();
    ways_.trim();
    connections_.trim();
    views_.trim();
    staged_.trim();
    by_dialog_.trim();
    by_device_.trim();
    by_user_.trim();
    far_ends_.trim();
    by_far_end_.trim();
    if (slab_.size() == 0) proofs_.reset();
    stale_.trim();
    room_.reset();
}

void Notifier::on_timer(const Now& now, Handle object) {
    if ((object.index & view_mark) != 0) {
        const Handle handle{object.index & ~view_mark, object.generation};
        View* view = views_.find(handle);
        while (view != nullptr) {
            const auto name = view->timers.pop_due(core_.shard.timers, now.mono);
            if (!name) return;
            if (*name == ViewName::hold) view->held = false;
            if (*name == ViewName::change) view->stale = true;
            if (!view->held) refresh_view(now, handle);
            view = views_.find(handle);
        }
        return;
    }
    if ((object.index & far_end_mark) != 0) {
        FarEnd* end = far_ends_.find({object.index & ~far_end_mark, object.generation});
        if (end != nullptr && end->timers.pop_due(core_.shard.timers, now.mono))
            far_end_overdue(now, end->holder);
        return;
    }
    for (;;) {
        Subscription* s = slab_.find(object);
        if (s == nullptr) return;
        const auto name = s->timers.pop_due(core_.shard.timers, now.mono);
        if (!name) return;
        switch (*name) {
            case Name::expires:
                if (s->staged)  // a refresh may be on its way to the store; it decides
                    s->timers.set(core_.shard.timers, Name::expires, later(now.mono, seconds{1}));
                else
                    step(now, object, Machine::expire);
                break;
            case Name::retry: enqueue(object); break;
            case Name::hold:
                s->held = false;
                if (s->due) enqueue(object);
                break;
        }
    }
}

}  // namespace sip
