#include "sip/transaction/server_transactions.hpp"

#include <doctest/doctest.h>

#include <ostream>
#include <vector>

#include "tests/support/stack_world.hpp"

using namespace sip;

namespace {

using Times = std::vector<std::int64_t>;
const auto keep = [](const Request&) { return 0; };
const auto refuse_invite = [](const Request& request) {
    return request.message.method == Method::invite ? 486 : 0;
};
const std::string udp_via = "SIP/2.0/UDP 192.0.2.99:5062;rport;branch=z9hG4bKone";

std::string ack_for(const std::string& via, const RawMessage& answer) {
    return "ACK sip:alice@example.com SIP/2.0\r\nVia: " + via +
           "\r\nMax-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=b\r\nTo: " +
           answer.field("To") + "\r\nCall-ID: call-1\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n";
}

/// Takes everybody for the user of his From.
class BelievingGate final : public Gate {
public:
    Verdict admit(const Now&, const Request& request) override {
        Verdict verdict;
        verdict.identity = {request.essentials.from.uri.user, true};
        return verdict;
    }
    void write_challenges(const Now&, const Request&, bool, MessageWriter&) override {}
};

/// One whose users are proved; each request a new one.
struct QuotaWorld : StackWorld {
    explicit QuotaWorld(const StackOptions& options) : StackWorld(options) {
        stack.set_gate(&gate);
    }
    RawMessage ask_as(const std::string& name, int host = 99) {
        return ask_as(name, Address::v4(192, 0, 2, static_cast<std::uint8_t>(host)));
    }
    RawMessage ask_as(const std::string& name, const Address& from) {
        net.peer.address = from;
        RawRequest request = StackWorld::request();
        request.from = "<sip:" + name + "@example.com>;tag=" + name;
        request.call_id = "call-" + std::to_string(++calls);
        last = net.text_of(request);
        return say(last);
    }
    /// The request number `i` gets its answer, which nobody looks at.
    void answer(std::size_t i) {
        user.say(net.now, i);
        net.drain();
        net.sent.clear();
    }
    BelievingGate gate;
    unsigned calls = 0;
    std::string last;
};

}  // namespace

TEST_CASE(
    "R3261-17.2.2-1 R3261-8.2.6.2-2 T-24: a copy is answered with the same bytes, by nobody's "
    "work") {
    StackWorld world;
    const std::string text = StackWorld::text("MESSAGE", udp_via);
    const RawMessage first = world.say(text);
    CHECK(first.status() == 200);
    CHECK_FALSE(first.to_tag().empty());
    world.net.pass(seconds{20});
    for (int i = 0; i < 3; ++i) CHECK(world.say(text).text == first.text);
    CHECK(world.user.seen.size() == 1);
    CHECK(world.stack.counters().retransmissions_in == 3);
}

TEST_CASE(
    "R3261-17.2.2-2: timer J is 64*T1 by UDP: until then a copy is absorbed, then it is new") {
    StackWorld world;
    const std::string text = StackWorld::text("MESSAGE", udp_via);
    world.say(text);
    world.net.pass(milliseconds{31'999});
    CHECK(world.stack.servers().size() == 1);
    world.say(text);
    CHECK(world.user.seen.size() == 1);
    world.net.pass(milliseconds{1});
    CHECK(world.stack.servers().size() == 0);
    world.say(text);
    CHECK(world.user.seen.size() == 2);
}

TEST_CASE("R3261-17.2.2-2: timer J is 0 by TCP, and a second final answer is dropped") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    world.net.ask(flow, StackWorld::request());
    CHECK(world.stack.servers().size() == 0);

    world.user.script = keep;
    world.net.sent.clear();
    world.net.input(StackWorld::text("MESSAGE", udp_via));
    world.user.say(world.net.now, 1);
    world.net.drain();
    CHECK(world.net.take().status() == 200);
    world.user.later = 500;
    world.user.say(world.net.now, 1);
    world.net.drain();
    CHECK_FALSE(world.net.take());
    CHECK(world.say(StackWorld::text("MESSAGE", udp_via)).status() == 200);
}

TEST_CASE(
    "R3261-17.2.2-1 R4320-4.1-1 R4320-4.1-2 R4320-4.1-3: an unanswered request is silent "
    "until 3.5 s, then gets one 100, which its copies get too") {
    StackWorld world;
    world.user.script = keep;
    SUBCASE("by UDP") {
        const std::string text = StackWorld::text("MESSAGE", udp_via);
        world.net.input(text);
        world.net.pass(milliseconds{3'499});
        world.net.input(text);
        CHECK_FALSE(world.net.take());
        world.net.pass(milliseconds{1});
        const RawMessage trying = world.net.take();
        CHECK(trying.status() == 100);
        CHECK(trying.to_tag().empty());
        CHECK(world.say(text).text == trying.text);
        world.net.pass(seconds{60});
        CHECK_FALSE(world.net.take());
    }
    SUBCASE("by TCP") {
        const FlowId flow = world.net.connect();
        world.net.ask(flow, StackWorld::request());
        world.net.pass(milliseconds{3'499});
        CHECK_FALSE(world.net.take());
        world.net.pass(milliseconds{1});
        CHECK(world.net.take().status() == 100);
    }
    world.user.say(world.net.now, 0);
    world.net.drain();
    CHECK(world.net.take().status() == 200);
    CHECK(world.user.seen.size() == 1);
}

TEST_CASE("R4320-4.2-1: a request that is never answered is never answered 408") {
    StackWorld world;
    world.user.script = keep;
    world.net.ask(StackWorld::request());
    world.net.pass(seconds{3600});
    CHECK(world.net.take().status() == 100);
    CHECK_FALSE(world.net.take());
}

TEST_CASE(
    "R3261-17.2.1-3 R3261-17.2.1-4: a 405 to an INVITE is repeated by G until its ACK, for 32 s") {
    StackWorld world;
    const std::string invite = StackWorld::text("INVITE", udp_via);
    const Instant start = world.net.now.mono;
    world.net.input(invite);
    SUBCASE("no ACK") {
        world.net.pass(seconds{100});
        CHECK(world.times(start) ==
              Times{0, 500, 1'500, 3'500, 7'500, 11'500, 15'500, 19'500, 23'500, 27'500, 31'500});
        CHECK(world.stack.servers().size() == 0);
        CHECK(world.stack.counters().transaction_timeouts == 1);
    }
    SUBCASE("timer H fires at 64*T1 and not before") {
        world.net.pass(milliseconds{31'999});
        CHECK(world.stack.servers().size() == 1);
        world.net.pass(milliseconds{1});
        CHECK(world.stack.servers().size() == 0);
    }
    SUBCASE("an ACK ends it; timer I absorbs its copies and the INVITE's for 5 s") {
        const RawMessage refused = world.net.take();
        CHECK(refused.status() == 405);
        CHECK(refused.has("Allow"));
        CHECK(world.say(invite).text == refused.text);
        world.net.pass(milliseconds{600});
        CHECK(world.net.take().text == refused.text);
        CHECK_FALSE(world.say(ack_for(udp_via, refused)));
        world.net.pass(milliseconds{4'999});
        CHECK_FALSE(world.say(ack_for(udp_via, refused)));
        CHECK_FALSE(world.say(invite));
        CHECK(world.stack.servers().size() == 1);
        world.net.pass(milliseconds{1});
        CHECK(world.stack.servers().size() == 0);
        CHECK_FALSE(world.net.take());
        CHECK(world.stack.counters().transaction_timeouts == 0);
    }
}

TEST_CASE("R3261-17.2.1-3 R3261-17.2.1-4: by TCP a 405 to an INVITE leaves once, and I is 0") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    const std::string via = "SIP/2.0/TCP 192.0.2.99:5062;rport;branch=z9hG4bKone";
    world.net.input(flow, StackWorld::text("INVITE", via));
    const RawMessage refused = world.net.take();
    CHECK(refused.status() == 405);
    world.net.pass(seconds{31});
    CHECK_FALSE(world.net.take());
    CHECK(world.stack.servers().size() == 1);
    world.net.input(flow, ack_for(via, refused));
    CHECK(world.stack.servers().size() == 0);
    CHECK_FALSE(world.net.take());
}

TEST_CASE("R3261-17.2.1-1 R3261-17.2.1-2: an INVITE gets its 100 at 200 ms, which its copies get") {
    StackWorld world({}, true);
    world.user.script = keep;
    world.user.later = 486;
    const std::string invite = StackWorld::text("INVITE", udp_via);
    world.net.input(invite);
    world.net.pass(milliseconds{199});
    CHECK_FALSE(world.net.take());
    CHECK_FALSE(world.say(invite));
    world.net.pass(milliseconds{1});
    const RawMessage trying = world.net.take();
    CHECK(trying.status() == 100);
    CHECK(trying.to_tag().empty());
    CHECK(world.say(invite).text == trying.text);
    world.user.say(world.net.now, 0);
    world.net.drain();
    CHECK(world.net.take().status() == 486);
    CHECK(world.user.seen.size() == 1);
}

TEST_CASE("R3261-17.2.1-1: an INVITE that is answered within 200 ms gets no 100") {
    StackWorld world({}, true);
    world.user.script = refuse_invite;
    const RawMessage busy = world.say(StackWorld::text("INVITE", udp_via));
    CHECK(busy.status() == 486);
    world.say(ack_for(udp_via, busy));
    world.net.pass(seconds{5});
    CHECK_FALSE(world.net.take());
}

TEST_CASE(
    "R6026-7.1-1 R6026-7.1-2: after a 2xx the INVITE's copies are absorbed in silence, ACKs go to "
    "the user, and timer L ends it at 32 s") {
    StackWorld world({}, true);
    const std::string invite = StackWorld::text("INVITE", udp_via);
    const RawMessage accepted = world.say(invite);
    CHECK(accepted.status() == 200);
    world.net.pass(seconds{31});
    CHECK_FALSE(world.net.take());  // a 2xx is repeated by its user alone
    CHECK_FALSE(world.say(invite));
    CHECK(world.user.seen.size() == 1);
    for (const char* branch : {"one", "of-its-own"}) {
        world.say(ack_for("SIP/2.0/UDP 192.0.2.99:5062;rport;branch=z9hG4bK" + std::string(branch),
                          accepted));
        CHECK(world.user.seen.back().method == "ACK");
    }
    CHECK(world.user.seen.size() == 3);
    CHECK_FALSE(world.net.take());
    CHECK(world.stack.servers().size() == 1);
    world.net.pass(milliseconds{999});
    CHECK(world.stack.servers().size() == 1);
    world.net.pass(milliseconds{1});
    CHECK(world.stack.servers().size() == 0);
}

TEST_CASE("R3261-17.2.3-1 T-22: branch, sent-by with its default port, and method make a match") {
    struct Row {
        const char* first;
        const char* second;
        bool same;
    };
    for (const Row& row :
         {Row{"UDP host.example;branch=z9hG4bKa", "UDP host.example:5060;branch=z9hG4bKa", true},
          Row{"UDP host.example;branch=z9hG4bKa", "UDP HOST.example;branch=z9hG4bKa", true},
          Row{"UDP host.example;branch=z9hG4bKa", "UDP host.example:5061;branch=z9hG4bKa", false},
          Row{"UDP host.example;branch=z9hG4bKa", "UDP other.example;branch=z9hG4bKa", false},
          Row{"UDP host.example;branch=z9hG4bKa", "UDP host.example;branch=z9hG4bKb", false},
          Row{"TLS host.example;branch=z9hG4bKa", "TLS host.example:5061;branch=z9hG4bKa", true},
          Row{"UDP [2001:db8::1];branch=z9hG4bKa", "UDP [2001:DB8:0::1];branch=z9hG4bKa", true},
          Row{"UDP 192.0.2.7;branch=z9hG4bKa", "UDP 192.0.2.8;branch=z9hG4bKa", false}}) {
        CAPTURE(row.second);
        StackWorld world;
        world.say(StackWorld::text("MESSAGE", std::string("SIP/2.0/") + row.first));
        const RawMessage second =
            world.say(StackWorld::text("MESSAGE", std::string("SIP/2.0/") + row.second));
        CHECK(world.stack.counters().retransmissions_in == (row.same ? 1 : 0));
        CHECK(second.status() == (row.same ? 200 : 482));
    }
    StackWorld world;
    world.say(StackWorld::text("MESSAGE", udp_via));
    CHECK(world.say(StackWorld::text("BYE", udp_via)).status() == 200);
    CHECK(world.user.seen.size() == 2);
}

TEST_CASE("R3261-17.2.3-2: without the cookie, Request-URI, tags, Call-ID, CSeq and Via match") {
    StackWorld world({}, true);
    const std::string via = "SIP/2.0/UDP 192.0.2.99:5062";
    world.user.script = refuse_invite;
    const std::string invite = StackWorld::text("INVITE", via);
    const RawMessage busy = world.say(invite);
    CHECK(busy.status() == 486);
    CHECK(world.say(invite).text == busy.text);
    CHECK(world.user.seen.size() == 1);
    CHECK(world.say(StackWorld::text("INVITE", via, "sip:carol@example.com", "call-2")).status() ==
          486);
    CHECK(world.user.seen.size() == 2);
    world.net.pass(milliseconds{100});
    // An ACK with another To tag is another server's; with ours it stops the copies.
    RawMessage other = busy;
    other.text.replace(other.text.find(busy.to_tag()), 16, "0123456789abcdef");
    world.say(ack_for(via, other));
    world.net.pass(milliseconds{400});
    CHECK(world.net.take().text == busy.text);
    world.say(ack_for(via, busy));
    world.net.sent.clear();
    world.net.pass(seconds{4});
    std::size_t more = 0;
    while (const RawMessage copy = world.net.take()) more += copy.text == busy.text;
    CHECK(more == 0);
}

TEST_CASE(
    "T-22: libpurple's repeated branch: for another URI it is a request of its own, not merged, "
    "and never answered with the other's response") {
    StackWorld world;
    const RawMessage alice = world.say(StackWorld::text("MESSAGE", udp_via));
    const RawMessage carol =
        world.say(StackWorld::text("MESSAGE", udp_via, "sip:carol@example.com"));
    CHECK(alice.status() == 200);
    CHECK(carol.status() == 200);
    CHECK(carol.field("To").starts_with("<sip:carol@example.com>"));
    CHECK(world.user.seen.size() == 2);
    CHECK(world.say(StackWorld::text("MESSAGE", udp_via)).text == alice.text);
    CHECK(world.say(StackWorld::text("MESSAGE", udp_via, "sip:carol@example.com")).text ==
          carol.text);
    // Another user of that host: From URI alone differs.
    std::string dave = StackWorld::text("MESSAGE", udp_via);
    dave.replace(dave.find("sip:bob"), 7, "sip:dav");
    CHECK(world.say(dave).field("From").starts_with("<sip:dav@"));
    CHECK(world.user.seen.size() == 3);
    CHECK(world.stack.counters().merged_requests == 0);
}

TEST_CASE("R3261-8.2.2.2-1 T-27: the same request by another way is merged: 482") {
    StackWorld world;
    CHECK(world.say(StackWorld::text("MESSAGE", udp_via)).status() == 200);
    const std::string other = "SIP/2.0/UDP 192.0.2.98:5060;branch=z9hG4bKtwo";
    CHECK(world.say(StackWorld::text("MESSAGE", other)).status() == 482);
    CHECK(world.user.seen.size() == 1);
    CHECK(world.stack.counters().merged_requests == 1);
    // With a To tag it belongs to a dialog, and is not merged.
    std::string tagged = StackWorld::text("MESSAGE", "SIP/2.0/UDP 192.0.2.97;branch=z9hG4bKtri");
    tagged.replace(tagged.find("To: <sip:alice@example.com>"), 27,
                   "To: <sip:alice@example.com>;tag=x");
    CHECK(world.say(tagged).status() == 200);
    // Once the first transaction is over, nothing is left to merge with.
    world.net.pass(seconds{33});
    CHECK(world.say(StackWorld::text("MESSAGE", "SIP/2.0/UDP 192.0.2.98:5060;branch=z9hG4bKthree"))
              .status() == 200);
}

TEST_CASE("R3261-9.2-1: CANCEL of a live transaction is 200 and changes nothing; else it is 481") {
    StackWorld world;
    world.user.script = keep;
    const std::string text = StackWorld::text("MESSAGE", udp_via);
    world.net.input(text);
    std::string cancel = StackWorld::text("CANCEL", udp_via);
    const RawMessage answer = world.say(cancel);
    CHECK(answer.status() == 200);
    CHECK(answer.field("CSeq") == "1 CANCEL");
    CHECK(world.say(cancel).text == answer.text);
    CHECK(world.user.seen.size() == 1);
    world.user.say(world.net.now, 0);
    world.net.drain();
    CHECK(world.net.take().status() == 200);
    CHECK(world.say(StackWorld::text("CANCEL", "SIP/2.0/UDP 192.0.2.99:5062;branch=z9hG4bKzwei"))
              .status() == 481);
    CHECK(world.stack.servers().size() == 1);
}

TEST_CASE("R3261-9.2-1: a CANCEL of an INVITE that waits is told to its user, of an answered not") {
    StackWorld world({}, true);
    world.user.script = [](const Request&) { return 0; };
    world.user.later = 487;
    world.net.input(StackWorld::text("INVITE", udp_via));
    const RawMessage cancelled = world.say(StackWorld::text("CANCEL", udp_via));
    CHECK(cancelled.status() == 200);
    REQUIRE(world.user.seen.size() == 2);
    CHECK(world.user.seen[1].method == "CANCEL");
    world.user.say(world.net.now, 0);
    world.net.drain();
    const RawMessage ended = world.net.take();
    CHECK(ended.status() == 487);
    CHECK(ended.to_tag() == cancelled.to_tag());
    CHECK(world.say(StackWorld::text("CANCEL", udp_via)).status() == 200);
    CHECK(world.user.seen.size() == 2);
}

TEST_CASE("R3261-18.2.2-1: where the connection is gone, the answer goes to the sent-by port") {
    StackWorld world;
    world.user.script = keep;
    const Endpoint phone{Address::v4(192, 0, 2, 99), 40'000};
    world.net.peer = phone;
    const FlowId flow = world.net.connect();
    world.net.input(flow,
                    StackWorld::text("MESSAGE", "SIP/2.0/TCP 192.0.2.99:5066;branch=z9hG4bKgone"));
    world.stack.closed(world.net.now, flow);
    world.user.say(world.net.now, 0);
    world.net.drain();
    REQUIRE(world.net.opened.size() == 1);
    CHECK(world.net.opened[0].to == Endpoint{phone.address, 5066});
    CHECK(world.net.opened[0].transport == Transport::tcp);
    CHECK_FALSE(world.net.take());
    world.stack.connected(world.net.now, world.net.opened[0].flow, world.net.server);
    world.net.drain();
    const RawMessage answer = world.net.take();
    CHECK(answer.status() == 200);
    CHECK(answer.flow == world.net.opened[0].flow);
}

TEST_CASE("R6026-7.1-2: an answer that cannot be sent ends no transaction, and a copy finds it") {
    StackWorld world;
    world.user.script = keep;
    const FlowId flow = world.net.connect();
    world.net.input(flow,
                    StackWorld::text("INVITE", "SIP/2.0/TCP 192.0.2.99:5062;branch=z9hG4bKgone"));
    CHECK(world.net.take().status() == 405);
    world.stack.closed(world.net.now, flow);
    world.net.pass(seconds{31});
    CHECK(world.stack.servers().size() == 1);
    world.net.pass(seconds{1});
    CHECK(world.stack.servers().size() == 0);
}

TEST_CASE(
    "T-35: memory refused at any allocation of a request is a 503, or no answer, and no leak") {
    for (const char* method : {"MESSAGE", "OPTIONS", "INVITE", "BYE", "UNHEARD-OF", "CANCEL"}) {
        CAPTURE(method);
        bool succeeded = false;
        for (std::uint64_t n = 0; !succeeded; ++n) {
            REQUIRE(n < 50);
            StackWorld world;
            world.stack.shard().memory.refuse_after(n);
            const RawMessage answer = world.say(StackWorld::text(method, udp_via));
            world.stack.shard().memory.refuse_none();
            succeeded = world.stack.shard().memory.refusals() == 0;
            // What could be answered at all says that it is our fault, or is as it always is.
            if (!succeeded && answer) {
                const int usual = StackWorld().say(StackWorld::text(method, udp_via)).status();
                CHECK(
                    (answer.status() == 503 || answer.status() == 500 || answer.status() == usual));
            }
            const Counters& c = world.stack.counters();
            CHECK(c.limit_memory + c.effects_dropped >= (succeeded ? 0U : 1U));
            CHECK(world
                      .say(StackWorld::text("MESSAGE", "SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKnext",
                                            "sip:alice@example.com", "next"))
                      .status() == 200);
        }
    }
}

TEST_CASE("T-16 ROUR-4: a user has so many unanswered requests, and others have theirs") {
    StackOptions options;
    options.limits.server_transactions_per_user = 3;
    QuotaWorld world(options);
    world.user.script = keep;
    for (const int host : {1, 2, 3}) CHECK_FALSE(world.ask_as("bob", host));
    const std::string known = world.last;
    for (const int host : {3, 4}) {
        const RawMessage refused = world.ask_as("bob", host);
        CHECK(refused.status() == 503);
        CHECK(refused.field("Retry-After") == "5");
    }
    CHECK(world.stack.counters().limit_server_transactions_per_user == 2);
    CHECK(world.stack.servers().size() == 3);
    CHECK_FALSE(world.say(known));  // a copy of what is kept
    CHECK_FALSE(world.ask_as("carol", 4));
    // What is answered is nobody's any more.
    world.answer(2);
    CHECK_FALSE(world.ask_as("bob"));
    CHECK(world.ask_as("bob").status() == 503);
    CHECK(world.stack.servers().completed() == 1);
    CHECK(world.stack.counters().limit_server_transactions == 0);
}

TEST_CASE("T-16 ROUR-4: an address has so many, whoever speaks from it; an IPv6 /64 is one") {
    StackOptions options;
    options.limits.server_transactions_per_address = 2;
    for (const bool v6 : {false, true}) {
        CAPTURE(v6);
        QuotaWorld world(options);
        world.user.script = keep;
        const auto from = [&](const char* v4_host, const char* v6_host) {
            return *parse_numeric_host(v6 ? v6_host : v4_host);
        };
        const Address one = from("192.0.2.7", "2001:db8:1:2::1");
        const Address same = from("192.0.2.7", "2001:db8:1:2:3::2");
        const Address other = from("192.0.2.8", "2001:db8:1:3::1");
        CHECK_FALSE(world.ask_as("alice", one));
        CHECK_FALSE(world.ask_as("bob", same));
        const RawMessage refused = world.ask_as("carol", one);
        CHECK(refused.status() == 503);
        CHECK(refused.has("Retry-After"));
        CHECK(world.ask_as("carol", same).status() == 503);
        CHECK(world.stack.counters().limit_server_transactions_per_address == 2);
        CHECK_FALSE(world.ask_as("carol", other));
        world.answer(0);
        CHECK_FALSE(world.ask_as("carol", one));
    }
    // By TCP, where a transaction ends with its answer, nothing adds up.
    StackWorld world(options);
    const FlowId flow = world.net.connect();
    for (int i = 0; i < 5; ++i) {
        RawRequest request = StackWorld::request();
        request.call_id = std::to_string(i);
        CHECK(world.net.ask(flow, request).status() == 200);
    }
}

TEST_CASE(
    "T-23 T-24: one branch for ever new requests makes no search long, and all are answered") {
    constexpr int count = 4'000;
    StackOptions options;
    options.limits.rate_source = 0;
    StackWorld world(options);
    std::vector<std::string> answers;
    const auto ask = [&](int i) {
        return world.say(
            StackWorld::text("MESSAGE", udp_via, "sip:a" + std::to_string(i) + "@example.com"));
    };
    for (int i = 0; i < count; ++i) {
        const RawMessage answer = ask(i);
        REQUIRE(answer.status() == 200);
        if (i % 97 == 0) answers.push_back(answer.text);
    }
    CHECK(world.stack.servers().size() == count);
    // Three quarters of a table may be taken: chance alone makes runs of some dozens.
    CHECK(world.stack.servers().longest_search() < 150);
    for (std::size_t i = 0; i < answers.size(); ++i)
        CHECK(ask(static_cast<int>(i) * 97).text == answers[i]);
    CHECK(world.stack.counters().retransmissions_in == answers.size());
    const std::string cancel = StackWorld::text("CANCEL", udp_via, "sip:a7@example.com");
    CHECK(world.say(cancel).status() == 200);
    world.net.pass(seconds{32});
    CHECK(world.stack.servers().size() == 0);
    CHECK(world.stack.servers().longest_search() == 0);
    CHECK(world.say(cancel).status() == 481);
}

TEST_CASE("T-23 R3261-8.2.2.2-1: one request by ever new branches makes no search long either") {
    constexpr int count = 4'000;
    StackOptions options;
    options.limits.rate_source = options.limits.rate_user = 0;
    QuotaWorld world(options);
    for (int i = 0; i < count; ++i) {
        const std::string via = "SIP/2.0/UDP 192.0.2.99:5062;branch=z9hG4bK" + std::to_string(i);
        CHECK(world.say(StackWorld::text("MESSAGE", via)).status() == (i == 0 ? 200 : 482));
    }
    CHECK(world.stack.servers().size() == count);
    CHECK(world.stack.servers().longest_search() < 150);
}

TEST_CASE("R3261-17.2.3-1: of INVITEs with one branch the ACK is for the newest that is there") {
    StackWorld world({}, true);
    world.user.script = refuse_invite;
    const auto invite = [&](const std::string& whom) {
        const std::string uri = "sip:" + whom + "@example.com";
        return std::pair{world.say(StackWorld::text("INVITE", udp_via, uri)),
                         world.stack.servers().size()};
    };
    world.net.input(StackWorld::text("MESSAGE", udp_via));
    const auto [first, one] = invite("carol");
    const auto [second, two] = invite("dave");
    CHECK(first.status() == 486);
    CHECK(second.status() == 486);
    CHECK(two == one + 1);
    world.say(ack_for(udp_via, second));
    world.net.pass(seconds{5});  // timer I of the newest
    CHECK(world.stack.servers().size() == two - 1);
    world.say(ack_for(udp_via, first));
    world.net.pass(seconds{5});
    CHECK(world.stack.servers().size() == two - 2);
}
