#include "sip/auth/digest_gate.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "sip/auth/digest_response.hpp"
#include "sip/stack.hpp"
#include "tests/sip/auth/digest_world.hpp"
#include "tests/support/raw_peer.hpp"

namespace {

/// Answers each request with the identity it was given.
struct Mirror final : sip::TransactionUser {
    explicit Mirror(sip::Core core_given) : core(core_given) {}
    void on_request(const sip::Now& now, const sip::Request& request) override {
        identity = std::string(request.identity.address_of_record);
        authenticated = request.identity.authenticated;
        core.respond(now, request, 200);
    }
    sip::Core core;
    std::string identity;
    bool authenticated = false;
};

struct GateWorld {
    GateWorld() {
        stack.attach(mirror, methods);
        stack.set_gate(&gate);
    }
    RawRequest request(const std::string& uri, const std::string& from) {
        RawRequest made{"PUBLISH", uri};
        made.from = "<" + from + ">;tag=1";
        made.cseq = ++cseq;
        return made;
    }
    /// The request with the credentials that its challenge asks for.
    RawMessage ask_as(const std::string& user, const std::string& password, RawRequest request) {
        const std::string challenge = world.ask(request).field("WWW-Authenticate");
        const std::string realm = parameter(challenge, "realm");
        const sip::Ha1 ha1 = sip::make_ha1(sip::DigestAlgorithm::md5, user, realm, password);
        sip::DigestInput input;
        const std::string nonce = parameter(challenge, "nonce");
        input.nonce = nonce;
        input.method = request.method;
        input.uri = request.uri;
        const std::string response{sip::digest_response(ha1.hex, input).view()};
        request.cseq = ++cseq;
        request.with("Authorization: Digest username=\"" + user + "\", realm=\"" + realm +
                     "\", nonce=\"" + nonce + "\", uri=\"" + request.uri + "\", response=\"" +
                     response + "\"");
        return world.ask(request);
    }

    static constexpr std::array<std::string_view, 2> domains{"example.com", "Example.NET"};
    static constexpr std::array methods{sip::Method::publish};
    unsigned cseq = 0;
    SeededEntropy entropy{3};
    TestUsers users;
    sip::Stack stack{{}, entropy};
    sip::DigestServer server{stack.shard().memory, entropy, {}};
    sip::DigestGate gate{server, users, domains};
    Mirror mirror{stack.core()};
    RawWorld<sip::Stack> world{stack};
};

}  // namespace

TEST_CASE("the realm is the domain of From, else of the Request-URI, else our first") {
    GateWorld w;
    const auto realm = [&](const std::string& uri, const std::string& from) {
        const RawMessage answer = w.world.ask(w.request(uri, from));
        CHECK(answer.status() == 401);
        CHECK(answer.reason() == "Unauthorized");
        return parameter(answer.field("WWW-Authenticate"), "realm");
    };
    CHECK(realm("sip:bob@example.com", "sip:alice@example.net") == "Example.NET");
    CHECK(realm("sip:bob@EXAMPLE.net:5070", "sip:alice@elsewhere.org") == "Example.NET");
    CHECK(realm("sip:bob@192.0.2.1", "sip:alice@elsewhere.org") == "example.com");
    CHECK(w.stack.servers().size() == 0);  // a challenge keeps nothing
    CHECK(w.stack.counters().challenges == 3);
}

TEST_CASE("who proves to be a user of a realm is that user, whatever From says") {
    GateWorld w;
    CHECK(w.ask_as("alice", "wonderland", w.request("sip:alice@example.com", "sip:bob@example.com"))
              .status() == 200);
    CHECK(w.mirror.identity == "alice@example.com");
    CHECK(w.mirror.authenticated);
    // In the canonical spelling of an address-of-record.
    w.users.passwords["al ice"] = "x";
    CHECK(
        w.ask_as("al ice", "x", w.request("sip:alice@example.net", "sip:a@example.net")).status() ==
        200);
    CHECK(w.mirror.identity == "al%20ice@example.net");
}

TEST_CASE("wrong credentials are challenged again, and the reason says that they were") {
    GateWorld w;
    const RawMessage wrong =
        w.ask_as("alice", "rabbit", w.request("sip:alice@example.com", "sip:alice@example.com"));
    CHECK(wrong.status() == 401);
    CHECK(wrong.reason() == "Authorization: wrong credentials");
    const RawMessage unknown =
        w.ask_as("nobody", "rabbit", w.request("sip:alice@example.com", "sip:alice@example.com"));
    CHECK(unknown.status() == 401);
    CHECK(unknown.reason() == wrong.reason());
    RawRequest broken = w.request("sip:alice@example.com", "sip:alice@example.com");
    broken.with("Authorization: Digest username=\"alice\", username=\"bob\"");
    CHECK(w.world.ask(broken).status() == 400);
    CHECK(w.mirror.identity.empty());
}

TEST_CASE("without authentication From is who asks, and counts as proved") {
    GateWorld w;
    sip::TrustingGate trusting;
    w.stack.set_gate(&trusting);
    CHECK(w.world.ask(w.request("sip:bob@example.com", "sip:%61lice@EXAMPLE.com:5070;x=y"))
              .status() == 200);
    CHECK(w.mirror.identity == "alice@example.com");
    CHECK(w.mirror.authenticated);
    const RawMessage too_long = w.world.ask(
        w.request("sip:bob@example.com", "sip:" + std::string(600, 'a') + "@example.com"));
    CHECK(too_long.status() == 403);
}
