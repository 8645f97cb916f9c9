#include "presence/composition_policy.hpp"

#include <doctest/doctest.h>

#include "tests/presence/composition_world.hpp"

using namespace presence;
using World = CompositionWorld;

namespace {

std::string person(std::string_view inside) {
    return document("<dm:person id=\"p\">" + std::string(inside) + "</dm:person>");
}
std::string service(std::string_view id, std::string_view basic, std::string_view contact,
                    std::string_view device = {}) {
    std::string rest;
    if (!device.empty()) rest = "<dm:deviceID>" + std::string(device) + "</dm:deviceID>";
    return document(tuple(id, basic, rest + "<contact>" + std::string(contact) + "</contact>"));
}
const Registered phone{"sip:alice@192.0.2.7", 1000, false, 1, 1'767'225'600'000, {}};

}  // namespace

TEST_CASE("R4479-OUR-2: of persons the newest wins an attribute, or the source that weighs more") {
    World w;
    w.publish(person("<r:mood><r:happy/></r:mood>"), 1, 10, Origin::local)
        .publish(person("<r:mood><r:sad/></r:mood><r:sphere><r:work/></r:sphere>"), 2, 20)
        .publish(person("<r:mood><r:shy/></r:mood><r:sphere><r:home/></r:sphere><r:class>d"
                        "</r:class>"),
                 3, 30, Origin::delegate)
        .publish(person("<r:mood><r:cold/></r:mood><r:time-offset>60</r:time-offset>"), 4, 40,
                 Origin::hard);
    w.policy.hard = HardRule::beside;
    const std::string newest = w.compose();
    CHECK(count_of(newest, "<rpid:shy/>") == 1);
    CHECK(count_of(newest, "<rpid:home/>") == 1);
    CHECK(count_of(newest, "<rpid:mood") == 1);
    // Hard state is never newer: it says what nobody else says.
    CHECK(count_of(newest, "<rpid:time-offset>60<") == 1);
    w.policy.persons = PersonRule::source;
    const std::string by_source = w.compose();
    CHECK(count_of(by_source, "<rpid:happy/>") == 1);
    CHECK(count_of(by_source, "<rpid:work/>") == 1);
    CHECK(count_of(by_source, "<rpid:class>d<") == 1);
    CHECK(count_of(by_source, "<rpid:time-offset>60<") == 1);
    CHECK(count_of(by_source, "<rpid:mood") == 1);
    // Among equals the newest.
    w.publish(person("<r:sphere><r:unknown/></r:sphere>"), 5, 25);
    CHECK(count_of(w.compose(), "<rpid:sphere><rpid:unknown/>") == 1);
}

TEST_CASE("R4479-OUR-2: policy says which tuples are one service, and the newest of them stays") {
    World w;
    w.publish(service("a", "open", "sip:s@h", "urn:x:1"), 1, 10)
        .publish(service("b", "closed", "sip:s@H", "urn:x:1"), 2, 20)     // same contact and device
        .publish(service("c", "open", "sip:s@h", "urn:x:2"), 3, 30)       // same contact
        .publish(service("a", "open", "sip:other@h", "urn:x:3"), 4, 40);  // same id as the first
    const auto tuples = [&](ServiceRule rule) {
        w.policy.services = rule;
        return count_of(w.compose(), "<tuple ");
    };
    CHECK(tuples(ServiceRule::device) == 3);
    CHECK(count_of(w.compose(), "sip:s@H") == 1);
    CHECK(tuples(ServiceRule::contact) == 2);
    CHECK(in_order(w.compose(), {"urn:x:3", "urn:x:2"}));
    CHECK(tuples(ServiceRule::id) == 3);
    CHECK(count_of(w.compose(), "<contact>sip:s@h</contact>") == 1);
    CHECK(tuples(ServiceRule::all) == 4);
    // Within one document nothing is taken out: its publisher knows what it means.
    World one;
    one.publish(document(tuple("a", "open", "<contact>sip:s@h</contact>") +
                         tuple("b", "closed", "<contact>sip:s@h</contact>")),
                1, 1);
    one.policy.services = ServiceRule::contact;
    CHECK(count_of(one.compose(), "<tuple ") == 2);
}

TEST_CASE("R3856-7.3-1: registrations stand beside what is published, for it, or not at all") {
    World w;
    w.registered = {phone};
    w.policy.registrations = RegistrationRule::fallback;
    CHECK(count_of(w.compose(), "<basic>open</basic>") == 1);
    w.publish(service("a", "closed", "im:alice@example.com"), 1, 1);
    CHECK(count_of(w.compose(), "<tuple ") == 1);
    w.policy.registrations = RegistrationRule::beside;
    CHECK(count_of(w.compose(), "<tuple ") == 2);
    w.policy.registrations = RegistrationRule::never;
    CHECK(count_of(w.compose(), "<tuple ") == 1);
    w.entries.clear();
    w.registered.clear();
    const std::string nothing = w.compose();
    w.registered = {phone};
    CHECK(w.compose() == nothing);
}

TEST_CASE("R4479-OUR-1: hard state is what is shown of whom nobody says anything") {
    World w;
    const std::string nothing = w.compose();
    w.publish(service("desk", "closed", "tel:+493012345"), 9, 1000, Origin::hard);
    CHECK(count_of(w.compose(), "tel:+493012345") == 1);
    // A publication that says nothing is as good as none; one that says something is not, nor is a
    // registration.
    w.publish(document(""), 1, 10);
    CHECK(count_of(w.compose(), "tel:+493012345") == 1);
    w.publish(service("a", "open", "sip:s@h"), 2, 10);
    CHECK(count_of(w.compose(), "tel:+493012345") == 0);
    CHECK(count_of(w.compose(), "<tuple ") == 1);
    w.entries.pop_back();
    w.registered = {phone};
    CHECK(count_of(w.compose(), "tel:+493012345") == 0);
    w.policy.hard = HardRule::beside;
    CHECK(in_order(w.compose(), {"tel:+493012345", "sip:alice@example.com"}));
    // Behind what is published, however new it is, and it overrides nothing.
    w.registered.clear();
    w.publish(service("b", "open", "tel:+493012345"), 3, 10);
    w.policy.services = ServiceRule::contact;
    CHECK(count_of(w.compose(), "<tuple ") == 1);
    CHECK(count_of(w.compose(), "<basic>open</basic>") == 1);
    CHECK(w.compose() != nothing);
}

TEST_CASE("R5196-3-1 R3856-7.2-3: policy may leave out what a registration says of its UA") {
    World w;
    w.registered = {phone};
    w.registered[0].parameters = ";methods=\"MESSAGE\"";
    CHECK(count_of(w.compose(), "MESSAGE") == 1);
    w.policy.capabilities = false;
    CHECK(count_of(w.compose(), "caps") == 0);
}
