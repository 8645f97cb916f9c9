#pragma once

#include <optional>

#include "sip/base/clock.hpp"
#include "sip/transport/effects.hpp"
#include "sip/transport/listeners.hpp"

namespace edge {

/// What a Driver drives: the inputs and outputs of sip::Stack, or of whatever stands on one.
class Engine {
public:
    virtual bool add_listener(const sip::Listeners::Listener& listener) = 0;

    virtual void input(const sip::Now& now, const sip::Datagram& in) = 0;
    virtual void input(const sip::Now& now, const sip::Chunk& in) = 0;
    virtual bool is_behind(sip::FlowId flow) const = 0;
    virtual sip::FlowId accepted(const sip::Now& now, sip::Transport transport, sip::Endpoint local,
                                 sip::Endpoint remote) = 0;
    virtual void connected(const sip::Now& now, sip::FlowId flow, sip::Endpoint local) = 0;
    virtual void secured(const sip::Now& now, sip::FlowId flow,
                         std::span<const std::string_view> names) = 0;
    virtual void resolved(const sip::Now& now, const sip::NameAnswer& answer) = 0;
    virtual void closed(const sip::Now& now, sip::FlowId flow) = 0;
    virtual void unreachable(const sip::Now& now, const sip::Unreachable& in) = 0;
    virtual void committed(const sip::Now& now, sip::CommitId id) = 0;
    virtual void failed(const sip::Now& now, sip::CommitId id) = 0;
    virtual void advance(const sip::Now& now) = 0;

    virtual std::optional<sip::Effect> poll(const sip::Now& now) = 0;
    virtual std::optional<sip::Instant> deadline_at_least() const = 0;

protected:
    ~Engine() = default;
};

/// Any core with the functions of sip::Stack as an Engine. `core` outlives this.
template <class Core>
class EngineOf final : public Engine {
public:
    explicit EngineOf(Core& core) : core_(core) {}

    bool add_listener(const sip::Listeners::Listener& listener) override {
        return core_.add_listener(listener);
    }
    void input(const sip::Now& now, const sip::Datagram& in) override { core_.input(now, in); }
    void input(const sip::Now& now, const sip::Chunk& in) override { core_.input(now, in); }
    bool is_behind(sip::FlowId flow) const override { return core_.is_behind(flow); }
    sip::FlowId accepted(const sip::Now& now, sip::Transport transport, sip::Endpoint local,
                         sip::Endpoint remote) override {
        return core_.accepted(now, transport, local, remote);
    }
    void connected(const sip::Now& now, sip::FlowId flow, sip::Endpoint local) override {
        core_.connected(now, flow, local);
    }
    void secured(const sip::Now& now, sip::FlowId flow,
                 std::span<const std::string_view> names) override {
        core_.secured(now, flow, names);
    }
    void resolved(const sip::Now& now, const sip::NameAnswer& answer) override {
        core_.resolved(now, answer);
    }
    void closed(const sip::Now& now, sip::FlowId flow) override { core_.closed(now, flow); }
    void unreachable(const sip::Now& now, const sip::Unreachable& in) override {
        core_.unreachable(now, in);
    }
    void committed(const sip::Now& now, sip::CommitId id) override { core_.committed(now, id); }
    void failed(const sip::Now& now, sip::CommitId id) override { core_.failed(now, id); }
    void advance(const sip::Now& now) override { core_.advance(now); }
    std::optional<sip::Effect> poll(const sip::Now& now) override { return core_.poll(now); }
    std::optional<sip::Instant> deadline_at_least() const override {
        return core_.deadline_at_least();
    }

private:
    Core& core_;
};

}  // namespace edge
