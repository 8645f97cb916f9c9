#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sip/base/clock.hpp"
#include "sip/base/error.hpp"
#include "sip/base/slab.hpp"
#include "sip/event/subscription_machine.hpp"

namespace sip {

class RecordWriter;

/// What subscriptions and publications are about: one address-of-record under one package.
struct ResourceId {
    Handle handle;
    friend bool operator==(const ResourceId&, const ResourceId&) = default;
    explicit operator bool() const { return static_cast<bool>(handle); }
};
/// Names a subscription at a notifier.
struct SubscriptionId {
    Handle handle;
    friend bool operator==(const SubscriptionId&, const SubscriptionId&) = default;
    explicit operator bool() const { return static_cast<bool>(handle); }
};
/// One class of watchers of a resource that may see the same document; numbers of the package's.
enum class ViewId : std::uint32_t {};

/// Who asks, and about whom. Addresses-of-record in canonical form ("user@domain").
struct Watcher {
    std::string_view identity;
    std::string_view resource;
    bool authenticated = false;
};

enum class SubscriptionDecision : std::uint8_t {
    active,
    pending,   ///< nobody has decided: accepted, and told nothing (RFC 6665 4.2.1.3)
    rejected,  ///< 403, or terminated;reason=rejected
};
struct Decision {
    SubscriptionDecision state = SubscriptionDecision::rejected;
    ViewId view{};
    /// For people: what decided ("policy allow", "rules friends, family"). Lasts until the next
    /// call of the package.
    std::string_view because = {};
};

/// What a PUBLISH brings to a package.
struct PublicationBody {
    std::string_view resource;      ///< canonical address-of-record
    std::string_view content_type;  ///< the whole field value
    std::string_view body;
    std::string_view publisher;  ///< canonical address-of-record of the sender
};

/// What brought a subscription where it is, in the words of RFC 3857 4.7.1.
enum class WatcherEvent : std::uint8_t {
    subscribe,
    approved,
    deactivated,
    probation,
    rejected,
    timeout,  ///< it ran out, was ended by its watcher, or its watcher is not to be reached
    giveup,
    noresource,
};

/// What became of a subscription: all that watcher information tells.
struct SubscriptionChange {
    using State = subscription_machine::State;
    SubscriptionId id;
    /// A number of the listener's, kept with the subscription; UINT32_MAX at first.
    std::uint32_t& mark;
    Watcher watcher;
    std::string_view event_id;
    /// Of From, without quotes and escapes, cut to `display_name_max`; of the first SUBSCRIBE
    /// alone.
    std::string_view display_name;
    /// `init` is where a new one comes from; the same twice: refreshed. A fetch goes from `init` to
    /// `terminated`.
    State from = State::init, to = State::init;
    WatcherEvent event = WatcherEvent::subscribe;
    bool allowed = false;  ///< the watcher may see something; of a fetch nothing else says it
    Instant expires_at{};

    static constexpr std::size_t display_name_max = 128;
};

/// Hears of every subscription to a package, within the input that changes it.
class SubscriptionListener {
public:
    virtual void on_subscription_change(const Now& now, const SubscriptionChange& change) = 0;
    /// Asked before one that is not to be refused otherwise is made. An error refuses it.
    virtual Fault refuses(const Now&, const Watcher&, std::string_view event_id, const Decision&) {
        (void)event_id;
        return {};
    }
    /// What a store is to keep of one that is to be `pending`, beside the subscription.
    virtual void write_record(const Now&, const Watcher&, std::string_view event_id,
                              std::string_view display_name, RecordWriter&) const {
        (void)event_id;
        (void)display_name;
    }

protected:
    ~SubscriptionListener() = default;
};

/// For whom a document is, where each subscription has its own.
struct OwnDocument {
    SubscriptionId subscription;
    Watcher watcher;
    ViewId view{};
    std::string_view content_type;
    bool full = true;   ///< the whole state; else what is new will do
    bool last = false;  ///< no NOTIFY follows in this subscription
};

/// An event package (RFC 6665 5.4 lists what one must define; Traits is that list). One object,
/// owned by the application, registered at start-up by an explicit call. Its functions are called
/// while an input is handled and must not call back into the stack.
class EventPackage {
public:
    enum class Forks : std::uint8_t { one_dialog, merge };  // RFC 3856 6.9, RFC 3857 4.9
    struct Traits {
        std::string_view name;                      ///< Event token
        std::span<const std::string_view> accept;   ///< body types of NOTIFY, default first
        std::span<const std::string_view> publish;  ///< body types of PUBLISH; none: 489 to it
        std::uint32_t expires_default_s = 3600, expires_min_s = 60, expires_max_s = 7200;
        /// What is granted is shortened by up to so much, by chance (sip/base/jitter.hpp).
        std::uint32_t expires_jitter_percent = 0;
        Duration notify_interval_min{};  ///< RFC 3856 6.10; 0: no hold
        /// One hold per resource and view, or one per subscription (R3856-6.10-2).
        bool hold_per_subscription = false;
        /// Documents are no matter of views: each subscription has its own, of `render_own`. Goes
        /// with holds per subscription.
        bool own_documents = false;
        Forks forks = Forks::one_dialog;
    };
    virtual const Traits& traits() const = 0;

    /// Whether the address is one that can be watched or published for. False: 404.
    virtual bool exists(std::string_view resource) const = 0;
    /// Who may see what. Asked at each SUBSCRIBE, and again by `Notifier::decide_again`.
    virtual Decision decide(const Now& now, const Watcher& watcher) = 0;
    /// The full state of `resource` as `view` may see it, in one of `traits().accept`, written into
    /// `room`: how many bytes, or an error, whereupon the NOTIFY goes without a body. Rendered once
    /// and shared by all watchers of the view. `id` is false when nothing refers to the resource.
    virtual Expected<std::size_t> render(const Now& now, ResourceId id, std::string_view resource,
                                         ViewId view, std::string_view content_type,
                                         std::span<char> room) = 0;
    /// When what `render` gave last becomes another document though nothing is told to change: it
    /// is rendered anew then, and who was told the old one hears of it, at the package's rate.
    virtual std::optional<Instant> changes_at() const { return {}; }
    /// Who may publish for `resource`. False: 403.
    virtual bool may_publish(std::string_view resource, std::string_view publisher) const {
        return resource == publisher;
    }
    /// Checks a published body and writes the form to keep into `room`: how many bytes, or an
    /// error (`malformed`, `media_not_supported`, `body_too_large`), which is the answer.
    virtual Expected<std::size_t> accept_publication(const Now&, const PublicationBody&,
                                                     std::span<char> room) {
        (void)room;
        return failure(Condition::media_not_supported, "This package is not published");
    }
    /// Whether `newer`, an initial publication, stands in the place of `older`, whose publisher
    /// never heard its entity-tag (RFC 3903 leaves that to its expiry): both come from one source.
    /// They are of one resource and one authenticated publisher, in the form that
    /// accept_publication gave. `same_call`: of the same Call-ID and address too.
    virtual bool supersedes(std::string_view newer, std::string_view older, bool same_call) {
        (void)newer, (void)older, (void)same_call;
        return false;
    }
    /// A view of some resource is in use from here on, and until it is released as often: what
    /// `decide` answered with. The package keeps as long what it needs to render the view.
    virtual void retain_view(ViewId) {}
    virtual void release_view(ViewId) {}

    // Where documents are `own_documents`:

    /// As `render`, when the NOTIFY is written. `full` wherever a SUBSCRIBE or a decision brought
    /// the NOTIFY about, or one before it failed. May be called again before `on_own_sent`.
    virtual Expected<std::size_t> render_own(const Now&, const OwnDocument&, std::span<char> room) {
        (void)room;
        return failure(Condition::internal, "This package has no documents of its own");
    }
    /// The document rendered last for this subscription is on its way. Told once of each.
    virtual void on_own_sent(const Now&, SubscriptionId) {}
    /// Whether a change of the resource's state is one for this subscription: a NOTIFY that is not
    /// full would say something.
    virtual bool has_news(const Now&, SubscriptionId) { return false; }
    /// The subscription is no more, its last NOTIFY included.
    virtual void forget(SubscriptionId) {}

    /// Who hears of its subscriptions; null: nobody. Outlives the last input.
    void set_listener(SubscriptionListener* listener) { listener_ = listener; }
    SubscriptionListener* listener() const { return listener_; }

protected:
    ~EventPackage() = default;

private:
    SubscriptionListener* listener_ = nullptr;
};

/// The packages that an element serves.
class EventPackages {
public:
    static constexpr std::size_t capacity = 8;
    /// False: full, or the name is taken.
    [[nodiscard]] bool add(EventPackage& package);
    /// By Event token, in any case; its number, or -1.
    int find(std::string_view name) const;
    EventPackage& at(std::size_t index) const { return *packages_[index]; }
    std::size_t size() const { return size_; }

private:
    EventPackage* packages_[capacity] = {};
    std::size_t size_ = 0;
};

}  // namespace sip
