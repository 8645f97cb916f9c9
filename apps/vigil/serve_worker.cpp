#include "apps/vigil/serve_worker.hpp"

#include <algorithm>
#include <cstring>

#include "apps/edge/net/address.hpp"
#include "apps/edge/net/clock.hpp"
#include "apps/vigil/text.hpp"
#include "apps/vigil/version.hpp"
#include "sip/transaction/owner.hpp"

namespace vigil {

namespace {

constexpr sip::Duration unsent_timeout = sip::milliseconds{500};
// A line about bounds that were met or things that were lost, at most once in this time.
constexpr sip::Duration trouble_interval = sip::seconds{10};
// How often memory that nothing needs any more is looked for.
constexpr sip::Duration trim_interval = sip::seconds{60};
// So many blocks go back to the system at once, and the others after a pause.
constexpr std::size_t trim_blocks = 1'024;
constexpr sip::Duration trim_pause = sip::milliseconds{10};
/// Several changes of rule files in a row are looked at together.
constexpr sip::Duration rules_settle = sip::milliseconds{50};
/// What others wrote to connections of one worker and is not sent yet.
constexpr std::size_t relayed_bytes = std::size_t{64} << 20;

constexpr std::string_view no_decisions =
    "policy confirm: watchers stay pending until somebody decides about them, and nobody can "
    "without --rules DIR; start with it, or with --policy allow to let every authenticated watcher "
    "in";

sip::Proxy::Relay relay_of(RelayMode mode) {
    switch (mode) {
        case RelayMode::none: return sip::Proxy::Relay::none;
        case RelayMode::local: return sip::Proxy::Relay::local;
        case RelayMode::authenticated: return sip::Proxy::Relay::authenticated;
    }
    return sip::Proxy::Relay::none;
}

}  // namespace

presence::Policy policy_of(DefaultPolicy policy) {
    switch (policy) {
        case DefaultPolicy::allow: return presence::Policy::allow;
        case DefaultPolicy::confirm: return presence::Policy::confirm;
        case DefaultPolicy::polite_block: return presence::Policy::polite_block;
        case DefaultPolicy::block: return presence::Policy::block;
    }
    return presence::Policy::block;
}

std::string how_to_decide(const RuleFiles* rules) {
    if (rules == nullptr) return std::string(no_decisions);
    return "policy confirm: watchers stay pending until somebody decides about them: vigil "
           "allow sip:PRESENTITY sip:WATCHER --rules " +
           escape(rules->folder());
}

void ServeGauges::add(const ServeGauges& other) {
    subscriptions += other.subscriptions;
    publications += other.publications;
    bindings += other.bindings;
    connections += other.connections;
    mirrored_connections += other.mirrored_connections;
    server_transactions += other.server_transactions;
    client_transactions += other.client_transactions;
    memory_bytes += other.memory_bytes;
    memory_bytes_peak += other.memory_bytes_peak;
    decisions_kept += other.decisions_kept;
    decisions_forgotten += other.decisions_forgotten;
    CounterReport::add(core, other.core);
    CounterReport::add(net, other.net);
}

bool ServeWorker::DelegateTable::may_publish(std::string_view publisher,
                                             std::string_view presentity) const {
    return std::any_of(pairs_.begin(), pairs_.end(), [&](const auto& pair) {
        return pair.first == publisher && pair.second == presentity;
    });
}

void ServeWorker::CommonSecrets::fill(std::span<std::byte> out) {
    SIP_ASSERT(out.size() <= bytes_.size());
    std::memcpy(out.data(), bytes_.data(), out.size());
    bytes_ = bytes_.subspan(out.size());
}

ServeWorker::ServeWorker(const ServeCommon& common, unsigned number, ServeState state,
                         std::unique_ptr<RuleFiles> rules)
    : common_(common),
      number_(number),
      users_(std::move(state.users)),
      rules_(std::move(rules)),
      delegates_(common.settings.delegates),
      hard_states_(std::move(state.hard_states)),
      domains_(common.settings.domains.begin(), common.settings.domains.end()),
      trusted_names_(common.settings.trusted_names.begin(), common.settings.trusted_names.end()),
      addresses_(users_, rules_.get()),
      tracer_(common.log, common.capture),
      secrets_(common.secrets),
      server_(server_options(), entropy_),
      control_(server_, decisions_, edge::read_clocks, rules_.get()),
      engine_(server_),
      driver_(engine_, driver_options()),
      report_(server_.counters(), driver_.counters()) {
    if (state.tls) driver_.set_tls(std::move(state.tls));
}

ServeWorker::~ServeWorker() = default;

presence::ServerOptions ServeWorker::server_options() {
    const ServeSettings& settings = common_.settings;
    presence::ServerOptions options;
    options.domains = domains_;
    if (settings.digest) {
        options.credentials = &users_;
        options.directory = &addresses_;
        options.notify_secrets = &users_;
    }
    options.policy = policy_of(settings.policy);
    options.rules = rules_.get();
    options.delegations = &delegates_;
    options.notify_interval = settings.notify_interval;
    options.hold_per_watcher = settings.hold_per_watcher;
    options.composition = settings.composition;
    options.hard_states = &hard_states_;
    options.relay = relay_of(settings.relay);
    options.migrate = settings.migrate;
    options.learn = settings.learn;
    options.expires_min_s = settings.expires_min_s;
    options.expires_max_s = settings.expires_max_s;
    options.expires_jitter_percent = settings.expires_jitter_percent;
    options.strict = settings.strict;
    options.sips_only = settings.sips_only;
    options.gives_gruu = settings.gruu;
    options.rfc3265_compat = settings.rfc3265_compat;
    for (auto algorithm : settings.algorithms) (void)options.algorithms.push(algorithm);
    options.tracer = &tracer_;
    options.keeps_reasons = settings.control != "none";
    options.server_name = product();
    options.limits = settings.limits;
    options.limits.rate_source = settings.rate_source;
    options.limits.rate_user = settings.rate_user;
    options.limits.rate_strangers = settings.rate_strangers;
    options.anonymous = settings.anonymous;
    for (const auto& range : settings.trusted_networks) (void)options.trusted.networks.add(range);
    options.trusted.names = trusted_names_;
    if (settings.refuse_untrusted_identity)
        options.untrusted_identity = sip::AssertedGate::Untrusted::refuse;
    for (const auto& range : settings.limit_exempt) (void)options.exempt.add(range);
    if (is_alone()) return options;
    options.place = {static_cast<std::uint8_t>(number_), static_cast<std::uint8_t>(common_.workers),
                     common_.routing_key};
    options.common_secrets = &secrets_;
    options.common_counts = common_.counts.get();
    // What is of all together is shared out.
    options.limits.memory_bytes /= common_.workers;
    return options;
}

edge::DriverOptions ServeWorker::driver_options() const {
    edge::DriverOptions options;
    options.names.servers = common_.settings.dns;
    options.stop_timeout = unsent_timeout;
    options.connections_max = common_.connections_max;
    return options;
}

void ServeWorker::join(std::function<void(unsigned worker)> wake) {
    if (is_alone()) return;
    link_ = std::make_unique<edge::WorkerLink>(server_.stack(), *common_.rings, driver_,
                                               driver_.counters_of_others(), std::move(wake));
    server_.stack().set_neighbors(link_.get());
    driver_.set_relay(*link_, relayed_bytes / common_.workers);
    driver_.on_wake([this] {
        driver_.take_relayed();
        run_posted();
    });
}

bool ServeWorker::owns(std::string_view presentity) const {
    if (is_alone()) return true;
    if (presentity.empty()) return number_ == 0;
    return sip::owner_of_address({static_cast<std::uint8_t>(number_),
                                  static_cast<std::uint8_t>(common_.workers), common_.routing_key},
                                 presentity) == number_;
}

/// Memory that only a load of the past needed goes back, where nothing lives in it any more.
void ServeWorker::trim_later(sip::Duration after) {
    driver_.after(after, [this] {
        const bool more = server_.trim(edge::read_clocks(), trim_blocks);
        trim_later(more ? trim_pause : trim_interval);
    });
}

void ServeWorker::prepare() {
    if (rules_) watch_rules();
    trim_later(trim_interval);
    tracer_.on_transition(
        [this](const sip::Now& now, const sip::TraceTransition& step) { note_pending(now, step); });
    tracer_.on_decision([this](const sip::Now& now, const sip::TraceDecision& decision) {
        decisions_.add(now, decision);
    });
    driver_.on_tls_trouble([this](const edge::TlsTrouble& what) { tell_of_tls(what); });
    driver_.after_drain([this] {
        look_for_trouble();
        if (idle_ && server_.idle()) std::exchange(idle_, {})();
    });
}

void ServeWorker::post(std::function<void()> then) {
    {
        const std::lock_guard lock(posted_mutex_);
        posted_.push_back(std::move(then));
    }
    driver_.wake();
}

void ServeWorker::run_posted() {
    std::vector<std::function<void()>> posted;
    {
        const std::lock_guard lock(posted_mutex_);
        posted.swap(posted_);
    }
    for (const auto& each : posted) each();
}

void ServeWorker::note_pending(const sip::Now& now, const sip::TraceTransition& step) {
    if (told_of_pending_ || step.machine != "subscription" || step.to != "pending") return;
    told_of_pending_ = true;
    common_.log.say(now, LogLevel::warn,
                    "a watcher is pending, the first one; " + how_to_decide(rules_.get()));
}

void ServeWorker::watch_rules() {
    const auto changed = [this](std::string_view name) {
        rule_names_.emplace(name);
        if (rule_names_.size() > 1) return;
        driver_.after(rules_settle, [this] { look_at_rules(); });
    };
    const auto watched = driver_.on_folder_change(rules_->folder(), changed);
    if (!watched && number_ == 0)
        common_.log.say(edge::read_clocks(), LogLevel::warn,
                        watched.error() + "; SIGHUP has rule files read again");
    // What changed between the first look and now.
    rule_names_.emplace();
    look_at_rules();
}

void ServeWorker::look_at_rules() {
    const auto names = std::exchange(rule_names_, {});
    if (!names.contains(std::string{})) {
        for (const std::string& name : names) take_rules(rules_->look_at(name));
        return;
    }
    if (auto changes = rules_->look())
        take_rules(*changes);
    else if (number_ == 0)
        common_.log.say(edge::read_clocks(), LogLevel::error, changes.error() + "; rules stay");
}

/// Each worker has the rules of all; the one that goes by them tells of a change.
void ServeWorker::take_rules(const RuleFiles::Changes& changes) {
    const sip::Now now = edge::read_clocks();
    for (std::size_t i = 0; i < changes.errors.size(); ++i)
        if (owns(changes.wrong[i])) common_.log.say(now, LogLevel::error, changes.errors[i]);
    for (const std::string& presentity : changes.presentities) {
        server_.policy_changed(now, presentity);
        if (!owns(presentity)) continue;
        common_.log.say(now, LogLevel::info,
                        presentity.empty() ? "default rules changed: all is decided anew"
                                           : "rules of " + escape(presentity) + " changed");
    }
}

void ServeWorker::look_for_trouble() {
    if (trouble_told_) return;
    const std::string trouble = report_.new_trouble();
    if (trouble.empty()) return;
    common_.log.say(edge::read_clocks(), LogLevel::warn, "limits met, or lost: " + trouble);
    trouble_told_ = true;
    driver_.after(trouble_interval, [this] {
        trouble_told_ = false;
        look_for_trouble();
    });
}

void ServeWorker::tell_of_tls(const edge::TlsTrouble& what) {
    const std::string peer = "tls:" + edge::to_text(what.remote);
    std::string line = what.by_us     ? "no TLS connection to " + peer
                       : what.refused ? "TLS refused to " + peer
                                      : "nothing is proved by " + peer;
    line += ": " + escape(what.why);
    common_.log.say_limited(edge::read_clocks(), what.by_us ? LogLevel::warn : LogLevel::info,
                            what.by_us ? "tls out" : "tls in", line);
}

void ServeWorker::reload(ServeState state, std::optional<presence::Policy> policy) {
    if (state.tls) driver_.set_tls(std::move(state.tls));
    users_ = std::move(state.users);
    if (policy) server_.set_policy(edge::read_clocks(), *policy);
    if (rules_) {
        rule_names_.emplace();
        look_at_rules();
    }
    const sip::Now now = edge::read_clocks();
    for (const std::string& address : hard_states_.take(std::move(state.hard_states)))
        server_.state_changed(now, address);
}

void ServeWorker::shut_down(presence::Server::Stop how, std::function<void()> idle) {
    // How long a watcher is told to wait.
    constexpr std::uint32_t retry_after_min_s = 5, retry_after_max_s = 30;
    idle_ = std::move(idle);
    server_.shut_down(edge::read_clocks(), how, retry_after_min_s, retry_after_max_s);
}

void ServeWorker::end() {
    driver_.take_relayed();
    driver_.stop();
}

ServeGauges ServeWorker::gauges() const {
    auto& server = const_cast<presence::Server&>(server_);
    const sip::Memory& memory = server.stack().shard().memory;
    ServeGauges now;
    now.subscriptions = server.notifier().size();
    now.publications = server.compositor().size();
    now.bindings = server.registrar().size();
    now.connections = driver_.connections();
    now.mirrored_connections = link_ ? link_->mirrored() : 0;
    now.server_transactions = server.stack().servers().size();
    now.client_transactions = server.stack().clients().size();
    now.memory_bytes = memory.used();
    now.memory_bytes_peak = memory.peak();
    now.decisions_kept = decisions_.size();
    now.decisions_forgotten = decisions_.forgotten();
    now.core = server_.counters();
    now.net = driver_.counters();
    return now;
}

}  // namespace vigil
