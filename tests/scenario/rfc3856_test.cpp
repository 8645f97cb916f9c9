// RFC 3856, section by section, where more than one part of the server has a hand in it.

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>

#include "tests/sip/event/watcher_world.hpp"
#include "tests/support/event_world.hpp"
#include "tests/support/server_world.hpp"

using presence::Policy;
using sip::seconds;

namespace {

/// bob's subscription to alice, past its first NOTIFY and the hold behind it.
RawMessage watch_alice(ServerWorld& w) {
    REQUIRE(w.ask_as("bob", ServerWorld::subscribe("bob", "alice", 7200)).status() == 200);
    RawMessage first = w.raw.take("NOTIFY");
    REQUIRE(first);
    w.raw.pass(seconds{10});
    w.raw.sent.clear();
    return first;
}
std::size_t notifies_out(ServerWorld& w) {
    w.raw.pass(seconds{10});
    std::size_t count = 0;
    while (w.raw.take("NOTIFY")) ++count;
    return count;
}

/// What the program around a server says of its users.
class TableOfStates final : public presence::LocalStates {
public:
    std::map<std::string, State, std::less<>> states;
    std::optional<State> state_of(std::string_view presentity) const override {
        const auto found = states.find(presentity);
        if (found == states.end()) return {};
        return found->second;
    }
};

}  // namespace

// 5: URIs -----------------------------------------------------------------------------------------

TEST_CASE("R3856-5-1 R3856-5-3: a watcher asks by pres URI, and learns a SIP URI for the dialog") {
    WatcherWorld world;
    sip::SubscribeOptions options = world.options();
    options.peer = world.peer("pres:alice@example.com", "pres:bob@example.com");
    sip::WatchId id;
    const auto ask = [&] {
        id = world.subscribe(options);
        REQUIRE(id);
        const RawMessage sent = world.only();
        CHECK(sent.request_uri() == "pres:alice@example.com");
        CHECK(sent.field("To") == "<pres:alice@example.com>");
        CHECK(sent.field("From").starts_with("<pres:bob@example.com>;tag="));
        CHECK(sent.field("Contact") == "<sip:bob@192.0.2.1:5060>");
        return sent;
    };
    const RawMessage first = ask();
    world.reply(first, 200, {"Expires: 3600"});
    CHECK(world.notify(first) == 200);
    world.forget_news();
    world.raw.sent.clear();
    REQUIRE(world.part.refresh(world.raw.now, id));
    const RawMessage refresh = world.last();
    CHECK(refresh.method() == "SUBSCRIBE");
    CHECK(refresh.request_uri() == "sip:192.0.2.99:5062");
    CHECK(refresh.field("To") == "<pres:alice@example.com>;tag=server");
    CHECK(refresh.field("From") == first.field("From"));
    // What was learnt is the dialog's, and gone with it: the next one asks by pres URI again.
    world.reply(refresh, 481);
    world.last();
    world.forget_news();
    (void)ask();
}

TEST_CASE(
    "R3856-5-3 R3856-5-4: pres is answered with SIP contacts, what nobody here knows is 416") {
    ServerWorld w;
    RawRequest request = ServerWorld::subscribe("bob");
    request.uri = "pres:alice@example.com";
    CHECK(w.raw.ask(request).field("Contact").starts_with("<sip:"));
    CHECK(w.raw.take("NOTIFY").field("Contact").starts_with("<sip:"));
    for (const char* uri : {"xmpp:alice@example.com", "http://example.com/"}) {
        for (RawRequest other :
             {ServerWorld::subscribe("carol"), w.publish("alice", pidf_document("open"))}) {
            other.uri = uri;
            other.to = "<sip:alice@example.com>";
            other.call_id += uri;
            CHECK(w.raw.ask(other).status() == 416);
        }
    }
    CHECK(w.server.notifier().size() == 1);
    CHECK(w.server.compositor().size() == 0);
}

// 6.3: bodies of SUBSCRIBE ------------------------------------------------------------------------

TEST_CASE(
    "R3856-6.3-1: a body that is not understood is 415 unless it is optional; none is no filter") {
    ServerWorld w;
    RawRequest request = ServerWorld::subscribe("bob");
    request.with_body("application/simple-filter+xml", "<filter-set/>");
    const RawMessage refused = w.raw.ask(request);
    CHECK(refused.status() == 415);
    CHECK(refused.has("Accept"));
    CHECK(w.server.notifier().size() == 0);
    request.call_id = "required";
    request.with("Content-Disposition: filter;handling=required");
    CHECK(w.raw.ask(request).status() == 415);
    request.call_id = "optional";
    request.fields.back() = "Content-Disposition: filter;handling=optional";
    CHECK(w.raw.ask(request).status() == 200);
    const std::string optional = w.raw.take("NOTIFY").body();
    CHECK(w.raw.ask(ServerWorld::subscribe("carol")).status() == 200);
    CHECK(w.raw.take("NOTIFY").body() == optional);
}

// 6.7: what a NOTIFY says, and when ---------------------------------------------------------------

TEST_CASE("R3856-6.7-1: told of a SUBSCRIBE, of a change and of a decision; of nothing else") {
    ServerWorld w;
    RawRequest subscribe = ServerWorld::subscribe("bob", "alice", 7200);
    w.raw.ask(subscribe);
    const RawMessage first = w.raw.take("NOTIFY");
    CHECK(first);
    CHECK(notifies_out(w) == 0);
    const RawMessage published =
        w.raw.ask(w.publish("alice", pidf_document("open", "t", "sip:alice@desk.example.com")));
    CHECK(notifies_out(w) == 1);
    w.raw.ask(w.register_("alice", "<sip:alice@192.0.2.7>"));
    CHECK(notifies_out(w) == 1);
    // What leaves all as it was is no news: refreshes, and the same document again.
    std::string tag = published.field("SIP-ETag");
    tag = w.raw.ask(w.publish("alice", "", tag)).field("SIP-ETag");
    CHECK(notifies_out(w) == 0);
    w.raw.ask(w.register_("alice", "<sip:alice@192.0.2.7>"));
    CHECK(notifies_out(w) == 0);
    w.raw.ask(w.publish("carol", pidf_document("open", "t", {}, {}, "sip:carol@example.com")));
    CHECK(notifies_out(w) == 0);
    w.raw.ask(ServerWorld::resubscribe(subscribe, first, 7200));
    CHECK(notifies_out(w) == 1);
    w.server.set_policy(w.raw.now, Policy::allow);
    CHECK(notifies_out(w) == 0);
    w.server.set_policy(w.raw.now, Policy::polite_block);
    CHECK(notifies_out(w) == 1);
}

TEST_CASE("R3856-6.7-2 R3856-6.11-1 R3856-7.3-1: of several PUAs one whole document, each time") {
    ServerWorld w;
    (void)watch_alice(w);
    const auto told = [&] {
        const std::string body = w.raw.take("NOTIFY").body();
        w.raw.pass(seconds{10});
        return body;
    };
    const std::string desk = "sip:alice@desk.example.com", car = "sip:alice@car.example.com";
    const std::string tag =
        w.raw.ask(w.publish("alice", pidf_document("open", "t", desk))).field("SIP-ETag");
    CHECK(count_of(told(), "<tuple ") == 1);
    w.raw.ask(w.publish("alice", pidf_document("closed", "t", car)));
    std::string body = told();
    CHECK(count_of(body, "<tuple ") == 2);
    CHECK(count_of(body, desk) == 1);
    CHECK(count_of(body, car) == 1);
    w.raw.ask(w.register_("alice", "<sip:alice@192.0.2.7>"));
    CHECK(count_of(told(), "<tuple ") == 3);
    // One of them changes: the others are told again with it, as they are.
    w.raw.ask(w.publish("alice", pidf_document("closed", "t", desk), tag));
    body = told();
    CHECK(count_of(body, "<tuple ") == 3);
    CHECK(count_of(body, "<basic>closed</basic>") == 2);
    CHECK(count_of(body, "<basic>open</basic>") == 1);
    // And a watcher that comes late is told the same.
    w.raw.ask(ServerWorld::subscribe("carol"));
    CHECK(w.raw.take("NOTIFY").body() == body);
}

TEST_CASE(
    "R3856-6.7-3 R3856-6.7-4 R3856-6.6.2-4: who waits is told no document, then all or an end") {
    ServerWorld w(Policy::confirm);
    w.ask_as("alice", w.publish("alice", pidf_document("open")));
    REQUIRE(w.ask_as("bob", ServerWorld::subscribe("bob")).status() == 200);
    const RawMessage waiting = w.raw.take("NOTIFY");
    CHECK(waiting.field("Subscription-State").starts_with("pending"));
    CHECK(waiting.body().empty());
    CHECK_FALSE(waiting.has("Content-Type"));
    SUBCASE("let in") {
        w.server.set_policy(w.raw.now, Policy::allow);
        w.raw.drain();
        const RawMessage told = w.raw.take("NOTIFY");
        CHECK(told.field("Subscription-State").starts_with("active;expires="));
        CHECK(count_of(told.body(), "<basic>open</basic>") == 1);
    }
    SUBCASE("turned away") {
        w.server.set_policy(w.raw.now, Policy::block);
        w.raw.drain();
        const RawMessage told = w.raw.take("NOTIFY");
        CHECK(told.field("Subscription-State") == "terminated;reason=rejected");
        CHECK(told.body().empty());
        CHECK(w.server.notifier().size() == 0);
    }
}

TEST_CASE("R3856-6.7-5: the format is that of the last SUBSCRIBE's Accept, or else the default") {
    EventWorld world;
    RawRequest request = world.subscribe_request();
    request.with("Accept: text/x-echo");
    const RawMessage accepted = world.net.ask(request);
    CHECK(world.net.take("NOTIFY").field("Content-Type") == "text/x-echo");
    const auto refresh = [&](unsigned cseq, const std::string& accept) {
        RawRequest next = EventWorld::in_dialog(world.subscribe_request(), accepted, cseq);
        if (!accept.empty()) next.with("Accept: " + accept);
        return world.net.ask(next).status();
    };
    CHECK(refresh(2, "text/plain") == 200);
    CHECK(world.net.take("NOTIFY").field("Content-Type") == "text/plain");
    world.net.ask(world.publish_request("news"));
    CHECK(world.net.take("NOTIFY").field("Content-Type") == "text/plain");
    CHECK(refresh(3, "text/plain;q=0.1, text/x-echo;q=0.2") == 200);
    CHECK(world.net.take("NOTIFY").field("Content-Type") == "text/x-echo");
    // One that is refused changes nothing.
    CHECK(refresh(4, "text/html") == 406);
    world.net.ask(world.publish_request("more"));
    CHECK(world.net.take("NOTIFY").field("Content-Type") == "text/x-echo");
    CHECK(refresh(5, "") == 200);
    CHECK(world.net.take("NOTIFY").field("Content-Type") == "text/plain");
}

TEST_CASE("R3856-6.7-6: nothing known is said as closed, and no body is never taken for offline") {
    ServerWorld w;
    CHECK(count_of(watch_alice(w).body(), "<basic>closed</basic>") == 1);
    // The watcher's side: a NOTIFY without a body leaves the document as it was.
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id);
    WatcherWorld::Notify bare;
    bare.cseq = 2;
    bare.body.clear();
    CHECK(world.notify(sent, bare) == 200);
    const auto news = world.news();
    CHECK(news.kind == WatcherWorld::Kind::notified);
    CHECK_FALSE(news.has_document);
    CHECK(news.body == "<presence/>");
}

// 6.11: state agents ------------------------------------------------------------------------------

TEST_CASE("R3856-6.11.1-3: each SUBSCRIBE is decided on, and without a policy it waits") {
    CHECK(presence::ServerOptions{}.policy == Policy::confirm);
    presence::ServerOptions options;
    options.domains = ServerWorld::domains;
    ServerWorld w(options);
    RawRequest subscribe = ServerWorld::subscribe("bob");
    REQUIRE(w.raw.ask(subscribe).status() == 200);
    const RawMessage first = w.raw.take("NOTIFY");
    CHECK(first.field("Subscription-State").starts_with("pending"));
    // A refresh is decided on anew: the policy is another one by now, and nobody was told yet.
    w.server.package().set_policy(Policy::allow);
    REQUIRE(w.raw.ask(ServerWorld::resubscribe(subscribe, first, 600)).status() == 200);
    CHECK(w.raw.take("NOTIFY").field("Subscription-State").starts_with("active"));
}

// 7: where state comes from -----------------------------------------------------------------------

TEST_CASE("R3856-7.1-1: a program that is its own presence agent sets the state itself") {
    TableOfStates table;
    presence::ServerOptions options = ServerWorld::open();
    options.local_states = &table;
    ServerWorld w(options);
    (void)watch_alice(w);
    const auto set = [&](const std::string& document) {
        table.states["alice@example.com"] = {document, w.raw.now.mono, w.raw.now.wall_ms};
        w.server.state_changed(w.raw.now, "alice@example.com");
        w.raw.drain();
    };
    const std::string open = pidf_document("open"), closed = pidf_document("closed");
    set(open);
    const std::string told = w.raw.take("NOTIFY").body();
    CHECK(count_of(told, "<basic>open</basic>") == 1);
    CHECK(count_of(told, "<tuple ") == 1);
    CHECK(w.server.compositor().size() == 0);
    w.raw.pass(seconds{10});
    // Its ids are kept as those of a publication are, and its rate is theirs.
    set(closed);
    const std::string next = w.raw.take("NOTIFY").body();
    CHECK(count_of(next, "<basic>closed</basic>") == 1);
    const auto id_of = [](const std::string& body) { return body.substr(body.find(" id="), 22); };
    CHECK(id_of(told) == id_of(next));
    set(open);
    CHECK_FALSE(w.raw.take("NOTIFY"));
    w.raw.pass(seconds{5});
    CHECK(w.raw.take("NOTIFY"));
    // With what others publish it is one document; and what is none takes nothing from them.
    w.raw.pass(seconds{10});
    w.raw.ask(w.publish("alice", pidf_document("closed", "t", "sip:alice@car.example.com")));
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<tuple ") == 2);
    w.raw.pass(seconds{10});
    const std::string broken = "<presence";
    set(broken);
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<tuple ") == 1);
    w.raw.pass(seconds{10});
    table.states.clear();
    w.server.state_changed(w.raw.now, "alice@example.com");
    CHECK(notifies_out(w) == 0);
    // Who may not know is not told of it either.
    w.server.set_policy(w.raw.now, Policy::polite_block);
    w.raw.drain();
    w.raw.sent.clear();
    w.raw.pass(seconds{10});
    set(open);
    CHECK(notifies_out(w) == 0);
}

// 9: security -------------------------------------------------------------------------------------

TEST_CASE("R3856-9.6-1: challenges keep nothing, and who floods with what waits gets a 503") {
    sip::Limits limits;
    limits.subscriptions_per_user = 5;
    ServerWorld w(Policy::confirm, limits);
    CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 401);  // room for effects is made
    const std::size_t before = w.server.stack().shard().memory.used();
    for (unsigned i = 0; i < 200; ++i) {
        RawRequest request = ServerWorld::subscribe("bob");
        request.call_id = "stranger-" + std::to_string(i);
        CHECK(w.raw.ask(request).status() == 401);
        CHECK(w.raw.sent.empty());
        w.raw.sent.clear();
        CHECK(w.server.stack().shard().memory.used() == before);
    }
    for (unsigned i = 1; i <= 20; ++i) {
        RawRequest request = ServerWorld::subscribe("bob");
        request.call_id = "pending-" + std::to_string(i);
        const RawMessage answer = w.ask_as("bob", request);
        CHECK(answer.status() == (i <= 5 ? 200 : 503));
        CHECK(answer.has("Retry-After") == (i > 5));
    }
    CHECK(w.server.notifier().size() == 5);
    CHECK(w.ask_as("carol", ServerWorld::subscribe("carol")).status() == 200);
}
