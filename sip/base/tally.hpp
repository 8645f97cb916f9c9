#pragma once

#include "sip/base/common_counts.hpp"
#include "sip/base/hash_index.hpp"
#include "sip/base/siphash.hpp"
#include "sip/base/slab.hpp"

namespace sip {

/// Counts by key, for quotas: how many of something one user or address has. Keys are keyed
/// hashes; a key counted down to nothing is forgotten.
class Tally {
public:
    /// What several stacks count together is told apart by this.
    enum Of : std::uint64_t {
        nothing,
        connections_of_address,
        transactions_of_user,
        transactions_of_address,
        subscriptions_of_user,
        undecided_of_user,
    };

    /// `limit`: how many keys at one time. `common`: counts in our place, together with others;
    /// null: we count alone.
    Tally(Memory& memory, std::size_t limit, CommonCounts* common = nullptr,
          std::uint64_t of = nothing)
        : cells_(memory, limit), index_(memory), common_(common), of_(of) {}

    std::uint32_t count(std::uint64_t key) const {
        if (common_ != nullptr) return common_->count(common_key(key));
        const std::uint32_t at = find(key);
        return at == HashIndex::none ? 0 : const_cast<Slab<Cell>&>(cells_).at(at).count;
    }
    /// False: no room for a new key.
    [[nodiscard]] bool add(std::uint64_t key) {
        if (common_ != nullptr) return common_->add(common_key(key));
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
        if (common_ != nullptr) {
            common_->remove(common_key(key));
            return;
        }
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
    std::uint64_t common_key(std::uint64_t key) const { return mix(key, of_); }
    std::uint32_t find(std::uint64_t key) const {
        auto& cells = const_cast<Slab<Cell>&>(cells_);
        return index_.find(key, [&](std::uint32_t i) { return cells.at(i).key == key; });
    }
    Slab<Cell> cells_;
    HashIndex index_;
    CommonCounts* common_;
    std::uint64_t of_;
};

}  // namespace sip
