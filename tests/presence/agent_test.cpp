#include "presence/agent.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/raw_peer.hpp"
#include "tests/support/seeded_entropy.hpp"
#include "tests/support/server_world.hpp"

using namespace presence;
using sip::seconds;

namespace {

struct OneUser final : AgentUser {
    std::string text = pidf_document("open");
    Policy policy = Policy::allow;
    std::string_view document() const override { return text; }
    Policy policy_for(std::string_view watcher) const override {
        return watcher == "mallory@example.com" ? Policy::block : policy;
    }
};

/// The agent of alice; what 192.0.2.99 asserts is believed.
struct AgentWorld {
    explicit AgentWorld(sip::Gate* gate = nullptr) : agent(options(gate), user, entropy) {}

    static AgentOptions options(sip::Gate* gate) {
        AgentOptions made;
        made.presentity = "alice@example.com";
        made.gate = gate;
        (void)made.trusted.networks.add({sip::Address::v4(192, 0, 2, 99), 128});
        return made;
    }
    static RawRequest subscribe(const std::string& watcher, const std::string& uri) {
        RawRequest request = ServerWorld::subscribe(watcher);
        request.uri = uri;
        request.to.clear();
        return request.with("P-Asserted-Identity: <sip:" + watcher + "@example.com>");
    }
    int ask(const std::string& watcher, const std::string& uri = "sip:alice@example.com") {
        return raw.ask(subscribe(watcher, uri)).status();
    }
    std::string told() { return raw.take("NOTIFY").body(); }

    SeededEntropy entropy{7};
    OneUser user;
    Agent agent;
    RawWorld<sip::Stack> raw{agent.stack()};
};

}  // namespace

TEST_CASE("R3856-7.1-1: an agent answers for its user alone, at the address and at its Contact") {
    AgentWorld w;
    CHECK(w.ask("bob", "sip:alice@192.0.2.1:5060") == 200);
    CHECK(w.told() == w.user.text);
    CHECK(w.ask("carol") == 200);
    CHECK(w.told() == w.user.text);
    CHECK(w.ask("dave", "sip:bob@example.com") == 404);
    CHECK(w.ask("erin", "sip:bob@192.0.2.1:5060") == 404);
    w.user.text = pidf_document("closed");
    w.agent.state_changed(w.raw.now);
    w.raw.pass(seconds{5});
    CHECK(w.told() == w.user.text);
    CHECK(w.told() == w.user.text);
    CHECK(w.agent.notifier().size() == 2);
}

TEST_CASE("R3856-9.5-1: whom nobody vouches for is refused by an agent") {
    AgentWorld w;
    RawRequest request = ServerWorld::subscribe("bob");
    CHECK(w.raw.ask(request).status() == 403);
    w.raw.peer.address = sip::Address::v4(192, 0, 2, 98);
    CHECK(w.ask("bob") == 403);
    CHECK(w.agent.idle());
    sip::TrustingGate everybody;
    AgentWorld open(&everybody);
    CHECK(open.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
}

TEST_CASE("each policy of an agent's user has its answer and its document") {
    AgentWorld w;
    CHECK(w.ask("mallory") == 403);
    w.user.policy = Policy::polite_block;
    CHECK(w.ask("bob") == 200);
    const std::string closed = w.told();
    CHECK(count_of(closed, "<basic>closed</basic>") == 1);
    CHECK(count_of(closed, "entity=\"sip:alice@example.com\"") == 1);
    w.user.policy = Policy::confirm;
    CHECK(w.ask("carol") == 200);
    CHECK(w.told().empty());
    // What is decided anew is told at once, to both.
    w.user.policy = Policy::allow;
    w.agent.policy_changed(w.raw.now);
    w.raw.drain();
    CHECK(w.told() == w.user.text);
    CHECK(w.told() == w.user.text);
    // The user without a document is not there; and sees itself.
    w.user.text.clear();
    w.user.policy = Policy::block;
    w.agent.state_changed(w.raw.now);
    CHECK(w.ask("alice") == 200);
    w.raw.pass(seconds{5});
    CHECK(w.told() == closed);
}

TEST_CASE("an agent that stops ends its subscriptions and begins none") {
    AgentWorld w;
    CHECK(w.ask("bob") == 200);
    w.raw.sent.clear();
    w.agent.shut_down(w.raw.now);
    w.raw.drain();
    CHECK(w.raw.take("NOTIFY").field("Subscription-State").starts_with("terminated;reason=deacti"));
    CHECK(w.agent.idle());
    CHECK(w.ask("bob") == 503);
}
