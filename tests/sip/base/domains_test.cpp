#include "sip/base/domains.hpp"

#include <doctest/doctest.h>

#include <array>

TEST_CASE("a host names a domain in any case, and an address by its value") {
    constexpr std::array<std::string_view, 3> domains{"example.com", "127.0.0.1", "[2001:db8::1]"};
    CHECK(sip::find_domain(domains, "EXAMPLE.com") == "example.com");
    CHECK(sip::find_domain(domains, "127.0.0.1") == "127.0.0.1");
    CHECK(sip::find_domain(domains, "[2001:DB8:0::0001]") == "[2001:db8::1]");
    CHECK(sip::find_domain(domains, "sub.example.com").empty());
    CHECK(sip::find_domain(domains, "example.com.").empty());
    CHECK(sip::find_domain(domains, "127.0.0.2").empty());
    CHECK(sip::find_domain(domains, "").empty());
    CHECK(sip::find_domain({}, "example.com").empty());
}
