#include "sip/event/notify_digest.hpp"

#include <doctest/doctest.h>

#include <string>

#include "sip/message/digest_header.hpp"
#include "tests/support/event_world.hpp"

using namespace sip;

namespace {

/// Bob and we share a secret in his realm; with nobody else there is one.
struct BobsSecret final : NotifySecretSource {
    bool find(std::string_view watcher, std::string_view realm, DigestAlgorithm base,
              NotifySecret& out) const override {
        if (watcher != "bob@example.com" || realm != "bobs phone") return false;
        out = {"server", make_ha1(base, "server", realm, "shared")};
        return true;
    }
};

struct Challenged {
    Challenged() { world.notifier.set_credentials(&digest); }

    EventWorld world;
    BobsSecret secrets;
    NotifyDigest digest{world.stack.shard().memory, world.entropy, secrets};

    RawMessage subscribe(const std::string& who) {
        world.net.answer_notify = false;
        CHECK(world.net.ask(world.subscribe_request(who)).status() == 200);
        return world.net.take("NOTIFY");
    }
    /// What comes of a challenge to `notify`.
    RawMessage challenge(const RawMessage& notify, const std::string& nonce, int status = 401,
                         const std::string& realm = "bobs phone",
                         const std::string& algorithm = "MD5") {
        const std::string name = status == 401 ? "WWW-Authenticate" : "Proxy-Authenticate";
        world.net.answer(notify, status, "Who are you",
                         {name + ": Digest realm=\"" + realm + "\", nonce=\"" + nonce +
                          "\", qop=\"auth,auth-int\", algorithm=" + algorithm});
        return world.net.take("NOTIFY");
    }
};

}  // namespace

TEST_CASE(
    "R6665-4.1.3-3 R3856-9.4-1: a watcher that challenges a NOTIFY gets proof of who we are") {
    for (const char* algorithm : {"MD5", "SHA-256"}) {
        Challenged c;
        const RawMessage first = c.subscribe("bob");
        const RawMessage again = c.challenge(first, "n1", 401, "bobs phone", algorithm);
        REQUIRE(again);
        const std::string value = again.field("Authorization");
        const auto credentials = parse_credentials(value);
        REQUIRE(credentials);
        CHECK(credentials->username == "server");
        CHECK(credentials->realm == "bobs phone");
        CHECK(credentials->nonce == "n1");
        CHECK(credentials->uri == again.request_uri());
        CHECK(again.body() == first.body());
        // As the watcher computes it, who knows the same secret.
        const auto base = credentials->algorithm;
        DigestInput input;
        input.algorithm = base;
        input.nonce = credentials->nonce;
        input.qop = credentials->qop;
        input.cnonce = credentials->cnonce;
        input.nc = credentials->nc_text;
        input.uri = credentials->uri;
        input.method = "NOTIFY";
        const std::string body = again.body();
        input.body = body;
        const Ha1 ha1 = make_ha1(base, "server", "bobs phone", "shared");
        const HexDigest right =
            digest_response(session_key(ha1, base, input.nonce, input.cnonce), input);
        CHECK(credentials->response == right.view());
        c.world.net.answer(again);
        CHECK(c.world.notifier.size() == 1);
    }
}

TEST_CASE("a proxy on the way that asks is answered in its own field") {
    Challenged c;
    const RawMessage again = c.challenge(c.subscribe("bob"), "n1", 407);
    CHECK(again.has("Proxy-Authorization"));
    CHECK_FALSE(again.has("Authorization"));
}

TEST_CASE("T-15: no secret but that of the watcher and realm is used, and each nonce once") {
    Challenged c;
    CHECK_FALSE(c.challenge(c.subscribe("carol"), "n1"));
    Challenged other;
    CHECK_FALSE(other.challenge(other.subscribe("bob"), "n2", 401, "another realm"));
    const RawMessage notify = c.subscribe("bob");
    RawMessage again = c.challenge(notify, "n3");
    REQUIRE(again.has("Authorization"));
    c.world.net.answer(again);
    // The same nonce for the next NOTIFY: somebody tries passwords on us.
    c.world.echo.extra = "x\n";
    c.world.notifier.state_changed(c.world.net.now, 0, "alice@example.com");
    c.world.net.drain();
    const RawMessage next = c.world.net.take("NOTIFY");
    REQUIRE(next);
    SUBCASE("not again") { CHECK_FALSE(c.challenge(next, "n3")); }
    SUBCASE("another nonce is another question") {
        CHECK(c.challenge(next, "n4").has("Authorization"));
    }
}

TEST_CASE("T-35: without memory for an answer a challenge is a failure, and nothing is lost") {
    int failures = 0;
    for (std::uint64_t n = 0;; ++n) {
        Challenged c;
        const RawMessage notify = c.subscribe("bob");
        Memory& memory = c.world.stack.shard().memory;
        memory.refuse_after(n);
        const bool answered = static_cast<bool>(c.challenge(notify, "n1"));
        memory.refuse_none();
        CHECK(c.world.notifier.size() == 1);
        if (memory.refusals() == 0) {
            CHECK(answered);
            break;
        }
        if (answered) continue;  // it could do without
        ++failures;
        // It is tried again, as any NOTIFY that failed.
        c.world.net.pass(seconds{33});
        CHECK(c.world.net.take("NOTIFY"));
    }
    CHECK(failures > 0);
}
