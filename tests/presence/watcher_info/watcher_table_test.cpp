#include "presence/watcher_info/watcher_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "presence/watcher_info/watcher_reader.hpp"

using presence::WatcherTable;
using Taken = WatcherTable::Taken;

namespace {

struct Line {
    std::string id, status, event = "subscribe", uri = "sip:bob@example.com", name;
};

std::string document(unsigned version, bool full, const std::vector<Line>& lines,
                     const std::string& resource = "sip:alice@example.com") {
    std::string text = "<watcherinfo xmlns=\"urn:ietf:params:xml:ns:watcherinfo\" version=\"" +
                       std::to_string(version) + "\" state=\"" + (full ? "full" : "partial") +
                       "\"><watcher-list resource=\"" + resource + "\" package=\"presence\">";
    for (const Line& line : lines)
        text += "<watcher id=\"" + line.id + "\" status=\"" + line.status + "\" event=\"" +
                line.event + "\" display-name=\"" + line.name + "\">" + line.uri + "</watcher>";
    return text + "</watcher-list></watcherinfo>";
}

struct TableWorld {
    explicit TableWorld(std::size_t rows = 100) : table(memory, {1, 2}, {rows}) {}
    Taken take(unsigned version, bool full, const std::vector<Line>& lines, std::uint32_t fork = 0,
               const std::string& resource = "sip:alice@example.com") {
        told.clear();
        pidf::Arena arena(memory, 1U << 20U);
        const auto info =
            presence::read_watcher_info(document(version, full, lines, resource), arena);
        REQUIRE(info);
        const auto taken = table.take(fork, **info, [&](const WatcherTable::Row& row) {
            told.push_back(std::string(row.id) + " " +
                           std::string(presence::watcher_machine::name_of(row.status)));
        });
        overloaded = !taken;
        return taken ? *taken : Taken::discarded;
    }
    std::vector<std::string> rows() {
        std::vector<std::string> all;
        table.for_each([&](const WatcherTable::Row& row) {
            all.push_back(std::to_string(row.fork) + " " + std::string(row.id) + " " +
                          std::string(presence::watcher_machine::name_of(row.status)));
        });
        std::sort(all.begin(), all.end());
        return all;
    }
    sip::Memory memory;
    WatcherTable table;
    std::vector<std::string> told;
    bool overloaded = false;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE(
    "R3858-4-1: the next version is taken, a later one too and asks for more, an old one not") {
    TableWorld w;
    CHECK(w.take(7, true, {{"a", "pending"}}) == Taken::processed);
    CHECK(w.take(8, false, {{"b", "pending"}}) == Taken::processed);
    CHECK(w.rows() == Lines{"0 a pending", "0 b pending"});
    CHECK(w.take(10, false, {{"a", "active"}}) == Taken::with_gap);
    CHECK(w.rows() == Lines{"0 a active", "0 b pending"});
    CHECK(w.take(9, false, {{"b", "active"}}) == Taken::discarded);
    CHECK(w.take(7, true, {}) == Taken::discarded);
    CHECK(w.rows() == Lines{"0 a active", "0 b pending"});
    // A full document that is far ahead lacks nothing.
    CHECK(w.take(4'294'967'295U, true, {{"c", "active"}}) == Taken::processed);
    CHECK(w.rows() == Lines{"0 c active"});
    CHECK(w.take(0, true, {}) == Taken::discarded);
}

TEST_CASE("R3858-4-3: a copy is discarded, but for the full state that was asked for") {
    TableWorld w;
    w.take(0, true, {{"a", "pending"}});
    CHECK(w.take(0, true, {{"b", "pending"}}) == Taken::discarded);
    w.table.refreshing(0);
    CHECK(w.take(0, false, {{"b", "pending"}}) == Taken::discarded);
    CHECK(w.take(0, true, {{"b", "pending"}}) == Taken::processed);
    CHECK(w.rows() == Lines{"0 b pending"});
    // Once.
    CHECK(w.take(0, true, {{"c", "pending"}}) == Taken::discarded);
    w.table.refreshing(9);  // of nobody
}

TEST_CASE("R3858-4-2: full replaces all tables, partial adds and updates rows by resource and id") {
    TableWorld w;
    w.take(0, true, {{"a", "pending"}, {"b", "active"}});
    CHECK(w.told == Lines{"a pending", "b active"});
    w.take(1, false, {{"b", "active"}, {"c", "waiting", "timeout"}});
    CHECK(w.told == Lines{"c waiting"});
    // The same id of another resource is another row.
    w.take(2, false, {{"a", "active"}}, 0, "sip:carol@example.com");
    CHECK(w.rows() == Lines{"0 a active", "0 a pending", "0 b active", "0 c waiting"});
    w.take(3, true, {{"b", "active"}, {"d", "pending"}});
    CHECK(w.told.size() == 4);
    CHECK(w.told.front() == "d pending");
    CHECK(std::count(w.told.begin(), w.told.end(), "a terminated") == 2);
    CHECK(w.rows() == Lines{"0 b active", "0 d pending"});
}

TEST_CASE("R3858-4-2: a terminated row is told of once, and gone") {
    TableWorld w;
    w.take(0, true, {{"a", "pending"}});
    w.take(1, false, {{"a", "terminated", "rejected"}});
    CHECK(w.told == Lines{"a terminated"});
    CHECK(w.rows().empty());
    w.take(2, true, {});
    CHECK(w.told.empty());
    CHECK(w.table.size() == 0);
}

TEST_CASE("R3857-4.8-1: a first document that is partial is taken, and the rest asked for") {
    TableWorld w;
    CHECK(w.take(5, false, {{"a", "pending"}}) == Taken::with_gap);
    w.table.refreshing(0);
    CHECK(w.take(6, true, {{"a", "pending"}, {"b", "active"}}) == Taken::processed);
    CHECK(w.rows() == Lines{"0 a pending", "0 b active"});
}

TEST_CASE("R3857-4.9-1: the rows of several notifiers stand side by side, each with its versions") {
    TableWorld w;
    w.take(0, true, {{"a", "pending"}}, 0);
    CHECK(w.take(40, true, {{"a", "active"}, {"b", "active"}}, 1) == Taken::processed);
    CHECK(w.rows() == Lines{"0 a pending", "1 a active", "1 b active"});
    CHECK(w.take(1, true, {}, 0) == Taken::processed);
    CHECK(w.rows() == Lines{"1 a active", "1 b active"});
    w.table.forget(1);
    CHECK(w.rows().empty());
    // It starts anew when it comes back.
    CHECK(w.take(0, true, {{"a", "active"}}, 1) == Taken::processed);
    for (std::uint32_t fork = 2; fork < WatcherTable::forks_max; ++fork) {
        w.take(0, true, {}, fork);
        CHECK_FALSE(w.overloaded);
    }
    w.take(0, true, {}, 99);
    CHECK(w.overloaded);
}

TEST_CASE("T-9: as many rows as the limit says, and one more is left out and counted") {
    TableWorld w(2);
    w.take(0, true, {{"a", "active"}, {"b", "active"}});
    CHECK(w.table.left_out() == 0);
    w.take(1, false, {{"c", "active"}});
    CHECK(w.table.left_out() == 1);
    CHECK(w.rows() == Lines{"0 a active", "0 b active"});
    w.take(2, false, {{"a", "terminated", "timeout"}, {"c", "active"}});
    CHECK(w.rows() == Lines{"0 b active", "0 c active"});
}

TEST_CASE("R3857-4.8-1: lost, doubled and reordered documents come to the notifier's own table") {
    for (std::uint32_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        TableWorld w;
        std::map<std::string, std::string> truth;
        unsigned version = 0;
        bool wants_all = false;
        const auto send = [&](bool full, const std::vector<Line>& lines) {
            const unsigned this_one = version++;
            if (random() % 4 == 0) return;  // lost
            for (int copies = random() % 3 == 0 ? 2 : 1; copies > 0; --copies)
                if (w.take(this_one, full, lines) == Taken::with_gap) wants_all = true;
        };
        const auto everything = [&] {
            std::vector<Line> lines;
            for (const auto& [id, status] : truth) lines.push_back({id, status});
            return lines;
        };
        send(true, {});
        for (int i = 0; i < 60; ++i) {
            const std::string id(1, static_cast<char>('a' + random() % 6));
            const std::string status = random() % 3 == 0 ? "terminated"
                                       : i % 2           ? "active"
                                                         : "pending";
            if (status == "terminated")
                truth.erase(id);
            else
                truth[id] = status;
            send(false, {{id, status}});
            if (wants_all) {
                w.table.refreshing(0);
                wants_all = false;
                send(true, everything());
            }
        }
        // Whatever was lost, the next one that comes shows that there is a gap.
        while (w.take(version++, true, everything()) != Taken::processed) {
        }
        Lines expected;
        for (const auto& [id, status] : truth) expected.push_back("0 " + id + " " + status);
        CHECK(w.rows() == expected);
    }
}

TEST_CASE("T-8: memory refused anywhere leaves a table that goes on") {
    for (std::uint64_t n = 0, refused = 1; refused > 0; ++n) {
        CAPTURE(n);
        TableWorld w;
        pidf::Arena arena(w.memory, 1U << 20U);
        const std::string text = document(0, true, {{"a", "active"}, {"b", "active"}});
        const auto info = presence::read_watcher_info(text, arena);
        REQUIRE(info);
        const std::uint64_t before = w.memory.refusals();
        w.memory.refuse_after(n);
        (void)w.table.take(0, **info, [](const WatcherTable::Row&) {});
        w.memory.refuse_none();
        refused = w.memory.refusals() - before;
        w.table.refreshing(0);
        const auto taken = w.take(1, true, {{"a", "active"}, {"b", "active"}});
        CHECK(taken == Taken::processed);
        CHECK(w.rows() == Lines{"0 a active", "0 b active"});
    }
}
