#include "sip/message/name_addr.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sip;

TEST_CASE("R3261-7.3.1-5: without brackets all behind the semicolon belongs to the field") {
    const auto bare = parse_name_addr("sip:alice@example.com;tag=1~2;epid=x");
    REQUIRE(bare);
    CHECK_FALSE(bare->bracketed);
    CHECK(bare->uri.parameters.empty());
    CHECK(bare->tag() == "1~2");
    const auto bracketed = parse_name_addr("<sip:alice@example.com;user=phone>;tag=3");
    REQUIRE(bracketed);
    CHECK(bracketed->uri.parameters.has("user"));
    CHECK(bracketed->tag() == "3");
    CHECK_FALSE(parse_name_addr("sip:alice@example.com?x=y"));
    CHECK_FALSE(parse_name_addr("sip:a,b@example.com"));
    Leniency lenient;
    lenient.bare_uri_with_headers = true;
    CHECK(parse_name_addr("sip:alice@example.com?x=y", lenient));
}

TEST_CASE("R4475-3.1.1.6: display names are tokens or quoted, with or without space behind") {
    CHECK(parse_name_addr("caller<sip:a@b>")->display_name == "caller");
    CHECK(parse_name_addr("J. Rosenberg \r\n <sip:a@b>")->display_name == "J. Rosenberg");
    CHECK(parse_name_addr("\"Bob, \\\"the\\\" <x>\"<sip:a@b>")->display_name ==
          "Bob, \\\"the\\\" <x>");
    CHECK(parse_name_addr("J\xC3\xBCrgen <sip:a@b>")->display_name == "J\xC3\xBCrgen");
    CHECK_FALSE(parse_name_addr("J\xC3\xBCrgen <sip:a@b>", Leniency::strict()));
}

TEST_CASE("R4475-3.1.2.6 R4475-3.1.2.14 R4475-3.1.2.15: broken addresses are refused") {
    for (const char* bad :
         {"", "\"Mr. J. User <sip:a@b>", "Bell, Alexander <sip:a@b>", "\"x\" sip:a@b", "< sip:a@b>",
          "<sip:a@b >", "<sip:a@b", "sip:a@b>", "<>", "<sip:a@b>x", "sip:a@b tag=1", "<sip:a@b>;",
          "<sip:a@b>;tag=", "\"x\"", "x <sip:a@b> <sip:c@d>"})
        CHECK_MESSAGE(!parse_name_addr(bad), bad);
}

TEST_CASE("the offset of an error counts from the start of the value") {
    CHECK(parse_name_addr("  \"x\" <sip:a b@c>").error().offset == 12);
}

TEST_CASE("R3261-7.3.1-3: lists are walked, quotes and brackets minded, empty elements refused") {
    std::string_view rest = "\"a,b\" <sip:x@y;p=1>;q=1 , sip:c@d;lr,<sip:e@f>";
    CHECK((*next_name_addr(rest))->display_name == "a,b");
    CHECK((*next_name_addr(rest))->parameters.has("lr"));
    CHECK((*next_name_addr(rest))->uri.user == "e");
    CHECK_FALSE(next_name_addr(rest));
    for (const char* bad : {",<sip:a@b>", "<sip:a@b>,", "<sip:a@b>,,<sip:c@d>"}) {
        std::string_view list = bad;
        bool broken = false;
        while (const auto value = next_name_addr(list)) broken |= !*value;
        CHECK_MESSAGE(broken, bad);
    }
}
