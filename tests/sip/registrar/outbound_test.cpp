#include "sip/registrar/outbound.hpp"

#include <doctest/doctest.h>

#include <string>

#include "sip/message/contact.hpp"

namespace {

sip::OutboundContact read(const std::string& contact) {
    std::string_view rest = contact;
    const auto parsed = sip::next_contact(rest);
    REQUIRE(parsed);
    REQUIRE(*parsed);
    return sip::read_outbound((*parsed)->address.parameters);
}

}  // namespace

TEST_CASE("an instance and a reg-id beside it are read from a Contact") {
    const std::string uri = "<sip:alice@192.0.2.5>";
    const std::string instance = uri + ";+sip.instance=\"<urn:uuid:1>\"";
    CHECK(read(instance + ";reg-id=1").instance == "<urn:uuid:1>");
    CHECK(read(instance + ";reg-id=1").reg_id == 1);
    CHECK(read(uri + ";reg-id=7;+SIP.Instance=\"<urn:uuid:1>\"").reg_id == 7);
    CHECK(read(instance).reg_id == 0);
    CHECK(read(instance + ";reg-id=2147483648").reg_id == 2147483648U);
    // A reg-id alone, and what is no number, count for nothing.
    CHECK(read(uri + ";reg-id=1").reg_id == 0);
    for (const char* odd : {"0", "-1", "x", "1x", "2147483649", "99999999999999999999", "\"\""})
        CHECK(read(instance + ";reg-id=" + odd).reg_id == 0);
    CHECK(read(instance + ";reg-id").reg_id == 0);
    CHECK(read(uri + ";+sip.instance;reg-id=1").reg_id == 0);
}
