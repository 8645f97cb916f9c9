#pragma once

#include <cstddef>
#include <cstdint>

#include "sip/base/assert.hpp"
#include "sip/base/memory.hpp"

namespace sip {

/// Finds slab indices by keyed hash. The keys themselves stay in their objects: `find` asks the
/// caller whether a candidate is the one. Open addressing, linear probing, backward-shift erase.
/// Entries with equal hashes stand in one run, and a search goes through it: for the few that
/// chance makes, or an owner who bounds them. Else see HashGroups.
///
/// An entry takes 8 bytes, and the table is three eighths to three quarters full: 11 to 21 bytes
/// each. Only 32 bits of a hash are kept, so the caller's question has to tell the keys apart.
class HashIndex {
public:
    explicit HashIndex(Memory& memory) : memory_(&memory) {}
    HashIndex(const HashIndex&) = delete;
    HashIndex& operator=(const HashIndex&) = delete;
    ~HashIndex() { memory_->release(slots_, capacity_ * sizeof(Slot)); }

    static constexpr std::uint32_t none = UINT32_MAX;

    /// Room for one more entry, so that the next insert cannot fail. False: refused.
    [[nodiscard]] bool reserve_one();
    /// False: memory refused. The same (hash, value) twice is a bug of the caller.
    [[nodiscard]] bool insert(std::uint64_t hash, std::uint32_t value);
    /// Removes the entry of that hash and value, which must be there.
    void erase(std::uint64_t hash, std::uint32_t value);
    /// The first value with this hash, or one that is like it, for which `is_it(value)` holds;
    /// `none` otherwise.
    template <class Predicate>
    std::uint32_t find(std::uint64_t hash, Predicate is_it) const {
        if (size_ == 0) return none;
        const std::size_t mask = capacity_ - 1;
        const std::uint32_t tag = tag_of(hash);
        for (std::size_t i = tag & mask; slots_[i].value != none; i = (i + 1) & mask)
            if (slots_[i].tag == tag && is_it(slots_[i].value)) return slots_[i].value;
        return none;
    }
    /// Puts `with` in the place of an entry, which must be there.
    void replace(std::uint64_t hash, std::uint32_t value, std::uint32_t with) {
        slots_[place_of(tag_of(hash), value)].value = with;
    }
    /// Gives its memory back if it is empty.
    void trim() {
        if (size_ > 0) return;
        memory_->release(slots_, capacity_ * sizeof(Slot));
        slots_ = nullptr;
        capacity_ = 0;
    }
    std::size_t size() const { return size_; }
    /// What `count` entries take; it takes half as much again while it grows.
    static constexpr std::size_t bytes_for(std::size_t count) {
        std::size_t capacity = count == 0 ? 0 : 16;
        while (count * 4 > capacity * 3) capacity *= 2;
        return capacity * sizeof(Slot);
    }
    /// The most slots that any search looks at; found by going through all. For tests.
    std::size_t longest_run() const;

private:
    struct Slot {
        std::uint32_t tag;  ///< of the hash; its low bits are where the entry would like to stand
        std::uint32_t value;
    };
    static_assert(sizeof(Slot) == 8);
    static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash); }
    void place(std::uint32_t tag, std::uint32_t value);
    std::size_t place_of(std::uint32_t tag, std::uint32_t value) const;

    Memory* memory_;
    Slot* slots_ = nullptr;
    std::size_t capacity_ = 0, size_ = 0;
};

}  // namespace sip
