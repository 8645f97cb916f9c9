#pragma once

#include <optional>

#include "pidf/arena.hpp"
#include "presence/rules/permissions.hpp"
#include "sip/base/hash_index.hpp"
#include "sip/base/slab.hpp"
#include "sip/event/event_package.hpp"
#include "sip/transport/shard.hpp"

namespace presence {

/// The permissions by which somebody watches, each once, and the numbers by which the notifier
/// knows them: all watchers of a presentity who may see the same share a view.
class PermissionViews {
public:
    /// Numbers below `first` are not given out.
    PermissionViews(sip::Shard& shard, std::uint32_t first);

    /// The number of `permissions`. It is lost again with the next call of this unless it is
    /// retained before. Nothing: no memory.
    std::optional<sip::ViewId> obtain(const Permissions& permissions);
    /// Numbers below `first` are passed over.
    void retain(sip::ViewId id);
    void release(sip::ViewId id);
    /// What `id` stands for, in `arena`. False: no memory.
    [[nodiscard]] bool find(sip::ViewId id, pidf::Arena& arena, Permissions& out);
    std::size_t size() const { return slab_.size(); }
    void trim() {
        if (floating_ != UINT32_MAX) drop(floating_);
        slab_.trim();
        by_hash_.trim();
    }

private:
    struct Entry {
        sip::Block packed;
        std::uint64_t hash = 0;
        std::uint32_t references = 0;
    };
    Entry* entry_of(sip::ViewId id);
    void drop(std::uint32_t index);

    sip::Shard& shard_;
    std::uint32_t first_;
    sip::Slab<Entry> slab_;
    sip::HashIndex by_hash_;
    std::uint32_t floating_ = UINT32_MAX;  ///< obtained last, and nobody has retained it
};

}  // namespace presence
