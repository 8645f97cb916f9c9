#include "pidf/schema.hpp"

#include "tests/pidf/room.hpp"

using namespace pidf;

namespace {

/// Whether a row or those of its children have a name.
bool lists(Type type, std::string_view name, int depth = 0) {
    if (row(type).rank(name) >= 0) return true;
    for (const Child& child : row(type).children)
        if (depth < 4 && lists(child.type, name, depth + 1)) return true;
    return false;
}

/// Every element that a schema declares: global ones by themselves, others within their global one.
void compare(const std::filesystem::path& file, int& globals, int& others) {
    Room room;
    const std::string text = read_file(file);
    const auto schema = parse_xml(text, room.arena, {});
    REQUIRE(schema);
    const std::string_view xs = "http://www.w3.org/2001/XMLSchema";
    for (const Element& top : (*schema)->children) {
        if (!top.is(xs, "element")) continue;
        CAPTURE(top.attribute("name"));
        const Type type =
            global_type((*schema)->attribute("targetNamespace"), top.attribute("name"));
        CHECK(type != Type::foreign);
        ++globals;
        for (const Element* e = &top; e != nullptr;
             e = next_in_tree(&top, const_cast<Element*>(e))) {
            if (e == &top || !e->is(xs, "element") || type == Type::misplaced) continue;
            CAPTURE(e->attribute("name"));
            CHECK(lists(type, e->attribute("name")));
            ++others;
        }
    }
}

}  // namespace

TEST_CASE(
    "R4480-3-1 R4480-3.2-1 R4482-3-1 R5196-3-1: the tables have every element of the schemas") {
    const auto standards = standards_folder();
    if (!standards) return skip_case("no standards folder was given");
    int globals = 0, others = 0;
    for (const char* name : {"rpid", "cipid", "timed-status", "pidf-caps", "geopriv10", "pidf",
                             "pidf-data-model", "location-type"})
        compare(*standards / "xsd" / (std::string(name) + ".xsd"), globals, others);
    CHECK(globals >= 70);
    CHECK(others > 120);
}

TEST_CASE("R4480-3.2-1: a name has its rank among all of a row, and no other has one") {
    const TypeRow& privacy = row(Type::privacy);
    CHECK(privacy.rank("note") == 0);
    CHECK(privacy.rank("unknown") == 1);
    CHECK(privacy.rank("video") == 4);
    for (const std::string_view name : {"", "vide", "video ", "audio text", "Video"}) {
        CHECK(privacy.rank(name) == -1);
        CHECK(privacy.find(name) == nullptr);
    }
    CHECK(row(Type::foreign).rank("note") == -1);
}

TEST_CASE("R4480-3-1: what stands at the top of no schema is foreign") {
    CHECK(global_type(rpid_namespace, "activities") == Type::activities);
    CHECK(global_type(location_type_namespace, "anything") == Type::empty);
    for (const auto& [ns, name] : {std::pair{rpid_namespace, std::string_view("away")},
                                   {std::string_view("n"), std::string_view("activities")},
                                   {std::string_view(), std::string_view("activities")}})
        CHECK(global_type(ns, name) == Type::foreign);
}
