#include <doctest/doctest.h>

#include <string>

#include "tests/support/proxy_world.hpp"

using namespace sip;

TEST_CASE("smoke") {
    ProxyWorld w;
    w.bind("bob", 20);
    w.say(10, ProxyWorld::invite());
    RawMessage invite = w.heard(20);
    MESSAGE(invite.text);
    w.raw.pass(milliseconds{300});
    MESSAGE(w.heard(10).text);
    w.answer(20, invite, 180);
    MESSAGE(w.heard(10).text);
    w.answer(20, invite, 200);
    RawMessage ok = w.heard(10);
    MESSAGE(ok.text);
    RawRequest ack{"ACK", "sip:phone@192.0.2.20:5060"};
    ack.from = "<sip:alice@example.com>;tag=from";
    ack.to = ok.field("To");
    ack.call_id = "call";
    ack.with("Route: " + ok.field("Record-Route"));
    w.say(10, ack);
    MESSAGE(w.heard(20).text);
    RawRequest bye{"BYE", "sip:alice@192.0.2.10:5060"};
    bye.to = "<sip:alice@example.com>;tag=from";
    bye.from = ok.field("To");
    bye.call_id = "call";
    bye.with("Route: " + invite.field("Record-Route"));
    w.say(20, bye);
    RawMessage got = w.heard(10);
    MESSAGE(got.text);
    w.answer(10, got, 200);
    MESSAGE(w.heard(20).text);
    w.raw.pass(seconds{100});
    CHECK(w.quiet());
}
