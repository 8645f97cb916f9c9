#include <doctest/doctest.h>

#include <set>

#include "sip/event/notifier.hpp"
#include "tests/support/event_world.hpp"

using namespace sip;

// NOTIFYs to where no SUBSCRIBE came from.

namespace {

/// A SUBSCRIBE that came by a proxy at the peer's address, whose Contact is elsewhere.
RawRequest through_proxy(EventWorld& world, int i,
                         const std::string& contact = "203.0.113.5:5060") {
    RawRequest request = world.subscribe_request("bob" + std::to_string(i));
    request.fields.pop_back();
    request.with("Contact: <sip:bob@" + contact + ">")
        .with("Via: SIP/2.0/UDP 192.0.2.200:5060;branch=z9hG4bKbehind" + std::to_string(i));
    return request;
}
struct FarWorld : EventWorld {
    explicit FarWorld(const Limits& limits = {}) : EventWorld(options(limits)) {
        net.answer_notify = false;
    }
    static Options options(const Limits& limits) {
        Options made;
        made.stack.limits = limits;
        return made;
    }
    /// NOTIFYs that left and were not looked at yet.
    std::vector<RawMessage> notifies() {
        std::vector<RawMessage> found;
        while (RawMessage message = net.take("NOTIFY")) found.push_back(std::move(message));
        return found;
    }
    /// Subscribes without taking the NOTIFY out of `net.sent`.
    void subscribe(int i, const std::string& contact = "203.0.113.5:5060") {
        net.input(net.text_of(through_proxy(*this, i, contact)));
        RawMessage answer;
        for (auto at = net.sent.begin(); at != net.sent.end(); ++at)
            if (at->status() != 0) {
                answer = *at;
                net.sent.erase(at);
                break;
            }
        CHECK(answer.status() == 200);
    }
};
std::set<std::string> call_ids(const std::vector<RawMessage>& messages) {
    std::set<std::string> found;
    for (const RawMessage& message : messages) found.insert(message.field("Call-ID"));
    return found;
}

}  // namespace

TEST_CASE(
    "T-11: to a host that nobody subscribes from one NOTIFY goes at a time, over all of them") {
    FarWorld w;
    for (int i = 0; i < 20; ++i)
        w.subscribe(i, "203.0.113.5:" + std::to_string(5060 + i));  // another port is no other host
    auto sent = w.notifies();
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].to.address == Address::v4(203, 0, 113, 5));
    CHECK(w.notifier.size() == 20);
    // Without an answer four copies in all, and no subscription is left.
    w.net.pass(seconds{6});
    CHECK(w.notifies().size() == 3);
    CHECK(w.notifier.size() == 20);
    w.net.pass(seconds{1});
    CHECK(w.notifier.size() == 0);
    CHECK(w.stack.clients().size() == 0);
    w.net.pass(seconds{100});
    CHECK(w.notifies().empty());
    CHECK(w.stack.counters().silent_peers == 1);
    CHECK(w.resources.size() == 0);
    CHECK_FALSE(w.stack.deadline());
}

TEST_CASE(
    "T-11: once it has answered, whatever it says, all are told at once, and freely from then on") {
    for (int status : {100, 200, 404, 481, 503}) {
        CAPTURE(status);
        FarWorld w;
        for (int i = 0; i < 5; ++i) w.subscribe(i);
        auto first = w.notifies();
        REQUIRE(first.size() == 1);
        w.net.answer(first[0], status);
        auto rest = w.notifies();
        CHECK(rest.size() == 4);
        CHECK(call_ids(rest).size() == 4);
        for (const RawMessage& message : rest) w.net.answer(message);
        w.net.pass(seconds{5});
        (void)w.notifies();
        w.subscribe(6);
        w.subscribe(7);
        CHECK(w.notifies().size() == 2);
        CHECK(w.stack.counters().silent_peers == 0);
    }
}

TEST_CASE("T-11: a response that does not show the branch proves nothing") {
    FarWorld w;
    for (int i = 0; i < 3; ++i) w.subscribe(i);
    auto first = w.notifies();
    REQUIRE(first.size() == 1);
    RawMessage forged = first[0];
    const auto at = forged.text.find("branch=z9hG4bK") + 14;
    forged.text[at] = forged.text[at] == '0' ? '1' : '0';
    w.net.answer(forged);
    CHECK(w.notifies().empty());
    w.net.pass(seconds{7});
    CHECK(w.notifier.size() == 0);
}

TEST_CASE("T-11: proof lapses; hosts are looked at one by one") {
    FarWorld w;
    w.subscribe(0);
    w.subscribe(1, "203.0.113.6:5060");
    auto first = w.notifies();
    CHECK(first.size() == 2);
    for (const RawMessage& message : first) w.net.answer(message);
    w.net.pass(Limits{}.known_source_lifetime);
    (void)w.notifies();
    w.subscribe(2);
    w.subscribe(3);
    CHECK(w.notifies().size() == 1);
}

TEST_CASE("T-11: a watcher whose next hop is who subscribed waits for nobody") {
    FarWorld w;
    for (int i = 0; i < 4; ++i) {
        RawRequest request = through_proxy(w, i);
        request.with("Record-Route: <sip:192.0.2.99:5062;lr>");
        w.net.input(w.net.text_of(request));
    }
    CHECK(w.notifies().size() == 4);
    // One Via and no route: NOTIFYs go back to where it came from, whatever Contact says.
    for (int i = 10; i < 14; ++i) {
        RawRequest request = w.subscribe_request("carol" + std::to_string(i));
        request.fields.pop_back();
        request.with("Contact: <sip:carol@203.0.113.9>");
        w.net.input(w.net.text_of(request));
    }
    const auto sent = w.notifies();
    CHECK(sent.size() == 4);
    for (const RawMessage& message : sent) CHECK(message.to == w.net.peer);
}

TEST_CASE("T-11: when the one that finds out ends, the next one does") {
    FarWorld w;
    for (int i = 0; i < 3; ++i) w.subscribe(i);
    auto first = w.notifies();
    REQUIRE(first.size() == 1);
    // Its package is told that bob0 may not any more: its NOTIFY says so, and is still the only
    // one.
    w.echo.decisions["bob0@example.com"] = {SubscriptionDecision::rejected, {}};
    w.notifier.decide_again(w.net.now, 0, "");
    w.net.drain();
    auto second = w.notifies();
    REQUIRE(second.size() == 1);
    CHECK(second[0].field("Subscription-State") == "terminated;reason=rejected");
    w.net.answer(second[0], 200);
    CHECK(w.notifies().size() == 2);
}

TEST_CASE("T-11 T-28: a large document follows once somebody has answered") {
    FarWorld w;
    w.echo.extra = std::string(3'000, 'x') + "\n";
    w.subscribe(0);
    auto first = w.notifies();
    REQUIRE(first.size() == 1);
    CHECK(first[0].body().empty());
    CHECK(first[0].text.size() < 1'300);
    CHECK(first[0].field("Subscription-State").starts_with("active"));
    CHECK(w.net.opened.empty());
    w.net.answer(first[0]);
    // Now the way of a large one: by a stream if there can be one, else whole.
    REQUIRE(w.net.opened.size() == 1);
    w.stack.closed(w.net.now, w.net.opened[0].flow);
    w.net.drain();
    const auto whole = w.notifies();
    REQUIRE(whole.size() == 1);
    CHECK(whole[0].body().size() > 3'000);
}

TEST_CASE("T-11 T-35: hosts that were not heard of are bounded; over it a NOTIFY is tried later") {
    Limits limits;
    limits.unproven_peers = 2;
    FarWorld w(limits);
    for (int i = 0; i < 3; ++i) w.subscribe(i, "203.0.113." + std::to_string(10 + i));
    CHECK(w.notifies().size() == 2);
    CHECK(w.stack.counters().limit_unproven_peers == 1);
    w.net.pass(seconds{31});
    (void)w.notifies();
    CHECK(w.notifier.size() == 1);
    w.net.pass(seconds{1});
    const auto late = w.notifies();
    REQUIRE(late.size() == 1);
    CHECK(late[0].to.address == Address::v4(203, 0, 113, 12));
    w.net.answer(late[0]);
    CHECK(w.notifier.size() == 1);
}

TEST_CASE("T-11: what is exempt needs no proof") {
    EventWorld::Options options;
    REQUIRE(options.stack.exempt.add(*parse_address_range("203.0.113.0/24")));
    EventWorld w(options);
    w.net.answer_notify = false;
    for (int i = 0; i < 3; ++i) w.net.input(w.net.text_of(through_proxy(w, i)));
    int count = 0;
    while (w.net.take("NOTIFY")) ++count;
    CHECK(count == 3);
}
