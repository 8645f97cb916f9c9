#include <doctest/doctest.h>

#include "tests/support/proxy_world.hpp"

// What is carried on to a domain whose servers are found by name (RFC 3263).

namespace {

struct NamedWorld : ProxyWorld {
    ScriptedNames names;

    NamedWorld() : ProxyWorld(Relay::authenticated) {
        names.srv("_sip._udp.elsewhere.example", 1, 1, 5060, "a.example");
        names.srv("_sip._udp.elsewhere.example", 2, 1, 5060, "b.example");
        names.a("a.example", sip::Address::v4(192, 0, 2, 71));
        names.a("b.example", sip::Address::v4(192, 0, 2, 72));
        raw.names = &names;
    }
    static RawRequest message() {
        RawRequest request{"MESSAGE", "sip:carol@elsewhere.example;transport=udp"};
        request.from = "<sip:alice@example.com>;tag=from";
        request.call_id = "message";
        return request;
    }
};

}  // namespace

TEST_CASE("R3263-4.3-1 R3261-16.7-1: after a 503 the next server gets it, as a new transaction") {
    NamedWorld w;
    w.say(10, NamedWorld::message());
    const RawMessage first = w.heard(71);
    REQUIRE(first);
    CHECK(first.request_uri() == "sip:carol@elsewhere.example;transport=udp");
    w.answer(71, first, 503);
    const RawMessage second = w.heard(72);
    REQUIRE(second);
    CHECK(second.field("Via") != first.field("Via"));
    CHECK(second.field("Max-Forwards") == first.field("Max-Forwards"));
    w.answer(72, second, 200);
    CHECK(w.heard(10).status() == 200);
    w.raw.pass(sip::seconds{40});
    CHECK(w.quiet());
}

TEST_CASE("R3263-4.3-1: a server that never answers is passed over, for an INVITE too") {
    NamedWorld w;
    w.say(10, ProxyWorld::invite("sip:carol@elsewhere.example;transport=udp"));
    REQUIRE(w.heard(71));
    w.raw.pass(sip::seconds{33});
    const RawMessage second = w.heard(72);
    REQUIRE(second);
    w.answer(72, second, 200);
    RawMessage answer = w.heard(10);
    while (answer && answer.status() < 200) answer = w.heard(10);
    CHECK(answer.status() == 200);
}

TEST_CASE("R3261-16.7-1: when no server takes it, or there is none, its sender is told") {
    NamedWorld w;
    SUBCASE("all of them are busy") {
        w.say(10, NamedWorld::message());
        w.answer(71, w.heard(71), 503);
        w.answer(72, w.heard(72), 503);
        CHECK(w.heard(10).status() == 500);
    }
    SUBCASE("there is no such domain") {
        RawRequest request = NamedWorld::message();
        request.uri = "sip:carol@nowhere.example";
        w.say(10, request);
        CHECK(w.heard(10).status() >= 480);
    }
    SUBCASE("the names are being asked for when its sender gives up") {
        w.raw.names = nullptr;
        w.say(10, ProxyWorld::invite("sip:carol@elsewhere.example;transport=udp"));
        w.raw.pass(sip::milliseconds{200});
        CHECK(w.heard(10).status() == 100);
        RawRequest cancel{"CANCEL", "sip:carol@elsewhere.example;transport=udp"};
        cancel.from = "<sip:alice@example.com>;tag=from";
        cancel.call_id = "call";
        cancel.branch = "z9hG4bKraw1";
        w.say(10, cancel);
        CHECK(w.heard(10).status() == 200);
        CHECK(w.heard(10).status() == 487);
        w.raw.answer_names(w.names);
        w.raw.answer_names(w.names);
        CHECK_FALSE(w.heard(71));
    }
    w.raw.pass(sip::seconds{40});
    CHECK(w.quiet());
}
