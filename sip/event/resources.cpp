#include "sip/event/resources.hpp"

namespace sip {

ResourceId Resources::find(std::uint8_t package, std::string_view name) const {
    auto& slab = const_cast<Slab<Resource>&>(slab_);
    const std::uint32_t index = by_name_.find(hash_of(package, name), [&](std::uint32_t i) {
        const Resource& r = slab.at(i);
        return r.package == package && r.name.view() == name;
    });
    if (index == HashIndex::none) return {};
    return {slab.handle_at(index)};
}

ResourceId Resources::obtain(std::uint8_t package, std::string_view name) {
    if (const ResourceId known = find(package, name)) {
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
    made.hash = hash_of(package, name);
    if (!made.name.assign(shard_.memory, name) || !by_name_.insert(made.hash, handle.index)) {
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
    by_name_.erase(resource.hash, id.handle.index);
    slab_.destroy(id.handle);
}

}  // namespace sip
