#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "apps/edge/net/relay.hpp"
#include "sip/base/endpoint.hpp"
#include "tests/sim/world.hpp"

namespace sim {

/// A machine of a world: an address, a clock, perhaps a NAT in front of it, and while it is up a
/// stack, whose inputs and effects the world carries.
class Host {
public:
    Host(World& world_given, std::string name_given, const sip::Address& address_given)
        : world(world_given), name(std::move(name_given)), at{address_given, 5060} {
        world.add(*this);
    }
    virtual ~Host() = default;
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    static constexpr sip::ListenerId udp{1}, tcp{2}, tls{3};
    static constexpr std::uint16_t tls_port = 5061;
    std::string proves;  ///< the domain of its certificate; empty: it has none

    /// Null while it is down.
    virtual sip::Stack* stack() = 0;
    /// Sees each message before it leaves, once an effect.
    virtual void on_sent(std::string_view text) = 0;
    /// Sees each datagram before the stack does.
    virtual void on_arrival(std::string_view) {}
    virtual void on_commit(sip::CommitId, unsigned) {}
    /// Workers that share its address, each with a stack of its own; `stack` is the first one's.
    virtual unsigned workers() const { return 1; }
    virtual sip::Stack* stack_of(unsigned) { return stack(); }
    /// Who gets what comes from there.
    virtual unsigned worker_for(const sip::Endpoint&) const { return 0; }
    virtual edge::Relay* relay(unsigned) { return nullptr; }
    /// The stack came to rest: news is read, invariants are checked.
    virtual void on_rest() {}

    bool is_up() { return stack() != nullptr; }
    sip::Now here() const { return clock.at(world.now); }

    /// As the others see it: its own address, or its NAT's with the port of now.
    sip::Endpoint outside() const { return is_behind_nat ? sip::Endpoint{nat, nat_port} : at; }
    void put_behind_nat(const sip::Address& address) {
        nat = address;
        is_behind_nat = true;
    }
    /// The NAT forgets: what comes to the old port is lost.
    void rebind() { ++nat_port; }

    World& world;
    const std::string name;
    const sip::Endpoint at;
    HostClock clock;
    std::size_t number = 0;  ///< in World::hosts
    unsigned boot = 0;       ///< how often it started
    bool is_behind_nat = false;
    sip::Address nat;
    std::uint16_t nat_port = 20'000;
    std::uint16_t next_port = 30'000;
    Time next_wake = no_time;

protected:
    /// Has the listeners of this host.
    void add_listeners(sip::Stack& stack) {
        (void)stack.add_listener({udp, sip::Transport::udp, at, {}});
        (void)stack.add_listener({tcp, sip::Transport::tcp, at, {}});
        (void)stack.add_listener({tls, sip::Transport::tls, {at.address, tls_port}, {}});
    }
};

}  // namespace sim
