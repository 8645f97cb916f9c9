#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "tests/support/event_world.hpp"

using namespace sip;

// What concerns many subscriptions is done some at a time, so that nothing else waits for it.

namespace {

using Machine = subscription_machine::Event;
constexpr Decision rejected{SubscriptionDecision::rejected, {}};

/// Counts what becomes of subscriptions.
struct Changes final : Tracer {
    void transition(const Now&, const TraceTransition& step) override {
        if (step.machine == "subscription") ++count;
    }
    int count = 0;
};

struct Many : EventWorld {
    explicit Many(unsigned watchers) : EventWorld(options(changes)) {
        for (unsigned i = 0; i < watchers; ++i) {
            REQUIRE(net.ask(subscribe_request(name(i))).status() == 200);
            if (i % 200 == 0) net.pass(seconds{40});
        }
        net.pass(seconds{70});
        net.sent.clear();
    }
    static Options options(Changes& changes) {
        Options made;
        made.stack.tracer = &changes;
        made.stack.limits.rate_source = made.stack.limits.rate_user = 0;
        made.stack.limits.rate_strangers = 0;
        made.stack.limits.server_transactions_per_address = 65'536;
        made.stack.limits.flow_idle = seconds{36'000};
        return made;
    }
    static std::string name(unsigned i) { return "w" + std::to_string(i); }
    static unsigned number_of(const RawMessage& notify) {
        return static_cast<unsigned>(std::stoul(notify.field("Call-ID").substr(1)));
    }
    void reject(unsigned i) { echo.decisions[name(i) + "@example.com"] = rejected; }

    /// What an input or one poll may take: some subscriptions, and not all.
    void begin_count() { decided_ = echo.decided, changed_ = changes.count; }
    void end_count() {
        const int work = std::max(echo.decided - decided_, changes.count - changed_);
        most = std::max(most, work);
        total += work;
    }
    void measure(const std::function<void()>& input) {
        begin_count();
        input();
        end_count();
    }
    /// Polls until there is nothing left to do, `between` each two.
    void run(
        const std::function<void(const RawMessage&)>& look,
        const std::function<void()>& between = [] {}) {
        for (;;) {
            begin_count();
            const auto effect = stack.poll(net.now);
            end_count();
            between();
            if (!effect && stack.deadline().value_or(never) > net.now.mono) return;
            const auto* out = effect ? std::get_if<Transmit>(&*effect) : nullptr;
            if (out == nullptr) continue;
            RawMessage message;
            message.text =
                std::string(out->packet.head.view()) + std::string(out->packet.body.view());
            if (message.method() == "NOTIFY") look(message);
        }
    }
    void input(const RawRequest& request) {
        const std::string text = net.text_of(request);
        stack.input(net.now, Datagram{net.udp, net.peer, text});
    }
    /// The watcher is gone: its subscription goes at once.
    void answer_481(const RawMessage& request) {
        std::string text = "SIP/2.0 481 Gone\r\n";
        for (const char* name : {"Via", "From", "To", "Call-ID", "CSeq"})
            text += std::string(name) + ": " + request.field(name) + "\r\n";
        text += "Content-Length: 0\r\n\r\n";
        stack.input(net.now, Datagram{net.udp, net.peer, text});
    }
    std::map<std::string, unsigned> states() {
        std::map<std::string, unsigned> found;
        notifier.for_each(net.now,
                          [&](const Notifier::Snapshot& s) { ++found[std::string(s.state)]; });
        return found;
    }

    Changes changes;
    int most = 0, total = 0;

private:
    int decided_ = 0, changed_ = 0;
};

/// Thirty-two pieces of eight decisions, and some for what began at once.
constexpr int decisions_at_most = 300;
/// And of thirty-two ends.
constexpr int changes_at_most = 1'100;

}  // namespace

TEST_CASE("rules of 2,000 watchers: decided a few at a time, and none sees what it may not") {
    for (const std::string resource : {"alice@example.com", ""}) {
        CAPTURE(resource);
        constexpr unsigned watchers = 2'000;
        Many w(watchers);
        for (unsigned i = 1; i < watchers; i += 2) w.reject(i);
        w.measure([&] { w.notifier.decide_again(w.net.now, 0, resource); });
        CHECK(w.total <= 8);
        // The walk has only begun, and there is news that half of them may not see.
        w.measure([&] { w.input(w.publish_request("secret")); });
        std::map<unsigned, unsigned> told;
        w.run([&](const RawMessage& notify) {
            const unsigned i = Many::number_of(notify);
            ++told[i];
            const std::string state = notify.field("Subscription-State");
            if (i % 2 == 1) {
                REQUIRE(state == "terminated;reason=rejected");
                REQUIRE(notify.body().empty());
            } else {
                REQUIRE(state.starts_with("active"));
                REQUIRE(notify.body().ends_with("secret\n"));
            }
        });
        CHECK(told.size() == watchers);
        for (const auto& [i, times] : told) REQUIRE(times == 1);
        CHECK(w.states() ==
              std::map<std::string, unsigned>{{"active", 1'000}, {"terminated", 1'000}});
        CHECK(w.most <= decisions_at_most);
        CHECK(w.echo.decided >= static_cast<int>(watchers));
        // Each is decided about at most twice: when its NOTIFY is written, and by the walk.
        CHECK(w.total <= static_cast<int>(3 * watchers));
    }
}

TEST_CASE("rules change again while a walk is under way: in the end all are as the last ones say") {
    for (const std::string resource : {"alice@example.com", ""}) {
        CAPTURE(resource);
        constexpr unsigned watchers = 1'000;
        Many w(watchers);
        w.reject(0);
        unsigned next = 1, turn = 0;
        std::set<unsigned> ended;
        w.notifier.decide_again(w.net.now, 0, resource);
        const auto look = [&](const RawMessage& notify) {
            const unsigned i = Many::number_of(notify);
            const bool may = w.echo.decisions.count(Many::name(i) + "@example.com") == 0;
            // What is told is what holds when it leaves.
            REQUIRE(notify.field("Subscription-State").starts_with("terminated") == !may);
            if (!may) REQUIRE(ended.insert(i).second);
        };
        w.run(look, [&] {
            if (++turn % 3 != 0 || next >= 40) return;
            w.reject(next * 23);
            ++next;
            w.measure([&] { w.notifier.decide_again(w.net.now, 0, resource); });
        });
        CHECK(next == 40);
        CHECK(ended.size() == 40);
        CHECK(w.states() == std::map<std::string, unsigned>{{"active", 960}, {"terminated", 40}});
        CHECK(w.most <= decisions_at_most);
    }
}

TEST_CASE("subscriptions come, move between views and go while a walk is under way") {
    constexpr unsigned watchers = 600;
    Many w(watchers);
    w.net.answer_notify = false;
    for (unsigned i = 0; i < watchers; ++i)
        w.echo.decisions[Many::name(i) + "@example.com"] = {SubscriptionDecision::active,
                                                            ViewId{i % 3}};
    w.notifier.decide_again(w.net.now, 0, "alice@example.com");
    unsigned came = 0, went = 0, turn = 0;
    std::map<unsigned, std::string> told;
    const auto look = [&](const RawMessage& notify) {
        const unsigned i = Many::number_of(notify);
        told[i] = notify.body();
        if (i % 5 != 1) return;
        w.answer_481(notify);
        ++went;
    };
    w.run(look, [&] {
        if (++turn % 2 != 0 || came >= 200) return;
        const unsigned i = watchers + came;
        w.echo.decisions[Many::name(i) + "@example.com"] = {SubscriptionDecision::active,
                                                            ViewId{i % 3}};
        w.input(w.subscribe_request(Many::name(i)));
        ++came;
    });
    CHECK(came == 200);
    CHECK(went > 100);
    for (unsigned i = 0; i < watchers + came; ++i) {
        CAPTURE(i);
        // View 0 is what the first ones had before: nothing is new to them.
        if (i % 3 == 0 && i < watchers) {
            REQUIRE(told.count(i) == 0);
            continue;
        }
        REQUIRE(told[i] == "alice@example.com/" + std::to_string(i % 3) + "/text/plain\n");
    }
    CHECK(w.notifier.size() == watchers + came - went);
}

TEST_CASE("R6665-4.2.2-11: a resource with 2,000 watchers ends a few at a time, and may be new") {
    constexpr unsigned watchers = 2'000;
    Many w(watchers);
    // What the last of them will ask for.
    const RawMessage answer = w.net.ask(w.subscribe_request("last"));
    w.net.sent.clear();
    w.measure([&] { w.notifier.end(w.net.now, 0, "alice@example.com", Machine::no_resource); });
    CHECK(w.total <= 8);
    // Somebody else subscribes: it is another resource of the same name.
    w.input(w.subscribe_request("w9999"));
    // One whose turn has not come is told that it is too late.
    const bool was_reached = w.states()["terminated"] == watchers + 1;
    REQUIRE_FALSE(was_reached);
    RawRequest refresh = Many::in_dialog(w.subscribe_request("last"), answer, 2);
    w.begin_count();
    w.input(refresh);
    w.end_count();
    std::map<std::string, unsigned> told;
    w.run([&](const RawMessage& notify) {
        const bool is_new = notify.field("Call-ID") == "w9999-call";
        const std::string state = notify.field("Subscription-State");
        REQUIRE(state == (is_new ? "active;expires=3600" : "terminated;reason=noresource"));
        REQUIRE(notify.body().empty() == !is_new);
        ++told[notify.field("Call-ID")];
    });
    CHECK(told.size() == watchers + 2);
    for (const auto& [call, times] : told) REQUIRE(times == 1);
    CHECK(w.most <= changes_at_most);
    // The new one lives, and hears what is new.
    w.input(w.publish_request("again"));
    unsigned news = 0;
    w.run([&](const RawMessage& notify) {
        ++news;
        CHECK(notify.field("Call-ID") == "w9999-call");
        CHECK(notify.body().ends_with("again\n"));
    });
    CHECK(news == 0);  // its first NOTIFY is not answered yet
    w.net.pass(seconds{33});
    CHECK(w.notifier.size() == 1);
    while (const RawMessage notify = w.net.take("NOTIFY")) {
        if (notify.body().empty()) continue;
        ++news;
        CHECK(notify.field("Call-ID") == "w9999-call");
    }
    CHECK(news > 1);
}

TEST_CASE("R6665-4.2.2-10: 3,000 are told of the end of the server, each once, a few at a time") {
    constexpr unsigned watchers = 3'000;
    Many w(watchers);
    w.input(w.publish_request("news"));
    w.measure([&] { w.notifier.shut_down(w.net.now, Machine::probation, 5, 30); });
    CHECK(w.most <= 32);
    std::map<unsigned, unsigned> told;
    w.run([&](const RawMessage& notify) {
        const std::string state = notify.field("Subscription-State");
        REQUIRE(state.starts_with("terminated;reason=probation;retry-after="));
        ++told[Many::number_of(notify)];
    });
    CHECK(told.size() == watchers);
    for (const auto& [i, times] : told) REQUIRE(times == 1);
    CHECK(w.most <= changes_at_most);
}

TEST_CASE("3,000 subscriptions that run out in one second do not keep others waiting") {
    constexpr unsigned watchers = 3'000;
    Many w(0);
    for (unsigned i = 0; i < watchers; ++i) w.input(w.subscribe_request(Many::name(i)));
    w.net.drain();
    w.net.sent.clear();
    // Silence: nothing is due until the hour is over.
    w.net.now.mono += seconds{3'600};
    std::set<unsigned> told;
    w.measure([&] { w.stack.advance(w.net.now); });
    unsigned answered = 0, turn = 0;
    w.run([&](const RawMessage& notify) { told.insert(Many::number_of(notify)); },
          [&] {
              // Whoever asks in between is answered in between.
              if (++turn == 5) w.input(RawRequest{"OPTIONS", "sip:192.0.2.1"});
              if (turn == 5) ++answered;
          });
    CHECK(told.size() == watchers);
    CHECK(answered == 1);
    CHECK(w.most <= 33);
}

TEST_CASE("T-11: 1,000 that wait for a far end that is mute end a few at a time") {
    constexpr unsigned watchers = 1'000;
    Many w(0);
    w.net.answer_notify = false;
    for (unsigned i = 0; i < watchers; ++i) {
        RawRequest request = w.subscribe_request(Many::name(i));
        request.fields.pop_back();
        request.with("Contact: <sip:bob@203.0.113.5:5060>")
            .with("Via: SIP/2.0/UDP 192.0.2.200:5060;branch=z9hG4bKbehind" + std::to_string(i));
        w.input(request);
    }
    w.run([](const RawMessage&) {});
    CHECK(w.notifier.size() == watchers);
    for (int second = 0; second < 9; ++second) {
        w.net.now.mono += seconds{1};
        w.measure([&] { w.stack.advance(w.net.now); });
        w.run([](const RawMessage&) {});
    }
    CHECK(w.notifier.size() == 0);
    CHECK(w.most <= changes_at_most);
    CHECK(w.most < static_cast<int>(watchers) + 100);
}

TEST_CASE("a connection that 2,000 watchers came by goes: they hear of it a few at a time") {
    constexpr unsigned watchers = 2'000;
    Many w(0);
    const FlowId flow = w.net.connect();
    for (unsigned i = 0; i < watchers; ++i) {
        RawRequest request = w.subscribe_request(Many::name(i));
        request.fields.pop_back();
        request.with("Contact: <sip:" + Many::name(i) + "@192.0.2.99:5062;transport=tcp>");
        w.net.input(flow, w.net.text_of(request, "TCP"));
    }
    REQUIRE(w.notifier.size() == watchers);
    const auto& suspects = w.stack.counters().suspect_watchers;
    w.stack.closed(w.net.now, flow);
    CHECK(suspects <= 32);
    std::uint64_t before = suspects, most = 0;
    w.run([](const RawMessage&) {},
          [&] {
              most = std::max<std::uint64_t>(most, suspects - before);
              before = suspects;
          });
    CHECK(suspects == watchers);
    CHECK(most <= 33);
}
