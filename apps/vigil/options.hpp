#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "apps/vigil/exit_code.hpp"
#include "apps/vigil/raw_options.hpp"

namespace vigil {

// What each command was told, as typed. The commands check the values.

struct ServeOptions {
    RawOptions given;
};

/// What watch, publish and register have in common.
struct ClientOptions {
    std::string server;            ///< empty: by the URI
    std::vector<std::string> dns;  ///< name servers; none: those of the system
    std::string as;                ///< empty: the URI
    std::optional<std::string> password, password_env;
    std::optional<std::uint32_t> expires_s;
    std::optional<double> timeout_s;
    bool json = false;
    std::string ca, cert, key;  ///< PEM files for TLS; empty: not given
    std::string server_name;    ///< what a TLS server has to prove; empty: the host of `server`
    std::string instance;       ///< RFC 5626: the URN of this device; empty: none
    bool challenge = false;     ///< NOTIFYs are to be proved
    std::vector<std::string> listen;  ///< none: sockets of its own choice towards the server
};

struct WatchOptions {
    ClientOptions client;
    std::vector<std::string> uris;
    std::string event = "presence";
    std::string command = "watch";  ///< or "watchers", which is the same with another event
    bool once = false;
    bool raw = false;
    std::optional<std::uint32_t> count;
};

struct PublishOptions {
    ClientOptions client;
    std::string uri;
    std::optional<std::string> status, activity, note, contact, body, remove;
    bool once = false;
};

struct RegisterOptions {
    ClientOptions client;
    std::string uri;
    std::optional<std::string> contact;
    std::optional<std::uint32_t> reg_id;
    bool once = false;
};

struct EdgeOptions {
    ClientOptions client;
    std::string uri;
    std::string status = "open";
    std::optional<std::string> activity, note, contact;
    std::string policy = "allow";
    std::vector<std::string> trust;
    double notify_interval_s = 5;
    std::uint32_t watch_expires_s = 600;  ///< the longest that a subscription is granted
};

struct ParseOptions {
    std::string file = "-";  ///< "-": standard input
    bool strict = false;
    bool json = false;
};

enum class RulesAction : std::uint8_t { check, test };
struct RulesOptions {
    RulesAction action = RulesAction::check;
    std::string file;             ///< "-": standard input
    std::vector<std::string> as;  ///< who watches: all URIs that are theirs
    bool anonymous = false;       ///< nobody vouches for who watches
    std::optional<std::string> at, sphere, document;
    bool json = false;
};

/// What a server holds in so much memory.
struct LimitsOptions {
    std::string memory;  ///< "8M"
    std::uint32_t watchers = 5;
    std::uint32_t document_bytes = 500;
    bool json = false;
};

enum class UserAction : std::uint8_t { add, remove, list, check };
struct UserOptions {
    UserAction action = UserAction::list;
    std::string users;  ///< the file
    std::string name;   ///< empty: not given
    std::optional<std::string> realm, password_env;
    std::string algorithms = "MD5,SHA-256";
    bool password_stdin = false;
    bool json = false;
};

/// allow, confirm, polite-block, block: what a presentity decides about watchers.
struct DecideOptions {
    std::string decision;  ///< as RFC 5025 writes it
    std::string presentity;
    std::vector<std::string> watchers;
    std::string rules;    ///< the folder; empty: by `config`, or by the server that runs
    std::string config;   ///< of the server; empty: not given
    std::string control;  ///< path of its socket; empty: the only one there is
    std::string others;   ///< empty: not given
    bool json = false;
};

/// What is asked of a running server over its control socket.
struct ControlOptions {
    std::string control;  ///< path of the socket; empty: the only one there is
    bool json = false;
};

enum class ShowWhat : std::uint8_t {
    server,
    subscriptions,
    publications,
    registrations,
    presentity
};
struct ShowOptions {
    ControlOptions control;
    ShowWhat what = ShowWhat::subscriptions;
    std::string uri;  ///< empty: of all
    bool raw = false;
};

struct ExplainOptions {
    ControlOptions control;
    std::string watcher, presentity;
    bool raw = false;
};

/// `vigil load`: as many operations as somebody asks for, against any server.
struct LoadOptions {
    std::string scenario;
    std::string server = "udp:127.0.0.1:5060";
    std::string listen = "udp:127.0.0.1:5060";  ///< of the responder
    std::string domain = "localhost", user_prefix = "u";
    std::optional<std::string> password, password_env;
    std::uint32_t presentities = 1'000, publications = 1, connections = 1;
    std::optional<std::uint32_t> watchers;
    std::uint64_t count = 0;
    double seconds = 0, rate = 0, warm_up_s = 0, probe_rate = 0, timeout_s = 32;
    std::uint32_t window = 128, expires_s = 3'600, body_bytes = 0;
    std::uint32_t pid = 0;  ///< 0: not given
    bool mute = false, keep = false, json = false;
};

/// Nothing to do but to print: help, version, or what is wrong with the command line.
struct Say {
    std::string text;
    ExitCode code = ExitCode::done;  ///< other than done: to standard error
    bool json = false;               ///< --json was among the arguments
};

using Command = std::variant<Say, ServeOptions, WatchOptions, PublishOptions, RegisterOptions,
                             EdgeOptions, ParseOptions, UserOptions, RulesOptions, DecideOptions,
                             ShowOptions, ExplainOptions, LoadOptions, LimitsOptions>;

}  // namespace vigil
