#include "pidf/document.hpp"

#include <doctest/doctest.h>

#include "pidf/namespaces.hpp"
#include "tests/pidf/room.hpp"

using namespace pidf;

TEST_CASE("R4479-3-1: tuples, persons and devices are added in order") {
    Room room;
    Document document;
    Tuple* first = add_tuple(document, room.arena, "a");
    REQUIRE(first != nullptr);
    REQUIRE(add_tuple(document, room.arena, "b") == first->next);
    Person* person = add_person(document, room.arena, "p");
    REQUIRE(person != nullptr);
    Device* device = add_device(document, room.arena, "d", "urn:uuid:1");
    REQUIRE(device != nullptr);
    CHECK(device->device_id == "urn:uuid:1");
    CHECK(document.tuples.last->id == "b");
    CHECK_FALSE(first->basic.has_value());
    CHECK_FALSE(first->priority.has_value());
    CHECK(document.persons.first->id == "p");
}

TEST_CASE("R4480-3.2-1: activities of a person are elements, other has its text, notes are none") {
    Room room;
    Person person;
    CHECK(activity_of(person, 0).empty());
    REQUIRE(add_activity(person, room.arena, "away"));
    REQUIRE(add_activity(person, room.arena, "on-the-phone"));
    CHECK(activity_of(person, 0) == "away");
    CHECK(activity_of(person, 1) == "on-the-phone");
    CHECK(activity_of(person, 2).empty());
    CHECK(person.extensions.first == person.extensions.last);

    Element* activities = person.extensions.first;
    Element* note = make_element(room.arena, rpid_namespace, "note");
    append(*note, make_text(room.arena, "till ten"));
    append(*activities, note);
    Element* other = make_element(room.arena, rpid_namespace, "other");
    append(*other, make_text(room.arena, " rowing "));
    append(*activities, other);
    CHECK(activity_of(person, 2) == "rowing");
    CHECK(activity_of(person, 3).empty());
}

TEST_CASE("R4480-3.2-1: an activity that RFC 4480 does not list is the text of other") {
    Room room;
    Person person;
    for (const std::string_view name : {"rowing", "away", "lunch", "note", "other"})
        REQUIRE(add_activity(person, room.arena, name));
    const Element* one = person.extensions.first->children.first;
    for (const std::string_view name : {"other", "away", "other", "other", "other"}) {
        CHECK(one->is(rpid_namespace, name));
        one = one->next;
    }
    CHECK(activity_of(person, 0) == "rowing");
    CHECK(activity_of(person, 2) == "lunch");
    CHECK(activity_of(person, 3) == "note");
}

TEST_CASE("R4480-3.2-1: an other without a text hides no activity behind it") {
    Room room;
    const auto document = read(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-"
        "model' entity='a:b'><dm:person id='p'><activities "
        "xmlns='urn:ietf:params:xml:ns:pidf:rpid'><other/><away/></activities></dm:person>"
        "</presence>",
        room.arena);
    REQUIRE(document);
    CHECK(activity_of(*(*document)->persons.first, 0) == "away");
    CHECK(activity_of(*(*document)->persons.first, 1).empty());
}

TEST_CASE("R4479-3.4-1: a tuple names its device") {
    Room room;
    Tuple tuple;
    CHECK(device_of(tuple).empty());
    Element* wrong = make_element(room.arena, rpid_namespace, "deviceID");
    append(*wrong, make_text(room.arena, "urn:wrong"));
    tuple.extensions.push_back(wrong);
    CHECK(device_of(tuple).empty());
    Element* device = make_element(room.arena, data_model_namespace, "deviceID");
    append(*device, make_text(room.arena, "\n urn:uuid:2 "));
    tuple.extensions.push_back(device);
    CHECK(device_of(tuple) == "urn:uuid:2");
}

TEST_CASE("T-5: nothing is added without room, and nothing half") {
    sip::Memory memory;
    Arena arena(memory, 0);
    Document document;
    Person person;
    CHECK(add_tuple(document, arena, "a") == nullptr);
    CHECK(add_person(document, arena, "a") == nullptr);
    CHECK(add_device(document, arena, "a", "b") == nullptr);
    CHECK(add_note(document.notes, arena, "n") == nullptr);
    CHECK_FALSE(add_activity(person, arena, "away"));
    CHECK(document.tuples.empty());
    CHECK(document.persons.empty());
    CHECK(document.devices.empty());
    CHECK(document.notes.empty());
    CHECK(person.extensions.empty());
}
