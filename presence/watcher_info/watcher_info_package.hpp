#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "presence/watcher_info/watcher_document.hpp"
#include "presence/watcher_info/watchers.hpp"
#include "sip/event/event_package.hpp"

namespace presence {

/// The event package template "winfo" of RFC 3857, over any package: who watches a resource in it,
/// and who wants to. Its own subscriptions may be watched by another one of it.
///
/// A presentity sees all its watchers. Somebody else whom the parent lets in sees his own
/// subscriptions, and of them what Subscription-State tells him; over a package that is itself
/// watcher information nobody else sees anything (RFC 3857 4.6).
///
/// What does not fit into one document (Limits::notify_body_bytes) is told by partial ones behind
/// it. Where none can follow, after a fetch, those whom nobody has decided about go first.
class WatcherInfoPackage final : public sip::EventPackage, private Audience {
public:
    struct Options {
        std::uint32_t expires_min_s = 60, expires_max_s = 7200;
        std::uint32_t expires_jitter_percent = 0;
        sip::Duration notify_interval = sip::seconds{5};  ///< RFC 3857 4.10
    };
    static constexpr sip::ViewId all_watchers{0}, own_subscriptions{1};

    /// Registers with `parent` as its listener. Both outlive this.
    WatcherInfoPackage(sip::Shard& shard, sip::EventPackage& parent, const Options& options);
    ~WatcherInfoPackage();
    /// To be attached to the stack, and asked again when rules change.
    Watchers& watchers() { return watchers_; }
    const Watchers& watchers() const { return watchers_; }

    const Traits& traits() const override { return traits_; }
    bool exists(std::string_view resource) const override { return parent_.exists(resource); }
    sip::Decision decide(const sip::Now& now, const sip::Watcher& watcher) override;
    /// Never asked: documents are each subscription's own.
    sip::Expected<std::size_t> render(const sip::Now& now, sip::ResourceId id,
                                      std::string_view resource, sip::ViewId view,
                                      std::string_view content_type, std::span<char> room) override;
    sip::Expected<std::size_t> render_own(const sip::Now& now, const sip::OwnDocument& wanted,
                                          std::span<char> room) override;
    void on_own_sent(const sip::Now& now, sip::SubscriptionId id) override;
    bool has_news(const sip::Now& now, sip::SubscriptionId id) override;
    void forget(sip::SubscriptionId id) override;
    /// Gives back memory that only a load of the past needed. `watchers()` is the stack's to trim.
    void trim();

private:
    /// What one subscription to watcher information has been told.
    struct Viewer {
        sip::SubscriptionId id;
        sip::Handle list;
        sip::Block own;  ///< whose rows alone it sees; empty: all
        bool started = false;
        std::uint32_t version = 0;    ///< of the last document
        bool behind = false;          ///< something was lost: it needs the whole state
        bool full = false;            ///< what was rendered is
        std::uint64_t told = 0;       ///< changes up to this one
        std::uint64_t next_told = 0;  ///< once what was rendered is sent
        std::uint32_t previous = UINT32_MAX, next = UINT32_MAX;  ///< who see all of the same list
    };
    using State = WatcherRow::State;

    sip::Handle find(sip::SubscriptionId id);
    sip::Handle obtain(const sip::OwnDocument& wanted);
    bool sees(const Viewer& viewer, const WatcherRow& row) const;
    State state_for(const Viewer& viewer, const WatcherRow& row) const;
    bool is_news(const Viewer& viewer, const WatcherRow& row) const;
    void set_told(Viewer& viewer, std::uint64_t told);
    template <class Visit>
    void for_each_to_be_told(const WatcherRow& row, Visit visit);
    bool is_to_be_told(const WatcherRow& row) override;
    void cannot_be_told(const WatcherRow& row) override;
    WatcherEntry entry_of(const sip::Now& now, const Viewer& viewer, const WatcherRow& row,
                          std::span<char> id_room) const;
    void write_pages(const sip::Now& now, Viewer& viewer, bool full, WatcherDocument& document);
    void write_once(const sip::Now& now, Viewer& viewer, WatcherDocument& document);
    void enter(Viewer& viewer, std::uint32_t index);
    void leave(Viewer& viewer, std::uint32_t index);
    std::uint64_t own_hash(std::uint32_t list, std::string_view identity) const;

    sip::Shard& shard_;
    sip::EventPackage& parent_;
    std::array<char, 64> name_{};
    Traits traits_;
    Watchers watchers_;
    sip::Slab<Viewer> viewers_;
    sip::HashIndex by_subscription_, by_own_;
};

}  // namespace presence
