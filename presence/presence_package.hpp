#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "presence/composition.hpp"
#include "presence/delegations.hpp"
#include "presence/learner.hpp"
#include "presence/local_states.hpp"
#include "presence/permission_views.hpp"
#include "presence/policy.hpp"
#include "presence/reconsideration.hpp"
#include "presence/rules/rule_source.hpp"
#include "sip/event/compositor.hpp"
#include "sip/event/event_package.hpp"
#include "sip/event/resources.hpp"
#include "sip/registrar/directory.hpp"
#include "sip/registrar/registrar.hpp"
#include "sip/transport/shard.hpp"

namespace presence {

/// The event package "presence" of RFC 3856: who may see whom, and what they see.
///
/// What a presentity publishes (RFC 3903) and registers (RFC 3856 7.2) is composed into one
/// document for those who may see it, each what the presentity's rules give them (RFC 5025).
/// Whoever may not, and must not know, sees the document of somebody who is not there, made by the
/// same code.
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
        const RuleSource* rules = nullptr;       ///< goes before `policies`; null: nobody has rules
        const Delegations* delegations = nullptr;  ///< null: everybody publishes for themself
        const LocalStates* local_states = nullptr;
        const LocalStates* hard_states = nullptr;
        CompositionPolicy composition;
        bool strict = false;  ///< published documents by the letter of RFC 3863
    };
    /// What one watcher may see of one presentity. Numbers above are what rules give.
    static constexpr sip::ViewId full_view{0}, closed_view{1};

    /// All outlive this.
    PresencePackage(sip::Shard& shard, const sip::Directory& directory, const Options& options);
    /// Where state comes from; either may be null. They outlive the last call.
    void set_sources(sip::Compositor* publications, sip::Registrar* registrations) {
        publications_ = publications;
        registrations_ = registrations;
    }
    /// Where this package's resources are, under its number; and who decides again when a decision
    /// does not hold any more. They outlive the last call.
    void set_resources(const sip::Resources& resources, std::uint8_t number,
                       Reconsideration& reconsideration) {
        resources_ = &resources;
        number_ = number;
        reconsideration_ = &reconsideration;
    }
    /// The state of `presentity` may be another one. True: its watchers have to be decided about
    /// again, since rules ask for its sphere.
    bool state_may_have_changed(const sip::Now& now, std::string_view presentity);
    Policy policy() const { return policy_; }
    /// Existing subscriptions follow once `sip::Notifier::decide_again` is called.
    void set_policy(Policy policy) { policy_ = policy; }

    /// What PUAs were asked for; outlives the last call.
    void set_learner(Learner* learner) { learner_ = learner; }
    /// The program itself says something of `presentity` that goes into its document whatever
    /// others say.
    bool has_local_state(std::string_view presentity) const {
        const bool hard_too = hard_states_ != nullptr && composition_.hard == HardRule::beside;
        return (local_states_ != nullptr && local_states_->state_of(presentity)) ||
               (hard_too && hard_states_->state_of(presentity));
    }
    /// Whether those who see `view` see all there is: only they may be sent to somebody else.
    bool may_leave(sip::ViewId view) const { return view == full_view; }

    const Traits& traits() const override { return traits_; }
    bool exists(std::string_view resource) const override { return directory_.exists(resource); }
    sip::Decision decide(const sip::Now& now, const sip::Watcher& watcher) override;
    void retain_view(sip::ViewId view) override { views_.retain(view); }
    void release_view(sip::ViewId view) override { views_.release(view); }
    const PermissionViews& views() const { return views_; }
    void trim() {
        views_.trim();
        for (sip::Block* block : {&reason_, &sphere_of_, &sphere_}) block->reset();
    }
    sip::Expected<std::size_t> render(const sip::Now& now, sip::ResourceId id,
                                      std::string_view resource, sip::ViewId view,
                                      std::string_view content_type, std::span<char> room) override;
    bool may_publish(std::string_view resource, std::string_view publisher) const override;
    std::optional<sip::Instant> changes_at() const override { return changes_at_; }
    /// The document of `full_view`, as `render` gives it; `observer` hears what was left out.
    sip::Expected<std::size_t> compose_all(const sip::Now& now, sip::ResourceId id,
                                           std::string_view resource, CompositionObserver* observer,
                                           std::span<char> room);
    /// For people: what those of a view see.
    static std::string_view name_of(sip::ViewId view) {
        if (view == full_view) return "everything";
        return view == closed_view ? "the closed document" : "what the rules give";
    }
    /// What holds for those who have not been decided about, and whether it is the presentity's
    /// own.
    struct PolicyInForce {
        Policy policy = Policy::block;
        bool own = false;
    };
    PolicyInForce policy_for(std::string_view presentity) const;
    /// The document is read, and written anew: a watcher never gets bytes that a publisher wrote.
    sip::Expected<std::size_t> accept_publication(const sip::Now& now,
                                                  const sip::PublicationBody& publication,
                                                  std::span<char> room) override;
    /// The same devices, by their deviceIDs; or the same services, by their contacts, in one call.
    bool supersedes(std::string_view newer, std::string_view older, bool same_call) override;

private:
    std::optional<LocalStates::State> state_of(const sip::Now& now, const LocalStates* states,
                                               std::string_view resource) const;
    bool collect(const sip::Now& now, sip::ResourceId id, std::string_view resource,
                 sip::Vector<Published>& published, sip::Vector<Registered>& registered) const;
    sip::Decision decide_by_policy(const sip::Watcher& watcher) const;
    std::string_view reason_by_rules(const Verdict& verdict);
    sip::Expected<std::size_t> compose_of(const sip::Now& now, sip::ResourceId id, Inputs& inputs,
                                          std::span<char> room);
    sip::Expected<std::size_t> finish(const sip::Now& now, Inputs& inputs, std::span<char> room);
    sip::Expected<sip::Decision> decide_by_rules(const sip::Now& now, const Ruleset& rules,
                                                 const sip::Watcher& watcher);
    sip::Expected<std::optional<std::string_view>> sphere_of_presentity(const sip::Now& now,
                                                                        std::string_view resource);
    sip::Expected<void> read_sphere(const sip::Now& now, std::string_view resource);

    sip::Shard& shard_;
    const sip::Directory& directory_;
    Policy policy_;
    const PolicySource* policies_;
    const RuleSource* rules_;
    const Delegations* delegations_;
    const LocalStates* local_states_;
    const LocalStates* hard_states_;
    CompositionPolicy composition_;
    bool strict_, anonymous_;
    Traits traits_;
    std::optional<sip::Instant> changes_at_;  ///< of what was rendered last
    sip::Compositor* publications_ = nullptr;
    sip::Registrar* registrations_ = nullptr;
    const sip::Resources* resources_ = nullptr;
    std::uint8_t number_ = 0;
    Reconsideration* reconsideration_ = nullptr;
    PermissionViews views_;
    /// The sphere that was read last, and whose: many watchers are decided about in a row.
    sip::Block reason_;  ///< of the decision made last
    sip::Block sphere_of_, sphere_;
    bool has_sphere_ = false;
    Learner* learner_ = nullptr;
};

}  // namespace presence
