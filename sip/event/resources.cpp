#include "sip/event/resources.hpp"

namespace sip {

ResourceId Resources::find(std::uint8_t package, std::string_view name, std::uint64_t hash) const {
    auto& slab = const_cast<Slab<Resource>&>(slab_);
    const std::uint32_t index = by_name_.find(hash, Access{slab}, [&](std::uint32_t i) {
        const Resource& r = slab.at(i);
        return r.hash == hash && r.package == package && r.name.view() == name;
    });
    if (index == UINT32_MAX) return {};
    return {slab.handle_at(index)};
}

ResourceId Resources::obtain(std::uint8_t package, std::string_view name, std::uint64_t hash) {
    if (const ResourceId known = find(package, name, hash)) {
        ++at(known).references;
        return known;
    }
    const Handle handle = slab_.create();
    if (!handle) {
        ++(slab_.full() ? shard_.counters.limit_resources : shard_.counters.limit_memory);
        return {};
    }
    Resource& made = *slab_.find(handle);
    made.package = package;
    made.hash = hash;
    if (!made.name.intern(shard_.texts, name) || !by_name_.insert(handle.index, Access{slab_})) {
        ++shard_.counters.limit_memory;
        slab_.destroy(handle);
        return {};
    }
    made.references = 1;
    return {handle};
}

void Resources::release(ResourceId id) {
    Resource& resource = at(id);
    SIP_ASSERT(resource.references > 0);
    if (--resource.references > 0) return;
    by_name_.erase(id.handle.index, Access{slab_});
    slab_.destroy(id.handle);
}

}  // namespace sip
