#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "presence/composition.hpp"
#include "presence/learner.hpp"
#include "presence/local_states.hpp"
#include "presence/policy.hpp"
#include "sip/event/compositor.hpp"
#include "sip/event/event_package.hpp"
#include "sip/registrar/directory.hpp"
#include "sip/registrar/registrar.hpp"
#include "sip/transport/shard.hpp"

namespace presence {

/// The event package "presence" of RFC 3856: who may see whom, and what they see.
///
/// What a presentity publishes (RFC 3903) and registers (RFC 3856 7.2) is composed into one
/// document for those who may see it. Whoever may not, and must not know, sees the document of
/// somebody who is not there, made by the same code.
class PresencePackage : public sip::EventPackage {
public:
    struct Options {
        std::uint32_t expires_default_s = 3600;  ///< R3856-6.4-1
        std::uint32_t expires_min_s = 60, expires_max_s = 7200;
        std::uint32_t expires_jitter_percent = 0;
        sip::Duration notify_interval = sip::seconds{5};  ///< RFC 3856 6.10; 0: no hold
        bool hold_per_watcher = false;
        /// Watchers whom nobody vouches for are let in as far as the policy goes for those whom
        /// nobody has decided about; else they are refused.
        bool anonymous = false;
        Policy policy = Policy::confirm;
        const PolicySource* policies = nullptr;  ///< null: `policy` holds for everybody
        const LocalStates* local_states = nullptr;
        TupleContact registered_as = TupleContact::address_of_record;
        bool strict = false;  ///< published documents by the letter of RFC 3863
    };
    /// What one watcher may see of one presentity.
    static constexpr sip::ViewId full_view{0}, closed_view{1};

    /// All outlive this.
    PresencePackage(sip::Shard& shard, const sip::Directory& directory, const Options& options);
    /// Where state comes from; either may be null. They outlive the last call.
    void set_sources(sip::Compositor* publications, sip::Registrar* registrations) {
        publications_ = publications;
        registrations_ = registrations;
    }
    Policy policy() const { return policy_; }
    /// Existing subscriptions follow once `sip::Notifier::decide_again` is called.
    void set_policy(Policy policy) { policy_ = policy; }

    /// What PUAs were asked for; outlives the last call.
    void set_learner(Learner* learner) { learner_ = learner; }
    /// The program itself says something of `presentity`.
    bool has_local_state(std::string_view presentity) const {
        return local_states_ != nullptr && local_states_->state_of(presentity).has_value();
    }
    /// Whether those who see `view` see all there is: only they may be sent to somebody else.
    bool may_leave(sip::ViewId view) const { return view == full_view; }

    const Traits& traits() const override { return traits_; }
    bool exists(std::string_view resource) const override { return directory_.exists(resource); }
    sip::Decision decide(sip::Now now, const sip::Watcher& watcher) override;
    sip::Expected<std::size_t> render(sip::Now now, sip::ResourceId id, std::string_view resource,
                                      sip::ViewId view, std::string_view content_type,
                                      std::span<char> room) override;
    /// The document is read, and written anew: a watcher never gets bytes that a publisher wrote.
    sip::Expected<std::size_t> accept_publication(sip::Now now,
                                                  const sip::PublicationBody& publication,
                                                  std::span<char> room) override;

private:
    std::optional<LocalStates::State> local_state_of(sip::Now now, std::string_view resource) const;

    sip::Shard& shard_;
    const sip::Directory& directory_;
    Policy policy_;
    const PolicySource* policies_;
    const LocalStates* local_states_;
    TupleContact registered_as_;
    bool strict_, anonymous_;
    Traits traits_;
    sip::Compositor* publications_ = nullptr;
    sip::Registrar* registrations_ = nullptr;
    Learner* learner_ = nullptr;
};

}  // namespace presence
