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
    using Counted = CommonCounts::Counted;
    static constexpr std::uint32_t any_number = CommonCounts::any_number;
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

    std::uint32_t count(std::uint64_t key) const;
    /// One more, unless there are `most` already, or there is no room for a new key.
    [[nodiscard]] Counted add(std::uint64_t key, std::uint32_t most = any_number);
    /// Takes back one `add` of that key.
    void remove(std::uint64_t key);
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
    std::uint32_t find(std::uint64_t key) const;
    Slab<Cell> cells_;
    SplitTable<std::uint32_t, none> by_key_;
    CommonCounts* common_;
    std::uint64_t of_;
};

}  // namespace sip
