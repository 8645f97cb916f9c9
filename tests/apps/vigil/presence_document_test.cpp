#include "apps/vigil/presence_document.hpp"

#include <doctest/doctest.h>

using namespace vigil;

namespace {

PresenceWish wish() {
    PresenceWish made;
    made.entity = "sip:alice@example.com";
    made.tuple_id = "t1";
    made.wall_ms = 1'795'000'000'000;
    return made;
}
PresenceSummary round_trip(const PresenceWish& made) {
    const auto document = make_document(made);
    REQUIRE(document);
    const auto summary = summarize(*document, true);
    if (!summary) INFO(summary.error().rule);
    REQUIRE(summary);
    return *summary;
}
std::string with_tuples(const std::string& tuples) {
    return "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:a@h\">" + tuples +
           "</presence>";
}

}  // namespace

TEST_CASE("What is published is read back by the letter of RFC 3863") {
    auto made = wish();
    made.activity = "on-the-phone";
    made.note = "a < b & \"c\"";
    made.contact = "sip:alice@192.0.2.1";
    const auto summary = round_trip(made);
    CHECK(summary.entity == "sip:alice@example.com");
    CHECK(summary.basic == "open");
    CHECK(summary.activities == std::vector<std::string>{"on-the-phone"});
    CHECK(summary.notes == std::vector<std::string>{"a < b & \"c\""});
    REQUIRE(summary.tuples.size() == 1);
    CHECK(summary.tuples[0].id == "t1");
    CHECK(summary.tuples[0].contact == "sip:alice@192.0.2.1");
    made.open = false;
    CHECK(round_trip(made).basic == "closed");
}

TEST_CASE("An activity that RFC 4480 does not name goes into other") {
    auto made = wish();
    made.activity = "mending <the> roof";
    CHECK(round_trip(made).activities == std::vector<std::string>{"mending <the> roof"});
    CHECK(make_document(made)->find(":other>") != std::string::npos);
}

TEST_CASE("R4480-3.2-1: lunch, which only the text of RFC 4480 has, is published as other") {
    auto made = wish();
    made.activity = "lunch";
    CHECK(round_trip(made).activities == std::vector<std::string>{"lunch"});
    CHECK(make_document(made)->find(":other>lunch<") != std::string::npos);
}

TEST_CASE("R3863-4.1.6-1: notes of the document and all in it are shown, in every language") {
    const auto summary = summarize(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:a@h' "
        "xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model'>"
        "<tuple id='t'><status/><note xml:lang='en'>out</note><note "
        "xml:lang='de'>weg</note></tuple>"
        "<note xml:lang='en'>all</note><note xml:lang='fr'>tous</note>"
        "<dm:person id='p'><dm:note xml:lang='en'>out</dm:note><dm:note>me</dm:note></dm:person>"
        "<dm:device id='d'><dm:deviceID>urn:x:1</dm:deviceID><dm:note>pc</dm:note>"
        "<dm:note>PC</dm:note></dm:device></presence>");
    REQUIRE(summary);
    using Notes = std::vector<std::string>;
    CHECK(summary->notes == Notes{"all", "tous", "out", "me", "pc", "PC", "weg"});
    CHECK(summary->tuples.at(0).notes == Notes{"out", "weg"});
}

TEST_CASE("R4479-5-1: what cannot stand in a document is not published as it is") {
    auto made = wish();
    made.note = std::string("a\x01\xFFz");
    made.contact = "sip:alice@[2001:db8::1]";
    CHECK(round_trip(made).notes.front() == "a\xEF\xBF\xBD\xEF\xBF\xBDz");
    CHECK(round_trip(made).tuples[0].contact == "sip:alice@[2001:db8::1]");
}

TEST_CASE("A note of any length gives a document or an error") {
    auto made = wish();
    made.note = std::string(100'000, 'x');
    CHECK_FALSE(make_document(made));
    made.note = std::string(1'000, '<');
    CHECK(round_trip(made).notes.front().size() == 1'000);
}

TEST_CASE("Open wins over closed, closed over nothing") {
    const std::string open = "<tuple id='a'><status><basic>open</basic></status></tuple>";
    const std::string closed = "<tuple id='b'><status><basic>closed</basic></status></tuple>";
    const std::string none = "<tuple id='c'><status/></tuple>";
    CHECK(summarize(with_tuples(closed + open))->basic == "open");
    CHECK(summarize(with_tuples(open + closed))->basic == "open");
    CHECK(summarize(with_tuples(none + closed))->basic == "closed");
    CHECK(summarize(with_tuples(closed + none))->basic == "closed");
    CHECK(summarize(with_tuples(none))->basic.empty());
    CHECK(summarize(with_tuples(""))->tuples.empty());
}

TEST_CASE("A tuple's priority is a decimal") {
    const auto priority = [](const std::string& text) {
        const auto summary = summarize(with_tuples("<tuple id='a'><status/><contact priority='" +
                                                   text + "'>sip:a@h</contact></tuple>"));
        REQUIRE(summary);
        return summary->tuples[0].priority.value_or("none");
    };
    CHECK(priority("0.8") == "0.8");
    CHECK(priority("1") == "1.0");
    CHECK(priority("0.005") == "0.005");
    CHECK(priority("0") == "0.0");
}

TEST_CASE("What cannot be read is an error with its place") {
    for (const std::string& wrong :
         {std::string(), std::string("<presence"), with_tuples("<tuple>"), std::string("<a/>"),
          with_tuples("&lol;")}) {
        const auto summary = summarize(wrong);
        REQUIRE_FALSE(summary);
        CHECK(summary.error().offset <= wrong.size());
    }
}

TEST_CASE("A line changes what is said, or says what there is") {
    PresenceWish wish;
    const auto say = [&](std::string_view line) { return change_wish(wish, line).has_value(); };
    CHECK((say("closed") && !wish.open));
    CHECK((say("  open \r") && wish.open));
    CHECK((say("on-the-phone") && wish.activity == "on-the-phone"));
    CHECK((say("none") && !wish.activity));
    CHECK((say("note Back  at five ") && wish.note == "Back  at five"));
    CHECK((say("note away") && wish.note == "away" && !wish.activity));
    CHECK((say("note") && !wish.note));
    CHECK((say("away") && say("")));
    const PresenceWish before = wish;
    for (const char* wrong : {"closd", "open now", "away soon", "Away", "other", "\xff", "-"}) {
        CAPTURE(wrong);
        CHECK_FALSE(say(wrong));
        CHECK(wish.same_as(before));
    }
    CHECK(change_wish(wish, "\xff").error().starts_with("\"\\xff\": say open, closed"));
}
