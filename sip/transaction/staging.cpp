#include "sip/transaction/staging.hpp"

namespace sip {

Staging::Staging(Shard& shard, TransportLayer& transport, bool has_store)
    : shard_(shard),
      transport_(transport),
      has_store_(has_store),
      changes_(shard.memory, shard.limits.waiting_requests),
      waiting_(shard.memory, shard.limits.waiting_requests),
      order_(shard.memory, shard.limits.waiting_requests) {}

Staging::~Staging() = default;

bool Staging::stage(std::uint8_t user, Handle object, std::uint64_t resource,
                    std::string_view records) {
    SIP_ASSERT(has_store_);
    const Handle handle = changes_.create(Change{user, object, resource});
    if (!handle) {
        ++(changes_.full() ? shard_.counters.limit_waiting_requests : shard_.counters.limit_memory);
        return false;
    }
    const CommitId id{static_cast<std::uint64_t>(handle.generation) << 32 | handle.index};
    const SharedBytes copy = SharedBytes::copy(shard_.memory, records);
    if (!copy || !transport_.emit(Commit{id, copy})) {
        ++shard_.counters.limit_memory;
        changes_.destroy(handle);
        return false;
    }
    return true;
}

bool Staging::is_busy(std::uint64_t resource) const {
    if (!has_store_) return false;
    bool busy = false;
    const_cast<Slab<Change>&>(changes_).for_each(
        [&](Handle, const Change& change) { busy |= change.resource == resource; });
    // What already waits goes first; but whoever is next in line waits for no other.
    if (busy || resuming_ == resource) return busy;
    const_cast<Slab<Waiting>&>(waiting_).for_each(
        [&](Handle, const Waiting& w) { busy |= w.resource == resource && !w.free; });
    return busy;
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
    w.resource = resource;
    if (!w.identity.assign(shard_.memory, request.identity.address_of_record) ||
        !w.bytes.assign(shard_.memory, request.message.bytes) || !order_.push(Handle{handle})) {
        ++shard_.counters.limit_memory;
        waiting_.destroy(handle);
        return false;
    }
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
    if (last_settled_)
        changes_.find(last_settled_)->next = handle;
    else
        first_settled_ = handle;
    last_settled_ = handle;
}

/// One request that waited for this resource may go on; the next waits for what it stages.
void Staging::release(std::uint64_t resource) {
    for (std::size_t i = 0; i < order_.size(); ++i) {
        Waiting* w = waiting_.find(order_.at(i));
        if (w == nullptr || w->resource != resource || w->free) continue;
        w->free = true;
        ++free_waiting_;
        return;
    }
}

std::optional<Staging::Settled> Staging::next_settled() {
    const Handle handle = first_settled_;
    if (!handle) return {};
    const Change change = *changes_.find(handle);
    first_settled_ = change.next;
    if (!first_settled_) last_settled_ = {};
    changes_.destroy(handle);
    release(change.resource);
    return Settled{change.user, change.object, change.durable};
}

std::optional<Staging::Waiting> Staging::next_waiting() {
    if (free_waiting_ == 0) return {};
    for (std::size_t turns = order_.size(); turns > 0; --turns) {
        const Handle handle = order_.pop();
        Waiting* w = waiting_.find(handle);
        SIP_ASSERT(w != nullptr);
        if (!w->free) {
            // Goes to the back, and so do all others before the one that is taken: order is kept.
            const bool kept = order_.push(Handle{handle});
            SIP_ASSERT(kept);
            continue;
        }
        Waiting taken = std::move(*w);
        waiting_.destroy(handle);
        --free_waiting_;
        resuming_ = taken.resource;
        // Turn the ring on, so that those behind come before those that were passed over.
        for (std::size_t rest = turns - 1; rest > 0; --rest) {
            const bool kept = order_.push(order_.pop());
            SIP_ASSERT(kept);
        }
        return taken;
    }
    return {};
}

void Staging::finished(std::uint64_t resource) {
    resuming_ = 0;
    bool staged = false;
    changes_.for_each([&](Handle, const Change& change) { staged |= change.resource == resource; });
    // It staged nothing: the next in line must not wait for a change that never comes.
    if (!staged) release(resource);
}

}  // namespace sip
