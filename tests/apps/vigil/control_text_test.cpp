#include "apps/vigil/control_text.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "apps/vigil/control_client.hpp"

using namespace vigil;

namespace {

Record subscription(const std::string& watcher, const std::string& presentity) {
    return Record()
        .set("kind", std::string("subscription"))
        .set("watcher", "sip:" + watcher)
        .set("uri", "sip:" + presentity)
        .set("package", std::string("presence"))
        .set("state", std::string("active"))
        .set("proved_by", std::string("digest"))
        .set("because", std::string("rules friends, family"))
        .set("sees", std::string("everything"))
        .set("granted", std::int64_t{600})
        .set("expires", std::int64_t{500})
        .set("since", std::string("2026-01-01T00:00:00Z"))
        .set("remote", std::string("udp:192.0.2.9:5062"))
        .set("connection", std::string("up"));
}

std::vector<std::string> tables_of(const std::vector<Record>& records, std::string_view what) {
    Tables tables;
    for (const Record& record : records) tables.add(record);
    return std::move(tables).lines(what);
}

std::string all_of(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
}
bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a table is aligned by characters, not bytes, and has no spaces at its ends") {
    const auto lines = table_of({{"A", "B"}, {"z\xc3\xbcrich", "1"}, {"", "22"}});
    CHECK(lines == std::vector<std::string>{"A       B", "z\xc3\xbcrich  1", "-       22"});
}

TEST_CASE("a cell that is very long or not fit for a terminal cannot break a table") {
    const auto lines = table_of({{"A", "B"}, {std::string(500, 'x'), "\x1b[2J\n"}});
    REQUIRE(lines.size() == 2);
    CHECK(lines[1].size() < 100);
    CHECK(has(lines[1], "x...  \\x1b[2J\\x0a"));
}

TEST_CASE("tables are sorted, one a kind, each with its header; nothing is said to be nothing") {
    const auto lines =
        tables_of({subscription("carol@h", "alice@h"), subscription("bob@h", "dan@h"),
                   Record()
                       .set("kind", std::string("publication"))
                       .set("uri", std::string("sip:alice@h"))
                       .set("etag", std::string("12345678")),
                   subscription("bob@h", "alice@h")},
                  "subscriptions");
    REQUIRE(lines.size() == 7);
    CHECK(lines[0].starts_with("WATCHER  PRESENTITY  EVENT     STATE   EXPIRES"));
    CHECK(lines[1].starts_with("bob@h    alice@h     presence  active  500 s"));
    CHECK(lines[2].starts_with("bob@h    dan@h"));
    CHECK(lines[3].starts_with("carol@h  alice@h"));
    CHECK(lines[4].empty());
    CHECK(lines[5].starts_with("PRESENTITY  ETAG      PUBLISHER"));
    CHECK(lines[6].starts_with("alice@h     12345678"));
    CHECK(tables_of({}, "publications") == std::vector<std::string>{"no publications"});
}

TEST_CASE("an explanation says who, why, what was told and what comes next") {
    const Record s = subscription("bob@h", "alice@h")
                         .set("notify", std::string("answered"))
                         .set("notify_status", std::int64_t{200})
                         .set("notify_age", std::int64_t{7})
                         .set("notify_cseq", std::int64_t{4})
                         .set("notify_bytes", std::int64_t{321})
                         .set("next", std::string("expiry"))
                         .set("next_in", std::int64_t{500});
    const std::string text = all_of(explanation_of({s}, "bob@h", "alice@h"));
    CHECK(has(text, "bob@h watches alice@h (presence): active\n"));
    CHECK(has(text, "500 s of 600 s are left"));
    CHECK(has(text, "proved by digest, from udp:192.0.2.9:5062"));
    CHECK(has(text, "decided by:    rules friends, family\n"));
    CHECK(has(text, "7 s ago, CSeq 4, a document of 321 bytes; answered 200"));
    CHECK(has(text, "it runs out in 500 s unless it is refreshed"));
    CHECK(has(text, "nothing is published or registered"));
}

TEST_CASE("each end of a NOTIFY, and each thing that is waited for, has its words") {
    const auto told = [](const std::string& how, const std::string& next) {
        return all_of(explanation_of({subscription("bob@h", "alice@h")
                                          .set("notify", how)
                                          .set("next", next)
                                          .set("next_in", std::int64_t{3})},
                                     "bob@h", "alice@h"));
    };
    std::vector<std::string> texts;
    for (const std::string how :
         {"none", "on-its-way", "answered", "timeout", "failed", "withdrawn", "not-sent"})
        texts.push_back(told(how, "expiry"));
    for (const std::string next : {"retry", "hold", "proof", ""})
        texts.push_back(told("answered", next));
    std::sort(texts.begin(), texts.end());
    CHECK(std::adjacent_find(texts.begin(), texts.end()) == texts.end());
}

TEST_CASE(
    "who does not watch is told what a SUBSCRIBE would come to, and what was refused lately") {
    const Record decision = Record()
                                .set("kind", std::string("decision"))
                                .set("state", std::string("pending"))
                                .set("because", std::string("policy confirm"))
                                .set("sees", std::string("nothing"))
                                .set("status", std::int64_t{200});
    const Record refusal = Record()
                               .set("kind", std::string("refusal"))
                               .set("what", std::string("refused"))
                               .set("because", std::string("Response is wrong"))
                               .set("status", std::int64_t{401})
                               .set("age", std::int64_t{5})
                               .set("count", std::int64_t{3});
    const std::string text = all_of(explanation_of({decision, refusal}, "bob@h", "alice@h"));
    CHECK(has(text, "bob@h does not watch alice@h.\n"));
    CHECK(has(text, "would be answered 200, and be pending"));
    CHECK(has(text, "decided by:    policy confirm"));
    CHECK(has(text,
              "5 s ago: refused 401, Response is wrong (by one who only said to be bob@h), "
              "3 times"));
}

TEST_CASE("what the server itself says of somebody is something that is known of them") {
    const auto text = [](bool local) {
        return all_of(explanation_of(
            {Record().set("kind", std::string("presentity")).set("local_state", local)}, "b@h",
            "a@h"));
    };
    CHECK(has(text(true), "this server itself says something of it"));
    CHECK_FALSE(has(text(true), "nothing is published"));
    CHECK(has(text(false), "nothing is published or registered"));
}

TEST_CASE("what comes from peers is made fit for a terminal in an explanation") {
    const Record s = subscription("bob@h", "alice@h").set("event_id", std::string("\x1b[1m\n"));
    for (const std::string& line : explanation_of({s}, "bob@h", "alice@h"))
        for (const char c : line) CHECK(static_cast<unsigned char>(c) >= 0x20);
}

TEST_CASE("an address is taken with any scheme of SIP or without one, and made canonical") {
    for (const char* text : {"sip:alice@Example.COM", "alice@example.com", "pres:alice@example.com",
                             "sips:alice@example.com:5061;transport=tcp"}) {
        CAPTURE(text);
        const auto address = address_argument(text);
        REQUIRE(address);
        CHECK(*address == "alice@example.com");
    }
    for (const char* text :
         {"", "alice", "sip:example.com", "a b@example.com", "sip:a@h x", "\n"}) {
        CAPTURE(text);
        CHECK_FALSE(address_argument(text));
    }
}

TEST_CASE("a line of the control socket is read as it was written, and garbage is none") {
    const Record record = Record()
                              .set("text", std::string("a\"\n\xc3\xbc"))
                              .set("number", std::int64_t{-5})
                              .set("yes", true)
                              .set("list", std::vector<std::string>{"x", ""});
    const auto read = read_record(json_of(record));
    REQUIRE(read);
    CHECK(read->fields() == record.fields());
    CHECK(read->text("number").empty());  // of another kind
    CHECK(read->number("text") == 0);
    for (const char* text : {"", "{", "[]", "3", "{\"a\":}", "\xff"})
        CHECK_FALSE(read_record(text));
    // What a later version adds is passed over.
    CHECK(read_record("{\"a\":{\"b\":1},\"c\":null,\"d\":[1],\"e\":\"f\"}")->fields().size() == 1);
}
