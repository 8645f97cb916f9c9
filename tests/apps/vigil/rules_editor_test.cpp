#include "apps/vigil/rules_editor.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "presence/rules/ruleset.hpp"
#include "sip/base/memory.hpp"

using presence::SubHandling;
using vigil::decide_about;

namespace {

constexpr const char* bob = "sip:bob@example.com";
constexpr const char* carol = "sip:carol@example.com";

SubHandling outcome(std::string_view document, std::string_view watcher,
                    std::int64_t wall_ms = 1'893'499'200'000) {
    sip::Memory memory{std::size_t{16} << 20};
    const auto rules = presence::Ruleset::read(document, memory, {});
    REQUIRE_MESSAGE(rules.has_value(), document);
    pidf::Arena arena(memory, std::size_t{1} << 20);
    presence::Circumstances circumstances;
    if (!watcher.empty()) circumstances.identities = {&watcher, 1};
    circumstances.wall_ms = wall_ms;
    const auto verdict = rules->evaluate(circumstances, arena);
    REQUIRE(verdict);
    return verdict->permissions.handling;
}

std::string decided(std::string_view document, std::string_view watcher, SubHandling handling) {
    const auto edited = decide_about(document, watcher, handling);
    REQUIRE_MESSAGE(edited.has_value(), (edited ? "" : edited.error()));
    return edited->document;
}

std::string ruleset(const std::string& rules) {
    return "<?xml version=\"1.0\"?>\n<!-- of alice -->\n<cp:ruleset "
           "xmlns:cp=\"urn:ietf:params:xml:ns:common-policy\" "
           "xmlns:pr=\"urn:ietf:params:xml:ns:pres-rules\">\n" +
           rules + "</cp:ruleset>\n";
}
std::string rule(const std::string& id, const std::string& conditions,
                 const std::string& handling = "allow") {
    return "<cp:rule id=\"" + id + "\">" + conditions + "<cp:actions><pr:sub-handling>" + handling +
           "</pr:sub-handling></cp:actions><cp:transformations/></cp:rule>\n";
}

constexpr std::array all{SubHandling::block, SubHandling::confirm, SubHandling::polite_block,
                         SubHandling::allow};

}  // namespace

TEST_CASE("every decision after every other is what comes out, and the others keep what they had") {
    for (const SubHandling others : all)
        for (const SubHandling first : all)
            for (const SubHandling second : all) {
                std::string text = vigil::make_rules(others);
                CHECK(outcome(text, bob) == others);
                text = decided(text, bob, first);
                CHECK(outcome(text, bob) == first);
                text = decided(text, carol, second);
                text = decided(text, bob, second);
                CHECK(outcome(text, bob) == second);
                CHECK(outcome(text, carol) == second);
                CHECK(outcome(text, "sip:dave@example.com") == others);
                CHECK(outcome(text, "") == SubHandling::block);
            }
}

TEST_CASE("a decision that holds already changes nothing, and a second one nothing either") {
    for (const SubHandling handling : all) {
        const std::string once = decided(vigil::make_rules(SubHandling::confirm), bob, handling);
        CHECK(decided(once, bob, handling) == once);
    }
    const std::string by_hand =
        ruleset(rule("friends",
                     "<cp:conditions><cp:identity><cp:one id=\"sip:bob@example.com\"/>"
                     "</cp:identity></cp:conditions>"));
    CHECK(decided(by_hand, bob, SubHandling::allow) == by_hand);
}

TEST_CASE("what a person wrote stays, but for the name that has to go") {
    const std::string text =
        ruleset("<!-- <cp:one id=\"sip:bob@example.com\"/> in a comment -->\n" +
                rule("friends",
                     "<cp:conditions><cp:identity>\n  <cp:one id=\"sip:bob@example.com\"/>\n"
                     "  <cp:one id=\"sip:carol@example.com\"/></cp:identity></cp:conditions>") +
                rule("colleagues",
                     "<cp:conditions><cp:identity><cp:many domain=\"example.com\"/>"
                     "</cp:identity></cp:conditions>") +
                rule("partners",
                     "<cp:conditions><cp:identity><cp:many domain=\"example.org\"/>"
                     "</cp:identity></cp:conditions>"));
    const auto edited = decide_about(text, bob, SubHandling::block);
    REQUIRE(edited);
    const std::string& now = edited->document;
    CHECK(outcome(now, bob) == SubHandling::block);
    CHECK(outcome(now, carol) == SubHandling::allow);
    CHECK(outcome(now, "sip:dave@example.com") == SubHandling::allow);
    CHECK(outcome(now, "sip:erin@example.org") == SubHandling::allow);
    CHECK(now.find("<!-- of alice -->") != std::string::npos);
    CHECK(now.find("<!-- <cp:one id=\"sip:bob@example.com\"/> in a comment -->") !=
          std::string::npos);
    CHECK(now.find("<cp:many domain=\"example.org\"/>") != std::string::npos);
    CHECK(now.find("<cp:many domain=\"example.com\"><cp:except id=\"sip:bob@example.com\"/>"
                   "</cp:many>") != std::string::npos);
    CHECK(edited->notes.size() == 2);
}

TEST_CASE("a rule that is for one alone goes whole: without a name it would be for strangers") {
    const std::string text =
        ruleset(rule("bob",
                     "<cp:conditions><cp:identity><cp:one id=\"pres:bob@example.com\"/>"
                     "</cp:identity></cp:conditions>"));
    const std::string now = decided(text, bob, SubHandling::polite_block);
    CHECK(outcome(now, bob) == SubHandling::polite_block);
    CHECK(outcome(now, "") == SubHandling::block);
    CHECK(now.find("\"bob\"") == std::string::npos);
}

TEST_CASE("who is blocked is so at every time and in every sphere") {
    const std::string text =
        ruleset(rule("later",
                     "<cp:conditions><cp:identity><cp:one id=\"sip:bob@example.com\"/><cp:many/>"
                     "</cp:identity><cp:validity><cp:from>2031-01-01T00:00:00Z</cp:from>"
                     "<cp:until>2032-01-01T00:00:00Z</cp:until></cp:validity></cp:conditions>"));
    CHECK(outcome(text, bob) == SubHandling::block);
    const std::string now = decided(text, bob, SubHandling::block);
    constexpr std::int64_t in_2031 = 1'935'000'000'000;
    CHECK(outcome(text, bob, in_2031) == SubHandling::allow);
    CHECK(outcome(now, bob, in_2031) == SubHandling::block);
    CHECK(outcome(now, carol, in_2031) == SubHandling::allow);
}

TEST_CASE("rules for everybody become rules for everybody but one") {
    for (const char* conditions : {"", "<cp:conditions/>", "<cp:conditions></cp:conditions>"}) {
        CAPTURE(conditions);
        const auto edited =
            decide_about(ruleset(rule("all", conditions)), bob, SubHandling::confirm);
        REQUIRE_MESSAGE(edited.has_value(), (edited ? "" : edited.error()));
        CHECK(outcome(edited->document, bob) == SubHandling::confirm);
        CHECK(outcome(edited->document, carol) == SubHandling::allow);
        CHECK(edited->notes.size() == 1);
    }
}

TEST_CASE("empty rulesets, odd names and quotes") {
    for (const char* text : {"<ruleset xmlns=\"urn:ietf:params:xml:ns:common-policy\"/>",
                             "<r:ruleset xmlns:r='urn:ietf:params:xml:ns:common-policy'\n/>"}) {
        const std::string now = decided(text, "sip:o'hara&co@example.com", SubHandling::allow);
        CHECK(outcome(now, "sip:o'hara&co@example.com") == SubHandling::allow);
        CHECK(outcome(now, bob) == SubHandling::block);
    }
}

TEST_CASE("a document that is none is not touched, and the error says where it is wrong") {
    for (const char* text :
         {"", "<ruleset>", "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\"/>",
          "<ruleset xmlns=\"urn:ietf:params:xml:ns:common-policy\">\n<rule/></ruleset>"}) {
        const auto edited = decide_about(text, bob, SubHandling::allow);
        REQUIRE_FALSE(edited.has_value());
        CHECK(edited.error().find(':') != std::string::npos);
    }
}
