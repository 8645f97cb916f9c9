#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/edge/workers/worker_counts.hpp"
#include "apps/edge/workers/worker_link.hpp"
#include "presence/server.hpp"
#include "tests/sim/conversations.hpp"
#include "tests/sim/host.hpp"
#include "tests/sim/rule_book.hpp"
#include "tests/sim/setup.hpp"
#include "tests/sim/view.hpp"
#include "tests/support/seeded_entropy.hpp"

namespace sim {

/// What the users decided, and who they are. Shared by all servers; no crash touches it.
class Accounts final : public presence::PolicySource,
                       public presence::RuleSource,
                       public sip::CredentialSource,
                       public sip::Directory {
public:
    explicit Accounts(const Setup& setup);

    std::optional<presence::Policy> policy_of(std::string_view presentity) const override;
    const presence::Ruleset* rules_of(std::string_view presentity) const override;
    bool find(std::string_view user, std::string_view realm, sip::DigestAlgorithm base,
              sip::Ha1& out) const override;
    bool exists(std::string_view address) const override;

    presence::Policy policy(unsigned user) const { return policies_[user]; }
    void set_policy(unsigned user, presence::Policy policy) { policies_[user] = policy; }
    /// Rules go before the policy; nothing: it has none any more.
    void set_rules(unsigned user, std::optional<RuleBook> book);
    const RuleBook* book(unsigned user) const { return books_[user] ? &*books_[user] : nullptr; }
    /// What `presentity` decided for `watcher`, by rules or by policy.
    Given given(unsigned presentity, unsigned watcher, const Moment& moment) const;
    /// Of "u7" or "u7@..."; nothing when it is no user of ours.
    std::optional<unsigned> number_of(std::string_view user) const;
    static std::string password(unsigned user) { return "secret" + std::to_string(user); }

private:
    const Setup& setup_;
    std::vector<presence::Policy> policies_;
    sip::Memory memory_{std::size_t{256} << 20};
    std::vector<std::optional<RuleBook>> books_;
    std::vector<std::optional<presence::Ruleset>> rules_;
};

/// A store that is slow, and fails now and then. Without `Setup::store` it is never asked.
struct StoreModel {
    Time delay_max = 20 * millisecond;
    unsigned failures_percent = 0;
};

/// A presence server of a world.
class ServerHost final : public Host {
public:
    ServerHost(World& world, const Setup& setup, unsigned number, Accounts& accounts);

    void start();
    /// As a power cut would: what was not stored is gone.
    void crash();
    /// As SIGTERM would: watchers are told, then it goes, after `grace` at most.
    void stop(Time grace);

    sip::Stack* stack() override { return stack_of(0); }
    unsigned workers() const override { return setup_.workers; }
    sip::Stack* stack_of(unsigned worker) override {
        return workers_.empty() ? nullptr : &workers_[worker]->server.stack();
    }
    unsigned worker_for(const sip::Endpoint& source) const override;
    edge::Relay* relay(unsigned worker) override {
        return setup_.workers == 1 || workers_.empty() ? nullptr : workers_[worker]->link.get();
    }
    void on_sent(std::string_view text) override;
    void on_arrival(std::string_view text) override;
    void on_commit(sip::CommitId id, unsigned worker) override;
    void on_rest() override;
    /// To be called now and then: no device has two subscriptions to the same, one of them with a
    /// connection that is gone.
    void check_devices();
    /// A user's policy, or rules, are other ones than before.
    void policy_changed(unsigned user);

    /// The wall clock is set.
    void jump(std::int64_t by_ms);
    /// It was, not long ago: rules that hold for a time are looked at by it within a minute.
    bool has_jumped() const { return world.now - jumped_at_ < looks_again; }

    presence::Server* server(unsigned worker = 0) {
        return workers_.empty() ? nullptr : &workers_[worker]->server;
    }
    /// The one that has a user's presence.
    presence::Server& server_of(unsigned user);
    std::size_t subscriptions();
    std::size_t publications();
    std::size_t bindings();
    const unsigned server_number;
    StoreModel store;
    /// Takes over what becomes of a commit in place of `store`.
    std::function<void(sip::CommitId)> on_commit_wanted;
    /// Whoever is here says what he wants from now on: what was asked for is known of nobody.
    void strangers_speak();
    std::size_t memory_at_start(unsigned worker) const { return workers_[worker]->memory_at_start; }

private:
    /// What its sockets do for other workers.
    class Connections final : public edge::RelayedConnections {
    public:
        Connections(ServerHost& host, unsigned worker) : host_(host), worker_(worker) {}
        void relay_write(sip::FlowId flow, std::string_view bytes) override {
            host_.world.relay_write(host_, worker_, flow, bytes);
        }
        void relay_close(const sip::Now&, sip::FlowId flow) override {
            host_.world.relay_close(host_, worker_, flow);
        }

    private:
        ServerHost& host_;
        unsigned worker_;
    };
    struct Worker {
        Worker(ServerHost& host, unsigned number);
        SeededEntropy entropy, common_secrets;
        presence::Server server;
        Connections connections;
        edge::NetCounters counters;
        std::unique_ptr<edge::WorkerLink> link;
        std::size_t memory_at_start = 0;
    };
    std::uint64_t seed_of(unsigned worker) const;
    sip::WorkerPlace place_of(unsigned worker) const;
    presence::ServerOptions options();
    void check_limits(presence::Server& server);
    static constexpr Time looks_again = 65 * second;
    void check_privacy(const Wire& wire);
    void check_given(const Wire& wire, unsigned presentity, unsigned watcher);
    std::string sphere_of(unsigned presentity);

    const Setup& setup_;
    Accounts& accounts_;
    std::string domain_;
    std::array<std::string_view, 1> domains_;
    std::unique_ptr<edge::WorkerRings> rings_;
    std::unique_ptr<edge::WorkerCounts> counts_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::unique_ptr<Conversations> conversations_;
    std::uint64_t commits_ = 0;
    bool strangers_speak_ = false;
    Time jumped_at_ = -looks_again;
    std::vector<std::int64_t> before_jumps_ms_;  ///< what to add for the wall clocks of before
    std::map<std::pair<unsigned, unsigned>, Given> given_;  ///< at the last NOTIFY
};

}  // namespace sim
