#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vigil {

// The lines of --json, one object each, without line end. Text that is not UTF-8 has its bytes
// replaced, so that each line is JSON whatever a peer sent. The door to the JSON library.

/// One tuple of a presence document.
struct TupleFields {
    std::string id;
    std::string basic;    ///< empty: there is none
    std::string contact;  ///< empty: there is none
    std::optional<std::string> priority;
    std::vector<std::string> notes;
};

/// What a watcher learnt.
struct WatchFields {
    std::string time, uri;
    bool is_presence = false;  ///< else a change of the subscription
    std::string state, reason;
    std::optional<std::uint32_t> expires;
    std::string basic;
    std::vector<std::string> activities, notes;
    std::vector<TupleFields> tuples;
    std::optional<std::string> document;
};
std::string json_of(const WatchFields& fields);

/// One watcher of somebody's.
struct WatcherFields {
    std::string time, uri;  ///< whose watchers these are
    std::string watcher, package, id, display_name;
    std::string status;  ///< pending, active, waiting, terminated
    std::string cause;   ///< what brought it there: subscribe, approved, ...
    std::optional<std::uint64_t> expires, duration;
};
std::string json_of(const WatcherFields& fields);

struct PublishFields {
    std::string time, uri;
    std::uint16_t status = 0;
    std::string etag;  ///< empty: none, after a removal
    std::optional<std::uint32_t> expires;
};
std::string json_of(const PublishFields& fields);

struct RegisterFields {
    std::string time, uri;
    std::uint16_t status = 0;
    std::vector<std::string> contacts;
};
std::string json_of(const RegisterFields& fields);

struct ParseFields {
    bool ok = false;
    std::string kind;
    std::string error;  ///< the rest is told when not ok
    std::size_t offset = 0;
    std::string rule;
};
std::string json_of(const ParseFields& fields);

struct UserFields {
    std::string name, realm;
    std::vector<std::string> algorithms;
};
std::string json_of(const UserFields& fields);

struct ErrorFields {
    std::string time;
    std::string uri;  ///< empty: of none
    std::string error;
    std::uint16_t status = 0;  ///< 0: there was no response
    std::string reason;
};
std::string json_of(const ErrorFields& fields);

}  // namespace vigil
