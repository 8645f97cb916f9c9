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

struct ParseOptions {
    std::string file = "-";  ///< "-": standard input
    bool strict = false;
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

/// Nothing to do but to print: help, version, or what is wrong with the command line.
struct Say {
    std::string text;
    ExitCode code = ExitCode::done;  ///< other than done: to standard error
    bool json = false;               ///< --json was among the arguments
};

using Command = std::variant<Say, ServeOptions, WatchOptions, PublishOptions, RegisterOptions,
                             ParseOptions, UserOptions>;

}  // namespace vigil
