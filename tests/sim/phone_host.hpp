#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "presence/watcher_info/watcher_table.hpp"
#include "sip/auth/digest_client.hpp"
#include "sip/event/publisher.hpp"
#include "sip/event/subscriber.hpp"
#include "sip/registrar/registrant.hpp"
#include "tests/sim/agent.hpp"
#include "tests/sim/conversations.hpp"
#include "tests/sim/host.hpp"
#include "tests/sim/setup.hpp"
#include "tests/sim/view.hpp"
#include "tests/support/seeded_entropy.hpp"

namespace sim {

/// A phone: watches, publishes and registers what its user wants. What is refused or ends is tried
/// again after a while, as an application would. The user's wishes survive a crash, and nothing
/// else does.
class PhoneHost final : public Host {
public:
    PhoneHost(World& world, const Setup& setup, unsigned phone, unsigned user, bool by_tcp,
              const sip::Address& address);

    void start();
    void crash();

    // What its user does.
    void watch(unsigned presentity);
    void unwatch(unsigned presentity);
    void refresh(unsigned presentity);
    /// `large`: more than a datagram should hold. `person`: what is said of the user (see Person).
    void publish(bool open, bool large, unsigned person = 0);
    void unpublish();
    void register_contact();
    void unregister();
    /// Who watches its user (RFC 3857).
    void watch_watchers();
    void unwatch_watchers();
    /// Everything that it wants, it wants no more.
    void leave();

    sip::Stack* stack() override { return parts_ ? &parts_->stack : nullptr; }
    void on_sent(std::string_view text) override;
    void on_arrival(std::string_view text) override;
    void on_rest() override;
    /// To be called now and then: nothing waits for what should have been given up.
    void check_waiting();

    /// What the user wants, and what came of it.
    struct Watch {
        bool wanted = false, live = false;
        sip::WatchId id;
        sip::SubscriptionStateValue state = sip::SubscriptionStateValue::other;
        std::string document;
        Time asked_at = 0;  ///< when the last SUBSCRIBE left, or will
        Time back_at = 0;   ///< refused or given up, it has asked again by then
    };
    bool wants_watchers() const { return wants_watchers_; }
    /// "u3 active" of each watcher that it knows of; nothing: it has no subscription.
    std::optional<std::multiset<std::string>> watchers() const;
    const Watch& watch_of(unsigned presentity) const { return watches_[presentity]; }
    bool wants_publication() const { return wants_publication_; }
    bool wants_registration() const { return wants_registration_; }
    bool publishes_open() const { return open_; }
    /// What the last document says of the user, beside their class and a note; in worlds with
    /// rules.
    struct Person {
        bool mood = false, activities = false;
        std::string sphere;
    };
    Person person() const;
    /// In the document that it published last.
    std::string mark() const;
    bool is_idle() const;
    /// It serves watchers of its user itself, if the server lets it.
    bool is_agent() const { return setup_.agents && phone % 3 == 0; }
    std::size_t served() { return parts_ && parts_->agent ? parts_->agent->size() : 0; }
    void trim();
    std::size_t memory() const { return parts_->stack.shard().memory.used(); }

    const unsigned phone, user;
    const bool by_tcp;
    bool by_tls = false;   ///< in the place of either: it watches by sips
    bool by_name = false;  ///< the name system says where its servers are
    std::size_t memory_at_start = 0;

private:
    struct Parts {
        Parts(const sip::StackOptions& options, std::uint64_t seed);
        SeededEntropy entropy;
        sip::Stack stack;
        sip::DigestClient credentials;
        sip::EventPackage::Traits traits, watcher_info_traits;
        sip::Subscriber subscriber;
        sip::Publisher publisher;
        sip::Registrant registrant;
        std::optional<Agent> agent;
        /// Of the table of watchers, beside what the stack needs.
        sip::Memory memory{std::size_t{16} << 20};
    };
    /// The subscription to watcher information of its user.
    struct WatchersWatch {
        sip::WatchId id;
        Time asked_at = 0;
        std::map<std::uint32_t, std::uint32_t> versions;  ///< of the last document, by notifier
        presence::WatcherTable table;
    };
    void subscribe_to_watchers();
    void read_watchers(const sip::SubscriptionNotice& notice);
    void take_watchers(const sip::SubscriptionNotice& notice);
    sip::UacOptions peer(const std::string& uri, const std::string& from, unsigned server);
    void subscribe(unsigned presentity);
    void publish_now();
    void register_now();
    void try_again(std::function<void()> what);
    void read_subscriptions();
    void read_publications();
    void read_registrations();
    std::string document() const;

    const Setup& setup_;
    std::unique_ptr<Parts> parts_;
    std::string hop_;  ///< of the request that is being made
    std::unique_ptr<Conversations> conversations_;
    std::vector<Watch> watches_;
    bool wants_publication_ = false, wants_registration_ = false, open_ = true, large_ = false;
    bool publication_live_ = false, publication_leaves_ = false, registration_live_ = false;
    sip::PublishId publication_;
    sip::RegistrationId registration_;
    unsigned number_of_mark_ = 0, person_ = 0;
    bool wants_watchers_ = false;
    std::unique_ptr<WatchersWatch> watchers_;
    std::uint64_t tries_ = 0;
};

}  // namespace sim
