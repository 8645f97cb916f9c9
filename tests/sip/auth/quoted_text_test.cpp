#include "sip/auth/quoted_text.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sip;

TEST_CASE("quoted-pairs are undone, and a text without any is not copied") {
    const std::string plain(1000, 'x');
    CHECK(Unquoted(plain).view().data() == plain.data());
    CHECK(Unquoted(R"(a\"b\\c)").view() == R"(a"b\c)");
    CHECK(Unquoted("").view().empty());
    CHECK(Unquoted("a\\").view() == "a\\");
    CHECK(Unquoted(std::string_view("a\\\0b", 4)).view() == std::string_view("a\0b", 3));
    CHECK_FALSE(Unquoted(plain).too_long());
}

TEST_CASE("an unquoted copy takes 256 bytes and says so when there are more") {
    const std::string fits = "\\" + std::string(256, 'x');
    CHECK_FALSE(Unquoted(fits).too_long());
    CHECK(Unquoted(fits).view().size() == 256);
    CHECK(Unquoted(fits + "x").too_long());
}

TEST_CASE("T-36: nothing that a peer sent can end a quoted text of ours") {
    CHECK(fits_between_quotes(""));
    CHECK(fits_between_quotes("abc \\\" \\\\ \xc3\xa9"));
    for (const std::string_view bad :
         {std::string_view("\""), std::string_view("a\\"), std::string_view("a\r\nVia: x"),
          std::string_view("\n"), std::string_view("\0", 1), std::string_view("\\\n"),
          std::string_view("\x7f"), std::string_view("\\\\\"")})
        CHECK_FALSE(fits_between_quotes(bad));
}
