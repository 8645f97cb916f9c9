#include "sip/base/endpoint.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace sip;

namespace {
std::string text_of(const Address& address, Brackets brackets = Brackets::none) {
    std::array<char, 64> room{};
    Appender out(room);
    write_address(out, address, brackets);
    CHECK_FALSE(out.overflowed());
    return std::string(out.view());
}
std::string round_trip(std::string_view text) {
    const auto address = parse_ipv6(text);
    return address ? text_of(*address) : "refused";
}
}  // namespace

TEST_CASE("R5954-3-1: IPv6 addresses are read by the corrected grammar") {
    CHECK(round_trip("2001:db8::1") == "2001:db8::1");
    CHECK(round_trip("::") == "::");
    CHECK(round_trip("::1") == "::1");
    CHECK(round_trip("1::") == "1::");
    CHECK(round_trip("1:2:3:4:5:6:7:8") == "1:2:3:4:5:6:7:8");
    CHECK(round_trip("1:2:3:4:5:6:192.0.2.1") == "1:2:3:4:5:6:c000:201");
    CHECK(round_trip("2001:db8::192.0.2.1") == "2001:db8::c000:201");
    CHECK(round_trip("::ffff:192.0.2.1") == "192.0.2.1");
    for (const char* bad : {"", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3",
                            "12345::", "g::", "1:2:3:4:5:6:7::8", "1:2:3:4:5:6:7:192.0.2.1",
                            "::192.0.2.256", "::1.2.3", "1.2.3.4::", "::1:", ":1::"})
        CHECK_MESSAGE(round_trip(bad) == "refused", bad);
}

TEST_CASE("R5118-4.10: the extra colon of the old grammar is tolerated before an IPv4 suffix") {
    CHECK(round_trip("2001:db8:::192.0.2.1") == "2001:db8::c000:201");
    CHECK(round_trip("2001:db8:::1") == "refused");
}

TEST_CASE("R5952-4-1: IPv6 is written lower-case, shortest, longest zero run compressed") {
    CHECK(round_trip("2001:0DB8:0:0:1:0:0:0") == "2001:db8:0:0:1::");
    CHECK(round_trip("2001:db8:0:0:1:0:0:1") == "2001:db8::1:0:0:1");
    CHECK(round_trip("2001:db8:0:1:1:1:1:1") == "2001:db8:0:1:1:1:1:1");
    CHECK(round_trip("0:0:1:0:0:0:0:A") == "0:0:1::a");
    CHECK(text_of(*parse_ipv6("::1"), Brackets::ipv6) == "[::1]");
}

TEST_CASE("a numeric host is IPv4, or IPv6 with or without brackets; a name is neither") {
    CHECK(parse_numeric_host("192.0.2.1") == Address::v4(192, 0, 2, 1));
    CHECK(parse_numeric_host("[::1]") == parse_ipv6("::1"));
    CHECK(parse_numeric_host("::1") == parse_ipv6("::1"));
    for (const char* name : {"example.com", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4.", "[]",
                             "[1.2.3.4]", "01.2.3.0004", "", "-1.2.3.4"})
        CHECK_MESSAGE(!parse_numeric_host(name), name);
}

TEST_CASE("addresses know what they are") {
    CHECK(Address::v4(127, 0, 0, 9).is_loopback());
    CHECK(parse_ipv6("::1")->is_loopback());
    CHECK_FALSE(Address::v4(128, 0, 0, 1).is_loopback());
    CHECK(Address::v4(0, 0, 0, 0).is_unspecified());
    CHECK(parse_ipv6("::")->is_unspecified());
    CHECK_FALSE(parse_ipv6("::2")->is_loopback());
    CHECK(Address::v4(1, 2, 3, 4).is_v4());
}

TEST_CASE(
    "T-17 ROUR-4: to a quota an IPv6 network of 64 bits is one address, and IPv4 each its own") {
    const HashKey key{1, 2};
    const auto site = [&](const char* host) { return site_hash(key, *parse_numeric_host(host)); };
    CHECK(site("2001:db8:1:2::1") == site("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    CHECK(site("2001:db8:1:2::1") != site("2001:db8:1:3::1"));
    CHECK(site("192.0.2.1") == site("192.0.2.1"));
    CHECK(site("192.0.2.1") != site("192.0.2.2"));
    CHECK(site_hash(HashKey{1, 3}, Address::v4(192, 0, 2, 1)) != site("192.0.2.1"));
}
