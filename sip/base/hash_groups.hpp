#pragma once

#include <cstdint>

#include "sip/base/hash_index.hpp"

namespace sip {

/// An object's place among those that share its hash. Lives in the object.
struct GroupLink {
    std::uint64_t hash = 0;  ///< set by `HashGroups::add`
    std::uint32_t previous = HashIndex::none, next = HashIndex::none;
};

/// Finds the newest of the slab indices that share one keyed hash. However many share it, they take
/// one slot and one step: where a peer chooses what is hashed, a plain HashIndex would have to
/// search through all of them.
///
/// `link_of(index)` gives the GroupLink of an object.
class HashGroups {
public:
    explicit HashGroups(Memory& memory) : index_(memory) {}

    /// Room for one more hash, so that the next `add` cannot fail. False: refused.
    [[nodiscard]] bool reserve_one() { return index_.reserve_one(); }
    /// False: memory refused.
    template <class LinkOf>
    [[nodiscard]] bool add(std::uint64_t hash, std::uint32_t value, LinkOf link_of) {
        const std::uint32_t first = newest(hash, link_of);
        link_of(value).hash = hash;
        if (first == HashIndex::none) return index_.insert(hash, value);
        link_of(first).previous = value;
        link_of(value).next = first;
        index_.replace(hash, first, value);
        return true;
    }
    /// Removes what was added.
    template <class LinkOf>
    void remove(std::uint32_t value, LinkOf link_of) {
        const GroupLink link = link_of(value);
        const std::uint64_t hash = link.hash;
        if (link.next != HashIndex::none) link_of(link.next).previous = link.previous;
        if (link.previous != HashIndex::none)
            link_of(link.previous).next = link.next;
        else if (link.next != HashIndex::none)
            index_.replace(hash, value, link.next);
        else
            index_.erase(hash, value);
        link_of(value) = {};
    }
    /// The one that was added last; `none` where there is none.
    template <class LinkOf>
    std::uint32_t newest(std::uint64_t hash, LinkOf link_of) const {
        return index_.find(hash, [&](std::uint32_t i) { return link_of(i).hash == hash; });
    }
    /// Gives its memory back if it is empty.
    void trim() { index_.trim(); }
    /// How many hashes.
    std::size_t size() const { return index_.size(); }
    std::size_t longest_run() const { return index_.longest_run(); }

private:
    HashIndex index_;
};

}  // namespace sip
