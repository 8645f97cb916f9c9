#include "sip/base/timer_queue.hpp"

#include "sip/base/assert.hpp"

namespace sip {

std::optional<TimerQueue::Slot> TimerQueue::add(TimerOwner owner) {
    SIP_ASSERT(owner.part <= part_max);
    if (free_ == no_slot) {
        // The heap gets its room now, so that set() never has to ask for any.
        if (used_ == entries_.capacity() && !entries_.grow()) return {};
        if (used_ == heap_.capacity() && !heap_.grow()) return {};
        entries_[used_] = {};
        free_ = used_++;
        entries_[free_].object.index = no_slot;
    }
    const Slot slot = free_;
    Entry& entry = entries_[slot];
    free_ = entry.object.index;
    entry.object = owner.object;
    entry.turn.part = owner.part & part_max;
    ++live_;
    return slot;
}

void TimerQueue::remove(Slot slot) {
    stop(slot);
    entries_[slot].object.index = free_;
    free_ = slot;
    --live_;
}

void TimerQueue::trim() {
    if (live_ > 0) return;
    free_ = no_slot;
    used_ = 0;
    nodes_ = 0;
    entries_.trim();
    heap_.trim();
}

void TimerQueue::set(Slot slot, Instant at) {
    Entry& entry = entries_[slot];
    if (entry.at == never) ++armed_;
    entry.at = at;
    last_stamp_ = (last_stamp_ + 1) & stamp_max;
    entry.turn.stamp = last_stamp_ & stamp_max;
    const Node node{at, entry.turn, slot};
    if (entry.place == no_slot)
        sift_up(nodes_++, node);
    else if (before(node, heap_[entry.place]))
        sift_up(entry.place, node);
}

void TimerQueue::stop(Slot slot) {
    Entry& entry = entries_[slot];
    if (entry.at == never) return;
    entry.at = never;
    --armed_;
}

/// Whether the first node is where it belongs; if not, now it is, and another one is first.
bool TimerQueue::settle_first() {
    const Node first = heap_[0];
    Entry& entry = entries_[first.slot];
    if (entry.at == first.at && entry.turn == first.turn) return true;
    if (entry.at != never) {
        sift_down(0, {entry.at, entry.turn, first.slot});
        return false;
    }
    entry.place = no_slot;
    if (--nodes_ > 0) sift_down(0, heap_[nodes_]);
    return false;
}

std::optional<Instant> TimerQueue::next() {
    if (armed_ == 0) return {};
    while (!settle_first()) continue;
    return heap_[0].at;
}

std::optional<Instant> TimerQueue::next_at_least() const {
    if (armed_ == 0) return {};
    return heap_[0].at;
}

std::optional<TimerQueue::Due> TimerQueue::pop_due(Instant now) {
    while (nodes_ > 0 && heap_[0].at <= now) {
        if (!settle_first()) continue;
        Entry& entry = entries_[heap_[0].slot];
        const Due due{{static_cast<std::uint8_t>(entry.turn.part), entry.object}, entry.at};
        // Its owner is about to set it anew, as a rule.
        entry.at = never;
        --armed_;
        return due;
    }
    return {};
}

void TimerQueue::sift_up(std::size_t place, Node node) {
    while (place > 0) {
        const std::size_t parent = (place - 1) / below;
        const Node above = heap_[parent];
        if (!before(node, above)) break;
        put(place, above);
        place = parent;
    }
    put(place, node);
}

void TimerQueue::sift_down(std::size_t place, Node node) {
    for (;;) {
        const std::size_t first = below * place + 1;
        if (first >= nodes_) break;
        const std::size_t end = first + below < nodes_ ? first + below : nodes_;
        std::size_t least = first;
        for (std::size_t i = first + 1; i < end; ++i)
            if (before(heap_[i], heap_[least])) least = i;
        const Node child = heap_[least];
        if (!before(child, node)) break;
        put(place, child);
        place = least;
    }
    put(place, node);
}

}  // namespace sip
