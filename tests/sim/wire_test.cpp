#include "tests/sim/wire.hpp"

#include <doctest/doctest.h>

using namespace sim;

TEST_CASE("a request is read for what the invariants need") {
    const Wire wire = read_wire(
        "NOTIFY sip:phone@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;rport\r\n"
        "From: <sip:u1@d0.example>;tag=one\r\nTo: <sip:u2@d0.example>;tag=two\r\n"
        "Call-ID: c1\r\nCSeq: 17 NOTIFY\r\nSubscription-State: active;expires=9\r\n"
        "Content-Length: 4\r\n\r\nbody");
    CHECK(wire.is_request);
    CHECK(wire.method == "NOTIFY");
    CHECK(wire.cseq == 17);
    CHECK(wire.branch == "z9hG4bKa");
    CHECK(wire.from_tag == "one");
    CHECK(wire.to_tag == "two");
    CHECK(wire.from_user == "u1");
    CHECK(wire.to_user == "u2");
    CHECK(wire.state == "active;expires=9");
    CHECK(wire.body == "body");
}

TEST_CASE("a response is read, and what is no message gives nothing") {
    const Wire wire = read_wire("SIP/2.0 412 Gone\r\nCSeq: 2 PUBLISH\r\nSIP-ETag: e\r\n\r\n");
    CHECK_FALSE(wire.is_request);
    CHECK(wire.status == 412);
    CHECK(wire.method == "PUBLISH");
    CHECK(wire.etag == "e");
    for (const char* text : {"", "\r\n", "x", "\r\n\r\n", "A\r\nCSeq", "A\r\nCSeq: \r\n\r\n"})
        CHECK(read_wire(text).cseq == 0);
}

TEST_CASE("the text between two marks is found, or is empty") {
    CHECK(between("a~b~c", "~", "~") == "b");
    CHECK(between("a~b", "~", "~").empty());
    CHECK(between("ab", "~", "~").empty());
}
