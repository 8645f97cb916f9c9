#include "sip/transaction/staging.hpp"

namespace sip {

Staging::Staging(Shard& shard, TransportLayer& transport, bool has_store)
    : shard_(shard),
      transport_(transport),
      has_store_(has_store),
      changes_(shard.memory, shard.limits.waiting_requests),
      waiting_(shard.memory, shard.limits.waiting_requests),
      resources_(shard.memory, std::size_t{2} * shard.limits.waiting_requests),
      by_resource_(shard.memory) {
    const std::uint32_t count = shard.limits.waiting_requests;
    shard.reserve(count, changes_, waiting_);
    shard.reserve(std::size_t{2} * count, resources_, by_resource_);
}

Staging::~Staging() = default;

std::uint32_t Staging::find(std::uint64_t resource) const {
    auto& resources = const_cast<Slab<Resource>&>(resources_);
    return by_resource_.find(resource,
                             [&](std::uint32_t i) { return resources.at(i).hash == resource; });
}

Staging::Resource* Staging::obtain(std::uint64_t resource) {
    if (const std::uint32_t known = find(resource); known != HashIndex::none)
        return &resources_.at(known);
    const Handle handle = resources_.create(Resource{resource});
    if (!handle) return nullptr;
    if (by_resource_.insert(resource, handle.index)) return resources_.find(handle);
    resources_.destroy(handle);
    return nullptr;
}

/// Forgets a resource for which nothing is left.
void Staging::let_go(std::uint64_t resource) {
    const std::uint32_t index = find(resource);
    if (index == HashIndex::none) return;
    const Resource& r = resources_.at(index);
    if (r.changes > 0 || r.free > 0 || r.waiting.first) return;
    by_resource_.erase(resource, index);
    resources_.destroy(resources_.handle_at(index));
}

bool Staging::stage(std::uint8_t user, Handle object, std::uint64_t resource, SharedBytes records) {
    SIP_ASSERT(has_store_);
    const Handle handle = changes_.create(Change{user, object, resource});
    if (!handle) {
        ++(changes_.full() ? shard_.counters.limit_waiting_requests : shard_.counters.limit_memory);
        return false;
    }
    Resource* of = obtain(resource);
    const CommitId id{static_cast<std::uint64_t>(handle.generation) << 32 | handle.index};
    if (of == nullptr || !records || !transport_.emit(Commit{id, std::move(records)})) {
        ++shard_.counters.limit_memory;
        changes_.destroy(handle);
        let_go(resource);
        return false;
    }
    ++of->changes;
    return true;
}

bool Staging::is_busy(std::uint64_t resource) const {
    if (!has_store_) return false;
    const std::uint32_t index = find(resource);
    if (index == HashIndex::none) return false;
    const Resource& r = const_cast<Slab<Resource>&>(resources_).at(index);
    // What already waits goes first; but whoever is next in line waits for no other.
    return r.changes > 0 || (resuming_ != resource && (r.free > 0 || r.waiting.first));
}

bool Staging::wait(std::uint64_t resource, const Request& request) {
    const Handle handle = waiting_.create();
    if (!handle) {
        ++(waiting_.full() ? shard_.counters.limit_waiting_requests : shard_.counters.limit_memory);
        return false;
    }
    Waiting& w = *waiting_.find(handle);
    w.source = request.source;
    w.transaction = request.transaction;
    w.authenticated = request.identity.authenticated;
    w.proved_by = request.identity.proved_by;
    w.resource = resource;
    Resource* of = obtain(resource);
    if (of == nullptr || !w.identity.assign(shard_.memory, request.identity.address_of_record) ||
        !w.bytes.assign(shard_.memory, request.message.bytes)) {
        ++shard_.counters.limit_memory;
        waiting_.destroy(handle);
        let_go(resource);
        return false;
    }
    join(of->waiting, waiting_, handle);
    return true;
}

void Staging::settle(CommitId id, bool durable) {
    const auto value = static_cast<std::uint64_t>(id);
    const Handle handle{static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)};
    Change* change = changes_.find(handle);
    if (change == nullptr || change->settled) return;
    ++(durable ? shard_.counters.commits : shard_.counters.commits_failed);
    change->settled = true;
    change->durable = durable;
    join(settled_, changes_, handle);
}

/// One request that waited for this resource may go on; the next waits for what it stages.
void Staging::release(std::uint64_t resource) {
    const std::uint32_t index = find(resource);
    if (index == HashIndex::none) return;
    Resource& r = resources_.at(index);
    if (!r.waiting.first) {
        let_go(resource);
        return;
    }
    join(free_, waiting_, leave(r.waiting, waiting_));
    ++r.free;
}

std::optional<Staging::Settled> Staging::next_settled() {
    if (!settled_.first) return {};
    const Handle handle = leave(settled_, changes_);
    const Change change = *changes_.find(handle);
    changes_.destroy(handle);
    --resources_.at(find(change.resource)).changes;
    release(change.resource);
    return Settled{change.user, change.object, change.durable};
}

std::optional<Staging::Waiting> Staging::next_waiting() {
    if (!free_.first) return {};
    const Handle handle = leave(free_, waiting_);
    Waiting taken = std::move(*waiting_.find(handle));
    waiting_.destroy(handle);
    --resources_.at(find(taken.resource)).free;
    resuming_ = taken.resource;
    return taken;
}

void Staging::finished(std::uint64_t resource) {
    resuming_ = 0;
    const std::uint32_t index = find(resource);
    // It staged nothing: the next in line must not wait for a change that never comes.
    if (index != HashIndex::none && resources_.at(index).changes == 0) release(resource);
}

}  // namespace sip
