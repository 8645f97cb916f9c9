#include "sip/transaction/invite_requests.hpp"

#include <doctest/doctest.h>

#include "tests/support/stack_world.hpp"

using namespace sip;

TEST_CASE(
    "R3261-17.1.1.3-1 R3261-17.1.1.2-5: the ACK has the INVITE's Request-URI, top Via, Route, "
    "From, "
    "Call-ID and CSeq number, To of the response, no body, and goes where the INVITE went") {
    StackWorld world;
    constexpr std::string_view branch = "z9hG4bK00000000000000ab";
    const std::string head =
        "INVITE sip:bob@192.0.2.99:5062;x=y SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=" +
        std::string(branch) +
        ";rport, SIP/2.0/TCP phone.example.com;branch=z9hG4bKnext\r\n"
        "Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKlast\r\n"
        "Max-Forwards: 12\r\nRoute: <sip:one.example.com;lr>,\r\n <sip:two.example.com;lr>\r\n"
        "Record-Route: <sip:192.0.2.1;lr>\r\nroute: <sip:three.example.com;lr>\r\n"
        "f: \"A, b\" <sip:alice@example.com>;tag=a\r\nt: <sip:bob@example.com>\r\n"
        "i: call-id\r\nCSeq: 4711 INVITE\r\nContact: <sip:a@192.0.2.77>\r\n"
        "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\n";
    const auto bytes = [&](std::string_view text) {
        return SharedBytes::copy(world.stack.shard().memory, text);
    };
    REQUIRE(world.stack.clients().start(world.net.now, {world.peer_by_udp(),
                                                        Method::invite,
                                                        Branch{0xab},
                                                        {bytes(head), bytes("hello")},
                                                        world.user.part,
                                                        {}}));
    world.net.drain();
    CHECK(world.net.take().text == head + "hello");
    world.net.input(
        "SIP/2.0 404 No\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=" + std::string(branch) +
        ";rport=5060\r\nFrom: <sip:alice@example.com>;tag=a\r\n"
        "To: \"Bob\" <sip:bob@example.com>;tag=theirs\r\nCall-ID: call-id\r\n"
        "CSeq: 4711 INVITE\r\nContent-Length: 0\r\n\r\n");
    const RawMessage ack = world.net.take();
    CHECK(ack.text ==
          "ACK sip:bob@192.0.2.99:5062;x=y SIP/2.0\r\n"
          "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=" +
              std::string(branch) +
              ";rport\r\nMax-Forwards: 70\r\n"
              "Route: <sip:one.example.com;lr>, <sip:two.example.com;lr>\r\n"
              "Route: <sip:three.example.com;lr>\r\n"
              "From: \"A, b\" <sip:alice@example.com>;tag=a\r\n"
              "To: \"Bob\" <sip:bob@example.com>;tag=theirs\r\nCall-ID: call-id\r\n"
              "CSeq: 4711 ACK\r\nContent-Length: 0\r\n\r\n");
    CHECK(ack.to == world.net.peer);
}

TEST_CASE(
    "RFC 3261 9.1: a CANCEL has Request-URI, top Via, Route, From, To, Call-ID and CSeq number") {
    StackWorld world;
    Shard& shard = world.stack.shard();
    const auto bytes = [&](std::string_view text) { return SharedBytes::copy(shard.memory, text); };
    const std::string fields =
        "Via: SIP/2.0/TCP a;branch=z9hG4bK1;x,\r\n SIP/2.0/UDP b;branch=z9hG4bK2\r\n"
        "Route: <sip:one;lr>\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\n"
        "CSeq: 0007 INVITE\r\nProxy-Authorization: Digest x=\"y\"\r\nRequire: x\r\n";
    const Packet cancel =
        make_cancel(shard, {bytes("INVITE sip:c@d SIP/2.0\r\n" + fields + "\r\n"), {}}, {});
    CHECK(cancel.head.view() ==
          "CANCEL sip:c@d SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1;x\r\n"
          "Max-Forwards: 70\r\nRoute: <sip:one;lr>\r\nFrom: <sip:a@b>;tag=1\r\n"
          "To: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 0007 CANCEL\r\nContent-Length: 0\r\n\r\n");
    CHECK_FALSE(cancel.body);
    CHECK_FALSE(make_cancel(shard, {bytes("INVITE sip:c@d SIP/2.0\r\n\r\n"), {}}, {}));
    CHECK_FALSE(make_cancel(shard, {bytes("?"), {}}, {}));
    // One that is longer than anything we answer is not made.
    const std::string long_route = "Route: <sip:" + std::string(20'000, 'x') + ";lr>\r\n";
    CHECK_FALSE(make_cancel(
        shard, {bytes("INVITE sip:c@d SIP/2.0\r\n" + fields + long_route + "\r\n"), {}}, {}));
    CHECK(shard.counters.limit_response_bytes == 1);
}
