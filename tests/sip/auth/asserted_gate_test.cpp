#include "sip/auth/asserted_gate.hpp"

#include <doctest/doctest.h>

#include <string>

#include "sip/stack.hpp"
#include "tests/support/raw_peer.hpp"
#include "tests/support/seeded_entropy.hpp"

// What it means for a whole server: tests/scenario/asserted_identity_test.cpp.

using namespace sip;

namespace {

/// Challenges all, and remembers that it was asked.
struct Strict final : Gate {
    Verdict admit(const Now&, const Request&) override {
        ++asked;
        Verdict verdict;
        verdict.kind = Verdict::Kind::challenged;
        return verdict;
    }
    void write_challenges(const Now&, const Request&, bool, MessageWriter& writer) override {
        writer.header(HeaderId::www_authenticate, "Digest realm=\"x\",nonce=\"y\"");
    }
    void write_proof(const Now&, MessageWriter&) override { ++proofs; }
    int asked = 0, proofs = 0;
};
struct Mirror final : TransactionUser {
    explicit Mirror(Core core_given) : core(core_given) {}
    void on_request(const Now& now, const Request& request) override {
        identity = std::string(request.identity.address_of_record);
        authenticated = request.identity.authenticated;
        Reply reply(core.shard, request, 200);
        core.prove(now, request, reply);
        core.respond(now, request, reply);
    }
    Core core;
    std::string identity;
    bool authenticated = false;
};
struct GateWorld {
    explicit GateWorld(const char* network, AssertedGate::Untrusted untrusted = {})
        : stack({}, entropy),
          mirror(stack.core()),
          gate(strict, stack.transport(), stack.shard().leniency, trusting(network), untrusted),
          net(stack) {
        stack.attach(mirror, methods);
        stack.set_gate(&gate);
    }
    static TrustedPeers trusting(const char* network) {
        TrustedPeers peers;
        CHECK(peers.empty());
        REQUIRE(peers.networks.add(*parse_address_range(network)));
        CHECK_FALSE(peers.empty());
        return peers;
    }
    int ask(const std::string& asserted) {
        RawRequest request{"PUBLISH", "sip:alice@example.com"};
        request.cseq = ++cseq;
        if (!asserted.empty()) request.with("P-Asserted-Identity: " + asserted);
        return net.ask(request).status();
    }
    static constexpr std::array methods{Method::publish};
    unsigned cseq = 0;
    SeededEntropy entropy{3};
    Stack stack;
    Mirror mirror;
    Strict strict;
    AssertedGate gate;
    RawWorld<Stack> net;
};

}  // namespace

TEST_CASE("T-14: whom a trusted peer names is who asks, and nobody else is asked for a proof") {
    GateWorld w("192.0.2.99");
    CHECK(w.ask("<sip:bob@Example.ORG;user=phone>") == 200);
    CHECK(w.mirror.identity == "bob@example.org");
    CHECK(w.mirror.authenticated);
    CHECK(w.ask("<tel:+1>") == 200);
    CHECK(w.mirror.identity == "tel:+1");
    CHECK(w.strict.asked == 0);
    CHECK(w.strict.proofs == 0);
    CHECK(w.ask("") == 401);
    CHECK(w.ask("<sip:a@b>,<sip:c@d>") == 400);
    CHECK(w.strict.asked == 1);
}

TEST_CASE("T-14: one address beside the trusted network is not in it") {
    GateWorld w("192.0.2.98/32");
    CHECK(w.ask("<sip:bob@example.org>") == 401);
    CHECK(w.ask("<sip:a@b>,<sip:c@d>") == 401);
    CHECK(w.strict.asked == 2);
    GateWorld strict("192.0.2.98/32", AssertedGate::Untrusted::refuse);
    CHECK(strict.ask("<sip:bob@example.org>") == 403);
    CHECK(strict.ask("") == 401);
    CHECK(strict.strict.asked == 1);
}

TEST_CASE(
    "T-14 R5922-7.4-1: a peer is trusted for the name that its certificate proves, by TLS alone") {
    constexpr std::array<std::string_view, 1> names{"sbc.example.com"};
    SeededEntropy entropy{4};
    Stack stack({}, entropy);
    Mirror mirror(stack.core());
    Strict strict;
    TrustedPeers peers;
    peers.names = names;
    AssertedGate gate(strict, stack.transport(), stack.shard().leniency, peers, {});
    RawWorld<Stack> net(stack);
    constexpr std::array methods{Method::publish};
    stack.attach(mirror, methods);
    stack.set_gate(&gate);
    unsigned cseq = 0;
    const auto ask = [&](Transport transport, std::string_view proved) {
        const FlowId flow = stack.accepted(net.now, transport, net.server, net.peer);
        if (!proved.empty()) stack.secured(net.now, flow, {{proved}});
        RawRequest request{"PUBLISH", "sip:alice@example.com"};
        request.cseq = ++cseq;
        request.with("P-Asserted-Identity: <sip:bob@example.org>");
        net.sent.clear();
        net.input(flow, net.text_of(request, transport == Transport::tls ? "TLS" : "TCP"));
        return net.take().status();
    };
    CHECK(ask(Transport::tls, "SBC.example.com") == 200);
    CHECK(mirror.identity == "bob@example.org");
    CHECK(ask(Transport::tls, "other.example.com") == 401);
    CHECK(ask(Transport::tls, "") == 401);
    CHECK(ask(Transport::tcp, "sbc.example.com") == 401);
}
