#pragma once

#include <optional>
#include <string_view>

#include "presence/edge_name.hpp"
#include "presence/policy.hpp"
#include "sip/auth/asserted_gate.hpp"
#include "sip/event/event_headers.hpp"
#include "sip/event/notifier.hpp"
#include "sip/event/resources.hpp"
#include "sip/stack.hpp"

namespace presence {

/// What an Agent's user says.
class AgentUser {
public:
    /// The PIDF document that watchers see, as it is to be sent; valid until the next call. Empty:
    /// the closed document.
    virtual std::string_view document() const = 0;
    /// What becomes of `watcher` (a canonical address-of-record that somebody vouches for). Asked
    /// at each SUBSCRIBE, and again after Agent::policy_changed.
    virtual Policy policy_for(std::string_view watcher) const = 0;

protected:
    ~AgentUser() = default;
};

struct AgentOptions {
    /// A canonical address-of-record; outlives the agent.
    std::string_view presentity;
    /// Whose P-Asserted-Identity is believed (RFC 3325).
    sip::TrustedPeers trusted;
    /// Who asks all others; outlives the agent. Null: they are refused.
    sip::Gate* gate = nullptr;
    sip::Duration notify_interval = sip::seconds{5};  ///< RFC 3856 6.10; 0: no hold
    std::uint32_t expires_min_s = 60, expires_max_s = 7200;
    sip::Limits limits;
    sip::Tracer* tracer = nullptr;
    std::span<std::byte> arena;  ///< see sip::StackOptions
};

/// The smallest presence agent: the edge presence server of RFC 3856 7.1 for one presentity, who
/// says its whole state itself. Nobody publishes to it, nobody registers with it, and it composes
/// nothing: where that is wanted, a Server with `edge_of` does it in the same place.
///
/// Driven through `stack()`, to which a sip::Registrant may be attached.
class Agent final {
public:
    /// Limits of an agent for so many watchers at a time. For ten, 96 KiB of arena are enough.
    static sip::Limits limits_for(std::uint32_t watchers);

    /// `user` outlives it.
    Agent(const AgentOptions& options, const AgentUser& user, sip::Entropy& entropy);
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;

    sip::Stack& stack() { return stack_; }
    sip::Notifier& notifier() { return notifier_; }

    /// The document is another one: watchers are told.
    void state_changed(const sip::Now& now) { notifier_.state_changed(now, 0, presentity_); }
    /// Every watcher is decided about anew.
    void policy_changed(const sip::Now& now) { notifier_.decide_again(now, 0, presentity_); }
    /// Ends every subscription, as `deactivated`, and refuses what is asked from here on.
    void shut_down(const sip::Now& now);
    /// No subscription is left, its last NOTIFY included.
    bool idle() const { return notifier_.size() == 0; }

private:
    class Package final : public sip::EventPackage {
    public:
        Package(const AgentOptions& options, const AgentUser& user, sip::Shard& shard);
        const Traits& traits() const override { return traits_; }
        bool exists(std::string_view resource) const override { return resource == presentity_; }
        sip::Decision decide(const sip::Now& now, const sip::Watcher& watcher) override;
        sip::Expected<std::size_t> render(const sip::Now& now, sip::ResourceId id,
                                          std::string_view resource, sip::ViewId view,
                                          std::string_view content_type,
                                          std::span<char> room) override;

    private:
        std::string_view presentity_;
        const AgentUser& user_;
        sip::Shard& shard_;
        Traits traits_;
    };
    /// Lets nobody in of its own accord.
    class Door final : public sip::Gate {
    public:
        Verdict admit(const sip::Now&, const sip::Request&) override;
        void write_challenges(const sip::Now&, const sip::Request&, bool,
                              sip::MessageWriter&) override {}
        bool refuses_all() const override { return stopping; }
        bool stopping = false;
    };

    std::string_view presentity_;
    sip::Stack stack_;
    Package package_;
    Door door_;
    sip::AssertedGate gate_;
    sip::EventPackages packages_;
    sip::EventCapabilities capabilities_;
    sip::Resources resources_;
    sip::Notifier notifier_;
    EdgeName name_;
};

}  // namespace presence
