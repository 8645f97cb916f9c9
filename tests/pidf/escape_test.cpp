#include "pidf/escape.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

namespace {

std::string escaped(std::string_view text, bool in_attribute) {
    std::array<char, 256> room{};
    sip::Appender out(room);
    pidf::escape(out, text, in_attribute);
    return std::string(out.view());
}

}  // namespace

TEST_CASE("R3858-3-1: markup, quotes and line ends are written so that they are read back") {
    CHECK(escaped("a<b>&\"'\r\n\t", true) == "a&lt;b&gt;&amp;&quot;'&#13;&#10;&#9;");
    CHECK(escaped("a<b>&\"'\r\n\t", false) == "a&lt;b&gt;&amp;\"'&#13;\n\t");
    CHECK(escaped(" \t", false) == "&#32;&#9;");
    CHECK(escaped(" ", true) == " ");
    CHECK(escaped("", true).empty());
}

TEST_CASE("R3858-3-1: what XML cannot hold is the replacement character") {
    CHECK(escaped("a\x01z", true) == "a\xEF\xBF\xBDz");
    CHECK(escaped("a\xffz\xc3", true) == "a\xEF\xBF\xBDz\xEF\xBF\xBD");
    CHECK(escaped("\xED\xA0\x80", false).find("\xED\xA0") == std::string::npos);
    CHECK(escaped("\xc3\xa9", true) == "\xc3\xa9");
}
