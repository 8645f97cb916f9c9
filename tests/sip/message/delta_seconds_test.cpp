#include "sip/message/delta_seconds.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sip;

TEST_CASE("R3261-20.19-1 T-21: seconds go from 0 to 2^32-1 and nowhere else") {
    CHECK(*parse_delta_seconds(" 0 ") == 0);
    CHECK(*parse_delta_seconds("4294967295") == 4294967295U);
    for (const char* bad : {"", "4294967296", "-1", "1.0", "1 2", "x", "99999999999999999999999"})
        CHECK_MESSAGE(!parse_delta_seconds(bad), bad);
}

TEST_CASE("R3261-20.33-1: Retry-After takes a comment and a duration") {
    const auto retry = parse_retry_after("18000 (in a (nested) \\) meeting) ;duration=3600");
    REQUIRE(retry);
    CHECK(retry->seconds == 18000);
    CHECK(retry->duration == 3600);
    CHECK(parse_retry_after("5")->seconds == 5);
    CHECK(parse_retry_after("120;x=y")->seconds == 120);
    for (const std::string& bad : {std::string(), std::string("x"), std::string("5 (open"),
                                   std::string("949302838503028349304023988"), std::string("5 x"),
                                   "5 " + std::string(100'000, '(')})
        CHECK_FALSE(parse_retry_after(bad));
}

TEST_CASE("R3261-20.22-1: Max-Forwards is 0 to 255") {
    CHECK(*parse_max_forwards("0068") == 68);
    CHECK(*parse_max_forwards("255") == 255);
    CHECK_FALSE(parse_max_forwards("256"));
    CHECK_FALSE(parse_max_forwards("-1"));
}

TEST_CASE("T-8: control bytes are refused in a comment outside of quoted-pairs") {
    for (char c : {'\0', '\x01', '\x1f', '\x7f'}) {
        CHECK_FALSE(parse_retry_after(std::string("5 (a") + c + ")"));
        CHECK_FALSE(parse_retry_after(std::string("5 ((a)") + c + ")"));
        CHECK(parse_retry_after(std::string("5 (a\\") + c + ")"));
    }
    CHECK_FALSE(parse_retry_after("5 (a\\\r\n b)"));
    CHECK(parse_retry_after("5 (a\r\n b)"));
}
