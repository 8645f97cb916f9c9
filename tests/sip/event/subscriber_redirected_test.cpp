// What a subscriber does about the answers of RFC 3261 8.1.3.4 and 8.1.3.5.

#include <doctest/doctest.h>

#include "sip/event/subscriber.hpp"
#include "tests/sip/event/watcher_world.hpp"

using sip::seconds;
using Kind = WatcherWorld::Kind;
using State = WatcherWorld::State;

TEST_CASE("R3261-8.1.3.4-1: a 3xx is followed, best q first, each target once, until one accepts") {
    WatcherWorld world;
    auto options = world.options();
    options.peer.credentials = world.credentials();
    const auto id = world.subscribe(options);
    const RawMessage first = world.only();
    world.reply(first, 302,
                {"Contact: <sip:c@192.0.2.73>;q=0.1, <sip:b@192.0.2.72:5072?Subject=x>;q=0.5",
                 "Contact: <sip:alice@example.com>, <sip:name@elsewhere.invalid>",
                 "Contact: <sip:m@192.0.2.74;method=INVITE>, <tel:+1>, <sip:us@192.0.2.1:5060>",
                 "Contact: <sip:a@192.0.2.71;transport=udp>"});
    const RawMessage a = world.only();
    CHECK(a.request_uri() == "sip:a@192.0.2.71;transport=udp");
    CHECK(a.to.address == sip::Address::v4(192, 0, 2, 71));
    CHECK(a.to.port == 5060);
    for (const char* name : {"From", "To", "Call-ID", "Event", "Expires"})
        CHECK(a.field(name) == first.field(name));
    CHECK(cseq_of(a) == cseq_of(first) + 1);
    CHECK(a.field("Via") != first.field("Via"));
    // One that sends back, and to another: only the other is new.
    world.reply(a, 301,
                {"Contact: <sip:alice@example.com>, <sip:a@192.0.2.71;transport=udp>",
                 "Contact: <sip:d@192.0.2.75>;q=0.4"});
    const RawMessage b = world.only();
    CHECK(b.request_uri() == "sip:b@192.0.2.72:5072");
    CHECK(b.to.port == 5072);
    world.reply(b, 503);
    const RawMessage d = world.only();
    CHECK(d.request_uri() == "sip:d@192.0.2.75");
    SUBCASE("one accepts") {
        world.reply(d, 401, {WatcherWorld::challenge("n1")});
        const RawMessage again = world.only();
        CHECK(again.request_uri() == "sip:d@192.0.2.75");
        CHECK(again.field("Authorization").find("uri=\"sip:d@192.0.2.75\"") != std::string::npos);
        world.reply(again, 200, {"Expires: 3600"});
        CHECK(world.notify(first) == 200);
        CHECK(world.part.state_of(id) == State::active);
        CHECK(world.news().kind == Kind::accepted);
    }
    SUBCASE("none answers or accepts") {
        world.pass(seconds{32});
        const RawMessage c = world.last();
        CHECK(c.request_uri() == "sip:c@192.0.2.73");
        // No more than four, however many are named.
        world.reply(c, 302, {"Contact: <sip:e@192.0.2.76>"});
        CHECK(world.silent());
        const auto over = world.news();
        CHECK(over.kind == Kind::ended);
        CHECK(over.status == 302);
        CHECK(world.part.size() == 0);
    }
}

TEST_CASE(
    "R3261-8.1.3.4-1: a 3xx that names nothing to try is the end; in a dialog none is followed") {
    for (const std::string contact : {"X: y", "Contact: *", "Contact: <sip:alice@example.com>",
                                      "Contact: <sip:x@name.invalid>", "Contact: <tel:+1>"}) {
        CAPTURE(contact);
        WatcherWorld world;
        (void)world.subscribe();
        world.reply(world.only(), 300, {contact});
        CHECK(world.silent());
        CHECK(world.news().status == 300);
        CHECK(world.part.size() == 0);
    }
    {
        // Nothing leaves SIPS without consent.
        WatcherWorld world;
        auto options = world.options();
        options.peer.uri = "sips:alice@example.com";
        options.peer.next_hop = {sip::Transport::tls, {}, {}, world.raw.peer, {}};
        options.peer.next_hop.flow = world.raw.engine.accepted(world.raw.now, sip::Transport::tls,
                                                               world.raw.server, world.raw.peer);
        (void)world.subscribe(options);
        world.reply(world.only(), 302, {"Contact: <sip:a@192.0.2.71>"});
        CHECK(world.silent());
        CHECK(world.news().status == 302);
    }
    WatcherWorld world;
    sip::WatchId id;
    (void)world.stand(id);
    (void)world.last();
    CHECK(world.part.refresh(world.raw.now, id));
    world.reply(world.only(), 302, {"Contact: <sip:a@192.0.2.71>"});
    CHECK(world.silent());
    CHECK(world.part.state_of(id) == State::active);
}

TEST_CASE(
    "R3261-8.1.3.5-1: a 413 with Retry-After is tried once more; 413, 415 and 420 are the end") {
    WatcherWorld world;
    (void)world.subscribe();
    const RawMessage first = world.only();
    for (int status : {413, 415, 420}) {
        WatcherWorld other;
        (void)other.subscribe();
        other.reply(other.only(), status, {"Unsupported: x", "Accept: text/plain"});
        CHECK(other.silent());
        CHECK(other.news().status == static_cast<unsigned>(status));
        CHECK(other.part.size() == 0);
    }
    world.reply(first, 413, {"Retry-After: 90"});
    const auto waits = world.news();
    CHECK(waits.kind == Kind::waiting);
    CHECK(waits.retry_after == 90);
    world.pass(seconds{89});
    CHECK(world.silent());
    world.pass(seconds{1});
    const RawMessage second = world.only();
    REQUIRE(second);
    world.reply(second, 413, {"Retry-After: 90"});
    CHECK(world.news().kind == Kind::ended);
    world.pass(seconds{200});
    CHECK(world.silent());
}

TEST_CASE("R3261-8.1.1.9-1: a SUBSCRIBE of ours demands no extension") {
    WatcherWorld world;
    (void)world.subscribe();
    const RawMessage sent = world.only();
    REQUIRE(sent);
    for (const char* field : {"Require", "Proxy-Require", "Supported"})
        CHECK_FALSE(sent.has(field));
}
