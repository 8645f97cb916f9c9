#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "apps/edge/net/address.hpp"
#include "apps/edge/net/clock.hpp"
#include "apps/edge/net/descriptor.hpp"
#include "apps/edge/net/driver.hpp"
#include "apps/edge/net/entropy.hpp"
#include "apps/edge/net/systemd.hpp"
#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/control_paths.hpp"
#include "apps/vigil/control_server.hpp"
#include "apps/vigil/counter_report.hpp"
#include "apps/vigil/hard_states.hpp"
#include "apps/vigil/log_tracer.hpp"
#include "apps/vigil/rule_files.hpp"
#include "apps/vigil/serve_settings.hpp"
#include "apps/vigil/text.hpp"
#include "apps/vigil/version.hpp"
#include "presence/server.hpp"

namespace vigil {

namespace {

// Together the five seconds that a stop may take: a NOTIFY whose datagram was lost is sent three
// times more in it (RFC 3261 17.1.2.2: after 0.5, 1.5 and 3.5 s).
constexpr sip::Duration farewell_timeout = sip::milliseconds{4'500};
constexpr sip::Duration unsent_timeout = sip::milliseconds{500};
constexpr std::uint32_t retry_after_min_s = 5, retry_after_max_s = 30;
// A line about bounds that were met or things that were lost, at most once in this time.
constexpr sip::Duration trouble_interval = sip::seconds{10};

constexpr std::string_view no_decisions =
    "policy confirm: watchers stay pending until somebody decides about them, and nobody can "
    "without --rules DIR; start with it, or with --policy allow to let every authenticated watcher "
    "in";
/// Several changes of rule files in a row are looked at together.
constexpr sip::Duration rules_settle = sip::milliseconds{50};

sip::Proxy::Relay relay_of(RelayMode mode) {
    switch (mode) {
        case RelayMode::none: return sip::Proxy::Relay::none;
        case RelayMode::local: return sip::Proxy::Relay::local;
        case RelayMode::authenticated: return sip::Proxy::Relay::authenticated;
    }
    return sip::Proxy::Relay::none;
}

presence::Policy policy_of(DefaultPolicy policy) {
    switch (policy) {
        case DefaultPolicy::allow: return presence::Policy::allow;
        case DefaultPolicy::confirm: return presence::Policy::confirm;
        case DefaultPolicy::polite_block: return presence::Policy::polite_block;
        case DefaultPolicy::block: return presence::Policy::block;
    }
    return presence::Policy::block;
}

void write_to_stderr(std::string_view line) {
    // What does not fit a pipe that nobody reads is lost; the server goes on. A pipe is writable
    // when it has room for more than a line.
    pollfd pipe{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&pipe, 1, 0) != 1) return;
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

/// Keeps signals waiting until their handlers are there: neither a stop nor a reload that comes
/// while we start is lost, or ends the process in the middle.
class SignalHold {
public:
    SignalHold() {
        sigemptyset(&held_);
        for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&held_, number);
        ::pthread_sigmask(SIG_BLOCK, &held_, nullptr);
    }
    SignalHold(const SignalHold&) = delete;
    SignalHold& operator=(const SignalHold&) = delete;
    ~SignalHold() { release(); }
    void release() { ::pthread_sigmask(SIG_UNBLOCK, &held_, nullptr); }

private:
    sigset_t held_{};
};

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
    bool may_publish(std::string_view publisher, std::string_view presentity) const override {
        return std::any_of(pairs_.begin(), pairs_.end(), [&](const auto& pair) {
            return pair.first == publisher && pair.second == presentity;
        });
    }

private:
    const std::vector<std::pair<std::string, std::string>>& pairs_;
};

/// Where no file is named TLS is for connections that we open, if ever one is; then a machine on
/// which it cannot be set up is no trouble.
edge::Outcome<std::shared_ptr<edge::TlsContext>> make_tls(const ServeSettings& settings,
                                                          std::vector<std::string>& warnings) {
    if (settings.tls.certificates.empty() && settings.tls.authorities.empty())
        return edge::TlsContext::later(settings.tls);
    return edge::TlsContext::make(settings.tls, warnings);
}

/// A running server: the core, the sockets, and what signals do to them.
class Service {
public:
    Service(const ServeOptions& options, ServeSettings settings, UserTable users,
            std::unique_ptr<RuleFiles> rules, HardStates hard_states,
            std::optional<PacketCapture> capture)
        : options_(options),
          settings_(std::move(settings)),
          users_(std::move(users)),
          rules_(std::move(rules)),
          delegates_(settings_.delegates),
          hard_states_(std::move(hard_states)),
          capture_(std::move(capture)),
          domains_(settings_.domains.begin(), settings_.domains.end()),
          trusted_names_(settings_.trusted_names.begin(), settings_.trusted_names.end()),
          addresses_(users_, rules_.get()),
          log_(settings_.log, write_to_stderr),
          tracer_(log_, capture_ ? &*capture_ : nullptr),
          server_(server_options(), entropy_),
          control_(server_, decisions_, edge::read_clocks, rules_.get()),
          engine_(server_),
          driver_(engine_, driver_options()),
          report_(server_.counters(), driver_.counters()) {}

    void set_tls(std::shared_ptr<edge::TlsContext> context) { driver_.set_tls(std::move(context)); }
    edge::Outcome<void> listen() { return driver_.listen(settings_.listen, settings_.advertise); }

    /// Once it listens: the default path is named by the first listener. Where that cannot be, the
    /// server does without.
    edge::Outcome<void> open_control() {
        if (settings_.control == "none") return {};
        edge::Outcome<std::string> path = settings_.control;
        const auto& first = driver_.listening().front();
        if (path->empty()) path = default_control_path(edge::to_text(first.transport, first.local));
        auto opened = path ? listen_for_control(*path) : edge::failure(path.error());
        if (opened || !settings_.control.empty()) return opened;
        log_.say(edge::read_clocks(), LogLevel::warn,
                 "no control socket, so vigil show and explain have nobody to ask: " +
                     opened.error() + "; give --control PATH, or --control none");
        return {};
    }

    ExitCode run(SignalHold& signals) {
        if (settings_.policy == DefaultPolicy::confirm)
            log_.say(edge::read_clocks(), rules_ ? LogLevel::info : LogLevel::warn,
                     how_to_decide());
        if (rules_) watch_rules();
        tracer_.on_transition(
            [this](sip::Now now, const sip::TraceTransition& step) { note_pending(now, step); });
        tracer_.on_decision([this](sip::Now now, const sip::TraceDecision& decision) {
            decisions_.add(now, decision);
        });
        driver_.on_signal(SIGTERM, [this] { stop("SIGTERM"); });
        driver_.on_signal(SIGINT, [this] { stop("SIGINT"); });
        driver_.on_signal(SIGHUP, [this] { reload(); });
        driver_.on_signal(SIGUSR1, [this] {
            tell_counters(
                [this](const std::string& line) { log_.answer(edge::read_clocks(), line); });
        });
        driver_.on_tls_trouble([this](const edge::TlsTrouble& what) { tell_of_tls(what); });
        signals.release();
        driver_.after_drain([this] {
            look_for_trouble();
            if (stopping_ && server_.idle()) driver_.stop();
        });
        print_line(driver_.ready_line());
        edge::notify_systemd("READY=1");
        log_.say(edge::read_clocks(), LogLevel::info,
                 std::string(version_line()) + ": " + driver_.ready_line());
        driver_.run();
        tell_counters([this](const std::string& line) {
            log_.say(edge::read_clocks(), LogLevel::info, line);
        });
        std::string end = "stopped";
        if (const std::size_t left = server_.notifier().size(); left > 0)
            end += "; " + std::to_string(left) + " watchers have not answered";
        if (log_.left_out() > 0)
            end +=
                "; " + std::to_string(log_.left_out()) + " lines that came too often were left out";
        log_.say(edge::read_clocks(), LogLevel::info, end);
        return ExitCode::done;
    }

private:
    presence::ServerOptions server_options() {
        presence::ServerOptions options;
        options.domains = domains_;
        if (settings_.digest) {
            options.credentials = &users_;
            options.directory = &addresses_;
            options.notify_secrets = &users_;
        }
        options.policy = policy_of(settings_.policy);
        options.rules = rules_.get();
        options.delegations = &delegates_;
        options.notify_interval = settings_.notify_interval;
        options.hold_per_watcher = settings_.hold_per_watcher;
        options.composition = settings_.composition;
        options.hard_states = &hard_states_;
        options.relay = relay_of(settings_.relay);
        options.migrate = settings_.migrate;
        options.learn = settings_.learn;
        options.expires_min_s = settings_.expires_min_s;
        options.expires_max_s = settings_.expires_max_s;
        options.expires_jitter_percent = settings_.expires_jitter_percent;
        options.strict = settings_.strict;
        options.sips_only = settings_.sips_only;
        options.gives_gruu = settings_.gruu;
        options.rfc3265_compat = settings_.rfc3265_compat;
        for (auto algorithm : settings_.algorithms) (void)options.algorithms.push(algorithm);
        options.tracer = &tracer_;
        options.keeps_reasons = settings_.control != "none";
        options.server_name = product();
        options.limits = settings_.limits;
        options.limits.rate_source = settings_.rate_source;
        options.limits.rate_user = settings_.rate_user;
        options.limits.rate_strangers = settings_.rate_strangers;
        options.anonymous = settings_.anonymous;
        for (const auto& range : settings_.trusted_networks)
            (void)options.trusted.networks.add(range);
        options.trusted.names = trusted_names_;
        if (settings_.refuse_untrusted_identity)
            options.untrusted_identity = sip::AssertedGate::Untrusted::refuse;
        for (const auto& range : settings_.limit_exempt) (void)options.exempt.add(range);
        return options;
    }

    edge::DriverOptions driver_options() const {
        edge::DriverOptions options;
        options.names.servers = settings_.dns;
        options.stop_timeout = unsent_timeout;
        return options;
    }

    edge::Outcome<void> listen_for_control(const std::string& path) {
        auto socket = edge::LocalSocket::bind(path);
        if (!socket) return edge::failure("--control: " + socket.error());
        const auto served = driver_.serve_lines(
            std::move(*socket),
            [this](std::string_view request) { return control_.answer(request); },
            [](std::string_view why) { return ControlServer::refusal(why); });
        if (!served) return edge::failure("--control: " + served.error());
        log_.say(edge::read_clocks(), LogLevel::info, "control socket: " + escape(path));
        return {};
    }

    void note_pending(sip::Now now, const sip::TraceTransition& step) {
        if (told_of_pending_ || step.machine != "subscription" || step.to != "pending") return;
        told_of_pending_ = true;
        log_.say(now, LogLevel::warn, "a watcher is pending, the first one; " + how_to_decide());
    }

    std::string how_to_decide() const {
        if (!rules_) return std::string(no_decisions);
        return "policy confirm: watchers stay pending until somebody decides about them: vigil "
               "allow sip:PRESENTITY sip:WATCHER --rules " +
               escape(rules_->folder());
    }

    void watch_rules() {
        const auto changed = [this](std::string_view name) {
            rule_names_.emplace(name);
            if (rule_names_.size() > 1) return;
            driver_.after(rules_settle, [this] { look_at_rules(); });
        };
        if (const auto watched = driver_.on_folder_change(rules_->folder(), changed); !watched)
            log_.say(edge::read_clocks(), LogLevel::warn,
                     watched.error() + "; SIGHUP has rule files read again");
        // What changed between the first look and now.
        rule_names_.emplace();
        look_at_rules();
    }

    void look_at_rules() {
        const auto names = std::exchange(rule_names_, {});
        if (!names.contains(std::string{})) {
            for (const std::string& name : names) take_rules(rules_->look_at(name));
            return;
        }
        if (auto changes = rules_->look())
            take_rules(*changes);
        else
            log_.say(edge::read_clocks(), LogLevel::error, changes.error() + "; rules stay");
    }

    void take_rules(const RuleFiles::Changes& changes) {
        const sip::Now now = edge::read_clocks();
        for (const std::string& error : changes.errors) log_.say(now, LogLevel::error, error);
        for (const std::string& presentity : changes.presentities) {
            server_.policy_changed(now, presentity);
            log_.say(now, LogLevel::info,
                     presentity.empty() ? "default rules changed: all is decided anew"
                                        : "rules of " + escape(presentity) + " changed");
        }
    }

    template <class Tell>
    void tell_counters(Tell tell) {
        const sip::Memory& memory = server_.stack().shard().memory;
        tell("now: subscriptions " + std::to_string(server_.notifier().size()) + ", publications " +
             std::to_string(server_.compositor().size()) + ", bindings " +
             std::to_string(server_.registrar().size()) + ", connections " +
             std::to_string(driver_.connections()) + ", server_transactions " +
             std::to_string(server_.stack().servers().size()) + ", client_transactions " +
             std::to_string(server_.stack().clients().size()) + ", memory_bytes " +
             std::to_string(memory.used()) + ", memory_bytes_peak " +
             std::to_string(memory.peak()) + ", decisions_kept " +
             std::to_string(decisions_.size()) + ", decisions_forgotten " +
             std::to_string(decisions_.forgotten()));
        for (const std::string& line : report_.lines()) tell("counted: " + line);
    }

    void look_for_trouble() {
        if (trouble_told_) return;
        const std::string trouble = report_.new_trouble();
        if (trouble.empty()) return;
        log_.say(edge::read_clocks(), LogLevel::warn, "limits met, or lost: " + trouble);
        trouble_told_ = true;
        driver_.after(trouble_interval, [this] {
            trouble_told_ = false;
            look_for_trouble();
        });
    }

    void tell_of_tls(const edge::TlsTrouble& what) {
        const std::string peer = "tls:" + edge::to_text(what.remote);
        std::string line = what.by_us     ? "no TLS connection to " + peer
                           : what.refused ? "TLS refused to " + peer
                                          : "nothing is proved by " + peer;
        line += ": " + escape(what.why);
        log_.say_limited(edge::read_clocks(), what.by_us ? LogLevel::warn : LogLevel::info,
                         what.by_us ? "tls out" : "tls in", line);
    }

    void stop(std::string_view signal) {
        if (stopping_) {
            // Asked a second time: nobody is waited for any more.
            driver_.stop();
            return;
        }
        stopping_ = true;
        const sip::Now now = edge::read_clocks();
        log_.say(now, LogLevel::info,
                 std::string(signal) + ": stopping, " + std::to_string(server_.notifier().size()) +
                     " subscriptions are ended");
        edge::notify_systemd("STOPPING=1");
        const auto how = settings_.on_stop == OnStop::probation
                             ? presence::Server::Stop::probation
                             : presence::Server::Stop::deactivate;
        server_.shut_down(now, how, retry_after_min_s, retry_after_max_s);
        driver_.after(farewell_timeout, [this] { driver_.stop(); });
    }

    void reload() {
        if (stopping_) return;
        const sip::Now now = edge::read_clocks();
        edge::notify_systemd("RELOADING=1\nMONOTONIC_USEC=" +
                             std::to_string(now.mono.time_since_epoch().count() / 1000));
        const auto kept = [&](const std::string& error) {
            log_.say(now, LogLevel::error, "SIGHUP: " + error + "; all stays as it was");
        };
        auto settings = read_serve_settings(options_.given);
        std::vector<std::string> warnings;
        if (!settings) {
            kept(settings.error());
        } else if (auto users = load_users(*settings, warnings); !users) {
            kept(users.error());
        } else if (auto hard = HardStates::load(settings->hard_state_folder); !hard) {
            kept(hard.error());
        } else if (auto tls = make_tls(*settings, warnings); !tls) {
            kept(tls.error());
        } else {
            driver_.set_tls(std::move(*tls));
            take(now, *settings, std::move(*users));
            if (rules_) {
                rule_names_.emplace();
                look_at_rules();
            }
            for (const std::string& address : hard_states_.take(std::move(*hard)))
                server_.state_changed(now, address);
            for (const std::string& warning : warnings) log_.say(now, LogLevel::warn, warning);
        }
        edge::notify_systemd("READY=1");
    }

    void take(sip::Now now, const ServeSettings& settings, UserTable users) {
        users_ = std::move(users);
        settings_.on_stop = settings.on_stop;
        settings_.log = settings.log;
        log_.set_level(settings.log);
        if (settings.policy != settings_.policy) {
            settings_.policy = settings.policy;
            server_.set_policy(now, policy_of(settings.policy));
        }
        log_.say(now, LogLevel::info,
                 "SIGHUP: configuration read, " + std::to_string(users_.size()) + " users");
        if (const std::string option = needs_restart(settings_, settings); !option.empty())
            log_.say(now, LogLevel::warn,
                     "SIGHUP: " + option + " was changed, and takes a restart to take effect");
    }

    const ServeOptions& options_;
    ServeSettings settings_;
    UserTable users_;
    std::unique_ptr<RuleFiles> rules_;  ///< null: nobody has rules
    DelegateTable delegates_;
    HardStates hard_states_;
    std::optional<PacketCapture> capture_;
    std::vector<std::string_view> domains_, trusted_names_;
    Addresses addresses_;
    Log log_;
    LogTracer tracer_;
    edge::OsEntropy entropy_;
    presence::Server server_;
    RecentDecisions decisions_;
    ControlServer control_;
    edge::EngineOf<presence::Server> engine_;
    edge::Driver driver_;
    CounterReport report_;
    std::set<std::string> rule_names_;  ///< of files that changed; an empty one: of any
    bool stopping_ = false, told_of_pending_ = false;
    bool trouble_told_ = false;  ///< less than `trouble_interval` ago
};

ExitCode refuse(const std::string& error, ExitCode code = ExitCode::wrong_usage) {
    return fail(code, {"vigil serve: " + error, {}, 0, {}}, false);
}

}  // namespace

ExitCode run_serve(const ServeOptions& options) {
    SignalHold signals;
    auto settings = read_serve_settings(options.given);
    if (!settings) return refuse(settings.error());
    auto users = load_users(*settings, settings->warnings);
    if (!users) return refuse(users.error());
    auto hard_states = HardStates::load(settings->hard_state_folder);
    if (!hard_states) return refuse(hard_states.error());
    auto tls = make_tls(*settings, settings->warnings);
    if (!tls) return refuse(tls.error());
    std::optional<PacketCapture> capture;
    if (!settings->trace_file.empty()) {
        auto opened = PacketCapture::open(settings->trace_file);
        if (!opened) return refuse("--trace: " + opened.error());
        capture = std::move(*opened);
    }
    std::unique_ptr<RuleFiles> rules;
    if (!settings->rules.empty()) {
        rules = std::make_unique<RuleFiles>(settings->rules);
        auto changes = rules->look();
        if (!changes) return refuse("--rules: " + changes.error());
        for (std::string& error : changes->errors) settings->warnings.push_back(std::move(error));
    }
    for (const std::string& warning : settings->warnings)
        print_error("vigil serve: warning: " + warning);
    edge::raise_descriptor_limit();
    const auto service =
        std::make_unique<Service>(options, std::move(*settings), std::move(*users),
                                  std::move(rules), std::move(*hard_states), std::move(capture));
    service->set_tls(std::move(*tls));
    if (const auto bound = service->listen(); !bound)
        return refuse(bound.error(), ExitCode::failed);
    if (const auto opened = service->open_control(); !opened)
        return refuse(opened.error(), ExitCode::failed);
    return service->run(signals);
}

}  // namespace vigil
