#include "apps/vigil/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <list>
#include <memory>

#include "apps/edge/net/tls.hpp"
#include "apps/vigil/serve_options.hpp"
#include "apps/vigil/version.hpp"

namespace vigil {

namespace {

constexpr const char* about =
    "Vigil, a SIP presence server and its clients.\n"
    "Exit codes: 0 done, 1 the operation failed, 2 wrong usage or configuration, 130 Ctrl-C.";

/// CLI11 binds options to variables; these are all of them, and what was chosen.
struct Reading {
    CLI::App app{about, "vigil"};
    RawOptions serve;
    std::list<std::vector<std::string>> serve_values;
    std::list<bool> serve_flags;
    WatchOptions watch, watchers;
    PublishOptions publish;
    RegisterOptions registration;
    EdgeOptions edge;
    ParseOptions parse;
    UserOptions user;
    LimitsOptions limits;
    DecideOptions decide;
    ShowOptions show;
    ExplainOptions explain;
    RulesOptions rules;
    LoadOptions load;
    std::string help_topic;
};

void define_serve(Reading& to) {
    auto* command = to.app.add_subcommand("serve", "Run a presence server");
    command->footer(
        "SIGHUP reads the configuration again, SIGUSR1 tells the counters, SIGTERM stops.");
    for (const OptionSpec& spec : serve_option_specs()) {
        const std::string name = "--" + std::string(spec.name);
        const std::string help(spec.help);
        if (spec.kind == OptionKind::flag) {
            command->add_flag(name, to.serve_flags.emplace_back(false), help);
            continue;
        }
        auto* option = command->add_option(name, to.serve_values.emplace_back(), help)
                           ->type_name(std::string(spec.value_name))
                           ->expected(1)
                           ->allow_extra_args(false);
        if (spec.kind == OptionKind::list)
            option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
}

void define_client(CLI::App& command, ClientOptions& client) {
    command
        .add_option("-s,--server", client.server,
                    "where to send requests (default: the URI's host where that is numeric or "
                    "localhost, else udp:127.0.0.1:5060; tls at 5061 for a sips URI); without a "
                    "port a name's SRV says which; dns: the servers of the URI's domain (RFC 3263)")
        ->type_name("udp|tcp|tls:HOST[:PORT]|dns");
    command
        .add_option("--dns", client.dns, "name server to ask (default: the system's); repeatable")
        ->type_name("ADDRESS[:PORT]")
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command.add_option("-a,--as", client.as, "who we are (default: the URI)")->type_name("URI");
    auto* env = command
                    .add_option("--password-env", client.password_env,
                                "environment variable with our password")
                    ->type_name("VAR");
    command
        .add_option("--password", client.password,
                    "our password; other users of this machine can see it here")
        ->type_name("TEXT")
        ->excludes(env);
    command.add_option("-e,--expires", client.expires_s, "lifetime to ask for")
        ->type_name("SECONDS");
    command.add_option("-t,--timeout", client.timeout_s, "stop after this time")
        ->type_name("SECONDS");
    command.add_flag("-j,--json", client.json, "print one JSON object a line");
    command
        .add_option("--ca", client.ca,
                    "PEM file of the authorities that a tls server is to be certified by (default: "
                    "the system's)")
        ->type_name("FILE");
    command
        .add_option("--server-name", client.server_name,
                    "whom a tls server has to prove to be (default: the host of --server)")
        ->type_name("NAME");
    command.add_option("--cert", client.cert, "our own certificate, for a tls server that asks")
        ->type_name("FILE");
    command.add_option("--key", client.key, "its private key")->type_name("FILE");
    command
        .add_option("--instance", client.instance,
                    "URN of this device, always the same: urn:uuid:... (RFC 5626)")
        ->type_name("URN");
}

void define_watch(Reading& to) {
    auto* command = to.app.add_subcommand("watch", "Subscribe to URIs and print what changes");
    command->add_option("URI", to.watch.uris, "sip:alice@example.com, and more")->required();
    define_client(*command, to.watch.client);
    command
        ->add_option("--event", to.watch.event,
                     "presence (the default), presence.winfo, presence.winfo.winfo")
        ->type_name("PACKAGE");
    command->add_flag("-1,--once", to.watch.once, "fetch the state once (Expires 0)");
    command->add_option("-n,--count", to.watch.count, "stop after so many notifications")
        ->type_name("N");
    command->add_flag("--raw", to.watch.raw, "print each document as it came, too");
    command->add_flag("--challenge", to.watch.client.challenge,
                      "have the server prove each NOTIFY with our password (RFC 3856 9.4)");
}

void define_watchers(Reading& to) {
    auto* command = to.app.add_subcommand(
        "watchers", "List who watches a URI, and who wants to; go on watching");
    to.watchers.command = "watchers";
    to.watchers.event = "presence.winfo";
    command->add_option("URI", to.watchers.uris, "sip:alice@example.com, and more")->required();
    define_client(*command, to.watchers.client);
    command->add_flag("-1,--once", to.watchers.once, "list them once (Expires 0)");
    command->add_option("-n,--count", to.watchers.count, "stop after so many notifications")
        ->type_name("N");
    command->add_flag("--raw", to.watchers.raw, "print each document as it came, too");
}

void define_publish(Reading& to) {
    auto* command =
        to.app.add_subcommand("publish", "Publish presence, and keep it fresh until stopped");
    command->add_option("URI", to.publish.uri, "sip:alice@example.com")->required();
    command->add_option("--status", to.publish.status, "whether reachable")
        ->type_name("open|closed");
    command->add_option("--activity", to.publish.activity, "RFC 4480: away, busy, meeting, ...")
        ->type_name("NAME");
    command->add_option("--note", to.publish.note, "a text for people")->type_name("TEXT");
    command->add_option("--contact", to.publish.contact, "where to reach us")->type_name("URI");
    command->add_option("--body", to.publish.body, "a document of your own instead")
        ->type_name("FILE.xml");
    command->add_option("--remove", to.publish.remove, "remove what this entity-tag names")
        ->type_name("ETAG");
    command->add_flag("-1,--once", to.publish.once, "publish once and leave it to expire");
    define_client(*command, to.publish.client);
}

void define_register(Reading& to) {
    auto* command =
        to.app.add_subcommand("register", "Register a contact, and keep it until stopped");
    command->add_option("URI", to.registration.uri, "sip:alice@example.com")->required();
    command
        ->add_option("--contact", to.registration.contact,
                     "what to register (default: our own address)")
        ->type_name("URI");
    command->add_flag("-1,--once", to.registration.once, "register once and leave it to expire");
    command
        ->add_option("--reg-id", to.registration.reg_id,
                     "which connection of --instance this is (default: 1)")
        ->type_name("N");
    define_client(*command, to.registration.client);
}

void define_list(CLI::App& command, const char* name, std::vector<std::string>& to,
                 const char* help, const char* type) {
    command.add_option(name, to, help)
        ->type_name(type)
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void define_edge(Reading& to) {
    auto* command = to.app.add_subcommand(
        "edge", "Be an edge presence server: register, and answer watchers ourselves");
    command->footer(
        "A line on standard input changes what watchers see: open, closed, an activity of RFC 4480 "
        "(away, busy, meeting, ...), none, note TEXT.");
    EdgeOptions& edge = to.edge;
    command->add_option("URI", edge.uri, "sip:alice@example.com")->required();
    command->add_option("--status", edge.status, "whether reachable (default: open)")
        ->type_name("open|closed");
    command->add_option("--activity", edge.activity, "RFC 4480: away, busy, meeting, ...")
        ->type_name("NAME");
    command->add_option("--note", edge.note, "a text for people")->type_name("TEXT");
    command->add_option("--contact", edge.contact, "what to register (default: our own address)")
        ->type_name("URI");
    define_list(*command, "--listen", edge.client.listen,
                "where to be reached (default: a free port of udp and tcp towards the server); "
                "repeatable",
                "TRANSPORT:HOST:PORT");
    command
        ->add_option("--policy", edge.policy,
                     "for those who may watch by the server's word (default: allow)")
        ->type_name("allow|confirm|polite-block|block");
    define_list(*command, "--trust", edge.trust,
                "whose P-Asserted-Identity is believed (default: the server's); repeatable",
                "CIDR|NAME|none");
    command
        ->add_option("--notify-interval", edge.notify_interval_s,
                     "at most one change NOTIFY in this time (default: 5; 0: no hold)")
        ->type_name("SECONDS");
    command
        ->add_option("--max-expires", edge.watch_expires_s,
                     "the longest that a watcher is granted (default: 600)")
        ->type_name("SECONDS");
    define_client(*command, edge.client);
}

void define_parse(Reading& to) {
    auto* command = to.app.add_subcommand(
        "parse", "Read SIP or PIDF, say what it is, or what is wrong and where");
    command->add_option("FILE", to.parse.file, "what to read (default: standard input)");
    command->add_flag("--strict", to.parse.strict, "without the leniencies for real clients");
    command->add_flag("-j,--json", to.parse.json, "print one JSON object");
}

void define_user_action(Reading& to, CLI::App& parent, UserAction action, const char* name,
                        const char* help) {
    auto* command = parent.add_subcommand(name, help);
    UserOptions& user = to.user;
    const bool with_password = action == UserAction::add || action == UserAction::check;
    command->add_option("-u,--users", user.users, "the user file")->type_name("FILE")->required();
    auto* who = command->add_option("NAME", user.name, "alice, or alice@example.com");
    if (action == UserAction::add || action == UserAction::remove) who->required();
    command
        ->add_option("--realm", user.realm,
                     "the user's domain (default: behind the @, else localhost)")
        ->type_name("DOMAIN");
    if (with_password) {
        auto* env =
            command->add_option("--password-env", user.password_env, "variable with the password")
                ->type_name("VAR");
        command
            ->add_flag("--password-stdin", user.password_stdin,
                       "read the password from standard input")
            ->excludes(env);
    }
    if (action == UserAction::add)
        command
            ->add_option("--algorithms", user.algorithms,
                         "whose hashes to keep (default: MD5,SHA-256)")
            ->type_name("MD5[,SHA-256][,SHA-512-256]");
    command->add_flag("-j,--json", user.json, "print one JSON object a line");
    command->callback([&user, action] { user.action = action; });
}

void define_user(Reading& to) {
    auto* command = to.app.add_subcommand(
        "user", "Edit a user file: names, realms and hashes, never a password");
    command->require_subcommand(1);
    define_user_action(to, *command, UserAction::add, "add", "Add a user or change the password");
    define_user_action(to, *command, UserAction::remove, "remove", "Remove a user");
    define_user_action(to, *command, UserAction::list, "list", "List the users");
    define_user_action(to, *command, UserAction::check, "check",
                       "Check the file, or with a name that user's password");
}

void define_limits(Reading& to) {
    auto* command = to.app.add_subcommand("limits", "Print limits that fit into so much memory");
    LimitsOptions& limits = to.limits;
    command->add_option("--memory", limits.memory, "of the core: 8M, 512K, 1G")
        ->type_name("SIZE")
        ->required();
    command->add_option("--watchers", limits.watchers, "of each presentity (default: 5)")
        ->type_name("NUMBER")
        ->check(CLI::Range(1, 100'000));
    command
        ->add_option("--document-bytes", limits.document_bytes,
                     "of what each publishes (default: 500)")
        ->type_name("NUMBER")
        ->check(CLI::Range(200, 16'384));
    command->add_flag("-j,--json", limits.json, "print one JSON object");
}

void define_decision(Reading& to, const char* name, const char* help) {
    auto* command = to.app.add_subcommand(name, help);
    DecideOptions& decide = to.decide;
    command->add_option("PRESENTITY", decide.presentity, "whose rules: sip:alice@example.com")
        ->required();
    command->add_option("WATCHER", decide.watchers, "about whom: sip:bob@example.com, and more")
        ->required();
    auto* folder =
        command
            ->add_option("--rules", decide.rules, "folder of rule documents, as vigil serve has it")
            ->type_name("DIR");
    command->add_option("--config", decide.config, "configuration of the server, which names it")
        ->type_name("FILE")
        ->excludes(folder);
    command
        ->add_option("--control", decide.control,
                     "control socket of the server whose folder it is (default: that of the only "
                     "server that runs here)")
        ->type_name("PATH");
    command
        ->add_option("--others", decide.others,
                     "what everybody else gets, where the presentity has no rules yet (default: "
                     "what default.xml says, else confirm)")
        ->type_name("allow|confirm|polite-block|block");
    command->add_flag("-j,--json", decide.json, "print one JSON object a line");
    command->callback([&decide, name] { decide.decision = name; });
}

void define_control(CLI::App& command, ControlOptions& control) {
    command
        .add_option("--control", control.control,
                    "the server's control socket (default: that of the only server that runs here)")
        ->type_name("PATH");
    command.add_flag("-j,--json", control.json, "print one JSON object a line");
}

void define_show_what(Reading& to, CLI::App& parent, ShowWhat what, const char* name,
                      const char* help) {
    auto* command = parent.add_subcommand(name, help);
    ShowOptions& show = to.show;
    const bool one = what == ShowWhat::presentity;
    define_control(*command, show.control);
    command->callback([&show, what] { show.what = what; });
    if (what == ShowWhat::server) return;
    auto* uri =
        command->add_option("URI", show.uri,
                            one                               ? "sip:alice@example.com"
                            : what == ShowWhat::subscriptions ? "of this watcher or presentity "
                                                                "(default: all)"
                                                              : "of this address (default: all)");
    if (one) {
        uri->required();
        command->add_flag("--raw", show.raw, "print the composed document, too");
    }
}

void define_show(Reading& to) {
    auto* command =
        to.app.add_subcommand("show", "Show what a server that runs on this machine holds");
    command->require_subcommand(1);
    define_show_what(to, *command, ShowWhat::server, "server", "What the server goes by");
    define_show_what(to, *command, ShowWhat::subscriptions, "subscriptions",
                     "Who watches whom, and what became of it");
    define_show_what(to, *command, ShowWhat::publications, "publications", "What is published");
    define_show_what(to, *command, ShowWhat::registrations, "registrations", "Who is registered");
    define_show_what(to, *command, ShowWhat::presentity, "presentity",
                     "All about one address, and what is made of it");
    auto* explain = to.app.add_subcommand(
        "explain", "Say what a watcher sees of a presentity and why, or why nothing");
    explain->add_option("WATCHER", to.explain.watcher, "sip:bob@example.com")->required();
    explain->add_option("PRESENTITY", to.explain.presentity, "sip:alice@example.com")->required();
    explain->add_flag("--raw", to.explain.raw, "print the composed document, too");
    define_control(*explain, to.explain.control);
}

void define_rules(Reading& to) {
    auto* command = to.app.add_subcommand(
        "rules", "Check the rules of a presentity, and try what a watcher gets under them");
    command->require_subcommand(1);
    RulesOptions& rules = to.rules;
    auto* check = command->add_subcommand("check", "Say what is wrong with a rule document");
    auto* test = command->add_subcommand("test", "Say what a watcher gets, and by which rules");
    for (auto* each : {check, test}) {
        each->add_option("FILE", rules.file, "a document of RFC 4745 and 5025")->required();
        each->add_flag("-j,--json", rules.json, "print one JSON object");
    }
    check->callback([&rules] { rules.action = RulesAction::check; });
    test->callback([&rules] { rules.action = RulesAction::test; });
    auto* as = test->add_option("-a,--as", rules.as,
                                "who watches; repeatable, for one who has several addresses")
                   ->type_name("URI")
                   ->expected(1)
                   ->allow_extra_args(false)
                   ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    test->add_flag("--anonymous", rules.anonymous, "somebody for whom nobody vouches")
        ->excludes(as);
    test->add_option("--at", rules.at, "when, 2026-11-25T08:00:00Z (default: now)")
        ->type_name("TIME");
    test->add_option("--sphere", rules.sphere,
                     "where the presentity is, home or work (default: what the document says)")
        ->type_name("NAME");
    test->add_option("--document", rules.document,
                     "the presence document that was published: prints what the watcher would see")
        ->type_name("PIDF-FILE");
}

void define_load_amount(CLI::App& command, LoadOptions& load) {
    auto* count =
        command.add_option("-n,--count", load.count, "operations (default: one for each who can)");
    count->type_name("N");
    command.add_option("--seconds", load.seconds, "go on for so long instead")
        ->type_name("SECONDS")
        ->excludes(count);
    auto* window =
        command.add_option("--window", load.window, "operations under way at once (default: 128)");
    window->type_name("N");
    command
        .add_option("--rate", load.rate,
                    "operations a second, whatever the server does, instead of a window")
        ->type_name("N")
        ->excludes(window);
    command.add_option("--warm-up", load.warm_up_s, "the same before it, not measured")
        ->type_name("SECONDS");
    command
        .add_option("--probe", load.probe_rate,
                    "OPTIONS a second beside it, by a connection of their own")
        ->type_name("N");
    command.add_option("-t,--timeout", load.timeout_s, "an operation fails after (default: 32)")
        ->type_name("SECONDS");
}

void define_load(Reading& to) {
    auto* command = to.app.add_subcommand(
        "load", "Put load on a presence server, ours or another, and measure");
    command->footer(
        "Scenarios: subscribe, publish, fan-out, refresh, unsubscribe, boot-storm, mixed, options; "
        "and responder, which answers a generator from constants: the floor of what a server "
        "takes.");
    LoadOptions& load = to.load;
    command->add_option("SCENARIO", load.scenario, "what to do")->required();
    command->add_option("-s,--server", load.server, "where (default: udp:127.0.0.1:5060)")
        ->type_name("udp|tcp:HOST:PORT");
    command->add_option("--listen", load.listen, "of the responder: where to be")
        ->type_name("udp:HOST:PORT");
    command->add_option("--domain", load.domain, "of all addresses (default: localhost)")
        ->type_name("DOMAIN");
    command->add_option("--presentities", load.presentities, "how many (default: 1000)")
        ->type_name("N");
    command
        ->add_option("--watchers", load.watchers,
                     "of each presentity (default: 5; of publish, options and the responder: 0)")
        ->type_name("N");
    command->add_option("--publications", load.publications, "of each presentity (default: 1)")
        ->type_name("N");
    command
        ->add_option("--connections", load.connections,
                     "TCP connections, or UDP sockets (default: 1)")
        ->type_name("N");
    command
        ->add_option("--user-prefix", load.user_prefix,
                     "users are called so, with 7 digits behind (default: u)")
        ->type_name("TEXT");
    auto* env = command->add_option("--password-env", load.password_env,
                                    "environment variable with the password of all users");
    env->type_name("VAR");
    command->add_option("--password", load.password, "the password of all users (digest)")
        ->type_name("TEXT")
        ->excludes(env);
    command->add_option("-e,--expires", load.expires_s, "lifetime to ask for (default: 3600)")
        ->type_name("SECONDS");
    command->add_option("--body-bytes", load.body_bytes, "size of a document, at least")
        ->type_name("N");
    define_load_amount(*command, load);
    command
        ->add_option("--pid", load.pid,
                     "the server's process: its CPU time and memory are told, with its children's")
        ->type_name("PID");
    command->add_flag("--mute", load.mute, "leave the NOTIFYs of the scenario unanswered");
    command->add_flag("--keep", load.keep, "leave subscriptions and publications behind");
    command->add_flag("-j,--json", load.json, "print one JSON object a line");
}

void define(Reading& to) {
    to.app.require_subcommand(1);
    to.app.set_help_flag("-h,--help", "Print this and exit");
    to.app.set_version_flag("-V,--version", std::string(version_line()), "Print the version");
    to.app.get_formatter()->column_width(34);
    define_serve(to);
    define_watch(to);
    define_watchers(to);
    define_publish(to);
    define_register(to);
    define_edge(to);
    define_parse(to);
    define_user(to);
    define_limits(to);
    define_decision(to, "allow", "Let watchers see a presentity");
    define_decision(to, "confirm", "Have watchers wait until the presentity decides");
    define_decision(to, "polite-block", "Show watchers somebody who is never there");
    define_decision(to, "block", "Refuse watchers");
    define_show(to);
    define_rules(to);
    define_load(to);
    to.app.add_subcommand("version", "Print the version");
    to.app.add_subcommand("help", "Print help: vigil help COMMAND")
        ->add_option("COMMAND", to.help_topic, "whose help");
}

RawOptions take_serve(Reading& from) {
    RawOptions given;
    const CLI::App* command = from.app.get_subcommand("serve");
    auto values = from.serve_values.begin();
    for (const OptionSpec& spec : serve_option_specs()) {
        const std::string name(spec.name);
        const bool flag = spec.kind == OptionKind::flag;
        const bool present = command->count("--" + name) > 0;
        if (present) given[name] = {flag ? std::vector<std::string>{"true"} : *values, "--" + name};
        if (!flag) ++values;
    }
    return given;
}

Say wrong(const std::string& what, bool json) { return {what, ExitCode::wrong_usage, json}; }

/// The innermost command that was named, "vigil user add".
const CLI::App& innermost(const CLI::App& app) {
    const CLI::App* at = &app;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    return *at;
}

std::string path_of(const CLI::App& app) {
    std::string path = app.get_name();
    for (const CLI::App* at = app.get_parent(); at != nullptr; at = at->get_parent())
        path = at->get_name() + " " + path;
    return path;
}

std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
    return text;
}

std::string suggestion_for(const CLI::App& app, const std::string& argument) {
    std::vector<std::string> names;
    const bool option = argument.starts_with("-");
    if (option)
        for (const CLI::Option* each : app.get_options())
            for (const std::string& name : each->get_lnames()) names.push_back(name);
    else
        for (const CLI::App* each : app.get_subcommands({})) names.push_back(each->get_name());
    const std::vector<std::string_view> views(names.begin(), names.end());
    std::string bare = argument.substr(0, argument.find('='));
    bare.erase(0,
               bare.find_first_not_of('-') == std::string::npos ? 0 : bare.find_first_not_of('-'));
    return suggestion(bare, views, option ? "--" : "");
}

Say explain(const Reading& reading, const CLI::ParseError& error,
            std::span<const char* const> arguments, bool json) {
    const CLI::App& app = innermost(reading.app);
    const std::string path = path_of(app);
    const std::string help = "; see " + path + " --help";
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
        const auto extras = reading.app.remaining(true);
        const std::string argument = extras.empty() ? std::string("?") : extras.front();
        const bool option = argument.starts_with("-");
        const bool top = &app == &reading.app;
        return wrong("vigil: " +
                         std::string(option ? "no such option: "
                                     : top  ? "no such command: "
                                            : "one argument too many: ") +
                         argument + suggestion_for(app, argument) + help,
                     json);
    }
    if (&app != &reading.app || !arguments.empty()) {
        // A command that is missing because another word stands in its place.
        const auto word = std::find_if(arguments.begin(), arguments.end(), [&](const char* each) {
            return std::string_view(each) != app.get_name();
        });
        if (!app.get_subcommands({}).empty() && word != arguments.end())
            return wrong(path + (**word == '-' ? ": no such option: " : ": no such command: ") +
                             *word + suggestion_for(app, *word) + help,
                         json);
    }
    if (!app.get_subcommands({}).empty())
        return wrong(path + ": a command is missing" + help, json);
    if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr)
        return wrong(path + ": " + one_line(error.what()).substr(sizeof "Could not convert: " - 1) +
                         " is not a number that fits" + help,
                     json);
    return wrong(path + ": " + one_line(error.what()) + help, json);
}

Say help_about(const std::string& name) {
    // A second one: after parsing, the help of an App is that of the command that was found.
    Reading fresh;
    define(fresh);
    const CLI::App* topic = &fresh.app;
    if (!name.empty()) {
        const auto all = fresh.app.get_subcommands({});
        const auto found = std::find_if(
            all.begin(), all.end(), [&](const CLI::App* each) { return each->get_name() == name; });
        if (found == all.end())
            return wrong("vigil: no such command: " + name + suggestion_for(fresh.app, name) +
                             "; see vigil --help",
                         false);
        topic = *found;
    }
    return {topic->help(name.empty() ? "" : "vigil"), ExitCode::done};
}

/// A document is made of options, or given, or removed.
Command chosen_publish(const PublishOptions& publish) {
    const bool made = publish.status || publish.activity || publish.note || publish.contact;
    const std::string help = "; see vigil publish --help";
    if ((made && publish.body) || (made && publish.remove) || (publish.body && publish.remove))
        return wrong(
            "vigil publish: --body FILE and --remove ETAG go with nothing else that says "
            "what to publish" +
                help,
            publish.client.json);
    if (!made && !publish.body && !publish.remove)
        return wrong(
            "vigil publish: say what to publish: --status open or closed, --activity, "
            "--note, or --body FILE" +
                help,
            publish.client.json);
    if (publish.status && *publish.status != "open" && *publish.status != "closed")
        return wrong("vigil publish: --status " + *publish.status + ": use open or closed" + help,
                     publish.client.json);
    return publish;
}

std::string version_text() {
    const std::string tls = edge::tls_library();
    return std::string(version_line()) + "\ntls: " + (tls.empty() ? "not built in" : tls) + "\n";
}

Command chosen_rules(const RulesOptions& rules) {
    if (rules.action == RulesAction::test && rules.as.empty() && !rules.anonymous)
        return wrong(
            "vigil rules test: say who watches: --as URI or --anonymous; see vigil rules "
            "test --help",
            rules.json);
    return rules;
}

Command chosen(Reading& reading) {
    const std::string name = reading.app.get_subcommands().front()->get_name();
    if (name == "serve") return ServeOptions{take_serve(reading)};
    if (name == "watch") return reading.watch;
    if (name == "watchers") return reading.watchers;
    if (name == "publish") return chosen_publish(reading.publish);
    if (name == "register") return reading.registration;
    if (name == "parse") return reading.parse;
    if (name == "user") return reading.user;
    if (name == "limits") return reading.limits;
    if (!reading.decide.decision.empty()) return reading.decide;
    if (name == "show") return reading.show;
    if (name == "explain") return reading.explain;
    if (name == "edge") return reading.edge;
    if (name == "rules") return chosen_rules(reading.rules);
    if (name == "load") return reading.load;
    if (name == "help") return help_about(reading.help_topic);
    return Say{version_text(), ExitCode::done};
}

}  // namespace

Command read_command_line(std::span<const char* const> arguments) {
    const bool json = std::any_of(arguments.begin(), arguments.end(), [](std::string_view each) {
        return each == "--json" || each == "-j";
    });
    Reading reading;
    try {
        define(reading);
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
        reading.app.parse(reversed);
        return chosen(reading);
    } catch (const CLI::CallForHelp&) {
        return Say{reading.app.help(), ExitCode::done};
    } catch (const CLI::CallForVersion&) {
        return Say{version_text(), ExitCode::done};
    } catch (const CLI::ParseError& error) {
        return explain(reading, error, arguments, json);
    }
}

}  // namespace vigil
