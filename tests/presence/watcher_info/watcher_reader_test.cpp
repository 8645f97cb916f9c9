#include "presence/watcher_info/watcher_reader.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "presence/watcher_info/watcher_document.hpp"

using presence::watcher_machine::Event;
using presence::watcher_machine::State;

namespace {

/// As RFC 3858 5 has it, with what other namespaces may add.
const std::string example =
    "<?xml version=\"1.0\"?>\n"
    "<w:watcherinfo xmlns:w=\"urn:ietf:params:xml:ns:watcherinfo\" xmlns:x=\"urn:x\" version=\"0\" "
    "state=\"full\">\n"
    "  <w:watcher-list resource=\" sip:professor@example.net\" package=\"presence\">\n"
    "    <w:watcher status=\"active\" id=\"8ajksjda7s\" duration-subscribed=\"509\" "
    "event=\"approved\" x:mood=\"fair\">sip:userA@example.net</w:watcher>\n"
    "    <w:watcher status=\"pending\" id=\"hh8juja87s997-ass7\" display-name=\"Mr. &lt;S&gt;\" "
    "event=\"subscribe\" expiration=\"600\">\n sip:userB<!-- c -->@example.org </w:watcher>\n"
    "    <x:watcher/>\n"
    "  </w:watcher-list>\n"
    "  <x:other><w:watcher-list/></x:other>\n"
    "</w:watcherinfo>\n";

struct Read {
    explicit Read(const std::string& text_given)
        : text(text_given),
          arena(memory, 1U << 20U),
          info(presence::read_watcher_info(text, arena)) {}
    std::string text;
    sip::Memory memory;
    pidf::Arena arena;
    sip::Expected<presence::ReadWatcherInfo*> info;
};

std::string with(std::string text, const std::string& part, const std::string& other) {
    const auto at = text.find(part);
    REQUIRE(at != std::string::npos);
    return text.replace(at, part.size(), other);
}

}  // namespace

TEST_CASE("R3858-3-1 R3858-3-5: the example is read, and other namespaces are passed over") {
    const Read read(example);
    REQUIRE(read.info);
    const presence::ReadWatcherInfo& info = **read.info;
    CHECK((info.version == 0 && info.full));
    REQUIRE((info.lists.first != nullptr && info.lists.first == info.lists.last));
    CHECK(info.lists.first->resource == "sip:professor@example.net");
    CHECK(info.lists.first->package == "presence");
    const presence::ReadWatcher& a = *info.lists.first->watchers.first;
    CHECK((a.id == "8ajksjda7s" && a.status == State::active && a.event == Event::approved));
    CHECK((a.uri == "sip:userA@example.net" && a.duration_subscribed == 509 && !a.expiration));
    REQUIRE(a.next != nullptr);
    const presence::ReadWatcher& b = *a.next;
    CHECK((b.status == State::pending && b.event == Event::subscribe && b.expiration == 600));
    CHECK(b.display_name == "Mr. <S>");
    CHECK(b.uri == "sip:userB@example.org");
    CHECK(b.next == nullptr);
}

TEST_CASE("R3858-3-2 R3858-3-4: what a document has to say, or it is none") {
    const auto rule = [](const std::string& part, const std::string& other) {
        const Read read(with(example, part, other));
        return read.info ? std::string() : std::string(read.info.error().rule);
    };
    CHECK(rule("version=\"0\"", "version=\"4294967295\"") == "");
    for (const char* version : {"", "version=\"\"", "version=\"4294967296\"", "version=\"-1\""})
        CHECK(rule("version=\"0\"", version) == "Watcherinfo: version is no number of 32 bits");
    for (const char* state : {"", "state=\"FULL\""})
        CHECK(rule("state=\"full\"", state) == "Watcherinfo: state is neither full nor partial");
    CHECK(rule("resource=\" sip:professor@example.net\"", "") ==
          "Watcherinfo: a list without resource or package");
    CHECK(rule("package=\"presence\"", "") == "Watcherinfo: a list without resource or package");
    CHECK(rule("id=\"8ajksjda7s\"", "") == "Watcherinfo: a watcher without id");
    for (const char* status : {"", "status=\"init\"", "status=\"on\""})
        CHECK(rule("status=\"active\"", status) == "Watcherinfo: a status that there is not");
    CHECK(rule("event=\"approved\"", "event=\"x\"") == "Watcherinfo: an event that there is not");
    CHECK(rule("duration-subscribed=\"509\"", "duration-subscribed=\"soon\"") == "");
    const Read other("<presence xmlns=\"urn:ietf:params:xml:ns:pidf\"/>");
    REQUIRE_FALSE(other.info);
    CHECK(other.info.error().rule == "Watcherinfo: the root is not watcherinfo");
}

TEST_CASE("R3858-3-1: a document cut anywhere is an error within it, and memory may be refused") {
    for (std::size_t cut = 0; cut + 1 < example.size(); ++cut) {
        const Read read(example.substr(0, cut));
        CHECK_FALSE(read.info);
        if (!read.info) CHECK(read.info.error().offset <= cut);
    }
    for (std::size_t cap = 0; cap < 20'000; cap += 64) {
        sip::Memory memory;
        pidf::Arena arena(memory, cap);
        const auto info = presence::read_watcher_info(example, arena);
        if (!info) CHECK(info.error().condition == sip::Condition::body_too_large);
    }
}

TEST_CASE("R3858-3-1: what our own server writes is read") {
    std::string room(10'000, '\0');
    presence::WatcherDocument document(room, {7, false, "alice@example.com", "presence"});
    presence::WatcherEntry entry;
    entry.id = "w1";
    entry.status = "waiting";
    entry.event = "timeout";
    entry.display_name = "\"<&>\" \xc3\xa9";
    entry.duration_subscribed = 9;
    entry.uri = "bob&co@example.com";
    REQUIRE(document.add(entry));
    room.resize(document.finish());
    const Read read(room);
    REQUIRE(read.info);
    CHECK(((*read.info)->version == 7 && !(*read.info)->full));
    const presence::ReadWatcher& watcher = *(*read.info)->lists.first->watchers.first;
    CHECK((*read.info)->lists.first->resource == "sip:alice@example.com");
    CHECK(watcher.display_name == "\"<&>\" \xc3\xa9");
    CHECK(watcher.uri == "sip:bob&co@example.com");
    CHECK((watcher.status == State::waiting && watcher.event == Event::timeout));
}
