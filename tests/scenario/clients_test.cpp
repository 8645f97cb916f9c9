// Messages of the shapes that real clients send, each with what such a client needs in return. The
// messages are made up; what is particular in them was seen.

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "tests/support/server_world.hpp"

using presence::Policy;
using sip::seconds;

namespace {

/// Sends `text`, whose lines end in LF here, and gives what came back first.
RawMessage tell(ServerWorld& w, const std::string& text) {
    std::string wire;
    for (char c : text) wire += c == '\n' ? std::string("\r\n") : std::string(1, c);
    w.raw.sent.clear();
    w.raw.input(wire);
    return w.raw.take();
}

/// A response without qop (RFC 2069), quoted as libpurple quotes it.
std::string bare_response(const std::string& challenge, const std::string& method,
                          const std::string& uri, const std::string& user) {
    const auto start = challenge.find("nonce=\"") + 7;
    const std::string nonce = challenge.substr(start, challenge.find('"', start) - start);
    const sip::Ha1 ha1 = sip::make_ha1(sip::DigestAlgorithm::md5, user, "example.com", user);
    sip::DigestInput input;
    input.nonce = nonce;
    input.method = method;
    input.uri = uri;
    const std::string response{sip::digest_response(ha1.hex, input).view()};
    return "Digest username=\"" + user + "\", realm=\"example.com\", nonce=\"" + nonce +
           "\", uri=\"" + uri + "\", nc=\"00000001\", response=\"" + response + "\"";
}

}  // namespace

TEST_CASE("pjsua: no Expires in PUBLISH, a new From tag and tuple id each time, ;ob in Contact") {
    ServerWorld w;
    RawRequest subscribe = ServerWorld::subscribe("bob");
    subscribe.from = "sip:bob@example.com;tag=xyz";
    subscribe.to = "sip:alice@example.com";
    subscribe.fields = {"Contact: <sip:bob@192.0.2.99:5062;ob>",
                        "Event: presence",
                        "Expires: 600",
                        "Supported: replaces, 100rel, timer, norefersub, trickle-ice",
                        "Accept: application/pidf+xml, application/xpidf+xml",
                        "Allow-Events: presence, dialog, message-summary, refer"};
    CHECK(w.raw.ask(subscribe).status() == 200);
    const RawMessage first = w.raw.take("NOTIFY");
    CHECK(first.request_uri() == "sip:bob@192.0.2.99:5062;ob");
    w.raw.pass(seconds{10});

    RawRequest publish = w.publish("alice", pidf_document("open", "pjdeadbeef"));
    const RawMessage answer = w.raw.ask(publish);
    CHECK(answer.field("Expires") == "3600");  // the default holds
    const std::string etag = answer.field("SIP-ETag");
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<basic>open</basic>") == 1);
    w.raw.pass(seconds{10});
    const std::string person =
        "<dm:person id=\"pj1\"><rpid:activities><rpid:busy/></rpid:activities>"
        "<dm:note>On the phone</dm:note></dm:person>";
    RawRequest modify = w.publish("alice", pidf_document("open", "pjcafe", {}, person), etag);
    modify.from = "<sip:alice@example.com>;tag=other";
    CHECK(w.raw.ask(modify).status() == 200);
    const std::string body = w.raw.take("NOTIFY").body();
    CHECK(count_of(body, "<tuple ") == 1);
    CHECK(count_of(body, "rpid:busy") == 1);
    CHECK(count_of(body, "On the phone") == 1);
}

TEST_CASE("liblinphone: no Content-Length, tags with ~, folded spaces, a fetch at the end") {
    ServerWorld w;
    const RawMessage answer = tell(w,
                                   "SUBSCRIBE sip:alice@example.com SIP/2.0\n"
                                   "Via: SIP/2.0/UDP 192.0.2.99:5062;branch=z9hG4bK.a~b;rport\n"
                                   "From: <sip:bob@example.com>;tag=Y~x1\n"
                                   "To: \"alice\" <sip:alice@example.com>\n"
                                   "CSeq: 20 SUBSCRIBE\nCall-ID: a~b-C\nMax-Forwards: 70\n"
                                   "Event:  presence\nExpires: 600\n"
                                   "Contact: <sip:bob@192.0.2.99:5062>"
                                   ";+sip.instance=\"<urn:uuid:0-1>\"\n\n");
    CHECK(answer.status() == 200);
    CHECK(w.raw.take("NOTIFY"));
    w.raw.pass(seconds{10});
    const std::string online =
        "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" "
        "xmlns:pidfonline=\"http://example.com/pidf/online\" entity=\"sip:alice@example.com\">"
        "<tuple id=\"a.b.c\"><status><basic>open</basic><pidfonline:online/></status>"
        "<contact priority=\"0.8\">sip:alice@example.com</contact>"
        "<timestamp>2026-01-01T00:00:00Z</timestamp></tuple></presence>";
    CHECK(w.raw.ask(w.publish("alice", online)).status() == 200);
    const std::string body = w.raw.take("NOTIFY").body();
    CHECK(count_of(body, "online/>") == 1);
    CHECK(count_of(body, "http://example.com/pidf/online") == 1);
    CHECK(count_of(body, "priority=\"0.8\"") == 1);
}

TEST_CASE("liblinphone: 481 to the final NOTIFY is as good as 200, and nothing is repeated") {
    ServerWorld w;
    w.raw.answer_notify = false;
    RawRequest subscribe = ServerWorld::subscribe("bob");
    w.raw.ask(subscribe);
    const RawMessage notify = w.raw.take("NOTIFY");
    w.raw.answer(notify);
    REQUIRE(w.raw.ask(ServerWorld::resubscribe(subscribe, notify, 0)).status() == 200);
    const RawMessage last = w.raw.take("NOTIFY");
    CHECK(last.field("Subscription-State") == "terminated;reason=timeout");
    w.raw.answer(last, 481, "Subscription does not exist");
    CHECK(w.server.notifier().size() == 0);
    w.raw.sent.clear();
    w.raw.pass(seconds{100});
    CHECK(w.raw.sent.empty());
    // And then a SUBSCRIBE with Expires 0 outside the dialog, whose NOTIFY it refuses too.
    CHECK(w.raw.ask(ServerWorld::subscribe("carol", "alice", 0)).status() == 200);
    w.raw.answer(w.raw.take("NOTIFY"), 481, "No");
    CHECK(w.server.notifier().size() == 0);
}

TEST_CASE("baresip: two first PUBLISHes at once, the person in front of the tuple") {
    ServerWorld w;
    const std::string body =
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\r\n"
        "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\"\r\n"
        " xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\"\r\n"
        " xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"sip:alice@example.com\">"
        "<dm:person id=\"p4159\"><rpid:activities/></dm:person>"
        "<tuple id=\"t4109\"><status><basic>open</basic></status>"
        "<contact>sip:alice@example.com</contact></tuple></presence>";
    RawRequest one = w.publish("alice", body), two = w.publish("alice", body);
    two.call_id = "another";
    const std::string first = w.raw.ask(one).field("SIP-ETag");
    const std::string second = w.raw.ask(two).field("SIP-ETag");
    CHECK_FALSE(first.empty());
    CHECK_FALSE(second.empty());
    CHECK(first != second);
    RawRequest registration =
        w.register_("alice", "<sip:alice-0x55d0@192.0.2.99:5062>;expires=600");
    registration.uri = "sip:example.com;transport=udp";
    CHECK(w.raw.ask(registration).status() == 200);
    w.raw.ask(ServerWorld::subscribe("bob"));
    const std::string seen = w.raw.take("NOTIFY").body();
    CHECK(seen.find("<tuple ") < seen.find("<dm:person "));
    CHECK(count_of(seen, "<dm:person ") == 1);
}

TEST_CASE("baresip: until its user has said how it is, the status is unknown") {
    const std::string body =
        "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:alice@example.com\">"
        "<tuple id=\"t1\"><status><basic>unknown</basic></status>"
        "<contact>sip:alice@example.com</contact></tuple></presence>";
    ServerWorld w;
    w.raw.ask(ServerWorld::subscribe("bob"));
    w.raw.pass(seconds{10});
    const RawMessage taken = w.raw.ask(w.publish("alice", body));
    REQUIRE(taken.status() == 200);
    w.raw.pass(seconds{10});
    // Nothing is known, so watchers keep seeing what they see of somebody who published nothing.
    w.raw.ask(ServerWorld::subscribe("carol"));
    const std::string seen = w.raw.take("NOTIFY").body();
    CHECK(count_of(seen, "<tuple ") == 1);
    CHECK(count_of(seen, "<basic>closed</basic>") == 1);
    CHECK(count_of(seen, "unknown") == 0);
    const RawMessage modified =
        w.raw.ask(w.publish("alice", pidf_document("open"), taken.field("SIP-ETag")));
    CHECK(modified.status() == 200);
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<basic>open</basic>") == 1);

    presence::ServerOptions options = ServerWorld::open();
    options.strict = true;
    ServerWorld strict(options);
    CHECK(strict.raw.ask(strict.publish("alice", body)).status() == 400);
    // And no other value is taken by anybody.
    const std::string other = std::string(body).replace(body.find("unknown"), 7, "Open");
    CHECK(w.raw.ask(w.publish("alice", other)).status() == 400);
}

TEST_CASE("baresip: NOTIFY goes back on the connection, whatever the Contact says") {
    ServerWorld w;
    const sip::FlowId flow = w.raw.connect();
    RawRequest subscribe = ServerWorld::subscribe("bob");
    subscribe.fields[1] = "Contact: <sip:bob@192.0.2.99:9;transport=tcp>";
    CHECK(w.raw.ask(flow, subscribe).status() == 200);
    CHECK(w.raw.take("NOTIFY").flow == flow);
}

TEST_CASE("SIP.js and JsSIP: hosts that nobody can resolve do no harm") {
    ServerWorld w;
    const sip::FlowId flow = w.raw.connect();
    RawRequest subscribe = ServerWorld::subscribe("bob");
    subscribe.fields[1] = "Contact: <sip:k3j2@df7jal23ls0d.invalid;transport=tcp>";
    std::string text = w.raw.text_of(subscribe, "TCP");
    text.replace(text.find("192.0.2.99:5062"), 15, "df7jal23ls0d.invalid");
    w.raw.sent.clear();
    w.raw.input(flow, text);
    CHECK(w.raw.take().status() == 200);
    const RawMessage notify = w.raw.take("NOTIFY");
    CHECK(notify.flow == flow);
    CHECK(notify.request_uri() == "sip:k3j2@df7jal23ls0d.invalid;transport=tcp");
}

TEST_CASE("libpurple: two users with the same Call-ID, From tag and branch are two users") {
    ServerWorld w(Policy::allow);
    const auto request = [](const std::string& user, unsigned cseq,
                            const std::string& credentials) {
        return "SUBSCRIBE sip:carol@example.com SIP/2.0\n"
               "Via: SIP/2.0/UDP 192.0.2.99:5062;branch=z9hG4bK6B8B4567\n"
               "From: <sip:" +
               user +
               "@example.com>;tag=327B23C6;epid=1234567890\n"
               "To: <sip:carol@example.com>\nMax-Forwards: 70\nCall-ID: 643C9869g1234\n"
               "Contact: <sip:" +
               user +
               "@192.0.2.99:5062;transport=udp>\nExpires: 1200\n"
               "Accept: application/pidf+xml, application/xpidf+xml\nEvent: presence\n" +
               (credentials.empty() ? "" : "Authorization: " + credentials + "\n") +
               "Content-Length: 0\nCSeq: " + std::to_string(cseq) + " SUBSCRIBE\n\n";
    };
    for (const std::string user : {"alice", "bob"}) {
        CAPTURE(user);
        const RawMessage challenged = tell(w, request(user, 1, {}));
        REQUIRE(challenged.status() == 401);
        const RawMessage answer =
            tell(w, request(user, 2,
                            bare_response(challenged.field("WWW-Authenticate"), "SUBSCRIBE",
                                          "sip:carol@example.com", user)));
        CHECK(answer.status() == 200);
        CHECK(answer.field("From").find(user) != std::string::npos);
        CHECK(w.raw.take("NOTIFY").request_uri().find(user) != std::string::npos);
    }
    CHECK(w.server.notifier().size() == 2);
}

TEST_CASE("Net::SIP: names in other cases, no brackets, its own order, no rport") {
    ServerWorld w;
    const RawMessage answer =
        tell(w,
             "REGISTER sip:example.com SIP/2.0\n"
             "Call-id: c0ffee@192.0.2.99\nContact: sip:alice@192.0.2.99:5062\n"
             "Content-length: 0\nCseq: 1 REGISTER\nExpires: 900\n"
             "From: sip:alice@example.com;tag=1\nMax-forwards: 70\n"
             "To: sip:alice@example.com\n"
             "Via: SIP/2.0/UDP 192.0.2.99:5062;branch=z9hG4bKx\n\n");
    CHECK(answer.status() == 200);
    CHECK(answer.field("Contact") == "<sip:alice@192.0.2.99:5062>;expires=900");
}

TEST_CASE("SIPp pads Content-Length; sipsak removes all with a star and needs rport") {
    ServerWorld w;
    w.raw.ask(w.register_("alice", "<sip:alice@192.0.2.7>"));
    const RawMessage answer =
        tell(w,
             "REGISTER sip:example.com SIP/2.0\n"
             "Via: SIP/2.0/UDP 192.0.2.50:39999;branch=z9hG4bK.1;rport;alias\n"
             "From: sip:alice@example.com;tag=2\nTo: sip:alice@example.com\n"
             "Call-ID: 1@192.0.2.50\nCSeq: 1 REGISTER\nContact: *\n"
             "Content-Length:     0\nMax-Forwards: 70\n"
             "User-Agent: sipsak 0.9.8.1\nExpires: 0\n\n");
    CHECK(answer.status() == 200);
    CHECK(answer.to == w.raw.peer);
    CHECK(answer.field("Via").find("rport=5062") != std::string::npos);
    CHECK(w.server.registrar().size() == 0);
}

namespace {

/// The response with qop that counts the nonce of `challenge` on.
std::string next_response(const std::string& challenge, const std::string& method,
                          const std::string& uri, const std::string& user, int count) {
    const auto start = challenge.find("nonce=\"") + 7;
    const std::string nonce = challenge.substr(start, challenge.find('"', start) - start);
    const sip::Ha1 ha1 = sip::make_ha1(sip::DigestAlgorithm::md5, user, "example.com", user);
    const std::string nc = "0000000" + std::to_string(count);
    sip::DigestInput input;
    input.nonce = nonce;
    input.qop = "auth";
    input.cnonce = "c";
    input.nc = nc;
    input.method = method;
    input.uri = uri;
    const std::string response{sip::digest_response(ha1.hex, input).view()};
    return "Digest username=\"" + user + "\", realm=\"example.com\", nonce=\"" + nonce +
           "\", uri=\"" + uri + "\", response=\"" + response +
           "\", cnonce=\"c\", qop=auth, nc=" + nc;
}

presence::ServerOptions strict_options() {
    presence::ServerOptions options = ServerWorld::open();
    options.strict = true;
    return options;
}
/// What the same lines are answered by default, and under strict.
std::pair<int, int> by_default_and_strict(const std::string& text) {
    ServerWorld lenient, strict(strict_options());
    return {tell(lenient, text).status(), tell(strict, text).status()};
}
constexpr const char* peer_of_old =
    "Call-ID: 1\nCSeq: 1 SUBSCRIBE\nEvent: presence\n"
    "Contact: <sip:bob@192.0.2.99:5062>\nContent-Length: 0\n";

}  // namespace

TEST_CASE("strict: what only old and careless peers leave out is refused") {
    const std::string start =
        "SUBSCRIBE sip:alice@example.com SIP/2.0\nTo: <sip:alice@example.com>\n";
    const std::string via = "Via: SIP/2.0/UDP 192.0.2.99:5062;rport;branch=z9hG4bKold\n";
    const std::string from = "From: <sip:bob@example.com>;tag=1\n", hops = "Max-Forwards: 70\n";
    using Answers = std::pair<int, int>;
    CHECK(by_default_and_strict(start + via + from + hops + peer_of_old + "\n") ==
          Answers{200, 200});
    CHECK(by_default_and_strict(start + via + from + peer_of_old + "\n") == Answers{200, 400});
    CHECK(by_default_and_strict(start + "Via: SIP/2.0/UDP 192.0.2.99:5062\n" + from + hops +
                                peer_of_old + "\n") == Answers{200, 400});
    CHECK(by_default_and_strict(start + via + "From: <sip:bob@example.com>\n" + hops + peer_of_old +
                                "\n") == Answers{200, 400});
    // The empty line at the end forgotten.
    CHECK(by_default_and_strict(start + via + from + hops + peer_of_old) == Answers{200, 400});
    // A name with letters beyond ASCII, and no quotes.
    CHECK(by_default_and_strict(start + via + "From: J\xC3\xBCrgen <sip:bob@example.com>;tag=1\n" +
                                hops + peer_of_old + "\n") == Answers{200, 400});
}

TEST_CASE("strict: credentials without qop, and a name with a stray at sign, are refused") {
    for (const bool is_strict : {false, true}) {
        NamedUsers users;
        presence::ServerOptions options = ServerWorld::open();
        options.credentials = &users;
        options.directory = &users;
        options.strict = is_strict;
        ServerWorld w(options);
        RawRequest request = ServerWorld::subscribe("bob", "carol");
        const std::string first = w.raw.ask(request).field("WWW-Authenticate");
        ++request.cseq;
        RawRequest libpurple = request;
        libpurple.with("Authorization: " +
                       bare_response(first, "SUBSCRIBE", "sip:carol@example.com", "bob"));
        CHECK(w.raw.ask(libpurple).status() == (is_strict ? 400 : 200));
        request.call_id = "sipsak";
        std::string line =
            authorization_for(w.raw.ask(request).field("WWW-Authenticate"), request, "bob", "bob");
        request.with(line.replace(line.find("username=\"bob\""), 14, "username=\"bob@\""));
        ++request.cseq;
        CHECK(w.raw.ask(request).status() == (is_strict ? 401 : 200));
    }
}

TEST_CASE("liblinphone: two spaces behind Authorization and inside it") {
    ServerWorld w(Policy::allow);
    RawRequest request = ServerWorld::subscribe("bob");
    const std::string challenge = w.raw.ask(request).field("WWW-Authenticate");
    std::string line = authorization_for(challenge, request, "bob", "bob");
    std::string spaced;
    for (const char c : line) spaced += c == ' ' ? std::string("  ") : std::string(1, c);
    ++request.cseq;
    CHECK(w.raw.ask(request.with(spaced)).status() == 200);
}

TEST_CASE("all clients: a refresh in the dialog is challenged, or brings credentials at once") {
    ServerWorld w(Policy::allow);
    RawRequest subscribe = ServerWorld::subscribe("bob");
    REQUIRE(w.ask_as("bob", subscribe).status() == 200);
    const RawMessage notify = w.raw.take("NOTIFY");
    // pjsua and SIP.js ask without, and answer the challenge; the digest uri is our Contact.
    RawRequest refresh = ServerWorld::resubscribe(subscribe, notify, 300);
    refresh.cseq = 5;
    const RawMessage challenged = w.raw.ask(refresh);
    REQUIRE(challenged.status() == 401);
    CHECK(w.server.notifier().size() == 1);
    const std::string challenge = challenged.field("WWW-Authenticate");
    ++refresh.cseq;
    const std::string first = authorization_for(challenge, refresh, "bob", "bob");
    CHECK(w.raw.ask(RawRequest(refresh).with(first)).status() == 200);
    CHECK(w.raw.take("NOTIFY").field("Subscription-State") == "active;expires=300");
    // liblinphone and baresip go on with the nonce they have, nc counted on.
    ++refresh.cseq;
    refresh.fields.back() = "Expires: 0";
    refresh.with("Authorization: " + next_response(challenge, "SUBSCRIBE", refresh.uri, "bob", 2));
    CHECK(w.raw.ask(refresh).status() == 200);
    CHECK(w.raw.take("NOTIFY").field("Subscription-State") == "terminated;reason=timeout");
}

TEST_CASE("pjsua: an Accept with xpidf gets PIDF; xpidf alone is 406") {
    ServerWorld w;
    RawRequest request = ServerWorld::subscribe("bob");
    request.with("Accept: application/xpidf+xml;q=0.9 ,application/pidf+xml;q=0.1");
    CHECK(w.raw.ask(request).status() == 200);
    CHECK(w.raw.take("NOTIFY").field("Content-Type") == "application/pidf+xml");
    RawRequest old = ServerWorld::subscribe("carol");
    old.with("Accept: application/xpidf+xml");
    CHECK(w.raw.ask(old).status() == 406);
    CHECK(w.server.notifier().size() == 1);
}

TEST_CASE("desk phones: lamps and voice mail are told at once what is served") {
    ServerWorld w;
    struct Asked {
        const char *event, *accept;
    };
    const Asked all[] = {
        {"dialog", "application/dialog-info+xml"},
        {"dialog;sla", "application/dialog-info+xml, multipart/related, application/rlmi+xml"},
        {"message-summary", "application/simple-message-summary"},
        {"as-feature-event", "application/x-as-feature-event+xml"},
        {"ua-profile;profile-type=\"device\";vendor=\"v\";model=\"m\"", "application/url"},
        {"call-info", "*/*"}};
    for (const Asked& asked : all) {
        CAPTURE(asked.event);
        RawRequest request = ServerWorld::subscribe("bob");
        request.call_id = asked.event;
        request.fields[0] = std::string("Event: ") + asked.event;
        request.with(std::string("Accept: ") + asked.accept);
        const RawMessage answer = w.raw.ask(request);
        CHECK(answer.status() == 489);
        CHECK(answer.field("Allow-Events") == "presence, presence.winfo, presence.winfo.winfo");
    }
    CHECK(w.server.notifier().size() == 0);
    // Yealink and Grandstream offer lists, and list types beside PIDF: one resource comes plain.
    RawRequest list = ServerWorld::subscribe("bob");
    list.with("Supported: replaces, path, timer, eventlist");
    list.with("Accept: application/pidf+xml, multipart/related, application/rlmi+xml");
    CHECK(w.raw.ask(list).status() == 200);
    const RawMessage notify = w.raw.take("NOTIFY");
    CHECK(notify.field("Content-Type") == "application/pidf+xml");
    CHECK_FALSE(notify.has("Require"));
}

TEST_CASE("Snom: a refresh of a publication with its body is as good as one without") {
    ServerWorld w;
    w.raw.ask(ServerWorld::subscribe("bob"));
    std::string etag = w.raw.ask(w.publish("alice", pidf_document("open"))).field("SIP-ETag");
    w.raw.pass(seconds{10});
    w.raw.sent.clear();
    for (int i = 0; i < 3; ++i) {
        const RawMessage answer = w.raw.ask(w.publish("alice", pidf_document("open"), etag));
        CHECK(answer.status() == 200);
        CHECK(answer.field("SIP-ETag") != etag);
        etag = answer.field("SIP-ETag");
        w.raw.pass(seconds{10});
    }
    CHECK(w.server.compositor().size() == 1);
}

TEST_CASE("libpurple: its 200 to NOTIFY names a type of a body that is not there") {
    ServerWorld w;
    w.raw.answer_notify = false;
    w.raw.ask(ServerWorld::subscribe("bob"));
    const RawMessage notify = w.raw.take("NOTIFY");
    w.raw.answer(notify, 200, "OK",
                 {"Content-Type: application/pidf+xml", "Event: presence",
                  "Subscription-State: active;expires=600", "Max-Forwards: 70"});
    w.raw.sent.clear();
    w.raw.pass(seconds{40});
    CHECK(w.raw.sent.empty());
    CHECK(w.server.notifier().size() == 1);
}

TEST_CASE("libpurple: publications of two users with one Call-ID, From tag and branch") {
    ServerWorld w;
    for (const std::string user : {"alice", "bob"}) {
        RawRequest publish =
            w.publish(user, pidf_document("open", "t", {}, {}, "sip:" + user + "@example.com"));
        publish.from = "<sip:" + user + "@example.com>;tag=327B23C6;epid=1234567890";
        publish.call_id = "643C9869g1234";
        publish.branch = "z9hG4bK6B8B4567";
        publish.cseq = 1;
        const RawMessage answer = w.raw.ask(publish);
        CHECK(answer.status() == 200);
        CHECK(answer.field("From").find(user) != std::string::npos);
    }
    CHECK(w.server.compositor().size() == 2);
}

TEST_CASE("SIP.js and liblinphone: offers of outbound and gruu are passed over in silence") {
    ServerWorld w;
    RawRequest request = w.register_(
        "alice",
        "<sip:k3j2@df7jal23ls0d.invalid;transport=ws>;+sip.instance=\"<urn:uuid:0-1>\";reg-id=1");
    request.with("Supported: replaces, outbound, path, gruu").with("Accept: application/sdp");
    const RawMessage answer = w.raw.ask(request);
    CHECK(answer.status() == 200);
    // What could not be served later is not promised: the address would become their Contact.
    CHECK(answer.text.find("gruu") == std::string::npos);
    CHECK(answer.text.find("outbound") == std::string::npos);
    CHECK(w.server.registrar().size() == 1);
}

TEST_CASE("SIPp: padded lengths by stream, compact names, and spaces where they may stand") {
    ServerWorld w;
    const sip::FlowId flow = w.raw.connect();
    const std::string body = pidf_document("open");
    const std::string head =
        "PUBLISH sip:alice@example.com SIP/2.0\r\n"
        "v:SIP/2.0/TCP 192.0.2.99:5062;branch=z9hG4bKp\r\n"
        "F :sip:alice@example.com;tag=1\r\nT: sip:alice@example.com\r\ni:\tp\r\n"
        "cSEQ:  1\r\n PUBLISH\r\nmAX-fORWARDS:70\r\nO: presence\r\n"
        "c: application/pidf+xml;charset=\"UTF-8\"\r\nL:      ";
    w.raw.input(flow, head + std::to_string(body.size()) + "  \r\n\r\n" + body);
    const RawMessage answer = w.raw.take();
    CHECK(answer.status() == 200);
    CHECK(answer.flow == flow);
    CHECK(w.server.compositor().size() == 1);
}

TEST_CASE("behind NAT: answers and NOTIFYs go where the request came from, and follow it") {
    ServerWorld w;
    RawRequest subscribe = ServerWorld::subscribe("bob");
    subscribe.fields[1] = "Contact: <sip:bob@10.0.0.7:5060>";
    w.raw.peer = {sip::Address::v4(198, 51, 100, 7), 40'001};
    const RawMessage answer = w.raw.ask(subscribe);
    CHECK(answer.to == w.raw.peer);
    CHECK(answer.field("Via").find("received=198.51.100.7") != std::string::npos);
    const RawMessage notify = w.raw.take("NOTIFY");
    CHECK(notify.to == w.raw.peer);
    CHECK(notify.request_uri() == "sip:bob@10.0.0.7:5060");
    // The router has given it another port since: the refresh says so.
    w.raw.peer.port = 40'002;
    CHECK(w.raw.ask(ServerWorld::resubscribe(subscribe, notify, 600)).status() == 200);
    CHECK(w.raw.take("NOTIFY").to == w.raw.peer);
}
