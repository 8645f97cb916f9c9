// What the server says of itself to people: why somebody sees what they see.

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/support/server_world.hpp"

namespace {

struct OwnPolicy final : presence::PolicySource {
    std::optional<presence::Policy> policy_of(std::string_view presentity) const override {
        if (presentity == "alice@example.com") return presence::Policy::block;
        return {};
    }
};

struct Refusals final : sip::Tracer {
    void decision(const sip::Now&, const sip::TraceDecision& d) override {
        if (d.what == "refused")
            lines.push_back(std::string(d.subject) + " about " + std::string(d.about) + ": " +
                            std::to_string(d.status) + " " + std::string(d.reason));
    }
    std::vector<std::string> lines;
};

presence::ServerOptions keeping(presence::ServerOptions options) {
    options.keeps_reasons = true;
    return options;
}

struct Told {
    std::string because;
    sip::ProvedBy proved_by{};
    bool authenticated = false;
};
std::vector<Told> told_of(ServerWorld& w) {
    std::vector<Told> all;
    w.server.notifier().for_each(w.raw.now, [&](const sip::Notifier::Snapshot& s) {
        all.push_back({std::string(s.because), s.proved_by, s.authenticated});
    });
    return all;
}

}  // namespace

TEST_CASE("each subscription knows what decided and what its identity rests on") {
    ServerWorld trusting(keeping(ServerWorld::open()));
    REQUIRE(trusting.raw.ask(trusting.subscribe("bob")).status() == 200);
    auto told = told_of(trusting);
    REQUIRE(told.size() == 1);
    CHECK(told[0].because == "policy allow");
    CHECK(told[0].proved_by == sip::ProvedBy::from);

    ServerWorld digest([](ServerWorld& w) { return keeping(w.closed(presence::Policy::confirm)); });
    REQUIRE(digest.ask_as("alice", digest.subscribe("alice")).status() == 200);
    told = told_of(digest);
    REQUIRE(told.size() == 1);
    CHECK(told[0].because == "own address");
    CHECK(told[0].proved_by == sip::ProvedBy::digest);
    CHECK(told[0].authenticated);
    // Another policy, and another reason, at once; to oneself there is none but that.
    REQUIRE(digest.ask_as("bob", digest.subscribe("bob")).status() == 200);
    digest.server.set_policy(digest.raw.now, presence::Policy::polite_block);
    told = told_of(digest);
    REQUIRE(told.size() == 2);
    CHECK(told[0].because == "own address");
    CHECK(told[1].because == "policy polite-block");
}

TEST_CASE("what a peer in a trust domain asserts is known as that") {
    presence::ServerOptions options = keeping(ServerWorld::open());
    REQUIRE(options.trusted.networks.add(*sip::parse_address_range("192.0.2.99")));
    ServerWorld w(options);
    RawRequest request = w.subscribe("bob");
    request.with("P-Asserted-Identity: <sip:carol@example.com>");
    REQUIRE(w.raw.ask(request).status() == 200);
    const auto told = told_of(w);
    REQUIRE(told.size() == 1);
    CHECK(told[0].proved_by == sip::ProvedBy::asserted);
}

TEST_CASE(
    "a SUBSCRIBE can be decided ahead, by the presentity's own policy, and nothing comes of it") {
    const OwnPolicy own;
    presence::ServerOptions options = ServerWorld::open();
    options.policies = &own;
    ServerWorld w(options);
    const auto blocked = w.server.decision_for(w.raw.now, "bob@example.com", "alice@example.com");
    CHECK(blocked.state == sip::SubscriptionDecision::rejected);
    CHECK(blocked.because == "own policy block");
    const auto allowed = w.server.decision_for(w.raw.now, "bob@example.com", "carol@example.com");
    CHECK(allowed.state == sip::SubscriptionDecision::active);
    CHECK(allowed.because == "policy allow");
    CHECK(w.server.notifier().size() == 0);
    CHECK(w.server.package().policy_for("alice@example.com").own);
    CHECK_FALSE(w.server.package().policy_for("carol@example.com").own);
    CHECK_FALSE(w.server.package().has_local_state("alice@example.com"));
}

TEST_CASE("a refusal tells who was refused and about whom, whichever check refused it") {
    Refusals refusals;
    ServerWorld w([&](ServerWorld& world) {
        presence::ServerOptions options = world.closed(presence::Policy::block);
        options.tracer = &refusals;
        return options;
    });
    // A challenge alone is no refusal.
    CHECK(w.raw.ask(w.subscribe("bob")).status() == 401);
    CHECK(refusals.lines.empty());
    CHECK(w.ask_as("bob", w.subscribe("bob", "nobody")).status() == 404);
    CHECK(w.ask_as("bob", w.subscribe("bob", "alice")).status() == 403);
    CHECK(w.ask_as("bob", w.publish("alice", pidf_document("open"))).status() == 403);
    CHECK(w.ask_as("bob", w.register_("alice", "<sip:bob@192.0.2.9>")).status() == 403);
    REQUIRE(refusals.lines.size() == 4);
    CHECK(refusals.lines[0].starts_with("bob@example.com about nobody@example.com: 404"));
    CHECK(refusals.lines[1] == "bob@example.com about alice@example.com: 403 Forbidden");
    CHECK(refusals.lines[2] ==
          "bob@example.com about alice@example.com: 403 Not your own presence");
    CHECK(refusals.lines[3].starts_with("bob@example.com about alice@example.com: 403 "));
    // A wrong password: bob's name is a claim.
    w.users.users["bob"] = "another";
    CHECK(w.ask_as("bob", w.subscribe("bob", "carol")).status() == 401);
    REQUIRE(refusals.lines.size() == 5);
    CHECK(refusals.lines[4].starts_with("bob@example.com about carol@example.com: 401 "));
}

TEST_CASE(
    "R4479-OUR-2: all that is known of an address is composed for who asks, with nobody there") {
    ServerWorld w;
    std::string room(60'000, '\0');
    const auto compose = [&] {
        const auto size = w.server.compose(w.raw.now, "alice@example.com", nullptr, room);
        REQUIRE(size);
        return room.substr(0, *size);
    };
    CHECK(compose().find("closed") != std::string::npos);
    CHECK_FALSE(w.server.resource_of("alice@example.com"));
    CHECK(w.raw.ask(w.publish("alice", pidf_document("open"))).status() == 200);
    CHECK(compose().find("open") != std::string::npos);
    CHECK(w.server.resource_of("alice@example.com"));
    // A watcher is shown the same bytes.
    REQUIRE(w.raw.ask(w.subscribe("bob")).status() == 200);
    CHECK(w.raw.take("NOTIFY").body() == compose());
}

TEST_CASE("publications and registrations of all are met, each with its address and its end") {
    ServerWorld w;
    CHECK(w.raw.ask(w.publish("alice", pidf_document("open"))).status() == 200);
    CHECK(w.raw.ask(w.register_("bob", "<sip:bob@192.0.2.9>;q=0.5", 600)).status() == 200);
    int met = 0;
    CHECK(w.server.compositor().for_each_from(
              0, 1'000, [&](std::uint8_t, std::string_view of, const auto& publication) {
                  ++met;
                  CHECK(of == "alice@example.com");
                  CHECK(publication.etag.size() == 24);
                  CHECK(sip::seconds_left(w.raw.now.mono, publication.expires_at) == 3600);
              }) == UINT32_MAX);
    CHECK(w.server.registrar().for_each_from(0, 1'000, [&](std::string_view of, const auto& one) {
        ++met;
        CHECK(of == "bob@example.com");
        CHECK(one.contact == "sip:bob@192.0.2.9");
        CHECK(one.q == 500);
    }) == UINT32_MAX);
    CHECK(met == 2);
}
