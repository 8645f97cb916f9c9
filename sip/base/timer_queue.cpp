#include "sip/base/timer_queue.hpp"

namespace sip {

std::optional<TimerQueue::Slot> TimerQueue::add(TimerOwner owner) {
    if (free_ == no_slot) {
        // The heap gets its room now, so that set() never has to ask for any.
        if (!heap_.reserve(entries_.size() + 1)) return {};
        const auto slot = static_cast<Slot>(entries_.size());
        if (!entries_.push({owner, never, 0, no_slot, no_slot})) return {};
        ++live_;
        return slot;
    }
    const Slot slot = free_;
    free_ = entries_[slot].next_free;
    entries_[slot] = {owner, never, 0, no_slot, no_slot};
    ++live_;
    return slot;
}

void TimerQueue::remove(Slot slot) {
    stop(slot);
    entries_[slot].next_free = free_;
    free_ = slot;
    --live_;
}

void TimerQueue::trim() {
    if (live_ > 0) return;
    entries_.clear();
    entries_.trim();
    heap_.trim();
    free_ = no_slot;
}

void TimerQueue::set(Slot slot, Instant at, std::uint64_t stamp) {
    Entry& entry = entries_[slot];
    entry.at = at;
    entry.stamp = stamp;
    if (entry.place == no_slot) {
        const bool reserved = heap_.push(slot);
        SIP_ASSERT(reserved);
        entry.place = static_cast<std::uint32_t>(heap_.size() - 1);
    }
    sift_up(entries_[slot].place);
    sift_down(entries_[slot].place);
}

void TimerQueue::stop(Slot slot) {
    const std::uint32_t place = entries_[slot].place;
    if (place == no_slot) return;
    const Slot last = heap_.back();
    heap_.pop();
    entries_[slot].place = no_slot;
    if (last == slot) return;
    put(place, last);
    sift_up(place);
    sift_down(entries_[last].place);
}

std::optional<Instant> TimerQueue::next() const {
    if (heap_.empty()) return {};
    return entries_[heap_[0]].at;
}

std::optional<TimerQueue::Due> TimerQueue::pop_due(Instant now) {
    if (heap_.empty()) return {};
    const Slot slot = heap_[0];
    if (entries_[slot].at > now) return {};
    const Due due{entries_[slot].owner, entries_[slot].at};
    stop(slot);
    return due;
}

void TimerQueue::sift_up(std::size_t place) {
    const Slot slot = heap_[place];
    while (place > 0) {
        const std::size_t parent = (place - 1) / 2;
        if (!before(slot, heap_[parent])) break;
        put(place, heap_[parent]);
        place = parent;
    }
    put(place, slot);
}

void TimerQueue::sift_down(std::size_t place) {
    const Slot slot = heap_[place];
    for (;;) {
        std::size_t child = 2 * place + 1;
        if (child >= heap_.size()) break;
        if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
        if (!before(heap_[child], slot)) break;
        put(place, heap_[child]);
        place = child;
    }
    put(place, slot);
}

}  // namespace sip
