#include <algorithm>
#include <utility>

#include "sip/event/notifier.hpp"

// The part of the Notifier that is about all subscriptions to a resource, or all there are. There
// may be a hundred thousand, and other work waits: so they are looked at some at a time, view by
// view, or in the order in which they stand in memory. What is wanted while a walk is under way is
// done by it where it has yet to come, and by another one for all. Who has yet to be looked at is
// so before it is told anything.

namespace sip {
namespace {

using Machine = subscription_machine::Event;
using State = subscription_machine::State;

/// A decision may be that of a long document of rules.
constexpr std::size_t decisions_in_a_row = 8;
constexpr std::size_t changes_in_a_row = 32, comparisons_in_a_row = 256;

}  // namespace

/// How many are looked at in a row, by what is done with each.
std::size_t Notifier::walk_step(const View& view) const {
    if ((view.wants & want_decision) != 0) return decisions_in_a_row;
    const bool is_quick = (view.wants & (want_leave | want_end)) == 0 && is_shared(view);
    return is_quick ? comparisons_in_a_row : changes_in_a_row;
}

void Notifier::start_walk(View& view, std::uint8_t wants) {
    if (view.wants != 0) {
        view.wants_again |= wants;
        return;
    }
    view.wants = wants;
    view.walk = view.first;
    view.join(walks_);
}

/// Looks at no more than `most`; how many there were.
std::size_t Notifier::walk_on(const Now& now, Handle handle, std::size_t most) {
    std::size_t seen = 0;
    View* view = views_.find(handle);
    for (; view != nullptr && view->wants != 0; view = views_.find(handle)) {
        if (view->walk == none) {
            view->wants = std::exchange(view->wants_again, std::uint8_t{0});
            view->walk = view->first;
            if (view->wants == 0) view->leave();
            continue;
        }
        if (seen == most) break;
        if (view->wants == want_news && is_shared(*view)) {
            seen += walk_quickly(now, *view, most - seen);
            continue;
        }
        const Handle at = slab_.handle_at(view->walk);
        view->walk = slab_.at(view->walk).next;
        ++seen;
        visit(now, at, view->wants);
    }
    return seen;
}

/// The same where a look is all that there is to do.
std::size_t Notifier::walk_quickly(const Now& now, View& view, std::size_t most) {
    std::size_t seen = 0;
    bool any = false;
    for (; view.walk != none && seen < most; ++seen) {
        const std::uint32_t at = view.walk;
        const Subscription& s = slab_.at(at);
        view.walk = s.next;
        if (s.state != State::active || s.sent_body.view().data() == view.body.view().data())
            continue;
        make_due(slab_.handle_at(at), true);
        any = true;
    }
    if (any) begin_hold(now, view);
    return seen;
}

/// The walks of a resource begin: where there are few subscriptions, all is done at once.
void Notifier::begin_walks(const Now& now, ResourceId id) {
    const auto handle_of = [&](std::uint32_t i) {
        return i == none ? Handle{} : views_.handle_at(i);
    };
    std::size_t left = decisions_in_a_row;
    Handle next;
    for (Handle at = handle_of(resources_.at(id).first_view); at && left > 0; at = next) {
        const View* view = views_.find(at);
        if (view == nullptr) return;
        next = handle_of(view->next_view);
        left -= walk_on(now, at, left);
    }
}

void Notifier::start_walk_of_all(const Now& now, std::uint32_t wants) {
    if (all_.wants != 0) {
        all_.wants_again |= wants;
        return;
    }
    all_.wants = wants;
    all_.at = 0;
    walk_on_over_all(now);
}

void Notifier::walk_on_over_all(const Now& now) {
    const bool stops = (all_.wants >> WalkOfAll::stop_bit & 1) != 0;
    const auto look = [&](Handle handle, const Subscription& s) {
        if (stops)
            say_farewell(now, handle);
        else if ((all_.wants >> s.package & 1) != 0)
            visit(now, handle, want_decision);
        else if ((all_.wants >> (WalkOfAll::leave_bit + s.package) & 1) != 0)
            visit(now, handle, want_leave);
    };
    all_.at = slab_.for_each_from(all_.at, stops ? changes_in_a_row : decisions_in_a_row, look);
    if (all_.at != UINT32_MAX) return;
    all_.at = 0;
    all_.wants = std::exchange(all_.wants_again, 0U);
}

/// What comes next makes NOTIFYs due, and nothing else: those that are may leave first.
bool Notifier::tells_only() const {
    if (!left_.alone() || all_.wants != 0 || walks_.alone()) return false;
    return static_cast<const View&>(*walks_.next()).wants == want_news;
}

/// Some of what is under way. False: nothing is.
bool Notifier::walk_piece(const Now& now) {
    if (!left_.alone()) {
        let_some_leave(now, static_cast<FarEnd&>(*left_.next()));
        return true;
    }
    if (!walks_.alone()) {
        View& view = static_cast<View&>(*walks_.next());
        view.join(walks_);  // behind the others
        if (view.first == none) {
            view.wants = view.wants_again = 0;
            view.leave();
        } else {
            (void)walk_on(now, views_.handle_at(slab_.at(view.first).view), walk_step(view));
        }
        // The walk over all goes on beside it.
        if (all_.wants != 0) walk_on_over_all(now);
        return true;
    }
    if (all_.wants == 0) return false;
    walk_on_over_all(now);
    return true;
}

void Notifier::visit(const Now& now, Handle handle, std::uint8_t wants) {
    if (slab_.find(handle)->state == State::init || end_if_due(now, handle)) return;
    if ((wants & want_decision) != 0) decide_anew(now, handle);
    if ((wants & (want_decision | want_leave)) != 0 && slab_.find(handle) != nullptr)
        leave(now, handle);
    if ((wants & want_news) != 0 && slab_.find(handle) != nullptr) tell_if_behind(now, handle);
}

/// True: what it is subscribed to has ended, and it with that.
bool Notifier::end_if_due(const Now& now, Handle handle) {
    const View* view = view_of(*slab_.find(handle));
    if (view == nullptr || !view->ending) return false;
    step(now, handle, view->why);
    const Subscription* left = slab_.find(handle);
    return left == nullptr || left->state == State::terminated;
}

/// Before a NOTIFY is written: what a walk would do with it is done. False: it is not what it was;
/// it stands in line for what it is to be told now, or is gone.
bool Notifier::visit_before_notify(const Now& now, Handle handle) {
    const Subscription& s = *slab_.find(handle);
    const View* view = view_of(s);
    const bool has_ended = s.state == State::terminated;
    const bool stops = !has_ended && (all_.wants >> WalkOfAll::stop_bit & 1) != 0;
    const bool ends = !has_ended && view != nullptr && view->ending;
    const bool decides =
        ((all_.wants | all_.wants_again) >> s.package & 1) != 0 ||
        (view != nullptr && ((view->wants | view->wants_again) & want_decision) != 0);
    if (!stops && !ends && !decides) return true;
    const State state = s.state;
    const std::uint32_t in_view = s.view;
    const bool may_see = s.may_see;
    if (stops)
        say_farewell(now, handle);
    else
        visit(now, handle, want_decision);
    Subscription* left = slab_.find(handle);
    if (left == nullptr) return false;
    if (left->state == state && left->view == in_view && left->may_see == may_see) return true;
    make_due(handle, false);
    return false;
}

/// Everybody whose last document is not the present one is due. R3856-6.10-1: the first that is
/// told starts the hold.
void Notifier::tell_if_behind(const Now& now, Handle handle) {
    const Subscription& s = *slab_.find(handle);
    View* view = view_of(s);
    if (s.state != State::active || view == nullptr) return;
    const bool shared = is_shared(*view);
    const bool is_behind = shared ? s.sent_body.view().data() != view->body.view().data()
                                  : packages_.at(s.package).has_news(now, {handle});
    if (!is_behind) return;
    make_due(handle, true);
    if (shared) begin_hold(now, *view);
}

void Notifier::begin_hold(const Now& now, View& view) {
    const EventPackage::Traits& traits = traits_of(resources_.at(view.resource).package);
    if (view.held || traits.hold_per_subscription || traits.notify_interval_min <= Duration{})
        return;
    view.held = true;
    view.timers.set(core_.shard.timers, ViewName::hold,
                    later(now.mono, traits.notify_interval_min));
}

// Rules changed ---------------------------------------------------------------------------------

/// One that has ended and is being told so is told no more than it may see now.
void Notifier::decide_anew(const Now& now, Handle handle) {
    Subscription& s = *slab_.find(handle);
    const Decision decision = packages_.at(s.package).decide(now, watcher_of(s));
    keep_reason(s, decision);
    decide(now, handle, decision);
}

void Notifier::decide_again(const Now& now, std::uint8_t package, std::string_view resource) {
    if (resource.empty()) {
        start_walk_of_all(now, 1U << package);
    } else if (const ResourceId id = resources_.find(package, resource)) {
        for (std::uint32_t i = resources_.at(id).first_view; i != none; i = views_.at(i).next_view)
            start_walk(views_.at(i), want_decision);
        begin_walks(now, id);
    }
    mark_moving(package, resource);
}

/// What is being stored has yet to be asked whether it goes elsewhere.
void Notifier::mark_moving(std::uint8_t package, std::string_view resource) {
    if (carrier_ == nullptr) return;
    const ResourceId id = resources_.find(package, resource);
    if (!resource.empty() && !id) return;
    staged_.for_each([&](Handle, const Staged& staged) {
        Subscription* s = slab_.find(staged.subscription);
        if (s != nullptr && s->package == package && (!id || s->resource == id.handle.index))
            s->moves = true;
    });
}

void Notifier::let_go(const Now& now, std::uint8_t package, std::string_view resource) {
    if (carrier_ == nullptr) return;
    mark_moving(package, resource);
    const ResourceId id = resources_.find(package, resource);
    if (!resource.empty() && !id) return;
    if (!id) {
        start_walk_of_all(now, 1U << (WalkOfAll::leave_bit + package));
        return;
    }
    bool any = false;
    for (std::uint32_t i = resources_.at(id).first_view; i != none; i = views_.at(i).next_view) {
        View& view = views_.at(i);
        if (!carrier_->is_elsewhere(package, resource, view.id)) continue;
        start_walk(view, want_leave);
        any = true;
    }
    if (any) begin_walks(now, id);
}

/// Goes to who serves it elsewhere, if somebody does.
void Notifier::leave(const Now& now, Handle handle) {
    if (carrier_ == nullptr) return;
    Subscription& s = *slab_.find(handle);
    const View* view = view_of(s);
    if (s.state != State::active || s.staged || view == nullptr) return;
    if (carrier_->is_elsewhere(s.package, resource_name(s), view->id))
        step(now, handle, Machine::deactivate);
}

// What they are subscribed to ends, or all does ------------------------------------------------

void Notifier::end(const Now& now, std::uint8_t package, std::string_view resource, Machine why) {
    const ResourceId id = resources_.find(package, resource);
    if (!id) return;
    for (std::uint32_t i = resources_.at(id).first_view; i != none; i = views_.at(i).next_view) {
        View& view = views_.at(i);
        if (!view.ending) ++endings_;
        view.ending = true;
        view.why = why;
        start_walk(view, want_end);
    }
    ++resources_.at(id).references;  // it stays until this is done
    begin_walks(now, id);
    // Those that are being stored for the first time stand in no view yet.
    staged_.for_each([&](Handle, const Staged& staged) {
        const Subscription* s = slab_.find(staged.subscription);
        if (s != nullptr && s->state == State::init && s->resource == id.handle.index)
            step(now, staged.subscription, why);
    });
    resources_.release(id);
}

void Notifier::shut_down(const Now& now, Machine why, std::uint32_t retry_after_min_s,
                         std::uint32_t retry_after_max_s) {
    stopping_ = true;
    farewell_ = {why, std::min(retry_after_min_s, retry_after_max_s), retry_after_max_s};
    // Nothing else matters any more.
    all_ = {};
    start_walk_of_all(now, 1U << WalkOfAll::stop_bit);
}

void Notifier::say_farewell(const Now& now, Handle handle) {
    if (slab_.find(handle)->state == State::terminated) return;
    const auto [why, least, most] = farewell_;
    std::uint32_t retry_after_s = 0;
    if (most > 0) {
        const std::uint64_t span = std::uint64_t{most} - least + 1;
        retry_after_s = least + static_cast<std::uint32_t>(core_.shard.entropy.next() % span);
    }
    step(now, handle, why);
    if (Subscription* left = slab_.find(handle)) left->granted_s = retry_after_s;
}

}  // namespace sip
