#include "sip/base/hexadecimal.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <string>

#include "sip/base/buffer.hpp"
#include "sip/base/text.hpp"

using namespace sip;

TEST_CASE("sixteen digits are written and read as one by one") {
    std::mt19937_64 random(5);
    for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t number = i < 256 ? std::uint64_t(i) * 0x0101010101010101U : random();
        std::string expected;
        for (int at = 60; at >= 0; at -= 4) expected += "0123456789abcdef"[number >> at & 15];
        std::array<char, 20> room{};
        Appender out(room);
        out.hex(number);
        REQUIRE(out.view() == expected);
        REQUIRE(parse_hexadecimal(expected) == number);
        if (!hexadecimal::by_words) continue;
        std::array<char, 16> text{};
        hexadecimal::write(text.data(), number);
        REQUIRE(std::string(text.data(), text.size()) == expected);
        std::uint64_t read = 0;
        for (char& c : expected)
            if (random() % 2 == 0 && c >= 'a') c = static_cast<char>(c - 'a' + 'A');
        REQUIRE(hexadecimal::read(expected.data(), read));
        REQUIRE(read == number);
    }
}

TEST_CASE("a byte that is no digit is none in any of sixteen places") {
    for (std::size_t place = 0; place < 16; ++place) {
        for (int byte = 0; byte < 256; ++byte) {
            std::string text = "0123456789abcdEF";
            text[place] = static_cast<char>(byte);
            const bool is_digit = hex_value(text[place]) >= 0;
            REQUIRE(parse_hexadecimal(text).has_value() == is_digit);
            std::uint64_t number = 0;
            if (hexadecimal::by_words) REQUIRE(hexadecimal::read(text.data(), number) == is_digit);
        }
    }
}

TEST_CASE("ROUR-4: a hexadecimal number that does not fit fails what is written") {
    std::array<char, 15> room{};
    Appender out(room);
    out.hex(7);
    CHECK(out.overflowed());
    Appender shorter(room);
    shorter.hex(0xabc, 3);
    CHECK(shorter.view() == "abc");
}
