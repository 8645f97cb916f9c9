#include "sip/transport/locate.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace sip;

namespace {

struct Place {
    Place() {
        (void)listeners.add({ListenerId{1}, Transport::udp, {Address::v4(192, 0, 2, 1), 5060}, {}});
        (void)listeners.add({ListenerId{2}, Transport::tcp, {Address::v4(192, 0, 2, 1), 5060}, {}});
    }
    Expected<Target> operator()(std::string_view text) {
        const auto uri = parse_uri(text);
        REQUIRE(uri);
        return locate(*uri, listeners);
    }
    Listeners listeners;
};

}  // namespace

TEST_CASE("R3263-4.1-1 R3263-4.2-1: a numeric host says where and how, without asking anybody") {
    Place place;
    struct Row {
        const char* uri;
        Transport transport;
        std::uint16_t port;
    };
    for (const Row& row : {Row{"sip:a@192.0.2.9", Transport::udp, 5060},
                           Row{"sip:a@192.0.2.9:5070", Transport::udp, 5070},
                           Row{"sip:192.0.2.9;transport=TCP", Transport::tcp, 5060},
                           Row{"sip:a@192.0.2.9;transport=udp", Transport::udp, 5060},
                           Row{"sip:a@somewhere.example;maddr=192.0.2.9", Transport::udp, 5060}}) {
        CAPTURE(row.uri);
        const auto target = place(row.uri);
        REQUIRE(target);
        CHECK(target->transport == row.transport);
        CHECK(target->remote == Endpoint{Address::v4(192, 0, 2, 9), row.port});
        CHECK(target->listener ==
              (row.transport == Transport::udp ? ListenerId{1} : ListenerId{2}));
    }
    CHECK(place("sip:a@localhost")->remote.address == Address::v4(127, 0, 0, 1));
}

TEST_CASE("R3261-26.2.2-1: sips goes by TLS, or nowhere") {
    Place place;
    for (const char* uri :
         {"sips:a@192.0.2.9", "sips:a@192.0.2.9;transport=tcp", "sips:a@192.0.2.9;transport=udp"}) {
        const auto none = place(uri);
        REQUIRE_FALSE(none);
        CHECK(none.error().condition == Condition::internal);
    }
    (void)place.listeners.add(
        {ListenerId{3}, Transport::tls, {Address::v4(192, 0, 2, 1), 5061}, {}});
    const auto target = place("sips:a@192.0.2.9;transport=tcp");
    REQUIRE(target);
    CHECK(target->transport == Transport::tls);
    CHECK(target->remote.port == 5061);
}

TEST_CASE("T-26: names, other schemes and unheard-of transports are errors, each of its own kind") {
    Place place;
    CHECK(place("sip:a@phone.example").error().condition == Condition::not_found);
    CHECK(place("tel:+15550100").error().condition == Condition::scheme_not_supported);
    CHECK(place("sip:a@192.0.2.9;transport=sctp").error().condition == Condition::internal);
    CHECK(place("sip:a@[2001:db8::1]").error().condition == Condition::internal);
}

TEST_CASE("R3261-19.1.4-1: where to is the same with escapes, and behind odd parameters") {
    Place place;
    (void)place.listeners.add(
        {ListenerId{3}, Transport::udp, {*parse_numeric_host("::1"), 5060}, {}});
    const auto tcp = place("sip:a@192.0.2.9;x=(a);%74ransport=t%63p");
    REQUIRE(tcp);
    CHECK(tcp->transport == Transport::tcp);
    const auto maddr = place("sip:a@192.0.2.9;(;%6Daddr=192.0%2E2.8");
    REQUIRE(maddr);
    CHECK(maddr->remote.address == Address::v4(192, 0, 2, 8));
    const auto v6 = place("sip:a@192.0.2.9;maddr=%5b2001:db8::9%5D");
    REQUIRE(v6);
    CHECK(v6->remote.address == *parse_numeric_host("2001:db8::9"));
    // RFC 3261 19.1.4: an escaped colon is no colon.
    CHECK_FALSE(place("sip:a@192.0.2.9;maddr=[2001%3Adb8::9]"));
    CHECK_FALSE(place("sip:a@192.0.2.9;maddr=" + std::string(64, '1')));
    CHECK_FALSE(place("sip:a@192.0.2.9;maddr=" + std::string(65, '1')));
}
