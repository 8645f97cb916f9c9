#include <utility>

#include "sip/base/text.hpp"
#include "sip/event/notifier.hpp"

// The part of the Notifier that tells packages of single subscriptions, and asks them for
// documents that one subscription alone is shown.

namespace sip {
namespace {

using Machine = subscription_machine::Event;
using State = subscription_machine::State;

/// RFC 3857 4.7.1.
WatcherEvent watcher_event(State from, Machine event) {
    switch (event) {
        case Machine::grant:
            return from == State::init ? WatcherEvent::subscribe : WatcherEvent::approved;
        case Machine::reject: return WatcherEvent::rejected;
        case Machine::unsubscribe:
        case Machine::expire:
        case Machine::lost: return WatcherEvent::timeout;
        case Machine::deactivate: return WatcherEvent::deactivated;
        case Machine::probation: return WatcherEvent::probation;
        case Machine::give_up: return WatcherEvent::giveup;
        case Machine::no_resource: return WatcherEvent::noresource;
        case Machine::hold_back:
        case Machine::refresh:
        case Machine::told: break;
    }
    return WatcherEvent::subscribe;
}

}  // namespace

Watcher Notifier::watcher_of(const Subscription& s) const {
    return {s.identity.view(), resource_name(s), s.authenticated};
}

void Notifier::tell_listener(const Now& now, Handle handle, State from, Machine event,
                             std::string_view display_name) {
    Subscription& s = *slab_.find(handle);
    if (from == s.state && event != Machine::refresh) return;
    // One that ended before it was answered with 2xx never was.
    if (from == State::init && s.state == State::terminated && event != Machine::unsubscribe)
        return;
    packages_.at(s.package).listener()->on_subscription_change(now, {{handle},
                                                                     s.mark,
                                                                     watcher_of(s),
                                                                     s.event_id.view(),
                                                                     display_name,
                                                                     from,
                                                                     s.state,
                                                                     watcher_event(from, event),
                                                                     s.may_see,
                                                                     s.expires_at()});
}

/// A change alone made it due, and nothing of it is left to tell.
bool Notifier::is_empty_now(const Now& now, Handle handle) {
    Subscription& s = *slab_.find(handle);
    if (!s.by_change || !traits_of(s.package).own_documents) return false;
    if (packages_.at(s.package).has_news(now, {handle})) return false;
    s.due = s.by_change = false;
    return true;
}

/// Into `sent_body`. False: there was no memory for it.
bool Notifier::render_own(const Now& now, Handle handle) {
    Subscription& s = *slab_.find(handle);
    if (s.again && s.sent_body) return true;
    Shard& shard = core_.shard;
    const View& view = *view_of(s);
    EventPackage& package = packages_.at(s.package);
    s.sent_body = {};
    s.unsent = false;
    const std::uint32_t most = shard.limits.notify_body_bytes;
    if (room_.size() != most && !room_.resize(shard.memory, most)) return false;
    OwnDocument wanted;
    wanted.subscription = {handle};
    wanted.watcher = watcher_of(s);
    wanted.view = view.id;
    wanted.content_type = package.traits().accept[view.type];
    wanted.full = !s.by_change;
    wanted.last = s.state == State::terminated;
    const auto size = package.render_own(now, wanted, {room_.data(), room_.size()});
    if (!size) {
        if (size.error().condition == Condition::overloaded) return false;
        if (size.error().condition == Condition::body_too_large)
            ++shard.counters.limit_notify_body_bytes;
        shard.decision(now, "dropped", size.error().rule, wanted.watcher.resource);
        return true;
    }
    s.sent_body = SharedBytes::copy(shard.memory, slice(room_.view(), 0, *size));
    s.unsent = static_cast<bool>(s.sent_body);
    return s.unsent;
}

/// There was none for its document: the whole state is told later.
void Notifier::wait_for_memory(const Now& now, Handle handle) {
    Subscription& s = *slab_.find(handle);
    ++core_.shard.counters.limit_memory;
    s.due = true;
    s.by_change = s.again = false;
    s.timers.set(core_.shard.timers, Name::retry,
                 later(now.mono, seconds{core_.shard.limits.retry_after_s}));
}

/// What did not go into this document goes into the next one.
void Notifier::own_document_sent(const Now& now, Handle handle) {
    Subscription& s = *slab_.find(handle);
    EventPackage& package = packages_.at(s.package);
    const bool unsent = s.unsent;
    s.unsent = false;
    if (unsent) package.on_own_sent(now, {handle});
    if (s.state == State::active && package.has_news(now, {handle})) make_due(handle, true);
}

}  // namespace sip
