#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
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

/// A watcher of ours, at `vigil edge`.
struct EdgeWatcherFields {
    std::string time, uri;
    std::string watcher;  ///< its URI
    std::string state, reason;
};
std::string json_of(const EdgeWatcherFields& fields);

struct ParseFields {
    bool ok = false;
    std::string kind;
    std::string error;  ///< the rest is told when not ok
    std::size_t offset = 0;
    std::string rule;
};
std::string json_of(const ParseFields& fields);

struct RulesFields {
    std::string decision;
    std::vector<std::string> rules;
    std::optional<std::string> document;
};
std::string json_of(const RulesFields& fields);

struct UserFields {
    std::string name, realm;
    std::vector<std::string> algorithms;
};
std::string json_of(const UserFields& fields);

/// What was decided about a watcher.
struct DecisionFields {
    std::string uri, watcher, decision;
    std::string file;
    std::vector<std::string> notes;
};
std::string json_of(const DecisionFields& fields);
/// A line of the control socket: a flat object whose keys stand in their order.
using RecordValue = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;
class Record {
public:
    Record& set(std::string_view key, RecordValue value) {
        fields_.emplace_back(std::string(key), std::move(value));
        return *this;
    }
    const std::vector<std::pair<std::string, RecordValue>>& fields() const { return fields_; }
    /// What is not there, or is of another kind, is empty, 0 or false.
    std::string text(std::string_view key) const { return get<std::string>(key); }
    std::int64_t number(std::string_view key) const { return get<std::int64_t>(key); }
    bool flag(std::string_view key) const { return get<bool>(key); }
    std::vector<std::string> list(std::string_view key) const {
        return get<std::vector<std::string>>(key);
    }
    bool has(std::string_view key) const { return find(key) != nullptr; }

private:
    const RecordValue* find(std::string_view key) const {
        for (const auto& [name, value] : fields_)
            if (name == key) return &value;
        return nullptr;
    }
    template <class T>
    T get(std::string_view key) const {
        const RecordValue* value = find(key);
        const T* found = value == nullptr ? nullptr : std::get_if<T>(value);
        return found == nullptr ? T{} : *found;
    }

    std::vector<std::pair<std::string, RecordValue>> fields_;
};
std::string json_of(const Record& record);
/// Reads such a line; nothing: it is none.
std::optional<Record> read_record(std::string_view line);

struct ErrorFields {
    std::string time;
    std::string uri;  ///< empty: of none
    std::string error;
    std::uint16_t status = 0;  ///< 0: there was no response
    std::string reason;
};
std::string json_of(const ErrorFields& fields);

}  // namespace vigil
