#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/edge/net/driver.hpp"
#include "apps/edge/net/entropy.hpp"
#include "apps/edge/workers/worker_counts.hpp"
#include "apps/edge/workers/worker_link.hpp"
#include "apps/vigil/control_server.hpp"
#include "apps/vigil/counter_report.hpp"
#include "apps/vigil/hard_states.hpp"
#include "apps/vigil/log_tracer.hpp"
#include "apps/vigil/rule_files.hpp"
#include "apps/vigil/serve_settings.hpp"
#include "presence/server.hpp"

namespace vigil {

/// What the workers of one server have in common. They only read it, but for the log and the
/// capture, which take one line and one message at a time.
struct ServeCommon {
    const ServeSettings& settings;
    Log& log;
    PacketCapture* capture;  ///< may be null
    unsigned workers = 1;
    sip::HashKey routing_key;                  ///< see sip::WorkerPlace
    std::array<std::byte, 256> secrets;        ///< see presence::ServerOptions::common_secrets
    std::size_t connections_max = 0;           ///< of each; 0: as many as there are descriptors for
    std::unique_ptr<edge::WorkerRings> rings;  ///< null: one worker
    std::unique_ptr<edge::WorkerCounts> counts = nullptr;  ///< the same
};

/// What a worker owns that is read from files.
struct ServeState {
    UserTable users;
    HardStates hard_states;
    std::shared_ptr<edge::TlsContext> tls;  ///< null: none
};

/// What holds at a moment, for an operator.
struct ServeGauges {
    std::uint64_t subscriptions = 0, publications = 0, bindings = 0, connections = 0,
                  mirrored_connections = 0, server_transactions = 0, client_transactions = 0,
                  memory_bytes = 0, memory_bytes_peak = 0, decisions_kept = 0,
                  decisions_forgotten = 0;
    sip::Counters core;
    edge::NetCounters net;

    void add(const ServeGauges& other);
};

/// One of the workers of a server: a loop of its own with a core of its own, which serves those
/// presentities that it owns. All but `post` is its own thread's; before that runs, anybody's.
class ServeWorker {
public:
    ServeWorker(const ServeCommon& common, unsigned number, ServeState state,
                std::unique_ptr<RuleFiles> rules);
    ServeWorker(const ServeWorker&) = delete;
    ServeWorker& operator=(const ServeWorker&) = delete;
    ~ServeWorker();

    /// The way to the others; nothing where there are none.
    void join(std::function<void(unsigned worker)> wake);
    /// Rules are watched from now on, and what happens is told to the log.
    void prepare();
    /// Calls `then` in the loop of this worker, soon. From any thread.
    void post(std::function<void()> then);

    /// `policy`: another one; nothing: as it was.
    void reload(ServeState state, std::optional<presence::Policy> policy);
    /// Ends all subscriptions; `idle` is called once, when nothing is left.
    void shut_down(presence::Server::Stop how, std::function<void()> idle);
    /// Ends `run` of its driver.
    void end();
    ServeGauges gauges() const;

    edge::Driver& driver() { return driver_; }
    presence::Server& server() { return server_; }
    ControlServer& control() { return control_; }
    unsigned number() const { return number_; }
    const RuleFiles* rules() const { return rules_.get(); }

private:
    /// Who exists: the users, as they are at the moment, and who has rules.
    class Addresses final : public sip::Directory {
    public:
        Addresses(const UserTable& users, const RuleFiles* rules) : users_(users), rules_(rules) {}
        bool exists(std::string_view address) const override {
            return users_.exists(address) || (rules_ != nullptr && rules_->has(address));
        }

    private:
        const UserTable& users_;
        const RuleFiles* rules_;
    };
    /// --delegate.
    class DelegateTable final : public presence::Delegations {
    public:
        explicit DelegateTable(const std::vector<std::pair<std::string, std::string>>& pairs)
            : pairs_(pairs) {}
        bool may_publish(std::string_view publisher, std::string_view presentity) const override;

    private:
        const std::vector<std::pair<std::string, std::string>>& pairs_;
    };
    /// The same bytes for each worker.
    class CommonSecrets final : public sip::Entropy {
    public:
        explicit CommonSecrets(std::span<const std::byte> bytes) : bytes_(bytes) {}
        void fill(std::span<std::byte> out) override;

    private:
        std::span<const std::byte> bytes_;
    };

    bool is_alone() const { return common_.workers == 1; }
    bool owns(std::string_view presentity) const;
    presence::ServerOptions server_options();
    edge::DriverOptions driver_options() const;
    void run_posted();
    void note_pending(const sip::Now& now, const sip::TraceTransition& step);
    void trim_later(sip::Duration after);
    void watch_rules();
    void look_at_rules();
    void take_rules(const RuleFiles::Changes& changes);
    void look_for_trouble();
    void tell_of_tls(const edge::TlsTrouble& what);

    const ServeCommon& common_;
    const unsigned number_;
    UserTable users_;
    std::unique_ptr<RuleFiles> rules_;  ///< null: nobody has rules
    DelegateTable delegates_;
    HardStates hard_states_;
    std::vector<std::string_view> domains_, trusted_names_;
    Addresses addresses_;
    LogTracer tracer_;
    edge::OsEntropy entropy_;
    CommonSecrets secrets_;
    presence::Server server_;
    RecentDecisions decisions_;
    ControlServer control_;
    edge::EngineOf<presence::Server> engine_;
    std::unique_ptr<edge::WorkerLink> link_;
    edge::Driver driver_;
    CounterReport report_;
    std::set<std::string> rule_names_;  ///< of files that changed; an empty one: of any
    std::function<void()> idle_;        ///< called once nothing is left
    bool told_of_pending_ = false;
    bool trouble_told_ = false;  ///< less than `trouble_interval` ago
    std::mutex posted_mutex_;    ///< for what an operator asked; no message waits for it
    std::vector<std::function<void()>> posted_;
};

presence::Policy policy_of(DefaultPolicy policy);
/// What an operator can do about pending watchers.
std::string how_to_decide(const RuleFiles* rules);

}  // namespace vigil
