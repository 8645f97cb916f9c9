// Floods against the whole server: who is honest is served, and nothing is left.

#include <doctest/doctest.h>

#include <string>

#include "tests/support/server_world.hpp"

using presence::Policy;
using sip::seconds;

namespace {

constexpr int sources = 5'000;

sip::Endpoint source(int i) {
    return {
        sip::Address::v4(10, 9, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)),
        5060};
}
/// A message from there; how many came back.
std::size_t tell_from(ServerWorld& w, const sip::Endpoint& from, const std::string& text) {
    const sip::Endpoint peer = w.raw.peer;
    w.raw.peer = from;
    w.raw.sent.clear();
    w.raw.input(text);
    w.raw.peer = peer;
    return w.raw.sent.size();
}
/// The i-th message of a flood: garbage, and requests without credentials.
std::string flood_text(ServerWorld& w, int i) {
    RawRequest request = i % 5 == 0   ? w.register_("alice", "<sip:alice@192.0.2.7>")
                         : i % 5 == 1 ? w.publish("alice", pidf_document("open"))
                         : i % 5 == 2 ? RawRequest{"OPTIONS", "sip:example.com"}
                                      : ServerWorld::subscribe("mallory");
    request.call_id = "flood-" + std::to_string(i);
    request.branch = "z9hG4bKflood" + std::to_string(i);
    std::string text = w.raw.text_of(request);
    if (i % 7 == 3) return text.substr(0, text.size() / 2);
    if (i % 11 == 4) return "SIP/2.0 200 OK\r\nVia: x\r\n\r\n";
    if (i % 13 == 5) return std::string(200, '\xff');
    return text;
}
RawRequest honest(int number) {
    RawRequest request = ServerWorld::subscribe("carol", "alice", 0);
    request.call_id = "honest-" + std::to_string(number);
    return request;
}
std::size_t kept_by(ServerWorld& w) {
    return w.server.notifier().size() + w.server.compositor().size() + w.server.registrar().size() +
           w.server.stack().servers().size() + w.server.stack().clients().size();
}

}  // namespace

TEST_CASE("T-10 T-16 T-35 ROUR-4: five thousand sources that flood leave nothing behind") {
    ServerWorld w(Policy::allow);
    const auto flood = [&](int from) {
        for (int i = 0; i < sources; ++i) (void)tell_from(w, source(i), flood_text(w, from + i));
    };
    flood(0);
    CHECK(kept_by(w) == 0);
    const std::size_t after_one = w.server.stack().shard().memory.used();
    w.raw.pass(seconds{60});
    // What is kept of sources is a few bytes each, and makes room for others.
    for (int round = 1; round < 4; ++round) flood(round * sources);
    CHECK(kept_by(w) == 0);
    CHECK(w.server.stack().shard().memory.used() <= after_one + 262'144);
    CHECK(w.server.stack().admission().size() <= sip::Limits{}.rate_buckets);
    CHECK(w.server.counters().limit_rate_strangers > 0);
    w.raw.pass(seconds{60});
    CHECK(w.ask_as("carol", honest(1)).status() == 200);
    CHECK(w.raw.take("NOTIFY"));
    w.raw.pass(seconds{8'000});
    w.server.trim(w.raw.now);
    CHECK(w.server.stack().admission().size() == 0);
}

TEST_CASE("T-16: while strangers flood, who proved an identity is served, and in dialogs all are") {
    ServerWorld w(Policy::allow);
    // Carol proved who she is; bob watches from an address that is not his any more.
    CHECK(w.ask_as("carol", honest(1)).status() == 200);
    const sip::Endpoint carol = w.raw.peer;
    RawRequest first = ServerWorld::subscribe("bob");
    REQUIRE(w.ask_as("bob", first).status() == 200);
    const RawMessage notify = w.raw.take("NOTIFY");
    REQUIRE(notify);
    int answered = 0, unanswered = 0;
    for (int i = 0; i < 4 * sources; ++i) {
        RawRequest request = ServerWorld::subscribe("mallory");
        request.call_id = "flood-" + std::to_string(i);
        request.branch = "z9hG4bKflood" + std::to_string(i);
        const bool any = tell_from(w, source(i), w.raw.text_of(request)) > 0;

        ++(any ? answered : unanswered);
    }
    const sip::Limits limits;
    const int burst = static_cast<int>(limits.rate_strangers * limits.rate_burst_s);
    CHECK(answered >= burst);
    // One in ten is told, and three of those that share one bucket.
    CHECK(answered <= burst + static_cast<int>(limits.rate_strangers) / 10 + 1 + 3);
    CHECK(unanswered > 0);
    // A stranger is not served now, also one that shares no bucket.
    std::uint64_t shared = 0;
    int stranger = 60'000;
    do {
        shared = w.server.counters().limit_rate_source;
        w.raw.peer = source(stranger++);
        CHECK_FALSE(w.raw.ask(honest(2)));
    } while (w.server.counters().limit_rate_source != shared && stranger < 60'100);
    // In its dialog a watcher is, wherever it comes from.
    first.branch.clear();
    CHECK(w.raw.ask(ServerWorld::resubscribe(first, notify, 600)).status() == 401);
    // And carol is.
    w.raw.peer = carol;
    CHECK(w.ask_as("carol", honest(3)).status() == 200);
    CHECK(w.raw.take("NOTIFY"));
    // A while later strangers are served again.
    w.raw.pass(seconds{1});
    w.raw.peer = source(60'001);
    CHECK(w.ask_as("alice", honest(4)).status() != 503);
}

TEST_CASE("T-16: the first strangers over the rate get 503 with Retry-After and no state") {
    sip::Limits limits;
    limits.rate_strangers = 10;
    ServerWorld w(Policy::allow, limits);
    for (int i = 0; i < 50; ++i) CHECK(w.raw.ask(honest(i)).status() == 401);
    const RawMessage refused = w.raw.ask(honest(50));
    CHECK(refused.status() == 503);
    CHECK(refused.field("Retry-After") == "5");
    CHECK(w.server.stack().servers().size() == 0);
    CHECK(w.server.counters().malformed_requests == 0);
    CHECK(w.raw.ask(honest(51)).status() == 503);
    CHECK_FALSE(w.raw.ask(honest(52)));
    // What is broken is answered no more than what is whole.
    CHECK(tell_from(w, w.raw.peer, "SUBSCRIBE sip:alice@example.com SIP/2.0\r\n\r\n") == 0);
    CHECK(w.server.counters().limit_rate_strangers == 4);
    w.raw.pass(sip::milliseconds{150});
    CHECK(w.raw.ask(honest(53)).status() == 401);
}

TEST_CASE("T-16 T-24: a source over its rate is told so three times, before anything is read") {
    sip::Limits limits;
    limits.rate_source = 10;
    ServerWorld w(Policy::allow, limits);
    for (int i = 0; i < 50; ++i) CHECK(w.raw.ask(honest(i)).status() == 401);
    for (int i = 0; i < 3; ++i) CHECK(w.raw.ask(honest(100 + i)).status() == 503);
    const auto parsed = w.server.counters().messages_in;
    for (int i = 0; i < 100; ++i) CHECK_FALSE(w.raw.ask(honest(200 + i)));
    CHECK(w.server.counters().messages_in == parsed);
    // An ACK and a response are never answered, over the rate or not.
    w.raw.pass(seconds{60});
    for (int i = 0; i < 50; ++i) CHECK(w.raw.ask(honest(i)).status() == 401);
    CHECK_FALSE(w.raw.ask(RawRequest{"ACK", "sip:example.com"}));
    CHECK(tell_from(w, w.raw.peer, "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n") == 0);
    // Others do not notice.
    w.raw.peer = source(1);
    CHECK(w.ask_as("carol", honest(300)).status() == 200);
}

TEST_CASE("T-16: a user over its rate is answered 503 without state, and others are not") {
    sip::Limits limits;
    limits.rate_user = 2;
    ServerWorld w(Policy::allow, limits);
    for (int i = 0; i < 10; ++i) CHECK(w.ask_as("carol", honest(i)).status() == 200);
    w.raw.pass(seconds{40});
    const std::size_t transactions = w.server.stack().servers().size();
    for (int i = 20; i < 30; ++i) CHECK(w.ask_as("carol", honest(i)).status() == 200);
    const RawMessage refused = w.ask_as("carol", honest(40));
    CHECK(refused.status() == 503);
    CHECK(refused.has("Retry-After"));
    CHECK(w.server.stack().servers().size() == transactions + 10);
    CHECK(w.server.counters().limit_rate_user == 1);
    CHECK(w.ask_as("bob", ServerWorld::subscribe("bob", "alice", 0)).status() == 200);
}

TEST_CASE("T-17 T-16: a connection over its rate is answered 503, and closed when it goes on") {
    sip::Limits limits;
    limits.rate_source = 10;
    ServerWorld w(Policy::allow, limits);
    const sip::FlowId flow = w.raw.connect();
    const auto options = [&](int i) {
        RawRequest request{"OPTIONS", "sip:example.com"};
        request.call_id = "options-" + std::to_string(i);
        return w.raw.ask(flow, request).status();
    };
    for (int i = 0; i < 50; ++i) CHECK(options(i) == 200);
    for (int i = 0; i < 32; ++i) CHECK(options(100 + i) == 503);
    CHECK(w.raw.closed.empty());
    CHECK(options(200) == 0);
    REQUIRE(w.raw.closed.size() == 1);
    CHECK(w.raw.closed.front() == flow);
    CHECK(w.server.counters().limit_rate_connection == 33);
    CHECK(w.server.stack().transport().flow_count() == 0);
    // All in one chunk: the same, and what stands behind is not read.
    w.raw.pass(seconds{60});
    std::string all;
    for (int i = 0; i < 500; ++i) {
        RawRequest request{"OPTIONS", "sip:example.com"};
        request.call_id = "bulk-" + std::to_string(i);
        all += w.raw.text_of(request, "TCP");
    }
    w.raw.sent.clear();
    w.raw.input(w.raw.connect(), all);
    CHECK(w.raw.sent.size() == 50 + 32);
    CHECK(w.raw.closed.size() == 2);
}

TEST_CASE("T-16: what is exempt has no rate and no bound by address") {
    sip::Limits limits;
    limits.rate_source = limits.rate_user = limits.rate_strangers = 1;
    limits.flows_per_address = 2;
    limits.server_transactions_per_address = 2;
    presence::ServerOptions options = ServerWorld::open();
    options.limits = limits;
    REQUIRE(options.exempt.add(*sip::parse_address_range("192.0.2.0/24")));
    ServerWorld w(options);
    for (int i = 0; i < 100; ++i) CHECK(w.raw.ask(honest(i)).status() == 200);
    for (int i = 0; i < 10; ++i) CHECK(w.raw.connect() != sip::FlowId{});
    w.raw.peer = source(1);
    CHECK(w.raw.connect() != sip::FlowId{});
    CHECK(w.raw.connect() != sip::FlowId{});
    CHECK(w.raw.connect() == sip::FlowId{});
}
