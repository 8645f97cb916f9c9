#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "sip/base/timer_queue.hpp"

namespace sip {

/// The named deadlines of one object, as Timers has them, in half the room: of what falls due in
/// one instant the name with the lower number goes first, whichever was set first.
template <class Name, std::size_t N>
class Deadlines {
public:
    Deadlines() { at_.fill(never); }

    /// False: memory refused. After this, `set` cannot fail.
    [[nodiscard]] bool attach(TimerQueue& queue, TimerOwner owner) {
        const auto slot = queue.add(owner);
        if (!slot) return false;
        slot_ = *slot;
        return true;
    }
    void detach(TimerQueue& queue) {
        if (slot_ != TimerQueue::no_slot) queue.remove(slot_);
        slot_ = TimerQueue::no_slot;
        at_.fill(never);
    }
    void set(TimerQueue& queue, Name name, Instant at) {
        at_[static_cast<std::size_t>(name)] = at;
        rearm(queue);
    }
    void stop(TimerQueue& queue, Name name) {
        if (!running(name)) return;
        at_[static_cast<std::size_t>(name)] = never;
        rearm(queue);
    }
    bool running(Name name) const { return at(name) != never; }
    Instant at(Name name) const { return at_[static_cast<std::size_t>(name)]; }

    /// The earliest deadline at or before `now`, which is stopped. Called until empty when the
    /// queue says that this object is due.
    std::optional<Name> pop_due(TimerQueue& queue, Instant now) {
        const std::size_t i = earliest();
        if (at_[i] > now) return {};
        at_[i] = never;
        rearm(queue);
        return static_cast<Name>(i);
    }

private:
    std::size_t earliest() const {
        std::size_t best = 0;
        for (std::size_t i = 1; i < N; ++i)
            if (at_[i] < at_[best]) best = i;
        return best;
    }
    void rearm(TimerQueue& queue) {
        const std::size_t i = earliest();
        if (at_[i] == never)
            queue.stop(slot_);
        else
            queue.set(slot_, at_[i], queue.stamp());
    }

    std::array<Instant, N> at_;
    TimerQueue::Slot slot_ = TimerQueue::no_slot;
};

}  // namespace sip
