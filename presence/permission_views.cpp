#include "presence/permission_views.hpp"

namespace presence {

PermissionViews::PermissionViews(sip::Shard& shard, std::uint32_t first)
    : shard_(shard),
      first_(first),
      slab_(shard.memory, shard.limits.subscriptions),
      by_hash_(shard.memory) {}

std::optional<sip::ViewId> PermissionViews::obtain(const Permissions& permissions) {
    if (floating_ != UINT32_MAX) drop(floating_);
    sip::Block room;
    if (!room.resize(shard_.memory, packed_size_max(permissions))) {
        ++shard_.counters.limit_memory;
        return {};
    }
    sip::Appender out({room.data(), room.size()});
    if (!pack(permissions, out)) {
        ++shard_.counters.limit_memory;
        return {};
    }
    const std::string_view packed = out.view();
    const std::uint64_t hash = sip::table_hash(shard_.key, packed);
    std::uint32_t index =
        by_hash_.find(hash, [&](std::uint32_t i) { return slab_.at(i).packed.view() == packed; });
    if (index != sip::HashIndex::none) return sip::ViewId{first_ + index};
    const sip::Handle made = by_hash_.reserve_one() ? slab_.create() : sip::Handle{};
    if (!made || !slab_.find(made)->packed.assign(shard_.memory, packed)) {
        ++shard_.counters.limit_memory;
        if (made) slab_.destroy(made);
        return {};
    }
    slab_.find(made)->hash = hash;
    const bool kept = by_hash_.insert(hash, made.index);
    SIP_ASSERT(kept);
    floating_ = made.index;
    return sip::ViewId{first_ + made.index};
}

PermissionViews::Entry* PermissionViews::entry_of(sip::ViewId id) {
    const auto number = static_cast<std::uint32_t>(id);
    return number < first_ ? nullptr : &slab_.at(number - first_);
}

void PermissionViews::retain(sip::ViewId id) {
    Entry* entry = entry_of(id);
    if (entry == nullptr) return;
    ++entry->references;
    if (floating_ == static_cast<std::uint32_t>(id) - first_) floating_ = UINT32_MAX;
}

void PermissionViews::release(sip::ViewId id) {
    Entry* entry = entry_of(id);
    if (entry != nullptr && --entry->references == 0) drop(static_cast<std::uint32_t>(id) - first_);
}

bool PermissionViews::find(sip::ViewId id, pidf::Arena& arena, Permissions& out) {
    const Entry* entry = entry_of(id);
    SIP_ASSERT(entry != nullptr);
    return unpack(entry->packed.view(), arena, out);
}

void PermissionViews::drop(std::uint32_t index) {
    if (floating_ == index) floating_ = UINT32_MAX;
    by_hash_.erase(slab_.at(index).hash, index);
    slab_.destroy(slab_.handle_at(index));
}

}  // namespace presence
