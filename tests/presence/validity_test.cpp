#include "presence/validity.hpp"

#include <doctest/doctest.h>

#include "sip/base/civil_time.hpp"
#include "tests/presence/composition_world.hpp"

using namespace presence;
using World = CompositionWorld;

namespace {

std::int64_t wall(std::string_view text) { return sip::parse_rfc3339(text).value(); }

std::string person(std::string_view inside) {
    return document("<dm:person id=\"p\">" + std::string(inside) + "</dm:person>");
}

}  // namespace

TEST_CASE("R4480-3.2-1: an element holds from its from on and until its until, to the instant") {
    World w;
    w.publish(person("<r:activities from=\"2026-11-23T08:00:00Z\" until=\"2026-11-23T09:00:00Z\">"
                     "<r:meeting/></r:activities><r:mood><r:calm/></r:mood>"),
              1, 1);
    const std::int64_t from = wall("2026-11-23T08:00:00Z"), until = wall("2026-11-23T09:00:00Z");
    struct Row {
        std::int64_t now;
        std::size_t shown;
        std::int64_t next;
    };
    for (const Row& row : {Row{from - 1, 0, from}, Row{from, 1, until}, Row{until - 1, 1, until},
                           Row{until, 0, no_change}, Row{until + 1, 0, no_change}}) {
        CAPTURE(row.now);
        w.now_ms = row.now;
        const std::string text = w.compose();
        CHECK(count_of(text, "<rpid:meeting/>") == row.shown);
        CHECK(count_of(text, "<rpid:calm/>") == 1);
        CHECK(w.changes_ms == row.next);
    }
    // Without a clock all of it holds.
    w.now_ms.reset();
    CHECK(count_of(w.compose(), "<rpid:meeting/>") == 1);
    CHECK(w.changes_ms == no_change);
}

TEST_CASE("R4480-3.2-1: what holds no longer makes way for what an older source says") {
    World w;
    w.publish(person("<r:mood><r:calm/></r:mood>"), 1, 1)
        .publish(person("<r:mood until=\"2026-11-23T09:00:00Z\"><r:angry/></r:mood>"), 2, 2);
    w.now_ms = wall("2026-11-23T08:59:59.999Z");
    CHECK(count_of(w.compose(), "<rpid:angry/>") == 1);
    CHECK(count_of(w.compose(), "<rpid:calm/>") == 0);
    w.now_ms = w.changes_ms;
    CHECK(count_of(w.compose(), "<rpid:angry/>") == 0);
    CHECK(count_of(w.compose(), "<rpid:calm/>") == 1);
}

TEST_CASE("R4480-3.2-1: bounds hold in every component, and for elements of RPID alone") {
    const std::string sphere = "<r:sphere until=\"2026-11-23T09:00:00Z\"><r:home/></r:sphere>";
    World w;
    w.publish(document(tuple("t", "open",
                             sphere + "<x:mine until=\"2026-11-23T09:00:00Z\"/>"
                                      "<contact>tel:+1</contact>") +
                       "<dm:person id=\"p\"><r:status-icon until=\"2026-11-23T09:00:00Z\">"
                       "http://h/i</r:status-icon></dm:person>"
                       "<dm:device id=\"d\"><r:time-offset from=\"2026-11-23T09:00:00Z\">60"
                       "</r:time-offset><dm:deviceID>urn:x:1</dm:deviceID></dm:device>"),
              1, 1);
    w.now_ms = wall("2026-11-23T08:00:00Z");
    const std::string before = w.compose();
    CHECK(count_of(before, "<rpid:home/>") == 1);
    CHECK(count_of(before, "http://h/i") == 1);
    CHECK(count_of(before, "time-offset") == 0);
    CHECK(w.changes_ms == wall("2026-11-23T09:00:00Z"));
    w.now_ms = w.changes_ms;
    const std::string after = w.compose();
    CHECK(count_of(after, "<rpid:home/>") == 0);
    // Nothing is left of the person, and so there is none.
    CHECK(count_of(after, "person") == 0);
    CHECK(count_of(after, "time-offset from") == 1);
    CHECK(count_of(after, ":mine ") == 1);
    CHECK(w.changes_ms == no_change);
}

TEST_CASE("R4480-3.2-1: bounds that make no sense hold nothing up and wake nobody") {
    World w;
    const auto shown = [&](std::string_view attributes, std::string_view now) {
        w.entries.clear();
        w.publish(person("<r:mood " + std::string(attributes) + "><r:calm/></r:mood>"), 1, 1);
        w.now_ms = wall(now);
        return count_of(w.compose(), "calm") == 1;
    };
    const char* backwards = "from=\"2026-11-23T09:00:00Z\" until=\"2026-11-23T08:00:00Z\"";
    for (const char* now :
         {"2026-11-23T07:00:00Z", "2026-11-23T08:30:00Z", "2026-11-23T10:00:00Z"}) {
        CHECK_FALSE(shown(backwards, now));
        CHECK(w.changes_ms == no_change);
    }
    CHECK(shown("until=\"soon\" from=\"once\"", "2026-11-23T08:00:00Z"));
    CHECK(shown("until=\"9999-12-31T23:59:59Z\"", "2026-11-23T08:00:00Z"));
    CHECK(w.changes_ms == wall("9999-12-31T23:59:59Z"));
    // Offsets of time zones count.
    CHECK(shown("until=\"2026-11-23T09:00:00+01:00\"", "2026-11-23T07:59:59Z"));
    CHECK_FALSE(shown("until=\"2026-11-23T09:00:00+01:00\"", "2026-11-23T08:00:00Z"));
}

TEST_CASE("R4481-3-1: timed status speaks of the past and the future, and never of the present") {
    World w;
    w.publish(document(tuple("t", "open",
                             "<ts:timed-status from=\"2026-11-23T08:00:00Z\" "
                             "until=\"2026-11-23T09:00:00Z\"><ts:basic>closed</ts:basic>"
                             "</ts:timed-status><ts:timed-status from=\"2026-11-23T10:00:00Z\">"
                             "<ts:basic>open</ts:basic></ts:timed-status>")),
              1, 1);
    const auto count = [&](std::string_view now) {
        w.now_ms = wall(now);
        const std::string text = w.compose();
        // It is no status, and says nothing of the basic one.
        CHECK(count_of(text, "<status><basic>open</basic></status>") == 1);
        return count_of(text, "timed-status from");
    };
    CHECK(count("2026-11-23T07:00:00Z") == 2);
    CHECK(w.changes_ms == wall("2026-11-23T08:00:00Z"));
    CHECK(count("2026-11-23T08:00:00Z") == 1);
    CHECK(w.changes_ms == wall("2026-11-23T09:00:00Z"));
    CHECK(count("2026-11-23T09:00:00Z") == 2);
    CHECK(w.changes_ms == wall("2026-11-23T10:00:00Z"));
    CHECK(count("2026-11-23T10:00:00Z") == 1);
    CHECK(w.changes_ms == no_change);
}
