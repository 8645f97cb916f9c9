#include "presence/rules/privacy_filter.hpp"

#include <doctest/doctest.h>

#include <set>

#include "presence/composition.hpp"
#include "tests/presence/rules/rule_texts.hpp"

namespace {

using presence::Permissions;

/// What somebody gets of a document under these transformations.
std::string shown(std::string_view transformations, std::string_view document) {
    Rules rules(ruleset(rule("a", "", "allow", transformations)));
    return Shown(pidf_document(document)).filter(rules.verdict({}).permissions).text();
}
bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// Every attribute that RFC 5025 has a permission for, in a component where it may stand.
constexpr std::string_view full_document =
    "<tuple id='t1'><status><basic>open</basic><x:light>green</x:light></status>"
    "<dm:deviceID>urn:x:phone</dm:deviceID><r:class>biz</r:class>"
    "<r:privacy><r:audio/></r:privacy><r:relationship><r:family/></r:relationship>"
    "<r:service-class><r:electronic/></r:service-class>"
    "<r:status-icon>http://x.example/i</r:status-icon>"
    "<r:user-input idle-threshold='600' last-input='2026-01-01T00:00:00Z' id='u1'>idle"
    "</r:user-input><x:foo>1</x:foo><c:card>http://x.example/c</c:card>"
    "<contact priority='0.8'>sip:alice@example.com</contact><note>tuple note</note>"
    "<timestamp>2026-01-01T00:00:01Z</timestamp></tuple>"
    "<tuple id='t2'><status><basic>closed</basic></status><r:class>home</r:class>"
    "<contact>mailto:alice@example.net</contact></tuple>"
    "<note>document note</note>"
    "<dm:person id='p1'><r:activities><r:note>inside</r:note><r:away/></r:activities>"
    "<r:class>me</r:class><r:mood><r:happy/></r:mood>"
    "<r:place-is><r:audio><r:noisy/></r:audio></r:place-is>"
    "<r:place-type><r:other>office</r:other></r:place-type><r:privacy><r:text/></r:privacy>"
    "<r:sphere><r:work/></r:sphere><r:status-icon>http://x.example/j</r:status-icon>"
    "<r:time-offset>60</r:time-offset><r:user-input>active</r:user-input><x:foo>2</x:foo>"
    "<dm:note>person note</dm:note><dm:timestamp>2026-01-01T00:00:02Z</dm:timestamp></dm:person>"
    "<dm:device id='d1'><r:class>box</r:class><r:user-input>idle</r:user-input><x:foo>3</x:foo>"
    "<dm:deviceID>urn:x:phone</dm:deviceID><dm:note>device note</dm:note>"
    "<dm:timestamp>2026-01-01T00:00:03Z</dm:timestamp></dm:device>"
    "<x:foo>4</x:foo>";
constexpr std::string_view all_components =
    "<provide-services><all-services/></provide-services>"
    "<provide-persons><all-persons/></provide-persons>"
    "<provide-devices><all-devices/></provide-devices>";

std::string all_and(std::string_view more) {
    return shown(std::string(all_components) + std::string(more), full_document);
}

}  // namespace

TEST_CASE("R5025-3.3.1-1: nothing is included by default") {
    CHECK(shown("", full_document).empty());
    CHECK(
        shown("<provide-all-attributes/><provide-note>true</provide-note>", full_document).empty());
}

TEST_CASE("R5025-3.3.1-1: an occurrence is included by class, id, device, URI, scheme, or all") {
    const auto services = [](std::string_view by) {
        return shown("<provide-services>" + std::string(by) + "</provide-services>", full_document);
    };
    const auto first = [&](std::string_view by) {
        const std::string text = services(by);
        CHECK_FALSE(has(text, "id=\"t2\""));
        CHECK_FALSE(has(text, "<dm:person"));
        CHECK_FALSE(has(text, "<dm:device "));
        return has(text, "id=\"t1\"");
    };
    CHECK(first("<class>biz</class>"));
    CHECK(first("<class> biz\n</class>"));
    CHECK_FALSE(first("<class>Biz</class>"));
    CHECK_FALSE(first("<class/>"));
    CHECK(first("<occurrence-id>t1</occurrence-id>"));
    CHECK_FALSE(first("<occurrence-id>T1</occurrence-id>"));
    CHECK(first("<service-uri>sip:alice@EXAMPLE.com</service-uri>"));
    CHECK_FALSE(first("<service-uri>sips:alice@example.com</service-uri>"));
    CHECK_FALSE(first("<service-uri>sip:Alice@example.com</service-uri>"));
    CHECK(first("<service-uri-scheme>sip</service-uri-scheme>"));
    CHECK_FALSE(first("<service-uri-scheme>SIP</service-uri-scheme>"));
    CHECK_FALSE(first("<x:by-colour>green</x:by-colour>"));
    CHECK_FALSE(first(""));
    const std::string two = services(
        "<class>biz</class><service-uri-scheme>mailto"
        "</service-uri-scheme><class>none</class>");
    CHECK((has(two, "id=\"t1\"") && has(two, "id=\"t2\"")));
    CHECK(has(services("<all-services/>"), "id=\"t2\""));

    const auto person = [](std::string_view by) {
        return has(
            shown("<provide-persons>" + std::string(by) + "</provide-persons>", full_document),
            "<dm:person id=\"p1\">");
    };
    CHECK(person("<class>me</class>"));
    CHECK(person("<occurrence-id>p1</occurrence-id>"));
    CHECK(person("<all-persons/>"));
    CHECK_FALSE(person("<class>biz</class>"));
    CHECK_FALSE(person("<occurrence-id>t1</occurrence-id>"));

    const auto device = [](std::string_view by, std::string_view id = "urn:x:phone") {
        return has(shown("<provide-devices>" + std::string(by) + "</provide-devices>",
                         "<dm:device id='d1'><r:class>box</r:class><dm:deviceID>" +
                             std::string(id) + "</dm:deviceID></dm:device>"),
                   "<dm:device id=\"d1\">");
    };
    CHECK(device("<class>box</class>"));
    CHECK(device("<occurrence-id>d1</occurrence-id>"));
    CHECK(device("<all-devices/>"));
    CHECK(device("<deviceID>urn:x:phone</deviceID>"));
    CHECK(device("<deviceID>URN:X:phone</deviceID>"));
    CHECK_FALSE(device("<deviceID>urn:x:Phone</deviceID>"));
    CHECK(device("<deviceID>urn:uuid:F81D4FAE-7dec-11d0-a765-00a0c91e6bf6</deviceID>",
                 "urn:uuid:f81d4fae-7DEC-11d0-a765-00a0c91e6bf6"));
}

TEST_CASE("R5025-3.3.2-1: what always comes with a component, and nothing else does") {
    CHECK(all_and("") ==
          "<tuple id=\"t1\"><status><basic>open</basic></status>"
          "<rpid:service-class><rpid:electronic/></rpid:service-class>"
          "<contact priority=\"0.8\">sip:alice@example.com</contact>"
          "<timestamp>2026-01-01T00:00:01Z</timestamp></tuple>"
          "<tuple id=\"t2\"><status><basic>closed</basic></status>"
          "<contact>mailto:alice@example.net</contact></tuple>"
          "<dm:person id=\"p1\"><dm:timestamp>2026-01-01T00:00:02Z</dm:timestamp></dm:person>"
          "<dm:device id=\"d1\"><dm:deviceID>urn:x:phone</dm:deviceID>"
          "<dm:timestamp>2026-01-01T00:00:03Z</dm:timestamp></dm:device>");
}

TEST_CASE("R5025-3.3.2-2 R5025-5-1: each attribute has its permission, and comes with no other") {
    const std::vector<std::pair<std::string, std::vector<std::string>>> rows{
        {"activities", {"<rpid:activities><rpid:note>inside</rpid:note><rpid:away/>"}},
        {"class", {">biz<", ">home<", ">me<", ">box<"}},
        {"deviceID", {"<dm:deviceID>urn:x:phone</dm:deviceID><rpid:service-class>"}},
        {"mood", {"<rpid:mood><rpid:happy/></rpid:mood>"}},
        {"place-is", {"<rpid:place-is>"}},
        {"place-type", {"<rpid:place-type>"}},
        {"privacy", {"<rpid:privacy><rpid:audio/>", "<rpid:privacy><rpid:text/>"}},
        {"relationship", {"<rpid:relationship>"}},
        {"sphere", {"<rpid:sphere>"}},
        {"status-icon", {"http://x.example/i", "http://x.example/j"}},
        {"time-offset", {"<rpid:time-offset>"}},
        {"note", {"tuple note", "person note", "device note", "document note"}},
    };
    for (const auto& row : rows) {
        const std::string& granted = row.first;
        CAPTURE(granted);
        for (const std::string yes : {"true", "1", " true "}) {
            const std::string text =
                all_and("<provide-" + granted + ">" + yes + "</provide-" + granted + ">");
            for (const auto& other : rows)
                for (const std::string& part : other.second) {
                    CAPTURE(part);
                    CHECK(has(text, part) == (other.first == granted));
                }
        }
        for (const std::string no : {"false", "0"})
            CHECK(all_and("<provide-" + granted + ">" + no + "</provide-" + granted + ">") ==
                  all_and(""));
    }
}

TEST_CASE("R5025-3.3.2.12-1: four levels of user-input, in each component") {
    const auto level = [](std::string_view name) {
        return all_and("<provide-user-input>" + std::string(name) + "</provide-user-input>");
    };
    CHECK(level("false") == all_and(""));
    const std::string bare = level("bare");
    CHECK(has(bare, "<rpid:user-input>idle</rpid:user-input>"));
    CHECK(has(bare, "<rpid:user-input>active</rpid:user-input>"));
    CHECK(has(bare, "<dm:device id=\"d1\"><rpid:user-input>idle</rpid:user-input>"));
    CHECK(
        has(level("thresholds"), "<rpid:user-input idle-threshold=\"600\">idle</rpid:user-input>"));
    CHECK(has(level("full"), "last-input=\"2026-01-01T00:00:00Z\""));
    CHECK(has(level("full"), "idle-threshold=\"600\""));
    // As a draft of RPID wrote it.
    const std::string old =
        "<dm:person id='p'><r:user-input since='x' y='z'>idle</r:user-input></dm:person>";
    CHECK(shown("<provide-persons><all-persons/></provide-persons>"
                "<provide-user-input>bare</provide-user-input>",
                old) == "<dm:person id=\"p\"><rpid:user-input>idle</rpid:user-input></dm:person>");
}

TEST_CASE("R5025-3.3.2.13-1: notes of components are one thing, notes inside attributes another") {
    const std::string with = all_and("<provide-note>true</provide-note>");
    for (std::string_view note : {"tuple note", "person note", "device note", "document note"})
        CHECK(has(with, note));
    CHECK_FALSE(has(with, "inside"));
    const std::string without = all_and("<provide-activities>true</provide-activities>");
    CHECK(has(without, "inside"));
    CHECK_FALSE(has(without, " note"));
    // What is said of the presentity as such comes with all of the person, or not at all.
    CHECK_FALSE(has(shown("<provide-services><all-services/></provide-services>"
                          "<provide-persons><class>me</class></provide-persons>"
                          "<provide-all-attributes/>",
                          full_document),
                    "document note"));
}

TEST_CASE("R5025-3.3.2.14-1: an unknown attribute by its name and namespace, a known one never") {
    const auto named = [](std::string_view name, std::string_view ns,
                          std::string_view value = "true") {
        return all_and("<provide-unknown-attribute name='" + std::string(name) + "' ns='" +
                       std::string(ns) + "'>" + std::string(value) +
                       "</provide-unknown-attribute>");
    };
    const std::string foo = named("foo", "urn:example:x");
    for (std::string_view number : {">1<", ">2<", ">3<", ">4<"}) CHECK(has(foo, number));
    CHECK_FALSE(has(foo, "green"));
    CHECK(has(named("light", "urn:example:x"), "green"));
    CHECK(named("foo", "urn:example:x", "false") == all_and(""));
    CHECK(named("foo", "urn:example:y") == all_and(""));
    CHECK(named("Foo", "urn:example:x") == all_and(""));
    // RFC 5025 knows no permission for those of RFC 4482 and others: to it they are unknown.
    CHECK(has(named("card", "urn:ietf:params:xml:ns:pidf:cipid"), "http://x.example/c"));
    for (std::string_view name :
         {"activities", "class", "mood", "place-is", "place-type", "privacy", "relationship",
          "sphere", "status-icon", "time-offset", "user-input", "service-class"})
        CHECK(named(name, "urn:ietf:params:xml:ns:pidf:rpid") == all_and(""));
    CHECK(named("deviceID", "urn:ietf:params:xml:ns:pidf:data-model") == all_and(""));
    CHECK(named("note", "urn:ietf:params:xml:ns:pidf:data-model") == all_and(""));
    CHECK(named("note", "urn:ietf:params:xml:ns:pidf") == all_and(""));
    // Also where somebody else than our reader made the permissions.
    const presence::UnknownAttribute note{"urn:ietf:params:xml:ns:pidf:data-model", "note"};
    Permissions by_name;
    by_name.all_services = true;
    by_name.unknown = {&note, 1};
    Shown misplaced(
        pidf_document("<tuple id='t'><status><basic>open</basic></status>"
                      "<dm:note>odd</dm:note></tuple>"));
    CHECK(has(misplaced.text(), "odd"));
    CHECK_FALSE(has(misplaced.filter(by_name).text(), "odd"));
    const presence::UnknownAttribute mood{"urn:ietf:params:xml:ns:pidf:rpid", "mood"};
    Permissions direct;
    direct.all_persons = true;
    direct.unknown = {&mood, 1};
    CHECK_FALSE(has(Shown(pidf_document(full_document)).filter(direct).text(), "mood"));
}

TEST_CASE("R5025-3.3.2-2: what stands inside an attribute that is given needs its own permission") {
    const std::string document =
        "<tuple id='t'><status><basic>open</basic></status>"
        "<ts:timed-status from='2026-01-01T00:00:00Z'><ts:basic>closed</ts:basic>"
        "<ts:note>away</ts:note><r:activities><r:vacation/></r:activities>"
        "<x:deep><r:mood><r:happy/></r:mood><x:kept/>"
        "<r:user-input idle-threshold='5'>idle</r:user-input></x:deep></ts:timed-status></tuple>";
    const std::string services =
        "<provide-services><all-services/></provide-services>"
        "<provide-unknown-attribute name='timed-status' "
        "ns='urn:ietf:params:xml:ns:pidf:timed-status'>true</provide-unknown-attribute>";
    const std::string text = shown(services, document);
    CHECK((has(text, "closed") && has(text, ">away<") && has(text, "kept")));
    CHECK_FALSE((has(text, "vacation") || has(text, "happy") || has(text, "user-input")));
    const std::string more = shown(services +
                                       "<provide-mood>true</provide-mood>"
                                       "<provide-user-input>bare</provide-user-input>",
                                   document);
    CHECK((has(more, "happy") && has(more, "<rpid:user-input>idle")));
    CHECK_FALSE(has(more, "vacation"));
    CHECK(has(shown(services + "<provide-all-attributes/>", document), "vacation"));
}

TEST_CASE("R5025-3.3.2.15-1: all attributes are every one of the components that are included") {
    const std::string whole = Shown(pidf_document(full_document)).text();
    CHECK(all_and("<provide-all-attributes/>") == whole);
    const std::string one =
        shown("<provide-services><class>biz</class></provide-services><provide-all-attributes/>",
              full_document);
    CHECK(one == whole.substr(0, whole.find("<tuple id=\"t2\"")));
}

TEST_CASE("R5025-4-1: to filter again changes nothing, chosen by class or not") {
    for (const std::string& transformations :
         {std::string(all_components),
          std::string("<provide-services><class>biz</class></provide-services>"
                      "<provide-persons><class>me</class></provide-persons>"
                      "<provide-devices><class>box</class></provide-devices>")}) {
        Rules rules(ruleset(rule("a", "", "allow", transformations)));
        const Permissions permissions = rules.verdict({}).permissions;
        Shown document(pidf_document(full_document));
        const std::string once = document.filter(permissions).text();
        CHECK(has(once, "id=\"t1\""));
        CHECK_FALSE(has(once, "class>biz"));
        CHECK(document.filter(permissions).text() == once);
        // What was not given does not come back when more is given afterwards.
        CHECK_FALSE(has(document.filter(Permissions::everything()).text(), "biz"));
    }
}

TEST_CASE("R5025-4-1: filtered first and composed then, in any order, nothing else comes through") {
    const std::string mine =
        "<dm:person id='p1'><r:class>me</r:class><r:mood><r:happy/></r:mood></dm:person>"
        "<tuple id='t1'><status><basic>open</basic></status><r:class>biz</r:class>"
        "<contact>sip:alice@192.0.2.1</contact></tuple>";
    const std::string other =
        "<dm:person id='p2'><r:class>secret</r:class><r:mood><r:sad/></r:mood>"
        "<r:activities><r:away/></r:activities></dm:person>"
        "<tuple id='t2'><status><basic>open</basic></status><r:class>home</r:class>"
        "<contact>sip:alice@192.0.2.2</contact></tuple>";
    Rules rules(ruleset(rule("a", "", "allow",
                             "<provide-services><class>biz</class></provide-services>"
                             "<provide-persons><class>me</class></provide-persons>"
                             "<provide-mood>1</provide-mood>"
                             "<provide-activities>1</provide-activities>")));
    const Permissions permissions = rules.verdict({}).permissions;
    std::set<std::string> results;
    for (const bool swapped : {false, true}) {
        std::vector<std::string> texts;
        for (const std::string& inside : {mine, other})
            texts.push_back(pidf_document(Shown(pidf_document(inside)).filter(permissions).raw()));
        // The one that is not shown is the newer one, which composition would prefer.
        std::vector<presence::Published> published{
            {texts[0], 1, sip::Instant{}, 0}, {texts[1], 2, sip::Instant{} + sip::seconds{9}, 0}};
        if (swapped) std::swap(published[0], published[1]);
        presence::Inputs inputs;
        inputs.presentity = "alice@example.com";
        inputs.published = published;
        sip::Memory memory;
        std::string room(65'536, '\0');
        const auto made = presence::compose(inputs, {}, memory, room);
        REQUIRE(made);
        results.insert(room.substr(0, made->size));
    }
    REQUIRE(results.size() == 1);
    const std::string& composed = *results.begin();
    CHECK((has(composed, "happy") && has(composed, "192.0.2.1")));
    for (std::string_view hidden : {"sad", "away", "192.0.2.2", "secret", "home", "biz"})
        CHECK_FALSE(has(composed, hidden));
}

TEST_CASE("R5025-3.3.1-1: a service that nobody published is filtered like one that was") {
    sip::Memory memory;
    pidf::Arena arena(memory, 1U << 16U);
    pidf::Tuple tuple;
    tuple.basic = pidf::Basic::open;
    tuple.contact = "sip:alice@192.0.2.1";
    tuple.extensions.push_back(pidf::make_element(arena, "urn:example:x", "foo"));
    Permissions none;
    CHECK_FALSE(presence::filter(none, tuple));
    const presence::Selector by_scheme{presence::Selector::Of::services,
                                       presence::Selector::By::service_uri_scheme, "sip"};
    Permissions some;
    some.selectors = {&by_scheme, 1};
    CHECK(presence::filter(some, tuple));
    CHECK(tuple.extensions.empty());
    CHECK(tuple.contact == "sip:alice@192.0.2.1");
}

TEST_CASE("R5025-3.1.2-1: the sphere is what all persons who have one agree on") {
    const auto sphere = [](std::string_view document) {
        Shown read(pidf_document(document));
        return std::string(presence::sphere_of(*read).value_or("(undefined)"));
    };
    const auto person = [](std::string_view id, std::string_view inside) {
        return "<dm:person id='" + std::string(id) + "'>" + std::string(inside) + "</dm:person>";
    };
    const std::string work = "<r:sphere><r:work/></r:sphere>",
                      home = "<r:sphere><r:home/></r:sphere>";
    CHECK(sphere("") == "(undefined)");
    CHECK(sphere(person("a", work)) == "work");
    CHECK(sphere(person("a", work) + person("b", "") + person("c", work)) == "work");
    CHECK(sphere(person("a", work) + person("b", home)) == "(undefined)");
    CHECK(sphere(person("a", work + home)) == "(undefined)");
    CHECK(sphere(person("a", "<r:sphere><x:club/></r:sphere>")) == "club");
    CHECK(sphere(person("a", work) + person("b", "<r:sphere/>")) == "(undefined)");
    CHECK(sphere("<tuple id='t'><status><basic>open</basic></status>" + work + "</tuple>") ==
          "(undefined)");
    // Over all that is published: one document's disagreement is not another's silence.
    Shown split(pidf_document(person("a", work) + person("b", home))),
        silent(pidf_document(person("a", ""))), agreed(pidf_document(person("a", work)));
    const std::array<const pidf::Document*, 2> quiet{&*silent, &*agreed}, both{&*split, &*agreed};
    CHECK(presence::sphere_of(quiet) == "work");
    CHECK_FALSE(presence::sphere_of(both));
}
