#include <doctest/doctest.h>

#include <string>

#include "tests/support/proxy_world.hpp"

using namespace sip;

namespace {

/// A request of `who` in the dialog that `ok` made, by the routes that it gave.
RawRequest in_dialog(const std::string& method, const RawMessage& ok, unsigned cseq = 2) {
    const std::string contact = ok.field("Contact");
    RawRequest request{method, contact.substr(1, contact.find('>') - 1)};
    request.from = ok.field("From");
    request.to = ok.field("To");
    request.call_id = ok.field("Call-ID");
    request.cseq = cseq;
    const auto routes = ok.fields("Record-Route");
    for (auto i = routes.rbegin(); i != routes.rend(); ++i) request.with("Route: " + *i);
    return request;
}
/// The same of the side that got `invite` and said `ok`.
RawRequest back_in_dialog(const std::string& method, const RawMessage& invite, const RawMessage& ok,
                          unsigned cseq = 1) {
    const std::string contact = invite.field("Contact");
    RawRequest request{method, contact.substr(1, contact.find('>') - 1)};
    request.from = ok.field("To");
    request.to = ok.field("From");
    request.call_id = ok.field("Call-ID");
    request.cseq = cseq;
    for (const std::string& route : invite.fields("Record-Route")) request.with("Route: " + route);
    return request;
}

std::string user_of_route(const RawMessage& message) {
    const std::string route = message.field("Record-Route");
    return route.substr(5, route.find('@') - 5);
}

}  // namespace

TEST_CASE(
    "R3261-16.6-1 R3261-16.6-2: a copy differs in Request-URI, Max-Forwards, Via, Record-Route and "
    "received alone; what nobody knows and the body stay byte by byte") {
    ProxyWorld w;
    w.bind("bob", 20);
    const std::string unknown =
        "X-Odd:\t  a,b;c=\"d\\\"e\"\r\nx-FOLDED: one\r\n  two\r\n\tthree\r\n"
        "k: timer\r\nm: <sip:alice@192.0.2.10:5060;ob>;+x=\"y\"\r\nEmpty:\r\n";
    const std::string body("a\0b\r\n\r\nINVITE sip:x SIP/2.0\r\n\xff\xfe", 31);
    const std::string start = "INVITE sip:Bob@EXAMPLE.com;x=y SIP/2.0\r\n";
    const std::string bob = "INVITE sip:bob@192.0.2.20:5060 SIP/2.0\r\n";
    const auto rest = [&](const std::string& hops) {
        return "Via: SIP/2.0/TCP a.example.com;branch=z9hG4bK2;x\r\nMax-Forwards: " + hops +
               "\r\nf: <sip:alice@example.com>;tag=1\r\nTo: \"B, o\" <sip:bob@example.com>\r\n"
               "Call-ID: 1@x\r\nCSeq: 7 INVITE\r\n" +
               unknown + "l: 31\r\n";
    };
    w.bind("Bob", 20);
    w.say(10, start + "v: SIP/2.0/UDP 192.0.2.10 ;branch=z9hG4bK1;rport;y=\"z\",\r\n " +
                  "SIP/2.0/UDP b;branch=z9hG4bK0\r\n" + rest("70") + "\r\n" + body);
    const RawMessage copy = w.heard(20);
    const std::string via = copy.field("Via"), route = copy.field("Record-Route");
    CHECK(via.starts_with("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK"));
    CHECK(copy.text == "INVITE sip:Bob@192.0.2.20:5060 SIP/2.0\r\nVia: " + via +
                           "\r\nRecord-Route: " + route +
                           "\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1;y=\"z\""
                           ";received=192.0.2.10;rport=5060, SIP/2.0/UDP b;branch=z9hG4bK0\r\n" +
                           rest("69") + "Max-Breadth: 60\r\n\r\n" + body);
    CHECK(w.counters().forwarded_requests == 1);
}

TEST_CASE(
    "R3261-16.6-1: Max-Forwards is 70 where there was none, and Content-Length is added where it "
    "is "
    "missing") {
    ProxyWorld w;
    w.bind("bob", 20);
    std::string text = w.text(10, ProxyWorld::invite());
    text.erase(text.find("Max-Forwards: 70\r\n"), 18);
    text.erase(text.find("Content-Length"),
               text.find("\r\n\r\n") + 2 - text.find("Content-Length"));
    w.say(10, text);
    const RawMessage copy = w.heard(20);
    CHECK(copy.field("Max-Forwards") == "70");
    CHECK(copy.field("Content-Length") == "32");
    CHECK(copy.body().size() == 32);
}

TEST_CASE("R3261-16.7-1 R6026-7.2-1: a call from INVITE to BYE") {
    ProxyWorld w;
    w.bind("bob", 20);
    w.say(10, ProxyWorld::invite());
    const RawMessage invite = w.heard(20);
    CHECK(invite.request_uri() == "sip:bob@192.0.2.20:5060");
    CHECK_FALSE(w.heard(10));
    w.raw.pass(milliseconds{200});
    CHECK(w.heard(10).status() == 100);
    w.answer(20, invite, 100);
    CHECK_FALSE(w.heard(10));
    w.answer(20, invite, 180);
    const RawMessage ringing = w.heard(10);
    CHECK(ringing.status() == 180);
    CHECK(ringing.reason() == "Said");
    CHECK(ringing.fields("Via").size() == 1);
    CHECK(ringing.field("Via").starts_with("SIP/2.0/UDP 192.0.2.10:5060"));
    w.answer(20, invite, 200);
    const RawMessage ok = w.heard(10);
    CHECK(ok.status() == 200);
    w.answer(20, invite, 200);  // until its ACK comes
    CHECK(w.heard(10).text == ok.text);

    w.say(10, in_dialog("ACK", ok, 1));
    const RawMessage ack = w.heard(20);
    CHECK(ack.method() == "ACK");
    CHECK(ack.request_uri() == "sip:phone@192.0.2.20:5060");
    CHECK_FALSE(ack.has("Route"));
    CHECK(ack.field("Max-Forwards") == "69");
    w.say(20, back_in_dialog("BYE", invite, ok));
    const RawMessage bye = w.heard(10);
    CHECK(bye.request_uri() == "sip:alice@192.0.2.10:5060");
    CHECK_FALSE(bye.has("Route"));
    CHECK_FALSE(bye.has("Record-Route"));
    w.answer(10, bye, 200);
    CHECK(w.heard(20).status() == 200);
    w.raw.pass(seconds{64});
    CHECK(w.quiet());
}

TEST_CASE("R3261-16.7-1: a copy of a request is answered again, and carried on once") {
    ProxyWorld w;
    w.bind("bob", 20);
    RawRequest request{"MESSAGE", "sip:bob@example.com"};
    request.branch = "z9hG4bKsame";
    request.with_body("text/plain", "Hi");
    w.say(10, request);
    const RawMessage first = w.heard(20);
    w.say(10, request);
    CHECK_FALSE(w.heard(20));
    w.answer(20, first, 202);
    CHECK(w.heard(10).status() == 202);
    w.say(10, request);
    CHECK(w.heard(10).status() == 202);
    CHECK_FALSE(w.heard(20));
    CHECK_FALSE(first.has("Record-Route"));  // it makes no dialog
}

TEST_CASE("R3261-16.5-1: all methods are carried, known or not, but for those that are served") {
    ProxyWorld w;
    w.bind("bob", 20);
    for (const char* method : {"INVITE", "MESSAGE", "OPTIONS", "REFER", "INFO", "UPDATE", "NOTIFY",
                               "PRACK", "BYE", "FOO"}) {
        RawRequest request{method, "sip:bob@example.com"};
        request.call_id = method;
        w.say(10, request);
        CHECK_MESSAGE(w.heard(20).method() == method, method);
        w.raw.sent.clear();
    }
    for (const char* method : {"SUBSCRIBE", "PUBLISH", "REGISTER"}) {
        RawRequest request{method, "sip:bob@example.com"};
        request.call_id = method;
        request.with("Event: presence");
        w.say(10, request);
        CHECK_FALSE(w.heard(20));
        CHECK_MESSAGE(w.heard(10), method);
        w.raw.sent.clear();
    }
    // What is for the server itself.
    for (const char* uri : {"sip:example.com", "sip:192.0.2.1", "sip:ping@192.0.2.1:5060"}) {
        RawRequest request{"OPTIONS", uri};
        request.call_id = uri;
        w.say(10, request);
        CHECK_MESSAGE(w.heard(10).status() == 200, uri);
    }
    RawRequest request{"INVITE", "sip:example.com"};
    w.say(10, request);
    CHECK(w.heard(10).status() == 405);
    // sipsak cuts the port off: nothing is carried on, and it is answered as ever.
    request = {"OPTIONS", "sip:bob@192.0.2.1:506"};
    w.say(10, request);
    CHECK(w.heard(10).status() == 200);
    request = {"OPTIONS", "sip:bob@192.0.2.66"};
    w.say(10, request);
    CHECK(w.heard(10).status() == 404);
    CHECK_FALSE(w.heard(66));
}

TEST_CASE(
    "R3261-16.5-1: with no contact it is 480, without such a user 404, and OPTIONS with no hop "
    "left "
    "is answered here") {
    ProxyWorld w(ProxyWorld::Closed::yes, ProxyWorld::Relay::local);
    w.bind("bob", 20);
    RawRequest request{"MESSAGE", "sip:carol@example.com"};
    request.from = "<sip:x@elsewhere.org>;tag=1";
    w.say(10, request);
    CHECK(w.heard(10).status() == 480);
    // A stranger does not learn who exists; a user of ours does.
    request.uri = "sip:nobody@example.com";
    w.say(10, request);
    CHECK(w.heard(10).status() == 480);
    RawRequest known = request;
    known.from = "<sip:alice@example.com>;tag=1";
    w.say(10, known);
    const std::string challenge = w.heard(10).field("Proxy-Authenticate");
    ++known.cseq;
    known.with("Proxy-" + authorization_for(challenge, known, "alice", "alice"));
    w.say(10, known);
    CHECK(w.heard(10).status() == 404);
    request.uri = "sip:bob@example.com";
    w.say(10, request);
    CHECK(w.heard(20));
    request.method = "OPTIONS";
    std::string text = w.text(10, request);
    text.replace(text.find("Max-Forwards: 70"), 16, "Max-Forwards: 0");
    w.say(10, text);
    CHECK(w.heard(10).status() == 200);
    CHECK_FALSE(w.heard(20));
}

TEST_CASE(
    "R6665-4.3-1: SUBSCRIBE for a package of a phone goes to the contact that declared it, and we "
    "stay on its path and on that of its NOTIFYs") {
    ProxyWorld w;
    w.bind("bob", 20, ";events=\"message-summary,dialog\"");
    w.bind("bob", 21);
    RawRequest subscribe{"SUBSCRIBE", "sip:bob@example.com"};
    subscribe.from = "<sip:alice@example.com>;tag=from";
    subscribe.with("Event: Dialog").with("Contact: <sip:alice@192.0.2.10:5060>");
    w.say(10, subscribe);
    const RawMessage asked = w.heard(20);
    REQUIRE(asked);
    CHECK_FALSE(w.heard(21));
    CHECK(asked.has("Record-Route"));
    w.answer(20, asked, 200);
    const RawMessage ok = w.heard(10);
    CHECK(ok.status() == 200);

    RawRequest notify = back_in_dialog("NOTIFY", asked, ok);
    notify.with("Event: dialog")
        .with("Subscription-State: active")
        .with("Contact: <sip:bob@192.0.2.20:5060>");
    w.raw.answer_notify = false;
    w.say(20, notify);
    const RawMessage told = w.heard(10);
    CHECK(told.method() == "NOTIFY");
    REQUIRE(told.has("Record-Route"));
    w.answer(10, told, 200);
    CHECK(w.heard(20).status() == 200);
    // A watcher that takes its route set from the NOTIFY (RFC 6665 4.4.1) gets as far.
    RawRequest again{"SUBSCRIBE", "sip:bob@192.0.2.20:5060"};
    again.from = told.field("To");
    again.to = told.field("From");
    again.call_id = told.field("Call-ID");
    again.with("Event: dialog").with("Route: " + told.field("Record-Route"));
    w.say(10, again);
    CHECK(w.heard(20).method() == "SUBSCRIBE");

    // What no contact declared is refused as ever.
    subscribe.fields[0] = "Event: winfo";
    subscribe.call_id = "other";
    w.say(10, subscribe);
    CHECK(w.heard(10).status() == 489);
}

TEST_CASE("R3327-5.3-1 R3261-16.6-1: a contact with a Path is reached by it") {
    ProxyWorld w;
    w.bind("bob", 20, {},
           {"Path: <sip:edge@192.0.2.30:5060;lr>,\r\n <sip:192.0.2.31;lr>", "Supported: path",
            "Path: <sip:192.0.2.32;lr>"});
    w.say(10, ProxyWorld::invite());
    const RawMessage invite = w.heard(30);
    REQUIRE(invite);
    CHECK(invite.request_uri() == "sip:bob@192.0.2.20:5060");
    std::string all;
    for (const std::string& route : invite.fields("Route")) all += route + "|";
    CHECK(all == "<sip:edge@192.0.2.30:5060;lr>,  <sip:192.0.2.31;lr>, <sip:192.0.2.32;lr>|");
}

TEST_CASE("R3261-16.4-1: what is ours is taken off Route, and off a Request-URI with maddr") {
    ProxyWorld w;
    w.bind("bob", 20);
    RawRequest request{"MESSAGE", "sip:bob@example.com"};
    request.with("Route: <sip:192.0.2.1;lr>, <sip:example.com;lr>");
    w.say(10, request);
    CHECK_FALSE(w.heard(20).has("Route"));
    request = {"MESSAGE", "sip:bob@example.com:5099;maddr=192.0.2.1;transport=tcp;x=y"};
    w.say(10, request);
    CHECK(w.heard(20).request_uri() == "sip:bob@192.0.2.20:5060");

    // For a user of ours, to another proxy.
    ProxyWorld open(ProxyWorld::Relay::authenticated);
    request = {"MESSAGE", "sip:bob@elsewhere.org"};
    request.with("Route: <sip:192.0.2.1:5060;lr>,\"A, b\" <sip:192.0.2.40;lr>;x , <sip:last;lr>")
        .with("Route: <sip:192.0.2.1;lr>");
    open.say(10, request);
    const RawMessage on = open.heard(40);
    CHECK(on.request_uri() == "sip:bob@elsewhere.org");
    REQUIRE(on.fields("Route").size() == 2);
    CHECK(on.fields("Route")[0] == "\"A, b\" <sip:192.0.2.40;lr>;x, <sip:last;lr>");
    CHECK(on.fields("Route")[1] == "<sip:192.0.2.1;lr>");
    request = {"MESSAGE", "sip:bob@192.0.2.40:5070;maddr=192.0.2.1;transport=tcp"};
    open.say(10, request);
    CHECK(open.heard(40).request_uri() == "sip:bob@192.0.2.40");
}

TEST_CASE("R3261-16.4-1 R3261-16.6-1: strict routers in front of us and behind us") {
    ProxyWorld w(ProxyWorld::Relay::authenticated);
    w.bind("bob", 20);
    w.say(10, ProxyWorld::invite());
    const RawMessage invite = w.heard(20);
    w.answer(20, invite, 200);
    const RawMessage ok = w.heard(10);
    // In front: our Record-Route is its Request-URI, the target is the last Route.
    RawRequest bye = in_dialog("BYE", ok);
    const std::string ours = bye.fields[0].substr(std::string("Route: <").size());
    const std::string target = bye.uri;
    bye.uri = ours.substr(0, ours.find('>'));
    bye.fields = {"Route: <" + target + ">"};
    w.say(10, bye);
    const RawMessage got = w.heard(20);
    CHECK(got.request_uri() == target);
    CHECK_FALSE(got.has("Route"));
    // Behind: the first of Route has no lr.
    RawRequest request{"MESSAGE", "sip:bob@elsewhere.org"};
    request.with("Route: <sip:192.0.2.1;lr>, <sip:192.0.2.40;x>").with("Route: <sip:more;lr>");
    w.say(10, request);
    const RawMessage strict = w.heard(40);
    CHECK(strict.request_uri() == "sip:192.0.2.40;x");
    REQUIRE(strict.fields("Route").size() == 2);
    CHECK(strict.fields("Route")[0] == "<sip:more;lr>");
    CHECK(strict.fields("Route")[1] == "<sip:bob@elsewhere.org>");
    // And so where it stands in a Path.
    w.bind("carol", 21, {}, {"Path: <sip:192.0.2.41>, <sip:after;lr>", "Supported: path"});
    w.say(10, RawRequest{"MESSAGE", "sip:carol@example.com"});
    const RawMessage path = w.heard(41);
    CHECK(path.request_uri() == "sip:192.0.2.41");
    REQUIRE(path.fields("Route").size() == 2);
    CHECK(path.fields("Route")[0] == "<sip:after;lr>");
    CHECK(path.fields("Route")[1] == "<sip:carol@192.0.2.21:5060>");
}

TEST_CASE(
    "R3261-16.6-1: from one transport to another there is a Record-Route for each side, and the "
    "connection that a phone registered from is used") {
    ProxyWorld w;
    w.raw.peer = ProxyWorld::at(20, 40'000);
    const FlowId flow = w.raw.connect();
    RawRequest bind = w.register_("bob", "<sip:bob@192.0.2.20:49999;transport=tcp>");
    CHECK(w.raw.ask(flow, bind).status() == 200);
    w.say(10, ProxyWorld::invite());
    const RawMessage invite = w.raw.take("INVITE");
    REQUIRE(invite.flow == flow);
    const auto routes = invite.fields("Record-Route");
    REQUIRE(routes.size() == 2);
    CHECK(routes[0].ends_with("@192.0.2.1:5060;transport=tcp;lr>"));
    CHECK(routes[1].ends_with("@192.0.2.1:5060;lr>"));
    w.raw.input(flow, ProxyWorld::answer_to(invite, 200, "t",
                                            {"Contact: <sip:bob@192.0.2.20:49999;transport=tcp>"}));
    const RawMessage ok = w.heard(10);
    REQUIRE(ok.fields("Record-Route").size() == 2);
    CHECK(user_of_route(ok) != user_of_route(invite));
    // Nobody listens at 49999: the token knows the connection.
    w.say(10, in_dialog("ACK", ok, 1));
    CHECK(w.raw.take("ACK").flow == flow);
    w.say(10, in_dialog("BYE", ok));
    CHECK(w.raw.take("BYE").flow == flow);
    CHECK(w.raw.opened.empty());
    // And without it the address is tried.
    w.server.closed(w.raw.now, flow);
    w.say(10, in_dialog("INFO", ok, 3));
    REQUIRE(w.raw.opened.size() == 1);
    CHECK(w.raw.opened[0].to == ProxyWorld::at(20, 49'999));
}

TEST_CASE(
    "RFC 3261 16.9: a connection that goes before the phone has said anything: its address is "
    "tried") {
    ProxyWorld w;
    w.raw.peer = ProxyWorld::at(20, 40'000);
    const FlowId flow = w.raw.connect();
    RawRequest bind = w.register_("bob", "<sip:bob@192.0.2.20:5060>");
    CHECK(w.raw.ask(flow, bind).status() == 200);
    w.say(10, RawRequest{"MESSAGE", "sip:bob@example.com"});
    const RawMessage first = w.raw.take("MESSAGE");
    REQUIRE(first.flow == flow);
    w.server.closed(w.raw.now, flow);
    w.raw.drain();
    const RawMessage second = w.heard(20);
    CHECK(second.method() == "MESSAGE");
    CHECK(second.field("Via").starts_with("SIP/2.0/UDP"));
    w.answer(20, second, 200);
    CHECK(w.heard(10).status() == 200);
    CHECK(w.server.proxy().size() == 0);
}

TEST_CASE("R3261-16.7-1: a 2xx to any other method ends the search, and nothing waits for it") {
    ProxyWorld w;
    w.bind("bob", 20, ";q=0.9");
    w.bind("bob", 21, ";q=0.1");
    w.say(10, RawRequest{"MESSAGE", "sip:bob@example.com"});
    w.answer(20, w.heard(20), 202);
    CHECK(w.heard(10).status() == 202);
    CHECK(w.server.proxy().size() == 0);
    CHECK_FALSE(w.heard(21));
}

TEST_CASE(
    "R3261-18.1.1-1 R3261-16.6-1: what is too large for a datagram goes by TCP, or after all by "
    "datagram where nobody takes that") {
    ProxyWorld w;
    w.bind("bob", 20);
    RawRequest request{"MESSAGE", "sip:bob@example.com"};
    request.with_body("text/plain", std::string(2'000, 'x'));
    w.say(10, request);
    CHECK_FALSE(w.heard(20));
    REQUIRE(w.raw.opened.size() == 1);
    CHECK(w.raw.opened[0].to == ProxyWorld::at(20));
    w.server.closed(w.raw.now, w.raw.opened[0].flow);
    w.raw.drain();
    const RawMessage copy = w.heard(20);
    CHECK(copy.field("Via").starts_with("SIP/2.0/UDP"));
    CHECK(copy.body() == std::string(2'000, 'x'));
    // It is remembered.
    request.call_id = "next";
    w.say(10, request);
    CHECK(w.heard(20));
    CHECK(w.raw.opened.size() == 1);
    CHECK(w.server.proxy().branches() == 2);
}

TEST_CASE("R3261-16.8-1: an INVITE that rings for more than three minutes is cancelled") {
    ProxyWorld w;
    w.bind("bob", 20);
    w.say(10, ProxyWorld::invite());
    const RawMessage invite = w.heard(20);
    w.answer(20, invite, 180);
    w.raw.pass(seconds{180});
    CHECK_FALSE(w.heard(20));
    w.answer(20, invite, 183);  // it begins anew
    w.raw.pass(seconds{180});
    CHECK_FALSE(w.heard(20));
    w.raw.pass(seconds{1});
    const RawMessage cancel = w.heard(20);
    CHECK(cancel.method() == "CANCEL");
    CHECK(w.counters().limit_timer_c == 1);
    w.raw.sent.clear();
    w.answer(20, cancel, 200);
    w.answer(20, invite, 487);
    CHECK(w.heard(20).method() == "ACK");
    CHECK(w.heard(10).status() == 487);
    // Of somebody who does not answer that either there is an end too.
    RawRequest second = ProxyWorld::invite();
    second.call_id = "second";
    w.say(10, second);
    w.answer(20, w.heard(20), 180);
    w.raw.sent.clear();
    w.raw.pass(seconds{181 + 32});
    bool told = false;
    while (const RawMessage message = w.heard(10)) told |= message.status() == 408;
    CHECK(told);
    w.raw.pass(seconds{64});
    CHECK(w.quiet());
}

TEST_CASE("R4320-4.2-2: no answer to another method is sent once its client has given up") {
    ProxyWorld w;
    w.bind("bob", 20);
    w.say(10, RawRequest{"MESSAGE", "sip:bob@example.com"});
    const RawMessage copy = w.heard(20);
    w.raw.pass(milliseconds{31'999});
    w.raw.sent.clear();
    w.raw.pass(milliseconds{1});
    CHECK_FALSE(w.heard(10));  // no 408
    w.answer(20, copy, 200);
    CHECK_FALSE(w.heard(10));
    CHECK(w.quiet());
    CHECK(w.counters().unmatched_responses == 1);

    // Nor where one branch was begun late.
    w.bind("carol", 21, ";q=0.9");
    w.bind("carol", 22, ";q=0.1");
    w.say(10, RawRequest{"MESSAGE", "sip:carol@example.com"});
    w.raw.pass(seconds{20});
    w.answer(21, w.heard(21), 404);
    const RawMessage late = w.heard(22);
    REQUIRE(late);
    w.raw.pass(seconds{13});
    w.raw.sent.clear();
    w.answer(22, late, 200);
    CHECK_FALSE(w.heard(10));
    w.raw.pass(seconds{32});
    CHECK(w.quiet());
}

TEST_CASE("R3261-16.7-1 T-37: what belongs to nothing is dropped, a 2xx as well") {
    ProxyWorld w;
    w.bind("bob", 20);
    w.say(10, ProxyWorld::invite());
    const RawMessage invite = w.heard(20);
    w.answer(20, invite, 404);
    CHECK(w.heard(10).status() == 404);
    w.raw.pass(seconds{64});
    w.raw.sent.clear();
    w.answer(20, invite, 200);
    w.answer(20, invite, 500);
    CHECK(w.raw.sent.empty());
    CHECK(w.counters().unmatched_responses == 2);
    // With one Via alone there is nobody to hand it to; with a second Via it is none of ours.
    w.say(10, ProxyWorld::invite());
    RawMessage again = w.heard(20);
    w.raw.sent.clear();
    std::string text = ProxyWorld::answer_to(again, 200);
    const auto second = text.find("Via:", text.find("Via:") + 1);
    w.say(20, text.substr(0, second) + text.substr(text.find("\r\n", second) + 2));
    CHECK(w.raw.sent.empty());
    CHECK(w.counters().foreign_responses == 1);
}
