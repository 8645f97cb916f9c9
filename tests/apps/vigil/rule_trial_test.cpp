#include "apps/vigil/rule_trial.hpp"

#include <doctest/doctest.h>

#include "apps/vigil/file.hpp"
#include "tests/support/paths.hpp"

using namespace vigil;

namespace {

NamedText example(const std::string& name) {
    const auto text = read_file((source_root() / "docs/examples/rules" / (name + ".xml")).string());
    REQUIRE(text);
    return {name + ".xml", *text};
}

constexpr std::int64_t wall_ms = 1'800'000'000'000;  // 2027-01-15
constexpr std::string_view mallory = "sip:mallory@example.com", stranger = "sip:x@example.org";

std::string published(std::string_view sphere) {
    return "<presence xmlns='urn:ietf:params:xml:ns:pidf' "
           "xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' "
           "xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' entity='sip:alice@example.com'>"
           "<tuple id='t1'><status><basic>open</basic></status><r:class>work</r:class>"
           "<contact>sip:alice@192.0.2.1</contact></tuple>"
           "<tuple id='t2'><status><basic>open</basic></status>"
           "<contact>mailto:alice@example.net</contact></tuple>"
           "<dm:person id='p'><r:activities><r:meeting/></r:activities><r:sphere><r:" +
           std::string(sphere) + "/></r:sphere><dm:note>busy</dm:note></dm:person></presence>";
}

RuleOutcome tried(const std::string& name, std::string_view as, std::string_view sphere = "work",
                  std::int64_t at = wall_ms) {
    RuleTrial trial;
    if (!as.empty()) trial.identities.emplace_back(as);
    trial.wall_ms = at;
    trial.document = NamedText{"published.xml", published(sphere)};
    const auto outcome = try_rules(example(name), trial);
    REQUIRE(outcome);
    return *outcome;
}
bool shows(const RuleOutcome& outcome, std::string_view part) {
    return outcome.fields.document && outcome.fields.document->find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("R5025-5-1: every example of the documentation is in order") {
    for (const std::string name : {"friends", "family", "colleagues", "polite"}) {
        CAPTURE(name);
        const auto count = check_rules(example(name));
        REQUIRE(count);
        CHECK(*count > 0);
    }
}

TEST_CASE("R4745-6-1: friends see all, others have to wait, who is nobody is not let in") {
    const RuleOutcome bob = tried("friends", "sip:bob@example.com");
    CHECK(bob.fields.decision == "allow");
    CHECK((shows(bob, "meeting") && shows(bob, "busy") && shows(bob, "mailto:")));
    const RuleOutcome other = tried("friends", stranger);
    CHECK(other.fields.decision == "confirm");
    CHECK(other.fields.rules == std::vector<std::string>{"others"});
    CHECK_FALSE(other.fields.document);
    CHECK(tried("friends", "").fields.decision == "block");
}

TEST_CASE("R4745-7.3-1 R5025-3.1.2-1: family sees more while the sphere is home") {
    const RuleOutcome work = tried("family", "sip:dora@example.net", "work");
    CHECK(work.fields.rules == std::vector<std::string>{"family"});
    CHECK((shows(work, "open") && !shows(work, "meeting")));
    const RuleOutcome home = tried("family", "pres:dora@example.net", "home");
    CHECK(home.fields.rules == std::vector<std::string>{"family", "family-at-home"});
    CHECK((shows(home, "meeting") && shows(home, "busy") && !shows(home, "sphere>")));
    CHECK(tried("family", stranger).fields.decision == "block");
}

TEST_CASE("R4745-7.1.3-1 R4745-7.4-1: colleagues but for one, until a day") {
    const RuleOutcome carol = tried("colleagues", "sip:carol@example.com");
    CHECK(carol.fields.decision == "allow");
    CHECK((shows(carol, "sip:alice@192.0.2.1") && !shows(carol, "mailto:")));
    CHECK_FALSE(shows(carol, "busy"));
    CHECK(tried("colleagues", mallory).fields.decision == "block");
    CHECK(tried("colleagues", stranger).fields.decision == "block");
    CHECK(tried("colleagues", "sip:carol@example.com", "work", 1'830'293'999'999).fields.decision ==
          "allow");
    CHECK(tried("colleagues", "sip:carol@example.com", "work", 1'830'294'000'000).fields.decision ==
          "block");
}

TEST_CASE("R5025-3.2.1-1: who is blocked politely sees what everybody sees of who is not there") {
    const RuleOutcome out = tried("polite", mallory, "work");
    CHECK(out.fields.decision == "polite-block");
    CHECK((shows(out, "<basic>closed</basic>") && !shows(out, "open") && !shows(out, "person")));
    CHECK(out.fields.document == tried("polite", mallory, "home").fields.document);
    CHECK(tried("polite", stranger).fields.decision == "allow");
}

TEST_CASE("R4745-6.1-1: what is wrong is said with file and line, of either document") {
    NamedText rules = example("friends");
    rules.text.replace(rules.text.find("others"), 6, "friends");
    const auto checked = check_rules(rules);
    REQUIRE_FALSE(checked);
    CHECK(checked.error() == "friends.xml:22: rule: id stands twice (column 4)");
    CHECK(try_rules(rules, {}).error() == checked.error());
    RuleTrial trial;
    trial.document = NamedText{"published.xml", "\n<presence"};
    CHECK(try_rules(example("friends"), trial).error().starts_with("published.xml:2: "));
    trial.document->text = "<presence xmlns='urn:ietf:params:xml:ns:pidf'/>";
    CHECK(try_rules(example("friends"), trial).error() ==
          "published.xml: entity is no address: whose document is it?");
}

TEST_CASE("People are told what is given, and until when") {
    const RuleOutcome outcome = tried("colleagues", "sip:carol@example.com");
    REQUIRE(outcome.lines.size() == 7);
    CHECK(outcome.lines[0] ==
          "allow for sip:carol@example.com at 2027-01-15T08:00:00Z, sphere work");
    CHECK(outcome.lines[1] == "rules that apply: colleagues");
    CHECK(outcome.lines[2] == "services: those of class work, those of service-uri-scheme sip");
    CHECK(outcome.lines[3] == "persons: all");
    CHECK(outcome.lines[4] == "devices: none");
    CHECK(outcome.lines[5] == "attributes: activities, user-input (bare)");
    CHECK(outcome.lines[6] == "may be another answer from 2027-12-31T23:00:00Z on");
    CHECK(tried("friends", "sip:bob@example.com").lines.back() == "attributes: all");
    CHECK(tried("polite", stranger).lines.back() == "attributes: none but those that always come");
    CHECK(tried("friends", "").lines.back() == "rules that apply: none");
}
