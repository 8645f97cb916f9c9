#include "sip/base/timer_queue.hpp"

#include "sip/base/assert.hpp"

namespace sip {

std::optional<TimerQueue::Slot> TimerQueue::add(TimerOwner owner) {
    SIP_ASSERT(owner.part <= part_max);
    // The heap gets its room now, so that set() never has to ask for any.
    if (free_ == no_slot && used_ == entries_.capacity() && !entries_.grow()) return {};
    if (live_ == heap_.capacity() && !heap_.grow()) return {};
    const Slot slot = free_ != no_slot ? free_ : used_++;
    if (slot == free_) free_ = entries_[slot].owner.object.index;
    entries_[slot] = {owner, no_slot};
    ++live_;
    return slot;
}

void TimerQueue::remove(Slot slot) {
    stop(slot);
    entries_[slot].owner.object.index = free_;
    free_ = slot;
    --live_;
}

void TimerQueue::trim() {
    if (live_ > 0) return;
    free_ = no_slot;
    used_ = 0;
    entries_.trim();
    heap_.trim();
}

void TimerQueue::set(Slot slot, Instant at) {
    const Entry& entry = entries_[slot];
    last_stamp_ = (last_stamp_ + 1) & stamp_max;
    Node node{at, 0, 0, slot};
    node.part = entry.owner.part & part_max;
    node.stamp = last_stamp_ & stamp_max;
    const std::uint32_t place = entry.place;
    if (place == no_slot)
        sift_up(armed_++, node);
    else if (before(node, heap_[place]))
        sift_up(place, node);
    else
        sift_down(place, node);
}

void TimerQueue::stop(Slot slot) {
    const std::uint32_t place = entries_[slot].place;
    if (place == no_slot) return;
    entries_[slot].place = no_slot;
    const Node last = heap_[--armed_];
    if (place == armed_) return;
    if (before(last, heap_[place]))
        sift_up(place, last);
    else
        sift_down(place, last);
}

std::optional<Instant> TimerQueue::next() const {
    if (armed_ == 0) return {};
    return heap_[0].at;
}

std::optional<TimerQueue::Due> TimerQueue::pop_due(Instant now) {
    if (armed_ == 0) return {};
    const Node first = heap_[0];
    if (first.at > now) return {};
    const Due due{entries_[first.slot].owner, first.at};
    stop(first.slot);
    return due;
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
        if (first >= armed_) break;
        const std::size_t end = first + below < armed_ ? first + below : armed_;
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
