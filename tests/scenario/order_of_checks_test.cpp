// Requirement D-7: in which order a request is looked at. Each request here breaks a rule and all
// the ones that are looked at later; the answer must be that of the first.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/server_world.hpp"

namespace {

/// Takes the faults away from a request one by one, in the order of the checks.
struct Faults {
    int mended = 0;
    int next = 0;
    bool has() { return next++ >= mended; }
};

std::string status_line_of(const RawMessage& answer) {
    return std::to_string(answer.status()) + " " + answer.reason();
}

}  // namespace

TEST_CASE("D-7 R3261-8.2-1: the order of checks on a SUBSCRIBE") {
    sip::Limits limits;
    limits.subscriptions_per_user = 0;
    ServerWorld w(presence::Policy::block, limits);
    std::vector<int> statuses;
    for (int mended = 0; mended <= 10; ++mended) {
        Faults faults{mended};
        const bool anonymous = faults.has();
        RawRequest request{"SUBSCRIBE", ""};
        if (faults.has()) request.method = "FROBNICATE";
        request.uri = faults.has() ? "sip:alice@elsewhere.org" : "sip:alice@example.com";
        request.to = "<sip:alice@example.com>";
        request.from = "<sip:bob@example.com>;tag=1";
        request.call_id = "order-" + std::to_string(mended);
        if (faults.has()) request.with("Require: nonsense");
        request.with(faults.has() ? "Event: nonsense" : "Event: presence");
        if (faults.has()) request.with("Accept: text/plain");
        request.with(faults.has() ? "Expires: 5" : "Expires: 600");
        if (faults.has()) request.with_body("text/plain", "?");
        const bool forbidden = faults.has();
        w.server.set_policy(w.raw.now,
                            forbidden ? presence::Policy::block : presence::Policy::allow);
        const bool without_contact = faults.has();
        if (!without_contact) request.with("Contact: <sip:bob@192.0.2.99:5062>");
        const RawMessage answer = anonymous ? w.raw.ask(request) : w.ask_as("bob", request);
        statuses.push_back(answer.status());
        CAPTURE(status_line_of(answer));
        CHECK(w.server.notifier().size() == 0);
        w.raw.pass(sip::seconds{40});
    }
    CHECK(statuses == std::vector{401, 501, 404, 420, 489, 406, 423, 415, 403, 503, 503});
}

TEST_CASE("D-7: version and syntax come before authentication") {
    ServerWorld w(presence::Policy::allow);
    std::string text = w.raw.text_of(ServerWorld::subscribe("bob"));
    w.raw.sent.clear();
    w.raw.input("SUBSCRIBE sip:alice@example.com SIP/3.0" + text.substr(text.find("\r\n")));
    CHECK(w.raw.take().status() == 505);
    RawRequest broken = ServerWorld::subscribe("bob");
    broken.from = "<sip:bob@example.com";
    CHECK(w.raw.ask(broken).status() == 400);
    CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 401);
    CHECK(w.server.stack().servers().size() == 0);
}

TEST_CASE("D-7 R3261-8.2.2.2-1: a merged request is found behind authentication and method") {
    ServerWorld w(presence::Policy::allow);
    RawRequest request = ServerWorld::subscribe("bob");
    REQUIRE(w.ask_as("bob", request).status() == 200);
    // The same request by another way: other branch, and its own good credentials.
    const std::string challenge = w.raw.ask(request).field("WWW-Authenticate");
    request.cseq = 2;
    request.with("Require: nonsense");
    request.with(authorization_for(challenge, request, "bob", "bob"));
    CHECK(w.raw.ask(request).status() == 482);
    request.fields.pop_back();
    CHECK(w.raw.ask(request).status() == 401);
}

TEST_CASE("D-7: the order of checks on a PUBLISH") {
    ServerWorld w(presence::Policy::allow);
    std::vector<int> statuses;
    for (int mended = 0; mended <= 8; ++mended) {
        Faults faults{mended};
        const bool anonymous = faults.has();
        RawRequest request = w.publish("alice", "");
        request.fields.clear();
        if (faults.has()) request.uri = "sip:nobody@example.com";
        if (faults.has()) request.with("Require: nonsense");
        request.with(faults.has() ? "Event: nonsense" : "Event: presence");
        const std::string user = faults.has() ? "bob" : "alice";
        if (faults.has()) request.with("SIP-If-Match: two tags");
        request.with(faults.has() ? "Expires: 5" : "Expires: 600");
        request.with_body(faults.has() ? "text/plain" : "application/pidf+xml", "<presence");
        if (!faults.has()) request.body = pidf_document("open");
        const RawMessage answer = anonymous ? w.raw.ask(request) : w.ask_as(user, request);
        CAPTURE(status_line_of(answer));
        statuses.push_back(answer.status());
        if (mended < 8) CHECK(w.server.compositor().size() == 0);
        w.raw.pass(sip::seconds{40});
    }
    CHECK(statuses == std::vector{401, 404, 420, 489, 403, 400, 423, 415, 400});
}
