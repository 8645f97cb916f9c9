#include "presence/server.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sip/auth/digest_client.hpp"
#include "sip/message/message_parser.hpp"
#include "tests/support/server_world.hpp"

using presence::Policy;
using sip::seconds;

TEST_CASE(
    "R3261-11.2-1 R3261-11.2-2 R3903-4-3 R3903-7-1: OPTIONS says what is served, to anybody") {
    ServerWorld w(Policy::allow);
    RawRequest request{"OPTIONS", "sip:example.com"};
    const RawMessage answer = w.raw.ask(request);
    CHECK(answer.status() == 200);
    CHECK(answer.field("Allow") == "OPTIONS, REGISTER, SUBSCRIBE, PUBLISH");
    CHECK(answer.field("Allow-Events") == "presence, presence.winfo, presence.winfo.winfo");
    CHECK(answer.field("Accept") == "application/pidf+xml, application/watcherinfo+xml");
    CHECK(answer.field("Supported") == "path, outbound");
    CHECK(answer.body().empty());
}

TEST_CASE("R3261-8.2.2.1-1: OPTIONS for somewhere else is answered 404, and tells of no user") {
    ServerWorld w(Policy::allow);
    const auto status_of = [&](const std::string& uri) {
        RawRequest request{"OPTIONS", uri};
        request.call_id = uri;
        request.to = "<sip:example.com>";
        return w.raw.ask(request).status();
    };
    for (const char* ours : {"sip:EXAMPLE.com", "sip:alice@example.com", "sip:nobody@example.com",
                             "sip:192.0.2.1", "sip:ping@192.0.2.1:5060", "sip:192.0.2.1:5090"})
        CHECK_MESSAGE(status_of(ours) == 200, ours);
    for (const char* foreign : {"sip:elsewhere.org", "sip:alice@sub.example.com", "sip:192.0.2.2",
                                "sip:alice@[2001:db8::1]", "tel:+4930123"})
        CHECK_MESSAGE(status_of(foreign) == 404, foreign);
}

TEST_CASE("R3856-5-2: a pres: URI names the presentity as a sip: URI does") {
    ServerWorld w;
    w.raw.ask(w.publish("alice", pidf_document("open")));
    RawRequest request = ServerWorld::subscribe("bob");
    request.uri = "pres:alice@example.com";
    request.from = "<pres:bob@example.com>;tag=1";
    const RawMessage answer = w.raw.ask(request);
    CHECK(answer.status() == 200);
    // R3856-5-3: how a user of pres URIs learns the SIP URI.
    CHECK(answer.field("Contact").starts_with("<sip:"));
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<basic>open</basic>") == 1);
    RawRequest publish = w.publish("alice", pidf_document("closed"));
    publish.uri = "pres:alice@example.com";
    CHECK(w.raw.ask(publish).status() == 200);
    RawRequest foreign = ServerWorld::subscribe("carol");
    foreign.uri = "pres:alice@elsewhere.org";
    CHECK(w.raw.ask(foreign).status() == 404);
}

TEST_CASE("R3856-6.6.1-1 R3856-7.2-1: without credentials nothing is kept and nobody is told") {
    ServerWorld w(Policy::allow);
    for (const RawRequest& request :
         {ServerWorld::subscribe("bob"), w.publish("alice", pidf_document("open")),
          w.register_("alice", "<sip:alice@192.0.2.7>")}) {
        const RawMessage answer = w.raw.ask(request);
        CHECK(answer.status() == 401);
        CHECK(answer.fields("WWW-Authenticate").size() == 1);
        CHECK(answer.field("WWW-Authenticate").find("algorithm=MD5") != std::string::npos);
        CHECK(w.raw.sent.empty());
    }
    CHECK(w.server.notifier().size() == 0);
    CHECK(w.server.compositor().size() == 0);
    CHECK(w.server.registrar().size() == 0);
    CHECK(w.server.stack().servers().size() == 0);
}

TEST_CASE("R3856-6.6.2-7: an address that nobody has is 404, after authentication") {
    ServerWorld w(Policy::allow);
    CHECK(w.raw.ask(ServerWorld::subscribe("bob", "nobody")).status() == 401);
    CHECK(w.ask_as("bob", ServerWorld::subscribe("bob", "nobody")).status() == 404);
    CHECK(w.ask_as("bob", ServerWorld::subscribe("bob", "alice")).status() == 200);
}

TEST_CASE("without credentials every user of our domains exists, and none of others") {
    ServerWorld w;
    CHECK(w.raw.ask(ServerWorld::subscribe("bob", "whoever")).status() == 200);
    for (const char* uri : {"sip:alice@elsewhere.org", "sip:example.com", "sip:@example.com",
                            "sip:alice@sub.example.com"}) {
        CAPTURE(uri);
        RawRequest request = ServerWorld::subscribe("carol");
        request.uri = uri;
        CHECK(w.raw.ask(request).status() >= 400);
    }
    CHECK(w.server.notifier().size() == 1);
}

TEST_CASE("R3903-14.1-1: a user publishes for and registers only his own address") {
    ServerWorld w(Policy::allow);
    CHECK(w.ask_as("bob", w.publish("alice", pidf_document("open"))).status() == 403);
    CHECK(w.ask_as("bob", w.register_("alice", "<sip:x@192.0.2.7>")).status() == 403);
    // What From says does not matter, who is authenticated does.
    RawRequest forged = w.publish("alice", pidf_document("open"));
    forged.from = "<sip:alice@example.com>;tag=x";
    CHECK(w.ask_as("bob", forged).status() == 403);
    CHECK(w.ask_as("alice", w.publish("alice", pidf_document("open"))).status() == 200);
    CHECK(w.ask_as("alice", w.register_("alice", "<sip:x@192.0.2.7>")).status() == 200);
    CHECK(w.server.compositor().size() == 1);
    CHECK(w.server.registrar().size() == 1);
}

TEST_CASE("T-14: a subscription is refreshed and ended by its own watcher alone") {
    ServerWorld w(Policy::allow);
    const RawRequest subscribe = ServerWorld::subscribe("bob");
    REQUIRE(w.ask_as("bob", subscribe).status() == 200);
    const RawMessage notify = w.raw.take("NOTIFY");
    RawRequest forged = ServerWorld::resubscribe(subscribe, notify, 0);
    forged.cseq = 10;
    CHECK(w.ask_as("carol", forged).status() == 403);
    CHECK_FALSE(w.raw.take("NOTIFY"));
    CHECK(w.server.notifier().size() == 1);
    // Nor did it move the dialog's CSeq, so that the watcher's own next one is in order.
    CHECK(w.ask_as("bob", ServerWorld::resubscribe(subscribe, notify, 0)).status() == 200);
    CHECK(w.raw.take("NOTIFY").field("Subscription-State").starts_with("terminated"));
    CHECK(w.server.notifier().size() == 0);
}

TEST_CASE("quotas of a user and of an address are answered, and others are still served") {
    sip::Limits limits;
    limits.subscriptions_per_user = 1;
    limits.publications_per_resource = 1;
    ServerWorld w(Policy::allow, limits);
    CHECK(w.ask_as("bob", ServerWorld::subscribe("bob", "alice")).status() == 200);
    const RawMessage more = w.ask_as("bob", ServerWorld::subscribe("bob", "carol"));
    CHECK(more.status() == 503);
    CHECK(more.has("Retry-After"));
    CHECK(w.ask_as("carol", ServerWorld::subscribe("carol", "alice")).status() == 200);
    CHECK(w.ask_as("alice", w.publish("alice", pidf_document("open"))).status() == 200);
    RawRequest second = w.publish("alice", pidf_document("open"));
    second.call_id = "another-device";
    CHECK(w.ask_as("alice", second).status() == 403);
    CHECK(w.ask_as("bob", w.publish("bob", pidf_document("open"))).status() == 200);
    CHECK(w.server.counters().limit_subscriptions_per_user == 1);
    CHECK(w.server.counters().limit_publications_per_resource == 1);
}

TEST_CASE("R3856-6.6.2-2 R3856-6.6.2-3 D-1: confirm leaves a watcher pending, and tells nothing") {
    ServerWorld w(Policy::confirm);
    w.ask_as("alice", w.publish("alice", pidf_document("open")));
    const RawMessage answer = w.ask_as("bob", ServerWorld::subscribe("bob"));
    CHECK(answer.status() == 200);
    const RawMessage notify = w.raw.take("NOTIFY");
    CHECK(notify.field("Subscription-State") == "pending;expires=600");
    CHECK(notify.body().empty());
    // A change of state is not theirs to know.
    w.raw.pass(seconds{10});
    RawRequest other = w.publish("alice", pidf_document("closed"));
    other.call_id = "another-device";
    w.ask_as("alice", other);
    w.raw.pass(seconds{10});
    CHECK_FALSE(w.raw.take("NOTIFY"));

    // R3856-6.7-3: once decided, the whole document.
    w.server.set_policy(w.raw.now, Policy::allow);
    w.raw.drain();
    const RawMessage granted = w.raw.take("NOTIFY");
    CHECK(granted.field("Subscription-State").starts_with("active;expires="));
    CHECK(count_of(granted.body(), "<tuple ") == 2);
    // And back again: pending without a body.
    w.server.set_policy(w.raw.now, Policy::confirm);
    w.raw.drain();
    const RawMessage taken_back = w.raw.take("NOTIFY");
    CHECK(taken_back.field("Subscription-State").starts_with("pending;expires="));
    CHECK(taken_back.body().empty());
}

TEST_CASE("D-1: the switch rfc3265-compat answers a pending subscription with 202") {
    presence::ServerOptions options = ServerWorld::open();
    options.policy = Policy::confirm;
    options.rfc3265_compat = true;
    ServerWorld w(options);
    CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 202);
    CHECK(w.raw.ask(ServerWorld::subscribe("alice")).status() == 200);
}

TEST_CASE("R3856-6.6.2-8: a user may always watch himself") {
    for (Policy policy : {Policy::confirm, Policy::polite_block, Policy::block}) {
        ServerWorld w(policy);
        w.ask_as("alice", w.publish("alice", pidf_document("open")));
        CHECK(w.ask_as("alice", ServerWorld::subscribe("alice")).status() == 200);
        const RawMessage notify = w.raw.take("NOTIFY");
        CHECK(notify.field("Subscription-State").starts_with("active"));
        CHECK(count_of(notify.body(), "<basic>open</basic>") == 1);
    }
}

TEST_CASE("block refuses, and ends what was granted before") {
    ServerWorld w(Policy::allow);
    REQUIRE(w.ask_as("bob", ServerWorld::subscribe("bob")).status() == 200);
    CHECK(w.raw.take("NOTIFY"));
    w.server.set_policy(w.raw.now, Policy::block);
    w.raw.drain();
    const RawMessage last = w.raw.take("NOTIFY");
    CHECK(last.field("Subscription-State") == "terminated;reason=rejected");
    CHECK(last.body().empty());
    CHECK(w.server.notifier().size() == 0);
    CHECK(w.ask_as("carol", ServerWorld::subscribe("carol")).status() == 403);
    CHECK_FALSE(w.raw.take("NOTIFY"));
}

TEST_CASE("D-5 R4479-OUR-3 R3856-6.6.2-5: a polite block is what an absent presentity looks like") {
    ServerWorld blocked(Policy::polite_block), absent(Policy::allow);
    blocked.ask_as("alice", blocked.publish("alice", pidf_document("open")));
    blocked.ask_as("alice", blocked.register_("alice", "<sip:x@192.0.2.7>"));
    const RawMessage one = blocked.ask_as("bob", ServerWorld::subscribe("bob"));
    const RawMessage told = blocked.raw.take("NOTIFY");
    // The same world, in which nobody has published; entropy aside, all has happened alike.
    absent.ask_as("alice", absent.publish("alice", pidf_document("open")));
    absent.ask_as("alice", absent.register_("alice", "<sip:x@192.0.2.7>", 60));
    absent.raw.pass(seconds{7200});
    const RawMessage two = absent.ask_as("bob", ServerWorld::subscribe("bob"));
    const RawMessage seen = absent.raw.take("NOTIFY");
    CHECK(one.status() == two.status());
    REQUIRE_FALSE(told.body().empty());
    CHECK(told.body() == seen.body());
    CHECK(told.field("Subscription-State") == seen.field("Subscription-State"));
    CHECK(count_of(told.body(), "<tuple ") == 1);
    CHECK(count_of(told.body(), "<basic>closed</basic>") == 1);
    CHECK(count_of(told.body(), ">sip:alice@example.com</contact>") == 1);
    CHECK(count_of(told.body(), "timestamp") == 0);

    // And it stays so whatever happens.
    blocked.raw.pass(seconds{10});
    blocked.ask_as("alice", blocked.publish("alice", pidf_document("closed", "other")));
    blocked.raw.pass(seconds{10});
    CHECK_FALSE(blocked.raw.take("NOTIFY"));
}

TEST_CASE(
    "R3856-6.5-3: no Accept, and ranges that cover PIDF, are served with it; others are 406") {
    for (const char* accept : {"", "*/*", "application/*", "application/pidf+xml",
                               "application/xpidf+xml, application/pidf+xml;q=0.1"}) {
        ServerWorld w;
        RawRequest request = ServerWorld::subscribe("bob");
        if (*accept != 0) request.with(std::string("Accept: ") + accept);
        CHECK(w.raw.ask(request).status() == 200);
        CHECK(w.raw.take("NOTIFY").field("Content-Type").starts_with("application/pidf+xml"));
    }
    for (const char* accept : {"text/plain", "application/pidf+xml;q=0", "application/xpidf+xml"}) {
        ServerWorld w;
        RawRequest request = ServerWorld::subscribe("bob");
        request.with(std::string("Accept: ") + accept);
        CHECK(w.raw.ask(request).status() == 406);
        CHECK(w.server.notifier().size() == 0);
    }
}

TEST_CASE("R3856-6.1-1 R3856-6.2-1 R3856-6.4-1: presence in any case, its id kept, an hour long") {
    ServerWorld w;
    RawRequest request = ServerWorld::subscribe("bob");
    request.fields = {"Event: Presence;id=17;unknown=parameter",
                      "Contact: <sip:bob@192.0.2.99:5062>"};
    const RawMessage answer = w.raw.ask(request);
    CHECK(answer.status() == 200);
    CHECK(answer.field("Expires") == "3600");
    CHECK(w.raw.take("NOTIFY").field("Event") == "presence;id=17");
    request.fields[0] = "Event: dialog";
    request.call_id = "another";
    const RawMessage other = w.raw.ask(request);
    CHECK(other.status() == 489);
    CHECK(other.field("Allow-Events") == "presence, presence.winfo, presence.winfo.winfo");
}

TEST_CASE("R3903-6-9 R3903-6-10: what is published must be PIDF") {
    ServerWorld w;
    RawRequest request = w.publish("alice", pidf_document("open"));
    request.content_type = "text/plain";
    const RawMessage type = w.raw.ask(request);
    CHECK(type.status() == 415);
    CHECK(type.field("Accept") == "application/pidf+xml");
    CHECK(w.raw.ask(w.publish("alice", "<presence")).status() == 400);
    CHECK(w.server.compositor().size() == 0);
    request = w.publish("alice", pidf_document("open"));
    request.content_type = "application/pidf+xml;charset=\"UTF-8\"";
    CHECK(w.raw.ask(request).status() == 200);
}

TEST_CASE(
    "T-39: a stop tells every watcher, each with a wait of its own, and lets nobody back in") {
    ServerWorld w;
    std::vector<std::string> waits;
    for (int i = 0; i < 20; ++i)
        REQUIRE(w.raw.ask(ServerWorld::subscribe("w" + std::to_string(i))).status() == 200);
    w.raw.sent.clear();
    w.raw.answer_notify = false;
    w.server.shut_down(w.raw.now, presence::Server::Stop::probation, 5, 30);
    w.raw.drain();
    CHECK_FALSE(w.server.idle());
    const std::string start = "terminated;reason=probation;retry-after=";
    std::vector<RawMessage> told;
    while (RawMessage notify = w.raw.take("NOTIFY")) {
        const std::string state = notify.field("Subscription-State");
        REQUIRE(state.starts_with(start));
        const int wait = std::stoi(state.substr(start.size()));
        const bool in_range = wait >= 5 && wait <= 30;
        CHECK(in_range);
        if (waits.empty() || waits.back() != state) waits.push_back(state);
        told.push_back(notify);
    }
    CHECK(told.size() == 20);
    CHECK(waits.size() > 5);
    const RawMessage late = w.raw.ask(ServerWorld::subscribe("late"));
    CHECK(late.status() == 503);
    CHECK(late.has("Retry-After"));
    for (const RawMessage& notify : told) w.raw.answer(notify);
    CHECK(w.server.idle());
}

TEST_CASE("a stop where another server takes over says so without a wait") {
    ServerWorld w;
    w.raw.ask(ServerWorld::subscribe("bob"));
    w.raw.sent.clear();
    w.server.shut_down(w.raw.now, presence::Server::Stop::deactivate);
    w.raw.drain();
    CHECK(w.raw.take("NOTIFY").field("Subscription-State") == "terminated;reason=deactivated");
    CHECK(w.server.idle());
}

TEST_CASE("with a store the 200 to a PUBLISH and its NOTIFYs wait until it is durable") {
    presence::ServerOptions options = ServerWorld::open();
    options.has_store = true;
    ServerWorld w(options);
    w.raw.ask(ServerWorld::subscribe("bob"));
    w.raw.commit();
    CHECK(w.raw.take().status() == 200);
    CHECK(w.raw.take("NOTIFY"));
    w.raw.pass(seconds{10});

    CHECK_FALSE(w.raw.ask(w.publish("alice", pidf_document("open"))));
    w.raw.commit();
    CHECK(w.raw.take().status() == 200);
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<basic>open</basic>") == 1);
    w.raw.pass(seconds{10});

    CHECK_FALSE(w.raw.ask(w.register_("alice", "<sip:x@192.0.2.7>")));
    w.raw.commit(false);
    CHECK(w.raw.take().status() == 500);
    CHECK_FALSE(w.raw.take("NOTIFY"));
    CHECK(w.server.registrar().size() == 0);
}

TEST_CASE("the same inputs and the same entropy give the same effects, byte for byte") {
    const auto run = [] {
        ServerWorld w(Policy::allow);
        std::string all;
        const auto keep = [&](const RawMessage& first) {
            all += first.text;
            while (RawMessage more = w.raw.take()) all += more.text;
        };
        keep(w.ask_as("bob", ServerWorld::subscribe("bob")));
        keep(w.ask_as("alice", w.publish("alice", pidf_document("open"))));
        keep(w.ask_as("alice", w.register_("alice", "<sip:x@192.0.2.7>")));
        w.raw.pass(seconds{700});
        keep(w.raw.take());
        return all;
    };
    const std::string once = run();
    CHECK(once.size() > 2000);
    CHECK(once == run());
}

TEST_CASE("a response without qop passes by default and not with strict") {
    for (bool strict : {false, true}) {
        presence::ServerOptions options = ServerWorld::open();
        NamedUsers users;
        options.credentials = &users;
        options.strict = strict;
        ServerWorld w(options);
        RawRequest request = ServerWorld::subscribe("alice");
        const std::string challenge = w.raw.ask(request).field("WWW-Authenticate");
        const auto start = challenge.find("nonce=\"") + 7;
        const std::string nonce = challenge.substr(start, challenge.find('"', start) - start);
        const sip::Ha1 ha1 =
            sip::make_ha1(sip::DigestAlgorithm::md5, "alice", "example.com", "alice");
        sip::DigestInput input;
        input.nonce = nonce;
        input.method = "SUBSCRIBE";
        input.uri = request.uri;
        const std::string response{sip::digest_response(ha1.hex, input).view()};
        request.cseq = 2;
        request.with("Authorization: Digest username=\"alice\", realm=\"example.com\", nonce=\"" +
                     nonce + "\", uri=\"" + request.uri + "\", nc=\"00000001\", response=\"" +
                     response + "\"");
        const int status = w.raw.ask(request).status();
        if (strict)
            CHECK(status >= 400);
        else
            CHECK(status == 200);
    }
}

TEST_CASE("memory that is refused at any moment harms nothing but the request at hand") {
    for (std::uint64_t nth = 0; nth < 400; ++nth) {
        CAPTURE(nth);
        ServerWorld w;
        w.raw.ask(ServerWorld::subscribe("bob"));
        sip::Memory& memory = w.server.stack().shard().memory;
        const std::uint64_t refused = memory.refusals();
        memory.refuse_after(nth);
        w.raw.ask(w.publish("alice", pidf_document("open")));
        w.raw.ask(ServerWorld::subscribe("carol"));
        w.raw.ask(w.register_("alice", "<sip:x@192.0.2.7>"));
        const bool done = memory.refusals() == refused;
        memory.refuse_none();
        w.raw.pass(seconds{100});
        // Alive, and as good as before.
        RawRequest again = ServerWorld::subscribe("dave");
        REQUIRE(w.raw.ask(again).status() == 200);
        REQUIRE(w.raw.take("NOTIFY"));
        if (done) return;
    }
    FAIL("never ran to the end");
}

namespace {

/// A client with the password of bob, as it speaks to a ServerWorld.
struct DigestUser {
    std::array<sip::HeaderField, 64> slots{};
    SeededEntropy entropy{5};
    sip::Memory memory;
    sip::DigestClient client{memory, entropy};

    sip::MessageView view(const std::string& text) {
        return sip::scan_message(text, slots, sip::Framing::datagram, {}, {}).message;
    }
    RawRequest sign(RawRequest request) {
        std::array<char, 1024> room{};
        sip::Appender out(room);
        sip::MessageWriter writer(out);
        client.write_credentials(writer, request.method, request.uri, request.body);
        ++request.cseq;
        return request.with(std::string(out.view().substr(0, out.size() - 2)));
    }
};

}  // namespace

TEST_CASE("R3261-22.4-3: a 2xx to who proved himself proves the server, and gives a new nonce") {
    using Proof = sip::DigestClient::Proof;
    ServerWorld w(Policy::allow);
    DigestUser bob;
    REQUIRE(bob.client.add_password("example.com", "bob", "bob"));
    std::vector<RawRequest> requests{w.register_("bob", "<sip:bob@192.0.2.99:5062>"),
                                     ServerWorld::subscribe("bob"),
                                     w.publish("bob", pidf_document("open"))};
    sip::DigestAttempt attempt;
    const RawMessage challenge = w.raw.ask(requests[0]);
    REQUIRE(bob.client.answer(bob.view(challenge.text), "REGISTER", attempt));
    for (const RawRequest& request : requests) {
        CAPTURE(request.method);
        const RawMessage answer = w.raw.ask(bob.sign(request));
        CHECK(answer.status() == 200);
        CHECK(bob.client.check_authentication_info(bob.view(answer.text), request.uri) ==
              Proof::right);
        CHECK(answer.field("Authentication-Info").find("nextnonce") == std::string::npos);
    }
    // The nonce is near its end: the next one comes along, and holds.
    w.raw.pass(sip::seconds{290});
    RawMessage answer = w.raw.ask(bob.sign(w.publish("bob", pidf_document("closed"))));
    CHECK(answer.field("Authentication-Info").find("nextnonce=") != std::string::npos);
    CHECK(bob.client.check_authentication_info(bob.view(answer.text), "sip:bob@example.com") ==
          Proof::right);
    w.raw.pass(sip::seconds{200});
    CHECK(w.raw.ask(bob.sign(w.publish("bob", pidf_document("open")))).status() == 200);
    // A refusal proves nothing, nor does an answer where nobody is asked.
    answer = w.raw.ask(bob.sign(ServerWorld::subscribe("bob", "nobody")));
    CHECK(answer.status() == 404);
    CHECK_FALSE(answer.has("Authentication-Info"));
    ServerWorld open;
    CHECK_FALSE(open.raw.ask(ServerWorld::subscribe("bob")).has("Authentication-Info"));
}

TEST_CASE("R3261-22.4-3: a request that waited for the store is not proved by what came later") {
    NamedUsers users;
    presence::ServerOptions options = ServerWorld::open();
    options.credentials = &users;
    options.has_store = true;
    ServerWorld w(options);
    CHECK_FALSE(w.ask_as("alice", w.publish("alice", pidf_document("open"))));
    CHECK_FALSE(w.ask_as("alice", w.publish("alice", pidf_document("closed"))));
    w.raw.sent.clear();
    while (!w.raw.commits.empty()) w.raw.commit();
    const RawMessage first = w.raw.take(), second = w.raw.take();
    CHECK(first.status() == 200);
    CHECK(first.has("Authentication-Info"));
    CHECK(second.status() == 200);
    CHECK_FALSE(second.has("Authentication-Info"));
}

namespace {

/// Presentities with a policy of their own.
class OwnPolicies final : public presence::PolicySource {
public:
    std::map<std::string, Policy, std::less<>> policies;
    std::optional<Policy> policy_of(std::string_view presentity) const override {
        const auto found = policies.find(presentity);
        if (found == policies.end()) return {};
        return found->second;
    }
};

}  // namespace

TEST_CASE("ROUR-9: a presentity's own policy goes before the server's, at once") {
    OwnPolicies own;
    own.policies["alice@example.com"] = Policy::allow;
    presence::ServerOptions options = ServerWorld::open();
    options.policy = Policy::block;
    options.policies = &own;
    ServerWorld w(options);
    const auto subscribe = [&](const char* watcher, const char* presentity) {
        return w.raw.ask(ServerWorld::subscribe(watcher, presentity)).status();
    };
    w.raw.ask(w.publish("alice", pidf_document("open")));
    CHECK(subscribe("bob", "carol") == 403);
    REQUIRE(subscribe("bob", "alice") == 200);
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<basic>open</basic>") == 1);

    own.policies["alice@example.com"] = Policy::polite_block;
    w.server.policy_changed(w.raw.now, "alice@example.com");
    w.raw.drain();
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<basic>closed</basic>") == 1);
    own.policies["alice@example.com"] = Policy::confirm;
    w.server.policy_changed(w.raw.now, "alice@example.com");
    w.raw.drain();
    CHECK(w.raw.take("NOTIFY").field("Subscription-State").starts_with("pending"));
    // Nobody else is decided anew, and without one of her own the server's policy holds.
    own.policies.clear();
    w.server.policy_changed(w.raw.now, "carol@example.com");
    w.raw.drain();
    CHECK_FALSE(w.raw.take("NOTIFY"));
    w.server.policy_changed(w.raw.now, "alice@example.com");
    w.raw.drain();
    CHECK(w.raw.take("NOTIFY").field("Subscription-State") == "terminated;reason=rejected");
    CHECK(w.server.notifier().size() == 0);
}

TEST_CASE(
    "R6665-6.3-1 R3261-22.1-2: a SUBSCRIBE of a stranger is 401, and one replayed makes nothing") {
    ServerWorld world(presence::Policy::allow);
    RawRequest request = ServerWorld::subscribe("bob");
    const RawMessage challenge = world.raw.ask(request);
    CHECK(challenge.status() == 401);
    CHECK(challenge.field("WWW-Authenticate").find("realm=\"example.com\"") != std::string::npos);
    CHECK_FALSE(challenge.has("Proxy-Authenticate"));
    request.cseq = 2;
    request.with(authorization_for(challenge.field("WWW-Authenticate"), request, "bob", "bob"));
    CHECK(world.raw.ask(request).status() == 200);
    CHECK(world.raw.take("NOTIFY"));
    const std::size_t before = world.server.notifier().size();
    // Somebody who saw it sends the same in a dialog and from a place of his own.
    request.call_id = "of-the-thief";
    request.fields[1] = "Contact: <sip:thief@192.0.2.66>";
    const RawMessage again = world.raw.ask(request);
    CHECK(again.status() == 401);
    CHECK_FALSE(world.raw.take("NOTIFY"));
    CHECK(world.server.notifier().size() == before);
}

TEST_CASE("after a load nothing is kept, and its memory is given back") {
    ServerWorld w(Policy::allow);
    const std::size_t before = w.server.stack().shard().memory.used();
    for (int round = 0; round < 2; ++round) {
        CHECK(w.ask_as("alice", w.publish("alice", pidf_document("open"))).status() == 200);
        CHECK(w.ask_as("alice", w.register_("alice", "<sip:alice@192.0.2.99>")).status() == 200);
        CHECK(w.ask_as("bob", ServerWorld::subscribe("bob")).status() == 200);
        const sip::FlowId flow = w.raw.connect();
        w.raw.input(flow, "\r\n\r\n");
        w.server.trim(w.raw.now);
        CHECK(w.server.notifier().size() == 1);
        CHECK(w.server.stack().shard().memory.used() > before);
        w.raw.pass(seconds{8'000});
        CHECK(w.server.notifier().size() == 0);
        w.server.trim(w.raw.now);
        CHECK(w.server.stack().shard().memory.used() == before);
    }
}

TEST_CASE("R3261-8.2.2.1-1: an im: URI names no presentity, whatever the method") {
    ServerWorld w;
    for (RawRequest request : {ServerWorld::subscribe("bob"), w.publish("alice", "x")}) {
        request.uri = "im:alice@example.com";
        CHECK(w.raw.ask(request).status() == 416);
    }
}

TEST_CASE("T-39: while it stops not even OPTIONS is answered 200, so that no check is misled") {
    ServerWorld w(Policy::allow);
    RawRequest request{"OPTIONS", "sip:example.com"};
    CHECK(w.raw.ask(request).status() == 200);
    w.server.shut_down(w.raw.now, presence::Server::Stop::probation);
    ++request.cseq;
    const RawMessage answer = w.raw.ask(request);
    CHECK(answer.status() == 503);
    CHECK(answer.has("Retry-After"));
}

TEST_CASE(
    "ROUR-9: a decision moves each watcher of a presentity, in whatever state and view he is") {
    OwnPolicies own;
    own.policies["alice@example.com"] = Policy::allow;
    presence::ServerOptions options = ServerWorld::open();
    options.policies = &own;
    ServerWorld w(options);
    w.raw.ask(w.publish("alice", pidf_document("open")));
    const std::vector<std::string> watchers{"alice", "bob", "carol", "dave", "erin"};
    for (const std::string& watcher : watchers) w.raw.ask(ServerWorld::subscribe(watcher));
    w.raw.ask(ServerWorld::subscribe("bob", "carol"));
    const auto told = [&] {
        std::string all;
        for (w.raw.drain(); const RawMessage notify = w.raw.take("NOTIFY");)
            all += notify.field("To").substr(5, 1) +
                   (notify.body().find("open") != std::string::npos ? "+" : "-");
        std::sort(all.begin(), all.end());
        return all;
    };
    (void)told();
    for (const auto& [policy, expected] : {std::pair{Policy::polite_block, "----bcde"},
                                           {Policy::confirm, "----bcde"},
                                           {Policy::allow, "++++bcde"},
                                           {Policy::confirm, "----bcde"},
                                           {Policy::block, "----bcde"}}) {
        own.policies["alice@example.com"] = policy;
        w.server.policy_changed(w.raw.now, "alice@example.com");
        CHECK(told() == expected);
    }
    CHECK(w.server.notifier().size() == 2);  // alice herself, and bob's watch of carol
}

TEST_CASE(
    "R6665-4.5.1-1: the target of a subscription is this server's own address, and leads to it") {
    ServerWorld w;
    const RawRequest first = ServerWorld::subscribe("bob");
    const RawMessage answer = w.raw.ask(first);
    const RawMessage notify = w.raw.take("NOTIFY");
    CHECK(answer.field("Contact") == "<sip:192.0.2.1:5060>");
    CHECK(notify.field("Contact") == answer.field("Contact"));
    // Whatever else knows of the dialog, that URI alone brings a request to its subscription.
    CHECK(w.raw.ask(ServerWorld::resubscribe(first, notify, 600)).status() == 200);
    CHECK(w.server.notifier().size() == 1);
}

TEST_CASE("R3903-10.4-1: a tuple keeps its id as long as its publication goes on") {
    ServerWorld w;
    const auto document = [](const std::string& tuples) {
        return "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:alice@example.com'>" +
               tuples + "</presence>";
    };
    const auto tuple = [](const std::string& id, const std::string& basic) {
        return "<tuple id='" + id + "'><status><basic>" + basic +
               "</basic></status><contact>sip:" + id + "@a.example</contact></tuple>";
    };
    w.raw.ask(ServerWorld::subscribe("bob"));
    w.raw.take("NOTIFY");
    const auto id_of = [](const std::string& body, const std::string& name) {
        const auto contact = body.find(name + "@a.example");
        if (contact == std::string::npos) return std::string{};
        const auto id = body.rfind("id=\"", contact) + 4;
        return body.substr(id, body.find('"', id) - id);
    };
    const auto seen = [&](const RawRequest& publish, std::string& etag) {
        etag = w.raw.ask(publish).field("SIP-ETag");
        w.raw.pass(seconds{5});
        return w.raw.take("NOTIFY").body();
    };
    std::string etag, next;
    const std::string before =
        seen(w.publish("alice", document(tuple("one", "open") + tuple("two", "open"))), etag);
    const std::string after = seen(
        w.publish("alice", document(tuple("one", "closed") + tuple("three", "open")), etag), next);
    CHECK_FALSE(id_of(before, "one").empty());
    CHECK(id_of(after, "one") == id_of(before, "one"));
    CHECK(id_of(after, "two").empty());
    CHECK_FALSE(id_of(after, "three").empty());
    CHECK(id_of(after, "three") != id_of(before, "two"));
    CHECK(count_of(after, "<basic>closed</basic>") == 1);
}

TEST_CASE("R6665-6.2-1 D-5: a polite block looks like a presentity who is not there, to the byte") {
    // The same watcher of the same presentity by the same clock, and twice the same entropy.
    const auto told = [](Policy policy, bool is_there) {
        ServerWorld w(policy);
        w.raw.answer_notify = true;
        std::vector<std::string> seen;
        const auto look = [&] {
            while (const RawMessage sent = w.raw.take()) {
                if (sent.text.find("bob@example.com") == std::string::npos) continue;
                const auto when = (sent.at - sip::Instant{}).count();
                seen.push_back(std::to_string(when) + " " + sent.text);
            }
        };
        RawRequest request = ServerWorld::subscribe("bob");
        w.raw.sent.clear();
        (void)w.raw.ask(request);
        const std::string challenge = w.raw.ask(request).field("WWW-Authenticate");
        request.cseq = 2;
        request.with(authorization_for(challenge, request, "bob", "bob"));
        w.raw.sent.clear();
        w.raw.input(w.raw.text_of(request));
        RawMessage notify;
        for (const RawMessage& sent : w.raw.sent)
            if (sent.method() == "NOTIFY") notify = sent;
        look();
        if (is_there)
            for (const char* basic : {"open", "closed", "open"}) {
                (void)w.ask_as("alice", w.publish("alice", pidf_document(basic)));
                look();
                w.raw.pass(seconds{7});
                look();
            }
        else
            w.raw.pass(seconds{21});
        // The end of its time.
        w.raw.pass(seconds{700});
        look();
        // Tags and what else is drawn differ, as there were other requests in between.
        for (std::string& one : seen)
            for (const char* name : {"tag=", "branch=z9hG4bK", "nonce=\"", "rspauth=\""})
                for (auto at = one.find(name); at != std::string::npos; at = one.find(name, at + 1))
                    for (auto i = at + std::string_view(name).size();
                         i < one.size() && std::isalnum(static_cast<unsigned char>(one[i])); ++i)
                        one[i] = '*';
        return seen;
    };
    const auto absent = told(Policy::allow, false), blocked = told(Policy::polite_block, true);
    CHECK(absent.size() == 3);  // the 200, the first NOTIFY, the last one
    CHECK(blocked == absent);
}

TEST_CASE("ROUR-4: a change that finds no place to wait for the store is answered 503") {
    presence::ServerOptions options = ServerWorld::open();
    options.has_store = true;
    options.limits.waiting_requests = 1;
    ServerWorld w(options);
    RawRequest busy = ServerWorld::subscribe("bob");
    CHECK_FALSE(w.raw.ask(busy));  // the store has it
    RawRequest publish =
        w.publish("carol", pidf_document("open", "t", {}, {}, "sip:carol@example.com"));
    for (const RawRequest& request : {ServerWorld::subscribe("bob", "carol"), publish,
                                      w.register_("carol", "<sip:carol@192.0.2.99>")}) {
        const RawMessage answer = w.raw.ask(request);
        CHECK_MESSAGE(answer.status() == 503, request.method);
        CHECK(answer.has("Retry-After"));
    }
    CHECK(w.server.counters().limit_waiting_requests >= 3);
    w.raw.commit();
    CHECK(w.server.notifier().size() == 1);
    CHECK(w.server.compositor().size() == 0);
    CHECK(w.server.registrar().size() == 0);
    publish.cseq = 100;
    CHECK_FALSE(w.raw.ask(publish));  // there is room again
    CHECK(w.raw.commits.size() == 1);
    // Behind a change of another kind a SUBSCRIBE finds as little.
    const RawMessage late = w.raw.ask(ServerWorld::subscribe("dave", "erin"));
    CHECK(late.status() == 503);
    CHECK(late.has("Retry-After"));
    CHECK(w.server.notifier().size() == 1);
}

namespace {

/// Says what it is told to.
struct OneState final : presence::LocalStates {
    std::string document = pidf_document("open");
    std::optional<State> state_of(std::string_view presentity) const override {
        if (presentity != "alice@example.com") return {};
        return State{document};
    }
};

presence::ServerOptions edge_options(ServerWorld& w, const OneState& state) {
    presence::ServerOptions options = w.closed(Policy::allow);
    options.edge_of = "alice@example.com";
    options.local_states = &state;
    (void)options.trusted.networks.add({sip::Address::v4(192, 0, 2, 99), 128});
    return options;
}

}  // namespace

TEST_CASE(
    "R3856-7.1-1 R3856-6.11.1-2: an edge presence server answers for its user at its Contact") {
    OneState state;
    ServerWorld w([&](ServerWorld& world) { return edge_options(world, state); });
    RawRequest request = ServerWorld::subscribe("bob");
    request.uri = "sip:alice@192.0.2.1:5060";
    CHECK(w.raw.ask(request).status() == 401);  // whose word would it be?
    request.with("P-Asserted-Identity: <sip:bob@example.com>");
    request.branch.clear();
    CHECK(w.raw.ask(request).status() == 200);
    const RawMessage first = w.raw.take("NOTIFY");
    CHECK(count_of(first.body(), "<basic>open</basic>") == 1);
    CHECK(count_of(first.body(), "entity=\"sip:alice@example.com\"") == 1);
    // What our user says is told at once, and to who asks by the address-of-record as well.
    state.document = pidf_document("closed");
    w.server.state_changed(w.raw.now, "alice@example.com");
    w.raw.pass(seconds{5});
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<basic>closed</basic>") == 1);
    RawRequest other = ServerWorld::subscribe("carol");
    other.with("P-Asserted-Identity: <sip:carol@example.com>");
    CHECK(w.raw.ask(other).status() == 200);
}

TEST_CASE(
    "R3856-7.1-1: an edge presence server knows its user alone, and takes no state from others") {
    OneState state;
    ServerWorld w([&](ServerWorld& world) { return edge_options(world, state); });
    for (const char* wrong :
         {"sip:bob@example.com", "sip:bob@192.0.2.1:5060", "sip:192.0.2.1:5060",
          "sip:alice@192.0.2.1:5061", "sip:alice@192.0.2.2:5060", "tel:+4930123"}) {
        CAPTURE(wrong);
        RawRequest request = ServerWorld::subscribe("bob");
        request.uri = wrong;
        request.call_id = wrong;
        request.with("P-Asserted-Identity: <sip:bob@example.com>");
        CHECK(w.raw.ask(request).status() == 404);
    }
    CHECK(w.ask_as("alice", w.publish("alice", pidf_document("open"))).status() == 405);
    const RawMessage refused = w.ask_as("alice", w.register_("alice", "<sip:alice@192.0.2.7>"));
    CHECK(refused.status() == 405);
    CHECK(refused.field("Allow") == "OPTIONS, SUBSCRIBE");
    // By its own password the user watches from elsewhere.
    CHECK(w.ask_as("alice", ServerWorld::subscribe("alice")).status() == 200);
}

TEST_CASE("R3856-6.9-2: servers that know the same of a presentity say the same, but for ids") {
    const auto document_at = [](std::uint64_t draws, bool swapped) {
        ServerWorld w;
        for (std::uint64_t i = 0; i < draws; ++i) (void)w.entropy.next();
        const auto publish = [&](const std::string& call, const std::string& id,
                                 const std::string& inside) {
            RawRequest request = w.publish("alice", pidf_document("open", id, {}, inside));
            request.call_id = call;
            CHECK(w.raw.ask(request).status() == 200);
        };
        const std::string person =
            "<dm:person id=\"p\"><rpid:mood><rpid:happy/></rpid:mood></dm:person>";
        CHECK(w.raw.ask(w.register_("alice", "<sip:alice@192.0.2.7>;q=0.5")).status() == 200);
        // At one instant, and so in no order that anybody knows.
        if (swapped) publish("second", "t2", person);
        publish("first", "t1", {});
        if (!swapped) publish("second", "t2", person);
        CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
        std::string text = w.raw.take("NOTIFY").body();
        for (auto at = text.find(" id=\""); at != std::string::npos;
             at = text.find(" id=\"", at + 1))
            text.replace(at + 5, text.find('"', at + 5) - at - 5, "*");
        return text;
    };
    const std::string one = document_at(0, false);
    CHECK(count_of(one, "<tuple") == 2);
    CHECK(count_of(one, "happy") == 1);
    CHECK(document_at(7, false) == one);
    CHECK(document_at(3, true) == one);
}
