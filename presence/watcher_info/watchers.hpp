#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "presence/watcher_info/watcher_machine.hpp"
#include "sip/base/hash_index.hpp"
#include "sip/base/slab.hpp"
#include "sip/base/split_table.hpp"
#include "sip/base/tally.hpp"
#include "sip/event/interned_address.hpp"
#include "sip/event/notifier.hpp"
#include "sip/transaction/record.hpp"
#include "sip/transport/shard.hpp"

namespace presence {

/// One subscription to a package, or an attempt at one that waits for a decision.
struct WatcherRow {
    using State = watcher_machine::State;
    using Event = watcher_machine::Event;

    bool is_undecided() const { return state == State::pending || state == State::waiting; }

    sip::InternedAddress identity;
    sip::Interned event_id, display_name;
    sip::SubscriptionId subscription;  ///< none once its dialog is gone
    sip::Instant since{}, expires_at{}, giveup_at{};
    std::uint64_t made = 0, changed = 0;  ///< of all changes, which one; see Watchers::sequence
    std::uint32_t list = UINT32_MAX;
    std::uint32_t previous = UINT32_MAX, next = UINT32_MAX;  ///< of its list, last changed last
    std::uint32_t previous_in_line = UINT32_MAX, next_in_line = UINT32_MAX;
    State state = State::init;
    Event event = Event::subscribe;  ///< that brought it there
    bool authenticated = false;
    bool waited = false;  ///< it has been in `waiting`
};

/// All that watch one resource, or have tried to.
struct WatcherList {
    sip::InternedAddress resource;
    std::uint32_t next_of_bucket = UINT32_MAX;
    std::uint32_t first = UINT32_MAX, last = UINT32_MAX;  ///< its rows
    std::uint32_t rows = 0, viewers = 0;      ///< who keep the list; viewers are told of rows
    std::uint32_t first_viewer = UINT32_MAX;  ///< the Audience's, of those who see all
    std::uint32_t waiting = 0;                ///< rows that wait for a decision
    std::uint32_t asked = 0;                  ///< Watchers::Walk, the last time for it
};

/// Who is told of rows.
class Audience {
public:
    /// Of a row that has ended: whether somebody knows of it, and not of its end.
    virtual bool is_to_be_told(const WatcherRow& row) = 0;
    /// Those will not hear of it: there are too many.
    virtual void cannot_be_told(const WatcherRow& row) = 0;

protected:
    ~Audience() = default;
};

/// What watcher information knows of the subscriptions to one package (RFC 3857 4.7.1): a row for
/// each, which lives on in `waiting` when its dialog ends undecided, until there is a decision or
/// the giveup timer fires. What ended stays until all who look have been told.
class Watchers final : public sip::TransactionUser, public sip::SubscriptionListener {
public:
    /// `parent`: the package that is watched. All outlive this.
    Watchers(sip::Shard& shard, sip::EventPackage& parent, Audience& audience);
    ~Watchers();
    /// `part`: for its timers. `notifier`: ends what is given up, and is told of changes under
    /// `package`, the number of the watcher information.
    void attach_as(std::uint8_t part, sip::Notifier& notifier, std::uint8_t package);

    void on_subscription_change(const sip::Now& now,
                                const sip::SubscriptionChange& change) override;
    sip::Fault refuses(const sip::Now& now, const sip::Watcher& watcher, std::string_view event_id,
                       const sip::Decision& decision) override;
    void write_record(const sip::Now& now, const sip::Watcher& watcher, std::string_view event_id,
                      std::string_view display_name, sip::RecordWriter& out) const override;
    /// Rules changed: those that wait for a decision about `resource` (an empty name: about any)
    /// may have one. Where many wait they are looked at some at a time.
    void decide_again(const sip::Now& now, std::string_view resource);

    /// Whether anybody watches `resource` or waits to.
    bool is_watched(std::string_view resource) const;

    // For documents.
    /// Finds or makes it, and keeps it for one viewer. Nothing: no memory.
    sip::Handle join(std::string_view resource);
    /// One viewer goes.
    void leave(sip::Handle list);
    /// Forgets what ended with a change behind `from` and up to `to` and is not to be told.
    void forget_ended(sip::Handle list, std::uint64_t from, std::uint64_t to);
    WatcherList& list(sip::Handle handle) { return *lists_.find(handle); }
    WatcherList& list_of(const WatcherRow& row) { return lists_.at(row.list); }
    bool is_of(const WatcherRow& row, sip::Handle list) const { return row.list == list.index; }
    /// Rows of a list whose last change is behind `sequence`, first changed first. `visit` returns
    /// whether to go on.
    template <class Visit>
    void for_each_behind(sip::Handle list, std::uint64_t sequence, Visit visit) const {
        auto& rows = const_cast<sip::Slab<WatcherRow>&>(rows_);
        std::uint32_t at = first_behind(*lists_.find(list), sequence);
        for (; at != UINT32_MAX; at = rows.at(at).next)
            if (!visit(static_cast<const WatcherRow&>(rows.at(at)))) return;
    }
    /// How many changes there were. Each row has the number of its last one.
    std::uint64_t sequence() const { return sequence_; }
    /// A name for a row: no two have the same, and it says nothing of how many there are.
    std::uint64_t id_of(const WatcherRow& row) const;
    std::string_view package() const { return parent_.traits().name; }

    /// All that a store keeps: `visit(const sip::WatcherRecord&)`.
    template <class Visit>
    void for_each_record(const sip::Now& now, Visit visit) {
        rows_.for_each([&](sip::Handle, WatcherRow& row) {
            if (row.is_undecided()) visit(record_of(now, row));
        });
    }
    std::size_t size() const { return rows_.size(); }
    std::size_t pending() const { return pending_.size; }
    std::size_t waiting() const { return waiting_.size; }
    std::size_t ended() const { return ended_.size; }

    void on_request(const sip::Now&, const sip::Request&) override {}
    void on_timer(const sip::Now& now, sip::Handle object) override;
    bool pulls() const override { return true; }
    bool pull(const sip::Now& now) override;
    void trim() override;

private:
    enum class Name : std::uint8_t { pending, waiting };
    /// Rows of one state, in the order in which they came into it.
    struct Line {
        std::uint32_t first = UINT32_MAX, last = UINT32_MAX;
        std::size_t size = 0;
    };

    /// A walk over those that wait. What is asked for meanwhile is for another one.
    struct Walk {
        bool goes_on = false;
        std::uint32_t at = UINT32_MAX;  ///< the next row
        // Requests to decide anew have numbers.
        std::uint32_t asked = 0;      ///< the last one
        std::uint32_t of_all = 0;     ///< the last one that was about all
        std::uint32_t begun_for = 0;  ///< the last one when the walk began
        std::uint32_t done = 0;       ///< up to this one all is decided
    };
    void begin_walk();
    void walk_on(const sip::Now& now);
    void decide_one(const sip::Now& now, sip::Handle row);
    std::uint32_t first_behind(const WatcherList& list, std::uint64_t sequence) const;
    struct ByResource {
        sip::Slab<WatcherList>& slab;
        std::uint32_t& next(std::uint32_t i) const { return slab.at(i).next_of_bucket; }
        std::uint64_t hash(std::uint32_t i) const { return slab.at(i).resource.hash(); }
    };
    std::uint32_t find_list(std::string_view resource, std::uint64_t hash) const;
    sip::Handle obtain_list(std::string_view resource);
    void release_list(sip::Handle handle);
    sip::Handle make(const sip::Now& now, const sip::SubscriptionChange& change);
    void begin(const sip::Now& now, const sip::SubscriptionChange& change);
    void begin_again(const sip::Now& now, const sip::SubscriptionChange& change);
    bool make_room(const sip::Now& now);
    void step(const sip::Now& now, sip::Handle handle, WatcherRow::Event event);
    void set_state(WatcherRow& row, std::uint32_t index, WatcherRow::State state);
    void touch(std::uint32_t index);
    void end_one_of_two(const sip::Now& now, sip::Handle handle);
    void forget(std::uint32_t index);
    std::uint32_t find_undecided(std::uint64_t key, const sip::Watcher& watcher,
                                 std::string_view event_id, std::uint32_t but,
                                 std::optional<WatcherRow::State> state) const;
    Line* line_of(WatcherRow::State state);
    void set_timer(Name name, const Line& line);
    std::uint64_t key_of(const sip::Watcher& watcher, std::string_view event_id) const;
    std::uint64_t user_of(std::string_view identity) const {
        return sip::InternedAddress::hash_of(shard_.texts, identity);
    }
    sip::Watcher watcher_of(const WatcherRow& row) const;
    sip::WatcherRecord record_of(const sip::Now& now, const WatcherRow& row) const;

    sip::Shard& shard_;
    sip::EventPackage& parent_;
    Audience& audience_;
    sip::Notifier* notifier_ = nullptr;
    std::uint8_t package_ = 0;
    sip::Slab<WatcherRow> rows_;
    sip::Slab<WatcherList> lists_;
    sip::SplitTable<std::uint32_t, UINT32_MAX> by_resource_;  ///< lists
    sip::HashIndex by_attempt_;                               ///< rows that are undecided
    sip::Tally undecided_;                                    ///< by user
    Line pending_, waiting_, ended_;
    Walk walk_;
    sip::TimerOwner owner_;
    bool has_timers_ = false;
    sip::Timers<Name, 2> timers_;
    std::uint64_t sequence_ = 0;
};

}  // namespace presence
