#include "apps/vigil/text.hpp"

#include <doctest/doctest.h>

using namespace vigil;

TEST_CASE("T-36: what peers send stays one line and does nothing to a terminal") {
    CHECK(escape("plain text") == "plain text");
    CHECK(escape("a\r\nb") == "a\\x0d\\x0ab");
    CHECK(escape(std::string_view("a\0b", 3)) == "a\\x00b");
    CHECK(escape("\x1b[2J") == "\\x1b[2J");
    CHECK(escape("\x7f") == "\\x7f");
    CHECK(escape("back\\slash") == "back\\\\slash");
    CHECK(escape("gr\xc3\xbc\xc3\x9f dich") == "gr\xc3\xbc\xc3\x9f dich");
    CHECK(escape("\xf0\x9f\x98\x80") == "\xf0\x9f\x98\x80");
    // C1 control, line separator, direction override.
    CHECK(escape("\xc2\x9b") == "\\xc2\\x9b");
    CHECK(escape("\xe2\x80\xa8") == "\\xe2\\x80\\xa8");
    CHECK(escape("\xe2\x80\xae") == "\\xe2\\x80\\xae");
}

TEST_CASE("What is not UTF-8 is escaped byte by byte") {
    CHECK(escape("\xff") == "\\xff");
    CHECK(escape("\xc3") == "\\xc3");
    CHECK(escape("\xc0\xaf") == "\\xc0\\xaf");
    CHECK(escape("\xed\xa0\x80") == "\\xed\\xa0\\x80");
    CHECK(escape("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
    CHECK(escape("\xe2\x82") == "\\xe2\\x82");
    CHECK(escape("\xc3(") == "\\xc3(");
}

TEST_CASE("A long text is cut and says so") {
    CHECK(escape(std::string(10, 'a'), 10) == std::string(10, 'a'));
    CHECK(escape(std::string(11, 'a'), 10) == std::string(10, 'a') + "...");
    CHECK(escape(std::string(100'000, '\n'), 10).size() < 20);
}

TEST_CASE("A byte's line and column are counted from 1") {
    const std::string_view text = "ab\r\ncd\n";
    CHECK(place_of(text, 0).line == 1);
    CHECK(place_of(text, 0).column == 1);
    CHECK(place_of(text, 3).line == 1);
    CHECK(place_of(text, 4).line == 2);
    CHECK(place_of(text, 5).column == 2);
    CHECK(place_of(text, 1000).line == 3);
    CHECK(place_of("", 0).line == 1);
}
