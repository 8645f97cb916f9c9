#include <doctest/doctest.h>

#include <string>

#include "tests/support/proxy_world.hpp"

using namespace sip;

namespace {

using Relay = ProxyWorld::Relay;
constexpr auto closed = ProxyWorld::Closed::yes;

RawRequest message(const std::string& uri, const std::string& from = "sip:x@elsewhere.org") {
    RawRequest request{"MESSAGE", uri};
    request.from = "<" + from + ">;tag=from";
    request.call_id = uri + from;
    return request;
}

/// `request` with the credentials that the 407 to it asks for.
RawRequest proved(ProxyWorld& w, unsigned last, RawRequest request, const std::string& user) {
    w.raw.sent.clear();
    w.say(last, request);
    const RawMessage challenge = w.heard(last);
    REQUIRE(challenge.status() == 407);
    REQUIRE_FALSE(challenge.has("WWW-Authenticate"));
    if (request.method == "INVITE")
        w.say(last, [&] {
            RawRequest ack = request;
            ack.method = "ACK";
            ack.to = challenge.field("To");
            ack.body.clear();
            return ack;
        }());
    ++request.cseq;
    request.branch.clear();
    return request.with(
        "Proxy-" + authorization_for(challenge.field("Proxy-Authenticate"), request, user, user));
}

int status_of(ProxyWorld& w, const RawRequest& request, unsigned last = 10) {
    w.raw.sent.clear();
    w.say(last, request);
    return w.heard(last).status();
}

/// What went to addresses other than that of whoever sends.
bool anything_left(ProxyWorld& w, unsigned last = 10) {
    for (const RawMessage& one : w.raw.sent)
        if (one.to.address != ProxyWorld::at(last).address || one.status() == 0) return true;
    return !w.raw.opened.empty();
}

std::string with_hops(std::string text, const std::string& hops) {
    return text.replace(text.find("Max-Forwards: 70"), 16, "Max-Forwards: " + hops);
}

}  // namespace

TEST_CASE("R3261-16.3-1: the order of refusals, each with the next ones in the same request") {
    ProxyWorld w(closed, Relay::authenticated);
    w.bind("bob", 20);
    RawRequest request = message("sip:bob@192.0.2.66", "sip:alice@example.com");
    request.with("Proxy-Require: foo, bar");
    const auto status = [&](const std::string& text) {
        w.raw.sent.clear();
        w.say(10, text);
        return w.heard(10);
    };
    const std::string text = w.text(10, request);
    std::string uri = with_hops(text, "0");
    // 1. syntax, 2. scheme
    CHECK(status("MESSAGE sip:bob@192.0.2.66:x" + uri.substr(uri.find(" SIP/2.0"))).status() ==
          400);
    CHECK(status("MESSAGE tel:+49301234" + uri.substr(uri.find(" SIP/2.0"))).status() == 416);
    // 3. Max-Forwards
    CHECK(status(uri).status() == 483);
    // 5. Proxy-Require (4., loops, has a test of its own)
    const RawMessage bad = status(text);
    CHECK(bad.status() == 420);
    CHECK(bad.field("Unsupported") == "foo, bar");
    // 6. credentials
    request.fields.clear();
    CHECK(status_of(w, request) == 407);
    CHECK_FALSE(anything_left(w));
    CHECK(w.server.proxy().size() == 0);
    CHECK(w.counters().forwarding_refused == 3);
}

TEST_CASE("R3261-16.3-1: a hop that is the last is used, a broken Max-Forwards counts as none") {
    ProxyWorld w;
    w.bind("bob", 20);
    w.say(10, with_hops(w.text(10, message("sip:bob@example.com")), "1"));
    CHECK(w.heard(20).field("Max-Forwards") == "0");
    w.say(10, with_hops(w.text(10, message("sip:bob@example.com", "sip:y@z")), "256"));
    CHECK(w.heard(20).field("Max-Forwards") == "70");
}

TEST_CASE("T-12: with relay none nothing is carried on") {
    ProxyWorld w(Relay::none);
    w.bind("bob", 20);
    CHECK(status_of(w, message("sip:bob@example.com")) == 405);
    CHECK(status_of(w, message("sip:bob@192.0.2.66")) == 405);
    CHECK_FALSE(anything_left(w));
}

TEST_CASE("T-12: a stranger reaches contacts that are registered, and nothing else by any means") {
    unsigned calls = 0;
    for (const Relay relay : {Relay::local, Relay::authenticated}) {
        ProxyWorld w(closed, relay);
        w.bind("bob", 20);
        CHECK(status_of(w, message("sip:bob@example.com")) == 0);
        CHECK(w.heard(20));
        // By Request-URI, in every spelling.
        for (const char* uri :
             {"sip:x@192.0.2.66", "sip:192.0.2.66", "sip:x@elsewhere.org",
              "sip:bob@192.0.2.20:5060", "sip:bob@example.com:5090",
              "sip:bob@example.com;maddr=192.0.2.66", "sip:bob@example.com;%6daddr=192.0.2.66",
              "sip:192.0.2.1:5061", "sip:example.com@192.0.2.66", "sip:x@192.0.2.66;lr",
              "sip:x@[2001:db8::1]"}) {
            CHECK_MESSAGE(status_of(w, message(uri)) == 403, uri);
            CHECK_MESSAGE(!anything_left(w), uri);
        }
        // By Route, in front of and behind ours, and with what looks like a token.
        for (const char* route :
             {"<sip:192.0.2.66;lr>", "<sip:192.0.2.1;lr>, <sip:192.0.2.66;lr>", "<sip:192.0.2.66>",
              "<sip:192.0.2.1;lr;maddr=192.0.2.66>",
              "<sip:rr-00000000000000000000000000000000@192.0.2.1;lr>, <sip:192.0.2.66;lr>",
              "<sip:rr-000000000000000000000000000000000000000000000001@192.0.2.1;lr>,"
              "<sip:192.0.2.66;lr>"}) {
            for (const char* method : {"MESSAGE", "SUBSCRIBE", "REGISTER", "PUBLISH", "INVITE"}) {
                RawRequest request = message("sip:bob@example.com");
                request.method = method;
                request.call_id = method + std::to_string(++calls);
                request.with(std::string("Route: ") + route).with("Event: presence");
                CHECK_MESSAGE(status_of(w, request) == 403, route);
                request.to = "<sip:bob@example.com>;tag=1";
                CHECK_MESSAGE(status_of(w, request) == 403, route);
                request.method = "ACK";
                CHECK_MESSAGE(status_of(w, request) == 0, route);
                CHECK_MESSAGE(!anything_left(w), route);
            }
        }
        // What has methods of its own is as it was: the gate asks.
        for (const char* method : {"SUBSCRIBE", "REGISTER", "PUBLISH"}) {
            RawRequest request = message("sip:x@192.0.2.66");
            request.method = method;
            CHECK(status_of(w, request) == 401);
        }
        // A strict router's Request-URI that is no token of ours.
        RawRequest strict = message("sip:rr-00000000000000000000000000000000@192.0.2.1;lr");
        strict.with("Route: <sip:x@192.0.2.66>");
        CHECK(status_of(w, strict) == 403);
        CHECK_FALSE(anything_left(w));
        CHECK(w.server.proxy().size() == 1);  // bob's message
    }
}

TEST_CASE(
    "R3856-9.3-1 R3261-16.3-1 T-12: who says to be of our domain proves it by 407, and to be "
    "himself; "
    "credentials for us go no further, those for others do") {
    ProxyWorld w(closed, Relay::local);
    w.bind("bob", 20);
    RawRequest request = ProxyWorld::invite();
    const RawRequest right = proved(w, 10, request, "alice");
    RawRequest with_others = right;
    with_others.with(
        "Proxy-Authorization: Digest username=\"a\",realm=\"other\",nonce=\"1\",uri=\"sip:x\","
        "response=\"00000000000000000000000000000000\"");
    w.say(10, with_others);
    const RawMessage copy = w.heard(20);
    REQUIRE(copy.method() == "INVITE");
    REQUIRE(copy.fields("Proxy-Authorization").size() == 1);
    CHECK(copy.field("Proxy-Authorization").find("\"other\"") != std::string::npos);
    CHECK(w.counters().challenges == 2);  // and that of the REGISTER

    // Somebody else's name; a wrong password; credentials in the wrong field.
    CHECK(status_of(w, proved(w, 10, message("sip:bob@example.com", "sip:alice@example.com"),
                              "carol")) == 403);
    RawRequest wrong = message("sip:bob@example.com", "sip:alice@example.com");
    w.raw.sent.clear();
    w.say(10, wrong);
    const std::string challenge = w.heard(10).field("Proxy-Authenticate");
    ++wrong.cseq;
    RawRequest other = wrong;
    other.with(authorization_for(challenge, wrong, "alice", "alice"));
    CHECK(status_of(w, other) == 407);
    wrong.with("Proxy-" + authorization_for(challenge, wrong, "alice", "guess"));
    CHECK(status_of(w, wrong) == 407);
    CHECK_FALSE(anything_left(w));
    // A nonce with its count is good once.
    RawRequest again = right;
    again.branch.clear();
    CHECK(status_of(w, again) == 407);
    // Local stays local.
    CHECK(status_of(w, message("sip:x@192.0.2.66", "sip:alice@example.com")) == 403);
    CHECK_FALSE(anything_left(w));
}

TEST_CASE("T-12: with relay authenticated a user of ours gets anywhere, and no stranger does") {
    ProxyWorld w(closed, Relay::authenticated);
    for (const char* method : {"MESSAGE", "SUBSCRIBE", "PUBLISH", "REGISTER", "INVITE"}) {
        RawRequest request = message("sip:x@192.0.2.66", "sip:alice@example.com");
        request.method = method;
        request.with("Contact: <sip:alice@192.0.2.10>").with("Event: presence");
        w.say(10, proved(w, 10, request, "alice"));
        CHECK_MESSAGE(w.heard(66).method() == method, method);
        request.from = "<sip:alice@elsewhere.org>;tag=1";
        const int status = status_of(w, request);
        CHECK_MESSAGE((status == 403 || status == 401), method);
        CHECK_FALSE(anything_left(w));
    }
}

TEST_CASE("T-12: a token of ours is good in its dialog, for where it was made for, by both sides") {
    ProxyWorld w(closed, Relay::local);
    w.bind("bob", 20);
    RawRequest call = ProxyWorld::invite("sip:bob@example.com", 66, "sip:eve@elsewhere.org");
    call.fields = {"Contact: <sip:eve@192.0.2.66:5060>"};
    w.say(66, call);
    const RawMessage invite = w.heard(20);
    w.answer(20, invite, 200, "bobs");
    const RawMessage ok = w.heard(66);
    RawRequest good{"INFO", "sip:phone@192.0.2.20:5060"};
    good.from = ok.field("From");
    good.to = ok.field("To");
    good.call_id = "call";
    good.cseq = 2;
    good.with("Route: " + ok.field("Record-Route"));
    w.raw.sent.clear();
    w.say(66, good);
    REQUIRE(w.heard(20).method() == "INFO");
    const auto refused = [&](RawRequest request, const char* why) {
        ++good.cseq;
        request.cseq = good.cseq;
        w.raw.sent.clear();
        w.say(66, request);
        CHECK_MESSAGE(w.heard(66).status() == 403, why);
        CHECK_MESSAGE(!anything_left(w, 66), why);
        request.method = "ACK";
        w.say(66, request);
        CHECK_MESSAGE(!anything_left(w, 66), why);
    };
    RawRequest bad = good;
    bad.uri = "sip:victim@192.0.2.77:5060";
    refused(bad, "another host");
    bad.uri = "sip:phone@192.0.2.20:5061";
    refused(bad, "another port");
    bad.uri = "sip:phone@192.0.2.20:5060;maddr=192.0.2.77";
    refused(bad, "another maddr");
    bad = good;
    bad.fields[0] += ", <sip:192.0.2.77;lr>";
    refused(bad, "a further route");
    bad = good;
    bad.call_id = "another";
    refused(bad, "another call");
    bad = good;
    bad.to = "<sip:bob@example.com>;tag=other";
    refused(bad, "another To tag");
    bad.to = "<sip:bob@example.com>";
    refused(bad, "no To tag");
    bad = good;
    bad.fields = {"Route: " + invite.field("Record-Route")};
    refused(bad, "the other side's token");
    bad = good;
    const auto token = bad.fields[0].find("rr-");
    for (const std::size_t digit : {3u, 18u, 19u, 34u}) {
        RawRequest forged = good;
        char& c = forged.fields[0][token + digit];
        c = c == '0' ? '1' : '0';
        refused(forged, "a forged token");
    }
}

TEST_CASE(
    "T-12: the token of the side that was called is good for the caller's host, and for who proves "
    "to be a user of ours where the caller is now") {
    ProxyWorld w(closed, Relay::local);
    w.bind("bob", 20);
    RawRequest call = ProxyWorld::invite("sip:bob@example.com", 66, "sip:eve@elsewhere.org");
    call.fields = {"Contact: <sip:eve@192.0.2.66:5060>"};
    w.say(66, call);
    const RawMessage invite = w.heard(20);
    w.answer(20, invite, 200, "bobs");
    const RawMessage ok = w.heard(66);
    // Of the side that was called: to the caller's host and to no other.
    RawRequest back{"INFO", "sip:eve@192.0.2.66:5060"};
    back.from = ok.field("To");
    back.to = ok.field("From");
    back.call_id = "call";
    back.with("Route: " + invite.field("Record-Route"));
    w.say(20, back);
    CHECK(w.heard(66).method() == "INFO");
    back.uri = "sip:eve@192.0.2.67:5060";
    back.cseq = 2;
    w.raw.sent.clear();
    w.say(20, back);
    // bob is a user of ours: the other end may have moved, and he can prove who he is.
    const RawMessage challenge = w.heard(20);
    CHECK(challenge.status() == 407);
    ++back.cseq;
    back.with("Proxy-" +
              authorization_for(challenge.field("Proxy-Authenticate"), back, "bob", "bob"));
    w.say(20, back);
    CHECK(w.heard(67).method() == "INFO");
}

TEST_CASE("T-12: a phone that moved is found at its new contact by who has a dialog with it") {
    ProxyWorld w(closed, Relay::local);
    w.bind("bob", 20);
    RawRequest bye = message("sip:bob@192.0.2.20:5060");
    bye.method = "BYE";
    bye.to = "<sip:bob@example.com>;tag=1";
    w.say(10, bye);
    CHECK(w.heard(20).method() == "BYE");
    bye.call_id = "2";
    bye.to = "<sip:carol@example.com>;tag=1";  // it is none of hers
    CHECK(status_of(w, bye) == 403);
}

TEST_CASE(
    "R3261-16.3-2 T-27: a request that comes again as it was is a loop, another is a spiral") {
    ProxyWorld w;
    w.bind("bob", 20);
    w.bind("carol", 21);
    w.say(10, message("sip:bob@example.com"));
    RawMessage copy = w.heard(20);
    // Whoever is at 20 is a proxy that sends it back under the same address.
    const std::string via = "Via: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKproxy\r\n";
    const auto sent_back = [&](const std::string& uri) {
        const auto line = copy.text.find("\r\n") + 2;
        w.raw.sent.clear();
        w.say(20, "MESSAGE " + uri + " SIP/2.0\r\n" + via + copy.text.substr(line));
    };
    sent_back("sip:bob@example.com");
    CHECK(w.heard(20).status() == 482);
    CHECK(w.counters().forwarding_loops == 1);
    sent_back("sip:carol@example.com");
    const RawMessage spiral = w.heard(21);
    REQUIRE(spiral);
    CHECK(spiral.fields("Via").size() == 4);
    // Its answer finds its way through both turns.
    w.answer(21, spiral, 200);
    const RawMessage first = w.heard(20);
    CHECK(first.status() == 200);
    w.say(20, first.text.substr(0, first.text.find("Via:")) +
                  first.text.substr(first.text.find("\r\n", first.text.find("Via:")) + 2));
    CHECK(w.heard(10).status() == 200);
}

TEST_CASE("T-27: a contact that is this server is none, and alone it is 482") {
    ProxyWorld w;
    const auto bind = [&](const std::string& user, const std::string& contact) {
        RawRequest request = w.register_(user, "<" + contact + ">");
        request.call_id = contact;
        CHECK(w.raw.ask(request).status() == 200);
        w.raw.sent.clear();
    };
    for (const char* contact : {"sip:bob@192.0.2.1", "sip:192.0.2.1:5060", "sip:bob@example.com",
                                "sip:carol@EXAMPLE.com:5060;transport=tcp"})
        bind("bob", contact);
    CHECK(status_of(w, message("sip:bob@example.com")) == 482);
    CHECK_FALSE(anything_left(w));
    w.bind("bob", 20);
    CHECK(status_of(w, message("sip:bob@example.com")) == 0);
    CHECK(w.heard(20));
    CHECK(w.raw.sent.empty());
}

TEST_CASE("R3261-16.6-1: what a stranger says of his identity is not handed on as ours") {
    ProxyWorld w;
    w.bind("bob", 20);
    RawRequest request = message("sip:bob@example.com");
    request.with("P-Asserted-Identity: <sip:boss@example.com>");
    w.say(10, request);
    CHECK_FALSE(w.heard(20).has("P-Asserted-Identity"));
}

TEST_CASE(
    "RFC 3325 5: what a trusted peer says of an identity goes on, unless it is to be hidden") {
    presence::ServerOptions options = ServerWorld::open();
    options.relay = sip::Proxy::Relay::local;
    REQUIRE(options.trusted.networks.add(*sip::parse_address_range("192.0.2.10/32")));
    ProxyWorld w(options);
    w.bind("bob", 20);
    const auto asserted = [&](unsigned from, const std::string& privacy) {
        RawRequest request = message("sip:bob@example.com");
        request.call_id = std::to_string(from) + privacy;
        request.with("P-Asserted-Identity: \"Boss\" <sip:boss@example.org>, <tel:+1>");
        if (!privacy.empty()) request.with("Privacy: " + privacy);
        w.say(from, request);
        return w.heard(20).field("P-Asserted-Identity");
    };
    CHECK(asserted(10, "") == "\"Boss\" <sip:boss@example.org>, <tel:+1>");
    CHECK(asserted(10, "header;critical") != "");
    CHECK(asserted(10, "header; ID") == "");
    CHECK(asserted(11, "") == "");
}

TEST_CASE(
    "T-30 R3261-26.2.2-1: SIPS is carried to no contact that is none, and by no way but TLS") {
    ProxyWorld w(ProxyWorld::Relay::authenticated);
    w.bind("bob", 20);
    const auto ask = [&](const std::string& uri, const std::string& route) {
        const sip::FlowId flow = w.server.accepted(w.raw.now, sip::Transport::tls, w.raw.server,
                                                   ProxyWorld::at(10, 5061));
        RawRequest request = message(uri);
        request.from = "<sips:alice@example.com>;tag=from";
        request.call_id = uri + route;
        if (!route.empty()) request.with("Route: <" + route + ">");
        w.raw.sent.clear();
        w.raw.input(flow, w.raw.text_of(request, "TLS"));
        w.raw.pass(sip::seconds{40});
        int status = 0;
        for (const RawMessage& each : w.raw.sent) {
            CHECK(each.flow == flow);
            status = each.status();
        }
        return status;
    };
    CHECK(ask("sips:bob@example.com", "") == 480);
    CHECK(ask("sips:carol@192.0.2.44", "") >= 500);
    CHECK(ask("sips:carol@192.0.2.44", "sip:192.0.2.45;lr") >= 500);
    CHECK(w.raw.opened.empty());
}

TEST_CASE("A server that stops carries on what belongs to dialogs alone") {
    ProxyWorld w;
    w.bind("bob", 20);
    w.server.shut_down(w.raw.now, presence::Server::Stop::deactivate);
    CHECK(status_of(w, message("sip:bob@example.com")) == 503);
    RawRequest bye = message("sip:bob@192.0.2.20:5060");
    bye.method = "BYE";
    bye.to = "<sip:bob@example.com>;tag=1";
    w.say(10, bye);
    CHECK(w.heard(20).method() == "BYE");
}
