#include "presence/watcher_info/watchers.hpp"

#include <algorithm>

namespace presence {
namespace {

using State = WatcherRow::State;
using Event = WatcherRow::Event;
using watcher_machine::Action;

std::size_t rows_max(const sip::Limits& limits) {
    return std::size_t{limits.subscriptions} + limits.undecided_watchers + limits.ended_watchers;
}

/// How many rows that wait are looked at in a row, and how many of them are decided about.
constexpr std::size_t looks_in_a_row = 256, decisions_in_a_row = 8;

}  // namespace

Watchers::Watchers(sip::Shard& shard, sip::EventPackage& parent, Audience& audience)
    : shard_(shard),
      parent_(parent),
      audience_(audience),
      rows_(shard.memory, rows_max(shard.limits)),
      lists_(shard.memory, rows_max(shard.limits)),
      by_resource_(shard.memory),
      by_attempt_(shard.memory),
      undecided_(
          shard.memory, rows_max(shard.limits), shard.common,
          sip::mix(sip::Tally::undecided_of_user, sip::siphash(shard.key, parent.traits().name))) {
    parent.set_listener(this);
}

Watchers::~Watchers() {
    parent_.set_listener(nullptr);
    if (has_timers_) timers_.detach(shard_.timers);
}

void Watchers::attach_as(std::uint8_t part, sip::Notifier& notifier, std::uint8_t package) {
    owner_ = {part, sip::Handle{0, 0}};
    notifier_ = &notifier;
    package_ = package;
}

// What becomes of a row ---------------------------------------------------------------------------

void Watchers::on_subscription_change(const sip::Now& now, const sip::SubscriptionChange& change) {
    using Was = sip::SubscriptionChange::State;
    if (change.from == Was::init) {
        begin(now, change);
        return;
    }
    if (change.mark == UINT32_MAX) {
        // There was no memory for it before.
        if (change.to == Was::terminated) return;
        begin(now, change);
    }
    if (change.mark == UINT32_MAX) return;
    const sip::Handle handle = rows_.handle_at(change.mark);
    WatcherRow& row = rows_.at(change.mark);
    SIP_ASSERT(row.subscription == change.id);
    row.expires_at = change.expires_at;
    if (change.from == Was::active && change.to == Was::pending) {
        begin_again(now, change);
        return;
    }
    if (change.to == Was::terminated) row.subscription = {};
    step(now, handle, change.event);
}

/// RFC 3857 4.7.1: a new one takes the place of one that waits and is the same.
void Watchers::begin(const sip::Now& now, const sip::SubscriptionChange& change) {
    using Was = sip::SubscriptionChange::State;
    const std::uint32_t old =
        waiting_.size == 0 ? UINT32_MAX
                           : find_undecided(key_of(change.watcher, change.event_id), change.watcher,
                                            change.event_id, UINT32_MAX, State::waiting);
    if (old != UINT32_MAX) step(now, rows_.handle_at(old), Event::giveup);
    const bool fetch = change.to == Was::terminated;
    // R3857-4.7.2-2: nobody is told of what is over before it can be told.
    if (fetch && change.allowed) return;
    const sip::Handle handle = make(now, change);
    if (!handle) return;
    WatcherRow& row = *rows_.find(handle);
    row.expires_at = change.expires_at;
    if (!fetch) {
        row.subscription = change.id;
        change.mark = handle.index;
    }
    step(now, handle, change.to == Was::active ? Event::approved : Event::subscribe);
    // R3857-4.7.1-4.
    if (fetch) step(now, handle, Event::timeout);
}

/// A decision was taken back, for which RFC 3857 figure 1 has no arrow: the subscription that was
/// active is told as deactivated, and as a new one that is pending.
void Watchers::begin_again(const sip::Now& now, const sip::SubscriptionChange& change) {
    const sip::Handle old = rows_.handle_at(change.mark);
    change.mark = UINT32_MAX;
    rows_.find(old)->subscription = {};
    sip::SubscriptionChange anew = change;
    anew.display_name = rows_.find(old)->display_name.view();
    const sip::Handle handle = make(now, anew);
    const sip::Instant since = rows_.find(old)->since;
    step(now, old, Event::deactivated);
    if (!handle) return;
    WatcherRow& row = *rows_.find(handle);
    row.since = since;
    row.expires_at = change.expires_at;
    row.subscription = change.id;
    change.mark = handle.index;
    step(now, handle, Event::subscribe);
}

void Watchers::step(const sip::Now& now, sip::Handle handle, Event event) {
    WatcherRow& row = *rows_.find(handle);
    const State from = row.state;
    const watcher_machine::Row& taken = watcher_machine::step(from, event);
    if (taken.to == from) return;
    if (shard_.tracer != nullptr)
        shard_.tracer->transition(
            now, {"watcher", handle.index, watcher_machine::name_of(from),
                  watcher_machine::name_of(event), watcher_machine::name_of(taken.to)});
    if (has(taken.act, Action::start_giveup))
        row.giveup_at = sip::later(now.mono, shard_.limits.watcher_giveup);
    set_state(row, handle.index, taken.to);
    // RFC 3857 figure 1 calls it "subscribe, policy=accept".
    row.event = from == State::init && event == Event::approved ? Event::subscribe : event;
    touch(handle.index);
    if (has(taken.act, Action::report) && notifier_ != nullptr)
        notifier_->state_changed(now, package_, lists_.at(row.list).resource.view());
    if (has(taken.act, Action::remove)) {
        if (!audience_.is_to_be_told(row)) {
            forget(handle.index);
        } else if (ended_.size > shard_.limits.ended_watchers) {
            ++shard_.counters.limit_ended_watchers;
            audience_.cannot_be_told(rows_.at(ended_.first));
            forget(ended_.first);
        }
        return;
    }
    if (taken.to == State::waiting) end_one_of_two(now, handle);
}

/// Of those that are the same one waits at most, and none beside one that is pending.
void Watchers::end_one_of_two(const sip::Now& now, sip::Handle handle) {
    const WatcherRow& row = *rows_.find(handle);
    const sip::Watcher watcher = watcher_of(row);
    const std::uint64_t key = key_of(watcher, row.event_id.view());
    const auto other = [&](State state) {
        return find_undecided(key, watcher, row.event_id.view(), handle.index, state);
    };
    const std::uint32_t waits = other(State::waiting);
    if (waits != UINT32_MAX) step(now, rows_.handle_at(waits), Event::giveup);
    if (other(State::pending) != UINT32_MAX) step(now, handle, Event::giveup);
}

Watchers::Line* Watchers::line_of(State state) {
    switch (state) {
        case State::pending: return &pending_;
        case State::waiting: return &waiting_;
        case State::terminated: return &ended_;
        case State::init:
        case State::active: break;
    }
    return nullptr;
}

void Watchers::set_state(WatcherRow& row, std::uint32_t index, State state) {
    const bool was_undecided = row.is_undecided();
    const std::uint32_t first_pending = pending_.first, first_waiting = waiting_.first;
    if (Line* line = line_of(row.state)) {
        (row.previous_in_line == UINT32_MAX ? line->first
                                            : rows_.at(row.previous_in_line).next_in_line) =
            row.next_in_line;
        (row.next_in_line == UINT32_MAX ? line->last
                                        : rows_.at(row.next_in_line).previous_in_line) =
            row.previous_in_line;
        --line->size;
        if (walk_.at == index) walk_.at = row.next_in_line;
    }
    WatcherList& list = lists_.at(row.list);
    if (row.state == State::waiting) --list.waiting;
    if (state == State::waiting) ++list.waiting;
    row.state = state;
    row.waited = row.waited || state == State::waiting;
    if (Line* line = line_of(state)) {
        row.previous_in_line = line->last;
        row.next_in_line = UINT32_MAX;
        (line->last == UINT32_MAX ? line->first : rows_.at(line->last).next_in_line) = index;
        line->last = index;
        ++line->size;
    }
    if (pending_.first != first_pending) set_timer(Name::pending, pending_);
    if (waiting_.first != first_waiting) set_timer(Name::waiting, waiting_);
    if (was_undecided && !row.is_undecided()) {
        by_attempt_.erase(key_of(watcher_of(row), row.event_id.view()), index);
        undecided_.remove(row.identity.hash());
    } else if (!was_undecided && row.is_undecided()) {
        // `make` has seen to the room for both.
        const bool kept = by_attempt_.insert(key_of(watcher_of(row), row.event_id.view()), index) &&
                          undecided_.add(row.identity.hash()) == sip::Tally::Counted::yes;
        SIP_ASSERT(kept);
    }
}

/// It was changed last.
void Watchers::touch(std::uint32_t index) {
    WatcherRow& row = rows_.at(index);
    WatcherList& list = lists_.at(row.list);
    row.changed = ++sequence_;
    if (row.made == 0) row.made = row.changed;
    if (list.last == index) return;
    if (row.next != UINT32_MAX) {
        (row.previous == UINT32_MAX ? list.first : rows_.at(row.previous).next) = row.next;
        rows_.at(row.next).previous = row.previous;
    }
    row.previous = list.last;
    row.next = UINT32_MAX;
    (list.last == UINT32_MAX ? list.first : rows_.at(list.last).next) = index;
    list.last = index;
}

// Rows and lists ----------------------------------------------------------------------------------

sip::Handle Watchers::make(const sip::Now& now, const sip::SubscriptionChange& change) {
    const sip::Watcher& watcher = change.watcher;
    const bool decided = change.to == sip::SubscriptionChange::State::active;
    if (!decided && !make_room(now)) return {};
    // A user that is counted already needs no room; the one entry goes away again.
    const std::uint64_t user = user_of(watcher.identity);
    const sip::Handle list = obtain_list(watcher.resource);
    const sip::Handle handle = list ? rows_.create() : sip::Handle{};
    if (!handle) {
        ++shard_.counters.limit_memory;
        if (list) release_list(list);
        return {};
    }
    WatcherRow& row = *rows_.find(handle);
    row.list = list.index;
    row.since = now.mono;
    row.authenticated = watcher.authenticated;
    bool kept = row.identity.intern(shard_.texts, watcher.identity, user) &&
                shard_.texts.intern(change.event_id, row.event_id) &&
                shard_.texts.intern(change.display_name, row.display_name);
    if (kept) {
        kept = decided ||
               (by_attempt_.reserve_one() && undecided_.add(user) == sip::Tally::Counted::yes);
        if (kept && !decided) undecided_.remove(user);
    }
    if (kept) {
        ++lists_.find(list)->rows;
        return handle;
    }
    ++shard_.counters.limit_memory;
    rows_.destroy(handle);
    release_list(list);
    return {};
}

/// For one more that is undecided: the one that has waited longest goes. False: none waits.
bool Watchers::make_room(const sip::Now& now) {
    if (pending_.size + waiting_.size < shard_.limits.undecided_watchers) return true;
    ++shard_.counters.limit_undecided_watchers;
    if (waiting_.first == UINT32_MAX) return false;
    step(now, rows_.handle_at(waiting_.first), Event::giveup);
    return true;
}

bool Watchers::is_watched(std::string_view resource) const {
    const std::uint32_t found =
        find_list(resource, sip::InternedAddress::hash_of(shard_.texts, resource));
    return found != UINT32_MAX && lists_.at(found).rows > 0;
}

std::uint32_t Watchers::find_list(std::string_view resource, std::uint64_t hash) const {
    auto& lists = const_cast<sip::Slab<WatcherList>&>(lists_);
    return by_resource_.find(hash, ByResource{lists}, [&](std::uint32_t i) {
        return lists.at(i).resource.hash() == hash && lists.at(i).resource.view() == resource;
    });
}

sip::Handle Watchers::obtain_list(std::string_view resource) {
    const std::uint64_t hash = sip::InternedAddress::hash_of(shard_.texts, resource);
    const std::uint32_t found = find_list(resource, hash);
    if (found != UINT32_MAX) return lists_.handle_at(found);
    const sip::Handle handle = lists_.create();
    if (!handle) return {};
    if (!lists_.find(handle)->resource.intern(shard_.texts, resource, hash) ||
        !by_resource_.insert(handle.index, ByResource{lists_})) {
        lists_.destroy(handle);
        return {};
    }
    return handle;
}

/// It goes with its last row and viewer.
void Watchers::release_list(sip::Handle handle) {
    const WatcherList& list = *lists_.find(handle);
    if (list.rows > 0 || list.viewers > 0) return;
    by_resource_.erase(handle.index, ByResource{lists_});
    lists_.destroy(handle);
}

void Watchers::forget(std::uint32_t index) {
    WatcherRow& row = rows_.at(index);
    SIP_ASSERT(!row.subscription);
    set_state(row, index, State::init);
    WatcherList& list = lists_.at(row.list);
    (row.previous == UINT32_MAX ? list.first : rows_.at(row.previous).next) = row.next;
    (row.next == UINT32_MAX ? list.last : rows_.at(row.next).previous) = row.previous;
    const sip::Handle released = lists_.handle_at(row.list);
    --list.rows;
    rows_.destroy(rows_.handle_at(index));
    release_list(released);
}

sip::Handle Watchers::join(std::string_view resource) {
    const sip::Handle handle = obtain_list(resource);
    if (handle) ++lists_.find(handle)->viewers;
    return handle;
}

void Watchers::leave(sip::Handle handle) {
    --lists_.find(handle)->viewers;
    release_list(handle);
}

/// Looked for from both ends: as a rule all are behind, or few.
std::uint32_t Watchers::first_behind(const WatcherList& list, std::uint64_t sequence) const {
    auto& rows = const_cast<sip::Slab<WatcherRow>&>(rows_);
    std::uint32_t front = list.first, back = list.last;
    if (back == UINT32_MAX || rows.at(back).changed <= sequence) return UINT32_MAX;
    for (;;) {
        if (rows.at(front).changed > sequence) return front;
        front = rows.at(front).next;
        const std::uint32_t before = rows.at(back).previous;
        if (before == UINT32_MAX || rows.at(before).changed <= sequence) return back;
        back = before;
    }
}

void Watchers::forget_ended(sip::Handle list, std::uint64_t from, std::uint64_t to) {
    for (std::uint32_t i = first_behind(*lists_.find(list), from); i != UINT32_MAX;) {
        const WatcherRow& row = rows_.at(i);
        if (row.changed > to) return;
        const std::uint32_t at = i;
        i = row.next;
        if (row.state == State::terminated && !audience_.is_to_be_told(row)) forget(at);
    }
}

std::uint32_t Watchers::find_undecided(std::uint64_t key, const sip::Watcher& watcher,
                                       std::string_view event_id, std::uint32_t but,
                                       std::optional<State> state) const {
    return by_attempt_.find(key, [&](std::uint32_t i) {
        const WatcherRow& row = const_cast<Watchers*>(this)->rows_.at(i);
        return i != but && (!state || row.state == *state) &&
               row.identity.view() == watcher.identity && row.event_id.view() == event_id &&
               lists_.at(row.list).resource.view() == watcher.resource;
    });
}

std::uint64_t Watchers::key_of(const sip::Watcher& watcher, std::string_view event_id) const {
    return sip::mix(sip::mix(sip::table_hash(shard_.key, watcher.resource),
                             sip::table_hash(shard_.key, watcher.identity)),
                    sip::table_hash(shard_.key, event_id));
}

sip::Watcher Watchers::watcher_of(const WatcherRow& row) const {
    return {row.identity.view(), lists_.at(row.list).resource.view(), row.authenticated};
}

/// A bijection, so that no two rows share one.
std::uint64_t Watchers::id_of(const WatcherRow& row) const {
    std::uint64_t x = row.made ^ shard_.key.k0;
    for (int round = 0; round < 2; ++round) {
        x ^= x >> 32;
        x *= 0xd6e8feb86659fd93ULL;
        x ^= x >> 32;
        x += shard_.key.k1;
    }
    return x;
}

// Quotas, decisions, time -------------------------------------------------------------------------

sip::Fault Watchers::refuses(const sip::Now&, const sip::Watcher& watcher,
                             std::string_view event_id, const sip::Decision& decision) {
    if (decision.state != sip::SubscriptionDecision::pending) return {};
    // One that is the same and waits makes room for it.
    if (find_undecided(key_of(watcher, event_id), watcher, event_id, UINT32_MAX, State::waiting) !=
        UINT32_MAX)
        return {};
    const sip::Limits& limits = shard_.limits;
    if (undecided_.count(user_of(watcher.identity)) >= limits.undecided_watchers_per_user) {
        ++shard_.counters.limit_undecided_watchers_per_user;
        return sip::Error{sip::Condition::overloaded, "Too many of this user are undecided"};
    }
    if (pending_.size >= limits.undecided_watchers) {
        ++shard_.counters.limit_undecided_watchers;
        return sip::Error{sip::Condition::overloaded, "Too many watchers are undecided"};
    }
    return {};
}

void Watchers::decide_again(const sip::Now& now, std::string_view resource) {
    if (waiting_.size == 0) return;
    if (resource.empty()) {
        walk_.of_all = ++walk_.asked;
    } else {
        const std::uint32_t found =
            find_list(resource, sip::InternedAddress::hash_of(shard_.texts, resource));
        if (found == UINT32_MAX || lists_.at(found).waiting == 0) return;
        lists_.at(found).asked = ++walk_.asked;
    }
    if (!walk_.goes_on) begin_walk();
    walk_on(now);
}

void Watchers::begin_walk() {
    walk_.goes_on = true;
    walk_.at = waiting_.first;
    walk_.begun_for = walk_.asked;
}

void Watchers::walk_on(const sip::Now& now) {
    std::size_t looks = looks_in_a_row, decisions = decisions_in_a_row;
    for (; walk_.at != UINT32_MAX && looks > 0 && decisions > 0; --looks) {
        const WatcherRow& row = rows_.at(walk_.at);
        const sip::Handle handle = rows_.handle_at(walk_.at);
        walk_.at = row.next_in_line;
        if (std::max(lists_.at(row.list).asked, walk_.of_all) <= walk_.done) continue;
        --decisions;
        decide_one(now, handle);
    }
    if (walk_.at != UINT32_MAX) return;
    walk_.done = walk_.begun_for;
    walk_.goes_on = false;
    if (walk_.asked > walk_.done) begin_walk();
}

bool Watchers::pull(const sip::Now& now) {
    if (!walk_.goes_on) return false;
    walk_on(now);
    return true;
}

void Watchers::decide_one(const sip::Now& now, sip::Handle handle) {
    const sip::Watcher watcher = watcher_of(*rows_.find(handle));
    if (!parent_.exists(watcher.resource)) {
        step(now, handle, Event::noresource);
        return;
    }
    switch (parent_.decide(now, watcher).state) {
        case sip::SubscriptionDecision::active: step(now, handle, Event::approved); break;
        case sip::SubscriptionDecision::rejected: step(now, handle, Event::rejected); break;
        case sip::SubscriptionDecision::pending: break;
    }
}

/// The first of a line is given up first. Without memory for timers it is when somebody comes next.
void Watchers::set_timer(Name name, const Line& line) {
    if (!has_timers_) has_timers_ = timers_.attach(shard_.timers, owner_);
    if (!has_timers_) {
        ++shard_.counters.limit_memory;
        return;
    }
    if (line.first == UINT32_MAX)
        timers_.stop(shard_.timers, name);
    else
        timers_.set(shard_.timers, name, rows_.at(line.first).giveup_at);
}

void Watchers::on_timer(const sip::Now& now, sip::Handle) {
    while (const auto name = timers_.pop_due(shard_.timers, now.mono)) {
        Line& line = *name == Name::pending ? pending_ : waiting_;
        // Where there are more, the timer fires again.
        for (std::size_t left = looks_in_a_row / 8;
             left > 0 && line.first != UINT32_MAX && rows_.at(line.first).giveup_at <= now.mono;
             --left) {
            const sip::Handle handle = rows_.handle_at(line.first);
            ++shard_.counters.watchers_given_up;
            // A subscription ends, and comes back here as a change of it.
            const sip::SubscriptionId subscription = rows_.find(handle)->subscription;
            if (subscription && notifier_ != nullptr)
                notifier_->end(now, subscription, sip::subscription_machine::Event::give_up);
            if (const WatcherRow* row = rows_.find(handle); row != nullptr && row->is_undecided())
                step(now, handle, Event::giveup);
        }
        set_timer(*name, line);
    }
}

sip::WatcherRecord Watchers::record_of(const sip::Now& now, const WatcherRow& row) const {
    sip::WatcherRecord record;
    record.resource = lists_.at(row.list).resource.view();
    record.package = package();
    record.watcher = row.identity.view();
    record.event_id = row.event_id.view();
    record.authenticated = row.authenticated;
    record.display_name = row.display_name.view();
    record.changed_at_ms = sip::wall_ms_at(now, row.since);
    record.expires_at_ms = sip::wall_ms_at(now, row.giveup_at);
    return record;
}

void Watchers::write_record(const sip::Now& now, const sip::Watcher& watcher,
                            std::string_view event_id, std::string_view display_name,
                            sip::RecordWriter& out) const {
    sip::WatcherRecord record;
    record.resource = watcher.resource;
    record.package = package();
    record.watcher = watcher.identity;
    record.event_id = event_id;
    record.authenticated = watcher.authenticated;
    record.display_name = display_name;
    record.changed_at_ms = now.wall_ms;
    record.expires_at_ms = sip::wall_ms_at(now, sip::later(now.mono, shard_.limits.watcher_giveup));
    out.write(sip::RecordChange::put, record);
}

void Watchers::trim() {
    if (rows_.size() == 0 && has_timers_) {
        timers_.detach(shard_.timers);
        has_timers_ = false;
    }
    rows_.trim();
    lists_.trim();
    by_resource_.trim();
    by_attempt_.trim();
    undecided_.trim();
    if (pending_.size != 0 || waiting_.size != 0 || !has_timers_) return;
    timers_.detach(shard_.timers);
    has_timers_ = false;
}

}  // namespace presence
