#include "sip/base/buffer.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "sip/base/text.hpp"

using namespace sip;

TEST_CASE("an appender fills its room to the last byte and says when it was too small") {
    std::array<char, 4> room{};
    Appender out(room);
    out << "abc" << 'd';
    CHECK(out.view() == "abcd");
    CHECK(out.room_left() == 0);
    CHECK_FALSE(out.overflowed());
    out << "";
    CHECK_FALSE(out.overflowed());
    out << 'e';
    CHECK(out.overflowed());
}

TEST_CASE("after the text that did not fit nothing shorter slips in behind the gap") {
    std::array<char, 6> room{};
    Appender out(room);
    out << "abc"
        << "defg"
        << "h";
    CHECK(out.overflowed());
    CHECK(out.room_left() == 0);
    // What stands there is no message: a caller that takes its part back goes on from before it.
    out.rewind(3);
    CHECK_FALSE(out.overflowed());
    out << "xyz";
    CHECK(out.view() == "abcxyz");
}

TEST_CASE("numbers are written whole, at both ends of their ranges") {
    std::array<char, 96> room{};
    Appender out(room);
    out << std::uint64_t{0} << ' ' << UINT64_MAX << ' ' << UINT32_MAX << ' ' << std::uint16_t{65535}
        << ' ';
    out.hex(0xABC, 2) << ' ';
    out.hex(0x1) << ' ';
    out.hex(UINT64_MAX);
    CHECK(out.view() ==
          "0 18446744073709551615 4294967295 65535 bc 0000000000000001 ffffffffffffffff");
}

TEST_CASE("letters of ASCII become small ones at any place of any text") {
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    for (std::size_t from = 0; from < all.size(); ++from)
        for (std::size_t size = 0; size <= 20 && from + size <= all.size(); ++size) {
            std::array<char, 20> room{};
            Appender out(room);
            out.lower(std::string_view(all).substr(from, size));
            REQUIRE(out.size() == size);
            for (std::size_t i = 0; i < size; ++i)
                REQUIRE(out.view()[i] == to_lower(all[from + i]));
        }
}

TEST_CASE("letters of ASCII become small ones, all else stays, and no part is written") {
    std::array<char, 12> room{};
    Appender out(room);
    out << 'A';
    out.lower("@[AZaz09\xC4");
    CHECK(out.view() == "A@[azaz09\xC4");
    CHECK_FALSE(out.overflowed());
    out.lower("BCD");
    CHECK(out.overflowed());
    out.rewind(1);
    CHECK(out.view() == "A");
}

TEST_CASE("an appender without room takes nothing but the empty text") {
    Appender out(std::span<char>{});
    out << "";
    CHECK_FALSE(out.overflowed());
    CHECK(out.view().empty());
    out << 'x';
    CHECK(out.overflowed());
    CHECK(out.view().empty());
}

TEST_CASE("a failed appender is as one without room, until what failed is taken back") {
    std::array<char, 8> room{};
    Appender out(room);
    out << "ab";
    out.fail();
    CHECK(out.overflowed());
    out << "c";
    CHECK(out.overflowed());
    out.rewind(2);
    CHECK_FALSE(out.overflowed());
    CHECK((out << "cd").view() == "abcd");
    const std::span<char> behind = out.behind(3);
    REQUIRE(behind.size() == 1);
    behind[0] = 'x';
    CHECK(out.view() == "abcx");
    CHECK(out.behind(4).empty());
}

TEST_CASE("a room takes what it was made for, and not a byte more") {
    Room<3> room;
    CHECK(room.view().empty());
    CHECK(room.room_left() == 3);
    room << "ab" << 'c';
    CHECK(room.view() == "abc");
    CHECK_FALSE(room.overflowed());
    room << 'd';
    CHECK(room.overflowed());
}

TEST_CASE("numbers are written with as many digits as they have") {
    const auto check = [](std::uint64_t number) {
        std::array<char, 20> exact{};
        Appender out(exact);
        out << number;
        REQUIRE(out.view() == std::to_string(number));
        // In no more room than they need, too.
        Appender narrow{std::span(exact).first(std::to_string(number).size())};
        narrow << number;
        REQUIRE(narrow.view() == std::to_string(number));
    };
    for (std::uint64_t number = 0; number < 120'000; ++number) check(number);
    for (std::uint64_t power = 1; power < UINT64_MAX / 10; power *= 10)
        for (const std::uint64_t number : {power - 1, power, power + 1}) check(number);
    check(UINT64_MAX);
}
