#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "apps/edge/net/address.hpp"
#include "apps/edge/net/clock.hpp"
#include "apps/edge/net/descriptor.hpp"
#include "apps/edge/net/systemd.hpp"
#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/control_paths.hpp"
#include "apps/vigil/serve_worker.hpp"
#include "apps/vigil/text.hpp"
#include "apps/vigil/version.hpp"
#include "apps/vigil/worker_answers.hpp"
#include "sip/transaction/owner.hpp"

namespace vigil {

namespace {

// Together with what drivers wait for what is unsent, the five seconds that a stop may take: a
// NOTIFY whose datagram was lost is sent three times more in it (RFC 3261 17.1.2.2: after 0.5, 1.5
// and 3.5 s).
constexpr sip::Duration farewell_timeout = sip::milliseconds{4'500};
// Descriptors kept free of accepted connections, for each worker.
constexpr std::size_t spare_descriptors = 32;

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

/// Where no file is named TLS is for connections that we open, if ever one is; then a machine on
/// which it cannot be set up is no trouble.
edge::Outcome<std::shared_ptr<edge::TlsContext>> make_tls(const ServeSettings& settings,
                                                          std::vector<std::string>& warnings) {
    if (settings.tls.certificates.empty() && settings.tls.authorities.empty())
        return edge::TlsContext::later(settings.tls);
    return edge::TlsContext::make(settings.tls, warnings);
}

/// What workers take from files; one for each.
edge::Outcome<std::vector<ServeState>> load_states(const ServeSettings& settings,
                                                   std::vector<std::string>& warnings) {
    auto users = load_users(settings, warnings);
    if (!users) return edge::failure(users.error());
    // Workers share what TLS connections begin with: a session that one gave is resumed at another.
    auto tls = make_tls(settings, warnings);
    if (!tls) return edge::failure(tls.error());
    std::vector<ServeState> states;
    for (std::uint32_t i = 0; i < settings.workers; ++i) {
        auto hard = HardStates::load(settings.hard_state_folder);
        if (!hard) return edge::failure(hard.error());
        const bool is_last = i + 1 == settings.workers;
        states.push_back({is_last ? std::move(*users) : UserTable(*users), std::move(*hard), *tls});
    }
    return states;
}

/// A running server: its workers, and what signals do to them. The first one runs in the thread of
/// the program, and hears of signals; each other has its own.
class Service {
public:
    Service(const ServeOptions& options, ServeSettings settings,
            std::optional<PacketCapture> capture)
        : options_(options),
          settings_(std::move(settings)),
          capture_(std::move(capture)),
          log_(settings_.log, write_to_stderr),
          common_{settings_, log_,   capture_ ? &*capture_ : nullptr, settings_.workers, {}, {},
                  0,         nullptr} {
        if (settings_.workers == 1) return;
        edge::OsEntropy entropy;
        common_.routing_key = {entropy.next(), entropy.next()};
        entropy.fill(common_.secrets);
        common_.rings = std::make_unique<edge::WorkerRings>(settings_.workers);
        common_.counts = std::make_unique<edge::WorkerCounts>(settings_.limits, settings_.workers);
    }
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;
    ~Service() { join(); }

    /// Makes the workers, and binds the sockets of each.
    edge::Outcome<void> begin(std::vector<ServeState> states, std::unique_ptr<RuleFiles> rules) {
        const std::size_t left = edge::descriptors_left() / settings_.workers;
        if (settings_.workers > 1)
            common_.connections_max = left > 2 * spare_descriptors
                                          ? left - spare_descriptors
                                          : std::max(left / 2, std::size_t{1});
        for (unsigned i = 0; i < settings_.workers; ++i) {
            if (i > 0 && !settings_.rules.empty()) {
                rules = std::make_unique<RuleFiles>(settings_.rules);
                if (auto looked = rules->look(); !looked)
                    return edge::failure("--rules: " + looked.error());
            }
            workers_.push_back(
                std::make_unique<ServeWorker>(common_, i, std::move(states[i]), std::move(rules)));
        }
        for (auto& each : workers_)
            each->join([this](unsigned worker) { workers_[worker]->driver().wake(); });
        return listen();
    }

    /// Once it listens: the default path is named by the first listener. Where that cannot be, the
    /// server does without.
    edge::Outcome<void> open_control() {
        if (settings_.control == "none") return {};
        edge::Outcome<std::string> path = settings_.control;
        const auto& first = first_worker().driver().listening().front();
        if (path->empty()) path = default_control_path(edge::to_text(first.transport, first.local));
        auto opened = path ? listen_for_control(*path) : edge::failure(path.error());
        if (opened || !settings_.control.empty()) return opened;
        log_.say(edge::read_clocks(), LogLevel::warn,
                 "no control socket, so vigil show and explain have nobody to ask: " +
                     opened.error() + "; give --control PATH, or --control none");
        return {};
    }

    ExitCode run(SignalHold& signals) {
        const RuleFiles* rules = first_worker().rules();
        if (settings_.policy == DefaultPolicy::confirm)
            log_.say(edge::read_clocks(), rules ? LogLevel::info : LogLevel::warn,
                     how_to_decide(rules));
        for (auto& each : workers_) each->prepare();
        edge::Driver& driver = first_worker().driver();
        driver.on_signal(SIGTERM, [this] { stop("SIGTERM"); });
        driver.on_signal(SIGINT, [this] { stop("SIGINT"); });
        driver.on_signal(SIGHUP, [this] { reload(); });
        driver.on_signal(SIGUSR1, [this] {
            gather([this](const std::vector<ServeGauges>& each) {
                tell_counters(each, [this](const std::string& line) {
                    log_.answer(edge::read_clocks(), line);
                });
            });
        });
        // They are to have the signals blocked.
        for (auto& each : workers_)
            if (each != workers_.front())
                threads_.emplace_back([&worker = *each] { worker.driver().run(); });
        signals.release();
        print_line(driver.ready_line());
        edge::notify_systemd("READY=1");
        log_.say(edge::read_clocks(), LogLevel::info,
                 std::string(version_line()) + ": " + driver.ready_line());
        driver.run();
        join();
        tell_the_end();
        return ExitCode::done;
    }

private:
    ServeWorker& first_worker() { return *workers_.front(); }

    edge::Outcome<void> listen() {
        auto bound = edge::bind_listeners(settings_.listen);
        if (!bound) return edge::failure(bound.error());
        std::vector<std::vector<edge::BoundSocket>> all(workers_.size());
        for (std::size_t i = 1; i < workers_.size(); ++i) {
            auto beside = edge::bind_beside(*bound);
            if (!beside) return edge::failure(beside.error());
            all[i] = std::move(*beside);
        }
        all[0] = std::move(*bound);
        for (std::size_t i = 0; i < workers_.size(); ++i)
            if (auto listens = workers_[i]->driver().listen(std::move(all[i]), settings_.advertise);
                !listens)
                return listens;
        return {};
    }

    edge::Outcome<void> listen_for_control(const std::string& path) {
        auto socket = edge::LocalSocket::bind(path);
        if (!socket) return edge::failure("--control: " + socket.error());
        for (auto& each : workers_)
            asked_.push_back({&each->control(), [&worker = *each](std::function<void()> then) {
                                  worker.post(std::move(then));
                              }});
        const auto served = first_worker().driver().serve_lines(
            std::move(*socket), [this](std::string_view request) { return answer(request); },
            [](std::string_view why) { return ControlServer::refusal(why); });
        if (!served) return edge::failure("--control: " + served.error());
        log_.say(edge::read_clocks(), LogLevel::info, "control socket: " + escape(path));
        return {};
    }

    std::unique_ptr<edge::LineAnswer> answer(std::string_view request) {
        if (workers_.size() == 1) return first_worker().control().answer(request);
        return answer_of_workers(asked_, request, [this](std::string_view presentity) {
            return sip::owner_of_address(
                {0, static_cast<std::uint8_t>(workers_.size()), common_.routing_key}, presentity);
        });
    }

    /// Does `what` with each worker, in its own thread, and `then` once all is done. Called in the
    /// first one's, which is where `then` is called, too.
    void everywhere(std::function<void(ServeWorker&)> what, std::function<void()> then) {
        if (workers_.size() == 1) {
            what(first_worker());
            then();
            return;
        }
        const auto left = std::make_shared<std::atomic<std::size_t>>(workers_.size());
        const auto one = [this, left, what = std::move(what),
                          then = std::move(then)](ServeWorker& worker) {
            what(worker);
            if (left->fetch_sub(1) == 1) first_worker().post(then);
        };
        for (auto& each : workers_)
            if (each != workers_.front()) each->post([one, &worker = *each] { one(worker); });
        one(first_worker());
    }

    /// Of each worker what it has now.
    void gather(std::function<void(const std::vector<ServeGauges>&)> then) {
        const auto all = std::make_shared<std::vector<ServeGauges>>(workers_.size());
        everywhere([all](ServeWorker& worker) { (*all)[worker.number()] = worker.gauges(); },
                   [all, then = std::move(then)] { then(*all); });
    }

    static ServeGauges sum_of(const std::vector<ServeGauges>& each) {
        ServeGauges sum;
        for (const ServeGauges& one : each) sum.add(one);
        return sum;
    }

    template <class Tell>
    void tell_counters(const std::vector<ServeGauges>& each, Tell tell) {
        const ServeGauges all = sum_of(each);
        std::string now = "now: subscriptions " + std::to_string(all.subscriptions) +
                          ", publications " + std::to_string(all.publications) + ", bindings " +
                          std::to_string(all.bindings) + ", connections " +
                          std::to_string(all.connections);
        if (workers_.size() > 1)
            now += ", mirrored_connections " + std::to_string(all.mirrored_connections);
        now += ", server_transactions " + std::to_string(all.server_transactions) +
               ", client_transactions " + std::to_string(all.client_transactions) +
               ", memory_bytes " + std::to_string(all.memory_bytes) + ", memory_bytes_peak " +
               std::to_string(all.memory_bytes_peak) + ", decisions_kept " +
               std::to_string(all.decisions_kept) + ", decisions_forgotten " +
               std::to_string(all.decisions_forgotten);
        tell(now);
        for (std::size_t i = 0; workers_.size() > 1 && i < each.size(); ++i)
            tell("of worker " + std::to_string(i) + ": subscriptions " +
                 std::to_string(each[i].subscriptions) + ", publications " +
                 std::to_string(each[i].publications) + ", bindings " +
                 std::to_string(each[i].bindings) + ", connections " +
                 std::to_string(each[i].connections) + ", messages_in " +
                 std::to_string(each[i].core.messages_in));
        for (const std::string& line : CounterReport(all.core, all.net).lines())
            tell("counted: " + line);
    }

    void tell_the_end() {
        std::vector<ServeGauges> each;
        for (const auto& worker : workers_) each.push_back(worker->gauges());
        const ServeGauges all = sum_of(each);
        tell_counters(each, [this](const std::string& line) {
            log_.say(edge::read_clocks(), LogLevel::info, line);
        });
        std::string end = "stopped";
        if (all.subscriptions > 0)
            end += "; " + std::to_string(all.subscriptions) + " watchers have not answered";
        if (log_.left_out() > 0)
            end +=
                "; " + std::to_string(log_.left_out()) + " lines that came too often were left out";
        log_.say(edge::read_clocks(), LogLevel::info, end);
    }

    void join() {
        for (std::thread& each : threads_) each.join();
        threads_.clear();
    }

    void end_all() {
        for (auto& each : workers_)
            if (each != workers_.front()) each->post([&worker = *each] { worker.end(); });
        first_worker().end();
    }

    void stop(std::string_view signal) {
        if (stopping_) {
            // Asked a second time: nobody is waited for any more.
            end_all();
            return;
        }
        stopping_ = true;
        edge::notify_systemd("STOPPING=1");
        gather([this, signal = std::string(signal)](const std::vector<ServeGauges>& each) {
            log_.say(edge::read_clocks(), LogLevel::info,
                     signal + ": stopping, " + std::to_string(sum_of(each).subscriptions) +
                         " subscriptions are ended");
            shut_down();
        });
    }

    /// Nobody ends before all have told their watchers: some do so by connections of another.
    void shut_down() {
        const auto how = settings_.on_stop == OnStop::probation
                             ? presence::Server::Stop::probation
                             : presence::Server::Stop::deactivate;
        const auto left = std::make_shared<std::atomic<std::size_t>>(workers_.size());
        const auto idle = [this, left] {
            if (left->fetch_sub(1) > 1) return;
            if (workers_.size() == 1)
                first_worker().end();
            else
                first_worker().post([this] { end_all(); });
        };
        everywhere([how, idle](ServeWorker& worker) { worker.shut_down(how, idle); }, [] {});
        first_worker().driver().after(farewell_timeout, [this] { end_all(); });
    }

    void reload() {
        if (stopping_) return;
        const sip::Now now = edge::read_clocks();
        edge::notify_systemd("RELOADING=1\nMONOTONIC_USEC=" +
                             std::to_string(now.mono.time_since_epoch().count() / 1000));
        const auto kept = [&](const std::string& error) {
            log_.say(now, LogLevel::error, "SIGHUP: " + error + "; all stays as it was");
            edge::notify_systemd("READY=1");
        };
        auto settings = read_serve_settings(options_.given);
        if (!settings) return kept(settings.error());
        std::vector<std::string> warnings;
        const ServeSettings wanted = *settings;
        settings->workers = settings_.workers;
        auto states = load_states(*settings, warnings);
        if (!states) return kept(states.error());
        const auto policy = take(now, wanted, states->front().users.size());
        const auto shared = std::make_shared<std::vector<ServeState>>(std::move(*states));
        everywhere(
            [shared, policy](ServeWorker& worker) {
                worker.reload(std::move((*shared)[worker.number()]), policy);
            },
            [this, warnings] {
                for (const std::string& warning : warnings)
                    log_.say(edge::read_clocks(), LogLevel::warn, warning);
                edge::notify_systemd("READY=1");
            });
    }

    /// The policy, if it is another one.
    std::optional<presence::Policy> take(const sip::Now& now, const ServeSettings& settings,
                                         std::size_t users) {
        settings_.on_stop = settings.on_stop;
        settings_.log = settings.log;
        log_.set_level(settings.log);
        std::optional<presence::Policy> policy;
        if (settings.policy != settings_.policy) policy = policy_of(settings.policy);
        settings_.policy = settings.policy;
        log_.say(now, LogLevel::info,
                 "SIGHUP: configuration read, " + std::to_string(users) + " users");
        if (const std::string option = needs_restart(settings_, settings); !option.empty())
            log_.say(now, LogLevel::warn,
                     "SIGHUP: " + option + " was changed, and takes a restart to take effect");
        return policy;
    }

    const ServeOptions& options_;
    ServeSettings settings_;  ///< workers read what a reload does not change
    std::optional<PacketCapture> capture_;
    Log log_;
    ServeCommon common_;
    std::vector<AskedWorker> asked_;
    std::vector<std::unique_ptr<ServeWorker>> workers_;
    std::vector<std::thread> threads_;
    bool stopping_ = false;
};

ExitCode refuse(const std::string& error, ExitCode code = ExitCode::wrong_usage) {
    return fail(code, {"vigil serve: " + error, {}, 0, {}}, false);
}

}  // namespace

ExitCode run_serve(const ServeOptions& options) {
    SignalHold signals;
    auto settings = read_serve_settings(options.given);
    if (!settings) return refuse(settings.error());
    auto states = load_states(*settings, settings->warnings);
    if (!states) return refuse(states.error());
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
        std::make_unique<Service>(options, std::move(*settings), std::move(capture));
    if (const auto bound = service->begin(std::move(*states), std::move(rules)); !bound)
        return refuse(bound.error(), ExitCode::failed);
    if (const auto opened = service->open_control(); !opened)
        return refuse(opened.error(), ExitCode::failed);
    return service->run(signals);
}

}  // namespace vigil
