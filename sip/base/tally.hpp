#pragma once

#include "sip/base/hash_index.hpp"
#include "sip/base/slab.hpp"

namespace sip {

/// Counts by key, for quotas: how many of something one user or address has. Keys are keyed
/// hashes; a key counted down to nothing is forgotten.
class Tally {
public:
    /// `limit`: how many keys at one time.
    Tally(Memory& memory, std::size_t limit) : cells_(memory, limit), index_(memory) {}

    std::uint32_t count(std::uint64_t key) const {
        const std::uint32_t at = find(key);
        return at == HashIndex::none ? 0 : const_cast<Slab<Cell>&>(cells_).at(at).count;
    }
    /// False: no room for a new key.
    [[nodiscard]] bool add(std::uint64_t key) {
        const std::uint32_t at = find(key);
        if (at != HashIndex::none) {
            ++cells_.at(at).count;
            return true;
        }
        if (!index_.reserve_one()) return false;
        const Handle made = cells_.create(Cell{key, 1});
        return made && index_.insert(key, made.index);
    }
    /// Takes back one `add` of that key.
    void remove(std::uint64_t key) {
        const std::uint32_t at = find(key);
        SIP_ASSERT(at != HashIndex::none);
        if (--cells_.at(at).count > 0) return;
        index_.erase(key, at);
        cells_.destroy(cells_.handle_at(at));
    }
    /// Gives its memory back if it is empty.
    void trim() {
        cells_.trim();
        index_.trim();
    }
    std::size_t size() const { return cells_.size(); }

private:
    struct Cell {
        std::uint64_t key;
        std::uint32_t count;
    };
    std::uint32_t find(std::uint64_t key) const {
        auto& cells = const_cast<Slab<Cell>&>(cells_);
        return index_.find(key, [&](std::uint32_t i) { return cells.at(i).key == key; });
    }
    Slab<Cell> cells_;
    HashIndex index_;
};

}  // namespace sip
