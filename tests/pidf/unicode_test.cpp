#include "pidf/unicode.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace pidf;

namespace {
std::string encoded(char32_t code) {
    char bytes[4];
    return {bytes, encode_utf8(code, bytes)};
}
}  // namespace

TEST_CASE("R3863-7-1: every Unicode scalar value goes through UTF-8 and back") {
    for (char32_t code = 0; code <= 0x10FFFF; ++code) {
        if (code >= 0xD800 && code <= 0xDFFF) continue;
        const std::string bytes = encoded(code);
        const Decoded back = decode_utf8(bytes, 0);
        if (back.code != code || back.size != bytes.size()) FAIL_CHECK(std::uint32_t{code});
        for (std::size_t cut = 0; cut < bytes.size(); ++cut)
            if (decode_utf8(std::string_view(bytes).substr(0, cut), 0).size != 0)
                FAIL_CHECK(std::uint32_t{code});
    }
}

TEST_CASE("T-8: bytes that are not UTF-8 are no character") {
    for (const std::string_view bytes :
         {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x80\x80",
          "\xE0\x9F\xBF", "\xE2\x82", "\xE2\x82\x41", "\xED\xA0\x80", "\xED\xBF\xBF",
          "\xF0\x8F\xBF\xBF", "\xF0\x9F\x98", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE",
          "\xFF"}) {
        CAPTURE(bytes);
        CHECK(decode_utf8(bytes, 0).size == 0);
    }
    CHECK(decode_utf8("ab", 2).size == 0);
    CHECK(decode_utf8("ab", 99).size == 0);
    CHECK(decode_utf8("\xED\x9F\xBF", 0).code == 0xD7FF);
    CHECK(decode_utf8("\xEE\x80\x80", 0).code == 0xE000);
    CHECK(decode_utf8("\xF4\x8F\xBF\xBF", 0).code == 0x10FFFF);
}

TEST_CASE("XML's characters end where the standard says") {
    for (const char32_t code :
         {0x9U, 0xAU, 0xDU, 0x20U, 0x7FU, 0xD7FFU, 0xE000U, 0xFFFDU, 0x10000U, 0x10FFFFU})
        CHECK(is_xml_char(code));
    for (const char32_t code :
         {0x0U, 0x1U, 0x8U, 0xBU, 0xCU, 0xEU, 0x1FU, 0xD800U, 0xDFFFU, 0xFFFEU, 0xFFFFU, 0x110000U})
        CHECK_FALSE(is_xml_char(code));
}

TEST_CASE("names begin with a letter or underscore and hold no colon") {
    for (const std::string_view name :
         {"a", "_", "a1", "a-b.c", "\xC3\xA9t\xC3\xA9", "\xE2\xB0\x80"})
        CHECK(is_ncname(name));
    for (const std::string_view name : {"", "1a", "-a", ".a", "a:b", "a b", "a\xC3", "\xC3\x97",
                                        "\xC2\xB7"
                                        "a",
                                        "a/"})
        CHECK_FALSE(is_ncname(name));
    CHECK(is_ncname("a\xC2\xB7"));
}

TEST_CASE("XML's four blanks and no other are blank") {
    CHECK(is_xml_blank(""));
    CHECK(is_xml_blank(" \t\r\n"));
    CHECK_FALSE(is_xml_blank("\v"));
    CHECK_FALSE(is_xml_blank("\xC2\xA0"));
    CHECK(trim_xml_space("\n a b\t") == "a b");
    CHECK(trim_xml_space(" \n").empty());
}

TEST_CASE("a fault is found wherever it stands among eight bytes, and what is none is not") {
    const std::string good = "ab\tc\xC3\xA9 \r\n~\x7F\xF0\x9F\x98\x80z";
    for (std::size_t before = 0; before < 20; ++before)
        for (std::size_t behind = 0; behind < 20; ++behind) {
            const std::string left(before, 'x'), right(behind, 'y');
            CHECK_FALSE(find_fault(left + good + right).any);
            for (const char* bad : {"\x01", "\x1F", "\xEF\xBF\xBE"}) {
                const TextFault fault = find_fault(left + good + bad + right);
                CHECK(fault.any);
                CHECK_FALSE(fault.encoding);
                CHECK(fault.at == before + good.size());
            }
            for (const char* bad : {"\x80", "\xFF", "\xC3", "\xED\xA0\x80"}) {
                const TextFault fault = find_fault(left + bad + right);
                CHECK(fault.encoding);
                CHECK(fault.at == before);
            }
            const TextFault nul = find_fault(left + std::string(1, '\0') + right);
            CHECK(nul.any);
            CHECK(nul.at == before);
        }
}
