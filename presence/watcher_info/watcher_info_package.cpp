#include "presence/watcher_info/watcher_info_package.hpp"

#include <algorithm>

namespace presence {
namespace {

constexpr std::array<std::string_view, 1> types{watcherinfo_type};
constexpr std::string_view suffix = ".winfo";

std::uint64_t hash_of(sip::SubscriptionId id) {
    return sip::mix(id.handle.index, id.handle.generation);
}

}  // namespace

WatcherInfoPackage::WatcherInfoPackage(sip::Shard& shard, sip::EventPackage& parent,
                                       const Options& options)
    : shard_(shard),
      parent_(parent),
      watchers_(shard, parent, *this),
      viewers_(shard.memory, shard.limits.subscriptions),
      by_subscription_(shard.memory),
      by_own_(shard.memory) {
    sip::Appender name(name_);
    name << parent.traits().name << suffix;
    SIP_ASSERT(!name.overflowed());
    traits_.name = name.view();
    traits_.accept = types;
    traits_.expires_default_s = 3600;  // RFC 3857 4.4
    traits_.expires_min_s = options.expires_min_s;
    traits_.expires_max_s = options.expires_max_s;
    traits_.expires_jitter_percent = options.expires_jitter_percent;
    traits_.notify_interval_min = options.notify_interval;
    traits_.hold_per_subscription = traits_.own_documents = true;
    traits_.forks = Forks::merge;  // RFC 3857 4.9
}

WatcherInfoPackage::~WatcherInfoPackage() {
    viewers_.for_each([&](sip::Handle, const Viewer& viewer) { forget(viewer.id); });
}

/// RFC 3857 4.6.
sip::Decision WatcherInfoPackage::decide(const sip::Now& now, const sip::Watcher& watcher) {
    using Decided = sip::SubscriptionDecision;
    if (!watcher.authenticated) return {Decided::rejected, all_watchers};
    if (watcher.identity == watcher.resource) return {Decided::active, all_watchers};
    if (parent_.traits().name.ends_with(suffix)) return {Decided::rejected, all_watchers};
    if (parent_.decide(now, watcher).state != Decided::active)
        return {Decided::rejected, own_subscriptions};
    return {Decided::active, own_subscriptions};
}

sip::Expected<std::size_t> WatcherInfoPackage::render(const sip::Now&, sip::ResourceId,
                                                      std::string_view, sip::ViewId,
                                                      std::string_view, std::span<char>) {
    return sip::failure(sip::Condition::internal, "Watcher information is each subscription's own");
}

// What a viewer sees ------------------------------------------------------------------------------

bool WatcherInfoPackage::sees(const Viewer& viewer, const WatcherRow& row) const {
    return viewer.own.empty() || viewer.own.view() == row.identity.view();
}

/// R3857-4.7.2-3: to a watcher, Subscription-State said that it ended. What becomes of it while it
/// waits is not his to know.
WatcherRow::State WatcherInfoPackage::state_for(const Viewer& viewer, const WatcherRow& row) const {
    return !viewer.own.empty() && row.waited ? State::terminated : row.state;
}

/// Of a row that changed since this viewer was told: whether there is something to tell. What began
/// and ended since then is not told of (R3857-4.7.2-2).
bool WatcherInfoPackage::is_news(const Viewer& viewer, const WatcherRow& row) const {
    if (!sees(viewer, row)) return false;
    if (state_for(viewer, row) != State::terminated) return true;
    const bool knows_of_it = row.made <= viewer.told;
    // Of one that waited, the end is what it was told already.
    const bool is_old = !viewer.own.empty() && row.waited && row.state == State::terminated;
    return knows_of_it && !is_old;
}

WatcherEntry WatcherInfoPackage::entry_of(const sip::Now& now, const Viewer& viewer,
                                          const WatcherRow& row, std::span<char> id_room) const {
    const State state = state_for(viewer, row);
    sip::Appender id(id_room);
    id << 'w';
    id.hex(watchers_.id_of(row));
    WatcherEntry entry;
    entry.id = id.view();
    entry.status = watcher_machine::name_of(state);
    entry.event =
        watcher_machine::name_of(state == row.state ? row.event : WatcherRow::Event::timeout);
    entry.display_name = row.display_name.view();
    if (state == State::pending || state == State::active)
        entry.expiration = sip::seconds_left(now.mono, row.expires_at);
    entry.duration_subscribed = static_cast<std::uint64_t>(
        std::chrono::duration_cast<sip::seconds>(now.mono - row.since).count());
    entry.uri = row.identity.view();
    return entry;
}

/// In the order of changes, as many as fit; the others follow in partial documents.
void WatcherInfoPackage::write_pages(const sip::Now& now, Viewer& viewer, bool full,
                                     WatcherDocument& document) {
    viewer.next_told = watchers_.sequence();
    std::uint64_t written = full ? 0 : viewer.told;
    watchers_.for_each_behind(viewer.list, full ? 0 : viewer.told, [&](const WatcherRow& row) {
        const bool wanted = full ? sees(viewer, row) && state_for(viewer, row) != State::terminated
                                 : is_news(viewer, row);
        std::array<char, 24> id_room{};
        if (wanted && !document.add(entry_of(now, viewer, row, id_room))) {
            ++shard_.counters.limit_notify_body_bytes;
            viewer.next_told = written;
            return false;
        }
        written = row.changed;
        return true;
    });
}

/// For a document that none follows.
void WatcherInfoPackage::write_once(const sip::Now& now, Viewer& viewer,
                                    WatcherDocument& document) {
    viewer.next_told = watchers_.sequence();
    bool all = true;
    for (const bool undecided : {true, false})
        watchers_.for_each_behind(viewer.list, 0, [&](const WatcherRow& row) {
            if (row.is_undecided() != undecided || !sees(viewer, row) ||
                state_for(viewer, row) == State::terminated)
                return true;
            std::array<char, 24> id_room{};
            all = document.add(entry_of(now, viewer, row, id_room));
            return all;
        });
    if (!all) ++shard_.counters.limit_notify_body_bytes;
}

sip::Expected<std::size_t> WatcherInfoPackage::render_own(const sip::Now& now,
                                                          const sip::OwnDocument& wanted,
                                                          std::span<char> room) {
    const sip::Handle handle = obtain(wanted);
    if (!handle) return sip::failure(sip::Condition::overloaded, "No memory to list watchers");
    Viewer& viewer = *viewers_.find(handle);
    // R3858-3-2: 32 bits, and no wrap.
    if (viewer.version == UINT32_MAX)
        return sip::failure(sip::Condition::internal, "No version is left");
    const bool full = wanted.full || !viewer.started || viewer.behind;
    WatcherDocument::Head head;
    head.version = viewer.started ? viewer.version + 1 : 0;
    head.full = full;
    head.resource = wanted.watcher.resource;
    head.package = watchers_.package();
    WatcherDocument document(room, head);
    if (!document.fits())
        return sip::failure(sip::Condition::body_too_large, "No room for a list of watchers");
    viewer.full = full;
    if (wanted.last)
        write_once(now, viewer, document);
    else
        write_pages(now, viewer, full, document);
    return document.finish();
}

void WatcherInfoPackage::on_own_sent(const sip::Now&, sip::SubscriptionId id) {
    Viewer* viewer = viewers_.find(find(id));
    if (viewer == nullptr) return;
    if (viewer->started) ++viewer->version;
    viewer->started = true;
    if (viewer->full) viewer->behind = false;
    set_told(*viewer, viewer->next_told);
}

/// What is none of this viewer's business is passed over for good.
bool WatcherInfoPackage::has_news(const sip::Now&, sip::SubscriptionId id) {
    Viewer* viewer = viewers_.find(find(id));
    if (viewer == nullptr || !viewer->started) return false;
    if (viewer->behind) return true;
    bool any = false;
    watchers_.for_each_behind(viewer->list, viewer->told, [&](const WatcherRow& row) {
        any = is_news(*viewer, row);
        return !any;
    });
    if (!any) set_told(*viewer, watchers_.sequence());
    return any;
}

/// What ended and was kept for it goes, unless others are to hear of it.
void WatcherInfoPackage::set_told(Viewer& viewer, std::uint64_t told) {
    const std::uint64_t from = std::min(viewer.told, told);
    viewer.told = told;
    watchers_.forget_ended(viewer.list, from, told);
}

template <class Visit>
void WatcherInfoPackage::for_each_to_be_told(const WatcherRow& row, Visit visit) {
    const auto look = [&](Viewer& viewer) {
        if (viewer.started && viewer.told < row.changed && is_news(viewer, row)) visit(viewer);
    };
    for (std::uint32_t i = watchers_.list_of(row).first_viewer; i != UINT32_MAX;
         i = viewers_.at(i).next)
        look(viewers_.at(i));
    (void)by_own_.find(own_hash(row.list, row.identity.view()), [&](std::uint32_t i) {
        if (watchers_.is_of(row, viewers_.at(i).list)) look(viewers_.at(i));
        return false;
    });
}

bool WatcherInfoPackage::is_to_be_told(const WatcherRow& row) {
    bool any = false;
    for_each_to_be_told(row, [&](const Viewer&) { any = true; });
    return any;
}

void WatcherInfoPackage::cannot_be_told(const WatcherRow& row) {
    for_each_to_be_told(row, [&](Viewer& viewer) { viewer.behind = true; });
}

// Viewers -----------------------------------------------------------------------------------------

sip::Handle WatcherInfoPackage::find(sip::SubscriptionId id) {
    const std::uint32_t found = by_subscription_.find(
        hash_of(id), [&](std::uint32_t i) { return viewers_.at(i).id == id; });
    return found == sip::HashIndex::none ? sip::Handle{} : viewers_.handle_at(found);
}

sip::Handle WatcherInfoPackage::obtain(const sip::OwnDocument& wanted) {
    if (const sip::Handle known = find(wanted.subscription)) return known;
    if (!by_subscription_.reserve_one()) return {};
    const sip::Handle list = watchers_.join(wanted.watcher.resource);
    if (!list) return {};
    const sip::Handle handle = viewers_.create();
    const std::string_view own =
        wanted.view == own_subscriptions ? wanted.watcher.identity : std::string_view{};
    if (!handle || !by_own_.reserve_one() ||
        !viewers_.find(handle)->own.assign(shard_.memory, own)) {
        if (handle) viewers_.destroy(handle);
        watchers_.leave(list);
        return {};
    }
    Viewer& viewer = *viewers_.find(handle);
    viewer.id = wanted.subscription;
    viewer.list = list;
    const bool kept = by_subscription_.insert(hash_of(viewer.id), handle.index);
    SIP_ASSERT(kept);
    enter(viewer, handle.index);
    return handle;
}

void WatcherInfoPackage::forget(sip::SubscriptionId id) {
    const sip::Handle handle = find(id);
    if (!handle) return;
    Viewer& viewer = *viewers_.find(handle);
    const sip::Handle list = viewer.list;
    const std::uint64_t told = viewer.told;
    by_subscription_.erase(hash_of(id), handle.index);
    leave(viewer, handle.index);
    viewers_.destroy(handle);
    watchers_.forget_ended(list, told, UINT64_MAX);
    watchers_.leave(list);
}

void WatcherInfoPackage::trim() {
    viewers_.trim();
    by_subscription_.trim();
    by_own_.trim();
}

/// Who see all stand in the list, the others in a table by whom they see.
void WatcherInfoPackage::enter(Viewer& viewer, std::uint32_t index) {
    if (!viewer.own.empty()) {
        const bool kept = by_own_.insert(own_hash(viewer.list.index, viewer.own.view()), index);
        SIP_ASSERT(kept);
        return;
    }
    std::uint32_t& first = watchers_.list(viewer.list).first_viewer;
    viewer.next = first;
    if (first != UINT32_MAX) viewers_.at(first).previous = index;
    first = index;
}

void WatcherInfoPackage::leave(Viewer& viewer, std::uint32_t index) {
    if (!viewer.own.empty()) {
        by_own_.erase(own_hash(viewer.list.index, viewer.own.view()), index);
        return;
    }
    (viewer.previous == UINT32_MAX ? watchers_.list(viewer.list).first_viewer
                                   : viewers_.at(viewer.previous).next) = viewer.next;
    if (viewer.next != UINT32_MAX) viewers_.at(viewer.next).previous = viewer.previous;
}

std::uint64_t WatcherInfoPackage::own_hash(std::uint32_t list, std::string_view identity) const {
    return sip::mix(sip::table_hash(shard_.key, identity), list);
}

}  // namespace presence
