#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "presence/presence_package.hpp"
#include "sip/event/compositor.hpp"
#include "sip/event/notifier.hpp"
#include "sip/proxy/proxy.hpp"
#include "sip/registrar/registrar.hpp"

namespace presence {

/// When subscriptions move to the presence agent that a PUA itself is. RFC 3856 6.11.2.
enum class MigrationMode : std::uint8_t {
    never,
    capable,  ///< to PUAs that say they are one (RFC 3840: methods and events)
    always,   ///< to those that say nothing, too
};

/// Moves presence subscriptions between us and the presence agents of PUAs (RFC 3856 6.11.2).
///
/// Who serves a presentity follows from what is known of it, so nothing is kept: its PUA does, if
/// that is the one device that is registered, is an agent as far as we know, and nobody else says
/// anything of the presentity (R3856-6.11.2-6). Else we do. When that turns to the PUA our
/// subscriptions end as `deactivated`. Each SUBSCRIBE is checked and decided here first; then it
/// is tried at the PUA, which is told who asks, and what is no answer for its sender comes home. A
/// registration keeps the mark of that. Only those who may see everything go there: what they see
/// is not ours to filter any more.
///
/// When it turns back, watchers learn so where they refresh (481) or the agent ends their
/// subscriptions; whom policy refuses meanwhile is not told anything more that passes here.
class Migration final : public sip::SubscriptionCarrier,
                        public sip::AgentDirectory,
                        public sip::StateListener,
                        private sip::FallBack {
public:
    struct Parts {
        sip::Shard& shard;
        sip::Resources& resources;
        sip::Notifier& notifier;
        sip::Registrar& registrar;
        sip::Proxy& proxy;
        PresencePackage& package;
    };
    /// `number`: of the package at the notifier. All outlive this.
    Migration(const Parts& parts, std::uint8_t number, MigrationMode mode)
        : parts_(parts), number_(number), mode_(mode) {}

    /// Who asks PUAs where we serve, and stops where they do. Null: nobody.
    void set_learner(Learner* learner) { learner_ = learner; }
    /// To be told of publications and registrations in the notifier's place, which is told first.
    void state_changed(const sip::Now& now, std::uint8_t package,
                       std::string_view resource) override;

    bool is_elsewhere(std::uint8_t package, std::string_view resource, sip::ViewId view) override;
    bool take(const sip::Now& now, const sip::Request& request, std::uint8_t package,
              std::string_view resource, sip::ViewId view) override;
    std::optional<sip::Registrar::Binding> agent_for(const sip::Now& now, std::string_view package,
                                                     std::string_view watcher,
                                                     std::string_view resource) override;
    bool may_be_told(const sip::Now& now, std::string_view package, std::string_view watcher,
                     std::string_view resource) override;

private:
    bool is_answer(std::uint16_t status) const override;
    void come_back(const sip::Now& now, const sip::Request& request, std::uint64_t binding,
                   std::uint16_t status) override;
    std::optional<sip::Registrar::Binding> agent_of(std::string_view presentity);
    bool may_be_agent(const sip::Registrar::Binding& binding) const;
    void reconsider(const sip::Now& now, std::string_view presentity);
    bool may_go(const sip::Now& now, std::string_view watcher, std::string_view resource);

    Parts parts_;
    std::uint8_t number_;
    MigrationMode mode_;
    Learner* learner_ = nullptr;
};

}  // namespace presence
