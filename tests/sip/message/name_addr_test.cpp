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

TEST_CASE("a URI has the same parts whatever stands behind it") {
    for (const std::string text :
         {"sip:a@h", "sip:h", "sip:h:5070", "sip:a.b-c~d@h.example:5070;lr;transport=tcp",
          "sip:+1@h;ttl=1;transport=udp", "sip:h;lr;x=[1]", "sip:h;x=a/b", "sip:a;lr@h;lr",
          "sip:a%41@h", "sip:a:1@h", "sip:h:1;a=b:c", "sip:a&b=c@h:1", "sip:[::1]:5070;lr",
          "sips:a@h;lr", "sip:a@h;x=%41"}) {
        CAPTURE(text);
        const std::string with_headers = text + "?subject=x",
                          bracketed = "<" + text + ">;y=\"c@d>\"";
        const auto alone = parse_uri(text), longer = parse_uri(with_headers);
        const auto held = parse_name_addr(bracketed);
        REQUIRE(alone.has_value());
        REQUIRE(longer.has_value());
        REQUIRE(held.has_value());
        CHECK(alone->text == text);
        CHECK(alone->opaque() == text.substr(text.find(':') + 1));
        for (const Uri& other : {*longer, held->uri}) {
            CHECK(other.scheme == alone->scheme);
            CHECK(other.scheme_name() == alone->scheme_name());
            CHECK(other.has_user == alone->has_user);
            CHECK(other.user == alone->user);
            CHECK(other.password == alone->password);
            CHECK(other.host == alone->host);
            CHECK(other.port == alone->port);
            CHECK(other.parameters.text() == alone->parameters.text());
        }
        CHECK(held->uri.text == text);
        CHECK(alone->headers.empty());
        CHECK(longer->headers == "subject=x");
    }
    for (const char* bad : {"sip:h:5060;a@b", "sip:a@h:0", "sip:a@h:65536", "sip:a@h;", "sip:a@h;;",
                            "sip:a@h;lr;LR", "sip:a@h;x=", "sip:@h", "sip:a@", "sip:", "sip:a@h;=x",
                            "sip:a@h@i", "sip:a@h:", "sip:a~"}) {
        CHECK_MESSAGE(!parse_uri(bad), bad);
        CHECK_MESSAGE(!parse_name_addr("<" + std::string(bad) + ">;y=\"@\""), bad);
    }
}
