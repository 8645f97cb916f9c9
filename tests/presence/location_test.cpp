#include "presence/location.hpp"

#include <doctest/doctest.h>

#include <string>

#include "pidf/reader.hpp"
#include "pidf/writer.hpp"
#include "tests/support/server_world.hpp"

namespace {

constexpr const char* location =
    "<gp:geopriv><gp:location-info><x:here/></gp:location-info><gp:usage-rules/></gp:geopriv>";

std::string document(const std::string& inside) {
    return "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" "
           "xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" "
           "xmlns:gp=\"urn:ietf:params:xml:ns:pidf:geopriv10\" xmlns:x=\"urn:example:x\" "
           "entity=\"sip:alice@example.com\">" +
           inside + "</presence>";
}

std::string moved(const std::string& text) {
    sip::Memory memory;
    pidf::Arena arena(memory, std::size_t{1} << 20);
    const auto read = pidf::read(text, arena, {});
    REQUIRE(read);
    REQUIRE(presence::move_locations(**read, arena));
    std::string room(65'536, '\0');
    sip::Appender out(room);
    REQUIRE(pidf::write(**read, out));
    return std::string(out.view());
}

/// What stands between `from` and the next `to`.
std::string part(const std::string& text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    if (at == std::string::npos) return {};
    return text.substr(at, text.find(to, at) - at);
}

}  // namespace

TEST_CASE("R4479-4-1: a location in the status of a tuple goes to the person") {
    const std::string tuple =
        "<tuple id=\"t\"><status><basic>open</basic>" + std::string(location) + "</status></tuple>";
    const std::string with_person =
        moved(document(tuple + "<dm:person id=\"p\"><dm:note>n</dm:note></dm:person>"));
    CHECK(count_of(part(with_person, "<tuple", "</tuple>"), "geopriv") == 0);
    CHECK(count_of(part(with_person, "person id=\"p\"", "note"), "location-info") > 0);
    CHECK(count_of(with_person, "id=\"p\"") == 1);
    // A person is made where there is none, with an id of its own.
    const std::string alone = moved(
        document(tuple + "<tuple id=\"located0\"><status><basic>open</basic></status></tuple>"));
    CHECK(count_of(alone, "\"located0\"") == 1);
    CHECK(count_of(part(alone, "\"located1\"", "/dm:person"), "location-info") > 0);
}

TEST_CASE("R4479-4-1: a location of a tuple with a device goes there") {
    const std::string text = moved(document(
        "<tuple id=\"t\"><status><basic>open</basic></status>" + std::string(location) +
        "<dm:deviceID>urn:d</dm:deviceID></tuple>"
        "<dm:person id=\"p\"/><dm:device id=\"d\"><dm:deviceID>urn:d</dm:deviceID></dm:device>"));
    CHECK(count_of(part(text, "<tuple", "</tuple>"), "geopriv") == 0);
    CHECK(count_of(part(text, "person id=\"p\"", "device id"), "location-info") == 0);
    CHECK(count_of(part(text, "device id=\"d\"", "</presence>"), "location-info") > 0);
}

TEST_CASE("what has no location stays as it is, and memory that is refused is an error") {
    const std::string plain =
        document("<tuple id=\"t\"><status><basic>open</basic></status></tuple>");
    CHECK(count_of(moved(plain), "person") == 0);
    sip::Memory memory;
    pidf::Arena arena(memory, 16'384);
    const auto read = pidf::read(
        document("<tuple id=\"t\"><status>" + std::string(location) + "</status></tuple>"), arena,
        {});
    REQUIRE(read);
    while (arena.allocate(64) != nullptr) {
    }
    CHECK_FALSE(presence::move_locations(**read, arena).has_value());
}

TEST_CASE("R4479-4-1: what was published with a location in a tuple is shown as of the person") {
    ServerWorld w;
    CHECK(w.raw
              .ask(w.publish("alice", document("<tuple id=\"t\"><status><basic>open</basic>" +
                                               std::string(location) + "</status></tuple>")))
              .status() == 200);
    CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
    const std::string seen = w.raw.take("NOTIFY").body();
    CHECK(count_of(part(seen, "<tuple", "</tuple>"), "geopriv") == 0);
    CHECK(count_of(part(seen, "person", "</presence>"), "location-info") > 0);
}
