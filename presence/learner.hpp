#pragma once

#include <string_view>

#include "presence/local_states.hpp"
#include "sip/base/hash_index.hpp"
#include "sip/base/slab.hpp"
#include "sip/event/compositor.hpp"
#include "sip/event/subscriber.hpp"
#include "sip/registrar/registrar.hpp"
#include "sip/transaction/gate.hpp"

namespace presence {

class PresencePackage;

/// Learns what PUAs say of their presentities by subscribing to each that is a presence agent
/// (RFC 3856 6.11.1), in the name of the presentity (P-Asserted-Identity: the server of a domain
/// vouches for itself). What one says is one more input of composition, and goes with its
/// registration, or with the subscription. As many as `Limits::watches`.
class Learner {
public:
    /// All outlive this. `package` reads documents; `number` is its own at the `listener`, who is
    /// told when one of a presentity is another.
    struct Parts {
        sip::Shard& shard;
        const sip::TransportLayer& transport;
        sip::Subscriber& subscriber;
        sip::Registrar& registrar;
        PresencePackage& package;
        sip::StateListener& listener;
    };
    Learner(const Parts& parts, std::uint8_t number)
        : parts_(parts),
          number_(number),
          slab_(parts.shard.memory, parts.shard.limits.watches),
          by_name_(parts.shard.memory),
          by_watch_(parts.shard.memory) {}

    /// The registrations of a presentity are others than before, or who serves it is: with
    /// `elsewhere` a PUA does, and nothing is to be learnt.
    void reconsider(const sip::Now& now, std::string_view presentity, bool elsewhere);
    /// Takes news, and tells of it. False: there was none.
    bool work(const sip::Now& now);
    /// Ends all subscriptions, and begins no other.
    void stop(const sip::Now& now);

    /// What is known of a canonical address-of-record: `visit(const LocalStates::State&, id)`.
    template <class Visit>
    void for_each(std::string_view presentity, Visit visit) {
        each_of(presentity, [&](std::uint32_t i) {
            const Learned& one = slab_.at(i);
            if (one.document)
                visit({one.document.view(), one.changed.mono, one.changed.wall_ms}, one.binding);
        });
    }
    std::size_t size() const { return slab_.size(); }
    void trim() {
        slab_.trim();
        by_name_.trim();
        by_watch_.trim();
        room_.reset();
    }

private:
    struct Learned {
        sip::Block presentity;
        std::uint64_t binding = 0;
        sip::WatchId watch;
        sip::SharedBytes document;  ///< as the package wrote it; empty: none yet
        sip::Now changed{};
    };
    template <class Visit>
    void each_of(std::string_view presentity, Visit visit) {
        (void)by_name_.find(hash_of(presentity), [&](std::uint32_t i) {
            if (slab_.at(i).presentity.view() == presentity) visit(i);
            return false;
        });
    }
    std::uint64_t hash_of(std::string_view presentity) const {
        return sip::table_hash(parts_.shard.key, presentity);
    }
    bool may_learn(const sip::Registrar::Binding& binding) const;
    void begin(const sip::Now& now, std::string_view presentity,
               const sip::Registrar::Binding& binding);
    bool end(const sip::Now& now, sip::Handle handle);
    void take(const sip::Now& now, sip::Handle handle, const sip::SubscriptionNotice& notice);
    void set_document(const sip::Now& now, Learned& one, const sip::SubscriptionNotice& notice);
    sip::Handle find(sip::WatchId watch);

    Parts parts_;
    std::uint8_t number_;
    bool stopped_ = false;
    sip::Slab<Learned> slab_;
    sip::HashIndex by_name_, by_watch_;
    sip::Block room_;  ///< where documents are written anew
};

/// Lets the NOTIFYs of subscriptions of our own in: they are known by the dialog, whose Call-ID and
/// tag nobody guesses.
class NotifyDoor final : public sip::Gate {
public:
    /// Both outlive this.
    NotifyDoor(sip::Gate& otherwise, sip::Subscriber& subscriber)
        : otherwise_(otherwise), subscriber_(subscriber) {}

    Verdict admit(const sip::Now& now, const sip::Request& request) override;
    void write_challenges(const sip::Now& now, const sip::Request& request, bool stale,
                          sip::MessageWriter& writer) override {
        otherwise_.write_challenges(now, request, stale, writer);
    }
    bool refuses_all() const override { return otherwise_.refuses_all(); }
    void write_proof(const sip::Now& now, sip::MessageWriter& writer) override {
        if (!let_in_) otherwise_.write_proof(now, writer);
    }

private:
    sip::Gate& otherwise_;
    sip::Subscriber& subscriber_;
    bool let_in_ = false;
};

}  // namespace presence
