#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>

#include "sip/base/memory.hpp"

namespace sip {

/// Small entries by keyed hash, in sets of four: each search looks at four places, whatever peers
/// send. It grows up to `limit` places; when a set is full all the same, or memory is refused, the
/// owner says which entry may go. An Entry is trivial and has a `key`, that is 0 where it is none.
template <class Entry>
class SetTable : ArrayRoom {
public:
    SetTable(Memory& memory, std::size_t limit)
        : ArrayRoom(memory), limit_(limit / set_size * set_size) {}
    ~SetTable() { give_back(sizeof(Entry)); }

    static constexpr std::size_t set_size = 4;

    Entry* find(std::uint64_t key) {
        if (capacity_ == 0) return nullptr;
        Entry* set = set_of(key);
        for (std::size_t i = 0; i < set_size; ++i)
            if (set[i].key == key) return set + i;
        return nullptr;
    }
    /// A new entry for a key that is not there, in a free place; else in that of the entry which
    /// `goes_before(a, b)` puts before the others of its set, if `may_go` lets it go. Null: it does
    /// not.
    template <class GoesBefore, class MayGo>
    Entry* put(std::uint64_t key, GoesBefore goes_before, MayGo may_go) {
        for (;;) {
            if (capacity_ == 0 && !grow()) return nullptr;
            Entry* set = set_of(key);
            Entry* first = set;
            for (std::size_t i = 0; i < set_size; ++i) {
                if (set[i].key == 0) return renew(set[i], key, false);
                if (goes_before(set[i], *first)) first = set + i;
            }
            if (may_go(*first)) return renew(*first, key, true);
            if (!grow()) return nullptr;
        }
    }
    template <class Visit>
    void for_each(Visit visit) const {
        for (std::size_t i = 0; i < capacity_; ++i)
            if (places()[i].key != 0) visit(places()[i]);
    }
    void erase(Entry& entry) {
        entry = Entry{};
        --size_;
    }
    /// Forgets all, and gives the memory back.
    void reset() {
        size_ = 0;
        give_back(sizeof(Entry));
    }
    /// As many places as it may have. False: refused.
    [[nodiscard]] bool reserve() {
        while (grow()) continue;
        return capacity_ * 2 > limit_ || limit_ < set_size;
    }
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return capacity_; }

private:
    static constexpr std::size_t first_capacity = 64;

    Entry* places() const { return static_cast<Entry*>(data_); }
    Entry* set_of(std::uint64_t key) const {
        // Of the upper half: what else is hashed under the key uses the lower bits.
        return places() + (key >> 32) % (capacity_ / set_size) * set_size;
    }
    Entry* renew(Entry& entry, std::uint64_t key, bool was_taken) {
        entry = Entry{};
        entry.key = key;
        if (!was_taken) ++size_;
        return &entry;
    }
    /// Twice as many sets, so that the entries of one go into two: they all find their places.
    bool grow() {
        const std::size_t wanted =
            capacity_ == 0 ? std::min(first_capacity, limit_) : capacity_ * 2;
        if (wanted > limit_ || wanted < set_size) return false;
        void* raw = memory_->allocate(wanted * sizeof(Entry));
        if (raw == nullptr) return false;
        Entry* old = places();
        const std::size_t old_capacity = capacity_;
        data_ = raw;
        capacity_ = wanted;
        for (std::size_t i = 0; i < wanted; ++i) new (places() + i) Entry{};
        for (std::size_t i = 0; i < old_capacity; ++i) {
            if (old[i].key == 0) continue;
            Entry* set = set_of(old[i].key);
            while (set->key != 0) ++set;
            *set = old[i];
        }
        memory_->release(old, old_capacity * sizeof(Entry));
        return true;
    }

    std::size_t limit_;
};

}  // namespace sip
