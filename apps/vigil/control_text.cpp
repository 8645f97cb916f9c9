#include "apps/vigil/control_text.hpp"

#include <algorithm>

#include "apps/vigil/text.hpp"

namespace vigil {

namespace {

constexpr std::size_t cell_bytes_max = 60;

std::size_t columns_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

std::string address_of(const std::string& uri) {
    return uri.starts_with("sip:") ? uri.substr(4) : uri;
}

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& each : texts) all += (all.empty() ? "" : ", ") + each;
    return all;
}

std::string seconds_text(const Record& record, std::string_view key) {
    return std::to_string(record.number(key)) + " s";
}

/// "200, 12 s ago"
std::string last_notify(const Record& s) {
    const std::string how = s.text("notify");
    if (how == "none") return how;
    const std::string what = how == "answered" ? std::to_string(s.number("notify_status")) : how;
    return what + ", " + span_text(s.number("notify_age")) + " ago";
}

std::string next_of(const Record& s) {
    if (!s.has("next")) return {};
    return s.text("next") + " in " + span_text(s.number("next_in"));
}

/// "open, away": what a document says in short.
std::string state_of(const Record& document) {
    std::string text = document.text("basic");
    if (const std::string doing = joined(document.list("activities")); !doing.empty())
        text += (text.empty() ? "" : ", ") + doing;
    return text.empty() ? "nothing" : text;
}

/// "0.8"
std::string q_text(const Record& registration) {
    if (!registration.has("q")) return {};
    const std::string digits = std::to_string(1000 + registration.number("q") % 1000).substr(1);
    return std::to_string(registration.number("q") / 1000) + "." + digits;
}

using Rows = std::vector<std::vector<std::string>>;
struct Table {
    std::string_view kind;
    std::vector<std::string> header;
    std::vector<std::string> (*row)(const Record& record);
};

const std::vector<Table>& tables() {
    static const std::vector<Table> all{
        {"server",
         {"POLICY", "RULES", "SUBSCRIPTIONS", "PUBLICATIONS", "REGISTRATIONS"},
         [](const Record& r) -> std::vector<std::string> {
             return {r.text("policy"), r.text("rules"), std::to_string(r.number("subscriptions")),
                     std::to_string(r.number("publications")),
                     std::to_string(r.number("registrations"))};
         }},
        {"presentity",
         {"PRESENTITY", "EXISTS", "POLICY"},
         [](const Record& r) -> std::vector<std::string> {
             return {address_of(r.text("uri")), r.flag("exists") ? "yes" : "no",
                     r.has("rules_file")
                         ? "rules of " + r.text("rules_file")
                         : r.text("policy") + (r.flag("own_policy") ? " (its own)" : "")};
         }},
        {"subscription",
         {"WATCHER", "PRESENTITY", "EVENT", "STATE", "EXPIRES", "SEES", "BECAUSE", "LAST NOTIFY",
          "NEXT", "FROM"},
         [](const Record& r) -> std::vector<std::string> {
             const std::string state = r.text("state");
             return {address_of(r.text("watcher")),
                     address_of(r.text("uri")),
                     r.text("package"),
                     r.text("connection") == "up" ? state : state + ", " + r.text("connection"),
                     seconds_text(r, "expires"),
                     r.text("sees"),
                     r.text("because"),
                     last_notify(r),
                     next_of(r),
                     r.text("remote")};
         }},
        {"publication",
         {"PRESENTITY", "ETAG", "PUBLISHER", "SAYS", "AGE", "EXPIRES", "BYTES"},
         [](const Record& r) -> std::vector<std::string> {
             return {address_of(r.text("uri")),        r.text("etag"),
                     address_of(r.text("publisher")),  state_of(r),
                     span_text(r.number("age")),       seconds_text(r, "expires"),
                     std::to_string(r.number("bytes"))};
         }},
        {"registration",
         {"ADDRESS", "CONTACT", "Q", "AGE", "EXPIRES", "FLOW", "CAPABILITIES"},
         [](const Record& r) -> std::vector<std::string> {
             const std::string flow = r.flag("connection") ? "connection" : r.text("behind_nat");
             return {address_of(r.text("uri")),  r.text("contact"),          q_text(r),
                     span_text(r.number("age")), seconds_text(r, "expires"), flow,
                     r.text("capabilities")};
         }},
        {"left-out",
         {"LEFT OUT", "NAME", "OF", "BECAUSE", "IN FAVOUR OF"},
         [](const Record& r) -> std::vector<std::string> {
             return {r.text("what"), r.text("name"), r.text("of"), r.text("because"),
                     r.text("in_favour_of")};
         }},
        {"document",
         {"COMPOSED", "TUPLES", "BYTES", "NOTES"},
         [](const Record& r) -> std::vector<std::string> {
             if (r.has("failed")) return {"failed: " + r.text("failed")};
             return {state_of(r), std::to_string(r.number("tuples")),
                     std::to_string(r.number("bytes")), joined(r.list("notes"))};
         }},
    };
    return all;
}

}  // namespace

std::vector<std::string> table_of(std::vector<std::vector<std::string>> rows) {
    std::vector<std::size_t> widths;
    for (auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            row[i] = escape(row[i].empty() ? "-" : row[i], cell_bytes_max);
            widths[i] = std::max(widths[i], columns_of(row[i]));
        }
    }
    std::vector<std::string> lines;
    for (const auto& row : rows) {
        std::string& line = lines.emplace_back();
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line.append(widths[i] - columns_of(row[i]) + 2, ' ');
        }
    }
    return lines;
}

std::string span_text(std::int64_t seconds) {
    if (seconds < 120) return std::to_string(seconds) + " s";
    if (seconds < 2 * 3600) return std::to_string(seconds / 60) + " min";
    if (seconds < 2 * 86'400) return std::to_string(seconds / 3600) + " h";
    return std::to_string(seconds / 86'400) + " d";
}

void Tables::add(const Record& record) {
    rows_.resize(tables().size());
    const std::string kind = record.text("kind");
    for (std::size_t i = 0; i < rows_.size(); ++i)
        if (tables()[i].kind == kind) rows_[i].push_back(tables()[i].row(record));
}

std::vector<std::string> Tables::lines(std::string_view what) && {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        Rows rows = std::move(rows_[i]);
        if (rows.empty()) continue;
        std::sort(rows.begin(), rows.end());
        rows.insert(rows.begin(), tables()[i].header);
        if (!out.empty()) out.emplace_back();
        for (std::string& line : table_of(std::move(rows))) out.push_back(std::move(line));
    }
    if (out.empty()) out.push_back("no " + std::string(what));
    return out;
}

std::string document_in(const std::vector<Record>& records) {
    for (const Record& record : records)
        if (record.text("kind") == "document") return record.text("document");
    return {};
}

}  // namespace vigil
