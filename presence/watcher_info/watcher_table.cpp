#include "presence/watcher_info/watcher_table.hpp"

#include <cstring>

#include "sip/base/text.hpp"

namespace presence {

WatcherTable::WatcherTable(sip::Memory& memory, const sip::HashKey& key, const Limits& limits)
    : memory_(memory), key_(key), rows_(memory, limits.rows), by_id_(memory), forks_(memory) {}

WatcherTable::Fork* WatcherTable::find(std::uint32_t fork) {
    for (Fork& known : forks_)
        if (known.number == fork) return &known;
    return nullptr;
}

/// RFC 3858 4: what its version makes of it.
sip::Expected<WatcherTable::Taken> WatcherTable::begin(std::uint32_t fork,
                                                       const ReadWatcherInfo& info) {
    Taken taken = Taken::processed;
    Fork* known = find(fork);
    if (known == nullptr) {
        if (forks_.size() == forks_max || !forks_.push({fork, info.version, false}))
            return sip::failure(sip::Condition::overloaded, "Too many notifiers answered");
        // R3858-3-2: the first one is full; else something is missing.
        if (!info.full) taken = Taken::with_gap;
    } else {
        // R3858-4-3: what was asked for brings the state, though nothing may have changed.
        const bool answers = info.full && known->asked && info.version == known->version;
        if (info.version <= known->version && !answers) return Taken::discarded;
        if (info.version - known->version > 1 && !info.full) taken = Taken::with_gap;
        known->version = info.version;
        if (info.full) known->asked = false;
    }
    if (info.full)
        rows_.for_each([&](sip::Handle, Stored& row) {
            if (row.fork == fork) row.fresh = false;
        });
    return taken;
}

WatcherTable::Row WatcherTable::view_of(const Stored& row) {
    Row view;
    view.fork = row.fork;
    view.status = row.status;
    view.event = row.event;
    view.expiration = row.expiration;
    view.duration_subscribed = row.duration_subscribed;
    std::string_view rest = row.text.view();
    std::size_t i = 0;
    for (std::string_view* part :
         {&view.resource, &view.package, &view.id, &view.display_name, &view.uri}) {
        *part = sip::slice(rest, 0, row.sizes[i]);
        rest.remove_prefix(row.sizes[i++]);
    }
    return view;
}

bool WatcherTable::set_text(Stored& row, const ReadWatcherList& list, const ReadWatcher& watcher) {
    const std::string_view parts[5] = {list.resource, list.package, watcher.id,
                                       watcher.display_name, watcher.uri};
    std::size_t size = 0;
    for (std::string_view part : parts) size += part.size();
    sip::Block made;
    if (!made.resize(memory_, size)) return false;
    char* at = made.data();
    for (std::size_t i = 0; i < 5; ++i) {
        if (!parts[i].empty()) std::memcpy(at, parts[i].data(), parts[i].size());
        at += parts[i].size();
        row.sizes[i] = static_cast<std::uint32_t>(parts[i].size());
    }
    row.text = std::move(made);
    return true;
}

std::optional<sip::Handle> WatcherTable::put(std::uint32_t fork, const ReadWatcherList& list,
                                             const ReadWatcher& watcher) {
    const std::uint64_t hash = sip::mix(
        sip::mix(sip::table_hash(key_, list.resource), sip::table_hash(key_, watcher.id)), fork);
    const std::uint32_t found = by_id_.find(hash, [&](std::uint32_t i) {
        const Row row = view_of(rows_.at(i));
        return row.fork == fork && row.resource == list.resource && row.id == watcher.id;
    });
    const bool is_new = found == sip::HashIndex::none;
    const sip::Handle handle = !is_new                ? rows_.handle_at(found)
                               : by_id_.reserve_one() ? rows_.create()
                                                      : sip::Handle{};
    if (!handle) {
        ++left_out_;
        return {};
    }
    Stored& row = *rows_.find(handle);
    const Row before = view_of(row);
    const bool same = !is_new && row.status == watcher.status && row.event == watcher.event &&
                      before.uri == watcher.uri && before.display_name == watcher.display_name &&
                      before.package == list.package;
    if (!same && !set_text(row, list, watcher)) {
        ++left_out_;
        if (is_new) rows_.destroy(handle);
        return {};
    }
    row.fork = fork;
    row.fresh = true;
    row.status = watcher.status;
    row.event = watcher.event;
    row.expiration = watcher.expiration;
    row.duration_subscribed = watcher.duration_subscribed;
    if (is_new) {
        row.hash = hash;
        const bool kept = by_id_.insert(hash, handle.index);
        SIP_ASSERT(kept);
    }
    if (same) return {};
    return handle;
}

void WatcherTable::drop(sip::Handle handle) {
    by_id_.erase(rows_.find(handle)->hash, handle.index);
    rows_.destroy(handle);
}

void WatcherTable::refreshing(std::uint32_t fork) {
    if (Fork* known = find(fork)) known->asked = true;
}

void WatcherTable::forget(std::uint32_t fork) {
    rows_.for_each([&](sip::Handle handle, const Stored& row) {
        if (row.fork == fork) drop(handle);
    });
    for (std::size_t i = 0; i < forks_.size(); ++i)
        if (forks_[i].number == fork) {
            forks_.remove_unordered(i);
            return;
        }
}

}  // namespace presence
