#include <doctest/doctest.h>

#include <string>

#include "tests/support/proxy_world.hpp"

using namespace sip;

namespace {

/// bob has phones at 20, 21, ... with those q values, alice calls him from 10.
struct Fork : ProxyWorld {
    explicit Fork(const std::vector<std::string>& parameters, const Limits& limits = {},
                  RawRequest request = invite())
        : ProxyWorld(Relay::local, limits) {
        for (std::size_t i = 0; i < parameters.size(); ++i)
            bind("bob", static_cast<unsigned>(20 + i), parameters[i]);
        say(10, request);
    }
    /// The status of what alice hears next, 100s left out; 0: nothing.
    int alice() {
        for (;;) {
            last = heard(10);
            if (!last) return 0;
            if (last.status() != 100) return last.status();
        }
    }
    RawMessage last;
};

const RawRequest message{"MESSAGE", "sip:bob@example.com"};

}  // namespace

TEST_CASE(
    "R3261-16.7-1: two phones ring, one answers, the other is told that the call is answered") {
    Fork w({"", ""});
    const RawMessage one = w.heard(20), two = w.heard(21);
    REQUIRE(one);
    REQUIRE(two);
    CHECK(one.field("Via") != two.field("Via"));
    w.answer(20, one, 180, "one");
    w.answer(21, two, 180, "two");
    CHECK(w.alice() == 180);
    CHECK(w.alice() == 180);
    CHECK(w.last.to_tag() == "two");
    w.answer(21, two, 200, "two");
    CHECK(w.alice() == 200);
    const RawMessage cancel = w.heard(20);
    CHECK(cancel.method() == "CANCEL");
    CHECK(cancel.field("Via") == one.field("Via"));
    CHECK(cancel.field("Reason") == "SIP;cause=200;text=\"Call completed elsewhere\"");
    w.answer(20, cancel, 200);
    w.answer(20, one, 487, "one");
    CHECK(w.heard(20).method() == "ACK");
    CHECK(w.alice() == 0);
    w.raw.pass(seconds{64});
    CHECK(w.quiet());
}

TEST_CASE("R3261-16.7-1 R6026-7.2-1: a phone that answers while it is cancelled: both 2xx go on") {
    Fork w({"", ""});
    const RawMessage one = w.heard(20), two = w.heard(21);
    w.answer(20, one, 180, "one");
    w.answer(21, two, 200, "two");
    CHECK(w.heard(20).method() == "CANCEL");
    w.answer(20, one, 200, "one");
    w.answer(20, one, 180, "one");
    w.alice();
    CHECK(w.last.status() == 180);
    CHECK(w.alice() == 200);
    CHECK(w.alice() == 200);
    CHECK(w.last.to_tag() == "one");
    CHECK(w.alice() == 0);
    w.raw.pass(seconds{64});
    CHECK(w.quiet());
}

TEST_CASE("R3261-16.7-1: a phone that has said nothing yet is cancelled once it does") {
    Fork w({"", ""});
    const RawMessage one = w.heard(20), two = w.heard(21);
    w.answer(21, two, 200, "two");
    CHECK_FALSE(w.heard(20));
    w.answer(20, one, 100);
    CHECK(w.heard(20).method() == "CANCEL");
}

TEST_CASE("R3261-16.7-1: one busy, one answers; and all failures, of which the best is told") {
    struct Case {
        std::vector<int> said;
        int best;
    };
    const std::vector<Case> cases{
        {{486, 200}, 200},      {{404, 503}, 404}, {{503, 503}, 500},      {{500, 503}, 500},
        {{486, 302}, 302},      {{503, 600}, 600}, {{408, 486}, 486},      {{480, 404}, 404},
        {{404, 480}, 404},      {{486, 415}, 415}, {{484, 407}, 407},      {{500, 487}, 487},
        {{486, 404}, 486},      {{404, 486}, 404}, {{403, 503, 500}, 403}, {{504, 503, 502}, 504},
        {{302, 486, 603}, 603}, {{401, 606}, 606}};
    for (const Case& one : cases) {
        Fork w(std::vector<std::string>(one.said.size()));
        std::string all;
        for (std::size_t i = 0; i < one.said.size(); ++i) all += std::to_string(one.said[i]) + " ";
        for (std::size_t i = 0; i < one.said.size(); ++i) {
            const unsigned last = static_cast<unsigned>(20 + i);
            CHECK_MESSAGE(w.alice() == 0, all);  // nobody hears of a failure before its time
            w.answer(last, w.heard(last), one.said[i], std::to_string(last));
            if (one.said[i] >= 300) CHECK_MESSAGE(w.heard(last).method() == "ACK", all);
        }
        CHECK_MESSAGE(w.alice() == one.best, all);
        CHECK(w.last.fields("Via").size() == 1);
        CHECK(w.alice() == 0);
        w.raw.pass(seconds{64});
        CHECK(w.quiet());
    }
}

TEST_CASE(
    "R3261-16.7-1: a 6xx speaks for all: the others are cancelled, and it is told at the end") {
    Fork w({"", "", ";q=0.1"});
    const RawMessage one = w.heard(20), two = w.heard(21);
    w.answer(20, one, 180, "one");
    CHECK(w.alice() == 180);
    w.answer(21, two, 603, "two");
    CHECK(w.alice() == 0);
    const RawMessage cancel = w.heard(20);
    CHECK(cancel.method() == "CANCEL");
    CHECK_FALSE(cancel.has("Reason"));
    w.answer(20, one, 487, "one");
    CHECK(w.alice() == 603);
    CHECK_FALSE(w.heard(22));  // nor is another tried
}

TEST_CASE(
    "R3261-16.7-1: the challenges of all branches go to who asked, each once and as it came") {
    Fork w({"", "", ""});
    w.say(20, ProxyWorld::answer_to(
                  w.heard(20), 401, "1",
                  {"WWW-Authenticate: Digest realm=\"one\", nonce=\"a\"", "X-One: 1"}));
    w.say(21, ProxyWorld::answer_to(w.heard(21), 407, "2",
                                    {"Proxy-Authenticate: Digest realm=\"two\",\r\n nonce=\"b\""}));
    w.say(22, ProxyWorld::answer_to(w.heard(22), 401, "3",
                                    {"www-authenticate: Digest realm=\"three\", nonce=\"c\""}));
    CHECK(w.alice() == 401);
    CHECK(w.last.field("X-One") == "1");
    CHECK(w.last.fields("WWW-Authenticate").size() == 1);
    CHECK(w.last.fields("www-authenticate").size() == 1);
    CHECK(w.last.text.find("Proxy-Authenticate: Digest realm=\"two\",\r\n nonce=\"b\"\r\n") !=
          std::string::npos);
}

TEST_CASE("R3261-16.6-1 R3261-16.7-1: by q one after the other, those of one q at one time") {
    Fork w({";q=0.5", ";q=0.9", ";q=0.5", ";q=0"});
    CHECK_FALSE(w.heard(20));
    CHECK_FALSE(w.heard(22));
    const RawMessage first = w.heard(21);
    w.answer(21, first, 180);
    w.answer(21, first, 486);
    CHECK(w.heard(21).method() == "ACK");
    const RawMessage second = w.heard(20), third = w.heard(22);
    REQUIRE(second);
    REQUIRE(third);
    CHECK_FALSE(w.heard(23));
    w.answer(20, second, 404);
    CHECK_FALSE(w.heard(23));
    w.answer(22, third, 480);
    const RawMessage fourth = w.heard(23);
    w.answer(23, fourth, 200);
    CHECK(w.alice() == 180);
    CHECK(w.alice() == 200);
}

TEST_CASE("R3261-16.7-1: one that answers with 200 ends the search; a timeout or no way goes on") {
    Fork w({";q=0.5", ";q=0.9"});
    w.answer(21, w.heard(21), 200);
    w.raw.pass(seconds{64});
    CHECK_FALSE(w.heard(20));

    Fork silent({";q=0.5", ";q=0.9"});
    CHECK(silent.heard(21));
    silent.raw.pass(milliseconds{31'999});
    CHECK_FALSE(silent.heard(20));
    silent.raw.pass(milliseconds{1});
    silent.answer(20, silent.heard(20), 486);
    CHECK(silent.alice() == 486);

    // A contact that cannot be reached: IPv6, and we have none.
    ProxyWorld far;
    RawRequest bind = far.register_("bob", "<sip:bob@[2001:db8::1]>");
    CHECK(far.raw.ask(bind).status() == 200);
    far.say(10, ProxyWorld::invite());
    CHECK(far.heard(10).status() == 500);
}

TEST_CASE("RFC 3261 16.10: CANCEL ends the search and what rings, with the reason that it gave") {
    Fork w({"", ""});
    const RawMessage one = w.heard(20), two = w.heard(21);
    w.answer(20, one, 180, "one");
    RawRequest cancel{"CANCEL", "sip:bob@example.com"};
    cancel.from = "<sip:alice@example.com>;tag=from";
    cancel.call_id = "call";
    const std::string via = w.heard(10).field("Via");
    cancel.branch = via.substr(via.find("z9hG4bK"));
    cancel.with("Reason: Q.850;cause=16");
    w.raw.sent.clear();
    w.say(10, cancel);
    CHECK(w.heard(10).status() == 200);
    const RawMessage ended = w.heard(20);
    CHECK(ended.method() == "CANCEL");
    CHECK(ended.field("Reason") == "Q.850;cause=16");
    CHECK_FALSE(w.heard(21));  // it has said nothing yet
    w.say(10, cancel);         // again
    CHECK(w.heard(10).status() == 200);
    w.answer(21, two, 100);
    CHECK(w.heard(21).method() == "CANCEL");
    w.answer(20, one, 487, "one");
    CHECK(w.alice() == 0);
    w.answer(21, two, 487, "two");
    CHECK(w.alice() == 487);
    CHECK(w.last.to_tag() == "one");
    w.raw.pass(seconds{64});
    CHECK(w.quiet());
}

TEST_CASE("RFC 3261 16.10: CANCEL and 200 cross: the call stands") {
    Fork w({""});
    const RawMessage invite = w.heard(20);
    w.answer(20, invite, 180);
    CHECK(w.alice() == 180);
    RawRequest cancel{"CANCEL", "sip:bob@example.com"};
    cancel.from = "<sip:alice@example.com>;tag=from";
    cancel.call_id = "call";
    const std::string via = w.last.field("Via");
    cancel.branch = via.substr(via.find("z9hG4bK"));
    w.say(10, cancel);
    w.answer(20, invite, 200);
    CHECK(w.alice() == 200);  // to the CANCEL
    CHECK(w.last.field("CSeq") == "1 CANCEL");
    CHECK(w.alice() == 200);
    CHECK(w.last.field("CSeq") == "1 INVITE");
    w.raw.pass(seconds{64});
    CHECK(w.quiet());
    // And the other way round: what has been answered is not cancelled any more.
    w.say(10, cancel);
    CHECK(w.alice() == 481);
}

TEST_CASE("RFC 3261 16.10: a CANCEL before anybody answered, and one of another method") {
    Fork w({""});
    CHECK(w.heard(20));
    w.raw.pass(milliseconds{200});
    const std::string via = w.heard(10).field("Via");
    RawRequest cancel{"CANCEL", "sip:bob@example.com"};
    cancel.from = "<sip:alice@example.com>;tag=from";
    cancel.call_id = "call";
    cancel.branch = via.substr(via.find("z9hG4bK"));
    w.say(10, cancel);
    CHECK(w.alice() == 200);
    w.raw.pass(seconds{33});
    CHECK(w.alice() == 487);
    w.raw.sent.clear();
    w.raw.pass(seconds{64});
    CHECK(w.quiet());

    RawRequest request = message;
    request.branch = "z9hG4bKm";
    Fork other({""}, {}, request);
    const RawMessage copy = other.heard(20);
    cancel.branch = "z9hG4bKm";
    other.say(10, cancel);
    CHECK(other.alice() == 200);
    CHECK_FALSE(other.heard(20));
    other.answer(20, copy, 202);
    CHECK(other.alice() == 202);
}

TEST_CASE("R5393-5.3-1: Max-Breadth is shared among branches, and none is more than it allows") {
    const auto with_breadth = [](const std::string& breadth) {
        RawRequest request = ProxyWorld::invite();
        return request.with("max-breadth: " + breadth);
    };
    Fork plain({"", "", ""});
    CHECK(plain.heard(20).field("Max-Breadth") == "20");
    CHECK(plain.heard(21).field("Max-Breadth") == "20");

    Fork seven({"", "", ""}, {}, with_breadth("7"));
    unsigned sum = 0;
    for (const unsigned last : {20u, 21u, 22u}) {
        const RawMessage copy = seven.heard(last);
        CHECK(copy.fields("Max-Breadth").size() == 1);
        sum += static_cast<unsigned>(std::stoi(copy.field("Max-Breadth")));
    }
    CHECK(sum == 7);

    // One at a time.
    Fork one({"", ""}, {}, with_breadth("1"));
    const RawMessage first = one.heard(21);
    CHECK(first.field("Max-Breadth") == "1");
    CHECK_FALSE(one.heard(20));
    CHECK(one.counters().limit_breadth == 1);
    one.answer(21, first, 486);
    CHECK(one.heard(20).field("Max-Breadth") == "1");

    Fork none({""}, {}, with_breadth("0"));
    CHECK(none.alice() == 440);
    CHECK(none.last.reason() == "Max-Breadth Exceeded");
    Fork odd({""}, {}, with_breadth("x"));
    CHECK(odd.heard(20).field("Max-Breadth") == "60");
}

TEST_CASE("R5393-4-1 T-27: the attack of RFC 5393 3 through two proxies stays within bounds") {
    // a@one and b@one are each registered as both a@two and b@two, and the other way round. We are
    // the one, a test is the other, and sends all that it gets back, forked in two.
    ProxyWorld w;
    for (const char* user : {"a", "b"})
        for (const char* other : {"a", "b"}) {
            RawRequest bind = w.register_(user, "<sip:" + std::string(other) + "@192.0.2.20>");
            bind.call_id = std::string(user) + other;
            REQUIRE(w.raw.ask(bind).status() == 200);
        }
    w.raw.sent.clear();
    RawRequest attack{"MESSAGE", "sip:a@example.com"};
    w.say(10, attack);
    std::size_t turns = 0, branch = 0;
    while (RawMessage copy = w.heard(20)) {
        if (copy.status() != 0) continue;
        REQUIRE(++turns < 1'000);
        const unsigned breadth = static_cast<unsigned>(std::stoi(copy.field("Max-Breadth")));
        for (const char* user : {"a", "b"}) {
            std::string text = copy.text;
            const auto line = text.find("\r\n") + 2;
            const auto at = text.find("Max-Breadth: ") + 13;
            text.replace(at, text.find("\r\n", at) - at, std::to_string(breadth / 2));
            w.say(20, "MESSAGE sip:" + std::string(user) +
                          "@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK" +
                          std::to_string(++branch) + "\r\n" + text.substr(line));
        }
    }
    // Loop detection alone leaves a handful: a, then b, and every further turn has been there.
    CHECK(turns == 6);
    CHECK(w.counters().forwarding_loops > 0);
}

TEST_CASE("Limits of a request that is carried on: contacts, requests, bytes") {
    Limits limits;
    limits.forks = 2;
    Fork w({";q=0.1", ";q=0.9", ";q=0.5"}, limits, message);
    CHECK(w.counters().limit_forks == 1);
    w.answer(21, w.heard(21), 486);
    w.answer(22, w.heard(22), 404);
    CHECK(w.alice() == 486);
    CHECK_FALSE(w.heard(20));

    limits = {};
    limits.response_contexts = 1;
    Fork full({""}, limits, message);
    RawRequest second = message;
    second.call_id = "second";
    full.say(10, second);
    CHECK(full.alice() == 503);
    CHECK(full.last.has("Retry-After"));
    CHECK(full.counters().limit_response_contexts == 1);
    full.answer(20, full.heard(20), 200);
    CHECK(full.alice() == 200);
    full.say(10, second);
    CHECK(full.heard(20));

    limits = {};
    limits.response_context_bytes = 1'000;
    RawRequest large = message;
    large.with_body("text/plain", std::string(1'000, 'x'));
    Fork bytes({"", ""}, limits, large);
    CHECK(bytes.alice() == 503);
    CHECK(bytes.counters().limit_response_context_bytes == 1);
    bytes.say(10, message);
    bytes.say(20,
              ProxyWorld::answer_to(bytes.heard(20), 404, "t", {"X: " + std::string(900, 'x')}));
    bytes.answer(21, bytes.heard(21), 503);
    CHECK(bytes.alice() == 404);
    CHECK_FALSE(bytes.last.has("X"));
    CHECK(bytes.counters().limit_response_context_bytes == 2);
}

TEST_CASE(
    "T-35: whatever memory is refused while a call is carried on, it ends, and nothing is left") {
    for (std::uint64_t n = 0; n < 60; ++n) {
        ProxyWorld w;
        w.bind("bob", 20);
        w.bind("bob", 21, ";q=0.5");
        w.raw.pass(seconds{40});
        w.server.trim(w.raw.now);
        w.server.stack().shard().memory.refuse_after(n);
        w.say(10, ProxyWorld::invite());
        if (const RawMessage invite = w.heard(20)) {
            w.answer(20, invite, 180);
            w.answer(20, invite, 486);
        }
        RawMessage second = w.heard(21);
        if (second && second.method() == "INVITE") {
            w.answer(21, second, 200);
            w.answer(21, second, 200);
        }
        w.server.stack().shard().memory.refuse_none();
        w.raw.pass(seconds{70});
        int final = 0;
        while (const RawMessage heard = w.heard(10))
            if (heard.status() >= 200) final = heard.status();
        CHECK_MESSAGE(final >= 200, n);
        CHECK_MESSAGE(w.quiet(), n);
    }
}
