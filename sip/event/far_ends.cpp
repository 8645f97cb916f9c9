#include "sip/event/notifier.hpp"

// Threat 11: whoever may subscribe chooses where NOTIFYs go, by Record-Route and Contact. To a host
// that nobody knows one goes at a time, over all subscriptions and users, and without an answer
// that is all.

namespace sip {
namespace {

/// Copies leave after 0, 0.5, 1.5 and 3.5 s (RFC 3261 17.1.2.2): four, and not eleven.
constexpr Duration answer_timeout = seconds{7};
/// So many of those that waited leave in a row.
constexpr int leave_step = 32;

}  // namespace

Notifier::Reach Notifier::reach_of(const Now& now, Handle handle, const Target& target) {
    Subscription& s = *slab_.find(handle);
    Shard& shard = core_.shard;
    const Address& to = target.remote.address;
    const Address from = s.dialog.path().remote.address;
    std::uint64_t key = 0;  // most go back to where they came from, and need none
    if (to == from || shard.exempt.contains(to) ||
        (key = site_hash(shard.key, to) | 1) == (site_hash(shard.key, from) | 1)) {
        leave_far_end(handle);
        return Reach::known;
    }
    if (const Proof* proof = proofs_.find(key); proof != nullptr && proof->until > now.mono) {
        leave_far_end(handle);
        return Reach::known;
    }
    if (FarEnd* own = held_by(s)) {
        if (own->key == key) {
            own->timers.set(shard.timers, FarName::proof, later(now.mono, answer_timeout));
            return Reach::unknown;
        }
        leave_far_end(handle);
    }
    const std::uint32_t index =
        by_far_end_.find(key, [&](std::uint32_t i) { return far_ends_.at(i).key == key; });
    if (index != HashIndex::none) {
        enter(handle, index);
        return Reach::taken;
    }
    Handle made = by_far_end_.reserve_one() ? far_ends_.create() : Handle{};
    if (made && !far_ends_.find(made)->timers.attach(
                    shard.timers, {part_, {made.index | far_end_mark, made.generation}})) {
        far_ends_.destroy(made);
        made = {};
    }
    if (!made) {
        ++(far_ends_.full() ? shard.counters.limit_unproven_peers : shard.counters.limit_memory);
        return Reach::refused;
    }
    FarEnd& end = *far_ends_.find(made);
    end.key = key;
    end.index = made.index;
    end.holder = handle;
    const bool kept = by_far_end_.insert(key, made.index);
    SIP_ASSERT(kept);
    s.far_end = made.index;
    end.timers.set(shard.timers, FarName::proof, later(now.mono, answer_timeout));
    return Reach::unknown;
}

/// Any answer will do: it shows the branch, that nobody guesses who did not get the NOTIFY.
void Notifier::far_end_answered(const Now& now, Handle handle) {
    const FarEnd* end = held_by(*slab_.find(handle));
    if (end == nullptr) return;
    const Instant until = later(now.mono, core_.shard.limits.known_source_lifetime);
    Proof* proof = proofs_.find(end->key);
    const auto older = [](const Proof& a, const Proof& b) { return a.until < b.until; };
    if (proof == nullptr)
        proof = proofs_.put(end->key, older, [&](const Proof& p) { return p.until <= now.mono; });
    if (proof == nullptr) proof = proofs_.put(end->key, older, [](const Proof&) { return true; });
    if (proof != nullptr) proof->until = until;
    leave_far_end(handle);
}

/// No copy leaves there any more. Another server may take it, where a name leads to several.
void Notifier::far_end_overdue(const Now& now, Handle handle) {
    Subscription& s = *slab_.find(handle);
    if (s.outstanding) core_.clients.withdraw(s.transaction);
    s.outstanding = false;
    s.told = Told::timeout;
    if (!s.by_stream && go_to_next_target(now, handle, {})) return;
    if (s.suspect && !s.last_told)
        fall_silent(handle);
    else
        far_end_silent(now, handle);
}

/// Nobody is there, or nobody who wants it: no copy leaves any more, and all that wait end.
void Notifier::far_end_silent(const Now& now, Handle handle) {
    using Machine = subscription_machine::Event;
    Subscription& s = *slab_.find(handle);
    FarEnd* end = held_by(s);
    if (end == nullptr) return;
    ++core_.shard.counters.notify_failures;
    ++core_.shard.counters.silent_peers;
    core_.shard.decision(now, "dropped", "no answer from where nobody subscribes from",
                         s.identity.view());
    end->is_dead = true;
    open_far_end(s);
    step(now, handle, Machine::lost);
}

/// This one finds out nothing any more; the next of those that wait does.
void Notifier::leave_far_end(Handle handle) {
    Subscription& s = *slab_.find(handle);
    if (held_by(s) != nullptr) open_far_end(s);
}

/// Nobody else comes to it, and those that wait there leave, some at a time.
void Notifier::open_far_end(Subscription& s) {
    FarEnd& end = *held_by(s);
    s.far_end = none;
    end.timers.detach(core_.shard.timers);
    by_far_end_.erase(end.key, end.index);
    if (end.waiting.first == none)
        far_ends_.destroy(far_ends_.handle_at(end.index));
    else
        end.join(left_);
}

void Notifier::let_some_leave(const Now& now, FarEnd& end) {
    const Handle handle = far_ends_.handle_at(end.index);
    for (int left = 0; left < leave_step && end.waiting.first != none; ++left) {
        const Handle waiting = slab_.handle_at(end.waiting.first);
        dequeue(*slab_.find(waiting));
        if (end.is_dead)
            step(now, waiting, subscription_machine::Event::lost);
        else
            enter(waiting);
    }
    if (end.waiting.first == none) far_ends_.destroy(handle);
}

}  // namespace sip
