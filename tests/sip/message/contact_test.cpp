#include "sip/message/contact.hpp"

#include <doctest/doctest.h>

using namespace sip;

TEST_CASE("R4475-3.3.12 R4475-3.3.13: parameters of Contact and of its URI stay apart") {
    std::string_view rest =
        "sip:a@b;unknown=1, <sip:c@d;unknown=2>;expires=60;q=0.25;+sip.instance=\"<urn:uuid:1>\"";
    const auto first = next_contact(rest);
    REQUIRE((first && *first));
    CHECK((*first)->address.uri.parameters.empty());
    CHECK((*first)->address.parameters.has("unknown"));
    CHECK((*first)->q == 1000);
    CHECK_FALSE((*first)->expires);
    const auto second = next_contact(rest);
    REQUIRE((second && *second));
    CHECK((*second)->address.uri.parameters.value_of("unknown") == "2");
    CHECK((*second)->expires == 60);
    CHECK((*second)->q == 250);
    CHECK((*second)->address.parameters.value_of("+SIP.Instance") == "<urn:uuid:1>");
    CHECK_FALSE(next_contact(rest));
}

TEST_CASE("R3261-20.10-1: a star is a star only when it stands alone") {
    std::string_view rest = " * ";
    CHECK((*next_contact(rest))->star);
    rest = "*, <sip:a@b>";
    CHECK_FALSE(*next_contact(rest));
}

TEST_CASE("R3261-20.19-1 R4475-3.1.2.4: expires that cannot be read is 3600; such a q an error") {
    for (const char* text : {"<sip:a@b>;expires=4294967296", "<sip:a@b>;expires=x"}) {
        std::string_view rest = text;
        CHECK((*next_contact(rest))->expires == 3600);
    }
    for (const char* text : {"<sip:a@b>;q=1.001", "<sip:a@b>;q=2", "<sip:a@b>;q=0.1234",
                             "<sip:a@b>;q=.5", "<sip:a@b>;q=-1"}) {
        std::string_view rest = text;
        CHECK_FALSE_MESSAGE(*next_contact(rest), text);
    }
}

TEST_CASE("R4475-3.1.2.13: headers in a Contact without brackets are an error") {
    std::string_view rest = "sip:user@example.com?Route=%3Csip:x%3E";
    CHECK_FALSE(*next_contact(rest));
    rest = "<sip:user@example.com?Route=%3Csip:x%3E>";
    CHECK((*next_contact(rest))->address.uri.headers == "Route=%3Csip:x%3E");
}
