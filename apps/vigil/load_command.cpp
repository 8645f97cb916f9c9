#include <atomic>
#include <csignal>
#include <cstdlib>

#include "apps/load/generator.hpp"
#include "apps/load/responder.hpp"
#include "apps/load/scenario.hpp"
#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/load_report.hpp"
#include "apps/vigil/text.hpp"

namespace vigil {

namespace {

std::atomic<bool> stopped = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void stop_at_signals() {
    struct sigaction action {};
    action.sa_handler = [](int) { stopped = true; };
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

edge::Outcome<edge::ListenSpec> read_address(const char* option, const std::string& text,
                                             bool stream_too) {
    auto spec = edge::parse_listen_spec(text);
    if (!spec) return edge::failure(std::string(option) + " " + escape(spec.error()));
    if (spec->transport != sip::Transport::udp &&
        !(stream_too && spec->transport == sip::Transport::tcp))
        return edge::failure(std::string(option) + " \"" + escape(text, 100) + "\": use udp" +
                             (stream_too ? " or tcp" : ""));
    return *spec;
}

/// Empty: all is well.
std::string wrong_number(const LoadOptions& options) {
    constexpr std::uint32_t people_max = 9'999'999;  // 7 digits
    constexpr std::uint32_t publications_max = 9'999, connections_max = 60'000;
    constexpr std::size_t prefix_max = 32;
    const std::uint32_t watchers = options.watchers.value_or(0);
    if (options.presentities == 0 || options.presentities > people_max)
        return "--presentities wants 1 to " + std::to_string(people_max);
    if (watchers > people_max ||
        std::uint64_t{watchers} * options.presentities > std::uint64_t{people_max})
        return "--watchers times --presentities may be " + std::to_string(people_max);
    if (options.publications == 0 || options.publications > publications_max)
        return "--publications wants 1 to " + std::to_string(publications_max);
    if (options.connections == 0 || options.connections > connections_max)
        return "--connections wants 1 to " + std::to_string(connections_max);
    if (options.window == 0) return "--window wants 1 or more";
    if (options.expires_s == 0) return "--expires wants 1 or more";
    if (options.body_bytes > 65'000) return "--body-bytes may be 65000";
    if (options.user_prefix.size() > prefix_max) return "--user-prefix may have 32 characters";
    for (const double value :
         {options.seconds, options.rate, options.warm_up_s, options.probe_rate, options.timeout_s})
        if (!(value >= 0 && value <= 1e7)) return "a time or rate below 0, or far too great";
    return {};
}

edge::Outcome<load::Plan> plan_of(const LoadOptions& options, load::Scenario scenario) {
    const auto server = read_address("--server", options.server, true);
    if (!server) return edge::failure(server.error());
    load::Plan plan;
    plan.server = *server;
    plan.domain = options.domain;
    plan.prefix = options.user_prefix;
    plan.presentities = options.presentities;
    const bool alone = scenario == load::Scenario::publish || scenario == load::Scenario::options;
    plan.watchers = options.watchers.value_or(alone ? 0 : 5);
    plan.publications = options.publications;
    plan.connections = options.connections;
    plan.expires_s = options.expires_s;
    plan.body_bytes = options.body_bytes;
    plan.timeout_ns = static_cast<std::uint64_t>(options.timeout_s * 1e9);
    plan.probe = options.probe_rate > 0;
    if (options.password) plan.password = *options.password;
    if (options.password_env) {
        const char* value = std::getenv(options.password_env->c_str());
        if (value == nullptr || *value == '\0')
            return edge::failure("--password-env " + escape(*options.password_env, 60) +
                                 ": there is no such environment variable, or it is empty");
        plan.password = value;
    }
    return plan;
}

load::Amount amount_of(const LoadOptions& options) {
    load::Amount amount;
    amount.count = options.count;
    amount.seconds = options.seconds;
    amount.rate = options.rate;
    amount.window = options.window;
    amount.warm_up_s = options.warm_up_s;
    amount.probe_rate = options.probe_rate;
    amount.mute = options.mute;
    amount.keep = options.keep;
    return amount;
}

void print(const LoadPhase& phase, bool json) {
    if (!json) {
        for (const std::string& line : lines_of(phase)) print_line(line);
        return;
    }
    print_line(json_of(record_of(phase)));
    for (const Record& record : records_of_kinds(phase)) print_line(json_of(record));
}

ExitCode run_phases(const LoadOptions& options, load::Generator& generator,
                    const std::vector<load::Phase>& phases) {
    const auto pid = static_cast<pid_t>(options.pid);
    std::uint64_t failed = 0, done = 0;
    for (const load::Phase& phase : phases) {
        LoadPhase told;
        if (pid > 0) told.before = load::use_of(pid, true);
        told.result = generator.run(phase);
        if (pid > 0) told.after = load::use_of(pid, true);
        if (told.result.interrupted) return ExitCode::interrupted;
        if (phase.name == load::warm_up_name || (phase.aside && told.result.started() == 0))
            continue;
        print(told, options.json);
        failed += told.result.failed();
        done += told.result.succeeded();
    }
    if (failed == 0 && done > 0) return ExitCode::done;
    return fail(ExitCode::failed,
                {"vigil load: " + std::to_string(failed) + " operations failed, " +
                     std::to_string(done) + " succeeded",
                 {},
                 0,
                 {}},
                options.json);
}

}  // namespace

ExitCode run_load(const LoadOptions& options) {
    const auto wrong = [&](const std::string& error, ExitCode code = ExitCode::wrong_usage) {
        return fail(code, {"vigil load: " + error, {}, 0, {}}, options.json);
    };
    if (const std::string error = wrong_number(options); !error.empty()) return wrong(error);
    stop_at_signals();
    if (options.scenario == "responder") {
        const auto listen = read_address("--listen", options.listen, false);
        if (!listen) return wrong(listen.error());
        const load::ResponderOptions responder{*listen, options.watchers.value_or(0),
                                               options.body_bytes};
        const auto ended = load::run_responder(
            responder, stopped, [](const std::string& where) { print_line("ready " + where); });
        return ended ? ExitCode::done : wrong(ended.error(), ExitCode::failed);
    }
    const auto scenario = load::scenario_named(options.scenario);
    if (!scenario)
        return wrong("no such scenario: " + escape(options.scenario, 40) +
                     "; see vigil load --help");
    const auto plan = plan_of(options, *scenario);
    if (!plan) return wrong(plan.error());
    if (plan->subscriptions() == 0 && *scenario != load::Scenario::publish &&
        *scenario != load::Scenario::options)
        return wrong(options.scenario + " wants --watchers of 1 or more");
    auto generator = load::Generator::open(*plan, stopped);
    if (!generator) return wrong(generator.error(), ExitCode::failed);
    return run_phases(options, **generator, phases_of(*scenario, *plan, amount_of(options)));
}

}  // namespace vigil
