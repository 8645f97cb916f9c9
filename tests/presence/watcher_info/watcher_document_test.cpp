#include "presence/watcher_info/watcher_document.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "pidf/xml.hpp"
#include "tests/pidf/xmllint.hpp"
#include "tests/support/paths.hpp"

using presence::WatcherDocument;
using presence::WatcherEntry;

namespace {

WatcherEntry bob() {
    WatcherEntry entry;
    entry.id = "w0123456789abcdef";
    entry.status = "pending";
    entry.event = "subscribe";
    entry.uri = "bob@example.com";
    return entry;
}

std::string written(const std::vector<WatcherEntry>& entries, std::uint32_t version = 0,
                    bool full = true, std::size_t room_size = 100'000) {
    std::string room(room_size, '\0');
    WatcherDocument document(room, {version, full, "alice@example.com", "presence"});
    REQUIRE(document.fits());
    for (const WatcherEntry& entry : entries) CHECK(document.add(entry));
    room.resize(document.finish());
    return room;
}

/// Names as people and attackers write them.
std::vector<std::string> odd_documents() {
    std::vector<std::string> texts{written({}), written({bob()}, UINT32_MAX, false)};
    std::mt19937_64 random(7);
    const std::vector<std::string> names{"Bob",  "<bob/>", "\"&'", "\xc3\xa9", "\xff\xfe", "\x01",
                                         "a\tb", "]]>",    " ",    "",         "-->",      "\r\n"};
    const std::vector<std::string> uris{"bob@example.com", "b%20ob@example.com",
                                        "bob&co@example.com", "o'brien@example.com"};
    const std::vector<std::string> states{"pending", "active", "waiting", "terminated"};
    const std::vector<std::string> events{"subscribe", "approved", "deactivated", "probation",
                                          "rejected",  "timeout",  "giveup",      "noresource"};
    for (int i = 0; i < 200; ++i) {
        std::vector<WatcherEntry> entries(random() % 5);
        for (WatcherEntry& entry : entries) {
            entry.id = "w1";
            entry.status = states[random() % states.size()];
            entry.event = events[random() % events.size()];
            entry.display_name = names[random() % names.size()];
            entry.uri = uris[random() % uris.size()];
            if (random() % 2 == 0) entry.expiration = random();
            if (random() % 2 == 0) entry.duration_subscribed = random() % 100'000;
        }
        texts.push_back(written(entries, static_cast<std::uint32_t>(random()), random() % 2 == 0));
    }
    return texts;
}

}  // namespace

TEST_CASE("R3858-3-1 R3858-3-3 R3858-3-4: a document is root, list and rows, byte by byte") {
    WatcherEntry carol = bob();
    carol.status = "active";
    carol.event = "approved";
    carol.display_name = "Carol \"<C>\" & Co";
    carol.expiration = 600;
    carol.duration_subscribed = 0;
    carol.uri = "carol@example.com";
    CHECK(written({bob(), carol}, 7, false) ==
          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
          "<watcherinfo xmlns=\"urn:ietf:params:xml:ns:watcherinfo\" version=\"7\" "
          "state=\"partial\">\n"
          "  <watcher-list resource=\"sip:alice@example.com\" package=\"presence\">\n"
          "    <watcher id=\"w0123456789abcdef\" status=\"pending\" event=\"subscribe\">"
          "sip:bob@example.com</watcher>\n"
          "    <watcher id=\"w0123456789abcdef\" status=\"active\" event=\"approved\" "
          "display-name=\"Carol &quot;&lt;C&gt;&quot; &amp; Co\" expiration=\"600\" "
          "duration-subscribed=\"0\">sip:carol@example.com</watcher>\n"
          "  </watcher-list>\n"
          "</watcherinfo>\n");
    CHECK(written({}).find("version=\"0\" state=\"full\"") != std::string::npos);
}

TEST_CASE("R3858-3-1: what does not fit is left out whole, at every size of the room") {
    const std::string none = written({}), one = written({bob()}), two = written({bob(), bob()});
    for (std::size_t size = 0; size <= two.size(); ++size) {
        CAPTURE(size);
        std::string room(size, '\0');
        WatcherDocument document(room, {0, true, "alice@example.com", "presence"});
        CHECK(document.fits() == (size >= none.size()));
        if (!document.fits()) {
            CHECK_FALSE(document.add(bob()));
            continue;
        }
        CHECK(document.add(bob()) == (size >= one.size()));
        CHECK(document.add(bob()) == (size >= two.size()));
        room.resize(document.finish());
        CHECK(room == (size >= two.size() ? two : size >= one.size() ? one : none));
    }
}

TEST_CASE("R3858-3-1: whatever names there are, a document is well-formed") {
    for (const std::string& text : odd_documents()) {
        CAPTURE(text);
        sip::Memory memory;
        pidf::Arena arena(memory, 1U << 20U);
        CHECK(pidf::parse_xml(text, arena, {}));
    }
}

TEST_CASE("R3858-3-1 R3858-3-5: whatever names there are, a document is valid by the schema") {
    const auto standards = standards_folder();
    if (!standards) return skip_case("no standards folder was given");
    if (!has_xmllint()) return skip_case("xmllint is not installed");
    const TemporaryDocuments documents(odd_documents());
    const std::string schema = (*standards / "xsd/watcherinfo.xsd").string();
    CHECK(documents.complaints("--noout --schema '" + schema + "'") == "");
}
