#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/pidf/xmllint.hpp"
#include "tests/presence/rules/rule_texts.hpp"
#include "tests/support/paths.hpp"

namespace {

/// What the schemas of RFC 4745 and 5025 say of a case, where we say something else.
enum class Schema : std::uint8_t {
    same,
    takes_it,   ///< and the text of an RFC does not, or it names nobody
    refuses_it  ///< and the text of an RFC does not
};
struct Case {
    std::string document;
    std::string fault;  ///< ""; it is taken
    std::string at;     ///< what stands where the error points
    Schema schema = Schema::same;
};

std::string in_conditions(std::string_view inside) { return ruleset(rule("a", inside)); }
std::string in_actions(std::string_view inside) {
    return ruleset("<cr:rule id='a'><cr:actions>" + std::string(inside) +
                   "</cr:actions></cr:rule>");
}
std::string in_transformations(std::string_view inside) {
    return ruleset(rule("a", "", "allow", inside));
}
std::string in_validity(std::string_view inside) {
    return in_conditions("<cr:validity>" + std::string(inside) + "</cr:validity>");
}
std::string pair(std::string_view from, std::string_view until) {
    return "<cr:from>" + std::string(from) + "</cr:from><cr:until>" + std::string(until) +
           "</cr:until>";
}

using Cases = std::vector<Case>;
using enum Schema;

const Cases of_documents{
    {ruleset(""), "", ""},
    {"<ruleset xmlns='urn:ietf:params:xml:ns:common-policy'/>", "", ""},
    {"<?xml version='1.0'?><!-- a --><ruleset xmlns='urn:ietf:params:xml:ns:common-policy'> \n"
     "<rule id='a'/><!-- b --><rule id='b'> </rule></ruleset>",
     "", ""},
    {"<ruleset/>", "ruleset: root element is not ruleset of common-policy", "ruleset"},
    {"<ruleset xmlns='urn:ietf:params:xml:ns:pres-rules'/>",
     "ruleset: root element is not ruleset of common-policy", "ruleset"},
    {"<rule xmlns='urn:ietf:params:xml:ns:common-policy' id='a'/>",
     "ruleset: root element is not ruleset of common-policy", "rule"},
    {ruleset("text"), "rules: text stands where only elements may", "cr:ruleset"},
    {ruleset("<x:rule id='a'/>"), "ruleset: element is no rule", "x:rule"},
    {ruleset("<rule id='a'/>"), "ruleset: element is no rule", "rule"},
    {ruleset("<cr:conditions/>"), "ruleset: element is no rule", "cr:conditions"},
    {"<ruleset xmlns='urn:ietf:params:xml:ns:common-policy' id='a'/>",
     "rules: attribute is not defined here", "ruleset"},
    {"<ruleset xmlns='urn:ietf:params:xml:ns:common-policy' "
     "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
     "xsi:schemaLocation='urn:ietf:params:xml:ns:common-policy common-policy.xsd'/>",
     "", ""},
    {"<ruleset xmlns='urn:ietf:params:xml:ns:common-policy' xml:lang='en'/>",
     "rules: attribute is not defined here", "ruleset"},
};
const Cases of_rules{
    {ruleset("<cr:rule/>"), "rule: id is missing", "cr:rule"},
    {ruleset("<cr:rule id=''/>"), "rule: id is no XML name", "cr:rule"},
    {ruleset("<cr:rule id='1a'/>"), "rule: id is no XML name", "cr:rule"},
    {ruleset("<cr:rule id='a:b'/>"), "rule: id is no XML name", "cr:rule"},
    {ruleset("<cr:rule id=' a '/>"), "", ""},
    {ruleset("<cr:rule cr:id='a'/>"), "rules: attribute is not defined here", "cr:rule"},
    {ruleset("<cr:rule id='a' x:y=''/>"), "rules: attribute is not defined here", "cr:rule"},
    {ruleset("<cr:rule id='a'/><cr:rule id='b'/><cr:rule id='a'><cr:actions/></cr:rule>"),
     "rule: id stands twice", "cr:rule id='a'><"},
    {ruleset("<cr:rule id='a'>text</cr:rule>"), "rules: text stands where only elements may",
     "cr:rule"},
    {ruleset("<cr:rule id='a'><cr:actions/><cr:conditions/></cr:rule>"),
     "rule: order is conditions, actions, transformations, each once", "cr:conditions"},
    {ruleset("<cr:rule id='a'><cr:actions/><cr:actions/></cr:rule>"),
     "rule: order is conditions, actions, transformations, each once", "cr:actions/></cr:rule>"},
    {ruleset("<cr:rule id='a'><cr:transformations/></cr:rule>"), "", ""},
    {ruleset("<cr:rule id='a'><cr:identity/></cr:rule>"), "rule: element is not defined here",
     "cr:identity"},
    {ruleset("<cr:rule id='a'><x:y/></cr:rule>"), "rule: element is not defined here", "x:y"},
    {ruleset("<cr:rule id='a'><cr:conditions a='b'/></cr:rule>"),
     "rules: attribute is not defined here", "cr:conditions"},
    {ruleset("<cr:rule id='a'><cr:actions>x</cr:actions></cr:rule>"),
     "rules: text stands where only elements may", "cr:actions"},
};
const Cases of_conditions{
    {in_conditions(""), "", ""},
    {in_conditions("<cr:sphere value='a'/><cr:identity><cr:many/></cr:identity>"
                   "<cr:sphere value='b'/><x:y/>"),
     "", ""},
    {in_conditions("text"), "rules: text stands where only elements may", "cr:conditions"},
    {in_conditions("<cr:one id='sip:a@b.c'/>"), "conditions: element is not defined here",
     "cr:one"},
    {in_conditions("<x:y><x:z a='b'>text</x:z></x:y>"), "", ""},
    {"<r:ruleset xmlns:r='urn:ietf:params:xml:ns:common-policy'><r:rule id='a'><r:conditions>"
     "<here/></r:conditions></r:rule></r:ruleset>",
     "conditions: element has no namespace", "here"},
    {in_conditions("<cr:identity/>"), "", "", refuses_it},
    {in_conditions(identity("x")), "rules: text stands where only elements may", "cr:identity"},
    {in_conditions(identity("<cr:two/>")), "identity: element is not defined here", "cr:two"},
    {in_conditions(identity("<cr:except id='sip:a@b.c'/>")),
     "identity: element is not defined here", "cr:except"},
    {in_conditions(identity("<x:y/><cr:many/><cr:one id='sip:a@b.c'/>")), "", ""},
    {in_conditions(identity("<cr:one/>")), "one: id is missing", "cr:one"},
    {in_conditions(identity("<cr:one id='sip:a@b.c' domain='b.c'/>")),
     "rules: attribute is not defined here", "cr:one"},
    {in_conditions(identity("<cr:one id='sip:a@b.c'>x</cr:one>")),
     "rules: text stands where only elements may", "cr:one"},
    {in_conditions(identity("<cr:one id='sip:a@b.c'><x:y/></cr:one>")), "", ""},
    {in_conditions(identity("<cr:one id='sip:a@b.c'><x:y/><x:z/></cr:one>")),
     "one: element is not defined here", "x:z"},
    {in_conditions(identity("<cr:one id='sip:a@b.c'><cr:one id='sip:a@b.c'/></cr:one>")),
     "one: element is not defined here", "cr:one id='sip:a@b.c'/></cr:one>"},
    {in_conditions(identity("<cr:one id='bob'/>")), "one: id is no URI", "cr:one", takes_it},
    {in_conditions(identity("<cr:one id='bob@b.c'/>")), "one: id is no URI", "cr:one", takes_it},
    {in_conditions(identity("<cr:one id='sip:'/>")), "one: id is no URI", "cr:one", takes_it},
    {in_conditions(identity("<cr:one id='sip:bob@'/>")), "one: id is no URI", "cr:one", takes_it},
    {in_conditions(identity("<cr:one id='sip:a b@c'/>")), "one: id is no URI", "cr:one", takes_it},
    {in_conditions(identity("<cr:one id=' sip:a@b.c '/>")), "", ""},
    {in_conditions(identity("<cr:many x='y'/>")), "rules: attribute is not defined here",
     "cr:many"},
    {in_conditions(identity("<cr:many>x</cr:many>")), "rules: text stands where only elements may",
     "cr:many"},
    {in_conditions(identity("<cr:many id='sip:a@b.c'/>")), "rules: attribute is not defined here",
     "cr:many"},
    {in_conditions(identity("<cr:many domain='b.c'><x:y/><cr:except id='sip:a@b.c'/></cr:many>")),
     "", ""},
    {in_conditions(identity("<cr:many><cr:one id='sip:a@b.c'/></cr:many>")),
     "many: element is not defined here", "cr:one"},
    {in_conditions(identity("<cr:many domain=''/>")), "many: domain is no domain name", "cr:many",
     takes_it},
    {in_conditions(identity("<cr:many><cr:except domain='sip:b.c'/></cr:many>")),
     "except: domain is no domain name", "cr:except", takes_it},
    {in_conditions(identity("<cr:many><cr:except id='bob@b.c'/></cr:many>")),
     "except: id is no URI", "cr:except", takes_it},
    {in_conditions(identity("<cr:many><cr:except/></cr:many>")),
     "except: has to have either id or domain", "cr:except", takes_it},
    {in_conditions(identity("<cr:many><cr:except id='sip:a@b.c' domain='b.c'/></cr:many>")),
     "except: has to have either id or domain", "cr:except", takes_it},
    {in_conditions(identity("<cr:many><cr:except id='sip:a@b.c'>x</cr:except></cr:many>")),
     "rules: element has to be empty", "cr:except"},
    {in_conditions(identity("<cr:many><cr:except id='sip:a@b.c'><x:y/></cr:except></cr:many>")),
     "rules: element has to be empty", "cr:except"},
    {in_conditions(identity("<cr:many><cr:except id='sip:a@b.c' x:y=''/></cr:many>")),
     "rules: attribute is not defined here", "cr:except"},
    {in_conditions("<cr:sphere/>"), "sphere: value is missing", "cr:sphere"},
    {in_conditions("<cr:sphere value=''/>"), "", ""},
    {in_conditions("<cr:sphere value='a'>b</cr:sphere>"), "rules: element has to be empty",
     "cr:sphere"},
    {in_conditions("<cr:sphere value='a'><x:y/></cr:sphere>"), "rules: element has to be empty",
     "cr:sphere"},
    {in_conditions("<cr:sphere value='a' x='y'/>"), "rules: attribute is not defined here",
     "cr:sphere"},
};
const Cases of_validity{
    {in_validity(pair("2026-01-01T00:00:00Z", "2026-01-02T00:00:00.25+01:00")), "", ""},
    {in_validity(pair(" 2026-01-01T00:00:00Z\n", "2026-01-02T00:00:00-14:00")), "", "",
     refuses_it},  // libxml2 does not take the blanks off, XML Schema part 2 does
    {in_validity(pair("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z") +
                 pair("2025-01-01T00:00:00Z", "2024-01-02T00:00:00Z")),
     "", ""},
    {in_validity(""), "validity: has to be pairs of from and until", "cr:validity"},
    {in_validity("<cr:from>2026-01-01T00:00:00Z</cr:from>"),
     "validity: has to be pairs of from and until", "cr:validity"},
    {in_validity("<cr:until>2026-01-01T00:00:00Z</cr:until>"),
     "validity: has to be pairs of from and until", "cr:until"},
    {in_validity("<cr:from>2026-01-01T00:00:00Z</cr:from><cr:from>2026-01-01T00:00:00Z</cr:from>"),
     "validity: has to be pairs of from and until", "cr:from>2026-01-01T00:00:00Z</cr:from></cr:v"},
    {in_validity("<x:y/>" + pair("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")),
     "validity: has to be pairs of from and until", "x:y"},
    {in_validity(pair("2026-01-01T00:00:00", "2026-01-02T00:00:00Z")),
     "validity: is no date and time with a time zone", "cr:from", takes_it},
    {in_validity(pair("2026-02-30T00:00:00Z", "2026-01-02T00:00:00Z")),
     "validity: is no date and time with a time zone", "cr:from"},
    {in_validity(pair("2026-01-01T00:00:00Z", "tomorrow")),
     "validity: is no date and time with a time zone", "cr:until"},
    {in_validity(pair("2026-01-01T00:00:00Z", "2026-01-02t00:00:00z")),
     "validity: is no date and time with a time zone", "cr:until"},
    {in_validity(pair("2026-01-01T00:00:00Z", "2026-01-02T00:00:60Z")),
     "validity: is no date and time with a time zone", "cr:until"},
    {in_validity(pair("", "2026-01-02T00:00:00Z")),
     "validity: is no date and time with a time zone", "cr:from"},
    {in_validity(pair("<x:y/>", "2026-01-02T00:00:00Z")),
     "rules: element stands where only text may", "cr:from"},
    {in_validity("<cr:from x='y'>2026-01-01T00:00:00Z</cr:from><cr:until/>"),
     "rules: attribute is not defined here", "cr:from"},
};
const Cases of_actions{
    {in_actions("<sub-handling> polite-block\n</sub-handling>"), "", ""},
    {in_actions("<sub-handling>block</sub-handling><sub-handling>allow</sub-handling>"), "", ""},
    {in_actions("<sub-handling>Allow</sub-handling>"),
     "sub-handling: is none of block, confirm, polite-block, allow", "sub-handling"},
    {in_actions("<sub-handling/>"), "sub-handling: is none of block, confirm, polite-block, allow",
     "sub-handling"},
    {in_actions("<sub-handling>polite block</sub-handling>"),
     "sub-handling: is none of block, confirm, polite-block, allow", "sub-handling"},
    {in_actions("<sub-handling><allow/></sub-handling>"),
     "rules: element stands where only text may", "sub-handling"},
    {in_actions("<sub-handling x='y'>allow</sub-handling>"), "rules: attribute is not defined here",
     "sub-handling"},
    {in_actions("<sub-handling>al<!-- -->low</sub-handling>"), "", ""},
    {in_actions("<sub-handling><![CDATA[allow]]></sub-handling>"), "", ""},
    {in_actions("<x:beep>loud</x:beep>"), "", ""},
    {in_actions("<cr:beep/>"), "actions: element is not defined here", "cr:beep"},
    {in_actions("<sub-handlin>allow</sub-handlin>"), "rules: no permission of pres-rules",
     "sub-handlin", takes_it},
    {in_actions("<provide-mood>true</provide-mood>"), "actions: is a transformation",
     "provide-mood", takes_it},
};
const Cases of_transformations{
    {in_transformations("<provide-mood>true</provide-mood><provide-mood> 0 </provide-mood>"), "",
     ""},
    {in_transformations("<provide-mood/>"), "rules: is neither true nor false", "provide-mood"},
    {in_transformations("<provide-mood>yes</provide-mood>"), "rules: is neither true nor false",
     "provide-mood"},
    {in_transformations("<provide-mood>TRUE</provide-mood>"), "rules: is neither true nor false",
     "provide-mood"},
    {in_transformations("<provide-mood a='b'>true</provide-mood>"),
     "rules: attribute is not defined here", "provide-mood"},
    {in_transformations("<provide-activites>true</provide-activites>"),
     "rules: no permission of pres-rules", "provide-activites", takes_it},
    {in_transformations("<class>x</class>"), "rules: no permission of pres-rules", "class",
     takes_it},
    {in_transformations("<sub-handling>allow</sub-handling>"), "transformations: is an action",
     "sub-handling", takes_it},
    {in_transformations("<cr:mood/>"), "transformations: element is not defined here", "cr:mood"},
    {in_transformations("<x:blur>much</x:blur>"), "", ""},
    {in_transformations("<provide-user-input>full</provide-user-input>"), "", ""},
    {in_transformations("<provide-user-input>true</provide-user-input>"),
     "provide-user-input: is none of false, bare, thresholds, full", "provide-user-input"},
    {in_transformations("<provide-user-input> full</provide-user-input>"),
     "provide-user-input: is none of false, bare, thresholds, full", "provide-user-input"},
    {in_transformations("<provide-all-attributes/>"), "", ""},
    {in_transformations("<provide-all-attributes>true</provide-all-attributes>"),
     "rules: element has to be empty", "provide-all-attributes"},
    {in_transformations("<provide-all-attributes a='b'/>"), "rules: attribute is not defined here",
     "provide-all-attributes"},
    {in_transformations("<provide-services/><provide-persons/><provide-devices/>"), "", ""},
    {in_transformations("<provide-services><all-services/></provide-services>"), "", ""},
    {in_transformations("<provide-services><all-persons/></provide-services>"),
     "rules: nothing that these are chosen by", "all-persons"},
    {in_transformations("<provide-services><all-services/><class>x</class></provide-services>"),
     "rules: all of them, and more beside", "class"},
    {in_transformations("<provide-services><class>x</class><all-services/></provide-services>"),
     "rules: all of them, and more beside", "all-services"},
    {in_transformations("<provide-services><all-services/><all-services/></provide-services>"),
     "rules: all of them, and more beside", "all-services/></provide"},
    {in_transformations("<provide-services><all-services>x</all-services></provide-services>"),
     "rules: element has to be empty", "all-services"},
    {in_transformations("<provide-services>x</provide-services>"),
     "rules: text stands where only elements may", "provide-services"},
    {in_transformations("<provide-services a='b'/>"), "rules: attribute is not defined here",
     "provide-services"},
    {in_transformations("<provide-services><cr:class>x</cr:class><x:y/></provide-services>"), "",
     ""},
    {in_transformations("<provide-services><deviceID>urn:x:1</deviceID></provide-services>"),
     "rules: nothing that these are chosen by", "deviceID"},
    {in_transformations("<provide-persons><service-uri>sip:a@b</service-uri></provide-persons>"),
     "rules: nothing that these are chosen by", "service-uri"},
    {in_transformations("<provide-persons><deviceID>urn:x:1</deviceID></provide-persons>"),
     "rules: nothing that these are chosen by", "deviceID"},
    {in_transformations("<provide-services><service-uri>http://[x</service-uri>"
                        "</provide-services>"),
     "rules: is no URI", "service-uri"},
    {in_transformations("<provide-services><service-uri> sip:a@b </service-uri><class/>"
                        "<occurrence-id>1 2</occurrence-id><service-uri-scheme>sip"
                        "</service-uri-scheme></provide-services>"),
     "", ""},
    {in_transformations("<provide-devices><deviceID>urn:x:1</deviceID><class>a</class>"
                        "<occurrence-id>b</occurrence-id></provide-devices>"),
     "", ""},
    {in_transformations("<provide-devices><class a='b'>x</class></provide-devices>"),
     "rules: attribute is not defined here", "class"},
    {in_transformations("<provide-devices><class><x:y/></class></provide-devices>"),
     "rules: element stands where only text may", "class"},
    {in_transformations("<provide-unknown-attribute name='a' ns='urn:x'>1"
                        "</provide-unknown-attribute>"),
     "", ""},
    {in_transformations("<provide-unknown-attribute name='a'>1</provide-unknown-attribute>"),
     "provide-unknown-attribute: name or ns is missing", "provide-unknown-attribute"},
    {in_transformations("<provide-unknown-attribute ns='a'>1</provide-unknown-attribute>"),
     "provide-unknown-attribute: name or ns is missing", "provide-unknown-attribute"},
    {in_transformations("<provide-unknown-attribute name='a' ns='b' c='d'>1"
                        "</provide-unknown-attribute>"),
     "rules: attribute is not defined here", "provide-unknown-attribute"},
    {in_transformations("<provide-unknown-attribute name='a' ns='urn:x'/>"),
     "rules: is neither true nor false", "provide-unknown-attribute"},
    {in_transformations("<provide-unknown-attribute name='x:a' ns='urn:x'>1"
                        "</provide-unknown-attribute>"),
     "provide-unknown-attribute: name is no name without prefix", "provide-unknown-attribute",
     takes_it},
    {in_transformations("<provide-unknown-attribute name='a' ns=''>1</provide-unknown-attribute>"),
     "provide-unknown-attribute: ns is no URI", "provide-unknown-attribute", takes_it},
};

Cases all_cases() {
    Cases all;
    for (const Cases* some :
         {&of_documents, &of_rules, &of_conditions, &of_validity, &of_actions, &of_transformations})
        all.insert(all.end(), some->begin(), some->end());
    return all;
}

}  // namespace

TEST_CASE("R4745-6.1-1 R4745-7.4-1 R5025-5-1: a document that is none is refused, and said where") {
    for (const Case& each : all_cases()) {
        CAPTURE(each.document);
        sip::Memory memory;
        const auto read = presence::Ruleset::read(each.document, memory, {});
        if (each.fault.empty()) {
            CHECK(read.has_value());
            if (!read) FAIL_CHECK(std::string(read.error().rule));
            continue;
        }
        REQUIRE_FALSE(read.has_value());
        CHECK(std::string(read.error().rule) == each.fault);
        CHECK(read.error().condition == sip::Condition::malformed);
        const std::string at = each.document.substr(read.error().offset, each.at.size());
        CHECK(at == each.at);
    }
}

TEST_CASE("R5025-5-1: what the schemas take is taken, and what they refuse is refused") {
    const auto standards = standards_folder();
    if (!standards) return skip_case("no standards folder was given");
    if (!has_xmllint()) return skip_case("xmllint is not installed");
    const Cases all = all_cases();
    std::vector<std::string> texts;
    for (const Case& each : all) texts.push_back(each.document);
    const auto invalid =
        TemporaryDocuments(texts).invalid((*standards / "xsd/pres-rules.xsd").string());
    for (std::size_t i = 0; i < all.size(); ++i) {
        CAPTURE(all[i].document);
        const bool valid = !invalid.contains(i);
        CHECK(valid == (all[i].schema == Schema::same ? all[i].fault.empty()
                                                      : all[i].schema == Schema::takes_it));
    }
}

TEST_CASE("R4745-6-1: what is no XML, too large, or in another encoding is refused whole") {
    CHECK(fault_in_rules("") != "");
    CHECK(fault_in_rules("<ruleset") != "");
    const std::string good = ruleset(rule("a", one("sip:a@b.c")) + rule("b", ""));
    for (std::size_t size = 0; size < good.size(); ++size)
        CHECK(fault_in_rules(good.substr(0, size)) != "");
    CHECK(fault_in_rules(good) == "");
    presence::Ruleset::Limits limits;
    limits.rules = 2;
    limits.bytes = static_cast<std::uint32_t>(good.size());
    CHECK(fault_in_rules(good, limits) == "");
    limits.bytes -= 1;
    CHECK(fault_in_rules(good, limits) != "");
    limits.bytes += 1;
    limits.rules = 1;
    CHECK(fault_in_rules(good, limits) == "ruleset: too many rules");
    sip::Memory memory;
    const auto encoding =
        presence::Ruleset::read("<?xml version='1.0' encoding='latin1'?><a/>", memory, {});
    REQUIRE_FALSE(encoding);
    CHECK(encoding.error().condition == sip::Condition::media_not_supported);
}

TEST_CASE("a document of the largest size can be read, whatever it is full of") {
    const auto filled = [](std::string_view before, std::string_view piece,
                           std::string_view after) {
        std::string inside(before);
        while (inside.size() + piece.size() + after.size() < 200'000) inside += piece;
        return ruleset(inside + std::string(after));
    };
    const std::string start = "<cr:rule id='a'><cr:conditions><cr:identity>",
                      end = "</cr:identity></cr:conditions></cr:rule>";
    CHECK(fault_in_rules(filled(start, "<cr:many/>", end)) == "");
    CHECK(fault_in_rules(filled(start, "<cr:one id='a:b'/>", end)) == "");
    CHECK(fault_in_rules(
              filled(start + "<cr:many>", "<cr:except id='a:b'/>", "</cr:many>" + end)) == "");
    CHECK(fault_in_rules(
              filled(start + "<cr:many>", "<cr:except domain='b'/>", "</cr:many>" + end)) == "");
    const auto members = [](std::size_t services, std::size_t unknown) {
        std::string inside = "<provide-services>";
        for (std::size_t i = 0; i < services; ++i) inside += "<class/>";
        inside += "</provide-services>";
        for (std::size_t i = 0; i < unknown; ++i)
            inside += "<provide-unknown-attribute name='a' ns='b'>1</provide-unknown-attribute>";
        return ruleset(rule("a", "", "allow", inside));
    };
    CHECK(fault_in_rules(members(4096, 0)) == "");
    CHECK(fault_in_rules(members(4097, 0)) == "ruleset: sets have too many members");
    CHECK(fault_in_rules(members(4095, 1)) == "");
    CHECK(fault_in_rules(members(4095, 2)) == "ruleset: sets have too many members");
}
