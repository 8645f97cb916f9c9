#pragma once

#include <cstddef>
#include <cstdint>

#include "sip/base/inline.hpp"
#include "sip/base/split_table.hpp"

namespace sip {

/// Finds slab indices by keyed hash. The keys themselves stay in their objects: `find` asks the
/// caller whether a candidate is the one. It is linear hashing as in SplitTable, with links of its
/// own: no insertion moves more than what stands in one bucket.
/// Entries with equal hashes stand in one bucket, and a search goes through it: for the few that
/// chance makes, or an owner who bounds them. Else see HashGroups.
///
/// An entry takes 16 bytes and its share of a directory, one half at most. Only 32 bits of a hash
/// are kept, so the caller's question has to tell the keys apart.
class HashIndex {
public:
    static constexpr std::uint32_t none = UINT32_MAX;

    explicit HashIndex(Memory& memory);

    /// Room for one more entry, so that the next insert cannot fail. False: refused.
    [[nodiscard]] bool reserve_one();
    /// False: memory refused. The same (hash, value) twice is a bug of the caller.
    [[nodiscard]] bool insert(std::uint64_t hash, std::uint32_t value);
    /// Removes the entry of that hash and value, which must be there.
    void erase(std::uint64_t hash, std::uint32_t value);
    /// The first value with this hash, or one that is like it, for which `is_it(value)` holds;
    /// `none` otherwise. Which is first is not said.
    template <class Predicate>
    std::uint32_t find(std::uint64_t hash, Predicate is_it) const {
        for (const Cell* at = first(hash); at != nullptr; at = next(at))
            if (is_it(at->value)) return at->value;
        return none;
    }
    /// Puts `with` in the place of an entry, which must be there.
    void replace(std::uint64_t hash, std::uint32_t value, std::uint32_t with);
    /// Gives its memory back if it is empty.
    void trim();
    std::size_t size() const { return buckets_.size(); }
    /// What `count` entries take.
    static constexpr std::size_t bytes_for(std::size_t count) { return Cells::bytes_for(count); }
    /// The most entries that any search looks at; found by going through all. For tests.
    std::size_t longest_run() const { return buckets_.longest_chain(access()); }

private:
    /// A bucket, and an entry of any bucket: there are as many of both.
    struct Cell {
        std::uint32_t head;  ///< of the bucket
        std::uint32_t tag;   ///< of the entry's hash
        std::uint32_t value, next;
    };
    static_assert(sizeof(Cell) == 16);
    using Cells = Chunks<Cell, 32>;
    struct Access {
        Cells& cells;
        std::uint32_t& head(std::size_t i) const { return cells[i].head; }
        std::uint32_t& next(std::uint32_t i) const { return cells[i].next; }
        std::uint64_t hash(std::uint32_t i) const { return cells[i].tag; }
    };
    static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash); }
    Access access() const { return {const_cast<Cells&>(cells_)}; }
    /// The entries of one hash, one after the other; null at the end.
    SIP_ALWAYS_INLINE const Cell* first(std::uint64_t hash) const {
        const std::uint32_t tag = tag_of(hash);
        return with_tag(buckets_.first(tag, access()), tag);
    }
    SIP_CALL_FOR_SIZE const Cell* next(const Cell* cell) const {
        return with_tag(cell->next, cell->tag);
    }
    SIP_ALWAYS_INLINE const Cell* with_tag(std::uint32_t from, std::uint32_t tag) const {
        while (from != none) {
            const Cell& cell = cells_[from];
            if (cell.tag == tag) return &cell;
            from = cell.next;
        }
        return nullptr;
    }

    Cells cells_;
    SplitBuckets<std::uint32_t, none> buckets_;
    std::uint32_t free_ = none;  ///< entries that were erased
    std::uint32_t used_ = 0;     ///< those from here on have never been any
};

}  // namespace sip
