#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "sip/base/hash_index.hpp"
#include "sip/base/linked.hpp"
#include "sip/base/set_table.hpp"
#include "sip/base/slab.hpp"
#include "sip/base/split_table.hpp"
#include "sip/base/tally.hpp"
#include "sip/dialog/dialog.hpp"
#include "sip/event/compositor.hpp"
#include "sip/event/event_package.hpp"
#include "sip/event/resources.hpp"
#include "sip/event/subscription_machine.hpp"
#include "sip/message/subscription_state.hpp"
#include "sip/transaction/core.hpp"

namespace sip {

/// Answers a peer that challenges our NOTIFY (RFC 3856 9.4).
class NotifyCredentials {
public:
    /// Writes Authorization fields for the NOTIFY to `uri` that `response` refused. False: no
    /// secret for that watcher and realm, or this nonce was answered before; nothing is written.
    virtual bool answer(const Now& now, const Response& response, std::string_view uri,
                        std::string_view watcher, std::string_view body, MessageWriter& writer) = 0;

protected:
    ~NotifyCredentials() = default;
};

/// Where the device is that a GRUU of ours names (RFC 5627): a watcher may have one for its
/// Contact.
class DeviceLocations {
public:
    /// Nothing: it is no GRUU of ours, or the device is not registered.
    virtual std::optional<Target> find(const Uri& gruu) = 0;

protected:
    ~DeviceLocations() = default;
};

/// Who has subscriptions served elsewhere, by an agent that a UA itself is (RFC 6665 4.2.2: they
/// are `deactivated`, and come back).
class SubscriptionCarrier {
public:
    /// Whether those who may see `view` of a resource are served elsewhere.
    virtual bool is_elsewhere(std::uint8_t package, std::string_view resource, ViewId view) = 0;
    /// A SUBSCRIBE outside of a dialog, all checks of which have passed. True: he has it answered
    /// in its transaction, or hands it to Notifier::serve_here.
    virtual bool take(const Now& now, const Request& request, std::uint8_t package,
                      std::string_view resource, ViewId view) = 0;

protected:
    ~SubscriptionCarrier() = default;
};

/// What a Request-URI names, where that is not the address that it is written as.
class ResourceNames {
public:
    /// Writes a canonical address-of-record.
    virtual void write(Appender& out, const Uri& request_uri) const = 0;

protected:
    ~ResourceNames() = default;
};

/// The notifier of RFC 6665 4.2 for every package of an element: takes SUBSCRIBE, keeps
/// subscriptions, sends NOTIFY. NOTIFYs are written when the edge asks for them, each with the
/// state of that moment; one body is shared by all watchers of a view.
class Notifier : public TransactionUser, public StateListener {
public:
    struct Options {
        bool rfc3265_compat = false;  ///< D-1: 202 for a pending subscription
        bool keeps_reasons = false;   ///< Snapshot::because, some bytes a subscription
    };
    Notifier(const Core& core, EventPackages& packages, Resources& resources, Options options);
    ~Notifier();
    void attach_as(std::uint8_t part) { part_ = part; }
    void set_credentials(NotifyCredentials* credentials) { credentials_ = credentials; }
    void set_devices(DeviceLocations* devices) { devices_ = devices; }
    void set_names(const ResourceNames* names) { names_ = names; }
    void set_carrier(SubscriptionCarrier* carrier) { carrier_ = carrier; }
    /// What the carrier took and nobody answered elsewhere: it is served here.
    void serve_here(const Now& now, const Request& request);
    /// Ends, as `deactivated`, the active subscriptions to a resource (an empty name: of the
    /// package) that the carrier says are served elsewhere.
    void let_go(const Now& now, std::uint8_t package, std::string_view resource);

    /// A resource has another state than before: its watchers are told, held to the package's
    /// rate. For a resource that nobody watches this costs a lookup.
    void state_changed(const Now& now, std::uint8_t package, std::string_view resource) override;
    /// Rules changed: every subscription to the resource (an empty name: of the package) is
    /// decided anew and moved on. Where there are many it takes a while, as with all that concerns
    /// many; none of them is told anything before its turn has come.
    void decide_again(const Now& now, std::uint8_t package, std::string_view resource);
    /// Ends every subscription to a resource that is gone (`no_resource`) or refused (`reject`),
    /// or whatever else of the machine's events ends one.
    void end(const Now& now, std::uint8_t package, std::string_view resource,
             subscription_machine::Event why);
    void end(const Now& now, SubscriptionId id, subscription_machine::Event why);
    /// Ends all with `deactivate` or `probation`, each told a retry-after drawn between the two
    /// numbers (both 0: none), and answers 503 to every SUBSCRIBE from here on. RFC 6665 4.2.2.
    void shut_down(const Now& now, subscription_machine::Event why, std::uint32_t retry_after_min_s,
                   std::uint32_t retry_after_max_s);
    std::size_t size() const { return slab_.size(); }
    /// Those of them whose watcher's connection is gone.
    std::size_t suspects() const { return suspects_; }

    /// What became of a NOTIFY.
    enum class Told : std::uint8_t {
        nothing,  ///< there was none yet
        on_its_way,
        answered,
        timeout,
        failed,     ///< the transport could not carry it
        withdrawn,  ///< the watcher may not see any more what it says, or is gone
        not_sent,   ///< there was no way to the watcher
    };
    /// One subscription, for people and tests. Views last until the next input.
    struct Snapshot {
        std::string_view watcher, resource, package, state;
        std::uint32_t expires_s = 0;  ///< left
        std::uint32_t granted_s = 0;  ///< by the last SUBSCRIBE
        std::string_view event_id;    ///< of Event; may be empty
        std::string_view reason;      ///< of `terminated`; may be empty
        bool authenticated = false;
        ProvedBy proved_by = ProvedBy::nothing;
        Instant since{};    ///< its first SUBSCRIBE
        bool sees = false;  ///< the decision was `active`: documents of `view`
        ViewId view{};
        std::string_view because;  ///< what decided; empty unless Options::keeps_reasons
        Transport transport = Transport::udp;
        Endpoint remote;  ///< where its last SUBSCRIBE came from
        bool suspect = false, silent = false;
        // The last NOTIFY.
        Told told = Told::nothing;
        std::uint16_t status = 0;  ///< of `answered`
        Instant told_at{};
        std::uint32_t cseq = 0;
        std::size_t body_bytes = 0;
        bool due = false;       ///< another one is to follow
        std::string_view next;  ///< "expiry", "retry", "hold", "proof"; may be empty
        Instant next_at{};
    };
    template <class Visit>
    void for_each(const Now& now, Visit visit) {
        slab_.for_each([&](Handle, Subscription& s) { visit(snapshot(now, s)); });
    }
    /// In steps, between which inputs may come: see Slab::for_each_from.
    template <class Visit>
    std::uint32_t for_each_from(const Now& now, std::uint32_t at, std::uint32_t most, Visit visit) {
        return slab_.for_each_from(at, most,
                                   [&](Handle, Subscription& s) { visit(snapshot(now, s)); });
    }

    /// All that holds, as a store keeps it: `visit(const SubscriptionRecord&)`.
    template <class Visit>
    void for_each_record(const Now& now, Visit visit) {
        slab_.for_each([&](Handle, Subscription& s) {
            if (s.state == subscription_machine::State::pending ||
                s.state == subscription_machine::State::active)
                visit(record_of(now, s, {}));
        });
    }

    void on_request(const Now& now, const Request& request) override;
    bool serves(const Request& request) override;
    bool knows_dialog(const Request& request) override {
        return static_cast<bool>(find_dialog(request.essentials));
    }
    void on_response(const Now& now, Handle object, const Response& response) override;
    void on_failure(const Now& now, Handle object, Failure why) override;
    void on_located(const Now& now, Handle object, LookupId id) override;
    void on_timer(const Now& now, Handle object) override;
    void on_committed(const Now& now, Handle object) override;
    void on_commit_failed(const Now& now, Handle object) override;
    void on_flow_lost(const Now& now, Handle object) override;
    bool pulls() const override { return true; }
    bool pull(const Now& now) override;
    void trim() override;

private:
    enum class Name : std::uint8_t {
        expires,  ///< the subscription runs out
        retry,    ///< a NOTIFY that failed is tried again
        hold,     ///< the package's rate, where holds are per subscription
    };
    enum class ViewName : std::uint8_t {
        hold,    ///< the package's rate
        change,  ///< its document becomes another one by itself
    };
    /// What a walk over many subscriptions does with each: bits.
    enum Want : std::uint8_t {
        want_news = 1,      ///< who was told another document than the present one is told it
        want_decision = 2,  ///< it is decided anew, and may go elsewhere
        want_leave = 4,     ///< it may go elsewhere
        want_end = 8,       ///< see View::ending
    };
    /// One class of watchers of one resource and body type, and what they see. Its place is among
    /// those whose subscriptions are walked over.
    struct View : Linked {
        SharedBytes body;
        std::uint32_t resource = UINT32_MAX;
        ViewId id{};
        std::uint8_t type = 0;   ///< index into traits().accept
        bool rendered = false;   ///< `body` is what was rendered last (empty: nothing could be)
        bool stale = false;      ///< the state changed since
        bool queued = false;     ///< stands in stale_
        bool held = false;       ///< told less than the interval ago, or waits for memory
        std::uint32_t kept = 0;  ///< changes that are being stored and want it
        std::uint32_t first = UINT32_MAX;      ///< its subscriptions
        std::uint32_t next_view = UINT32_MAX;  ///< of the resource
        std::uint32_t walk = UINT32_MAX;       ///< the next that the walk comes to
        std::uint8_t wants = 0;                ///< Want, of the walk; 0: there is none
        std::uint8_t wants_again = 0;          ///< of one that follows it
        bool ending = false;                   ///< who is in it ends; nobody else comes
        subscription_machine::Event why{};     ///< of `ending`
        Timers<ViewName, 2> timers;
    };
    /// A walk over all subscriptions. Bits: package n is decided anew, or (from `leave_bit` on) may
    /// go elsewhere; or all end.
    struct WalkOfAll {
        static constexpr unsigned leave_bit = 8, stop_bit = 16;
        std::uint32_t at = 0;
        std::uint32_t wants = 0, wants_again = 0;
    };
    /// What is said to all when the server goes.
    struct Farewell {
        subscription_machine::Event why{};
        std::uint32_t retry_after_min_s = 0, retry_after_max_s = 0;
    };
    /// Marks a view among the handles of the timer queue, whose other ones are subscriptions.
    static constexpr std::uint32_t view_mark = 0x80000000U;
    /// Where the NOTIFYs of a dialog go whose next hop is a name (RFC 3263).
    struct Way {
        LookupId lookup{};         ///< the name system is asked
        Locator::Targets targets;  ///< of the NOTIFY at hand
        std::size_t at = 0;        ///< those before it have failed
        Target last;               ///< took the last one; port 0: none
    };
    /// Subscriptions in the order in which their NOTIFYs are to go.
    struct Line {
        std::uint32_t first = UINT32_MAX, last = UINT32_MAX;
    };
    enum class FarName : std::uint8_t { proof };
    /// A host that no SUBSCRIBE came from, that NOTIFYs are to go to all the same, and that has
    /// answered none lately (threat 11): one is on its way, the others wait for what becomes of it.
    /// Once that is known they leave, and its place is among those that are left.
    struct FarEnd : Linked {
        std::uint64_t key = 0;
        Handle holder;  ///< whose NOTIFY it is
        std::uint32_t index = none;
        bool is_dead = false;  ///< who leaves it ends
        Line waiting;
        Timers<FarName, 1> timers;
    };
    /// Marks one among the handles of the timer queue.
    static constexpr std::uint32_t far_end_mark = 0x40000000U;
    /// One that has answered.
    struct Proof {
        std::uint64_t key = 0;
        Instant until{};
    };
    /// What a subscription has whose watcher came by a connection.
    struct Connection {
        FlowBond bond;
        std::uint64_t device = 0;  ///< whose lamp it is: watcher, instance or Contact, event
        bool is_indexed = false;   ///< stands in by_device_
    };
    /// Which line a subscription stands in.
    enum class Stands : std::uint8_t { nowhere, due, at_far_end };
    static constexpr std::uint32_t none = UINT32_MAX;
    /// There may be a million of them; tests/sip/event/notifier_size_test.cpp holds what one takes.
    /// Indices are of what lives at least as long as it is named here.
    struct Subscription {
        Dialog dialog;
        InternedAddress identity;
        Interned event_id;
        Interned because;       ///< kept if Options::keeps_reasons
        SharedBytes sent_body;  ///< what this watcher was told last
        ClientTransactionId transaction;
        Timers<Name, 3> timers;
        std::uint32_t next_of_bucket = none;  ///< in by_dialog_
        std::uint32_t resource = none, view = none;
        std::uint32_t previous = none, next = none;          ///< in its view
        std::uint32_t previous_due = none, next_due = none;  ///< where it stands
        std::uint32_t far_end = none;                        ///< that it holds, or stands at
        std::uint32_t way = none;                            ///< its next hop is a name
        std::uint32_t connection = none;
        std::uint32_t mark = none;             ///< the package's listener's
        std::uint32_t granted_s = 0;           ///< of one that ended: its retry-after; 0: none
        std::uint32_t since = 0, told_at = 0;  ///< whole seconds; see `instant_of`
        std::uint16_t told_status = 0;         ///< of `answered`
        std::uint8_t package = 0;
        subscription_machine::State state : 3 = subscription_machine::State::init;
        bool authenticated : 1 = false;
        ProvedBy proved_by : 3 = ProvedBy::nothing;
        Told told : 4 = Told::nothing;  ///< unless one is outstanding
        Stands stands : 2 = Stands::nowhere;
        TerminationReason reason : 4 = TerminationReason::none;
        std::uint8_t failures : 3 = 0;  ///< in a row
        bool outstanding : 1 = false;   ///< a NOTIFY is on its way
        bool asking : 1 = false;        ///< one is, as soon as its next hop's name is looked up
        bool due : 1 = false;           ///< one is to be sent as soon as that is answered
        bool by_change : 1 = false;     ///< `due` for a change of state alone
        bool answered : 1 = false;      ///< the outstanding one answers a challenge
        bool by_stream : 1 = false;     ///< the outstanding one went by a stream for its size
        bool held : 1 = false;          ///< per-subscription holds
        bool may_see : 1 = false;       ///< the decision was `active`
        bool last_told : 1 = false;     ///< the outstanding NOTIFY says terminated
        bool staged : 1 = false;        ///< a change of it waits for the store
        bool moves : 1 = false;         ///< once it is stored it is served elsewhere
        bool suspect : 1 = false;       ///< the connection to its watcher is gone
        bool silent : 1 = false;        ///< suspect, and not to be reached at its Contact either
        bool again : 1 = false;         ///< what is sent next is the NOTIFY that was not taken
        bool unsent : 1 = false;        ///< `sent_body` is its own, and none with it has left

        /// When it runs out; of one that has not begun, or has ended: long ago.
        Instant expires_at() const {
            return timers.running(Name::expires) ? timers.at(Name::expires) : Instant{};
        }
    };
    /// A SUBSCRIBE that was checked and does not hold yet.
    struct Staged {
        ServerTransactionId transaction;
        Packet accepted, refused;
        Handle subscription;
        std::uint64_t resource = 0;  ///< hash, for the queue behind it
        std::uint64_t device = 0;    ///< as of Connection
        bool initial = false;
        std::uint32_t expires_s = 0;
        Decision decision;
        std::uint8_t type = 0;
        Dialog::Refresh refresh;  ///< of its dialog, where it is not initial
        Handle view;              ///< kept for it while it is being stored
        Block display_name;       ///< of From, where it is initial
    };
    /// What a SUBSCRIBE asks for.
    struct Wanted {
        std::uint8_t package = 0;
        std::string_view event_id;
        std::uint32_t expires_s = 0;
        std::uint8_t type = 0;
        std::array<char, 512> name_room;
        std::string_view name;       ///< canonical address-of-record, in name_room
        std::uint64_t resource = 0;  ///< its hash under the package
        std::uint64_t user = 0;      ///< of who asks, his InternedAddress::hash
        std::uint64_t device = 0;    ///< as of Connection
    };

    // What a SUBSCRIBE asks for.
    void write_name(Appender& out, const Request& request) const;
    Expected<void> check(const Request& request, Wanted& wanted) const;
    void shorten(const Request& request, Wanted& wanted) const;
    void refuse(const Now& now, const Request& request, const Wanted& wanted, const Error& error);
    void subscribe(const Now& now, const Request& request, Wanted& wanted);
    void refresh(const Now& now, const Request& request, Wanted& wanted, Handle handle);
    Expected<Handle> make(const Request& request, const Wanted& wanted, std::string_view local_tag);
    void stage(const Now& now, const Request& request, const Wanted& wanted, Staged&& values);
    SubscriptionRecord record_of(const Now& now, const Subscription& s,
                                 const Dialog::Refresh& refresh) const;
    SharedBytes records_of(const Now& now, const Staged& staged) const;
    Handle find_dialog(const Essentials& essentials);
    Fault over_quota(const Now& now, const Request& request, Wanted& wanted,
                     const Decision& decision);
    Fault over_other_quota(const Now& now, const Request& request, const Wanted& wanted,
                           const Decision& decision);

    // What becomes of a subscription.
    void step(const Now& now, Handle handle, subscription_machine::Event event,
              std::string_view display_name = {});
    void decide(const Now& now, Handle handle, const Decision& decision,
                std::string_view display_name = {});
    void keep_reason(Subscription& s, const Decision& decision);
    bool withdraw(Subscription& subscription);
    Handle obtain_view(std::uint32_t resource, ViewId id, std::uint8_t type);
    void release_view(Handle handle);
    bool set_view(Handle handle, ViewId id, std::uint8_t type);
    void leave_view(Handle handle);
    bool keep_view(Staged& staged);
    void finish(Handle staged);
    void destroy(Handle handle);
    bool keep_connection(Handle handle, const Request& request, const Wanted& wanted);
    void bind_flow(Handle handle);

    // What concerns many.
    std::size_t walk_step(const View& view) const;
    void start_walk(View& view, std::uint8_t wants);
    void begin_walks(const Now& now, ResourceId id);
    std::size_t walk_on(const Now& now, Handle view, std::size_t most);
    void start_walk_of_all(const Now& now, std::uint32_t wants);
    void walk_on_over_all(const Now& now);
    bool tells_only() const;
    bool is_walking() const { return !walks_.alone() || !left_.alone() || all_.wants != 0; }
    bool walk_piece(const Now& now);
    std::size_t walk_quickly(const Now& now, View& view, std::size_t most);
    void visit(const Now& now, Handle handle, std::uint8_t wants);
    bool end_if_due(const Now& now, Handle handle);
    bool catch_up(const Now& now, Handle handle) {
        return (!is_walking() && endings_ == 0) || visit_before_notify(now, handle);
    }
    bool visit_before_notify(const Now& now, Handle handle);
    void decide_anew(const Now& now, Handle handle);
    void mark_moving(std::uint8_t package, std::string_view resource);
    void leave(const Now& now, Handle handle);
    void say_farewell(const Now& now, Handle handle);
    void tell_if_behind(const Now& now, Handle handle);
    void begin_hold(const Now& now, View& view);

    // Watchers whose connection is gone.
    std::uint64_t device_hash(const Request& request, const Wanted& wanted,
                              std::string_view target) const;
    void trust_again(Subscription& s);
    bool has_newer(const Subscription& s) const;
    Handle find_suspect(std::uint64_t device, Handle but);
    void supersede(const Now& now, Handle by, std::uint64_t device);
    void fall_silent(Handle handle);

    // What watchers are told.
    void make_due(Handle handle, bool by_change);
    void enqueue(Handle handle);
    void enter(Handle handle, std::uint32_t far_end = none);
    Line& line_of(const Subscription& s);
    void dequeue(Subscription& s);
    void queue_view(const Now& now, Handle view);
    void try_again(const Now& now, View& view);
    void refresh_view(const Now& now, Handle view);
    void render(const Now& now, View& view);
    [[nodiscard]] bool choose_body(const Now& now, Handle handle);
    void send(const Now& now, Handle handle, const Response* challenge);
    Expected<ClientTransactionId> start(const Now& now, Handle handle,
                                        ClientTransactions::Outgoing& outgoing,
                                        const Target& target, bool has_credentials);
    void begin_hold(const Now& now, Subscription& s, bool by_change);
    void not_sent(const Now& now, Handle handle);
    Expected<std::optional<Target>> next_target(const Now& now, Handle handle);
    Expected<void> take_targets(const Now& now, Subscription& s, const Locator::Targets& found);
    bool go_to_next_target(const Now& now, Handle handle, std::optional<Duration> how_long);
    Packet write_notify(const Now& now, Subscription& s, const Target& target, Branch branch,
                        const Response* challenge);
    Expected<Target> choose_stream(const Subscription& s, const Target& target);
    // Whom nobody knows.
    enum class Reach : std::uint8_t {
        known,    ///< it subscribes from there, or has answered
        unknown,  ///< this NOTIFY is the one that finds out
        taken,    ///< another one does; it waits
        refused,  ///< there are too many of them
    };
    Reach reach_of(const Now& now, Handle handle, const Target& target);
    void far_end_answered(const Now& now, Handle handle);
    void far_end_overdue(const Now& now, Handle handle);
    void far_end_silent(const Now& now, Handle handle);
    void leave_far_end(Handle handle);
    void open_far_end(Subscription& s);
    void let_some_leave(const Now& now, FarEnd& end);
    void notify_failed(const Now& now, Handle handle, std::uint32_t retry_after_s);
    void notify_done(const Now& now, Handle handle);
    void answer_challenge(const Now& now, Handle handle, const Response& response);

    // What packages are told and asked of one subscription.
    Watcher watcher_of(const Subscription& s) const;
    void tell_listener(const Now& now, Handle handle, subscription_machine::State from,
                       subscription_machine::Event event, std::string_view display_name);
    bool is_empty_now(const Now& now, Handle handle);
    [[nodiscard]] bool render_own(const Now& now, Handle handle);
    void wait_for_memory(const Now& now, Handle handle);
    void own_document_sent(const Now& now, Handle handle);

    const EventPackage::Traits& traits_of(std::uint8_t package) const {
        return packages_.at(package).traits();
    }
    Snapshot snapshot(const Now& now, Subscription& subscription);
    std::string_view resource_name(const Subscription& s) const {
        return resources_.at(s.resource).name.view();
    }
    /// Null: none.
    View* view_of(const Subscription& s) { return s.view == none ? nullptr : &views_.at(s.view); }
    const View* view_of(const Subscription& s) const {
        return const_cast<Notifier*>(this)->view_of(s);
    }
    Way* way_of(const Subscription& s) { return s.way == none ? nullptr : &ways_.at(s.way); }
    Connection* connection_of(const Subscription& s) {
        return s.connection == none ? nullptr : &connections_.at(s.connection);
    }
    /// 0: it is not known.
    std::uint64_t device_of(const Subscription& s) const {
        return s.connection == none ? 0 : connections_.at(s.connection).device;
    }
    /// That whose NOTIFY finds out whether anybody is there.
    FarEnd* held_by(const Subscription& s) {
        const bool holds = s.far_end != none && s.stands != Stands::at_far_end;
        return holds ? &far_ends_.at(s.far_end) : nullptr;
    }
    /// Whether who is in it is told one document.
    bool is_shared(const View& view) const {
        return !traits_of(resources_.at(view.resource).package).own_documents;
    }
    static std::uint32_t whole_seconds(Instant at) {
        return static_cast<std::uint32_t>(
            std::chrono::floor<seconds>(at.time_since_epoch()).count());
    }
    /// The latest instant up to `now` that `whole` stands for.
    static Instant instant_of(const Now& now, std::uint32_t whole) {
        const auto today = std::chrono::floor<seconds>(now.mono);
        return today - seconds{whole_seconds(now.mono) - whole};
    }
    struct ByDialog {
        Slab<Subscription>& slab;
        HashKey key;
        std::uint32_t& next(std::uint32_t i) const { return slab.at(i).next_of_bucket; }
        std::uint64_t hash(std::uint32_t i) const {
            return table_hash(key, slab.at(i).dialog.local_tag());
        }
    };
    ByDialog by_dialog() { return {slab_, core_.shard.key}; }

    Core core_;
    EventPackages& packages_;
    Resources& resources_;
    Options options_;
    NotifyCredentials* credentials_ = nullptr;
    DeviceLocations* devices_ = nullptr;
    const ResourceNames* names_ = nullptr;
    SubscriptionCarrier* carrier_ = nullptr;
    bool serves_here_ = false;  ///< the request at hand has been elsewhere
    std::uint8_t part_ = 0;
    bool stopping_ = false;
    Slab<Subscription> slab_;
    Slab<Way> ways_;
    Slab<Connection> connections_;
    Slab<View> views_;
    Slab<Staged> staged_;
    SplitTable<std::uint32_t, UINT32_MAX> by_dialog_;  ///< by local tag
    HashIndex by_device_;
    std::size_t suspects_ = 0;
    Tally by_user_;
    Line due_;
    Slab<FarEnd> far_ends_;
    HashIndex by_far_end_;
    SetTable<Proof> proofs_;
    Ring<Handle> stale_;
    Linked walks_;  ///< views some of whose subscriptions have yet to be looked at
    Linked left_;   ///< far ends that some have yet to leave
    WalkOfAll all_;
    Farewell farewell_;
    std::size_t endings_ = 0;  ///< views that are `ending`
    bool walked_ = false;      ///< last time, so that it is the turn of a NOTIFY
    Block room_;               ///< where bodies are rendered
};

}  // namespace sip
