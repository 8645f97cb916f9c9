#include "presence/reconsideration.hpp"

#include <algorithm>

namespace presence {
namespace {

/// The wall clock may be set: instants by it are looked at again after so long.
constexpr std::int64_t look_interval_ms = 60'000;

}  // namespace

Reconsideration::Reconsideration(sip::Shard& shard, Reconsiderer& who)
    : shard_(shard),
      who_(who),
      slab_(shard.memory, shard.limits.resources),
      by_name_(shard.memory) {}

Reconsideration::~Reconsideration() {
    slab_.for_each([&](sip::Handle, Entry& entry) { entry.timers.detach(shard_.timers); });
}

Reconsideration::Entry* Reconsideration::find(std::string_view presentity) {
    if (slab_.size() == 0) return nullptr;
    const std::uint32_t index =
        by_name_.find(sip::table_hash(shard_.key, presentity),
                      [&](std::uint32_t i) { return slab_.at(i).presentity.view() == presentity; });
    return index == sip::HashIndex::none ? nullptr : &slab_.at(index);
}

Reconsideration::Entry* Reconsideration::obtain(std::string_view presentity) {
    if (Entry* found = find(presentity)) return found;
    const sip::Handle made = by_name_.reserve_one() ? slab_.create() : sip::Handle{};
    Entry* entry = slab_.find(made);
    if (entry == nullptr || !entry->presentity.assign(shard_.memory, presentity) ||
        !entry->timers.attach(shard_.timers, {part_, made})) {
        ++shard_.counters.limit_memory;
        if (entry != nullptr) slab_.destroy(made);
        return nullptr;
    }
    entry->hash = sip::table_hash(shard_.key, presentity);
    const bool kept = by_name_.insert(entry->hash, made.index);
    SIP_ASSERT(kept);
    return entry;
}

void Reconsideration::expect(const sip::Now& now, std::string_view presentity, const Basis& basis) {
    if (!basis.until_wall_ms && !basis.by_sphere && find(presentity) == nullptr) return;
    Entry* entry = obtain(presentity);
    if (entry == nullptr) return;
    // The wall clock was set, and others are decided about by what it said before.
    if (has_passed(now, *entry)) entry->soon = true;
    entry->decided_wall_ms = now.wall_ms;
    entry->until_wall_ms = basis.until_wall_ms;
    entry->by_sphere = basis.by_sphere;
    entry->has_sphere = basis.sphere.has_value();
    if (!entry->sphere.assign(shard_.memory, basis.sphere.value_or(std::string_view{}))) {
        ++shard_.counters.limit_memory;
        entry->short_of_memory = true;
    }
    set_timer(now, *entry);
}

void Reconsideration::expect_soon(const sip::Now& now, std::string_view presentity) {
    Entry* entry = obtain(presentity);
    if (entry == nullptr) return;
    entry->short_of_memory = true;
    set_timer(now, *entry);
}

bool Reconsideration::asks_for_sphere(std::string_view presentity) {
    const Entry* entry = find(presentity);
    return entry != nullptr && entry->by_sphere;
}

bool Reconsideration::is_other_sphere(std::string_view presentity,
                                      std::optional<std::string_view> sphere) {
    const Entry* entry = find(presentity);
    if (entry == nullptr || !entry->by_sphere) return false;
    return entry->has_sphere != sphere.has_value() || (sphere && entry->sphere.view() != *sphere);
}

bool Reconsideration::has_passed(const sip::Now& now, const Entry& entry) {
    return now.wall_ms < entry.decided_wall_ms ||
           (entry.until_wall_ms && now.wall_ms >= *entry.until_wall_ms);
}

void Reconsideration::set_timer(const sip::Now& now, Entry& entry) {
    std::int64_t wait_ms = look_interval_ms;
    if (entry.until_wall_ms)
        wait_ms = std::clamp<std::int64_t>(*entry.until_wall_ms - now.wall_ms, 1, wait_ms);
    if (entry.short_of_memory) wait_ms = std::int64_t{1'000} * shard_.limits.retry_after_s;
    if (entry.soon) wait_ms = 1;
    entry.timers.set(shard_.timers, Name::look, sip::later(now.mono, sip::milliseconds{wait_ms}));
}

void Reconsideration::on_timer(const sip::Now& now, sip::Handle object) {
    Entry* entry = slab_.find(object);
    if (entry == nullptr || !entry->timers.pop_due(shard_.timers, now.mono)) return;
    if (!who_.is_watched(entry->presentity.view())) {
        drop(object);
        return;
    }
    if (!entry->soon && !entry->short_of_memory && !has_passed(now, *entry)) {
        set_timer(now, *entry);
        return;
    }
    // Decisions set it anew; whoever finds no memory for that is looked at in a while.
    entry->soon = entry->short_of_memory = false;
    entry->until_wall_ms.reset();
    entry->decided_wall_ms = now.wall_ms;
    set_timer(now, *entry);
    who_.decide_again(now, entry->presentity.view());
}

void Reconsideration::drop(sip::Handle handle) {
    Entry& entry = *slab_.find(handle);
    by_name_.erase(entry.hash, handle.index);
    entry.timers.detach(shard_.timers);
    slab_.destroy(handle);
}

}  // namespace presence
