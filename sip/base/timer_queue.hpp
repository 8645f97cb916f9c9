#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "sip/base/clock.hpp"
#include "sip/base/memory.hpp"
#include "sip/base/slab.hpp"

namespace sip {

/// Which object a deadline belongs to: the part of the stack (a number that the stack gives out)
/// and the object's handle there.
struct TimerOwner {
    std::uint8_t part = 0;
    Handle object;
};

/// One queue over all objects that have deadlines: an indexed binary heap with one entry an object
/// (its earliest deadline). Entries know their own place, so moving and cancelling need no search
/// and no allocation. Order is (deadline, stamp): what falls due together fires in the order set.
class TimerQueue {
public:
    using Slot = std::uint32_t;
    static constexpr Slot no_slot = UINT32_MAX;

    explicit TimerQueue(Memory& memory) : entries_(memory), heap_(memory) {}

    /// A place for one object, with no deadline yet. Empty: memory refused. After this, `set`
    /// cannot fail.
    [[nodiscard]] std::optional<Slot> add(TimerOwner owner);
    /// Gives the place back; a deadline that was set is gone.
    void remove(Slot slot);

    /// A number that rises with every call: when a deadline was set.
    std::uint64_t stamp() { return ++last_stamp_; }
    void set(Slot slot, Instant at, std::uint64_t stamp);
    void stop(Slot slot);

    std::optional<Instant> next() const;
    struct Due {
        TimerOwner owner;
        Instant at;
    };
    /// The earliest entry at or before `now`; it is stopped. Its owner sets it anew for what else
    /// it waits for.
    std::optional<Due> pop_due(Instant now);
    /// Gives its memory back if no object has a place in it.
    void trim();
    std::size_t armed() const { return heap_.size(); }
    std::size_t size() const { return live_; }

private:
    struct Entry {
        TimerOwner owner;
        Instant at;
        std::uint64_t stamp;
        std::uint32_t place;  // in heap_, or no_slot
        Slot next_free;
    };
    bool before(Slot a, Slot b) const {
        const Entry &x = entries_[a], &y = entries_[b];
        return x.at != y.at ? x.at < y.at : x.stamp < y.stamp;
    }
    void put(std::size_t place, Slot slot) {
        heap_[place] = slot;
        entries_[slot].place = static_cast<std::uint32_t>(place);
    }
    void sift_up(std::size_t place);
    void sift_down(std::size_t place);

    Vector<Entry> entries_;
    Vector<Slot> heap_;
    Slot free_ = no_slot;
    std::size_t live_ = 0;
    std::uint64_t last_stamp_ = 0;
};

/// The named deadlines of one object: `Name` is an enum class whose values run from 0 to N - 1.
/// Lives inside the object; `attach` when it is made, `detach` before it goes.
template <class Name, std::size_t N>
class Timers {
public:
    Timers() { at_.fill(never); }

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
        const auto i = static_cast<std::size_t>(name);
        at_[i] = at;
        stamp_[i] = queue.stamp();
        rearm(queue);
    }
    void stop(TimerQueue& queue, Name name) {
        at_[static_cast<std::size_t>(name)] = never;
        rearm(queue);
    }
    bool running(Name name) const { return at_[static_cast<std::size_t>(name)] != never; }
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
            if (at_[i] < at_[best] || (at_[i] == at_[best] && stamp_[i] < stamp_[best])) best = i;
        return best;
    }
    void rearm(TimerQueue& queue) {
        const std::size_t i = earliest();
        if (at_[i] == never)
            queue.stop(slot_);
        else
            queue.set(slot_, at_[i], stamp_[i]);
    }

    std::array<Instant, N> at_;
    std::array<std::uint64_t, N> stamp_{};
    TimerQueue::Slot slot_ = TimerQueue::no_slot;
};

}  // namespace sip
