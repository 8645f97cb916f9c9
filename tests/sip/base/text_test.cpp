#include "sip/base/text.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sip;

TEST_CASE("a decimal is digits alone, and what does not fit is no decimal") {
    CHECK(parse_decimal("0") == 0);
    CHECK(parse_decimal("0070") == 70);
    CHECK(parse_decimal("18446744073709551615") == UINT64_MAX);
    CHECK_FALSE(parse_decimal("18446744073709551616"));
    CHECK_FALSE(parse_decimal("99999999999999999999999999999999"));
    CHECK(parse_decimal("255", 255) == 255);
    CHECK_FALSE(parse_decimal("256", 255));
    for (auto text : {"", "-1", "+1", " 1", "1 ", "1a", "0x1", "1.0"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_decimal(text));
    }
    CHECK_FALSE(parse_decimal(std::string_view("1\0", 2)));
}

TEST_CASE("letters compare without case in ASCII alone") {
    CHECK(equal_ignoring_case("Via", "vIA"));
    CHECK_FALSE(equal_ignoring_case("Via", "Vi"));
    CHECK_FALSE(equal_ignoring_case("[", "{"));
    CHECK_FALSE(equal_ignoring_case("@", "`"));
    CHECK_FALSE(equal_ignoring_case("\xc3\xa4", "\xc3\x84"));
    CHECK(equal_ignoring_case("", ""));
    for (std::size_t size = 1; size < 26; ++size)
        for (std::size_t place = 0; place < size; ++place) {
            std::string a(size, 'q'), b(size, 'q');
            CHECK(equal_ignoring_case(a, b));
            a[place] = 'Q';
            CHECK(equal_ignoring_case(a, b));
            b[place] = 'r';
            CHECK_FALSE(equal_ignoring_case(a, b));
        }
}

TEST_CASE("a hexadecimal digit has its value, every other byte none") {
    const std::string_view digits = "0123456789abcdef";
    for (int c = -128; c < 128; ++c) {
        const auto found = digits.find(to_lower(static_cast<char>(c)));
        const int expected = found == std::string_view::npos ? -1 : static_cast<int>(found);
        CHECK(hex_value(static_cast<char>(c)) == expected);
    }
}

TEST_CASE("a number of hexadecimal digits has exactly as many, and ours no capitals") {
    CHECK(parse_hexadecimal("00000000000000aF") == 0xaf);
    CHECK(parse_hexadecimal("ffffffffffffffff") == UINT64_MAX);
    CHECK(parse_hexadecimal("0000000F", 8) == 15);
    for (const char* bad :
         {"", "f", "00000000000000g0", "00000000000000000", "0x00000000000000", "000000000000000 "})
        CHECK_FALSE(parse_hexadecimal(bad));
    CHECK_FALSE(parse_hexadecimal("0000000", 8));
    CHECK(parse_own_number("00000000000000af") == 0xaf);
    CHECK_FALSE(parse_own_number("00000000000000aF"));
    CHECK_FALSE(parse_own_number("af"));
}

TEST_CASE("white space is taken off both ends, folds included, and nowhere else") {
    CHECK(trim(" \t\r\n a b\r\n ") == "a b");
    CHECK(trim("") == "");
    CHECK(trim(" \r\n\t") == "");
    CHECK(trim(std::string_view("\0a\0", 3)) == std::string_view("\0a\0", 3));
}

TEST_CASE("a split is at the first separator, and says whether there was one") {
    CHECK(split_at("a=b=c", '=').before == "a");
    CHECK(split_at("a=b=c", '=').after == "b=c");
    CHECK(split_at("a=", '=').found);
    CHECK_FALSE(split_at("a", '=').found);
    CHECK(split_at("a", '=').before == "a");
}

TEST_CASE("equality in constant time is equality") {
    const std::string text = "d41d8cd98f00b204e9800998ecf8427e";
    CHECK(equal_in_constant_time(text, text));
    CHECK(equal_in_constant_time("", ""));
    CHECK_FALSE(equal_in_constant_time(text, text.substr(1)));
    CHECK_FALSE(equal_in_constant_time(text, ""));
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto other = text;
        other[i] = static_cast<char>(other[i] ^ '\x80');
        CHECK_FALSE(equal_in_constant_time(text, other));
    }
}

TEST_CASE("a slice begins where it is told, and ends with the text at the latest") {
    const std::string_view text = "abcde";
    CHECK(slice(text, 0) == "abcde");
    CHECK(slice(text, 5).empty());
    CHECK(slice(text, 5).data() == text.data() + 5);
    CHECK(slice(text, 1, 2) == "bc");
    CHECK(slice(text, 3, 100) == "de");
    CHECK(slice(text, 2, 0).empty());
    CHECK(slice(text, 1, std::string_view::npos) == "bcde");
}
