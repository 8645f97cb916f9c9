// Hostile input against the whole server, row by row of the threats it is built against. What is
// asked each time: the right answer, a server that lives and serves others, and nothing kept.

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/support/server_world.hpp"

using presence::Policy;
using sip::seconds;

namespace {

std::size_t kept_by(ServerWorld& w) {
    return w.server.notifier().size() + w.server.compositor().size() + w.server.registrar().size();
}
/// Bytes in use once all that has an end has ended.
std::size_t settled(ServerWorld& w) {
    w.raw.pass(seconds{8000});
    CHECK(kept_by(w) == 0);
    CHECK(w.server.stack().servers().size() == 0);
    CHECK(w.server.stack().clients().size() == 0);
    return w.server.stack().shard().memory.used();
}
/// Does `attack` twice: what the second time adds is what every further time would.
template <class Attack>
void leaves_nothing(ServerWorld& w, const Attack& attack) {
    attack();
    const std::size_t before = settled(w);
    attack();
    CHECK(settled(w) == before);
}
/// An honest watcher is served, and then gone again.
void still_serves(ServerWorld& w) {
    static unsigned number = 0;
    RawRequest request = ServerWorld::subscribe("carol", "alice", 0);
    request.call_id = "honest-" + std::to_string(++number);
    CHECK(w.ask_as("carol", request).status() == 200);
    CHECK(w.raw.take("NOTIFY"));
}
RawMessage tell(ServerWorld& w, const std::string& text) {
    w.raw.sent.clear();
    w.raw.input(text);
    return w.raw.take();
}
std::string with(std::string text, const std::string& what, const std::string& instead) {
    const auto at = text.find(what);
    REQUIRE(at != std::string::npos);
    return text.replace(at, what.size(), instead);
}
/// The text of `request` with one more line in front of Content-Length.
std::string with_line(ServerWorld& w, const RawRequest& request, const std::string& line) {
    return with(w.raw.text_of(request), "Content-Length:", line + "\r\nContent-Length:");
}
RawRequest numbered(RawRequest request, unsigned number) {
    // Of one length, so that a place in the text is the same place in all of them.
    const std::string digits = std::to_string(100'000 + number);
    request.branch = "z9hG4bK" + digits;
    request.call_id = "hostile-" + digits;
    return request;
}
std::vector<RawRequest> one_of_each(ServerWorld& w) {
    return {ServerWorld::subscribe("bob"), w.publish("alice", pidf_document("open")),
            w.register_("alice", "<sip:alice@192.0.2.7>;q=0.5")};
}
int publish_status(ServerWorld& w, const std::string& body) {
    return w.raw.ask(w.publish("alice", body)).status();
}

}  // namespace

TEST_CASE("T-1: any byte replaced, or the rest cut off, in any request") {
    ServerWorld w;
    unsigned number = 0;
    for (const RawRequest& request : one_of_each(w)) {
        const std::size_t size = w.raw.text_of(numbered(request, 0)).size();
        for (std::size_t at = 0; at < size; ++at) {
            for (const char byte : {'\0', '\xFF', '\r', ','}) {
                std::string text = w.raw.text_of(numbered(request, ++number));
                text[at] = byte;
                w.raw.input(text);
            }
            w.raw.input(w.raw.text_of(numbered(request, ++number)).substr(0, at));
            w.raw.sent.clear();
        }
    }
    settled(w);
    still_serves(w);
}

TEST_CASE("T-1 T-10: the same without credentials is never a yes and never a NOTIFY") {
    ServerWorld w(Policy::allow);
    unsigned number = 0;
    for (const RawRequest& request : one_of_each(w)) {
        const std::size_t size = w.raw.text_of(numbered(request, 0)).size();
        for (std::size_t at = 0; at < size; ++at) {
            std::string text = w.raw.text_of(numbered(request, ++number));
            text[at] = static_cast<char>(text[at] ^ 0x20);
            w.raw.sent.clear();
            w.raw.input(text);
            CAPTURE(text);
            for (const RawMessage& answer : w.raw.sent) CHECK(answer.status() >= 400);
        }
    }
    CHECK(kept_by(w) == 0);
    still_serves(w);
}

TEST_CASE("T-2: a single-value field that stands twice is 400, by whichever names") {
    ServerWorld w;
    const auto twice = [&](RawRequest request, const std::string& line) {
        CAPTURE(line);
        request.call_id = "call-1";
        CHECK(tell(w, with_line(w, request, line)).status() == 400);
        CHECK(kept_by(w) == 0);
    };
    for (const RawRequest& request : one_of_each(w)) {
        for (const char* line :
             {"From: <sip:mallory@example.com>;tag=2", "f: <sip:bob@example.com>;tag=from-bob",
              "To: <sip:bob@example.com>", "t: <sip:alice@example.com>", "Call-ID: other",
              "i: call-1", "CSeq: 7 SUBSCRIBE", "cseq: 1 SUBSCRIBE", "Content-Length: 0", "l: 3",
              "Expires: 60", "Max-Forwards: 3"})
            if (std::string_view(line) != "Expires: 60" || request.method != "PUBLISH")
                twice(request, line);
    }
    for (const char* line : {"Event: presence", "o: presence", "Event: dialog"}) {
        twice(ServerWorld::subscribe("bob"), line);
        twice(w.publish("alice", pidf_document("open")), line);
    }
    twice(w.publish("alice", "", "one"), "SIP-If-Match: two");
    still_serves(w);
}

TEST_CASE("T-3: lengths that lie, by datagram") {
    ServerWorld w;
    const std::string good = w.raw.text_of(numbered(w.publish("alice", pidf_document("open")), 1));
    const auto start = good.find("Content-Length: ") + 16;
    const std::string length = good.substr(start, good.find("\r\n", start) - start);
    for (const std::string& lie :
         {std::string("-1"), "+" + length, length + ", " + length, std::string("4294967297"),
          std::string("18446744073709551617"), std::string(400, '9'), std::string("0x10"),
          std::string("ten"), std::string(""), std::to_string(std::stoi(length) + 1)}) {
        CAPTURE(lie);
        CHECK(tell(w, with(good, "Content-Length: " + length, "Content-Length: " + lie)).status() ==
              400);
    }
    CHECK(kept_by(w) == 0);
    CHECK(tell(w, good + "and what stands behind the body is no part of it").status() == 200);
}

TEST_CASE("T-3 T-4: a length that lies ends a connection, and nothing behind it is served") {
    for (const std::string lie : {"-1", "4294967297x", "5, 5", "99999999999999999999", ""}) {
        CAPTURE(lie);
        ServerWorld w;
        const sip::FlowId flow = w.raw.connect();
        const std::string good = w.raw.text_of(ServerWorld::subscribe("bob"), "TCP");
        w.raw.input(flow, with(good, "Content-Length: 0", "Content-Length: " + lie) +
                              w.raw.text_of(ServerWorld::subscribe("carol"), "TCP"));
        CHECK(w.raw.take().status() == 400);
        CHECK(w.raw.sent.empty());
        REQUIRE(w.raw.closed.size() == 1);
        CHECK(w.raw.closed.front() == flow);
        w.raw.input(flow, w.raw.text_of(ServerWorld::subscribe("alice"), "TCP"));
        CHECK(w.raw.sent.empty());
        CHECK(kept_by(w) == 0);
        still_serves(w);
    }
}

TEST_CASE("T-5 T-6 T-7 T-8: documents made to break readers are refused, and never passed on") {
    ServerWorld w;
    w.raw.ask(ServerWorld::subscribe("bob", "alice", 7200));
    w.raw.pass(seconds{10});
    const std::string whole = pidf_document("open");
    std::string deep, wide = "<a";
    for (int i = 0; i < 4000; ++i) deep += "<a>";
    for (int i = 0; i < 2000; ++i) wide += " a" + std::to_string(i) + "=''";
    const std::string doctype =
        "<!DOCTYPE presence [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>"
        "<!ENTITY f SYSTEM 'file:///etc/hostname'>]>";
    const auto inside = [](const std::string& text) {
        return pidf_document("open", "t", {}, text);
    };
    std::size_t before = 0;
    for (int round = 0; round < 2; ++round) {
        for (const std::string& body :
             {inside(deep), inside(wide + "/>"), with(whole, "<presence", doctype + "<presence"),
              inside("<note>&b;</note>"), inside("<note>&#0;</note>"),
              inside(std::string("<note>\0</note>", 14)), inside("<note>\xC0\x80</note>"),
              inside("<note>\xFF</note>"), inside("<a><b></a></b>"), inside("<a x='1' x='2'/>"),
              inside("<u:a/>"), whole.substr(0, whole.size() - 1), whole + whole,
              std::string("\0", 1), std::string("<")}) {
            CAPTURE(body.substr(0, 400));
            const int status = publish_status(w, body);
            CHECK((status == 400 || status == 413));
        }
        CHECK(publish_status(w, inside("<note>" + std::string(20'000, 'x') + "</note>")) == 413);
        CHECK(w.server.compositor().size() == 0);
        w.raw.pass(seconds{60});
        CHECK_FALSE(w.raw.take("NOTIFY"));
        w.server.trim(w.raw.now);
        const std::size_t used = w.server.stack().shard().memory.used();
        if (round == 1) CHECK(used == before);
        before = used;
    }
    CHECK(publish_status(w, whole) == 200);
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<basic>open</basic>") == 1);
}

TEST_CASE("T-8: NUL and bytes that are no UTF-8, outside of bodies, are 400 and not echoed") {
    ServerWorld w;
    for (const std::string& bad : {std::string("\0", 1), std::string("\xFF"), std::string("\x07")})
        for (const char* place : {"presence", "from-bob", "subscribe-bob", "192.0.2.99:5062>"}) {
            const std::string text = w.raw.text_of(ServerWorld::subscribe("bob"));
            const RawMessage answer = tell(w, with(text, place, bad + place));
            CAPTURE(place);
            CHECK(answer.status() == 400);
            CHECK(answer.text.substr(0, answer.text.find("\r\n")).find(bad) == std::string::npos);
            CHECK(kept_by(w) == 0);
        }
}

TEST_CASE("T-9: connections that close while they are being told, and a stop in the middle") {
    ServerWorld w;
    w.raw.answer_notify = false;
    std::vector<sip::FlowId> flows;
    for (unsigned i = 0; i < 20; ++i) {
        flows.push_back(w.raw.connect());
        RawRequest request = ServerWorld::subscribe("bob");
        request.call_id = "watcher-" + std::to_string(i);
        CHECK(w.raw.ask(flows.back(), request).status() == 200);
        // Half of them are still waiting for the answer to their first NOTIFY.
        if (i % 2 == 0) w.raw.answer(w.raw.take("NOTIFY"));
    }
    w.raw.pass(seconds{6});
    CHECK(publish_status(w, pidf_document("open")) == 200);
    for (std::size_t i = 0; i < flows.size(); i += 3) {
        w.server.closed(w.raw.now, flows[i]);
        w.raw.drain();
    }
    CHECK(publish_status(w, pidf_document("closed")) == 200);
    // Refused, answered twice, and answered for a dialog that has gone.
    std::vector<RawMessage> notifies;
    while (RawMessage notify = w.raw.take("NOTIFY")) notifies.push_back(std::move(notify));
    for (const RawMessage& notify : notifies)
        for (const int status : {481, 200, 500}) w.raw.answer(notify, status);
    w.server.shut_down(w.raw.now, presence::Server::Stop::deactivate);
    w.raw.drain();
    for (const sip::FlowId flow : flows) w.server.closed(w.raw.now, flow);
    w.raw.drain();
    w.raw.pass(seconds{4000});
    CHECK(w.server.idle());
}

TEST_CASE("T-10 T-24 T-25: strangers by the hundred get short answers, and cost nothing") {
    ServerWorld w(Policy::allow);
    const auto attack = [&] {
        for (unsigned i = 0; i < 300; ++i)
            for (const RawRequest& request : one_of_each(w)) {
                const std::string text = w.raw.text_of(numbered(request, i));
                const RawMessage answer = tell(w, text);
                CHECK(answer.status() == 401);
                CHECK(answer.body().empty());
                CHECK(answer.text.size() <= text.size() + 256);
                CHECK(w.raw.sent.empty());
                CHECK(w.server.stack().servers().size() == 0);
            }
        for (unsigned i = 0; i < 300; ++i) {
            std::string noise(i, '\0');
            for (unsigned j = 0; j < i; ++j) noise[j] = static_cast<char>((i * 31 + j * j) % 256U);
            const RawMessage answer = tell(w, noise);
            CHECK(answer.text.size() <= noise.size() + 64);
        }
    };
    leaves_nothing(w, attack);
    still_serves(w);
}

TEST_CASE("T-11: a Contact at somebody else's gets no NOTIFY, and silence ends it") {
    ServerWorld w(Policy::allow);
    w.raw.answer_notify = false;
    RawRequest request = ServerWorld::subscribe("bob");
    request.fields[1] = "Contact: <sip:victim@198.51.100.1:5060>";
    REQUIRE(w.ask_as("bob", request).status() == 200);
    w.raw.pass(seconds{10});
    REQUIRE(w.ask_as("alice", w.publish("alice", pidf_document("open"))).status() == 200);
    w.raw.pass(seconds{40});
    std::size_t copies = 0;
    for (const RawMessage& message : w.raw.sent) {
        CHECK(message.to == w.raw.peer);
        if (message.method() == "NOTIFY") ++copies;
    }
    CHECK(copies <= 11);
    CHECK(w.server.notifier().size() == 0);
}

TEST_CASE("T-11: a route to somebody else's carries the copies of one NOTIFY, and then none") {
    // Behind a proxy the NOTIFY goes where Record-Route or Contact say, and that may be anywhere.
    for (const bool by_route : {true, false}) {
        ServerWorld w(Policy::allow);
        w.raw.answer_notify = false;
        const sip::Endpoint victim{sip::Address::v4(198, 51, 100, 1), 5060};
        RawRequest request = ServerWorld::subscribe("bob");
        request.fields[1] = "Contact: <sip:victim@198.51.100.1:5060>";
        request.with(by_route ? "Record-Route: <sip:198.51.100.1:5060;lr>"
                              : "Via: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKbehind");
        REQUIRE(w.ask_as("bob", request).status() == 200);
        w.raw.pass(seconds{400});
        std::set<std::string> branches;
        std::size_t copies = 0;
        for (const RawMessage& message : w.raw.sent) {
            if (!(message.to == victim)) continue;
            ++copies;
            branches.insert(message.field("Via"));
        }
        CHECK(copies == 4);
        CHECK(branches.size() == 1);
        CHECK(w.server.notifier().size() == 0);
    }
}

/// Bytes that the server sent to `to` for each of `asked`.
double amplification(ServerWorld& w, const sip::Endpoint& to, std::size_t asked) {
    std::size_t bytes = 0;
    for (const RawMessage& message : w.raw.sent)
        if (message.to == to) bytes += message.text.size();
    return static_cast<double>(bytes) / static_cast<double>(asked);
}

TEST_CASE("T-11 T-25: what a third party gets for each byte of an attacker with an account") {
    const sip::Endpoint victim{sip::Address::v4(198, 51, 100, 1), 5060};
    double first = 0;
    // What just fits a first NOTIFY is worst; of what is larger it has nothing.
    struct Row {
        int subscriptions;
        std::size_t note;
    };
    for (const auto& [subscriptions, note] :
         {Row{1, 300}, Row{10, 300}, Row{100, 300}, Row{1, 500}, Row{1, 8'000}}) {
        ServerWorld w(Policy::allow);
        w.raw.answer_notify = false;
        REQUIRE(w.ask_as("alice",
                         w.publish("alice",
                                   pidf_document("open", "t1", {},
                                                 "<note>" + std::string(note, 'x') + "</note>")))
                    .status() == 200);
        w.raw.sent.clear();
        std::size_t asked = 0;
        for (int i = 0; i < subscriptions; ++i) {
            RawRequest request = ServerWorld::subscribe("bob");
            request.call_id += std::to_string(i);
            request.fields[1] = "Contact: <sip:victim@198.51.100.1:5060>";
            request.with("Record-Route: <sip:198.51.100.1:5060;lr>");
            const std::string challenge = [&] {
                const std::string text = w.raw.text_of(request);
                asked += text.size();
                w.raw.input(text);
                for (auto at = w.raw.sent.rbegin(); at != w.raw.sent.rend(); ++at)
                    if (at->status() == 401) return at->field("WWW-Authenticate");
                return std::string();
            }();
            ++request.cseq;
            const std::string text =
                w.raw.text_of(request.with(authorization_for(challenge, request, "bob", "bob")));
            asked += text.size();
            w.raw.input(text);
        }
        w.raw.pass(seconds{400});
        const double factor = amplification(w, victim, asked);
        MESSAGE(subscriptions << " subscriptions, a note of " << note << ": " << factor);
        if (first == 0) first = factor;
        CHECK(factor * subscriptions <= first * 1.5);
        CHECK(factor < 6);
        CHECK(w.server.notifier().size() == 0);
    }
}

TEST_CASE("T-25: what an answer to a stranger has for each byte of the question") {
    ServerWorld w(Policy::allow);
    double most = 0;
    unsigned number = 0;
    const auto measure = [&](const std::string& text) {
        w.raw.sent.clear();
        w.raw.input(text);
        CHECK(w.raw.sent.size() <= 1);
        most = std::max(most, amplification(w, w.raw.peer, text.size()));
    };
    for (RawRequest request : one_of_each(w)) measure(w.raw.text_of(numbered(request, ++number)));
    measure(w.raw.text_of(numbered(RawRequest{"OPTIONS", "sip:example.com"}, ++number)));
    measure(w.raw.text_of(numbered(RawRequest{"MESSAGE", "sip:alice@example.com"}, ++number)));
    measure(w.raw.text_of(numbered(RawRequest{"FOO", "sip:alice@example.com"}, ++number)));
    // The shortest that is answered with a challenge.
    measure(
        "SUBSCRIBE sip:a@b SIP/2.0\r\nv:SIP/2.0/UDP a;branch=z9hG4bK1\r\nf:<sip:a@b>;tag=1\r\n"
        "t:<sip:a@b>\r\ni:1\r\nCSeq:1 SUBSCRIBE\r\nMax-Forwards:70\r\n\r\n");
    MESSAGE("at most " << most);
    CHECK(most < 3);
    CHECK(w.server.stack().servers().size() == 0);
}

TEST_CASE(
    "T-11: who answers with errors is asked thrice, 300 s apart at most, whatever he asks for") {
    ServerWorld w(Policy::allow);
    w.raw.answer_notify = false;
    REQUIRE(w.ask_as("bob", ServerWorld::subscribe("bob", "alice", 7200)).status() == 200);
    RawMessage notify = w.raw.take("NOTIFY");
    for (const char* retry_after : {"4294967295", "301"}) {
        REQUIRE(notify);
        w.raw.answer(notify, 503, "Busy", {std::string("Retry-After: ") + retry_after});
        w.raw.pass(seconds{299});
        CHECK_FALSE(w.raw.take("NOTIFY"));
        w.raw.pass(seconds{1});
        notify = w.raw.take("NOTIFY");
    }
    REQUIRE(notify);
    w.raw.answer(notify, 503, "Busy", {"Retry-After: 1"});
    CHECK(w.server.notifier().size() == 0);
    w.raw.pass(seconds{400});
    CHECK_FALSE(w.raw.take("NOTIFY"));
}

TEST_CASE("T-12: nothing is forwarded, by Route or by Request-URI") {
    ServerWorld w(Policy::allow);
    for (const char* method : {"SUBSCRIBE", "PUBLISH", "REGISTER", "OPTIONS", "MESSAGE", "INVITE",
                               "NOTIFY", "REFER", "BYE"}) {
        for (const char* uri : {"sip:carol@198.51.100.1", "sip:carol@elsewhere.org"}) {
            RawRequest request{method, uri};
            request.from = "<sip:bob@example.com>;tag=1";
            request.call_id = std::string("relay-") + method + uri;
            request.with("Event: presence").with("Contact: <sip:bob@192.0.2.99:5062>");
            request.with("Route: <sip:192.0.2.1;lr>, <sip:198.51.100.1;lr>");
            const RawMessage answer = w.ask_as("bob", request);
            CAPTURE(method);
            CHECK(answer.status() >= 400);
            CHECK(answer.to == w.raw.peer);
        }
    }
    for (const RawMessage& message : w.raw.sent) CHECK(message.to == w.raw.peer);
    CHECK(w.raw.opened.empty());
    CHECK(kept_by(w) == 0);
}

TEST_CASE("T-13: credentials that were good once are good for nothing else") {
    ServerWorld w(Policy::allow);
    RawRequest request = ServerWorld::subscribe("bob");
    const std::string challenge = w.raw.ask(request).field("WWW-Authenticate");
    const std::string credentials = authorization_for(challenge, request, "bob", "bob");
    REQUIRE(w.raw.ask(RawRequest(request).with(credentials)).status() == 200);
    // The same again in another transaction, for another method, for another presentity.
    RawRequest again = request;
    again.cseq = 9;
    again.call_id = "again";
    CHECK(w.raw.ask(RawRequest(again).with(credentials)).status() == 401);
    again.uri = "sip:carol@example.com";
    CHECK(w.raw.ask(RawRequest(again).with(credentials)).status() >= 400);
    RawRequest publish = w.publish("bob", pidf_document("open"));
    publish.uri = request.uri;
    CHECK(w.raw.ask(RawRequest(publish).with(credentials)).status() == 401);
    // A nonce of our own making, and one of another server.
    for (const std::string& nonce :
         {std::string("0123456789abcdef0123456789abcdef0123456789abcdef"), std::string("x"),
          std::string(4000, 'a')}) {
        const std::string made_up = "Digest realm=\"example.com\", nonce=\"" + nonce + "\"";
        CHECK(w.raw.ask(RawRequest(again).with(authorization_for(made_up, again, "bob", "bob")))
                  .status() >= 400);
    }
    CHECK(w.server.notifier().size() == 1);
    CHECK(kept_by(w) == 1);
}

TEST_CASE("T-14: nobody speaks for another, whatever From and P-Asserted-Identity say") {
    ServerWorld w(Policy::allow);
    RawRequest publish = w.publish("alice", pidf_document("open"));
    publish.with("P-Asserted-Identity: <sip:alice@example.com>");
    CHECK(w.ask_as("bob", publish).status() == 403);
    RawRequest registration = w.register_("alice", "<sip:bob@192.0.2.66>");
    registration.with("P-Asserted-Identity: <sip:alice@example.com>");
    CHECK(w.ask_as("bob", registration).status() == 403);
    CHECK(kept_by(w) == 0);
    // A watcher is who its credentials say.
    w.server.set_policy(w.raw.now, Policy::block);
    RawRequest subscribe = ServerWorld::subscribe("alice");
    CHECK(w.ask_as("bob", subscribe).status() == 403);
    CHECK(kept_by(w) == 0);
}

TEST_CASE("T-15: an unknown user and a wrong password are told the same") {
    ServerWorld w(Policy::allow);
    std::vector<std::string> answers;
    for (const char* user : {"bob", "nobody"}) {
        RawRequest request = ServerWorld::subscribe("carol");
        const std::string challenge = w.raw.ask(request).field("WWW-Authenticate");
        ++request.cseq;
        request.with(authorization_for(challenge, request, user, "wrong"));
        std::string text = w.raw.ask(request).text;
        for (const char* own : {"nonce=\"", ";tag="}) {
            const auto at = text.rfind(own);
            REQUIRE(at != std::string::npos);
            text.erase(at, text.find_first_of("\"\r", at + 7) - at);
        }
        text = with(text, "branch=z9hG4bKraw", "");
        answers.push_back(text.erase(text.find(';'), 5));
        CHECK(answers.back().starts_with("SIP/2.0 401 "));
    }
    CHECK(answers[0].substr(0, 40) == answers[1].substr(0, 40));
    CHECK(answers[0].size() == answers[1].size());
    CHECK(kept_by(w) == 0);
}

TEST_CASE("T-16: one who floods is held to his quota, and others are served") {
    sip::Limits limits;
    limits.subscriptions_per_user = 3;
    limits.bindings_per_address = 3;
    limits.publications_per_resource = 3;
    ServerWorld w(Policy::allow, limits);
    for (unsigned i = 1; i <= 5; ++i) {
        CAPTURE(i);
        const std::string n = std::to_string(i);
        RawRequest subscribe = ServerWorld::subscribe("bob");
        subscribe.call_id = "flood-" + n;
        const RawMessage answer = w.ask_as("bob", subscribe);
        CHECK(answer.status() == (i <= 3 ? 200 : 503));
        CHECK(answer.has("Retry-After") == (i > 3));
        CHECK(w.ask_as("bob", w.register_("bob", "<sip:bob@192.0.2." + n + ">")).status() ==
              (i <= 3 ? 200 : 403));
        RawRequest publish =
            w.publish("bob", pidf_document("open", "t", {}, {}, "sip:bob@example.com"));
        publish.call_id = "flood-" + n;
        CHECK(w.ask_as("bob", publish).status() == (i <= 3 ? 200 : 403));
    }
    CHECK(kept_by(w) == 9);
    CHECK(w.ask_as("alice", w.publish("alice", pidf_document("open"))).status() == 200);
    still_serves(w);
}

TEST_CASE("T-16 ROUR-4: a user or a source that floods fills no table, and others are served") {
    sip::Limits limits;
    limits.server_transactions = limits.server_transactions_per_user = 1;
    limits.server_transactions_per_address = 1;
    limits.completed_transactions = 100;
    ServerWorld w(Policy::allow, limits);
    const auto publish_as = [&](const std::string& user, std::uint8_t host) {
        w.raw.peer.address = sip::Address::v4(192, 0, 2, host);
        return w.ask_as(user, w.publish(user, pidf_document("open", "t", {}, {},
                                                            "sip:" + user + "@example.com")));
    };
    // One user, from everywhere.
    for (int i = 0; i < 300; ++i) {
        const RawMessage answer = publish_as("bob", static_cast<std::uint8_t>(i % 250));
        CHECK(answer.status() != 503);
    }
    CHECK(publish_as("alice", 1).status() == 200);
    // One source, as everybody.
    for (int i = 0; i < 300; ++i) {
        const std::string user = "user" + std::to_string(i);
        w.users.users.emplace(user, user);
        CHECK(publish_as(user, 251).status() == 200);
    }
    // What was answered first is forgotten first.
    CHECK(w.server.stack().servers().size() == 100);
    CHECK(w.server.counters().limit_completed_transactions == 601 - 100);
    CHECK(w.server.counters().limit_server_transactions == 0);
    CHECK(publish_as("carol", 252).status() == 200);
    w.raw.peer.address = sip::Address::v4(192, 0, 2, 99);
    still_serves(w);
}

TEST_CASE(
    "T-11 R3261-18.4-1: a forged ICMP error ends no subscription, a proved one the third time") {
    ServerWorld w;
    w.raw.answer_notify = false;
    CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
    const auto tell = [&](const std::string& quoted) {
        const std::vector<char> bytes(quoted.begin(), quoted.end());
        w.server.unreachable(w.raw.now, {w.raw.udp, w.raw.peer, bytes});
        w.raw.drain();
    };
    const auto serves_bob = [&] { return w.server.notifier().size() == 1; };
    SUBCASE("forged, all the time that a NOTIFY goes unanswered") {
        const RawMessage notify = w.raw.take("NOTIFY");
        std::string guess = notify.text;
        guess.replace(guess.find("z9hG4bK") + 7, 16, "0123456789abcdef");
        for (int i = 0; i < 310; ++i) {
            tell(guess);
            tell({});
            w.raw.pass(sip::milliseconds{100});
        }
        w.raw.answer(notify, 200);
        w.raw.pass(seconds{60});
        CHECK(serves_bob());
    }
    SUBCASE("proved") {
        for (int failed = 1; failed <= 3; ++failed) {
            CHECK(serves_bob());
            w.raw.pass(sip::milliseconds{500});
            const RawMessage notify = w.raw.take("NOTIFY");
            REQUIRE(notify);
            w.raw.sent.clear();
            tell(notify.text);
            CHECK(serves_bob() == (failed < 3));
            w.raw.pass(seconds{31});
            CHECK_FALSE(w.raw.take("NOTIFY"));
            w.raw.pass(seconds{1});
        }
    }
}

TEST_CASE("ROUR-1: a server that lost its state says so to watchers and publishers at once") {
    RawRequest again, publish;
    {
        ServerWorld before;
        publish = before.publish(
            "alice", {},
            before.raw.ask(before.publish("alice", pidf_document("open"))).field("SIP-ETag"));
        const RawRequest subscribe = ServerWorld::subscribe("bob");
        CHECK(before.raw.ask(subscribe).status() == 200);
        again = ServerWorld::resubscribe(subscribe, before.raw.take("NOTIFY"), 600);
        CHECK(before.raw.ask(again).status() == 200);
        CHECK(before.raw.ask(publish).status() == 200);
    }
    ServerWorld after;
    ++again.cseq;
    again.branch.clear();
    ++publish.cseq;
    publish.branch.clear();
    CHECK(after.raw.ask(again).status() == 481);
    CHECK(after.raw.ask(publish).status() == 412);
    CHECK(kept_by(after) == 0);
}

TEST_CASE("T-20: of two that race on one entity-tag, one wins") {
    ServerWorld w;
    std::set<std::string> tags;
    std::string tag = w.raw.ask(w.publish("alice", pidf_document("open"))).field("SIP-ETag");
    for (int i = 0; i < 50; ++i) {
        CHECK(tags.insert(tag).second);
        CHECK(tag.size() >= 16);
        const RawMessage first = w.raw.ask(w.publish("alice", pidf_document("closed"), tag));
        const RawMessage second = w.raw.ask(w.publish("alice", pidf_document("open"), tag));
        CHECK(first.status() == 200);
        CHECK(second.status() == 412);
        tag = first.field("SIP-ETag");
        w.raw.sent.clear();
    }
    CHECK(w.server.compositor().size() == 1);
}

TEST_CASE("T-21: numbers at the edge of what fits") {
    ServerWorld w;
    RawRequest subscribe = ServerWorld::subscribe("bob");
    subscribe.fields.back() = "Expires: 4294967295";
    CHECK(w.raw.ask(subscribe).field("Expires") == "7200");
    w.raw.pass(seconds{7199});
    CHECK(w.server.notifier().size() == 1);
    w.raw.pass(seconds{2});
    CHECK(w.server.notifier().size() == 0);
    const auto status_of = [&](const std::string& what, const std::string& instead) {
        RawRequest request = ServerWorld::subscribe("bob");
        request.call_id = "edge-of-" + instead;
        CAPTURE(instead);
        const int status = tell(w, with(w.raw.text_of(request), what, instead)).status();
        CHECK(kept_by(w) == 0);
        return status;
    };
    CHECK(status_of("CSeq: 1 ", "CSeq: 4294967296 ") == 400);
    CHECK(status_of("CSeq: 1 ", "CSeq: -1 ") == 400);
    CHECK(status_of("Max-Forwards: 70", "Max-Forwards: 99999999999999999999") == 400);
    CHECK(status_of("192.0.2.99:5062>", "192.0.2.99:65536>") == 400);
    CHECK(status_of("192.0.2.99:5062;rport", "192.0.2.99:65536;rport") == 400);
    CHECK(w.raw.ask(w.register_("alice", "<sip:a@192.0.2.7>;q=1.001")).status() == 400);
    CHECK(kept_by(w) == 0);
    CHECK(w.raw.ask(w.register_("alice", "<sip:a@192.0.2.7>;expires=4294967295", 60))
              .field("Contact") == "<sip:a@192.0.2.7>;expires=7200");
}

TEST_CASE("T-22: late, lower and repeated requests change nothing") {
    ServerWorld w;
    RawRequest subscribe = ServerWorld::subscribe("bob");
    subscribe.cseq = 5;
    subscribe.branch = "z9hG4bKonce";
    const RawMessage accepted = w.raw.ask(subscribe);
    const RawMessage notify = w.raw.take("NOTIFY");
    const RawMessage copy = w.raw.ask(subscribe);
    CHECK(copy.text == accepted.text);
    CHECK(w.raw.sent.empty());
    RawRequest late = ServerWorld::resubscribe(subscribe, notify, 0);
    late.branch.clear();
    late.cseq = 4;
    CHECK(w.raw.ask(late).status() == 500);
    CHECK(w.server.notifier().size() == 1);
    // REGISTER by CSeq within one Call-ID.
    RawRequest first = w.register_("alice", "<sip:alice@192.0.2.7>");
    first.cseq = 20;
    CHECK(w.raw.ask(first).status() == 200);
    RawRequest removal = w.register_("alice", "<sip:alice@192.0.2.7>", 0);
    removal.cseq = 19;
    CHECK(w.raw.ask(removal).status() >= 400);
    CHECK(w.server.registrar().size() == 1);
}

TEST_CASE("T-23: hashes are keyed anew at each start") {
    SeededEntropy one(1), two(2);
    presence::Server first(ServerWorld::open(), one), second(ServerWorld::open(), two);
    const auto hash_of = [](presence::Server& server) {
        return sip::siphash(server.stack().shard().key, "z9hG4bK-chosen");
    };
    CHECK(hash_of(first) != hash_of(second));
    CHECK(hash_of(first) != sip::siphash(sip::HashKey{}, "z9hG4bK-chosen"));
    // And what a peer can see of them, the ids of tuples, tells nothing from one to the other.
    ServerWorld w;
    w.raw.ask(ServerWorld::subscribe("bob"));
    const std::string shown = w.raw.take("NOTIFY").body();
    w.raw.ask(ServerWorld::subscribe("bob", "carol"));
    const std::string other = w.raw.take("NOTIFY").body();
    const auto id_of = [](const std::string& body) { return body.substr(body.find(" id="), 22); };
    CHECK(id_of(shown) != id_of(other));
}

TEST_CASE("T-26: a Contact that only a resolver could find is never looked up") {
    ServerWorld w;
    RawRequest subscribe = ServerWorld::subscribe("bob");
    subscribe.fields[1] = "Contact: <sip:bob@tarpit.invalid>";
    CHECK(w.raw.ask(subscribe).status() == 200);
    const RawMessage notify = w.raw.take("NOTIFY");
    CHECK(notify.to == w.raw.peer);
    CHECK(notify.request_uri() == "sip:bob@tarpit.invalid");
    // Through a proxy that stays in the path the name is not ours to find; nothing waits for it.
    RawRequest proxied = ServerWorld::subscribe("carol");
    proxied.fields[1] = "Contact: <sip:carol@tarpit.invalid>";
    proxied.with("Record-Route: <sip:proxy.invalid;lr>");
    proxied.with("Via: SIP/2.0/UDP 198.51.100.9;branch=z9hG4bKbehind");
    w.raw.ask(proxied);
    for (const RawMessage& message : w.raw.sent) CHECK(message.to == w.raw.peer);
    CHECK(w.raw.opened.empty());
    w.raw.pass(seconds{1});
    still_serves(w);
}

TEST_CASE("T-27: a Contact that is the server itself is refused before it can loop") {
    ServerWorld w;
    for (const char* contact :
         {"<sip:bob@192.0.2.1:5060>", "<sip:192.0.2.1>", "<sip:x@192.0.2.1:5060;transport=tcp>"}) {
        RawRequest request = ServerWorld::subscribe("bob");
        request.fields[1] = std::string("Contact: ") + contact;
        CHECK(w.raw.ask(request).status() == 482);
        CHECK(w.raw.sent.empty());
        CHECK(kept_by(w) == 0);
        w.raw.pass(seconds{40});
    }
}

TEST_CASE("T-29: what is required is served or refused by name, and an event id comes back") {
    ServerWorld w;
    RawRequest request = ServerWorld::subscribe("bob");
    request.with("Require: path, eventlist").with("Require: 100rel");
    const RawMessage refused = w.raw.ask(request);
    CHECK(refused.status() == 420);
    CHECK(refused.field("Unsupported") == "eventlist, 100rel");
    CHECK(kept_by(w) == 0);
    RawRequest named = ServerWorld::subscribe("carol");
    named.fields[0] = "Event: presence;id=a.7";
    CHECK(w.raw.ask(named).status() == 200);
    CHECK(w.raw.take("NOTIFY").field("Event") == "presence;id=a.7");
}

TEST_CASE("T-35: with memory at its cap strangers and users get an answer, and it recovers") {
    sip::Limits limits;
    limits.memory_bytes = 400'000;
    ServerWorld w(Policy::allow, limits);
    int refused = 0;
    for (unsigned i = 0; i < 400; ++i) {
        const std::string note = "<note>" + std::string(4000, 'n') + "</note>";
        RawRequest request = w.publish("alice", pidf_document("open", "t", {}, note));
        const RawMessage answer = w.ask_as("alice", request);
        REQUIRE(answer);
        if (answer.status() != 200) ++refused;
        if (answer.status() == 503) CHECK(answer.has("Retry-After"));
        RawRequest subscribe = ServerWorld::subscribe("bob");
        subscribe.call_id = "full-" + std::to_string(i);
        const RawMessage second = w.ask_as("bob", subscribe);
        CHECK(w.server.stack().shard().memory.used() <= limits.memory_bytes);
        if (second && second.status() != 200) ++refused;
    }
    CHECK(refused > 0);
    settled(w);
    still_serves(w);
}

TEST_CASE("T-37: responses and ACKs are never answered") {
    ServerWorld w;
    const auto attack = [&] {
        for (const char* text :
             {"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnone\r\n"
              "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\n"
              "CSeq: 1 NOTIFY\r\nContent-Length: 0\r\n\r\n",
              "SIP/2.0 200 OK\r\nVia: rubbish\r\n\r\n", "SIP/2.0 999\r\n\r\n", "SIP/2.0 \r\n\r\n",
              "ACK sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.99:5062;rport;"
              "branch=z9hG4bKack\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\n"
              "CSeq: 1 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
              "ACK sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.99\r\nCSeq: "
              "1\r\n\r\n"}) {
            CAPTURE(text);
            CHECK_FALSE(tell(w, text));
        }
        RawRequest cancel{"CANCEL", "sip:alice@example.com"};
        cancel.call_id = "cancel";
        CHECK(w.raw.ask(cancel).status() == 481);
    };
    leaves_nothing(w, attack);
    still_serves(w);
}

TEST_CASE(
    "T-38: keep-alives by the thousand: one answer to each pair by stream, none by datagram") {
    ServerWorld w;
    const sip::FlowId flow = w.raw.connect();
    std::string pings;
    for (int i = 0; i < 1000; ++i) pings += "\r\n\r\n";
    w.raw.input(flow, pings);
    std::size_t bytes = 0;
    for (const RawMessage& pong : w.raw.sent) bytes += pong.text.size();
    CHECK(bytes <= 2000);
    CHECK(bytes > 0);
    for (const char* ping : {"\r\n\r\n", "\r\n", "\0\0\0\0", ""}) CHECK_FALSE(tell(w, ping));
    CHECK(w.raw.ask(flow, ServerWorld::subscribe("bob")).status() == 200);
}
