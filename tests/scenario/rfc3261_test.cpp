// RFC 3261, where the whole server has a hand in it.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/server_world.hpp"

using sip::seconds;

namespace {

const std::string open_document = pidf_document("open");

std::vector<RawRequest> one_of_each(ServerWorld& w) {
    RawRequest options{"OPTIONS", "sip:example.com"};
    return {ServerWorld::subscribe("bob"), w.publish("alice", open_document),
            w.register_("alice", "<sip:alice@192.0.2.7>"), options};
}

}  // namespace

TEST_CASE("R3261-7.3.2-1: a field that means nothing there is passed over, however it looks") {
    ServerWorld w;
    for (const RawRequest& request : one_of_each(w)) {
        // Fields of responses, of other methods, and of nobody; some malformed by their grammar.
        RawRequest odd = request;
        for (const char* field :
             {"WWW-Authenticate: Digest realm=\"x\", nonce=\"y\"", "Proxy-Authenticate: none",
              "Unsupported: path", "Warning: 399 x \"y\"", "Retry-After: soon", "Server: x/1",
              "Authentication-Info: rspauth", "Min-Expires: never", "SIP-ETag: other",
              "Subscription-State: what;ever=", "RSeq: -1", "Refer-To: ", "Alert-Info: ]",
              "Error-Info: <", "Priority: emergency", "X-Nobody: \x7e"})
            odd.with(field);
        if (odd.method != "PUBLISH") odd.with("SIP-If-Match: not-yours");
        if (odd.method != "SUBSCRIBE" && odd.method != "PUBLISH") odd.with("Event: nothing-here");
        const RawMessage answer = w.raw.ask(odd);
        CAPTURE(answer.text);
        CHECK(answer.status() == 200);
    }
    CHECK(w.server.notifier().size() == 1);
    CHECK(w.server.compositor().size() == 1);
    CHECK(w.server.registrar().size() == 1);
    // The same of responses: fields of requests in a 200 to NOTIFY leave it a 200.
    w.raw.answer_notify = false;
    w.raw.pass(seconds{10});
    w.raw.sent.clear();
    w.raw.ask(w.publish("alice", pidf_document("closed")));
    const RawMessage notify = w.raw.take("NOTIFY");
    REQUIRE(notify);
    w.raw.answer(notify, 200, "OK",
                 {"Event: dialog", "Subscription-State: terminated", "Expires: 0",
                  "Max-Forwards: 0", "Require: nothing", "Route: <sip:192.0.2.9;lr>",
                  "SIP-If-Match: x", "Authorization: Digest username="});
    w.raw.sent.clear();
    w.raw.pass(seconds{40});
    CHECK_FALSE(w.raw.take("NOTIFY"));
    CHECK(w.server.notifier().size() == 1);
}

TEST_CASE("R3261-7.4.1-2: bodies are framed by Content-Length, and chunked by nobody") {
    ServerWorld w;
    const std::string chunked = "5\r\nhello\r\n0\r\n\r\n";
    // What says that it is chunked is framed, and read, by its length all the same.
    RawRequest publish = w.publish("alice", open_document);
    publish.with("Transfer-Encoding: chunked");
    CHECK(w.raw.ask(publish).status() == 200);
    const sip::FlowId flow = w.raw.connect();
    RawRequest behind = ServerWorld::subscribe("bob");
    publish = w.publish("alice", chunked);
    publish.with("Transfer-Encoding: chunked");
    w.raw.sent.clear();
    w.raw.input(flow, w.raw.text_of(publish, "TCP") + w.raw.text_of(behind, "TCP"));
    CHECK(w.raw.take().status() == 400);  // these bytes are no document
    CHECK(w.raw.take().status() == 200);
    // Without a length there is no framing on a stream, whatever the encoding.
    const sip::FlowId other = w.raw.connect();
    std::string text = w.raw.text_of(publish, "TCP");
    const auto at = text.find("Content-Length:");
    text.erase(at, text.find("\r\n", at) + 2 - at);
    w.raw.closed.clear();
    w.raw.sent.clear();
    w.raw.input(other, text);
    CHECK(w.raw.take().status() == 400);
    REQUIRE(w.raw.closed.size() == 1);
    CHECK(w.raw.closed.front() == other);
    // And of ours each has its length, and none an encoding of transfer.
    ServerWorld ours;
    ours.raw.sent.clear();
    for (const RawRequest& request : one_of_each(ours)) ours.raw.input(ours.raw.text_of(request));
    ours.raw.pass(seconds{10});
    std::size_t bodies = 0;
    for (const RawMessage& message : ours.raw.sent) {
        CHECK_FALSE(message.has("Transfer-Encoding"));
        CHECK(message.fields("Content-Length") ==
              std::vector<std::string>{std::to_string(message.body().size())});
        bodies += message.body().empty() ? 0U : 1U;
    }
    CHECK(bodies > 0);
}
