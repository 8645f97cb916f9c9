#include "sip/base/address_range.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sip;

namespace {
bool has(const std::string& range, const std::string& address) {
    const auto parsed = parse_address_range(range);
    REQUIRE_MESSAGE(parsed, range);
    auto found = parse_ipv4(address);
    if (!found) found = parse_ipv6(address);
    REQUIRE_MESSAGE(found, address);
    return parsed->contains(*found);
}
}  // namespace

TEST_CASE("T-16: a network holds the addresses of its prefix, to the bit") {
    CHECK(has("127.0.0.0/8", "127.255.0.1"));
    CHECK_FALSE(has("127.0.0.0/8", "128.0.0.1"));
    CHECK_FALSE(has("127.0.0.0/8", "126.255.255.255"));
    CHECK(has("192.0.2.128/25", "192.0.2.128"));
    CHECK(has("192.0.2.128/25", "192.0.2.255"));
    CHECK_FALSE(has("192.0.2.128/25", "192.0.2.127"));
    CHECK(has("192.0.2.4/31", "192.0.2.5"));
    CHECK_FALSE(has("192.0.2.4/31", "192.0.2.6"));
    CHECK(has("192.0.2.4/32", "192.0.2.4"));
    CHECK(has("192.0.2.4", "192.0.2.4"));
    CHECK_FALSE(has("192.0.2.4", "192.0.2.5"));
    CHECK(has("0.0.0.0/0", "255.1.2.3"));
    CHECK_FALSE(has("0.0.0.0/0", "2001:db8::1"));
    CHECK(has("2001:db8::/33", "2001:db8:7fff::1"));
    CHECK_FALSE(has("2001:db8::/33", "2001:db8:8000::1"));
    CHECK(has("::/0", "2001:db8::1"));
    CHECK(has("::1", "::1"));
    CHECK_FALSE(has("::1/128", "::2"));
}

TEST_CASE("T-16: what is no network is none") {
    for (const char* text :
         {"", "/", "/8", "192.0.2.0/", "192.0.2.0/33", "192.0.2.1/24", "192.0.2.0/-1",
          "192.0.2.0/024x", "192.0.2.0/24/8", "2001:db8::/129", "2001:db8::1/64", "example.com",
          "192.0.2/24", "[2001:db8::]/32", "192.0.2.0 /24", "0.0.0.1/0"})
        CHECK_MESSAGE(!parse_address_range(text), text);
}

TEST_CASE("a list of networks holds what one of them holds, up to its end") {
    AddressRanges ranges;
    CHECK(ranges.empty());
    const Address one = Address::v4(10, 0, 0, 1);
    CHECK_FALSE(ranges.contains(one));
    for (std::size_t i = 0; i < AddressRanges::capacity; ++i)
        CHECK(ranges.add(*parse_address_range("10." + std::to_string(i) + ".0.0/16")));
    CHECK_FALSE(ranges.add(*parse_address_range("11.0.0.0/8")));
    CHECK(ranges.contains(one));
    CHECK(ranges.contains(Address::v4(10, 63, 1, 1)));
    CHECK_FALSE(ranges.contains(Address::v4(10, 64, 1, 1)));
}
