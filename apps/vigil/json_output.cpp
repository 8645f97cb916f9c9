#include "apps/vigil/json_output.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vigil {

namespace {

// Keeps the order in which fields are set.
using Json = nlohmann::ordered_json;

std::string line_of(const Json& object) {
    return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json json_of_tuple(const TupleFields& tuple) {
    Json out;
    out["id"] = tuple.id;
    if (!tuple.basic.empty()) out["basic"] = tuple.basic;
    if (!tuple.contact.empty()) out["contact"] = tuple.contact;
    if (tuple.priority) out["priority"] = *tuple.priority;
    out["notes"] = tuple.notes;
    return out;
}

Json begin(const std::string& time, const std::string& uri) {
    Json out;
    out["time"] = time;
    if (!uri.empty()) out["uri"] = uri;
    return out;
}

}  // namespace

std::string json_of(const WatchFields& fields) {
    Json out = begin(fields.time, fields.uri);
    out["event"] = fields.is_presence ? "presence" : "subscription";
    out["state"] = fields.state;
    if (!fields.reason.empty()) out["reason"] = fields.reason;
    if (fields.expires) out["expires"] = *fields.expires;
    if (fields.is_presence) {
        if (!fields.basic.empty()) out["basic"] = fields.basic;
        out["activities"] = fields.activities;
        out["notes"] = fields.notes;
        Json tuples = Json::array();
        for (const auto& tuple : fields.tuples) tuples.push_back(json_of_tuple(tuple));
        out["tuples"] = std::move(tuples);
        if (fields.document) out["document"] = *fields.document;
    }
    return line_of(out);
}

std::string json_of(const WatcherFields& fields) {
    Json out = begin(fields.time, fields.uri);
    out["event"] = "watcher";
    out["watcher"] = fields.watcher;
    out["package"] = fields.package;
    out["id"] = fields.id;
    if (!fields.display_name.empty()) out["display_name"] = fields.display_name;
    out["status"] = fields.status;
    out["cause"] = fields.cause;
    if (fields.expires) out["expires"] = *fields.expires;
    if (fields.duration) out["duration"] = *fields.duration;
    return line_of(out);
}

std::string json_of(const PublishFields& fields) {
    Json out = begin(fields.time, fields.uri);
    out["status"] = fields.status;
    if (!fields.etag.empty()) out["etag"] = fields.etag;
    if (fields.expires) out["expires"] = *fields.expires;
    return line_of(out);
}

std::string json_of(const RegisterFields& fields) {
    Json out = begin(fields.time, fields.uri);
    out["status"] = fields.status;
    out["contacts"] = fields.contacts;
    return line_of(out);
}

std::string json_of(const EdgeWatcherFields& fields) {
    Json out = begin(fields.time, fields.uri);
    out["event"] = "watcher";
    out["watcher"] = fields.watcher;
    out["state"] = fields.state;
    if (!fields.reason.empty()) out["reason"] = fields.reason;
    return line_of(out);
}

std::string json_of(const ParseFields& fields) {
    Json out;
    out["ok"] = fields.ok;
    out["kind"] = fields.kind;
    if (!fields.ok) {
        out["error"] = fields.error;
        out["offset"] = fields.offset;
        out["rule"] = fields.rule;
    }
    return line_of(out);
}

std::string json_of(const RulesFields& fields) {
    Json out;
    out["decision"] = fields.decision;
    out["rules"] = fields.rules;
    if (fields.document) out["document"] = *fields.document;
    return line_of(out);
}

std::string json_of(const UserFields& fields) {
    Json out;
    out["name"] = fields.name;
    out["realm"] = fields.realm;
    out["algorithms"] = fields.algorithms;
    return line_of(out);
}

std::string json_of(const DecisionFields& fields) {
    Json out;
    out["uri"] = fields.uri;
    out["watcher"] = fields.watcher;
    out["decision"] = fields.decision;
    out["file"] = fields.file;
    out["notes"] = fields.notes;
    return line_of(out);
}

std::string json_of(const Record& record) {
    Json out;
    for (const auto& [key, value] : record.fields())
        std::visit([&, &name = key](const auto& each) { out[name] = each; }, value);
    return line_of(out);
}

std::optional<Record> read_record(std::string_view line) {
    const Json read = Json::parse(line, nullptr, false);
    if (!read.is_object()) return {};
    Record out;
    for (const auto& [key, value] : read.items()) {
        if (value.is_string())
            out.set(key, value.get<std::string>());
        else if (value.is_boolean())
            out.set(key, value.get<bool>());
        else if (value.is_number())
            out.set(key, value.get<std::int64_t>());
        else if (value.is_array() && std::all_of(value.begin(), value.end(),
                                                 [](const Json& each) { return each.is_string(); }))
            out.set(key, value.get<std::vector<std::string>>());
    }
    return out;
}

std::string json_of(const ErrorFields& fields) {
    Json out = begin(fields.time, fields.uri);
    out["error"] = fields.error;
    if (fields.status != 0) out["status"] = fields.status;
    if (!fields.reason.empty()) out["reason"] = fields.reason;
    return line_of(out);
}

}  // namespace vigil
