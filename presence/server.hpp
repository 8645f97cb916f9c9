#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "presence/edge_name.hpp"
#include "presence/migration.hpp"
#include "presence/presence_package.hpp"
#include "presence/watcher_info/watcher_info_package.hpp"
#include "sip/auth/asserted_gate.hpp"
#include "sip/auth/digest_gate.hpp"
#include "sip/auth/digest_server.hpp"
#include "sip/event/compositor.hpp"
#include "sip/event/event_headers.hpp"
#include "sip/event/notifier.hpp"
#include "sip/event/notify_digest.hpp"
#include "sip/event/resources.hpp"
#include "sip/proxy/proxy.hpp"
#include "sip/registrar/registrar.hpp"
#include "sip/stack.hpp"

namespace presence {

/// What a Server is made with. All texts, and what is pointed to, outlive it.
struct ServerOptions {
    /// What we are responsible for, and the realms of digest. At least one.
    std::span<const std::string_view> domains;
    /// Digest users. Null: nobody is asked, and the address in From counts as authenticated.
    const sip::CredentialSource* credentials = nullptr;
    /// What NOTIFYs are signed with for watchers that challenge them (RFC 3856 9.4). Null: a
    /// challenge is a NOTIFY that failed.
    const sip::NotifySecretSource* notify_secrets = nullptr;
    /// RFC 3856 9.6: who has no account may watch as nobody in particular, once it has answered a
    /// challenge.
    bool anonymous = false;
    /// Whose P-Asserted-Identity is believed, and what becomes of it from others.
    sip::TrustedPeers trusted;
    sip::AssertedGate::Untrusted untrusted_identity = sip::AssertedGate::Untrusted::strip;
    /// Who exists in our domains. Null: everybody.
    const sip::Directory* directory = nullptr;
    /// The one presentity of an edge presence server (RFC 3856 7.1), a canonical address-of-record:
    /// nobody else exists, what says of it is `local_states` alone, and its Contact at our
    /// listeners is a name of it. No PUBLISH, no REGISTER. Empty: an ordinary presence server.
    std::string_view edge_of;
    Policy policy = Policy::confirm;
    /// Presentities with a policy of their own. Null: `policy` holds for everybody.
    const PolicySource* policies = nullptr;
    /// Presentities with rules of their own (RFC 5025); these go before `policies`. Null: none.
    const RuleSource* rules = nullptr;
    /// Who may publish for others. Null: everybody for themself alone.
    const Delegations* delegations = nullptr;
    /// What the program itself says of presentities. Null: nothing.
    const LocalStates* local_states = nullptr;
    /// Standing state of presentities that does not expire (RFC 3903 3). Null: none.
    const LocalStates* hard_states = nullptr;
    sip::Duration notify_interval = sip::seconds{5};  ///< RFC 3856 6.10; 0: no hold
    bool hold_per_watcher = false;  ///< R3856-6.10-2: one hold a subscription, not one a view
    std::uint32_t expires_min_s = 60, expires_max_s = 7200;
    /// What is granted is shortened by up to so much, by chance, so that phones that restarted
    /// together do not come back together (RFC 6665 4.2.1.1, RFC 3903 6, RFC 3261 10.3).
    std::uint32_t expires_jitter_percent = 10;
    CompositionPolicy composition;
    /// What is carried on for others (threat 12).
    sip::Proxy::Relay relay = sip::Proxy::Relay::none;
    /// Whether presence agents of phones serve their watchers themselves. With `relay` none they
    /// cannot be reached by us, and never do.
    MigrationMode migrate = MigrationMode::capable;
    /// Whether what PUAs that are presence agents say is asked of them (RFC 3856 6.11.1), where
    /// they do not serve their watchers themselves.
    bool learn = false;
    bool strict = false;          ///< the RFCs by their letter: no leniency
    bool gives_gruu = false;      ///< RFC 5627; see sip::Registrar::Options
    bool sips_only = false;       ///< 480 to a SIP Request-URI (RFC 5630 5.1.2)
    bool rfc3265_compat = false;  ///< D-1: 202 for a pending subscription
    bool keeps_reasons = false;   ///< why each watcher sees what it sees: sip::Notifier::Options
    /// Offered in this order; empty: MD5 (requirement D-6).
    sip::SmallVector<sip::DigestAlgorithm, 6> algorithms;
    bool has_store = false;  ///< see sip::StackOptions
    sip::Limits limits;
    sip::Tracer* tracer = nullptr;
    std::string_view server_name;
    sip::WorkerPlace place;  ///< among the workers of one server
    /// What its workers have in common: gives each of them the same bytes, for the keys of nonces.
    /// Null: the entropy of this one.
    sip::Entropy* common_secrets = nullptr;
    sip::CommonCounts* common_counts = nullptr;  ///< see sip::StackOptions
    /// See sip::StackOptions.
    sip::AddressRanges exempt;
    std::span<std::byte> arena;
};

/// A presence server without I/O: stack, authentication, registrar, compositor, notifier and the
/// presence package. Driven as a sip::Stack is: see there.
///
/// The order of checks on a request (requirement D-7): parse and version, transaction match,
/// what is for others (carried on by the proxy), authentication (OPTIONS is answered without),
/// method, merged request, Request-URI (404 for whom there is not), Require; then of SUBSCRIBE:
/// Event, Accept, Expires, body, authorization, limits; of PUBLISH: Event, authorization,
/// SIP-If-Match, Expires, body; of REGISTER: To, authorization, existence, contacts.
class Server final : private sip::RegistrationListener,
                     private sip::StateListener,
                     private sip::DeviceLocations,
                     private Reconsiderer {
public:
    Server(const ServerOptions& options, sip::Entropy& entropy);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    /// Before the first input.
    [[nodiscard]] bool add_listener(const sip::Listeners::Listener& listener) {
        return stack_.add_listener(listener);
    }

    // Inputs and outputs: those of sip::Stack.
    void input(const sip::Now& now, const sip::Datagram& in) { stack_.input(now, in); }
    void input(const sip::Now& now, const sip::Chunk& in) { stack_.input(now, in); }
    bool is_behind(sip::FlowId flow) const { return stack_.is_behind(flow); }
    sip::FlowId accepted(const sip::Now& now, sip::Transport transport, sip::Endpoint local,
                         sip::Endpoint remote) {
        return stack_.accepted(now, transport, local, remote);
    }
    void connected(const sip::Now& now, sip::FlowId flow, sip::Endpoint local) {
        stack_.connected(now, flow, local);
    }
    void secured(const sip::Now& now, sip::FlowId flow, std::span<const std::string_view> names) {
        stack_.secured(now, flow, names);
    }
    void resolved(const sip::Now& now, const sip::NameAnswer& answer) {
        stack_.resolved(now, answer);
    }
    void closed(const sip::Now& now, sip::FlowId flow) { stack_.closed(now, flow); }
    void unreachable(const sip::Now& now, const sip::Unreachable& in) {
        stack_.unreachable(now, in);
    }
    void committed(const sip::Now& now, sip::CommitId id) { stack_.committed(now, id); }
    void failed(const sip::Now& now, sip::CommitId id) { stack_.failed(now, id); }
    void advance(const sip::Now& now) { stack_.advance(now); }
    std::optional<sip::Effect> poll(const sip::Now& now);
    std::optional<sip::Instant> deadline() { return stack_.deadline(); }
    std::optional<sip::Instant> deadline_at_least() const { return stack_.deadline_at_least(); }

    /// How watchers are told that we stop.
    enum class Stop : std::uint8_t {
        probation,   ///< come back after a while
        deactivate,  ///< come back at once: another server takes over
    };
    /// Ends every subscription, and answers 503 from here on; with `probation` each watcher is told
    /// to wait between the two numbers of seconds. Poll until `idle`, or as long as there is time.
    void shut_down(const sip::Now& now, Stop stop, std::uint32_t retry_after_min_s = 5,
                   std::uint32_t retry_after_max_s = 30);
    /// No subscription is left, its last NOTIFY included, and nothing waits for the store.
    bool idle() { return notifier_.size() == 0 && stack_.core().staging.size() == 0; }

    /// Gives back the memory that only a load of the past needed; see sip::Stack.
    /// No more than `blocks_max` at once; true: there is more.
    bool trim(const sip::Now& now, std::size_t blocks_max = SIZE_MAX);

    /// Another policy for those without rules; every subscription is decided anew.
    void set_policy(const sip::Now& now, Policy policy);
    /// The rules or the policy of `presentity` (a canonical address-of-record; empty: of everybody)
    /// are other ones than before: the subscriptions to it are decided anew, at once.
    void policy_changed(const sip::Now& now, std::string_view presentity);

    /// The local states say another thing about `presentity` (a canonical address-of-record) than
    /// before: its watchers are told.
    void state_changed(const sip::Now& now, std::string_view presentity);

    /// What would be decided of `watcher` (a canonical address-of-record, proved to be theirs) if
    /// it subscribed to `presentity` now. Nothing changes.
    sip::Decision decision_for(const sip::Now& now, std::string_view watcher,
                               std::string_view presentity) {
        return package_.decide(now, {watcher, presentity, true});
    }
    /// Nothing: nobody watches it, and nothing is published for it.
    sip::ResourceId resource_of(std::string_view presentity) const;
    /// The document of those who may see all of `presentity`, as it is now: how many bytes of
    /// `room`. `observer` may be null.
    sip::Expected<std::size_t> compose(const sip::Now& now, std::string_view presentity,
                                       CompositionObserver* observer, std::span<char> room);

    // For people, tests and the edge.
    sip::Stack& stack() { return stack_; }
    const sip::Counters& counters() const { return stack_.counters(); }
    sip::Notifier& notifier() { return notifier_; }
    sip::Compositor& compositor() { return compositor_; }
    sip::Registrar& registrar() { return registrar_; }
    sip::Proxy& proxy() { return proxy_; }
    PresencePackage& package() { return package_; }
    const Reconsideration& reconsideration() const { return reconsideration_; }
    /// Who watches, and who waits to be let in: presence.winfo, and presence.winfo.winfo.
    Watchers& watchers() { return watcher_info_.watchers(); }
    Watchers& watchers_of_watchers() { return watcher_info_of_it_.watchers(); }
    /// PUAs that are asked.
    std::size_t learning() const { return learner_ ? learner_->size() : 0; }

private:
    /// Our domains, and in them whoever the given directory knows.
    class Addresses : public sip::Directory {
    public:
        explicit Addresses(const ServerOptions& options)
            : domains_(options.domains), directory_(options.directory), only_(options.edge_of) {}
        bool exists(std::string_view address_of_record) const override;

    private:
        std::span<const std::string_view> domains_;
        const sip::Directory* directory_;
        std::string_view only_;
    };
    /// Refuses all once we stop, so that what ended is not begun again.
    class Stopping final : public sip::Gate {
    public:
        Verdict admit(const sip::Now&, const sip::Request&) override {
            Verdict verdict;
            verdict.kind = Verdict::Kind::refused;
            verdict.error = {sip::Condition::overloaded, "Shutting down"};
            return verdict;
        }
        void write_challenges(const sip::Now&, const sip::Request&, bool,
                              sip::MessageWriter&) override {}
        bool refuses_all() const override { return true; }
    };
    /// Hears of what PUAs were asked for: who serves them is the same as before.
    class Learnt final : public sip::StateListener {
    public:
        explicit Learnt(Server& server) : server_(server) {}
        void state_changed(const sip::Now& now, std::uint8_t package,
                           std::string_view resource) override;

    private:
        Server& server_;
    };
    void look_at_sphere(const sip::Now& now, std::uint8_t package, std::string_view resource);
    void registrations_changed(const sip::Now& now, std::string_view address_of_record) override;
    void state_changed(const sip::Now& now, std::uint8_t package,
                       std::string_view resource) override;
    void decide_again(const sip::Now& now, std::string_view presentity) override;
    bool is_watched(std::string_view presentity) const override;
    std::optional<sip::Target> find(const sip::Uri& gruu) override;
    void join(const ServerOptions& options);

    Addresses addresses_;
    std::string_view edge_of_;
    sip::Stack stack_;
    std::optional<sip::DigestServer> digest_;
    std::optional<sip::DigestGate> digest_gate_, proxy_digest_gate_;
    sip::TrustingGate trusting_gate_;
    std::optional<sip::AssertedGate> asserted_gate_, proxy_asserted_gate_;
    Stopping stopping_;
    PresencePackage package_;
    Reconsideration reconsideration_;
    WatcherInfoPackage watcher_info_, watcher_info_of_it_;
    sip::EventPackages packages_;
    sip::EventCapabilities capabilities_;
    sip::Resources resources_;
    EdgeName edge_name_;
    std::optional<sip::NotifyDigest> notify_digest_;
    sip::Notifier notifier_;
    sip::Compositor compositor_;
    sip::Registrar registrar_;
    sip::Proxy proxy_;
    Migration migration_;
    std::optional<sip::Subscriber> subscriber_;
    Learnt learnt_{*this};
    std::optional<Learner> learner_;
    std::optional<NotifyDoor> notify_door_;
};

}  // namespace presence
