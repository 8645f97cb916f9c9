#include <doctest/doctest.h>

#include <string>

#include "tests/support/proxy_world.hpp"

// A SUBSCRIBE that is tried at a phone before it is answered here: what cannot be brought there.

using sip::seconds;

namespace {

constexpr const char* capable = ";methods=\"SUBSCRIBE\";events=\"presence\"";

struct TrialWorld : ProxyWorld {
    explicit TrialWorld(const sip::Limits& limits = {}, Relay relay = Relay::local)
        : ProxyWorld(Closed::yes, relay, limits) {
        users.users["alice"] = "alice";
    }
    /// bob's SUBSCRIBE from 192.0.2.99, proved; `change` makes it another before.
    template <class Change>
    std::string asking(Change change) {
        RawRequest request = subscribe("bob");
        change(request);
        raw.peer = {sip::Address::v4(192, 0, 2, 99), 5062};
        const RawMessage challenge = raw.ask(request);
        ++request.cseq;
        request.with(authorization_for(challenge.field("WWW-Authenticate"), request, "bob", "bob"));
        raw.sent.clear();
        return raw.text_of(request);
    }
    /// It was answered here, and no phone was asked.
    bool is_served_here(const std::string& text) {
        raw.input(text);
        const bool asked = static_cast<bool>(raw.take("SUBSCRIBE"));
        return raw.take().status() == 200 && !asked && server.notifier().size() == 1 &&
               server.proxy().size() == 0 && server.proxy().branches() == 0;
    }
};
const auto as_it_is = [](RawRequest&) {};

}  // namespace

TEST_CASE("R3856-6.11.2-1: what cannot be carried to the phone is answered here at once") {
    SUBCASE("nothing is carried on at all") {
        TrialWorld w({}, ProxyWorld::Relay::none);
        w.bind("alice", 20, capable);
        CHECK(w.is_served_here(w.asking(as_it_is)));
    }
    SUBCASE("T-27: its contact is this server") {
        TrialWorld w;
        w.bind("alice", 1, capable);
        CHECK(w.is_served_here(w.asking(as_it_is)));
    }
    SUBCASE("no hop is left") {
        TrialWorld w;
        w.bind("alice", 20, capable);
        std::string text = w.asking(as_it_is);
        text.replace(text.find("Max-Forwards: 70"), 16, "Max-Forwards: 0");
        CHECK(w.is_served_here(text));
    }
    SUBCASE("there is no way to it") {
        TrialWorld w;
        RawRequest request =
            w.register_("alice", std::string("<sip:alice@[2001:db8::1]>") + capable);
        CHECK(w.ask_as("alice", request).status() == 200);
        CHECK(w.is_served_here(w.asking(as_it_is)));
        CHECK(w.counters().migrations_returned == 1);
    }
    SUBCASE("as many requests are on their way as may be") {
        sip::Limits limits;
        limits.response_contexts = 1;
        TrialWorld w(limits);
        w.bind("alice", 20, capable);
        w.raw.input(w.asking([](RawRequest& r) { r.call_id = "first"; }));
        CHECK(w.raw.take("SUBSCRIBE"));
        w.raw.input(w.asking(as_it_is));
        CHECK(w.raw.take().status() == 200);
        CHECK(w.server.notifier().size() == 1);
        CHECK(w.counters().limit_response_contexts == 1);
    }
    SUBCASE("it is too large to be kept") {
        sip::Limits limits;
        limits.response_context_bytes = 600;
        TrialWorld w(limits);
        w.bind("alice", 20, capable);
        CHECK(w.is_served_here(
            w.asking([](RawRequest& r) { r.with("Subject: " + std::string(600, 'x')); })));
        CHECK(w.counters().limit_response_context_bytes == 1);
    }
}

TEST_CASE("T-14: the copy for the phone has our word in the place of what proved it") {
    TrialWorld w;
    w.bind("alice", 20, capable);
    w.raw.input(w.asking([](RawRequest& r) {
        r.with("P-Asserted-Identity: <sip:carol@example.com>")
            .with(
                "Authorization: Digest username=\"x\", realm=\"elsewhere.org\", nonce=\"1\", "
                "uri=\"sip:x\", response=\"00000000000000000000000000000000\"");
    }));
    const RawMessage carried = w.raw.take("SUBSCRIBE");
    CHECK(carried.fields("P-Asserted-Identity") ==
          std::vector<std::string>{"<sip:bob@example.com>"});
    REQUIRE(carried.fields("Authorization").size() == 1);
    CHECK(carried.field("Authorization").find("elsewhere.org") != std::string::npos);
    CHECK(carried.field("Max-Forwards") == "69");
}
