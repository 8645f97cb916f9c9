#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sip/event/notifier.hpp"
#include "tests/support/event_world.hpp"

using namespace sip;

namespace {

/// A notifier whose documents make the NOTIFY as large as wanted.
struct LargeWorld : EventWorld {
    explicit LargeWorld(std::size_t extra = 3'000) { echo.extra = std::string(extra, 'x'); }
    RawMessage subscribe() {
        net.ask(subscribe_request());
        return net.take("NOTIFY");
    }
    std::string body() const { return "alice@example.com/0/text/plain\n" + echo.extra; }
};

/// Answers each challenge as it is told, and counts.
struct FixedCredentials final : NotifyCredentials {
    bool answer(const Now&, const Response& response, std::string_view uri,
                std::string_view watcher, std::string_view, MessageWriter& writer) override {
        asked.push_back(std::string(uri) + " " + std::string(watcher) + " " +
                        std::string(response.message.value_of(HeaderId::www_authenticate)));
        if (!willing) return false;
        writer.header(HeaderId::authorization, "Digest response=\"" + filler + "\"");
        return true;
    }
    bool willing = true;
    std::string filler = "x";
    std::vector<std::string> asked;
};

const std::vector<std::string> challenge{"WWW-Authenticate: Digest realm=\"r\", nonce=\"n\""};

}  // namespace

TEST_CASE("R3261-18.1.1-1 T-28: a NOTIFY of 1300 bytes goes by UDP, one of 1301 by a stream") {
    LargeWorld probe(0);
    const std::size_t empty = probe.subscribe().text.size();
    // The Content-Length grows by a digit on the way.
    for (const std::size_t size : {std::size_t{1'300}, std::size_t{1'301}}) {
        LargeWorld world(size - empty - 1);
        const RawMessage notify = world.subscribe();
        if (size == 1'300) {
            CHECK(notify.text.size() == 1'300);
            CHECK(world.net.opened.empty());
        } else {
            CHECK_FALSE(notify);
            CHECK(world.net.opened.size() == 1);
        }
    }
}

TEST_CASE("R3261-18.1.1-1 T-28: a large NOTIFY goes by a connection to the peer, whole, as TCP") {
    LargeWorld world;
    CHECK_FALSE(world.subscribe());
    REQUIRE(world.net.opened.size() == 1);
    CHECK(world.net.opened[0].to == world.net.peer);
    CHECK(world.net.opened[0].transport == Transport::tcp);
    world.stack.connected(world.net.now, world.net.opened[0].flow, world.net.server);
    world.net.drain();
    RawMessage notify = world.net.take("NOTIFY");
    CHECK(notify.flow == world.net.opened[0].flow);
    CHECK(notify.field("Via").starts_with("SIP/2.0/TCP "));
    CHECK(notify.body() == world.body());
    CHECK(world.stack.counters().notify_over_udp_for_size == 0);
    // The next one goes by the same connection.
    world.net.ask(world.publish_request("more"));
    notify = world.net.take("NOTIFY");
    CHECK(notify.flow == world.net.opened[0].flow);
    CHECK(notify.field("CSeq") == "2 NOTIFY");
    CHECK(world.net.opened.size() == 1);
    CHECK(world.stack.clients().size() == 0);
}

TEST_CASE(
    "R3261-18.1.1-2 T-28: where no connection comes about it goes whole by UDP, from then on") {
    LargeWorld world;
    CHECK_FALSE(world.subscribe());
    REQUIRE(world.net.opened.size() == 1);
    SUBCASE("refused") {
        world.stack.closed(world.net.now, world.net.opened[0].flow);
        world.net.drain();
    }
    SUBCASE("unanswered for 2 s") {
        world.net.pass(milliseconds{1'999});
        CHECK_FALSE(world.net.take("NOTIFY"));
        world.net.pass(milliseconds{1});
    }
    RawMessage notify = world.net.take("NOTIFY");
    REQUIRE(notify);
    CHECK(notify.flow == FlowId{});
    CHECK(notify.to == world.net.peer);
    CHECK(notify.field("Via").starts_with("SIP/2.0/UDP "));
    CHECK(notify.body() == world.body());
    CHECK(world.stack.counters().notify_over_udp_for_size == 1);
    CHECK(world.notifier.size() == 1);
    // No failure of the watcher: the next change is told at once, and no connection is tried.
    world.net.ask(world.publish_request("more"));
    notify = world.net.take("NOTIFY");
    CHECK(notify.flow == FlowId{});
    CHECK(world.net.opened.size() == 1);
    CHECK(world.stack.counters().notify_over_udp_for_size == 2);
}

TEST_CASE(
    "R3261-18.1.1-2 T-28 T-39: of many large NOTIFYs to one peer those that find no room behind a "
    "connection that is being opened go whole by UDP, also when they are the last ones") {
    LargeWorld world;
    world.net.answer_notify = false;
    constexpr std::size_t count = 20;
    std::size_t by_datagram = 0;
    const auto look = [&] {
        while (const RawMessage notify = world.net.take("NOTIFY")) {
            by_datagram += notify.flow == FlowId{} && notify.body() == world.body();
            world.net.answer(notify, 200, "OK");
        }
    };
    for (std::size_t i = 0; i < count; ++i) {
        world.net.ask(world.subscribe_request("bob" + std::to_string(i)));
        look();
    }
    CHECK(by_datagram == count - 8);
    CHECK(world.stack.counters().notify_failures == 0);
    // Those that wait are sent by UDP once the connection has failed.
    REQUIRE(world.net.opened.size() == 1);
    world.stack.closed(world.net.now, world.net.opened[0].flow);
    world.net.drain();
    look();
    CHECK(by_datagram == count);
    CHECK(world.notifier.size() == count);
    CHECK(world.stack.counters().notify_failures == 0);
}
TEST_CASE("T-28: a watcher behind a NAT gets a large NOTIFY by UDP, and no connection is tried") {
    LargeWorld world;
    world.net.peer = {Address::v4(198, 51, 100, 7), 40'000};
    const RawMessage notify = world.subscribe();
    CHECK(notify.to == world.net.peer);
    CHECK(notify.body() == world.body());
    CHECK(world.net.opened.empty());
    CHECK(world.stack.counters().notify_over_udp_for_size == 1);
}

TEST_CASE("T-28: a connection that the peer has open already is used") {
    LargeWorld world;
    const FlowId flow = world.net.connect();
    const RawMessage notify = world.subscribe();
    CHECK(notify.flow == flow);
    CHECK(world.net.opened.empty());
}

TEST_CASE("over notify_body_bytes the document is left out, and counted") {
    EventWorld::Options options;
    options.stack.limits.notify_body_bytes = 100;
    EventWorld world(options);
    world.echo.extra = std::string(101, 'x');
    world.net.ask(world.subscribe_request());
    const RawMessage notify = world.net.take("NOTIFY");
    CHECK(notify.field("Subscription-State") == "active;expires=3600");
    CHECK(notify.body().empty());
    CHECK_FALSE(notify.has("Content-Type"));
    CHECK(world.stack.counters().limit_notify_body_bytes == 1);
}

TEST_CASE("T-15 R6665-4.2.2-7: a challenge is answered once, in a new request with the next CSeq") {
    EventWorld world;
    FixedCredentials credentials;
    world.notifier.set_credentials(&credentials);
    world.net.answer_notify = false;
    world.net.ask(world.subscribe_request());
    const RawMessage first = world.net.take("NOTIFY");
    CHECK_FALSE(first.has("Authorization"));
    world.net.answer(first, 401, "Who?", challenge);
    const RawMessage second = world.net.take("NOTIFY");
    CHECK(second.field("Authorization") == "Digest response=\"x\"");
    CHECK(second.field("CSeq") == "2 NOTIFY");
    CHECK(second.field("Via") != first.field("Via"));
    CHECK(second.body() == first.body());
    REQUIRE(credentials.asked.size() == 1);
    CHECK(credentials.asked[0] ==
          "sip:bob@192.0.2.99:5062 bob@example.com Digest realm=\"r\", nonce=\"n\"");
    SUBCASE("it is right") {
        world.net.answer(second);
        world.net.ask(world.publish_request("news"));
        const RawMessage next = world.net.take("NOTIFY");
        CHECK_FALSE(next.has("Authorization"));
        // A later challenge is another one, and answered.
        world.net.answer(next, 407, "Who?", challenge);
        CHECK(world.net.take("NOTIFY").has("Authorization"));
        CHECK(credentials.asked.size() == 2);
    }
    SUBCASE("it is wrong: a failure, tried again later") {
        world.net.answer(second, 401, "Who?", challenge);
        CHECK_FALSE(world.net.take("NOTIFY"));
        CHECK(credentials.asked.size() == 1);
        CHECK(world.notifier.size() == 1);
        world.net.pass(seconds{32});
        CHECK(world.net.take("NOTIFY"));
    }
}

TEST_CASE("T-15: without credentials, or with none for that watcher, a challenge is a failure") {
    EventWorld world;
    FixedCredentials credentials;
    credentials.willing = false;
    SUBCASE("nobody to ask") {}
    SUBCASE("none for that watcher") { world.notifier.set_credentials(&credentials); }
    world.net.answer_notify = false;
    world.net.ask(world.subscribe_request());
    for (int round = 0; round < 3; ++round) {
        const RawMessage notify = world.net.take("NOTIFY");
        REQUIRE(notify);
        world.net.answer(notify, 401, "Who?", challenge);
        CHECK_FALSE(world.net.take("NOTIFY"));
        world.net.pass(seconds{32});
    }
    CHECK(world.notifier.size() == 0);
}

TEST_CASE(
    "T-15 T-28: a challenge is answered once also where the NOTIFY goes by a stream for size") {
    LargeWorld world;
    FixedCredentials credentials;
    SUBCASE("it was too large before") {}
    SUBCASE("it becomes so by the credentials") {
        world.echo.extra = std::string(700, 'x');
        credentials.filler = std::string(500, 'x');
    }
    world.notifier.set_credentials(&credentials);
    world.net.answer_notify = false;
    const FlowId flow = world.net.connect();
    const RawMessage notify = world.subscribe();
    REQUIRE(notify);
    world.net.answer(notify, 401, "Who?", challenge);
    const RawMessage second = world.net.take("NOTIFY");
    CHECK(second.has("Authorization"));
    CHECK(second.flow == flow);
    CHECK(credentials.asked.size() == 1);
}

TEST_CASE(
    "T-19 R3261-17.1.4-1: a watcher whose connection goes gets the news where its Contact is") {
    EventWorld world;
    const FlowId flow = world.net.connect();
    RawRequest request = world.subscribe_request();
    request.fields[1] = "Contact: <sip:bob@192.0.2.99:5062;transport=tcp>";
    world.net.ask(flow, request);
    CHECK(world.net.take("NOTIFY").flow == flow);
    world.stack.closed(world.net.now, flow);
    world.net.ask(world.publish_request("news"));
    REQUIRE(world.net.opened.size() == 1);
    CHECK(world.net.opened[0].to == world.net.peer);
    world.stack.connected(world.net.now, world.net.opened[0].flow, world.net.server);
    world.net.drain();
    CHECK(world.net.take("NOTIFY").flow == world.net.opened[0].flow);
}

TEST_CASE(
    "R3261-12.1.1-1: a 2xx that makes a dialog has every Record-Route, whole, and our Contact") {
    EventWorld world;
    RawRequest request = world.subscribe_request();
    request.with("Record-Route: <sip:192.0.2.99:5062;lr;a=b>;c=d, \"Two\" <sip:p2.example;lr>")
        .with("Record-Route: <sip:p3.example;lr>");
    const RawMessage answer = world.net.ask(request);
    CHECK(answer.fields("Record-Route") ==
          std::vector<std::string>{"<sip:192.0.2.99:5062;lr;a=b>;c=d, \"Two\" <sip:p2.example;lr>",
                                   "<sip:p3.example;lr>"});
    CHECK(answer.field("Contact") == "<sip:192.0.2.1:5060>");
    // A refresh makes none, and a refusal neither.
    const RawMessage refreshed = world.net.ask(EventWorld::in_dialog(request, answer, 2));
    CHECK(refreshed.status() == 200);
    CHECK_FALSE(refreshed.has("Record-Route"));
    CHECK(refreshed.has("Contact"));
}

TEST_CASE("R3261-8.2.3-1: a SUBSCRIBE body is 415 with an empty Accept, unless it is optional") {
    EventWorld world;
    RawRequest request = world.subscribe_request();
    request.with_body("application/simple-filter+xml", "<filter-set/>");
    const RawMessage refused = world.net.ask(request);
    CHECK(refused.status() == 415);
    CHECK(refused.has("Accept"));
    CHECK(world.notifier.size() == 0);
    request.with("Content-Disposition: render;handling=optional");
    request.cseq = 2;
    CHECK(world.net.ask(request).status() == 200);
}

TEST_CASE("R3261-12.2.2-1: a number that was refused for its order is not the last one") {
    EventWorld world;
    const RawRequest request = world.subscribe_request();
    const RawMessage answer = world.net.ask(request);
    CHECK(world.net.ask(EventWorld::in_dialog(request, answer, 100)).status() == 200);
    CHECK(world.net.ask(EventWorld::in_dialog(request, answer, 50)).status() == 500);
    CHECK(world.net.ask(EventWorld::in_dialog(request, answer, 99)).status() == 500);
    CHECK(world.net.ask(EventWorld::in_dialog(request, answer, 101)).status() == 200);
}

TEST_CASE("R6665-4.2.1-1: only SUBSCRIBE makes a subscription") {
    EventWorld world;
    for (const char* method : {"NOTIFY", "REFER", "INVITE", "MESSAGE", "PUBLISH", "UPDATE"}) {
        RawRequest request = world.subscribe_request();
        request.method = method;
        request.call_id = method;
        request.with("Expires: 600").with("Subscription-State: active");
        (void)world.net.ask(request);
        CHECK_FALSE(world.net.take("NOTIFY"));
    }
    CHECK(world.notifier.size() == 0);
    CHECK(world.resources.size() == 0);
}

TEST_CASE("R6665-4.2.1.1-1 R6665-8.3.1-2: who is not decided about is answered 200 at once") {
    EventWorld world;
    world.echo.decisions["bob@example.com"] = {SubscriptionDecision::pending, {}};
    const RawMessage answer = world.net.ask(world.subscribe_request());
    CHECK(answer.status() == 200);
    CHECK(answer.at == world.net.now.mono);
    CHECK(world.net.take("NOTIFY").field("Subscription-State") == "pending;expires=3600");
}

TEST_CASE("R6665-4.2.2-2: terminated has a reason and no expires, whatever ended it") {
    using Machine = subscription_machine::Event;
    const auto told = [](auto end) {
        EventWorld world;
        const RawMessage answer = world.net.ask(world.subscribe_request().with("Expires: 60"));
        world.net.sent.clear();
        end(world, answer);
        world.net.drain();
        return world.net.take("NOTIFY").field("Subscription-State");
    };
    CHECK(told([](EventWorld& world, const RawMessage& answer) {
              world.net.input(world.net.text_of(
                  EventWorld::in_dialog(world.subscribe_request(), answer, 2).with("Expires: 0")));
          }) == "terminated;reason=timeout");
    CHECK(told([](EventWorld& world, const RawMessage&) { world.net.pass(seconds{60}); }) ==
          "terminated;reason=timeout");
    const std::pair<Machine, const char*> rows[] = {
        {Machine::reject, "terminated;reason=rejected"},
        {Machine::no_resource, "terminated;reason=noresource"},
        {Machine::deactivate, "terminated;reason=deactivated"},
        {Machine::probation, "terminated;reason=probation"}};
    for (const auto& row : rows)
        CHECK(told([&](EventWorld& world, const RawMessage&) {
                  world.notifier.end(world.net.now, 0, "alice@example.com", row.first);
              }) == row.second);
    CHECK(told([](EventWorld& world, const RawMessage&) {
              world.notifier.shut_down(world.net.now, Machine::probation, 7, 7);
          }) == "terminated;reason=probation;retry-after=7");
}

TEST_CASE("R6665-4.6-2: a CANCEL of a SUBSCRIBE is answered 200, and changes nothing") {
    EventWorld::Options options;
    options.stack.has_store = true;  // so that it is there to be cancelled
    EventWorld world(options);
    RawRequest request = world.subscribe_request();
    request.branch = "z9hG4bKcancelled";
    CHECK_FALSE(world.net.ask(request));
    RawRequest cancel = request;
    cancel.method = "CANCEL";
    cancel.fields.clear();
    CHECK(world.net.ask(cancel).status() == 200);
    world.net.commit();
    const RawMessage answer = world.net.take();
    CHECK(answer.status() == 200);
    CHECK(answer.field("CSeq") == "1 SUBSCRIBE");
    CHECK(world.net.take("NOTIFY"));
    CHECK(world.notifier.size() == 1);
}

TEST_CASE("R3261-21.4.20-1: a To tag of no dialog is 481, whoever the Request-URI names") {
    EventWorld world;
    world.echo.missing.insert("nobody@example.com");
    RawRequest request = world.subscribe_request();
    request.uri = "sip:nobody@example.com";
    request.to = "<sip:nobody@example.com>";
    CHECK(world.net.ask(request).status() == 404);
    request.to += ";tag=gone";
    request.cseq = 2;
    CHECK(world.net.ask(request).status() == 481);
}

TEST_CASE("R3261-8.2.2-1: what a SUBSCRIBE bears beside what is needed may be unknown or broken") {
    EventWorld world;
    RawRequest request = world.subscribe_request();
    for (const char* field :
         {"X-Unheard-Of: ;;=,\"", "Warning: not a number", "Retry-After: never", "Date: yesterday",
          "MIME-Version: one", "Alert-Info: <", "Reason: ;", "SIP-ETag: two words",
          "Min-Expires: x", "User-Agent: (((", "Priority: ", "RSeq: -1", "RAck: x y z"})
        request.with(field);
    CHECK(world.net.ask(request).status() == 200);
    CHECK(world.net.take("NOTIFY"));
}

TEST_CASE("R3261-8.1.1.9-1 R3261-8.2.4-1: our NOTIFY and our answers demand no extension") {
    EventWorld world;
    std::vector<RawMessage> all{world.net.ask(world.subscribe_request())};
    all.push_back(world.net.take("NOTIFY"));
    all.push_back(world.net.ask(world.publish_request("one")));
    for (const RawMessage& message : all) {
        REQUIRE(message);
        for (const char* field : {"Require", "Proxy-Require", "Supported"})
            CHECK_FALSE(message.has(field));
    }
}
