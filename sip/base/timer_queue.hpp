#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "sip/base/chunks.hpp"
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

/// One queue over all objects that have deadlines: an indexed heap, each of whose nodes has four
/// below it, with one entry an object (its earliest deadline). Entries know their own place, so
/// moving and cancelling need no search and no allocation, and growing copies none. Of what falls
/// due together the part with the lower number goes first, so a transaction before who uses it; and
/// within a part what was armed first.
///
/// Nearly all deadlines of SIP are put off or stopped before they are reached. So a node stays
/// where it is when its object's deadline becomes a later one, or none, and finds its place once it
/// comes to the top: it is never later than what it stands for.
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

    void set(Slot slot, Instant at);
    void stop(Slot slot);

    /// The earliest deadline.
    std::optional<Instant> next();
    /// No deadline is before this, which costs nothing to know; empty: there is none.
    std::optional<Instant> next_at_least() const;
    struct Due {
        TimerOwner owner;
        Instant at;
    };
    /// The earliest entry at or before `now`; it is stopped. Its owner sets it anew for what else
    /// it waits for.
    std::optional<Due> pop_due(Instant now);
    /// Gives its memory back if no object has a place in it.
    void trim();
    std::size_t armed() const { return armed_; }
    std::size_t size() const { return live_; }

private:
    /// When, and who goes first then.
    struct Turn {
        std::uint32_t part : 5 = 0;
        std::uint32_t stamp : 27 = 0;  ///< rises with every deadline that is set, round and round
        bool operator==(const Turn&) const = default;
    };
    struct Entry {
        Instant at = never;  ///< never: it is not armed
        Handle object;       ///< of one that is free: its index is the next free one
        Turn turn;
        std::uint32_t place = no_slot;  ///< in heap_, armed or not; no_slot: it has none
    };
    struct Node {
        Instant at;
        Turn turn;
        Slot slot;
    };
    static_assert(sizeof(Entry) == 24 && sizeof(Node) == 16);
    static constexpr std::size_t below = 4;
    static constexpr std::uint32_t part_max = 31;
    static constexpr std::uint32_t stamp_max = (UINT32_C(1) << 27) - 1;

    static bool before(const Node& a, const Node& b) {
        if (a.at != b.at) return a.at < b.at;
        if (a.turn.part != b.turn.part) return a.turn.part < b.turn.part;
        return ((a.turn.stamp - b.turn.stamp) & stamp_max) > stamp_max / 2;
    }
    void put(std::size_t place, const Node& node) {
        heap_[place] = node;
        entries_[node.slot].place = static_cast<std::uint32_t>(place);
    }
    void sift_up(std::size_t place, Node node);
    void sift_down(std::size_t place, Node node);
    bool settle_first();

    Chunks<Entry, 32> entries_;
    Chunks<Node, 32> heap_;
    Slot free_ = no_slot;
    std::uint32_t used_ = 0;  ///< entries from here on have never been any
    std::uint32_t last_stamp_ = 0;
    std::size_t nodes_ = 0, armed_ = 0, live_ = 0;
};

/// The named deadlines of one object: `Name` is an enum class whose values run from 0 to N - 1. Of
/// what falls due in one instant the name with the lower number goes first, whichever was set
/// first. Lives inside the object; `attach` when it is made, `detach` before it goes.
template <class Name, std::size_t N>
class Timers {
public:
    Timers() { at_.fill(never); }

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
    /// All others are stopped.
    void set_alone(TimerQueue& queue, Name name, Instant at) {
        at_.fill(never);
        set(queue, name, at);
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
            queue.set(slot_, at_[i]);
    }

    std::array<Instant, N> at_;
    TimerQueue::Slot slot_ = TimerQueue::no_slot;
};

}  // namespace sip
