#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apps/load/connections.hpp"
#include "apps/load/credentials.hpp"
#include "apps/load/plan.hpp"
#include "apps/load/requests.hpp"
#include "apps/load/retransmission.hpp"
#include "apps/load/text_store.hpp"

namespace load {

/// Watchers and presence user agents by the hundred thousand, as one UAC: does what phases say and
/// counts what comes back. It keeps the standards as far as a server sees (dialogs, entity-tags,
/// Timer E, each NOTIFY answered), and reads of a server's messages nothing but SIP.
class Generator final : Connections::User {
public:
    /// `stop` becomes true when everything is to end at once.
    static edge::Outcome<std::unique_ptr<Generator>> open(const Plan& plan,
                                                          const std::atomic<bool>& stop);
    PhaseResult run(const Phase& phase);

    const Plan& plan() const { return plan_; }
    std::uint64_t active_subscriptions() const { return active_; }
    std::uint64_t active_publications() const { return published_; }

private:
    /// What every UAC of ours keeps.
    struct Agent {
        std::uint32_t cseq = cseq_base;
        std::uint32_t operation = none;  ///< that is under way
        StoredText nonce;                ///< of the last challenge
        std::uint32_t nonce_count = 0;
    };
    struct Subscription : Agent {
        std::uint32_t seen = 0;  ///< CSeq of the newest NOTIFY
        std::uint32_t told = 0;  ///< `Presentity::round` when the last one came
        std::uint32_t peer = 0;  ///< of `peers_`
        StoredText tag;
        std::uint16_t life = 0;
        bool active = false, has_seen = false;
    };
    struct Publication : Agent {
        StoredText entity_tag;
        std::uint32_t version = 0;
        bool published = false;
    };
    struct Presentity {
        std::uint32_t operation = none;  ///< the fan-out that is under way
        std::uint32_t watchers = 0;      ///< active subscriptions
        std::uint32_t round = 0;
        std::uint32_t next_part = 0;
    };
    /// Where requests in a dialog go: the remote target and the route set.
    struct Peer {
        std::string target, routes;
    };
    struct Operation {
        Kind kind = Kind::options;
        bool used = false, answered = false, notified = false, probe = false;
        std::uint8_t tries = 0;  ///< challenges that were answered
        std::uint16_t stream = 0;
        std::uint32_t entity = 0, cseq = 0, generation = 0, notifies_left = 0;
        std::uint64_t sent_at = 0;
    };
    static constexpr std::uint32_t none = UINT32_MAX;
    static constexpr std::uint32_t options_agents = 4'096;

    Generator(const Plan& plan, const std::atomic<bool>& stop);

    // Connections::User
    void on_message(std::uint32_t connection, std::string_view message) override;
    void on_lost(std::uint32_t connection) override;

    // What is begun.
    void start_due(std::uint64_t now);
    bool start_next(std::uint64_t now);
    void start_probes(std::uint64_t now);
    std::optional<std::size_t> next_stream() const;
    std::optional<std::uint32_t> next_entity(Kind kind);
    std::optional<std::uint32_t> next_subscription(bool active);
    std::optional<std::uint32_t> next_publication(Kind kind);
    bool start(Kind kind, std::uint32_t entity, std::size_t stream, bool probe, std::uint64_t now);
    void prepare(const Operation& operation);
    bool is_over(std::uint64_t now) const;
    std::uint64_t patience(std::uint64_t now) const;

    // What is sent.
    std::uint32_t connection_of(const Operation& operation) const;
    Agent& agent_of(const Operation& operation);
    void send(std::uint32_t operation);
    void stamp_subscribe(Stamp& stamp, const Operation& operation);
    void stamp_publish(Stamp& stamp, const Operation& operation);
    void stamp_credentials(Stamp& stamp, const Operation& operation, std::string_view method);
    void answer(std::uint32_t connection, const Incoming& in, std::string_view status_line);
    void expire(std::uint64_t now);

    // What comes.
    void on_response(const Incoming& in, const CallId& id);
    void on_notify(std::uint32_t connection, const Incoming& in);
    void take_success(Operation& operation, const Incoming& in);
    bool take_challenge(std::uint32_t index, const Incoming& in);
    void take_dialog(Subscription& subscription, const Incoming& in);
    std::uint32_t peer_of(const Incoming& in);
    void on_news(Subscription& subscription, std::uint32_t index, const Incoming& in);
    void light_lamp(Subscription& subscription, std::uint32_t index, std::uint64_t now);
    void end_dialog(Subscription& subscription, std::uint32_t index);
    void finish_if_done(std::uint32_t index, std::uint64_t now);
    void finish(std::uint32_t index, bool succeeded, std::uint64_t now);
    std::uint32_t take_operation();
    void drain();
    void abandon_all();

    Plan plan_;
    const std::atomic<bool>& stop_;
    std::unique_ptr<Connections> connections_;
    std::string run_;
    Requests requests_;
    Credentials credentials_;
    TextStore texts_;
    std::vector<Subscription> subscriptions_;
    std::vector<Publication> publications_;
    std::vector<Presentity> presentities_;
    std::vector<Agent> options_;
    std::vector<Peer> peers_;
    std::unordered_map<std::string, std::uint32_t> peers_by_text_;
    std::string peer_text_;
    std::vector<Operation> operations_;
    std::vector<std::uint32_t> free_operations_;
    RetransmissionTimers timers_;
    std::uint64_t active_ = 0, published_ = 0;
    std::uint32_t next_subscription_ = 0, next_presentity_ = 0, next_options_ = 0;
    std::string credentials_text_, entity_tag_text_, tag_text_, target_text_;

    // Of the phase.
    const Phase* phase_ = nullptr;
    PhaseResult result_;
    std::vector<bool> passed_over_;  ///< streams that find nobody to act for
    std::uint64_t begun_at_ = 0, blocked_since_ = 0, begun_ = 0, under_way_ = 0;
    std::uint64_t probes_begun_ = 0;
};

}  // namespace load
