#include "pidf/element.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/pidf/room.hpp"

using namespace pidf;

TEST_CASE("a walk comes to parents before children and leaves out what is skipped") {
    Room room;
    Element* a = make_element(room.arena, "", "a");
    Element* b = make_element(room.arena, "", "b");
    append(*a, b);
    append(*b, make_element(room.arena, "", "c"));
    append(*b, make_element(room.arena, "", "d"));
    append(*a, make_element(room.arena, "", "e"));
    Element outside;
    a->next = &outside;
    std::string all, short_cut, below_b;
    for (Element* e = a; e != nullptr; e = next_in_tree(a, e)) all += e->name;
    for (Element* e = a; e != nullptr; e = next_in_tree(a, e, e->name == "b")) short_cut += e->name;
    for (Element* e = b; e != nullptr; e = next_in_tree(b, e)) below_b += e->name;
    CHECK(all == "abcde");
    CHECK(short_cut == "abe");
    CHECK(below_b == "bcd");
    CHECK(next_in_tree(a, a, true) == nullptr);
}

TEST_CASE("a simple text is what stands between the blanks") {
    Room room;
    Element* e = make_element(room.arena, "n", "e");
    CHECK(e->simple_text().empty());
    append(*e, make_text(room.arena, " \n "));
    append(*e, make_element(room.arena, "n", "inner"));
    append(*e, make_text(room.arena, "\n open "));
    CHECK(e->simple_text() == "open");
    CHECK(e->is("n", "e"));
    CHECK_FALSE(e->is("", "e"));
    CHECK_FALSE(e->children.first->is("", ""));
}

TEST_CASE("attributes of one local name in two namespaces are two") {
    Attribute plain{"", "id", "1"}, other{"urn:x", "id", "2"};
    Element e;
    e.attributes.push_back(&plain);
    e.attributes.push_back(&other);
    CHECK(e.attribute("id") == "1");
    REQUIRE(e.find_attribute("urn:x", "id") != nullptr);
    CHECK(e.find_attribute("urn:x", "id")->value == "2");
    CHECK(e.find_attribute("urn:y", "id") == nullptr);
    CHECK(e.attribute("ID").empty());
}

TEST_CASE("T-5: no element is made without room") {
    sip::Memory memory;
    Arena arena(memory, 0);
    CHECK(make_element(arena, "", "a") == nullptr);
    CHECK(make_text(arena, "a") == nullptr);
}
