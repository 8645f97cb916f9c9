#include "sip/base/hash_index.hpp"

namespace sip {

HashIndex::HashIndex(Memory& memory) : cells_(memory) {}

bool HashIndex::reserve_one() { return size() < cells_.capacity() || cells_.grow(); }

bool HashIndex::insert(std::uint64_t hash, std::uint32_t value) {
    SIP_ASSERT(value != none);
    if (!reserve_one()) return false;
    const std::uint32_t entry = free_ != none ? free_ : used_++;
    Cell& cell = cells_[entry];
    if (entry == free_) free_ = cell.next;
    cell.tag = tag_of(hash);
    cell.value = value;
    buckets_.insert(entry, access());
    return true;
}

void HashIndex::erase(std::uint64_t hash, std::uint32_t value) {
    const std::uint32_t tag = tag_of(hash);
    const std::uint32_t entry = buckets_.take(tag, access(), [&](std::uint32_t i) {
        return cells_[i].value == value && cells_[i].tag == tag;
    });
    cells_[entry].next = free_;
    free_ = entry;
}

void HashIndex::replace(std::uint64_t hash, std::uint32_t value, std::uint32_t with) {
    const std::uint32_t tag = tag_of(hash);
    const std::uint32_t entry = buckets_.find(tag, access(), [&](std::uint32_t i) {
        return cells_[i].value == value && cells_[i].tag == tag;
    });
    SIP_ASSERT(entry != none);
    cells_[entry].value = with;
}

void HashIndex::trim() {
    if (size() > 0) return;
    buckets_.reset();
    free_ = none;
    used_ = 0;
    cells_.trim();
}

}  // namespace sip
