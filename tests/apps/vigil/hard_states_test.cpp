#include "apps/vigil/hard_states.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "tests/apps/vigil/temporary_folder.hpp"

using vigil::HardStates;

namespace {

std::string document(const std::string& basic) {
    return "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:a@b\"><tuple id=\"t\">"
           "<status><basic>" +
           basic + "</basic></status></tuple></presence>";
}
std::string error_of(const TemporaryFolder& folder) {
    const auto loaded = HardStates::load(folder.path(""));
    return loaded ? std::string() : loaded.error();
}
bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("Hard state is one document a file, named by the address that it is of") {
    TemporaryFolder folder;
    CHECK(HardStates::load("").value().size() == 0);
    CHECK(HardStates::load(folder.path("")).value().size() == 0);
    folder.file("alice@EXAMPLE.com.xml", document("closed"));
    folder.file("bob%40x@example.com.xml", document("open"));
    folder.file(".carol@example.com.xml", "half written");
    folder.file("README", "no document");
    folder.file("dora@example.com.xml~", "a copy");
    const auto states = HardStates::load(folder.path(""));
    REQUIRE(states);
    CHECK(states->size() == 2);
    const auto alice = states->state_of("alice@example.com");
    REQUIRE(alice);
    CHECK(alice->document == document("closed"));
    CHECK(alice->changed_wall_ms > 1'600'000'000'000);
    CHECK_FALSE(states->state_of("carol@example.com"));
    CHECK(has(HardStates::load(folder.path("none")).error(), "--hard-state"));
}

TEST_CASE("Hard state that cannot be used is refused as a whole, with the file and the reason") {
    TemporaryFolder folder;
    folder.file("alice@example.com.xml", document("maybe"));
    CHECK(has(error_of(folder), "alice@example.com.xml"));
    CHECK(has(error_of(folder), "basic is neither open nor closed"));
    folder.file("alice@example.com.xml", document("open"));
    CHECK(error_of(folder).empty());
    folder.file("alice@EXAMPLE.com.xml", document("open"));
    CHECK(has(error_of(folder), "same address"));
    std::filesystem::remove(folder.path("alice@EXAMPLE.com.xml"));
    for (const char* name :
         {"alice.xml", "@example.com.xml", "a b@example.com.xml", "alice@example.com;x=1.xml",
          "alice@example.com:5060.xml", "alice:x@example.com.xml", "alice@example.com>.xml"}) {
        CAPTURE(name);
        folder.file(name, document("open"));
        CHECK(has(error_of(folder), "USER@DOMAIN.xml"));
        std::filesystem::remove(folder.path(name));
    }
    std::string large = document("open");
    large.resize(HardStates::document_bytes_max, ' ');
    folder.file("bob@example.com.xml", large);
    CHECK(error_of(folder).empty());
    folder.file("bob@example.com.xml", large + " ");
    CHECK(has(error_of(folder), "65536"));
}

TEST_CASE("Hard state that is read again says whose state is another one now") {
    TemporaryFolder folder;
    folder.file("alice@example.com.xml", document("open"));
    folder.file("bob@example.com.xml", document("open"));
    HardStates states = HardStates::load(folder.path("")).value();
    CHECK(states.take(HardStates::load(folder.path("")).value()).empty());
    std::filesystem::remove(folder.path("bob@example.com.xml"));
    folder.file("alice@example.com.xml", document("closed"));
    folder.file("carol@example.com.xml", document("open"));
    const auto changed = states.take(HardStates::load(folder.path("")).value());
    CHECK(changed ==
          std::vector<std::string>{"alice@example.com", "carol@example.com", "bob@example.com"});
    CHECK(states.state_of("alice@example.com").value().document == document("closed"));
    CHECK_FALSE(states.state_of("bob@example.com"));
}
