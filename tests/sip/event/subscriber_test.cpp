#include "sip/event/subscriber.hpp"

#include <doctest/doctest.h>

#include "tests/sip/event/watcher_world.hpp"

using sip::Handle;
using sip::milliseconds;
using sip::seconds;
using sip::SubscriptionStateValue;
using sip::TerminationReason;
using Kind = WatcherWorld::Kind;
using State = WatcherWorld::State;

TEST_CASE(
    "R3261-8.1.1-1 R3261-8.1.1.1-1 R3261-8.1.1.2-1 R3261-8.1.1.5-1 R3261-8.1.1.6-1 "
    "R3261-8.1.1.7-1 R3261-8.1.1.8-1 R6665-3.1.1-1 R6665-3.1.2-1 R6665-3.1.3-1 R3856-6.5-2 "
    "R6665-4.1.2.1-1: the first SUBSCRIBE bears all that it must") {
    WatcherWorld world;
    REQUIRE(world.subscribe());
    const RawMessage sent = world.only();
    CHECK(sent.method() == "SUBSCRIBE");
    CHECK(sent.request_uri() == "sip:alice@example.com");
    CHECK(sent.field("To") == "<sip:alice@example.com>");
    CHECK(sent.field("From").starts_with("<sip:bob@example.com>;tag="));
    CHECK(tag_of(sent.field("From")).size() >= 8);
    CHECK(sent.field("Call-ID").size() >= 16);
    CHECK(sent.field("CSeq") == "1 SUBSCRIBE");
    CHECK(sent.field("Max-Forwards") == "70");
    CHECK(sent.field("Via").starts_with("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK"));
    CHECK(sent.fields("Contact") == std::vector<std::string>{"<sip:bob@192.0.2.1:5060>"});
    CHECK(sent.fields("Event") == std::vector<std::string>{"presence"});
    CHECK(sent.field("Expires") == "3600");
    CHECK(sent.field("Accept") == "application/pidf+xml");
    CHECK(sent.to == world.raw.peer);
    CHECK_FALSE(sent.has("Authorization"));
}

TEST_CASE("R6665-4.1.2.1-2 R6665-8.3.1-1 D-1: a 2xx is no state, and 202 is a 200") {
    for (const int status : {200, 202, 299}) {
        WatcherWorld world;
        const auto id = world.subscribe();
        world.reply(world.only(), status, {"Expires: 3600"});
        const auto news = world.news();
        CHECK(news.kind == Kind::accepted);
        CHECK(news.status == status);
        CHECK(news.state == SubscriptionStateValue::other);
        CHECK(news.expires == 3600);
        CHECK(world.part.state_of(id) == State::notify_wait);
    }
}

TEST_CASE("R6665-4.1.3-1 R6665-4.1.3-5 R6665-4.1.3-13: a NOTIFY is answered 200 and passed on") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    world.reply(sent, 200, {"Expires: 3600"});
    CHECK(world.news().kind == Kind::accepted);
    CHECK(world.notify(sent) == 200);
    const auto news = world.news();
    CHECK(news.kind == Kind::notified);
    CHECK(news.state == SubscriptionStateValue::active);
    CHECK(news.expires == 3600);
    CHECK(news.body == "<presence/>");
    CHECK(news.type == "application/pidf+xml");
    CHECK(news.has_document);
    CHECK(world.part.state_of(id) == State::active);
    CHECK_FALSE(world.news().any);
    CHECK(world.silent());
}
