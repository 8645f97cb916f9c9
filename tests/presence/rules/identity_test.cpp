#include "presence/rules/identity.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

struct Room {
    sip::Memory memory;
    pidf::Arena arena{memory, 1U << 20U};
};

bool same(std::string_view a, std::string_view b) {
    Room room;
    presence::Identity x, y;
    bool known = false;
    REQUIRE(presence::make_identity(a, room.arena, x, known));
    REQUIRE(known);
    REQUIRE(presence::make_identity(b, room.arena, y, known));
    REQUIRE(known);
    CHECK(presence::same_identity(x, y) == presence::same_identity(y, x));
    return presence::same_identity(x, y);
}
std::string domain_of(std::string_view text) {
    Room room;
    presence::Identity made;
    bool known = false;
    REQUIRE(presence::make_identity(text, room.arena, made, known));
    REQUIRE(known);
    return std::string(made.domain);
}

}  // namespace

TEST_CASE("R4745-7.1.2-1 R5025-3.1.1-3: identities compare quickly as they do slowly") {
    const std::vector<std::string> all{"sip:bob@example.com",
                                       "sips:bob@example.com",
                                       "pres:bob@example.com",
                                       "SIP:bob@EXAMPLE.com",
                                       "sip:%62ob@example.com",
                                       "sip:Bob@example.com",
                                       "sip:bob@example.com:5060",
                                       "sip:bob:secret@example.com",
                                       "sip:bob@example.com;lr",
                                       "sip:bob@example.com;user=phone",
                                       "sip:bob@example.com?subject=x",
                                       "sip:example.com",
                                       "im:bob@example.com",
                                       "sip:bob@[2001:db8::1]",
                                       "sip:bob@[2001:DB8:0::1]",
                                       "tel:+15551234",
                                       "tel:+1-555-1234",
                                       "sip:+15551234@example.com",
                                       "mailto:bob@example.com",
                                       "MAILTO:bob@example.com",
                                       "mailto:Bob@example.com",
                                       "sip:b%3bb@example.com",
                                       "sip:b%3Bb@example.com",
                                       "sip:bb@example.com"};
    for (const std::string& a : all)
        for (const std::string& b : all) {
            CAPTURE(a);
            CAPTURE(b);
            auto x = *sip::parse_uri(a), y = *sip::parse_uri(b);
            for (sip::Uri* uri : {&x, &y})
                if (uri->scheme == sip::Scheme::sips || uri->scheme == sip::Scheme::pres)
                    uri->scheme = sip::Scheme::sip;
            CHECK(same(a, b) == sip::equivalent(x, y));
        }
    CHECK(same("sip:bob@example.com", "pres:bob@example.com"));
    CHECK_FALSE(same("tel:+15551234", "sip:+15551234@example.com"));
}

TEST_CASE("R4745-7.1.3-1: the domain of an identity, whatever its scheme") {
    CHECK(domain_of("sip:bob@Example.com:5061;lr") == "example.com");
    CHECK(domain_of("pres:bob@example.com") == "example.com");
    CHECK(domain_of("im:bob@example.com") == "example.com");
    CHECK(domain_of("sip:bob@[2001:db8::1]:5060") == "[2001:db8::1]");
    CHECK(domain_of("mailto:bob@Example.com?subject=a@b") == "example.com");
    CHECK(domain_of("xmpp:bob@example.com/desk") == "example.com");
    CHECK(domain_of("https://example.com:8443/bob@x") == "example.com");
    CHECK(domain_of("https://bob@example.com/") == "example.com");
    CHECK(domain_of("tel:+15551234;phone-context=example.com").empty());
    CHECK(domain_of("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6").empty());
    CHECK(domain_of("mailto:bob").empty());
}

TEST_CASE("what is no URI is nobody, and no memory is said") {
    Room room;
    presence::Identity made;
    bool known = true;
    for (std::string_view text : {"", "bob", "bob@example.com", "sip:", "sip:bob@", "sip:a b@c"}) {
        CHECK(presence::make_identity(text, room.arena, made, known));
        CHECK_FALSE(known);
    }
    pidf::Arena none(room.memory, 16);
    CHECK_FALSE(presence::make_identity("sip:bob@example.com", none, made, known));
}

TEST_CASE("R5025-3.3.1-1: URIs of services and devices are equal by their scheme") {
    using presence::same_uri;
    CHECK(same_uri("sip:a@EXAMPLE.com", "sip:a@example.com"));
    CHECK_FALSE(same_uri("sips:a@example.com", "sip:a@example.com"));
    CHECK(same_uri("URN:UUID:F81D4FAE-7dec-11d0-a765-00a0c91e6bf6",
                   "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"));
    CHECK(same_uri("urn:X:a", "urn:x:a"));
    CHECK_FALSE(same_uri("urn:x:A", "urn:x:a"));
    CHECK_FALSE(same_uri("urn:x:a", "urn:y:a"));
    CHECK_FALSE(same_uri("http://x/A", "http://x/a"));
    CHECK(same_uri("relative", "relative"));
    CHECK_FALSE(same_uri("relative", "sip:a@b"));
}
