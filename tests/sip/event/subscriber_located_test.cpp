// How a subscriber finds its server by name, and what it does when one is dead.

#include <doctest/doctest.h>

#include "sip/event/subscriber.hpp"
#include "tests/sip/event/watcher_world.hpp"

using sip::Address;
using sip::seconds;
using Kind = WatcherWorld::Kind;
using State = WatcherWorld::State;

namespace {

/// Two servers under example.com, at 192.0.2.71 and .72; the second one is the spare.
struct NamedWorld : WatcherWorld {
    explicit NamedWorld(bool answered = true) {
        names.srv("_sip._udp.example.com", 1, 1, 5071, "a.example.com");
        names.srv("_sip._udp.example.com", 2, 1, 5072, "b.example.com");
        names.a("a.example.com", Address::v4(192, 0, 2, 71));
        names.a("b.example.com", Address::v4(192, 0, 2, 72));
        if (answered) raw.names = &names;
    }
    sip::SubscribeOptions options_by_name(const char* uri = "sip:alice@example.com") {
        auto made = options();
        made.peer.uri = uri;
        made.peer.next_hop = {};
        return made;
    }
    ScriptedNames names;
};

}  // namespace

TEST_CASE("R3261-8.1.2-1 T-26: a name is looked up, and nothing waits for it but the request") {
    NamedWorld world(false);
    const auto id = world.subscribe(world.options_by_name());
    CHECK(world.silent());
    CHECK(world.raw.asked == std::vector<std::string>{"NAPTR example.com"});
    CHECK(world.part.size() == 1);
    // Another goes its way meanwhile.
    (void)world.subscribe(world.options());
    CHECK(world.only().to.port == 5062);
    world.raw.answer_names(world.names);
    world.raw.names = &world.names;
    world.raw.answer_names(world.names);
    world.raw.drain();
    const RawMessage subscribe = world.last();
    CHECK(subscribe.to == sip::Endpoint{Address::v4(192, 0, 2, 71), 5071});
    CHECK(subscribe.request_uri() == "sip:alice@example.com");
    world.reply(subscribe, 200, {"Expires: 3600"});
    CHECK(world.notify(subscribe) == 200);
    CHECK(world.part.state_of(id) == State::active);
}

TEST_CASE("R3263-4.3-1: after a timeout the next server gets the request in a new transaction") {
    NamedWorld world;
    const auto id = world.subscribe(world.options_by_name());
    const RawMessage first = world.last();
    CHECK(first.to.port == 5071);
    world.pass(seconds{32});
    const RawMessage second = world.last();
    REQUIRE(second.to.port == 5072);
    CHECK(second.to.address == Address::v4(192, 0, 2, 72));
    for (const char* name : {"From", "To", "Call-ID", "Event", "Expires", "Contact"})
        CHECK(second.field(name) == first.field(name));
    CHECK(second.field("Via") != first.field("Via"));
    CHECK(second.request_uri() == first.request_uri());
    world.reply(second, 200, {"Expires: 600"});
    CHECK(world.notify(second) == 200);
    CHECK(world.part.state_of(id) == State::active);
    CHECK(world.stack.counters().target_failures == 1);

    // Who asks while the first is known to be dead begins with the second.
    (void)world.subscribe(world.options_by_name("sip:carol@example.com"));
    CHECK(world.last().to.port == 5072);
}

TEST_CASE("R3263-4.3-1: a dead connection and an unreachable port send it on at once") {
    NamedWorld world;
    world.names.forget("_sip._udp.example.com");
    world.names.srv("_sip._tcp.example.com", 1, 1, 5071, "a.example.com");
    world.names.srv("_sip._tcp.example.com", 2, 1, 5072, "b.example.com");
    (void)world.subscribe(world.options_by_name());
    REQUIRE(world.raw.opened.size() == 1);
    CHECK(world.raw.opened.front().to.port == 5071);
    world.stack.closed(world.raw.now, world.raw.opened.front().flow);
    world.raw.drain();
    REQUIRE(world.raw.opened.size() == 2);
    CHECK(world.raw.opened.back().to.port == 5072);
    world.stack.connected(world.raw.now, world.raw.opened.back().flow, world.raw.server);
    const RawMessage subscribe = world.only();
    CHECK(subscribe.flow == world.raw.opened.back().flow);
    CHECK(subscribe.field("Via").starts_with("SIP/2.0/TCP "));
}

TEST_CASE("R3263-4.3-1 R3261-8.1.3.5-1: a 503 sends it on; the last 503 says how long to wait") {
    NamedWorld world;
    (void)world.subscribe(world.options_by_name());
    world.reply(world.last(), 503, {"Retry-After: 900"});
    const RawMessage second = world.only();
    CHECK(second.to.port == 5072);
    world.reply(second, 503, {"Retry-After: 40"});
    CHECK(world.silent());
    const auto waiting = world.news();
    CHECK(waiting.kind == Kind::waiting);
    CHECK(waiting.status == 503);
    CHECK(waiting.retry_after == 40);
    world.pass(seconds{39});
    CHECK(world.silent());
    world.pass(seconds{1});
    // The one that has to be left alone for longer comes last.
    CHECK(world.last().to.port == 5072);
}

TEST_CASE("R3263-4.3-1: when no server is left, it failed as the last one did") {
    for (const bool by_timeout : {true, false}) {
        NamedWorld world;
        (void)world.subscribe(world.options_by_name());
        for (int i = 0; i < 2; ++i) {
            const RawMessage request = world.last();
            CHECK(request.to.port == 5071 + i);
            if (by_timeout)
                world.pass(seconds{32});
            else
                world.reply(request, 503);
        }
        const auto over = world.news();
        CHECK(over.kind == Kind::ended);
        CHECK(over.status == (by_timeout ? 408 : 503));
        CHECK(world.part.size() == 0);
        CHECK(world.stack.core().locator.size() == 0);
    }
}

TEST_CASE("R3263-4.3-1: a server that said 100 and no more is not passed over") {
    NamedWorld world;
    (void)world.subscribe(world.options_by_name());
    world.reply(world.last(), 100, {}, "");
    world.raw.sent.clear();
    world.pass(seconds{32});
    const RawMessage copy = world.last();
    CHECK((!copy || copy.to.port == 5071));
    CHECK(world.news().status == 408);
    CHECK(world.stack.counters().target_failures == 0);
}

TEST_CASE("R3263-4.3-1: another final response is the answer, and no other server is asked") {
    NamedWorld world;
    (void)world.subscribe(world.options_by_name());
    world.reply(world.last(), 403);
    CHECK(world.silent());
    CHECK(world.news().status == 403);
}

TEST_CASE("a new subscription keeps to the server that works, whatever the weights say") {
    NamedWorld world;
    world.names.forget("_sip._udp.example.com");
    for (std::uint16_t port = 5071; port < 5079; ++port)
        world.names.srv("_sip._udp.example.com", 1, 1, port, "a.example.com");
    (void)world.subscribe(world.options_by_name());
    const RawMessage first = world.last();
    world.reply(first, 500, {"Retry-After: 1"});
    for (int i = 0; i < 8; ++i) {
        RawMessage again;
        for (int wait_s = 0; wait_s < 70 && !again; ++wait_s) {
            world.pass(seconds{1});
            again = world.last();
        }
        REQUIRE(again);
        CHECK(again.to.port == first.to.port);
        CHECK(again.field("Call-ID") != first.field("Call-ID"));
        world.reply(again, 500, {"Retry-After: 1"});
    }
}

TEST_CASE("R3263-4.3-1: a name in a Contact is looked up; else it goes where the first one went") {
    NamedWorld world;
    world.raw.names = nullptr;
    const auto id = world.subscribe();
    const RawMessage first = world.only();
    world.reply(first, 200, {"Expires: 600"});
    WatcherWorld::Notify notify;
    notify.contact = "<sip:alice@pa.example.com>";
    notify.fields = {"Record-Route: <sip:proxy.example.com;lr>"};
    CHECK(world.notify(first, notify) == 200);
    CHECK(world.part.state_of(id) == State::active);
    SUBCASE("it leads somewhere") {
        world.names.srv("_sip._udp.proxy.example.com", 1, 1, 5077, "a.example.com");
        world.raw.names = &world.names;
        world.raw.sent.clear();
        world.pass(seconds{568});
        const RawMessage refresh = world.last();
        CHECK(refresh.to == sip::Endpoint{Address::v4(192, 0, 2, 71), 5077});
        CHECK(refresh.request_uri() == "sip:alice@pa.example.com");
        CHECK(refresh.field("Route") == "<sip:proxy.example.com;lr>");
    }
    SUBCASE("it leads nowhere") {
        world.raw.names = &world.names;
        world.raw.sent.clear();
        world.pass(seconds{568});
        CHECK(world.last().to == world.raw.peer);
    }
}

TEST_CASE("R3261-8.1.3.4-1: a 3xx to a name is followed by lookup, with all its servers") {
    NamedWorld world;
    (void)world.subscribe();
    world.reply(world.only(), 302,
                {"Contact: <sip:alice@nobody.example>;q=0.9, <sip:alice@example.com:5099>;q=0.5, "
                 "<sip:al@example.com;transport=udp>;q=0.1"});
    // The first name leads nowhere, and so does the second.
    const RawMessage a = world.last();
    CHECK(a.request_uri() == "sip:al@example.com;transport=udp");
    CHECK(a.to.port == 5071);
    world.reply(a, 503);
    CHECK(world.only().to.port == 5072);
}

TEST_CASE("a lookup that nobody waits for any more is given up") {
    NamedWorld world(false);
    const auto id = world.subscribe(world.options_by_name());
    CHECK(world.stack.core().locator.size() == 1);
    CHECK(world.part.unsubscribe(world.raw.now, id));
    world.raw.drain();
    world.pass(seconds{40});
    CHECK(world.stack.core().locator.size() == 0);
    CHECK(world.part.size() == 0);
    world.raw.answer_names(world.names);
    CHECK(world.silent());
}

TEST_CASE("T-26: a name that leads nowhere, or that nobody answers for, is said so") {
    NamedWorld world;
    (void)world.subscribe(world.options_by_name("sip:alice@nobody.example"));
    auto over = world.news();
    CHECK(over.kind == Kind::ended);
    CHECK(over.status == 503);
    world.names.failing.insert("*");
    (void)world.subscribe(world.options_by_name("sip:alice@other.example"));
    over = world.news();
    CHECK(over.kind == Kind::ended);
    CHECK(over.status == 503);
    CHECK(world.part.size() == 0);
}

TEST_CASE("a subscription whose names are gone is tried again slower and slower, never at once") {
    NamedWorld world;
    const auto id = world.subscribe(world.options_by_name());
    const RawMessage first = world.last();
    world.reply(first, 200, {"Expires: 3600"});
    CHECK(world.notify(first) == 200);
    world.pass(seconds{100});
    world.names.records.clear();
    world.names.negative_ttl_s = 3600;
    world.pass(seconds{3600});
    world.raw.sent.clear();
    // It was refreshed in vain, has run out, and what is known of the name is that there is none.
    while (world.news().any) {
    }
    world.pass(seconds{120});
    int waited = 0;
    for (auto news = world.news(); news.any; news = world.news()) {
        CHECK(news.kind == Kind::waiting);
        ++waited;
    }
    CHECK(waited >= 1);
    CHECK(waited <= 8);
    CHECK(world.part.state_of(id));
}
