#include "sip/auth/asserted_gate.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/server_world.hpp"

using presence::Policy;

namespace {

presence::ServerOptions trusting(ServerWorld& like, const char* network = "192.0.2.64/26") {
    presence::ServerOptions options = like.closed(Policy::confirm);
    REQUIRE(options.trusted.networks.add(*sip::parse_address_range(network)));
    return options;
}
/// Trusts the network that its raw peer (192.0.2.99) is in.
struct TrustWorld {
    explicit TrustWorld(const char* network = "192.0.2.64/26") : w(trusting(accounts, network)) {}
    ServerWorld accounts;
    ServerWorld w;
    RawMessage ask(RawRequest request, const std::string& asserted) {
        request.call_id += std::to_string(++number);
        return w.raw.ask(request.with("P-Asserted-Identity: " + asserted));
    }
    std::string watcher() {
        std::string found;
        w.server.notifier().for_each(w.raw.now, [&](const sip::Notifier::Snapshot& s) {
            found = std::string(s.watcher) + " " + std::string(s.state);
        });
        return found;
    }
    unsigned number = 0;
};

}  // namespace

TEST_CASE(
    "T-14 R3856-6.6.1-2: from a trusted peer P-Asserted-Identity is the identity, without a "
    "challenge") {
    TrustWorld t;
    CHECK(t.ask(ServerWorld::subscribe("mallory"), "\"Bob\" <sip:Bob@Example.com>").status() ==
          200);
    CHECK(t.watcher() == "Bob@example.com pending");
    // Of a foreign domain, and with a number beside it.
    CHECK(t.ask(ServerWorld::subscribe("x"), "<tel:+12125551234>, <sip:eve@other.example>")
              .status() == 200);
    // One publishes and registers for oneself alone.
    CHECK(t.ask(t.w.publish("alice", pidf_document("open")), "<sip:alice@example.com>").status() ==
          200);
    CHECK(t.ask(t.w.publish("alice", pidf_document("open")), "<sip:bob@example.com>").status() ==
          403);
    CHECK(t.ask(t.w.register_("alice", "<sip:a@192.0.2.7>"), "<sip:alice@example.com>").status() ==
          200);
    CHECK(t.ask(t.w.register_("alice", "<sip:a@192.0.2.7>"), "<sip:bob@example.com>").status() ==
          403);
    // R3856-6.6.2-8: whoever is the presentity sees all.
    const RawMessage own = t.ask(ServerWorld::subscribe("x"), "<sip:alice@example.com>");
    CHECK(own.status() == 200);
    CHECK(t.w.raw.take("NOTIFY").field("Subscription-State").starts_with("active"));
    // RFC 3323: what is to be hidden decides all the same.
    RawRequest hidden = ServerWorld::subscribe("anonymous");
    hidden.with("Privacy: id");
    CHECK(t.ask(hidden, "<sip:carol@example.com>").status() == 200);
    CHECK(t.w.raw.take("NOTIFY").text.find("carol") == std::string::npos);
}

TEST_CASE(
    "T-14: a trusted peer that asserts nothing is asked as any other, and broken words are 400") {
    TrustWorld t;
    CHECK(t.w.raw.ask(ServerWorld::subscribe("bob")).status() == 401);
    CHECK(t.w.ask_as("bob", ServerWorld::subscribe("bob")).status() == 200);
    for (const char* broken : {"<sip:a@b>, <sip:c@d>", "<http://a>", "\"x", "<sip:a@b>;q=1", ","})
        CHECK_MESSAGE(t.ask(ServerWorld::subscribe("bob"), broken).status() == 400, broken);
    CHECK(t.ask(ServerWorld::subscribe("bob"), "<sip:example.com>").status() == 403);
    CHECK(t.ask(ServerWorld::subscribe("bob"), "<sip:" + std::string(600, 'a') + "@example.com>")
              .status() == 403);
}

TEST_CASE("T-14: from anybody else P-Asserted-Identity is passed over") {
    TrustWorld t("198.51.100.0/24");
    const std::string alice = "<sip:alice@example.com>";
    CHECK(t.ask(ServerWorld::subscribe("alice"), alice).status() == 401);
    CHECK(t.ask(t.w.publish("alice", pidf_document("open")), alice).status() == 401);
    CHECK(t.ask(t.w.register_("alice", "<sip:a@192.0.2.7>"), alice).status() == 401);
    CHECK(t.ask(ServerWorld::subscribe("alice"), "\"broken").status() == 401);
    // With credentials it is their owner who asks.
    CHECK(t.w.ask_as("bob", ServerWorld::subscribe("bob").with("P-Asserted-Identity: " + alice))
              .status() == 200);
    CHECK(t.watcher() == "bob@example.com pending");
    CHECK(t.w.ask_as(
                 "bob",
                 t.w.publish("alice", pidf_document("open")).with("P-Asserted-Identity: " + alice))
              .status() == 403);
}

TEST_CASE("T-14: or refused, where that is wanted; without the field nothing changes") {
    ServerWorld accounts;
    presence::ServerOptions options = trusting(accounts, "198.51.100.0/24");
    options.untrusted_identity = sip::AssertedGate::Untrusted::refuse;
    ServerWorld w(options);
    RawRequest request = ServerWorld::subscribe("bob");
    CHECK(w.ask_as("bob", request).status() == 200);
    request.call_id = "again";
    const std::size_t transactions = w.server.stack().servers().size();
    CHECK(w.raw.ask(request.with("P-Asserted-Identity: <sip:bob@example.com>")).status() == 403);
    CHECK(w.server.stack().servers().size() == transactions);
    w.raw.peer.address = sip::Address::v4(198, 51, 100, 7);
    request.call_id = "from-there";
    CHECK(w.raw.ask(request).status() == 200);
}

TEST_CASE("T-14: a certificate's name is not proved by a transport without certificates") {
    constexpr std::array<std::string_view, 1> names{"proxy.example.com"};
    ServerWorld accounts;
    presence::ServerOptions options = accounts.closed(Policy::confirm);
    options.trusted.names = names;
    ServerWorld w(options);
    RawRequest request = ServerWorld::subscribe("bob");
    request.with("P-Asserted-Identity: <sip:bob@example.com>");
    CHECK(w.raw.ask(request).status() == 401);
    CHECK(w.raw.ask(w.raw.connect(), request).status() == 401);
}

TEST_CASE(
    "R3856-9.6-1 R3261-22.1-4 R5025-3.1.1-2: nobody in particular watches once it has answered") {
    struct Row {
        Policy policy;
        int status;
        std::string state;
    };
    for (const Row& row : {Row{Policy::allow, 200, "pending"}, Row{Policy::confirm, 200, "pending"},
                           Row{Policy::polite_block, 200, "active"}, Row{Policy::block, 403, ""}}) {
        ServerWorld accounts;
        presence::ServerOptions options = accounts.closed(row.policy);
        options.anonymous = true;
        ServerWorld w(options);
        REQUIRE(w.ask_as("alice", w.publish("alice", pidf_document("open"))).status() == 200);
        const auto ask = [&](RawRequest request, const std::string& user,
                             const std::string& password) {
            const RawMessage first = w.raw.ask(request);
            REQUIRE(first.status() == 401);
            ++request.cseq;
            return w.raw.ask(request.with(
                authorization_for(first.field("WWW-Authenticate"), request, user, password)));
        };
        RawRequest request = ServerWorld::subscribe("anonymous");
        request.from = "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1";
        // Before the answer nothing is made and nothing sent.
        CHECK(w.raw.ask(request).status() == 401);
        CHECK(w.raw.sent.empty());
        CHECK(w.server.notifier().size() == 0);
        // A password is wrong, and anybody else still needs one.
        CHECK(ask(request, "anonymous", "guess").status() == 401);
        CHECK(ask(request, "bob", "").status() == 401);
        CHECK(ask(request, "anonymous", "").status() == row.status);
        CHECK(w.server.notifier().size() == (row.status == 200 ? 1 : 0));
        if (row.status == 200) {
            const RawMessage notify = w.raw.take("NOTIFY");
            CHECK(notify.field("Subscription-State").starts_with(row.state));
            CHECK(notify.body().find("open") == std::string::npos);
        }
        // Nor may nobody say anything about anybody.
        CHECK(ask(w.publish("alice", pidf_document("open")), "anonymous", "").status() == 403);
        CHECK(ask(w.publish("anonymous", pidf_document("open")), "anonymous", "").status() == 403);
        CHECK(ask(w.register_("alice", "<sip:a@192.0.2.7>"), "anonymous", "").status() == 403);
        CHECK(w.server.compositor().size() == 1);
        CHECK(w.server.registrar().size() == 0);
    }
}

TEST_CASE("R3856-9.5-1: without that setting the user anonymous is nobody") {
    ServerWorld w(Policy::polite_block);
    const RawMessage first = w.raw.ask(ServerWorld::subscribe("anonymous"));
    RawRequest request = ServerWorld::subscribe("anonymous");
    ++request.cseq;
    CHECK(w.raw
              .ask(request.with(
                  authorization_for(first.field("WWW-Authenticate"), request, "anonymous", "")))
              .status() == 401);
}
