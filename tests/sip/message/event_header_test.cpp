#include "sip/message/event_header.hpp"

#include <doctest/doctest.h>

using namespace sip;

TEST_CASE("R6665-8.2.1-1: Event is one package with parameters") {
    const auto event = parse_event("presence.winfo ; id=Ab1;x=y");
    REQUIRE(event);
    CHECK(event->package == "presence.winfo");
    CHECK(event->id == "Ab1");
    CHECK(event->parameters.value_of("x") == "y");
    CHECK(parse_event("presence")->id.empty());
    for (const char* bad : {"", "presence, dialog", "presence;", ";id=1", "presence id=1"})
        CHECK_MESSAGE(!parse_event(bad), bad);
}

TEST_CASE("R6665-4.2.2-9: packages compare in any case, template included; ids byte by byte") {
    CHECK(same_event("presence", "a", "Presence", "a"));
    CHECK_FALSE(same_event("presence", "a", "presence", "A"));
    CHECK_FALSE(same_event("presence", "", "presence.winfo", ""));
    CHECK_FALSE(same_event("presence", "", "presence", "1"));
}

TEST_CASE("R6665-8.2.1-1 T-2: an id is a token, and there is one") {
    for (const char* bad : {"presence;id=\"a\"", "presence;id", "presence;id=a;id=b",
                            "presence;id=a;ID=a", "presence;id=\"\""})
        CHECK_MESSAGE(!parse_event(bad), bad);
    CHECK(parse_event("presence;x=\"id=1\";id=2")->id == "2");
}
