#include "sip/message/scanner.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sip;

TEST_CASE("R3261-7.3.1-2: white space around a separator is skipped, folds included") {
    Scanner scanner("a \r\n =\t b");
    CHECK(scanner.take_token() == "a");
    CHECK(scanner.take_separator('='));
    CHECK(scanner.take_token() == "b");
    CHECK(scanner.done());
}

TEST_CASE("a separator that is not there takes nothing") {
    Scanner scanner("  x");
    CHECK_FALSE(scanner.take_separator('='));
    CHECK(scanner.at() == 0);
}

TEST_CASE("a quoted string keeps its escapes; one without end, or with control bytes, is none") {
    using namespace std::string_view_literals;
    CHECK(*Scanner("\"a\\\"b\\\\\" rest").take_quoted() == "a\\\"b\\\\");
    CHECK(*Scanner("\"\"").take_quoted() == "");
    CHECK(*Scanner("\"a\\\0b\""sv).take_quoted() == "a\\\0b"sv);
    for (std::string_view bad : {"\"abc"sv, "\"abc\\\""sv, "\"abc\\"sv, "abc"sv, "\"a\x01\""sv,
                                 "\"a\0b\""sv, "\"a\x7f\""sv, "\"a\\\rb\""sv, ""sv})
        CHECK_FALSE(Scanner(bad).take_quoted());
}

TEST_CASE("list elements end at commas outside quotes and brackets") {
    std::string_view rest = " \"a,b\" <sip:x,y@z> , second,third ";
    ListElement element = take_element(rest);
    CHECK(element.text == "\"a,b\" <sip:x,y@z>");
    CHECK_FALSE(element.last);
    CHECK(take_element(rest).text == "second");
    element = take_element(rest);
    CHECK(element.text == "third");
    CHECK(element.last);
    CHECK(rest.empty());
}

TEST_CASE("T-8: control bytes are clean behind a backslash in quotes and comments, nowhere else") {
    using namespace std::string_view_literals;
    for (std::string_view clean : {""sv, "a\r\n\tb"sv, "\"\\\0\""sv, "(\\\x01)"sv, "((\\\0)\\\0)"sv,
                                   "\"(\" \"\\\0\""sv, "(\" \\\0"sv, "\xC3\xBC"sv})
        CHECK_MESSAGE(!has_control(clean), std::string(clean));
    for (std::string_view dirty :
         {"\0"sv, "a\x7f"sv, "\\\0"sv, "\"\0\""sv, "\"a\" \\\0"sv, "(a) \\\0"sv, "\"\\\\\0\""sv,
          "\"(\" \\\0"sv, "\"\\\xC3\x01\""sv, ") \\\x01"sv})
        CHECK_MESSAGE(has_control(dirty), std::string(dirty));
}
