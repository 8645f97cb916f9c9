#include "sip/message/parameters.hpp"

#include <doctest/doctest.h>

using namespace sip;

TEST_CASE("R3261-7.3.1-1: parameters are found in any case, with and without values") {
    const auto parsed = parse_parameters(";lr ; Tag = abc;q=\"x;y=\\\"z\";host=[::1]");
    REQUIRE(parsed);
    CHECK(parsed->has("LR"));
    CHECK_FALSE(parsed->find("lr")->has_value);
    CHECK(parsed->value_of("tag") == "abc");
    CHECK(parsed->find("q")->quoted);
    CHECK(parsed->value_of("q") == "x;y=\\\"z");
    CHECK(parsed->value_of("host") == "[::1]");
    CHECK_FALSE(parsed->has("y"));
    CHECK(parsed->value_of("absent").empty());
}

TEST_CASE("no text is no parameters") {
    CHECK(parse_parameters("")->empty());
    CHECK(parse_parameters("  ")->empty());
}

TEST_CASE("R4475-3.1.2.1: empty parameters and stray text are errors at their place") {
    struct Row {
        const char* text;
        std::uint32_t offset;
    };
    for (const Row& row : {Row{";", 1}, Row{";;a", 1}, Row{";a=", 3}, Row{"a", 0}, Row{";a b", 3},
                           Row{";a=\"x", 3}, Row{";a=1,", 4}, Row{";=x", 1}}) {
        CAPTURE(row.text);
        const auto parsed = parse_parameters(row.text, 100);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().offset == 100 + row.offset);
    }
}
