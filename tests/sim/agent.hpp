#pragma once

#include <string>
#include <utility>

#include "presence/presence_package.hpp"
#include "sip/auth/digest_gate.hpp"
#include "sip/event/notifier.hpp"
#include "sip/stack.hpp"
#include "tests/sim/setup.hpp"

namespace sim {

/// What makes a phone a presence agent for its user: whoever asks for its Contact is told what
/// any other phone would publish.
class Agent final : private sip::Directory, private presence::LocalStates, sip::ResourceNames {
public:
    static constexpr const char* capabilities = ";methods=\"SUBSCRIBE\";events=\"presence\"";

    Agent(sip::Stack& stack, std::string presentity, std::string document)
        : presentity_(std::move(presentity)),
          document_(std::move(document)),
          package_(stack.shard(), *this, options()),
          resources_(stack.shard()),
          notifier_(stack.core(), packages_, resources_, {}) {
        (void)packages_.add(package_);
        constexpr std::array subscribe{sip::Method::subscribe};
        notifier_.attach_as(stack.attach(notifier_, subscribe));
        notifier_.set_names(this);
        stack.set_gate(&gate_);
    }
    void say(const sip::Now& now, std::string document) {
        document_ = std::move(document);
        notifier_.state_changed(now, 0, presentity_);
    }
    /// It is registered no more: its watchers are told to come back.
    void end(const sip::Now& now) {
        notifier_.end(now, 0, presentity_, sip::subscription_machine::Event::deactivate);
    }
    std::size_t size() { return notifier_.size(); }
    void trim() { resources_.trim(); }

private:
    presence::PresencePackage::Options options() const {
        presence::PresencePackage::Options made;
        made.policy = presence::Policy::allow;
        made.local_states = this;
        return made;
    }
    bool exists(std::string_view address) const override { return address == presentity_; }
    std::optional<State> state_of(std::string_view) const override { return State{document_}; }
    void write(sip::Appender& out, const sip::Uri&) const override { out << presentity_; }

    std::string presentity_, document_;
    sip::TrustingGate gate_;
    presence::PresencePackage package_;
    sip::EventPackages packages_;
    sip::Resources resources_;
    sip::Notifier notifier_;
};

}  // namespace sim
