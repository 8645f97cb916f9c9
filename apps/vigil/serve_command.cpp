#include <poll.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <optional>

#include "apps/edge/net/address.hpp"
#include "apps/edge/net/clock.hpp"
#include "apps/edge/net/descriptor.hpp"
#include "apps/edge/net/driver.hpp"
#include "apps/edge/net/entropy.hpp"
#include "apps/edge/net/systemd.hpp"
#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/counter_report.hpp"
#include "apps/vigil/log_tracer.hpp"
#include "apps/vigil/serve_settings.hpp"
#include "apps/vigil/text.hpp"
#include "apps/vigil/version.hpp"
#include "presence/server.hpp"

namespace vigil {

namespace {

// Together the two seconds that a stop may take.
constexpr sip::Duration farewell_timeout = sip::milliseconds{1'500};
constexpr sip::Duration unsent_timeout = sip::milliseconds{500};
constexpr std::uint32_t retry_after_min_s = 5, retry_after_max_s = 30;
// A line about bounds that were met or things that were lost, at most once in this time.
constexpr sip::Duration trouble_interval = sip::seconds{10};

constexpr std::string_view no_decisions =
    "policy confirm: watchers stay pending until somebody decides about them, and there is no way "
    "to decide yet; start with --policy allow to let every authenticated watcher in";

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

/// Who exists: the users, as they are at the moment.
class Addresses final : public sip::Directory {
public:
    explicit Addresses(const UserTable& users) : users_(users) {}
    bool exists(std::string_view address) const override { return users_.exists(address); }

private:
    const UserTable& users_;
};

/// Whether TLS is wanted; without, a machine on which it cannot be set up is no trouble.
bool uses_tls(const ServeSettings& settings) {
    return !settings.tls.certificates.empty() || !settings.tls.authorities.empty();
}

/// A running server: the core, the sockets, and what signals do to them.
class Service {
public:
    Service(const ServeOptions& options, ServeSettings settings, UserTable users,
            std::optional<PacketCapture> capture)
        : options_(options),
          settings_(std::move(settings)),
          users_(std::move(users)),
          capture_(std::move(capture)),
          domains_(settings_.domains.begin(), settings_.domains.end()),
          trusted_names_(settings_.trusted_names.begin(), settings_.trusted_names.end()),
          addresses_(users_),
          log_(settings_.log, write_to_stderr),
          tracer_(log_, capture_ ? &*capture_ : nullptr),
          server_(server_options(), entropy_),
          engine_(server_),
          driver_(engine_, driver_options()),
          report_(server_.counters(), driver_.counters()) {}

    void set_tls(std::shared_ptr<edge::TlsContext> context) { driver_.set_tls(std::move(context)); }
    edge::Outcome<void> listen() { return driver_.listen(settings_.listen, settings_.advertise); }

    ExitCode run(SignalHold& signals) {
        if (settings_.policy == DefaultPolicy::confirm)
            log_.say(edge::read_clocks(), LogLevel::warn, no_decisions);
        tracer_.on_transition(
            [this](sip::Now now, const sip::TraceTransition& step) { note_pending(now, step); });
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
        options.notify_interval = settings_.notify_interval;
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
        options.server_name = product();
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

    void note_pending(sip::Now now, const sip::TraceTransition& step) {
        if (told_of_pending_ || step.machine != "subscription" || step.to != "pending") return;
        told_of_pending_ = true;
        log_.say(now, LogLevel::warn,
                 "a watcher is pending, the first one; " + std::string(no_decisions));
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
             std::to_string(memory.peak()));
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
        } else if (auto tls = edge::TlsContext::make(settings->tls, warnings);
                   !tls && uses_tls(*settings)) {
            kept(tls.error());
        } else {
            if (tls) driver_.set_tls(std::move(*tls));
            take(now, *settings, std::move(*users));
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
    std::optional<PacketCapture> capture_;
    std::vector<std::string_view> domains_, trusted_names_;
    Addresses addresses_;
    Log log_;
    LogTracer tracer_;
    edge::OsEntropy entropy_;
    presence::Server server_;
    edge::EngineOf<presence::Server> engine_;
    edge::Driver driver_;
    CounterReport report_;
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
    auto tls = edge::TlsContext::make(settings->tls, settings->warnings);
    if (!tls && uses_tls(*settings)) return refuse(tls.error());
    std::optional<PacketCapture> capture;
    if (!settings->trace_file.empty()) {
        auto opened = PacketCapture::open(settings->trace_file);
        if (!opened) return refuse("--trace: " + opened.error());
        capture = std::move(*opened);
    }
    for (const std::string& warning : settings->warnings)
        print_error("vigil serve: warning: " + warning);
    edge::raise_descriptor_limit();
    const auto service = std::make_unique<Service>(options, std::move(*settings), std::move(*users),
                                                   std::move(capture));
    if (tls) service->set_tls(std::move(*tls));
    if (const auto bound = service->listen(); !bound)
        return refuse(bound.error(), ExitCode::failed);
    return service->run(signals);
}

}  // namespace vigil
