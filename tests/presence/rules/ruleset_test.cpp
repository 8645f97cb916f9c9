#include "presence/rules/ruleset.hpp"

#include <doctest/doctest.h>

#include <array>
#include <filesystem>

#include "sip/base/civil_time.hpp"
#include "tests/presence/rules/rule_texts.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/vectors.hpp"

namespace {

constexpr std::string_view bob = "sip:bob@example.com", carol = "sip:carol@example.com",
                           dave = "sip:dave@example.org", phone = "tel:+1-212-555-1234";

}  // namespace

TEST_CASE("R4745-6-1 R5025-3.2.1-1: no rule is no permission, and every rule that holds counts") {
    CHECK(Rules(ruleset("")).says({bob}) == "block:");
    Rules rules(ruleset(rule("a", one(bob), "confirm") + rule("b", one(carol), "allow") +
                        rule("c", identity("<cr:many/>"), "polite-block") +
                        rule("d", identity("<cr:many domain='example.com'/>"), "block")));
    CHECK(rules.says({bob}) == "polite-block: a c d");
    CHECK(rules.says({carol}) == "allow: b c d");
    CHECK(rules.says({dave}) == "polite-block: c");
    CHECK(rules.says({}) == "block:");
    CHECK(rules->size() == 4);
}

TEST_CASE("R5025-3.2.1-1: the highest handling wins whatever the order, and block is the lowest") {
    const std::vector<std::string> order{"block", "confirm", "polite-block", "allow"};
    for (std::size_t i = 0; i < order.size(); ++i)
        for (std::size_t k = 0; k < order.size(); ++k) {
            Rules rules(ruleset(rule("a", one(bob), order[i]) + rule("b", one(bob), order[k])));
            CHECK(rules.says({bob}) == order[std::max(i, k)] + ": a b");
        }
    Rules without(ruleset("<cr:rule id='a'/><cr:rule id='b'><cr:actions/></cr:rule>"));
    CHECK(without.says({bob}) == "block: a b");
}

TEST_CASE("R4745-7-1: missing and empty conditions match everybody, what is not known nobody") {
    CHECK(Rules(ruleset("<cr:rule id='a'><cr:actions><sub-handling>allow</sub-handling>"
                        "</cr:actions></cr:rule>"))
              .says({}) == "allow: a");
    CHECK(Rules(ruleset(rule("a", ""))).says({}) == "allow: a");
    CHECK(Rules(ruleset(rule("a", ""))).says({bob}) == "allow: a");
    for (const std::string unknown :
         {"<x:weather>sunny</x:weather>", "<pr:sub-handling>allow</pr:sub-handling>",
          "<ocp:media-list/>",
          "<ocp:external-list><ocp:entry anc='sip:l@x.y'/></ocp:external-list>"}) {
        CAPTURE(unknown);
        CHECK(Rules(ruleset(rule("a", unknown))).says({bob}) == "block:");
        CHECK(Rules(ruleset(rule("a", one(bob) + unknown))).says({bob}) == "block:");
        CHECK(Rules(ruleset(rule("a", unknown))).says({}) == "block:");
    }
}

TEST_CASE("R4745-7.1.1-1: an identity is true for any of its children, and empty for everybody") {
    Rules rules(ruleset(rule("a", identity("<cr:one id='sip:bob@example.com'/>"
                                           "<cr:many domain='example.org'/><x:robot/>"))));
    CHECK(rules.says({bob}) == "allow: a");
    CHECK(rules.says({dave}) == "allow: a");
    CHECK(rules.says({carol}) == "block:");
    CHECK(rules.says({}) == "block:");
    CHECK(Rules(ruleset(rule("a", "<cr:identity/>"))).says({}) == "allow: a");
    CHECK(Rules(ruleset(rule("a", "<cr:identity/>"))).says({bob}) == "allow: a");
    // A child that is not known is false, and hides none beside it.
    CHECK(Rules(ruleset(rule("a", identity("<x:robot/>")))).says({bob}) == "block:");
    CHECK(Rules(ruleset(rule("a", identity("<x:robot/>")))).says({}) == "block:");
}

TEST_CASE("R4745-7.1.2-1 R5025-3.1.1-3: one person, by the rules of the scheme and no other's") {
    const auto same = [](std::string_view rule_id, std::string_view watcher) {
        return Rules(ruleset(rule("a", one(rule_id)))).says({watcher}) == "allow: a";
    };
    CHECK(same("sip:bob@example.com", "sip:bob@EXAMPLE.com"));
    CHECK(same("sip:%62ob@example.com", "sip:bob@example.com"));
    CHECK_FALSE(same("sip:Bob@example.com", "sip:bob@example.com"));
    CHECK_FALSE(same("sip:bob@example.com", "sip:bob@sub.example.com"));
    CHECK_FALSE(same("sip:bob@example.com", "sip:bob@example.com:5070"));
    CHECK_FALSE(same("sip:example.com", "sip:bob@example.com"));
    // One party under its three names.
    CHECK(same("sips:bob@example.com", "sip:bob@example.com"));
    CHECK(same("pres:bob@example.com", "sip:bob@example.com"));
    CHECK(same("sip:bob@example.com", "pres:bob@example.com"));
    CHECK_FALSE(same("im:bob@example.com", "sip:bob@example.com"));
    // A number is a number in a tel URI alone.
    CHECK(same("tel:+1-212-555-1234", "tel:+12125551234"));
    CHECK_FALSE(same("tel:+12125551234", "sip:+12125551234@example.com;user=phone"));
    CHECK_FALSE(same("sip:+12125551234@example.com", "tel:+12125551234"));
    CHECK(same("mailto:bob@example.net", "mailto:bob@example.net"));
    CHECK_FALSE(same("mailto:bob@example.net", "sip:bob@example.net"));
    // Parameters count as RFC 3261 19.1.4 says.
    CHECK(same("sip:bob@example.com;transport=tcp", "sips:bob@example.com;transport=TCP"));
    CHECK_FALSE(same("sip:bob@example.com;transport=tcp", "sip:bob@example.com"));
    CHECK(same("sip:bob@example.com;lr", "sip:bob@example.com"));
}

TEST_CASE("R4745-7.1.2-1: many is any who is authenticated, or of that domain and no other") {
    Rules any(ruleset(rule("a", identity("<cr:many/>"))));
    for (std::string_view who : {bob, dave, phone, std::string_view("mailto:x@y.z")})
        CHECK(any.says({who}) == "allow: a");
    CHECK(any.says({}) == "block:");
    CHECK(any.says({"bob"}) == "block:");  // no URI vouches for nobody
    Rules domain(ruleset(rule("a", identity("<cr:many domain='Example.COM'/>"))));
    CHECK(domain.says({bob}) == "allow: a");
    CHECK(domain.says({"sip:bob@eXample.com"}) == "allow: a");
    CHECK(domain.says({"sips:bob@example.com:5061"}) == "allow: a");
    CHECK(domain.says({"sip:example.com"}) == "allow: a");
    CHECK(domain.says({"mailto:bob@example.com"}) == "allow: a");
    for (std::string_view other : {"sip:bob@sub.example.com", "sip:bob@ample.com", "sip:bob@com",
                                   "sip:bob@example.com.evil", "tel:+1555", "urn:x:example.com"})
        CHECK(domain.says({other}) == "block:");
}

TEST_CASE("R4745-7.1.3-1: an exception leaves out a person or a domain, and each of several does") {
    Rules rules(ruleset(rule("a", identity("<cr:many>"
                                           "<cr:except domain='example.org'/>"
                                           "<cr:except id='sip:bob@example.com'/>"
                                           "<cr:except id='tel:+12125551234'/></cr:many>"))));
    CHECK(rules.says({carol}) == "allow: a");
    for (std::string_view out :
         {bob, dave, phone, std::string_view("sips:bob@example.com"),
          std::string_view("pres:bob@example.com"), std::string_view("sip:%62ob@EXAMPLE.com")})
        CHECK(rules.says({out}) == "block:");
    CHECK(rules.says({"sip:dave@x.example.org"}) == "allow: a");
    Rules inside(ruleset(rule("a", identity("<cr:many domain='example.com'>"
                                            "<cr:except id='sip:bob@example.com'/></cr:many>"))));
    CHECK(inside.says({carol}) == "allow: a");
    CHECK(inside.says({bob}) == "block:");
    CHECK(inside.says({dave}) == "block:");
    // Another rule may let them in: an exception takes nothing away that was given elsewhere.
    Rules both(ruleset(rule("a", identity("<cr:many><cr:except id='sip:bob@example.com'/>"
                                          "</cr:many>")) +
                       rule("b", one(bob), "confirm")));
    CHECK(both.says({bob}) == "confirm: b");
    // What may be an exception of another kind lets nobody in.
    CHECK(
        Rules(ruleset(rule("a", identity("<cr:many><x:except-robots/></cr:many>")))).says({bob}) ==
        "block:");
    CHECK(
        Rules(ruleset(rule("a", identity("<cr:one id='sip:bob@example.com'><x:by-day/></cr:one>"))))
            .says({bob}) == "block:");
}

TEST_CASE("R4745-7.1.3-1: domains compare with their escapes undone and as A-labels") {
    const auto in = [](std::string_view domain, std::string_view watcher) {
        const std::string text = "domain='" + std::string(domain) + "'";
        const bool many =
            Rules(ruleset(rule("a", identity("<cr:many " + text + "/>")))).says({watcher}) ==
            "allow: a";
        const bool excepted =
            Rules(ruleset(rule("a", identity("<cr:many><cr:except " + text + "/></cr:many>"))))
                .says({watcher}) == "block:";
        CHECK(many == excepted);
        return many;
    };
    CHECK(in("ex%61mple.com", bob));
    CHECK(in("m\xC3\xBCnchen.example", "sip:x@xn--mnchen-3ya.example"));
    CHECK(in("M\xC3\x9CNCHEN.example", "sip:x@XN--mnchen-3YA.example"));
    CHECK(in("m%C3%BCnchen.example", "sip:x@xn--mnchen-3ya.example"));
    CHECK_FALSE(in("m\xC3\xBCnchen.example", "sip:x@munchen.example"));
    CHECK(in("example.com.", bob));
    CHECK(in("[2001:db8::1]", "sip:x@[2001:DB8:0::1]"));
    CHECK(in("192.0.2.1", "sip:x@192.0.2.1"));
}

TEST_CASE("R5025-3.1.1-1: of several identities any that matches counts, in an exception too") {
    Rules rules(ruleset(rule("a", one(phone)) +
                        rule("b", identity("<cr:many domain='example.com'>"
                                           "<cr:except id='sip:bob@example.com'/></cr:many>"))));
    CHECK(rules.says({dave, phone}) == "allow: a");
    CHECK(rules.says({carol, dave}) == "allow: b");
    CHECK(rules.says({carol, bob}) == "block:");
    CHECK(rules.says({phone, carol}) == "allow: a b");
}

TEST_CASE("R4745-7.3-1: a sphere is one of a list, in any case, and none matches an unknown one") {
    Rules rules(ruleset(rule("a", "<cr:sphere value='home  Work'/>")));
    CHECK(rules->uses_sphere());
    CHECK(rules.says({}, 0, "home") == "allow: a");
    CHECK(rules.says({}, 0, "WORK") == "allow: a");
    for (std::string_view other : {"hom", "homework", "home Work", "", " "})
        CHECK(rules.says({}, 0, other) == "block:");
    CHECK(rules.says({}, 0, {}) == "block:");
    CHECK(Rules(ruleset(rule("a", "<cr:sphere value=''/>"))).says({}, 0, "") == "block:");
    CHECK_FALSE(Rules(ruleset(rule("a", "")))->uses_sphere());
    // Conditions are AND-ed, also two of one kind.
    Rules both(ruleset(rule("a", "<cr:sphere value='home'/><cr:sphere value='home work'/>")));
    CHECK(both.says({}, 0, "home") == "allow: a");
    CHECK(both.says({}, 0, "work") == "block:");
}

TEST_CASE("R4745-7.4-1: a rule is valid from its first instant to before its last, and says when") {
    const auto pair = [](std::string_view from, std::string_view until) {
        return "<cr:from>" + std::string(from) + "</cr:from><cr:until>" + std::string(until) +
               "</cr:until>";
    };
    const std::string two = "<cr:validity>" + pair("1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z") +
                            pair("1970-01-01T01:00:04+01:00", "1970-01-01T00:00:05.5Z") +
                            "</cr:validity>";
    Rules rules(ruleset(rule("a", two) + rule("b", one(carol), "confirm")));
    CHECK(rules->uses_validity());
    struct Step {
        std::int64_t wall_ms;
        bool valid;
        std::optional<std::int64_t> until;
    };
    for (const Step& step :
         {Step{-5, false, 1000}, Step{999, false, 1000}, Step{1000, true, 2000},
          Step{1999, true, 2000}, Step{2000, false, 4000}, Step{3999, false, 4000},
          Step{4000, true, 5500}, Step{5499, true, 5500}, Step{5500, false, {}}}) {
        CAPTURE(step.wall_ms);
        CHECK(rules.says({bob}, step.wall_ms) == (step.valid ? "allow: a" : "block:"));
        // For everybody: also whom this rule says nothing of.
        CHECK(rules.verdict({bob}, step.wall_ms).until_wall_ms == step.until);
    }
    Rules never(ruleset(rule("a", "")));
    CHECK_FALSE(never->uses_validity());
    CHECK_FALSE(never.verdict({bob}).until_wall_ms);
    // A pair that ends before it begins holds never.
    CHECK(Rules(ruleset(rule("a", "<cr:validity>" +
                                      pair("1970-01-01T00:00:02Z", "1970-01-01T00:00:01Z") +
                                      "</cr:validity>")))
              .says({bob}, 1500) == "block:");
}

TEST_CASE("R4745-10.2-1: OR of booleans, maximum of levels, union of sets") {
    Rules rules(ruleset(
        rule(
            "a", one(bob), "confirm",
            "<provide-services><service-uri-scheme>sip</service-uri-scheme><class>biz</class>"
            "</provide-services><provide-mood>false</provide-mood>"
            "<provide-user-input>bare</provide-user-input>"
            "<provide-unknown-attribute name='foo' ns='urn:x:1'>true</provide-unknown-attribute>") +
        rule("b", one(bob), "block",
             "<provide-services><class>biz</class><class>home</class></provide-services>"
             "<provide-mood>1</provide-mood><provide-note>true</provide-note>"
             "<provide-user-input>thresholds</provide-user-input>"
             "<provide-unknown-attribute name='foo' ns='urn:x:0'>1</provide-unknown-attribute>"
             "<provide-unknown-attribute name='foo' ns='urn:x:1'>0</provide-unknown-attribute>") +
        rule("c", one(carol), "allow", "<provide-all-attributes/>")));
    const presence::Permissions got = rules.verdict({bob}).permissions;
    CHECK(got.handling == presence::SubHandling::confirm);
    CHECK(got.user_input == presence::UserInput::thresholds);
    CHECK(got.provides(presence::Provide::mood));
    CHECK(got.provides(presence::Provide::note));
    CHECK_FALSE(got.provides(presence::Provide::class_));
    CHECK_FALSE(got.all_services);
    using presence::Selector;
    REQUIRE(got.selectors.size() == 3);
    CHECK(got.selectors[0] == Selector{Selector::Of::services, Selector::By::class_, "biz"});
    CHECK(got.selectors[1] == Selector{Selector::Of::services, Selector::By::class_, "home"});
    CHECK(got.selectors[2].value == "sip");
    REQUIRE(got.unknown.size() == 2);
    CHECK(got.unknown[0].ns == "urn:x:0");
    CHECK(rules.verdict({dave}).permissions.selectors.empty());
}

TEST_CASE("R4745-10.2-1: all that is granted in many words is equal to everything") {
    Rules rules(ruleset(
        rule("a", "", "allow",
             "<provide-services><all-services/></provide-services><provide-mood>true</provide-mood>"
             "<provide-persons><class>x</class></provide-persons>") +
        rule("b", "", "block",
             "<provide-persons><all-persons/></provide-persons>"
             "<provide-devices><all-devices/></provide-devices><provide-all-attributes/>"
             "<provide-unknown-attribute name='foo' ns='urn:x:1'>1</provide-unknown-attribute>")));
    const presence::Permissions got = rules.verdict({}).permissions;
    std::array<char, 64> ours{}, all{};
    sip::Appender a(ours), b(all);
    REQUIRE(presence::pack(got, a));
    REQUIRE(presence::pack(presence::Permissions::everything(), b));
    CHECK(a.view() == b.view());
}

TEST_CASE("R4745-6-1 R4745-10.2-1: conditions of all three kinds, laid out as in RFC 4745 10.3") {
    // The rows of the section's table: who, sphere, from, until; the instants in seconds.
    constexpr int a1 = 200, a2 = 300, a3 = 400, b1 = 10, b2 = 100;
    const auto row = [](std::string_view id, std::string_view who, std::string_view sphere,
                        int from, int until, std::string_view handling, std::string_view level) {
        const auto instant = [](int second) {
            std::array<char, 40> room{};
            sip::Appender out(room);
            sip::write_rfc3339(out, second * INT64_C(1000));
            return std::string(out.view());
        };
        return rule(id,
                    one("sip:" + std::string(who) + "@h") + "<cr:sphere value='" +
                        std::string(sphere) + "'/><cr:validity><cr:from>" + instant(from) +
                        "</cr:from><cr:until>" + instant(until) + "</cr:until></cr:validity>",
                    handling,
                    "<provide-user-input>" + std::string(level) + "</provide-user-input>");
    };
    Rules rules(ruleset(row("r1", "bob", "home", a1, a2, "allow", "thresholds") +
                        row("r2", "alice", "work", a1, a2, "confirm", "full") +
                        row("r3", "bob", "work", a1, a2, "block", "bare") +
                        row("r4", "tom", "work", a1, a2, "confirm", "full") +
                        row("r5", "bob", "work", a1, a3, "polite-block", "thresholds") +
                        row("r6", "bob", "work", b1, b2, "allow", "bare")));
    const auto verdict = rules.verdict({"sip:bob@h"}, 215'000, "work");
    CHECK(rules.says({"sip:bob@h"}, 215'000, "work") == "polite-block: r3 r5");
    CHECK(verdict.permissions.user_input == presence::UserInput::thresholds);
    CHECK(verdict.until_wall_ms == a2 * 1000);
}

TEST_CASE("R4745-6-1 R5025-5-1: the documents that the RFCs print are read") {
    const auto standards = standards_folder();
    if (!standards) return skip_case("no standards folder was given");
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(*standards / "examples")) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with("rfc4745-") && !name.starts_with("rfc5025-")) continue;
        CAPTURE(name);
        CHECK(fault_in_rules(read_file(entry.path())) == "");
        ++count;
    }
    CHECK(count >= 8);
}

TEST_CASE("OMA's conditions: who is anonymous, and whom no other rule refers to") {
    Rules rules(ruleset(rule("anonymous", "<ocp:anonymous-request/>", "polite-block") +
                        rule("others", "<ocp:other-identity/>", "confirm") + rule("bob", one(bob)) +
                        rule("org", identity("<cr:many domain='example.org'>"
                                             "<cr:except id='sip:dave@example.org'/>"
                                             "<cr:except id='sip:eve@example.net'/></cr:many>"))));
    CHECK(rules.says({}) == "polite-block: anonymous");
    CHECK(rules.says({bob}) == "allow: bob");
    CHECK(rules.says({carol}) == "confirm: others");
    CHECK(rules.says({"sip:x@example.org"}) == "allow: org");
    // To be named in an exception is to be referred to.
    CHECK(rules.says({dave}) == "block:");
    CHECK(rules.says({"sip:eve@example.net"}) == "block:");
    for (const std::string unclear :
         {"<cr:one id='sip:bob@example.com'><x:y/></cr:one>", "<x:group name='all'/>",
          "<cr:many domain='example.com'><x:y/></cr:many>"})
        CHECK(Rules(ruleset(rule("a", "<ocp:other-identity/>") + rule("b", identity(unclear))))
                  .says({bob}) == "block:");
    // A rule does not refer away its own others, and a list might have anybody in it.
    CHECK(Rules(ruleset(rule("a", one(bob) + "<ocp:other-identity/>"))).says({bob}) == "allow: a");
    CHECK(Rules(ruleset(rule("a", "<ocp:other-identity/>") + rule("b", "<ocp:external-list/>")))
              .says({bob}) == "block:");
}

TEST_CASE("a ruleset moves, gives all its memory back, and refuses when there is none") {
    const std::string text = ruleset(rule("a", one(bob)) + rule("b", one(carol)));
    sip::Memory memory;
    {
        auto first = presence::Ruleset::read(text, memory, {});
        auto second = presence::Ruleset::read(text, memory, {});
        REQUIRE(first);
        REQUIRE(second);
        *first = std::move(*second);
        presence::Ruleset third(std::move(*first));
        CHECK(third.size() == 2);
    }
    CHECK(memory.used() == 0);
    for (std::uint64_t at = 0; at < 64; ++at) {
        sip::Memory tight;
        tight.refuse_after(at);
        const auto read = presence::Ruleset::read(text, tight, {});
        CHECK((read.has_value() || read.error().condition == sip::Condition::overloaded));
        if (read) break;
    }
    const Rules rules(text);
    const std::vector<std::string_view> watcher{bob};
    presence::Circumstances circumstances;
    circumstances.identities = watcher;
    // An answer takes what it takes, or is refused: never a part of the rules.
    bool answered = false;
    for (std::size_t cap = 0; cap < 65'536 && !answered; cap += 16) {
        pidf::Arena arena(memory, cap);
        const auto verdict = rules->evaluate(circumstances, arena);
        answered = verdict.has_value();
        if (answered)
            CHECK(verdict->permissions.handling == presence::SubHandling::allow);
        else
            CHECK(verdict.error().condition == sip::Condition::overloaded);
    }
    CHECK(answered);
}
