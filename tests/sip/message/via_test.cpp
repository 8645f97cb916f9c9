#include "sip/message/via.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sip;

namespace {
Via via_of(std::string_view text) {
    const auto parsed = next_via(text);
    REQUIRE((parsed && *parsed));
    return **parsed;
}
}  // namespace

TEST_CASE("R3261-20.42-1: Via is read with white space around the slashes and the colon") {
    const Via via = via_of(
        "SIP  / 2.0\r\n / UDP   first.example.com : 4000 ; ttl = 16 ;maddr=224.2.0.1 ; "
        "branch=z9hG4bKa7c6a8dlze.1;RPORT=99; received=192.0.2.1;ext=\"x,y\"");
    CHECK(via.transport == Transport::udp);
    CHECK(via.host == "first.example.com");
    CHECK(via.port == 4000);
    CHECK(via.branch == "z9hG4bKa7c6a8dlze.1");
    CHECK(via.has_cookie());
    CHECK(via.maddr == "224.2.0.1");
    CHECK(via.has_rport);
    CHECK(via.rport == 99);
    CHECK(via.received == "192.0.2.1");
}

TEST_CASE("R3581-3-1: rport is known with and without a value") {
    CHECK(via_of("SIP/2.0/UDP h;rport;branch=b").has_rport);
    CHECK(via_of("SIP/2.0/UDP h;rport;branch=b").rport == 0);
    CHECK_FALSE(via_of("SIP/2.0/UDP h;branch=b").has_rport);
}

TEST_CASE("R4475-3.2.1: a branch that is nothing but the cookie is none of RFC 3261") {
    CHECK_FALSE(via_of("SIP/2.0/UDP h;branch=z9hG4bK").has_cookie());
    CHECK(via_of("SIP/2.0/UDP h;branch=z9hG4bKx").has_cookie());
}

TEST_CASE("R4475-3.1.1.10: unknown transports are read like any other") {
    const Via via = via_of("SIP/2.0/UNKNOWN t3.example.com;branch=z9hG4bKx");
    CHECK_FALSE(via.transport);
    CHECK(via.transport_name == "UNKNOWN");
    CHECK(via_of("SIP/2.0/TLS h").port_or_default() == 5061);
    CHECK(via_of("SIP/2.0/tcp h").port_or_default() == 5060);
}

TEST_CASE("R5118-4.3 R5118-4.4 R5118-4.5 R5118-4.10: IPv6 in every spelling met") {
    CHECK(via_of("SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255").received ==
          "2001:db8::9:255");
    CHECK(via_of("SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255]").received ==
          "[2001:db8::9:255]");
    CHECK(via_of("SIP/2.0/UDP [2001:db8::10:5070]").port == 0);
    CHECK(via_of("SIP/2.0/UDP [2001:db8::10]:5070").port == 5070);
    CHECK(via_of("SIP/2.0/UDP [2001:db8:::192.0.2.1]").host == "[2001:db8:::192.0.2.1]");
    std::string_view strict = "SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255]";
    CHECK_FALSE(*next_via(strict, Leniency::strict()));
    strict = "SIP/2.0/UDP [2001:db8:::192.0.2.1]";
    CHECK_FALSE(*next_via(strict, Leniency::strict()));
}

TEST_CASE("R4475-3.1.2.1: a broken Via is an error that names its place") {
    for (const char* bad :
         {"SIP/2.0/UDP 192.0.2.15;;,;,,", "SIP/2.0/UDP", "SIP/2.0/UDP ;branch=x", "SIP/2.0 UDP h",
          "/2.0/UDP h", "SIP//UDP h", "SIP/2.0/UDP h:", "SIP/2.0/UDP h:99999", "SIP/2.0/UDP h:0",
          "SIP/2.0/UDP [::1", "SIP/2.0/UDP [x]", "SIP/2.0/UDP h x", "SIP/2.0/UDP h;rport=x",
          "SIP/2.0/UDP h,", ",SIP/2.0/UDP h", "SIP/2.0/UDP h;branch=",
          "SIP/2.0/UDP h;branch=1;x;Branch=2", "SIP/2.0/UDP h;branch=1;branch=1"}) {
        std::string_view rest = bad;
        bool broken = false;
        while (const auto via = next_via(rest)) broken |= !*via;
        CHECK_MESSAGE(broken, bad);
    }
}

TEST_CASE("several Vias in one field are told apart") {
    std::string_view rest = "SIP/2.0/UDP a;branch=1 , SIP/2.0/TCP b:5;branch=2";
    CHECK((*next_via(rest))->host == "a");
    CHECK((*next_via(rest))->port == 5);
    CHECK_FALSE(next_via(rest));
}
