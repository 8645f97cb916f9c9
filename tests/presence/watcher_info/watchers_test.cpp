#include "presence/watcher_info/watchers.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>

#include "tests/presence/watcher_info/winfo_world.hpp"

using sip::seconds;
using Lines = WinfoWorld::Lines;
constexpr auto active = sip::SubscriptionDecision::active;
constexpr auto pending = sip::SubscriptionDecision::pending;
constexpr auto rejected = sip::SubscriptionDecision::rejected;

namespace {

/// What a fetch by alice shows, "full" left out.
Lines seen(WinfoWorld& w, const std::string& event = "echo.winfo") {
    static int calls = 0;
    w.net.sent.clear();
    REQUIRE(w.subscribe("alice", event, 0, "fetch" + std::to_string(++calls)) == 200);
    const WinfoDocument document = w.document_to("alice", event);
    CHECK(document.state == "full");
    CHECK(document.version == "0");
    return document.brief();
}

}  // namespace

TEST_CASE("R3857-4.7.1-2: a pending subscription that runs out waits, an active one is gone") {
    WinfoWorld w;
    w.leave_open({"bob"});
    w.subscribe("bob", "echo", 60);
    w.subscribe("carol", "echo", 60);
    CHECK(seen(w) == Lines{"bob pending subscribe", "carol active subscribe"});
    w.net.pass(seconds{61});
    CHECK(w.notifier.size() == 0);
    CHECK(seen(w) == Lines{"bob waiting timeout"});
    CHECK(w.info.watchers().waiting() == 1);
}

TEST_CASE("R3857-4.7.1-2: ended by its watcher, or by silence, a pending one waits as well") {
    WinfoWorld w;
    w.leave_open({"bob", "carol"});
    w.subscribe("bob");
    CHECK(w.resubscribe("bob", "echo", 0) == 200);
    CHECK(seen(w) == Lines{"bob waiting timeout"});
    w.net.answer_notify = false;
    w.subscribe("carol");
    w.net.pass(seconds{40});
    w.net.answer_notify = true;
    CHECK(w.notifier.size() == 0);
    CHECK(seen(w) == Lines{"bob waiting timeout", "carol waiting timeout"});
}

TEST_CASE("R3857-4.7.1-3: a decision ends what waits, and leaves nothing behind") {
    for (const auto decision : {active, rejected}) {
        WinfoWorld w;
        w.leave_open({"bob"});
        w.subscribe("bob", "echo", 60);
        w.net.pass(seconds{61});
        REQUIRE(w.subscribe("alice", "echo.winfo") == 200);
        const std::string id = w.document_to("alice").rows.at(0)["id"];
        w.decide("bob", decision);
        WinfoDocument told = w.document_to("alice");
        CHECK(told.state == "partial");
        CHECK(told.brief() ==
              Lines{decision == active ? "bob terminated approved" : "bob terminated rejected"});
        CHECK(told.rows.at(0)["id"] == id);
        CHECK(w.info.watchers().size() == 0);
        w.net.pass(seconds{60});
        CHECK_FALSE(w.document_to("alice"));
    }
}

TEST_CASE("R3857-4.7.1-3: what waits for an address that is gone is told so") {
    WinfoWorld w;
    w.leave_open({"bob"});
    w.subscribe("bob", "echo", 60);
    w.net.pass(seconds{61});
    w.subscribe("alice", "echo.winfo");
    (void)w.document_to("alice");
    w.echo.missing.insert("alice@example.com");
    w.info.watchers().decide_again(w.net.now, {});
    w.net.drain();
    CHECK(w.document_to("alice").brief() == Lines{"bob terminated noresource"});
}

TEST_CASE("R3857-4.7.1-3: 300 that wait are decided about a few at a time, as the last rules say") {
    WinfoWorld w;
    constexpr int watchers = 300;
    for (int i = 0; i < watchers; ++i) {
        const std::string name = "w" + std::to_string(i);
        w.leave_open({name});
        REQUIRE(w.subscribe(name, "echo", 60) == 200);
    }
    w.net.pass(seconds{61});
    REQUIRE(w.info.watchers().waiting() == watchers);
    const auto let = [&](int i, sip::SubscriptionDecision state) {
        w.echo.decisions["w" + std::to_string(i) + "@example.com"] = {state, {}};
    };
    for (int i = 0; i < watchers; i += 2) let(i, sip::SubscriptionDecision::active);
    int before = w.echo.decided, most = 0, asked = 1;
    w.info.watchers().decide_again(w.net.now, asked % 2 == 0 ? "" : "alice@example.com");
    for (int quiet = 0; quiet < 3;) {
        most = std::max(most, w.echo.decided - before);
        before = w.echo.decided;
        // Rules change while the walk is under way, for one whom it has passed, too.
        if (asked < 4) {
            let(2 * asked - 1, sip::SubscriptionDecision::rejected);
            w.info.watchers().decide_again(w.net.now, asked % 2 == 0 ? "" : "alice@example.com");
            ++asked;
        }
        quiet = w.stack.poll(w.net.now) ? 0 : quiet + 1;
    }
    CHECK(most <= 300);
    CHECK(w.echo.decided > watchers);
    CHECK(w.info.watchers().waiting() == watchers / 2 - 3);
    // For another address nobody is looked at.
    before = w.echo.decided;
    w.info.watchers().decide_again(w.net.now, "bob@example.com");
    CHECK(w.echo.decided == before);
}

TEST_CASE(
    "R3857-4.7.1-3: the same attempt again replaces the one that waits, another one does not") {
    WinfoWorld w;
    w.leave_open({"bob", "carol"});
    w.subscribe("bob", "echo", 60);
    w.subscribe("bob", "echo;id=7", 60);
    w.subscribe("carol", "echo", 60);
    w.net.pass(seconds{61});
    REQUIRE(w.subscribe("alice", "echo.winfo") == 200);
    WinfoDocument first = w.document_to("alice");
    CHECK(first.brief() ==
          Lines{"bob waiting timeout", "bob waiting timeout", "carol waiting timeout"});
    w.subscribe("bob", "echo", 60, "2");
    WinfoDocument told = w.document_to("alice");
    CHECK(told.brief() == Lines{"bob terminated giveup", "bob pending subscribe"});
    CHECK(told.rows.at(0)["id"] == first.rows.at(0)["id"]);
    CHECK(told.rows.at(1)["id"] != first.rows.at(0)["id"]);
    CHECK(w.info.watchers().waiting() == 2);
    CHECK(w.info.watchers().pending() == 1);
}

TEST_CASE(
    "R3857-4.7.1-3: two that are the same leave one that waits, and none beside one pending") {
    WinfoWorld w;
    w.leave_open({"bob"});
    w.subscribe("bob", "echo", 60, "phone");
    w.subscribe("bob", "echo", 120, "desk");
    w.net.pass(seconds{61});
    CHECK(seen(w) == Lines{"bob pending subscribe"});
    w.net.pass(seconds{61});
    CHECK(seen(w) == Lines{"bob waiting timeout"});
    w.subscribe("bob", "echo", 60, "3");
    w.subscribe("bob", "echo", 60, "4");
    w.net.pass(seconds{61});
    CHECK(seen(w) == Lines{"bob waiting timeout"});
}

TEST_CASE(
    "R3857-4.7.1-4: a fetch that nobody decided about waits, one that was allowed leaves no "
    "trace") {
    WinfoWorld w;
    w.leave_open({"bob"});
    CHECK(w.subscribe("bob", "echo", 0) == 200);
    CHECK(w.subscribe("carol", "echo", 0) == 200);
    CHECK(seen(w) == Lines{"bob waiting timeout"});
    // Once more: still one.
    CHECK(w.subscribe("bob", "echo", 0, "2") == 200);
    CHECK(seen(w) == Lines{"bob waiting timeout"});
    CHECK(w.info.watchers().size() == 1);
}

TEST_CASE("R3857-4.7.1-5: the giveup timer starts anew in each state, and ends both") {
    sip::Limits limits;
    limits.watcher_giveup = seconds{86'400};
    WinfoWorld w(limits);
    w.leave_open({"bob", "carol"});
    w.subscribe("bob", "echo", 7'200);
    REQUIRE(w.subscribe("alice", "echo.winfo", 7'200) == 200);
    // Bob refreshes for a day, which is no reason to wait longer.
    for (int i = 0; i < 23; ++i) {
        w.net.pass(seconds{3'600});
        CHECK(w.resubscribe("bob", "echo", 7'200) == 200);
        CHECK(w.resubscribe("alice", "echo.winfo", 7'200) == 200);
    }
    w.net.pass(seconds{3'599});
    w.net.sent.clear();
    CHECK(w.notifier.size() == 2);
    w.net.pass(seconds{1});
    CHECK(w.notify_to("bob", "echo").field("Subscription-State") == "terminated;reason=giveup");
    CHECK(w.document_to("alice").brief() == Lines{"bob terminated giveup"});
    CHECK(w.stack.counters().watchers_given_up == 1);
    // Carol leaves after an hour, and is given up a day after that.
    w.subscribe("carol", "echo", 3'600);
    w.net.pass(seconds{3'600});
    w.net.pass(seconds{86'399});
    CHECK(w.info.watchers().waiting() == 1);
    w.net.pass(seconds{1});
    CHECK(w.info.watchers().size() == 0);
    CHECK(w.stack.counters().watchers_given_up == 2);
}

TEST_CASE("R3857-4.7.1-6 T-9: so many undecided ones a user, and then 503; the same one replaces") {
    sip::Limits limits;
    limits.undecided_watchers_per_user = 2;
    WinfoWorld w(limits);
    w.leave_open({"bob", "carol"});
    CHECK(w.subscribe("bob", "echo;id=1", 60) == 200);
    CHECK(w.subscribe("bob", "echo;id=2", 60) == 200);
    CHECK(w.subscribe("bob", "echo;id=3", 60) == 503);
    CHECK(w.subscribe("bob", "echo;id=3", 0, "fetch") == 503);
    CHECK(w.stack.counters().limit_undecided_watchers_per_user == 2);
    CHECK(w.subscribe("carol") == 200);
    // What waits counts, too; and what is the same takes its place.
    w.net.pass(seconds{61});
    CHECK(w.subscribe("bob", "echo;id=3", 60, "2") == 503);
    CHECK(w.subscribe("bob", "echo;id=1", 60, "2") == 200);
    CHECK(w.info.watchers().waiting() == 1);
    // Who is let in is not undecided.
    w.decide("bob", active);
    CHECK(w.subscribe("bob", "echo;id=3", 60, "3") == 200);
    CHECK(w.subscribe("bob", "echo;id=4", 60, "3") == 200);
}

TEST_CASE(
    "R3857-4.7.1-6 T-9: too many undecided in all: who has waited longest is given up, or 503") {
    sip::Limits limits;
    limits.undecided_watchers = 3;
    WinfoWorld w(limits);
    w.leave_open({"bob", "carol", "dave", "erin", "frank"});
    CHECK(w.subscribe("bob", "echo", 0) == 200);
    CHECK(w.subscribe("carol", "echo", 0) == 200);
    CHECK(w.subscribe("dave") == 200);
    CHECK(w.stack.counters().limit_undecided_watchers == 0);
    CHECK(w.subscribe("erin") == 200);
    CHECK(seen(w) ==
          Lines{"carol waiting timeout", "dave pending subscribe", "erin pending subscribe"});
    CHECK(w.subscribe("frank") == 200);
    CHECK(w.stack.counters().limit_undecided_watchers == 2);
    // Nobody waits now.
    CHECK(w.subscribe("bob", "echo", 600, "2") == 503);
    CHECK(w.subscribe("grace") == 200);
    CHECK(w.info.watchers().pending() == 3);
}

TEST_CASE("a decision that is taken back: deactivated, and pending as a new one") {
    WinfoWorld w;
    w.subscribe("bob");
    w.subscribe("alice", "echo.winfo", 3'600);
    const std::string id = w.document_to("alice").rows.at(0)["id"];
    w.net.pass(seconds{10});
    w.decide("bob", pending);
    WinfoDocument told = w.document_to("alice");
    CHECK(told.brief() == Lines{"bob terminated deactivated", "bob pending subscribe"});
    CHECK(told.rows.at(0)["id"] == id);
    CHECK(told.rows.at(1)["id"] != id);
    CHECK(told.rows.at(1)["duration-subscribed"] == "10");
    w.net.pass(seconds{10});
    w.decide("bob", active);
    CHECK(w.document_to("alice").brief() == Lines{"bob active approved"});
    w.net.pass(seconds{600});
    CHECK(w.document_to("alice").brief() == Lines{"bob terminated timeout"});
    CHECK(w.info.watchers().size() == 0);
}

TEST_CASE("T-31: a store keeps whom nobody has decided about, before the watcher is answered") {
    WinfoWorld w({}, true);
    w.leave_open({"bob", "carol"});
    const auto records = [&] {
        std::vector<sip::WatcherRecord> found;
        std::string_view rest = w.net.records;
        while (const auto record = sip::next_record(rest)) {
            REQUIRE(*record);
            if (const auto* watcher = std::get_if<sip::WatcherRecord>(&(*record)->of)) {
                CHECK((*record)->change == sip::RecordChange::put);
                found.push_back(*watcher);
            }
        }
        return found;
    };
    RawRequest fetch = w.request("bob", "echo;id=9", 0);
    fetch.from = "\"Bob\" <sip:bob@example.com>;tag=bob";
    w.net.input(w.net.text_of(fetch));
    CHECK_FALSE(w.net.take(""));
    REQUIRE(w.net.commits.size() == 1);
    REQUIRE(records().size() == 1);
    sip::WatcherRecord expected;
    expected.resource = "alice@example.com";
    expected.watcher = "bob@example.com";
    expected.package = "echo";
    expected.event_id = "9";
    expected.authenticated = true;
    expected.display_name = "Bob";
    expected.changed_at_ms = w.net.now.wall_ms;
    expected.expires_at_ms = w.net.now.wall_ms + 604'800'000;
    CHECK(records().front() == expected);
    w.net.commit();
    CHECK(w.net.take("").status() == 200);
    int kept = 0;
    w.info.watchers().for_each_record(w.net.now, [&](const sip::WatcherRecord& record) {
        ++kept;
        CHECK(record == expected);
    });
    CHECK(kept == 1);
    // A fetch that is allowed has nothing to keep, and one that could not be kept never was.
    w.net.input(w.net.text_of(w.request("dave", "echo", 0)));
    CHECK(w.net.commits.empty());
    CHECK(w.net.take("").status() == 200);
    w.net.input(w.net.text_of(w.request("carol", "echo", 0)));
    w.net.commit(false);
    CHECK(w.net.take("").status() == 500);
    CHECK(w.info.watchers().size() == 1);
}

TEST_CASE("T-8: without memory for a row the subscription holds, and its refresh makes the row") {
    std::uint64_t without = 0;
    for (std::uint64_t n = 0, refused = 1; refused > 0; ++n) {
        CAPTURE(n);
        REQUIRE(n < 200);
        WinfoWorld w;
        w.leave_open({"bob"});
        sip::Memory& memory = w.stack.shard().memory;
        const std::uint64_t before = memory.refusals();
        memory.refuse_after(n);
        const int status = w.subscribe("bob");
        memory.refuse_none();
        refused = memory.refusals() - before;
        CHECK((status == 200 || status == 500 || status == 503 || status == 0));
        if (status != 200) {
            CHECK(w.info.watchers().size() == w.notifier.size());
            continue;
        }
        if (w.info.watchers().size() == 0) ++without;
        CHECK(w.resubscribe("bob", "echo", 600) == 200);
        CHECK(seen(w) == Lines{"bob pending subscribe"});
    }
    CHECK(without > 0);
}

TEST_CASE("a thousand comings and goings leave nothing behind") {
    WinfoWorld w;
    const std::vector<std::string> people{"bob", "carol", "dave", "erin"};
    std::mt19937_64 random(5);
    w.subscribe("alice", "echo.winfo", 7'200);
    for (int i = 0; i < 1'000; ++i) {
        const std::string& who = people[random() % people.size()];
        switch (random() % 6) {
            case 0: w.decide(who, active); break;
            case 1: w.decide(who, pending); break;
            case 2: w.decide(who, random() % 4 == 0 ? rejected : pending); break;
            case 3: w.net.pass(seconds{random() % 60}); break;
            case 4: w.subscribe(who, "echo", 0, std::to_string(i)); break;
            default: w.subscribe(who, "echo", 60, std::to_string(i)); break;
        }
        if (i % 50 == 0) CHECK(w.resubscribe("alice", "echo.winfo", 7'200) == 200);
        w.net.sent.clear();
    }
    for (const std::string& who : people) w.decide(who, active);
    w.net.pass(seconds{120});
    CHECK(w.info.watchers().size() == 0);
    CHECK(w.info.watchers().ended() == 0);
    CHECK(w.notifier.size() == 1);
    w.net.pass(seconds{7'200});
    CHECK(w.notifier.size() == 0);
    CHECK_FALSE(w.stack.deadline());
    const std::size_t used = w.stack.shard().memory.used();
    w.stack.trim();
    w.info.trim();
    CHECK(w.stack.shard().memory.used() < used / 2);
}
