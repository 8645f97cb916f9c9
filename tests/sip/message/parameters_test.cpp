#include "sip/message/parameters.hpp"

#include <doctest/doctest.h>

#include <array>

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

TEST_CASE("R3261-7.3.1-1: a name is a token; a value may hold a host too") {
    for (const char* bad : {";a[=1", ";a:b=1", ";a/b", ";&=1", ";$", ";(=1", ";a=(", ";a=b(c)"})
        CHECK_MESSAGE(!parse_parameters(bad), bad);
    CHECK(parse_parameters(";+sip.instance=\"<urn:uuid:1>\";a-.!%*_+`'~=[::1]:5/&$"));
}

TEST_CASE("R3261-7.3.1-1: a parameter goes out as it came in") {
    const std::string_view text = ";lr;Tag=a;q=\"x;y=\\\"z\\\\\";e=\"\"";
    std::array<char, 64> room{};
    Appender out(room);
    std::string_view rest = text;
    while (const auto parameter = Parameters::next(rest)) write_parameter(out, *parameter);
    CHECK(out.view() == text);
}

TEST_CASE("R3261-7.3.1-1 T-2: what identifies stands once, with a value, without quotes") {
    const auto token = [](std::string_view text) {
        const auto parsed = parse_parameters(text);
        REQUIRE(parsed);
        return parsed->token_of("tag", "rule");
    };
    CHECK(*token("") == "");
    CHECK(*token(";x=\"tag=1\";xtag=2;TAG=a1") == "a1");
    for (const char* bad :
         {";tag", ";tag=\"a\"", ";tag=\"\"", ";tag=a;tag=b", ";tag=a;x;Tag=a", ";tag=a;tag"}) {
        CAPTURE(bad);
        const auto refused = token(bad);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().rule == "rule");
        CHECK(refused.error().condition == Condition::malformed);
    }
    CHECK(token(";x;tag=a;TAG=b").error().offset == 9);
}
