#include "sip/base/hash_index.hpp"

namespace sip {

bool HashIndex::reserve_one() {
    if ((size_ + 1) * 4 <= capacity_ * 3) return true;
    const std::size_t wanted = capacity_ == 0 ? 16 : capacity_ * 2;
    void* raw = memory_->allocate(wanted * sizeof(Slot));
    if (raw == nullptr) return false;
    Slot* old = slots_;
    const std::size_t old_capacity = capacity_;
    slots_ = static_cast<Slot*>(raw);
    capacity_ = wanted;
    for (std::size_t i = 0; i < wanted; ++i) new (slots_ + i) Slot{0, none};
    for (std::size_t i = 0; i < old_capacity; ++i)
        if (old[i].value != none) place(old[i].tag, old[i].value);
    memory_->release(old, old_capacity * sizeof(Slot));
    return true;
}

bool HashIndex::insert(std::uint64_t hash, std::uint32_t value) {
    SIP_ASSERT(value != none);
    if (!reserve_one()) return false;
    place(tag_of(hash), value);
    ++size_;
    return true;
}

void HashIndex::place(std::uint32_t tag, std::uint32_t value) {
    const std::size_t mask = capacity_ - 1;
    std::size_t i = tag & mask;
    while (slots_[i].value != none) i = (i + 1) & mask;
    slots_[i] = {tag, value};
}

std::size_t HashIndex::place_of(std::uint32_t tag, std::uint32_t value) const {
    SIP_ASSERT(size_ > 0);
    const std::size_t mask = capacity_ - 1;
    std::size_t i = tag & mask;
    while (slots_[i].tag != tag || slots_[i].value != value) {
        SIP_ASSERT(slots_[i].value != none);
        i = (i + 1) & mask;
    }
    return i;
}

void HashIndex::erase(std::uint64_t hash, std::uint32_t value) {
    const std::size_t mask = capacity_ - 1;
    // Shift back what was displaced past here, so that no tombstone is ever needed.
    std::size_t hole = place_of(tag_of(hash), value);
    for (std::size_t j = (hole + 1) & mask; slots_[j].value != none; j = (j + 1) & mask) {
        const std::size_t home = slots_[j].tag & mask;
        if (((j - home) & mask) >= ((j - hole) & mask)) {
            slots_[hole] = slots_[j];
            hole = j;
        }
    }
    slots_[hole].value = none;
    --size_;
}

std::size_t HashIndex::longest_run() const {
    std::size_t longest = 0, run = 0;
    // Twice round: a run may go over the end.
    for (std::size_t i = 0; i < 2 * capacity_; ++i) {
        run = slots_[i & (capacity_ - 1)].value == none ? 0 : run + 1;
        if (run > longest) longest = run;
    }
    return longest;
}

}  // namespace sip
