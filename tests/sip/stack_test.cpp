#include "sip/stack.hpp"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

#include "sip/message/header_id.hpp"
#include "tests/support/event_world.hpp"
#include "tests/support/stack_world.hpp"

using namespace sip;

namespace {

const std::string udp_via = "SIP/2.0/UDP 192.0.2.99:5062;rport;branch=z9hG4bKone";

/// One request text with a part of it replaced.
std::string with(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

/// Lets in whom it was told to, and challenges the others.
class FixedGate final : public Gate {
public:
    Verdict admit(const Now&, const Request&) override {
        ++asked;
        return verdict;
    }
    void write_challenges(const Now&, const Request&, bool stale, MessageWriter& writer) override {
        writer.header(HeaderId::www_authenticate, stale ? "Digest stale" : "Digest fresh");
    }
    Verdict verdict;
    int asked = 0;
};

class FixedCapabilities final : public OptionsFields {
public:
    void write(MessageWriter& writer) const override {
        writer.header(HeaderId::allow_events, "echo");
    }
};

}  // namespace

TEST_CASE(
    "R3261-8.2.1-1 R3261-21.5.2-1: a method known and not served is 405, an unknown one 501, both "
    "with Allow") {
    StackWorld world;
    for (const char* method : {"SUBSCRIBE", "INVITE", "PUBLISH", "INFO"}) {
        const RawMessage answer = world.net.ask(StackWorld::request(method));
        CHECK(answer.status() == 405);
        CHECK(answer.field("Allow") == "OPTIONS, BYE, REGISTER, MESSAGE");
    }
    for (const char* method : {"HELLO", "message", "SUBSCRIBE2"}) {
        const RawMessage answer = world.net.ask(StackWorld::request(method));
        CHECK(answer.status() == 501);
        CHECK(answer.field("Allow") == "OPTIONS, BYE, REGISTER, MESSAGE");
    }
    CHECK(world.user.seen.empty());
}

TEST_CASE("R3261-8.2.2.3-1 T-29: an option that is not supported is 420, naming just those") {
    StackWorld world;
    constexpr std::array<std::string_view, 2> tags{"path", "timer"};
    world.stack.set_supported(tags);
    RawRequest request = StackWorld::request();
    request.with("Require: Path, foo").with("Require: bar ,timer");
    const RawMessage answer = world.net.ask(request);
    CHECK(answer.status() == 420);
    CHECK(answer.field("Unsupported") == "foo, bar");
    RawRequest fine = StackWorld::request();
    fine.cseq = 2;
    fine.with("Require: TIMER, path");
    CHECK(world.net.ask(fine).status() == 200);
    // Not applied to CANCEL and ACK.
    CHECK(world.say(with(StackWorld::text("CANCEL", udp_via), "CSeq", "Require: foo\r\nCSeq"))
              .status() == 481);
    CHECK_FALSE(world.say(with(StackWorld::text("ACK", udp_via), "CSeq", "Require: foo\r\nCSeq")));
    CHECK(world.user.seen.size() == 1);
}

TEST_CASE("R3261-8.2.2.1-1: another URI scheme is 416, an address not served 404") {
    StackWorld world;
    RawRequest request = StackWorld::request();
    request.uri = "nobodyKnowsThisScheme:totallyopaquecontent";
    request.to = "<sip:alice@example.com>";
    CHECK(world.net.ask(request).status() == 416);
    request.uri = "sip:nobody@example.com";
    request.cseq = 2;
    CHECK(world.net.ask(request).status() == 404);
    CHECK(world.user.seen.empty());
}

TEST_CASE("R3261-8.2.2.1-2: a To that names somebody else is accepted") {
    StackWorld world;
    RawRequest request = StackWorld::request();
    request.to = "<tel:+15550100>";
    CHECK(world.net.ask(request).status() == 200);
}

TEST_CASE("R3261-21.4.11-1: 414, 413 and 513 at each limit and one past") {
    StackOptions options;
    options.limits.uri_bytes = 100;
    options.limits.body_bytes = 1'000;
    options.limits.message_bytes = 4'000;
    StackWorld world(options);
    RawRequest request = StackWorld::request();
    const std::string rest = "@example.com";
    request.to = "<sip:alice@example.com>";
    request.uri = "sip:" + std::string(100 - 4 - rest.size(), 'a') + rest;
    CHECK(world.net.ask(request).status() == 200);
    request.uri += "m";
    CHECK(world.net.ask(request).status() == 414);
    CHECK(world.stack.counters().limit_uri_bytes == 1);
    request = StackWorld::request();
    request.cseq = 2;
    request.with_body("text/plain", std::string(1'000, 'x'));
    CHECK(world.net.ask(request).status() == 200);
    request.body += "x";
    request.cseq = 3;
    CHECK(world.net.ask(request).status() == 413);
    CHECK(world.stack.counters().limit_body_bytes == 1);
    request.body.clear();
    request.with("X: " + std::string(4'000, 'x'));
    CHECK(world.net.ask(request).status() == 513);
    CHECK(world.stack.counters().limit_message_bytes == 1);
    CHECK(world.stack.servers().size() == 2);
}

TEST_CASE("T-1: more header fields than the limit are 400, as many as it are served") {
    StackOptions options;
    options.limits.headers = 20;
    StackWorld world(options);
    RawRequest request = StackWorld::request();
    while (request.fields.size() < 13) request.with("Extra: y");
    CHECK(world.net.ask(request).status() == 200);  // with the seven of the request itself
    request.with("Extra: y");
    request.cseq = 2;
    CHECK(world.net.ask(request).status() == 400);
    CHECK(world.stack.counters().limit_headers == 1);
}

TEST_CASE("T-1: more parameters or headers in a URI than the limit are 400 and counted") {
    StackWorld world;
    std::string parameters, headers = "?h=1";
    for (int i = 0; i < 32; ++i) parameters += ";p" + std::to_string(i);
    for (int i = 1; i < 32; ++i) headers += "&h=1";
    RawRequest request = StackWorld::request();
    request.with("Contact: <sip:a@b" + parameters + headers + ">");
    CHECK(world.net.ask(request).status() == 200);
    CHECK(world.stack.counters().limit_uri_parts == 0);
    request.fields.back() = "Contact: <sip:a@b" + parameters + ";one" + headers + ">";
    request.cseq = 2;
    CHECK(world.net.ask(request).status() == 400);
    CHECK(world.stack.counters().limit_uri_parts == 1);
    request.fields.back() = "Contact: <sip:a@b" + parameters + headers + "&h=1>";
    request.cseq = 3;
    CHECK(world.net.ask(request).status() == 400);
    CHECK(world.stack.counters().limit_uri_parts == 2);
}

TEST_CASE("T-1 T-2 T-3: a malformed request is 400, says what is wrong, and leaves nothing") {
    struct Row {
        const char* from;
        const char* to;
        const char* names;  ///< stands in the reason phrase
    };
    const std::string good = StackWorld::text("MESSAGE", udp_via);
    for (const Row& row :
         {Row{"To: <sip:alice@example.com>\r\n", "", "To"},
          Row{"From: <sip:bob@example.com>;tag=b\r\n", "", "From"},
          Row{"Call-ID: call-1\r\n", "", "Call-ID"},
          Row{"CSeq: 1 MESSAGE\r\n", "", "CSeq"},
          Row{"Call-ID: call-1", "Call-ID: call-1\r\ni: call-1", "Call-ID"},
          Row{"To: <", "t: <sip:x@example.com>\r\nTo: <", "To"},
          Row{"From: <", "f: <sip:x@example.com>;tag=x\r\nFrom: <", "From"},
          Row{"CSeq: 1", "CSeq: 1 MESSAGE\r\nCSeq: 2", "CSeq"},
          Row{"CSeq: 1 MESSAGE", "CSeq: 1 BYE", "CSeq"},
          Row{"CSeq: 1 ", "CSeq: 4294967296 ", "CSeq"},
          Row{"CSeq: 1 ", "CSeq: -1 ", "CSeq"},
          Row{"CSeq: 1 ", "CSeq: ", "CSeq"},
          Row{"Content-Length: 0", "Content-Length: 1", "Content-Length"},
          Row{"Content-Length: 0", "Content-Length: -1", "Content-Length"},
          Row{"Content-Length: 0", "Content-Length: 0\r\nl: 1", "Content-Length"},
          Row{"From: <sip:bob@example.com>", "From: \"Bob <sip:bob@example.com>", "quote"},
          Row{"To: <sip:alice@example.com>", "To: <sip:alice@example.com", ""},
          Row{" SIP/2.0\r\n", " SIP/2.0 \r\n", ""},
          Row{"sip:alice@example.com SIP", "<sip:alice@example.com> SIP", ""},
          Row{"sip:alice@example.com SIP", "sip:alice@example.com?X=y SIP", "Request-URI"},
          Row{"Call-ID: call-1", "Call-ID: ca\tll", "Call-ID"},
          Row{"Max-Forwards: 70", "Max-Forwards: 70\r\nMax-Forwards: 70", "Max-Forwards"},
          Row{"Max-Forwards: 70", "Contact: <sip:a@b\r\nMax-Forwards: 70", ""}}) {
        CAPTURE(row.to);
        StackWorld world;
        const RawMessage answer = world.say(with(good, row.from, row.to));
        CHECK(answer.status() == 400);
        CAPTURE(answer.reason());
        CHECK(answer.reason() != "Bad Request");
        CHECK(answer.reason().find(row.names) != std::string::npos);
        CHECK(answer.body().empty());
        CHECK(world.user.seen.empty());
        CHECK(world.stack.servers().size() == 0);
        CHECK(world.stack.counters().malformed_requests == 1);
        CHECK_FALSE(world.stack.deadline());
    }
}

TEST_CASE("R3261-21.5.6-1: another SIP version is 505") {
    StackWorld world;
    const std::string good = StackWorld::text("MESSAGE", udp_via);
    CHECK(world.say(with(good, " SIP/2.0\r\n", " SIP/7.0\r\n")).status() == 505);
    CHECK(world.say(with(good, " SIP/2.0\r\n", " sip/2.0\r\n")).status() == 200);
}

TEST_CASE("T-37 T-1: an ACK or response is never answered, however broken; nor what has no Via") {
    StackWorld world;
    for (const char* method : {"ACK", "ACK "}) {
        const std::string ack = StackWorld::text("ACK", udp_via);
        (void)method;
        for (const std::string& text :
             {ack, with(ack, "CSeq: 1 ACK", "CSeq: 1 MESSAGE"), with(ack, "CSeq: 1 ACK\r\n", ""),
              with(ack, "Content-Length: 0", "Content-Length: 7"),
              with(ack, "To: <sip:alice@example.com>", "To: <")})
            CHECK_FALSE(world.say(text));
    }
    CHECK(world.stack.counters().malformed_ack == 8);
    CHECK(world.stack.counters().unmatched_ack == 2);
    const std::string ok =
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0123456789abcdef\r\n"
        "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 MESSAGE\r\n\r\n";
    CHECK_FALSE(world.say(ok));
    CHECK_FALSE(world.say(with(ok, "CSeq: 1 MESSAGE\r\n", "")));
    CHECK_FALSE(world.say(with(ok, "200", "700")));
    CHECK_FALSE(world.say(with(ok, "200", "20")));
    CHECK(world.stack.counters().malformed_responses == 3);
    CHECK(world.stack.counters().unmatched_responses == 1);
    CHECK_FALSE(
        world.say(with(StackWorld::text("MESSAGE", udp_via), "Via: " + udp_via + "\r\n", "")));
    for (const char* noise : {"", "\r\n\r\n", "x", "\r\n", "jaK", "\0\0\0\0"})
        CHECK_FALSE(world.say(noise));
    CHECK(world.user.told.empty());
}

TEST_CASE("R3261-18.3-1: bytes past Content-Length are dropped, and none given means to the end") {
    StackWorld world;
    std::string body;
    world.user.script = [&](const Request& request) {
        body = std::string(request.message.body);
        return 200;
    };
    const std::string text = StackWorld::text("MESSAGE", udp_via);
    world.say(with(text, "Content-Length: 0\r\n\r\n", "Content-Length: 2\r\n\r\nabcd"));
    CHECK(body == "ab");
    world.say(with(with(text, "Content-Length: 0\r\n\r\n", "\r\nabcd"), "one", "two"));
    CHECK(body == "ab");  // merged
    world.say(with(with(text, "Content-Length: 0\r\n\r\n", "\r\nabcd"), "call-1", "call-2"));
    CHECK(body == "abcd");
}

TEST_CASE("R3261-18.1.1-3: a datagram of 65535 bytes is taken whole") {
    StackWorld world;
    std::size_t size = 0;
    world.user.script = [&](const Request& request) {
        size = request.message.body.size();
        return 200;
    };
    std::string text = with(StackWorld::text("MESSAGE", udp_via), "Content-Length: 0\r\n", "");
    text += std::string(65'535 - text.size(), 'x');
    CHECK(world.say(text).status() == 200);
    CHECK(size > 65'000);
    CHECK(world.say(text + "x").status() == 513);
}

TEST_CASE(
    "R3261-11.2-1 R3261-11.2-2 T-25: OPTIONS says what we can, in few bytes, and keeps nothing") {
    StackWorld world;
    constexpr std::array<std::string_view, 1> tags{"path"};
    world.stack.set_supported(tags);
    FixedCapabilities capabilities;
    world.stack.set_capabilities(&capabilities);
    FixedGate gate;
    gate.verdict.kind = Gate::Verdict::Kind::challenged;
    world.stack.set_gate(&gate);
    const RawRequest request = StackWorld::request("OPTIONS");
    const RawMessage answer = world.net.ask(request);
    CHECK(answer.status() == 200);
    CHECK(answer.field("Allow") == "OPTIONS, BYE, REGISTER, MESSAGE");
    CHECK(answer.field("Supported") == "path");
    CHECK(answer.field("Allow-Events") == "echo");
    CHECK(answer.body().empty());
    CHECK(answer.text.size() < 2 * world.net.text_of(request).size());
    CHECK(gate.asked == 0);
    CHECK(world.user.seen.empty());
    world.net.pass(seconds{32});
    CHECK(world.stack.servers().size() == 0);
}

TEST_CASE("T-10 D-7 R3261-8.2-1: who is not let in gets a challenge, and nothing is kept of it") {
    StackWorld world;
    FixedGate gate;
    gate.verdict.kind = Gate::Verdict::Kind::challenged;
    world.stack.set_gate(&gate);
    RawRequest request = StackWorld::request();
    const auto memory = world.stack.shard().memory.used();
    // The challenge comes before everything that the general checks would say.
    for (const char* method : {"MESSAGE", "SUBSCRIBE", "HELLO"}) {
        request.method = method;
        request.fields = {"Require: nonsense"};
        const RawMessage answer = world.net.ask(request);
        CHECK(answer.status() == 401);
        CHECK(answer.field("WWW-Authenticate") == "Digest fresh");
    }
    CHECK(world.stack.servers().size() == 0);
    CHECK(world.stack.counters().challenges == 3);
    CHECK(world.user.seen.empty());
    CHECK(world.stack.shard().memory.used() <= memory + 4'096);  // the queue of effects grew once
    gate.verdict.stale = true;
    CHECK(world.net.ask(request).field("WWW-Authenticate") == "Digest stale");
    gate.verdict.kind = Gate::Verdict::Kind::refused;
    gate.verdict.error = {Condition::forbidden, "Not you"};
    const RawMessage refused = world.net.ask(request);
    CHECK(refused.status() == 403);
    CHECK(refused.reason() == "Not you");
    gate.verdict.kind = Gate::Verdict::Kind::admitted;
    gate.verdict.identity = {"bob@example.com", true};
    CHECK(world.net.ask(StackWorld::request()).status() == 200);
    // A copy is answered without asking again.
    const int asked = gate.asked;
    const std::string text = StackWorld::text("BYE", udp_via);
    world.say(text);
    world.say(text);
    CHECK(gate.asked == asked + 1);
}

TEST_CASE("T-10 R3261-8.2.7-1: what a stranger is answered by the stack itself keeps nothing") {
    StackWorld world;
    const auto memory = world.stack.shard().memory.used();
    struct Row {
        std::string method, uri, fields;
        int status;
    };
    for (const Row& row : {Row{"OPTIONS", "sip:alice@example.com", "", 200},
                           Row{"HELLO", "sip:alice@example.com", "", 501},
                           Row{"SUBSCRIBE", "sip:alice@example.com", "", 405},
                           Row{"MESSAGE", "sip:nobody@example.com", "", 404},
                           Row{"MESSAGE", "nothing:known", "", 416},
                           Row{"MESSAGE", "sip:alice@example.com", "Require: foo\r\n", 420}}) {
        CAPTURE(row.method);
        CAPTURE(row.uri);
        const std::string text = with(StackWorld::text(row.method, udp_via, row.uri),
                                      "Content-Length", row.fields + "Content-Length");
        const RawMessage answer = world.say(text);
        CHECK(answer.status() == row.status);
        CHECK_FALSE(answer.to_tag().empty());
        CHECK(world.say(text).text == answer.text);
        CHECK(world.stack.servers().size() == 0);
    }
    CHECK(world.stack.shard().memory.used() <= memory + 4'096);  // the queue of effects grew once
    CHECK(world.user.seen.empty());
    // A failure of INVITE is repeated until it is acknowledged.
    CHECK(world.say(StackWorld::text("INVITE", udp_via)).status() == 405);
    CHECK(world.stack.servers().size() == 1);
}

TEST_CASE("T-13: a copy of an authenticated request that is refused gets the same answer") {
    StackWorld world;
    FixedGate gate;
    gate.verdict.identity = {"bob@example.com", true};
    world.stack.set_gate(&gate);
    const std::string text = StackWorld::text("HELLO", udp_via);
    const RawMessage answer = world.say(text);
    CHECK(answer.status() == 501);
    gate.verdict.kind = Gate::Verdict::Kind::challenged;  // its nonce is used up
    gate.verdict.stale = true;
    CHECK(world.say(text).text == answer.text);
    CHECK(gate.asked == 1);
}

TEST_CASE("R3261-22.1-3: CANCEL and ACK are never challenged") {
    StackWorld world;
    FixedGate gate;
    gate.verdict.kind = Gate::Verdict::Kind::challenged;
    world.stack.set_gate(&gate);
    CHECK(world.say(StackWorld::text("CANCEL", udp_via)).status() == 481);
    CHECK_FALSE(world.say(StackWorld::text("ACK", udp_via)));
    CHECK(gate.asked == 0);
}

TEST_CASE("R3261-8.2-1 D-7: method, merged, Request-URI and Require are looked at in this order") {
    StackWorld world;
    FixedGate gate;
    gate.verdict.identity = {"bob@example.com", true};
    world.stack.set_gate(&gate);
    RawRequest request = StackWorld::request("HELLO");
    request.uri = "nothing:known";
    request.to = "<sip:alice@example.com>";
    request.with("Require: foo");
    CHECK(world.net.ask(request).status() == 501);
    request.method = "MESSAGE";
    CHECK(world.net.ask(request).status() == 416);
    CHECK(world.net.ask(request).status() == 482);
    request.call_id = "other";
    request.uri = "sip:nobody@example.com";
    CHECK(world.net.ask(request).status() == 404);
    request.call_id = "third";
    request.uri = "sip:alice@example.com";
    CHECK(world.net.ask(request).status() == 420);
}

TEST_CASE("ROUR-4 T-16: with the transaction table full there is a 503 without state, by any way") {
    StackOptions options;
    options.limits.server_transactions = 2;
    StackWorld world(options);
    const std::string known = StackWorld::text("MESSAGE", udp_via);
    const RawMessage first = world.say(known);
    // What is not answered is what the table is for.
    world.user.script = [](const Request&) { return 0; };
    RawRequest more = StackWorld::request();
    for (const char* call : {"one", "two"}) {
        more.call_id = call;
        CHECK_FALSE(world.net.ask(more));
    }
    more.call_id = "more";
    const RawMessage refused = world.net.ask(more);
    CHECK(refused.status() == 503);
    CHECK(refused.field("Retry-After") == "5");
    CHECK(world.stack.counters().limit_server_transactions == 1);
    CHECK(world.stack.servers().size() - world.stack.servers().completed() == 2);
    // Who was served before still is.
    CHECK(world.say(known).text == first.text);
    const FlowId flow = world.net.connect();
    CHECK(world.net.ask(flow, more).status() == 503);
    for (const std::size_t i : {1U, 2U}) world.user.say(world.net.now, i);
    world.net.drain();
    world.user.script = [](const Request&) { return 200; };
    CHECK(world.net.ask(more).status() == 200);
}

TEST_CASE("ROUR-2 T-33: a jump of the wall clock moves no deadline") {
    for (const std::int64_t jump : {INT64_C(-86'400'000'000), INT64_C(86'400'000'000)}) {
        StackWorld world;
        REQUIRE(world.user.send(world.net.now, world.peer_by_udp()));
        world.net.drain();
        const auto before = world.stack.deadline();
        world.net.now.wall_ms += jump;
        world.net.drain();
        CHECK(world.stack.deadline() == before);
        world.net.pass(seconds{32});
        CHECK(world.net.sent.size() == 11);
        CHECK(world.user.told.size() == 1);
    }
}

TEST_CASE("same inputs at the same instants with the same entropy give the same bytes") {
    const auto run = [] {
        StackWorld world;
        std::string all;
        (void)world.user.send(world.net.now, world.peer_by_udp());
        world.say(StackWorld::text("MESSAGE", udp_via));
        world.net.pass(seconds{3});
        world.say(StackWorld::text("INVITE", udp_via));
        world.net.pass(seconds{40});
        while (const RawMessage message = world.net.take()) all += message.text;
        return all;
    };
    const std::string once = run();
    CHECK(once.size() > 1'000);
    CHECK(run() == once);
}

TEST_CASE("ROUR-8: each kind of answer is the same by TCP as by UDP") {
    for (const char* method : {"MESSAGE", "INFO", "HELLO", "OPTIONS"}) {
        StackWorld one, two;
        const RawMessage by_udp = one.net.ask(StackWorld::request(method));
        const RawMessage by_tcp = two.net.ask(two.net.connect(), StackWorld::request(method));
        std::string same = by_tcp.text;
        same = with(same, "SIP/2.0/TCP", "SIP/2.0/UDP");
        const auto tag = by_tcp.to_tag();
        same = with(same, tag, by_udp.to_tag());
        CHECK(same == by_udp.text);
    }
}

TEST_CASE("a datagram for a socket that is not ours is dropped") {
    StackWorld world;
    const std::string text = StackWorld::text("MESSAGE", udp_via);
    const std::vector<char> bytes(text.begin(), text.end());
    world.stack.input(world.net.now, Datagram{ListenerId{55}, world.net.peer, bytes});
    world.net.drain();
    CHECK(world.net.sent.empty());
}
