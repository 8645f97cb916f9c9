// What the notifier tells people of its subscriptions.

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/event_world.hpp"

using namespace sip;

namespace {

using Told = Notifier::Told;

struct Row {
    Notifier::Snapshot values;  ///< its views are of the copies below
    std::string watcher, state, because, next, event_id;
    std::int64_t next_in = 0;
};

struct Watched : EventWorld {
    explicit Watched(bool keeps_reasons = true, std::string because = "rules friends")
        : EventWorld({{}, {false, keeps_reasons}}), reason(std::move(because)) {
        echo.decisions["bob@example.com"] = {SubscriptionDecision::active, ViewId{3}, reason};
        echo.traits_.notify_interval_min = seconds{5};
    }
    RawMessage subscribe() {
        RawRequest request = subscribe_request();
        request.fields[0] = "Event: echo;id=7";
        request.with("Expires: 600");
        return net.ask(request);
    }
    std::vector<Row> rows() {
        std::vector<Row> all;
        notifier.for_each(net.now, [&](const Notifier::Snapshot& s) {
            Row& row = all.emplace_back();
            row.values = s;
            row.watcher = s.watcher;
            row.state = s.state;
            row.because = s.because;
            row.next = s.next;
            row.event_id = s.event_id;
            row.next_in = seconds_left(net.now.mono, s.next_at);
        });
        return all;
    }
    Row row() {
        auto all = rows();
        REQUIRE(all.size() == 1);
        return all.front();
    }
    std::string reason;
};

}  // namespace

TEST_CASE("a snapshot tells who watches, since when, what decided, and what is granted and left") {
    Watched w;
    const Instant start = w.net.now.mono;
    REQUIRE(w.subscribe().status() == 200);
    w.net.pass(seconds{100});
    const Row row = w.row();
    CHECK(row.watcher == "bob@example.com");
    CHECK(row.state == "active");
    CHECK(row.event_id == "7");
    CHECK(row.because == "rules friends");
    CHECK(row.values.since == start);
    CHECK(row.values.granted_s == 600);
    CHECK(row.values.expires_s == 500);
    CHECK(row.values.sees);
    CHECK(row.values.view == ViewId{3});
    CHECK_FALSE(row.values.authenticated);
    CHECK(row.values.proved_by == ProvedBy::nothing);
    CHECK(row.values.transport == Transport::udp);
    CHECK(row.values.remote == w.net.peer);
    CHECK(row.next == "expiry");
    CHECK(row.next_in == 500);
}

TEST_CASE("a reason is kept only where that is wanted, as it was when it was decided") {
    Watched w(false);
    REQUIRE(w.subscribe().status() == 200);
    CHECK(w.row().because.empty());

    Watched kept;
    REQUIRE(kept.subscribe().status() == 200);
    kept.reason = "overwritten!!";  // the package's own text is gone
    CHECK(kept.row().because == "rules friends");
    // A change of rules brings its own reason, to subscriptions that go on and others alike.
    kept.echo.decisions["bob@example.com"] = {SubscriptionDecision::pending, ViewId{3}, "none"};
    kept.notifier.decide_again(kept.net.now, 0, "alice@example.com");
    CHECK(kept.row().because == "none");
    CHECK(kept.row().state == "pending");
    CHECK_FALSE(kept.row().values.sees);
}

TEST_CASE("the reasons of all subscriptions together are memory that is given back") {
    Watched w;
    const std::size_t before = w.stack.shard().memory.used();
    REQUIRE(w.subscribe().status() == 200);
    w.net.pass(seconds{700});
    CHECK(w.notifier.size() == 0);
    w.notifier.trim();
    w.resources.trim();
    w.stack.trim();
    CHECK(w.stack.shard().memory.used() <= before);
}

TEST_CASE("a snapshot tells what became of the last NOTIFY, and what comes next") {
    Watched w;
    w.net.answer_notify = false;
    REQUIRE(w.subscribe().status() == 200);
    Row row = w.row();
    CHECK(row.values.told == Told::on_its_way);
    CHECK(row.values.told_at == w.net.now.mono);
    CHECK(row.values.body_bytes == std::string("alice@example.com/3/text/plain\n").size());
    const std::uint32_t cseq = row.values.cseq;
    w.net.pass(seconds{2});
    w.net.answer(w.net.take("NOTIFY"));
    row = w.row();
    CHECK(row.values.told == Told::answered);
    CHECK(row.values.status == 200);
    CHECK(row.values.told_at == w.net.now.mono - seconds{2});
    CHECK(row.values.cseq == cseq);
    CHECK(row.next == "expiry");
    // A change is told, and the view holds from then on.
    (void)w.net.ask(w.publish_request("news"));
    w.net.pass(seconds{2});
    row = w.row();
    CHECK(row.values.told == Told::on_its_way);
    CHECK(row.values.cseq == cseq + 1);
    CHECK(row.next == "hold");
    CHECK(row.next_in == 3);
    w.net.pass(seconds{40});
    CHECK(w.rows().empty());
}

TEST_CASE(
    "a NOTIFY that failed for now is told with its status, and the retry as what comes next") {
    Watched w;
    REQUIRE(w.subscribe().status() == 200);
    w.net.pass(seconds{5});
    w.net.answer_notify = false;
    w.net.sent.clear();
    (void)w.net.ask(w.publish_request("news"));
    w.net.answer(w.net.take("NOTIFY"), 503, "Busy", {"Retry-After: 10"});
    const Row row = w.row();
    CHECK(row.values.told == Told::answered);
    CHECK(row.values.status == 503);
    CHECK(row.values.due);
    CHECK(row.next == "hold");
    w.net.pass(seconds{6});
    CHECK(w.row().next == "retry");
    CHECK(w.row().next_in == 4);
}

TEST_CASE("a NOTIFY that is withdrawn is told as withdrawn, not as failed") {
    Watched w;
    w.net.answer_notify = false;
    REQUIRE(w.subscribe().status() == 200);
    REQUIRE(w.row().values.told == Told::on_its_way);
    w.echo.decisions["bob@example.com"] = {SubscriptionDecision::pending, ViewId{3}, ""};
    w.notifier.decide_again(w.net.now, 0, "alice@example.com");
    // Before the edge asks for the next one.
    CHECK(w.row().values.told == Told::withdrawn);
    w.net.drain();
    CHECK(w.row().values.told == Told::on_its_way);
    CHECK(w.row().values.body_bytes == 0);
}

TEST_CASE("subscriptions are met in steps, with inputs in between, and none is met twice") {
    Watched w;
    for (int i = 0; i < 100; ++i)
        REQUIRE(w.net.ask(w.subscribe_request("user" + std::to_string(i))).status() == 200);
    std::vector<std::string> met;
    std::uint32_t at = 0;
    int steps = 0;
    do {
        at = w.notifier.for_each_from(
            w.net.now, at, 7, [&](const Notifier::Snapshot& s) { met.emplace_back(s.watcher); });
        // One comes, and the first of those that were met goes.
        (void)w.net.ask(w.subscribe_request("later" + std::to_string(steps++)));
    } while (at != UINT32_MAX);
    CHECK(steps > 14);
    std::sort(met.begin(), met.end());
    CHECK(std::adjacent_find(met.begin(), met.end()) == met.end());
    for (int i = 0; i < 100; ++i)
        CHECK(std::binary_search(met.begin(), met.end(),
                                 "user" + std::to_string(i) + "@example.com"));
}

TEST_CASE("a watcher whose connection is gone is told as such, and that its NOTIFY failed") {
    Watched w;
    w.net.answer_notify = false;
    const FlowId flow = w.net.connect();
    RawRequest request = w.subscribe_request();
    request.fields[1] = "Contact: <sip:bob@10.0.0.7:5070;transport=tcp>";
    REQUIRE(w.net.ask(flow, request).status() == 200);
    CHECK(w.row().values.transport == Transport::tcp);
    CHECK_FALSE(w.row().values.suspect);
    w.stack.closed(w.net.now, flow);
    CHECK(w.row().values.suspect);
    CHECK(w.row().values.told == Told::failed);
    // One try is made at its Contact, where nobody is.
    w.net.drain();
    REQUIRE(w.net.opened.size() == 1);
    w.stack.closed(w.net.now, w.net.opened.front().flow);
    w.net.drain();
    CHECK(w.row().values.silent);
    CHECK(w.row().values.told == Told::failed);
    CHECK(w.row().values.due);
    CHECK(w.row().next == "expiry");
}

TEST_CASE("a NOTIFY that there is no way for is told as not sent") {
    Watched w;
    RawRequest request = w.subscribe_request();
    request.with("Record-Route: <sip:proxy.example.net;lr>");
    REQUIRE(w.net.ask(request).status() == 200);
    CHECK(w.row().values.told == Told::nothing);
    CHECK(w.row().values.due);
    w.net.pass(seconds{11});  // no name server answers
    CHECK(w.row().values.told == Told::not_sent);
    CHECK(w.row().next == "retry");
}

TEST_CASE("ROUR-9: with a store, the reason is that of the moment at which the change holds") {
    EventWorld::Options options{{}, {false, true}};
    options.stack.has_store = true;
    EventWorld w(options);
    std::string reason = "rules friends";
    w.echo.decisions["bob@example.com"] = {SubscriptionDecision::active, ViewId{3}, reason};
    CHECK_FALSE(w.net.ask(w.subscribe_request()));
    reason = "rules family ";  // in the same bytes, as a package may do it
    w.net.commit();
    std::string because;
    std::uint32_t granted = 0;
    w.notifier.for_each(w.net.now, [&](const Notifier::Snapshot& s) {
        because = s.because;
        granted = s.granted_s;
    });
    CHECK(because == "rules family ");
    CHECK(granted == 3600);
}

TEST_CASE("a reason that no memory is there for is left out, and the subscription stands") {
    for (std::size_t n = 0; n < 60; ++n) {
        Watched w(true, std::string(100, 'r'));
        w.stack.shard().memory.refuse_after(n);
        const int status = w.subscribe().status();
        w.stack.shard().memory.refuse_none();
        const bool answered = status == 200 || status == 503 || status == 500 || status == 0;
        CHECK(answered);
        for (const Row& row : w.rows()) {
            const bool whole = row.because.empty() || row.because == std::string(100, 'r');
            CHECK(whole);
        }
    }
}
