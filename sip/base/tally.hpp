#pragma once

#include "sip/base/common_counts.hpp"
#include "sip/base/siphash.hpp"
#include "sip/base/slab.hpp"
#include "sip/base/split_table.hpp"

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
        : cells_(memory, limit), by_key_(memory), common_(common), of_(of) {}

    std::uint32_t count(std::uint64_t key) const {
        if (common_ != nullptr) return common_->count(common_key(key));
        const std::uint32_t at = find(key);
        return at == none ? 0 : cells_.at(at).count;
    }
    /// False: no room for a new key.
    [[nodiscard]] bool add(std::uint64_t key) {
        if (common_ != nullptr) return common_->add(common_key(key));
        const std::uint32_t at = find(key);
        if (at != none) {
            ++cells_.at(at).count;
            return true;
        }
        if (!by_key_.reserve_one()) return false;
        const Handle made = cells_.create(Cell{key, 1});
        return made && by_key_.insert(made.index, access());
    }
    /// Takes back one `add` of that key.
    void remove(std::uint64_t key) {
        if (common_ != nullptr) {
            common_->remove(common_key(key));
            return;
        }
        const std::uint32_t at = find(key);
        SIP_ASSERT(at != none);
        if (--cells_.at(at).count > 0) return;
        by_key_.erase(at, access());
        cells_.destroy(cells_.handle_at(at));
    }
    /// Gives its memory back if it is empty.
    void trim() {
        cells_.trim();
        by_key_.trim();
    }
    std::size_t size() const { return cells_.size(); }

private:
    static constexpr std::uint32_t none = UINT32_MAX;
    struct Cell {
        std::uint64_t key;
        std::uint32_t count;
        std::uint32_t next = none;  ///< of one bucket
    };
    struct Access {
        Slab<Cell>& cells;
        std::uint32_t& next(std::uint32_t i) const { return cells.at(i).next; }
        std::uint64_t hash(std::uint32_t i) const { return cells.at(i).key; }
    };
    Access access() const { return {const_cast<Slab<Cell>&>(cells_)}; }
    std::uint64_t common_key(std::uint64_t key) const { return mix(key, of_); }
    std::uint32_t find(std::uint64_t key) const {
        return by_key_.find(key, access(),
                            [&](std::uint32_t i) { return cells_.at(i).key == key; });
    }
    Slab<Cell> cells_;
    SplitTable<std::uint32_t, none> by_key_;
    CommonCounts* common_;
    std::uint64_t of_;
};

}  // namespace sip
