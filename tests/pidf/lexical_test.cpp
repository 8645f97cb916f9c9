#include "pidf/lexical.hpp"

#include "tests/pidf/room.hpp"

using namespace pidf;

TEST_CASE("R4479-5-1: numbers and truths are those of XML Schema") {
    for (const std::string_view good : {"0", "-1", "+5", "007", "999999999999999999"})
        CHECK(is_integer(good));
    for (const std::string_view wrong : {"", "-", "1.0", "1e5", " 1", "1000000000000000000"})
        CHECK_FALSE(is_integer(wrong));
    for (const std::string_view good : {"1", "+5", "007"}) CHECK(is_positive_integer(good));
    for (const std::string_view wrong : {"", "0", "00", "-1", "+"})
        CHECK_FALSE(is_positive_integer(wrong));
    for (const std::string_view good : {"true", "false", "0", "1"}) CHECK(is_boolean(good));
    for (const std::string_view wrong : {"", "True", "yes", "01"}) CHECK_FALSE(is_boolean(wrong));
}

TEST_CASE("R4479-3.3-1: a URI has a scheme and something behind it") {
    CHECK(is_uri("sip:a@b"));
    for (const std::string_view wrong : {"sip:", "alice", ":a", "", "sip:a b"})
        CHECK_FALSE(is_uri(wrong));
}

TEST_CASE(
    "R4479-5-1 T-5: an offset is at most 14 hours, a port five digits, a language eight letters") {
    CHECK(is_date_time("2026-11-23T08:00:00-14:00"));
    CHECK_FALSE(is_date_time("2026-11-23T08:00:00-14:01"));
    CHECK(is_date_time("0001-01-01T00:00:00Z"));
    CHECK_FALSE(is_date_time("0000-12-31T00:00:00Z"));
    CHECK(is_any_uri("http://h:12345/"));
    CHECK_FALSE(is_any_uri("http://h:123456/"));
    CHECK(is_language("abcdefgh-12345678"));
    CHECK_FALSE(is_language("abcdefghi"));
    CHECK_FALSE(is_language("a-123456789"));
    // One that is longer than any tag is none, and costs nothing to find out.
    Room room;
    std::string_view out;
    CHECK(normal_language(std::string(60'000, '_'), room.arena, out));
    CHECK(out.empty());
    CHECK(room.arena.used() == 0);
}
