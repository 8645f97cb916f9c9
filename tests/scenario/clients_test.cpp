// Messages of the shapes that real clients send, each with what such a client needs in return. The
// messages are made up; what is particular in them was seen.

#include <doctest/doctest.h>

#include <string>

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
