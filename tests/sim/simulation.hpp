#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "tests/sim/history.hpp"
#include "tests/sim/phone_host.hpp"
#include "tests/sim/server_host.hpp"
#include "tests/sim/stranger.hpp"
#include "tests/sim/world.hpp"

namespace sim {

/// What became of one history.
struct Outcome {
    Failure failure;  ///< an empty invariant: all held
    Time simulated = 0;
    std::uint64_t messages = 0, fingerprint = 0;
    std::vector<Passage> passages;  ///< in order, where they were asked for
    bool failed() const { return !failure.invariant.empty(); }
};

/// One world through one history: steps under all that the network does; then the network heals,
/// and what should be so at rest is checked, first with everybody there, then after they left.
class Simulation {
public:
    Simulation(const Setup& setup, std::size_t passages_max);
    Outcome run(const History& history);

protected:
    void build();
    void apply(const Step& step);
    void apply_to_nodes(const Step& step);
    void apply_to_network(const Step& step);
    /// The name system says that of a server's domain from now on.
    void tell_names(unsigned server, NameState state, std::uint32_t ttl_s);
    void heal();
    void watch_timers();
    void look_at_calm(unsigned user);

    void rest();
    /// Everybody's view is the state of now; `who`: when that is, for people.
    void check_views(std::string_view when);
    void check_view(const PhoneHost& phone, unsigned user, std::string_view when);
    void check_counts();
    std::multiset<std::string> watchers_of(unsigned user);
    void check_watchers(std::string_view when);
    void change_everything(std::uint64_t round);
    void check_empty();
    void check_empty(ServerHost& host, unsigned worker);
    /// What those see of `user` to whom that is given. Of each set of `one_of`, one stands in the
    /// person: attributes of several are merged.
    struct Expected {
        View view;
        std::vector<std::set<std::string>> one_of;
    };
    Expected expected(unsigned user, const Given& given) const;
    static bool is_as_expected(const View& view, const Expected& expected);
    /// What `user` gives `phone`; `ago` before now, by the wall clock of his server.
    Given given(const PhoneHost& phone, unsigned user, Time ago = 0) const;
    std::string sphere_of(unsigned user) const;
    /// Time alone, or another sphere, may have blocked him or let him in just now.
    bool may_be_on_his_way(const PhoneHost& phone, unsigned user) const;
    void decide_by_rules(unsigned user, std::uint64_t seed);
    void decide(unsigned user, presence::Policy policy);
    const PhoneHost* agent_of(unsigned user) const;
    bool is_served(const PhoneHost& phone, unsigned user) const {
        return given(phone, user).handling != Handling::block;
    }
    void fail(std::string_view invariant, const std::string& detail) {
        world_.fail(invariant, detail);
    }

    const Setup setup_;
    World world_;
    Accounts accounts_;
    Stranger stranger_;
    std::vector<std::unique_ptr<ServerHost>> servers_;
    std::vector<std::unique_ptr<PhoneHost>> phones_;
    std::vector<std::uint64_t> changes_;  ///< by user: how often his state, rules or watchers moved
    bool at_rest_ = false;
};

}  // namespace sim
