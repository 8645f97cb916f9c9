#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "sip/base/hash_index.hpp"
#include "sip/base/ring.hpp"
#include "sip/dialog/uac_request.hpp"
#include "sip/event/event_package.hpp"
#include "sip/event/watch_machine.hpp"
#include "sip/message/subscription_state.hpp"

namespace sip {

/// Names a subscription of ours, through all the times that it is made anew.
struct WatchId {
    Handle handle;
    friend bool operator==(const WatchId&, const WatchId&) = default;
    explicit operator bool() const { return static_cast<bool>(handle); }
};

struct SubscribeOptions {
    UacOptions peer;
    std::string_view event;     ///< a package that was added
    std::string_view event_id;  ///< empty: none
    /// Body types that are understood; none: those of the package.
    std::span<const std::string_view> accept;
    /// 0: fetch the state once (RFC 6665 4.4.3). Empty: the package's default.
    std::optional<std::uint32_t> expires_s;
};

/// News of a subscription, for the application.
struct SubscriptionNotice {
    enum class Kind : std::uint8_t {
        accepted,  ///< a notifier took the first SUBSCRIBE; the state is unknown until `notified`
        notified,  ///< a NOTIFY came: `state`, `body`, `expires_s`
        waiting,   ///< it is over, and made anew in `retry_after_s`
        ended,     ///< it is over (of one fork: the others live on)
    };
    Kind kind = Kind::notified;
    WatchId watch;
    std::uint32_t fork = 0;  ///< which notifier, where a package lets several speak
    SubscriptionStateValue state = SubscriptionStateValue::other;
    TerminationReason reason = TerminationReason::none;  ///< that the notifier gave
    /// Of the response that decided; 408 where none came, 503 where nothing could be sent, 0 where
    /// a NOTIFY decided (RFC 3261 8.1.3.1).
    std::uint16_t status = 0;
    std::uint32_t expires_s = 0;
    std::uint32_t retry_after_s = 0;
    bool last = false;          ///< `ended`: the id names nothing any more
    bool has_document = false;  ///< this NOTIFY brought `body`; else it is the one before
    SharedBytes content_type, body;
    SharedBytes phrase;  ///< the reason phrase of the response
};

/// The subscriber of RFC 6665 4.1: makes subscriptions, keeps them fresh, takes NOTIFYs, makes
/// anew what ended for a time. News waits in a bounded queue until the application reads it.
class Subscriber final : public TransactionUser {
public:
    static constexpr std::array<Method, 1> methods{Method::notify};

    explicit Subscriber(const Core& core);
    ~Subscriber();
    void attach_as(std::uint8_t part) { part_ = part; }
    /// A package that may be subscribed to; `traits` outlives this. False: full, or known already.
    [[nodiscard]] bool add_package(const EventPackage::Traits& traits);

    /// Sends the first SUBSCRIBE. Errors: `bad_event`, `malformed` (an URI, an id), `overloaded`
    /// (a limit), no way to the target; nothing was sent then.
    Expected<WatchId> subscribe(const Now& now, const SubscribeOptions& options);
    /// Ends it; `ended` follows when the notifier said so, or after 64*T1. False: no such id.
    bool unsubscribe(const Now& now, WatchId id);
    /// Asks for the state again, in the dialog. False: nothing that could be refreshed now.
    bool refresh(const Now& now, WatchId id);

    std::optional<SubscriptionNotice> next_notice();
    std::size_t size() const { return watches_.size(); }
    /// The state of the first fork; nothing for an unknown id.
    std::optional<watch_machine::State> state_of(WatchId id) const;

    void on_request(const Now& now, const Request& request) override;
    bool knows_dialog(const Request& request) override;
    void on_response(const Now& now, Handle object, const Response& response) override;
    void on_failure(const Now& now, Handle object, Failure why) override;
    void on_located(const Now& now, Handle object, LookupId id) override;
    void on_timer(const Now& now, Handle object) override;
    void on_flow_lost(const Now& now, Handle object) override;
    void trim() override {
        watches_.trim();
        usages_.trim();
        by_call_id_.trim();
        notices_.trim();
    }

private:
    static constexpr std::size_t packages_max = 8;
    static constexpr std::uint32_t forks_max = 8;  ///< of one watch; over: 481
    enum class Name : std::uint8_t { n, refresh, expires, retry };
    using State = watch_machine::State;
    using Event = watch_machine::Event;

    /// What the application asked for.
    struct Watch {
        Uac uac;
        std::uint8_t package = 0;
        Block event_id, accept;
        std::uint32_t expires_s = 0;
        std::uint32_t failures = 0;  ///< in a row
        bool established = false;    ///< a notifier has said active or pending once
        bool chosen = false;         ///< `chosen_tag` holds: a 2xx named the one dialog
        std::uint64_t chosen_tag = 0;
        Instant made_at{};                 ///< the SUBSCRIBE outside a dialog was sent
        Instant forks_until{};             ///< its Timer N
        std::uint32_t first = UINT32_MAX;  ///< its usages
        std::uint32_t forks = 0, next_fork = 0;
        /// A fetch that several may answer: the tags of those who have, as hashes.
        SmallVector<std::uint64_t, forks_max> gathered;
    };
    /// One subscription usage of a dialog.
    struct Usage {
        State state = State::notify_wait;
        Handle watch;
        std::uint32_t fork = 0;
        std::uint32_t next = UINT32_MAX;
        Dialog dialog;
        bool has_dialog = false;
        bool left = false;  ///< the last SUBSCRIBE asked for Expires 0
        UacAttempt attempt;
        std::uint32_t asked_s = 0;
        std::uint32_t failures = 0;  ///< refreshes in a row that failed and did no harm
        Instant told_at = never;     ///< what a NOTIFY since the last SUBSCRIBE said of the expiry
        SharedBytes content_type, body;
        FlowBond bond;
        Timers<Name, 4> timers;
    };
    /// Why a step is taken.
    struct Cause {
        std::uint16_t status = 0;
        std::string_view phrase;
        TerminationReason reason = TerminationReason::none;
        std::optional<std::uint32_t> retry_after_s;
    };
    /// A NOTIFY as far as it was understood.
    struct Notify {
        Handle watch, usage;    ///< no usage: a fork that is new
        bool new_fork = false;  ///< `usage` was made for this NOTIFY
        SubscriptionStateHeader state;
    };

    Expected<Handle> make(const SubscribeOptions& options, std::uint8_t package);
    Handle make_usage(Watch& watch, Handle of);
    void forget(Handle usage);
    std::uint64_t hash_of(std::string_view call_id) const {
        return table_hash(shard().key, call_id);
    }
    int find_package(std::string_view name) const;
    /// RFC 6665 4.4.3 with forks: a fetch is over when Timer N says that all have answered.
    bool gathers(const Watch& watch) const {
        return watch.expires_s == 0 &&
               packages_[watch.package]->forks == EventPackage::Forks::merge;
    }
    bool has_gathered(const Watch& watch, std::string_view tag) const;

    Expected<void> send(const Now& now, Handle usage, std::uint32_t expires_s, bool first_try);
    void send_or_fail(const Now& now, Handle usage, std::uint32_t expires_s, bool first_try);
    void accepted(const Now& now, Handle usage, const Response& response);
    void request_failed(const Now& now, Handle usage, const Cause& cause,
                        std::optional<Failure> silent);
    void set_expiry(const Now& now, Usage& usage, Instant at);
    void keep_flow(Handle handle, FlowId flow);

    Expected<Notify> recognise(const Now& now, const Request& request);
    [[nodiscard]] bool make_fork(Notify& notify);
    Expected<void> take(const Now& now, const Request& request, Notify& notify);
    Expected<void> take_body(Usage& usage, const MessageView& message, bool& has_document);
    bool understands(const Watch& watch, std::string_view content_type) const;
    void refuse(const Now& now, const Request& request, const Watch* watch, const Error& error);

    void step(const Now& now, Handle usage, Event event, const Cause& cause);
    void wait(const Now& now, Handle usage, const Cause& cause);
    void begin_again(const Now& now, Handle usage);
    [[nodiscard]] bool tell(SubscriptionNotice&& notice);
    void tell_or_count(SubscriptionNotice&& notice);
    Shard& shard() const { return core_.shard; }

    Core core_;
    std::uint8_t part_ = 0;
    SmallVector<const EventPackage::Traits*, packages_max> packages_;
    Slab<Watch> watches_;
    Slab<Usage> usages_;
    HashIndex by_call_id_;
    Ring<SubscriptionNotice> notices_;
};

}  // namespace sip
