#include "presence/watcher_info/watcher_info_package.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/presence/watcher_info/winfo_world.hpp"

using sip::milliseconds;
using sip::seconds;
using Lines = WinfoWorld::Lines;
constexpr auto active = sip::SubscriptionDecision::active;
constexpr auto pending = sip::SubscriptionDecision::pending;
constexpr auto rejected = sip::SubscriptionDecision::rejected;

namespace {

std::string name_of(int i) { return "user" + std::to_string(i); }

/// What a reader by RFC 3858 4 would hold after the documents of one subscription.
struct Table {
    void take(const WinfoDocument& document) {
        REQUIRE(document);
        CHECK(document.version == std::to_string(documents));
        if (documents++ == 0) CHECK(document.state == "full");
        if (document.state == "full") rows.clear();
        for (auto row : document.rows) {
            rows[row["id"]] = row["uri"] + " " + row["status"];
            if (row["status"] == "terminated") rows.erase(row["id"]);
        }
    }
    std::map<std::string, std::string> rows;
    int documents = 0;
};

}  // namespace

TEST_CASE("R3857-4.1-1 R3857-4.4-1: the template names its package after the parent, for an hour") {
    WinfoWorld w;
    CHECK(w.info.traits().name == "echo.winfo");
    CHECK(w.info_of_it.traits().name == "echo.winfo.winfo");
    CHECK(w.info.traits().expires_default_s == 3600);
    RawRequest request = w.request("alice", "echo.winfo");
    request.fields.pop_back();
    const RawMessage answer = w.net.ask(request);
    CHECK(answer.status() == 200);
    CHECK(answer.field("Expires") == "3600");
    const RawMessage notify = w.notify_to("alice");
    CHECK(notify.field("Subscription-State") == "active;expires=3600");
    CHECK(notify.field("Content-Type") == "application/watcherinfo+xml");
    // R3857-4.1-1: the whole token counts.
    CHECK(w.subscribe("alice", "echo.info") == 489);
    CHECK(w.subscribe("alice", "winfo") == 489);
    CHECK(w.subscribe("alice", "echo.winfo.winfo") == 200);
    CHECK(w.subscribe("alice", "echo.winfo.winfo.winfo") == 489);
}

TEST_CASE("R3857-4.5-1: the type is the default, is what Accept may name, and else it is 406") {
    WinfoWorld w;
    RawRequest request = w.request("alice", "echo.winfo");
    CHECK(w.net.ask(request.with("Accept: application/watcherinfo+xml")).status() == 200);
    request = w.request("alice", "echo.winfo", 600, "2");
    CHECK(w.net.ask(request.with("Accept: application/pidf+xml")).status() == 406);
}

TEST_CASE("R3857-4.3-1: a SUBSCRIBE without a body gets everything, one with a filter is 415") {
    WinfoWorld w;
    w.subscribe("bob");
    w.subscribe("alice", "echo.winfo");
    CHECK(w.document_to("alice").rows.size() == 1);
    RawRequest filtered = w.request("alice", "echo.winfo", 600, "2");
    filtered.with_body("application/simple-filter+xml", "<filter/>");
    CHECK(w.net.ask(filtered).status() == 415);
    filtered.call_id = "optional";
    filtered.with("Content-Disposition: render;handling=optional");
    CHECK(w.net.ask(filtered).status() == 200);
    CHECK(w.document_to("alice").rows.size() == 1);
}

TEST_CASE("R3857-4.6-1 R3857-4.7-1: the owner sees all who watch her under the parent package") {
    WinfoWorld w;
    w.leave_open({"bob"});
    w.subscribe("bob");
    w.subscribe("carol");
    RawRequest elsewhere = w.request("dave");
    elsewhere.uri = "sip:erin@example.com";
    REQUIRE(w.net.ask(elsewhere).status() == 200);
    CHECK(w.subscribe("alice", "echo.winfo") == 200);
    const WinfoDocument document = w.document_to("alice");
    CHECK(document.resource == "sip:alice@example.com");
    CHECK(document.package == "echo");
    CHECK(document.brief() == Lines{"bob pending subscribe", "carol active subscribe"});
    CHECK(w.subscribe("alice", "echo.winfo.winfo") == 200);
    const WinfoDocument inner = w.document_to("alice", "echo.winfo.winfo");
    CHECK(inner.package == "echo.winfo");
    CHECK(inner.brief() == Lines{"alice active subscribe"});
}

TEST_CASE("R3857-4.6-1: a watcher who is let in sees himself alone, and others are refused") {
    WinfoWorld w;
    w.leave_open({"carol"});
    w.echo.decisions["dave@example.com"] = {rejected, {}};
    w.subscribe("bob");
    w.subscribe("bob", "echo", 600, "2");
    w.subscribe("carol");
    CHECK(w.subscribe("bob", "echo.winfo") == 200);
    CHECK(w.document_to("bob").brief() == Lines{"bob active subscribe", "bob active subscribe"});
    CHECK(w.subscribe("carol", "echo.winfo") == 403);
    CHECK(w.subscribe("dave", "echo.winfo") == 403);
    // What others do is not told.
    w.subscribe("erin");
    w.decide("carol", active);
    w.net.pass(seconds{10});
    CHECK_FALSE(w.document_to("bob"));
    w.subscribe("bob", "echo", 600, "3");
    CHECK(w.document_to("bob").brief() == Lines{"bob active subscribe"});
    // And who is let in no more sees nothing any more.
    w.decide("bob", pending);
    const RawMessage last = w.notify_to("bob");
    CHECK(last.field("Subscription-State") == "terminated;reason=rejected");
    CHECK(last.body().empty());
}

TEST_CASE("R3857-4.6-2: over watcher information the owner alone looks") {
    WinfoWorld w;
    w.subscribe("bob");
    CHECK(w.subscribe("bob", "echo.winfo") == 200);
    CHECK(w.subscribe("bob", "echo.winfo.winfo") == 403);
    CHECK(w.subscribe("alice", "echo.winfo.winfo") == 200);
    CHECK(w.document_to("alice", "echo.winfo.winfo").brief() == Lines{"bob active subscribe"});
    w.subscribe("alice", "echo.winfo");
    CHECK(w.document_to("alice", "echo.winfo.winfo").brief() == Lines{"alice active subscribe"});
}

TEST_CASE("R3856-9.5-1 R3857-4.6-1: whom nobody vouches for sees nothing") {
    WinfoWorld w;
    sip::Watcher nobody{"alice@example.com", "alice@example.com", false};
    CHECK(w.info.decide(w.net.now, nobody).state == rejected);
    nobody.identity = "bob@example.com";
    CHECK(w.info.decide(w.net.now, nobody).state == rejected);
    nobody.authenticated = true;
    CHECK(w.info.decide(w.net.now, nobody).state == active);
    CHECK(w.info_of_it.decide(w.net.now, nobody).state == rejected);
}

TEST_CASE("R3857-4.7.2-3: a watcher learns of himself what Subscription-State says, and no more") {
    WinfoWorld w;
    w.subscribe("bob", "echo", 60);
    w.subscribe("bob", "echo.winfo", 3'600);
    CHECK(w.document_to("bob").brief() == Lines{"bob active subscribe"});
    // Nobody has decided about another of his; it waits, and he was told that it ended.
    w.echo.decisions["bob@example.com"] = {pending, {}};
    w.subscribe("bob", "echo;id=2", 0);
    w.net.pass(seconds{10});
    CHECK_FALSE(w.document_to("bob"));
    // The owner sees it.
    w.subscribe("alice", "echo.winfo");
    CHECK(w.document_to("alice").brief() == Lines{"bob active subscribe", "bob waiting timeout"});
}

TEST_CASE("R3857-4.7.2-3: what waits is over to its watcher, and its end is not told") {
    WinfoWorld w;
    // His watcher information is not decided anew with the rest, as a policy of times may do.
    w.subscribe("bob", "echo.winfo", 3'600);
    CHECK(w.document_to("bob").brief().empty());
    w.leave_open({"bob"});
    w.subscribe("bob", "echo", 60);
    CHECK(w.document_to("bob").brief() == Lines{"bob pending subscribe"});
    w.net.pass(seconds{61});
    WinfoDocument told = w.document_to("bob");
    CHECK(told.brief() == Lines{"bob terminated timeout"});
    CHECK(told.rows.at(0).count("expiration") == 0);
    CHECK(w.info.watchers().waiting() == 1);
    // Rejected while it waits: he would learn it from nothing else.
    w.echo.decisions["bob@example.com"] = {rejected, {}};
    w.info.watchers().decide_again(w.net.now, "alice@example.com");
    w.net.drain();
    w.net.pass(seconds{30});
    CHECK(w.info.watchers().size() == 0);
    CHECK_FALSE(w.document_to("bob"));
}

TEST_CASE(
    "R3857-4.7.2-1 R3858-3-2: a SUBSCRIBE brings the full state, a change those who changed") {
    WinfoWorld w;
    w.leave_open({"bob", "carol"});
    w.subscribe("bob");
    w.subscribe("alice", "echo.winfo");
    WinfoDocument document = w.document_to("alice");
    CHECK((document.state == "full" && document.version == "0"));
    CHECK(document.brief() == Lines{"bob pending subscribe"});
    w.subscribe("carol");
    document = w.document_to("alice");
    CHECK((document.state == "partial" && document.version == "1"));
    CHECK(document.brief() == Lines{"carol pending subscribe"});
    CHECK(w.resubscribe("alice", "echo.winfo", 600) == 200);
    document = w.document_to("alice");
    CHECK((document.state == "full" && document.version == "2"));
    CHECK(document.brief() == Lines{"bob pending subscribe", "carol pending subscribe"});
    // A fetch and a leave as well; each subscription counts for itself.
    w.subscribe("alice", "echo.winfo", 0, "fetch");
    document = w.document_to("alice");
    CHECK((document.state == "full" && document.version == "0" && document.rows.size() == 2));
    CHECK(w.resubscribe("alice", "echo.winfo", 0) == 200);
    document = w.document_to("alice");
    CHECK((document.state == "full" && document.version == "3" && document.rows.size() == 2));
}

TEST_CASE("R3858-3-4 R3858-3-5: a row's id stays, its times are told, its name is From's") {
    WinfoWorld w;
    w.leave_open({"bob"});
    RawRequest request = w.request("bob");
    request.from = "\"Bob <&> Co\" <sip:bob@example.com>;tag=bob";
    w.net.ask(request);
    w.net.pass(seconds{100});
    w.subscribe("alice", "echo.winfo", 7'200);
    auto row = w.document_to("alice").rows.at(0);
    const std::string id = row["id"];
    CHECK(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string::npos);
    CHECK(row["display-name"] == "Bob &lt;&amp;&gt; Co");
    CHECK(row["expiration"] == "500");
    CHECK(row["duration-subscribed"] == "100");
    CHECK(row["uri"] == "sip:bob@example.com");
    w.decide("bob", active);
    row = w.document_to("alice").rows.at(0);
    CHECK(row["id"] == id);
    w.net.pass(seconds{501});
    row = w.document_to("alice").rows.at(0);
    CHECK(row["id"] == id);
    CHECK((row["status"] == "terminated" && row.count("expiration") == 0));
}

TEST_CASE("R3858-3-4: no two rows of any subscription have the same id") {
    WinfoWorld w;
    std::set<std::string> ids;
    for (int i = 0; i < 300; ++i) w.subscribe(name_of(i));
    w.subscribe("alice", "echo.winfo");
    for (auto row : w.document_to("alice").rows) ids.insert(row["id"]);
    CHECK(ids.size() == 300);
}

TEST_CASE("R3857-4.7.2-2: what came and went before it could be told is not told") {
    WinfoWorld w;
    w.subscribe("alice", "echo.winfo", 3'600);
    (void)w.document_to("alice");
    CHECK(w.subscribe("bob", "echo", 0) == 200);
    w.net.pass(seconds{10});
    CHECK_FALSE(w.document_to("alice"));
    // Within the hold.
    w.subscribe("carol");
    CHECK(w.document_to("alice").brief() == Lines{"carol active subscribe"});
    w.subscribe("bob", "echo", 600, "2");
    w.resubscribe("bob", "echo", 0, "2");
    w.net.pass(seconds{10});
    CHECK_FALSE(w.document_to("alice"));
    CHECK(w.info.watchers().size() == 1);
    // A refresh changes nothing that is told.
    w.resubscribe("carol", "echo", 600);
    w.net.pass(seconds{10});
    CHECK_FALSE(w.document_to("alice"));
}

TEST_CASE("R3857-4.7.1-7: who is pending or waiting is not told of the parent's state") {
    WinfoWorld w;
    w.leave_open({"bob"});
    w.subscribe("bob", "echo", 60);
    CHECK(w.notify_to("bob", "echo").body().empty());
    w.echo.extra = "secret\n";
    w.notifier.state_changed(w.net.now, 0, "alice@example.com");
    w.net.drain();
    w.net.pass(seconds{61});
    const RawMessage last = w.notify_to("bob", "echo");
    CHECK(last.field("Subscription-State") == "terminated;reason=timeout");
    CHECK(last.body().empty());
    w.notifier.state_changed(w.net.now, 0, "alice@example.com");
    w.net.drain();
    CHECK_FALSE(w.notify_to("bob", "echo"));
}

TEST_CASE("R3857-4.10-1 R6665-5.4.10-1: 100 watchers within one hold are one NOTIFY after 5 s") {
    WinfoWorld w;
    w.subscribe("alice", "echo.winfo", 3'600);
    (void)w.document_to("alice");
    w.subscribe("first");
    const RawMessage first = w.notify_to("alice");
    CHECK(first);
    for (int i = 0; i < 100; ++i) {
        w.subscribe(name_of(i));
        w.net.pass(milliseconds{40});
    }
    CHECK_FALSE(w.notify_to("alice"));
    w.net.pass(milliseconds{1'000});
    const RawMessage second = w.notify_to("alice");
    CHECK(second.at - first.at == seconds{5});
    const WinfoDocument document(second.body());
    CHECK((document.state == "partial" && document.version == "2"));
    CHECK(document.rows.size() == 100);
    // By subscriber: another one of hers has a hold of its own.
    w.subscribe("alice", "echo.winfo", 3'600, "2");
    (void)w.document_to("alice");
    w.subscribe("late");
    CHECK(w.document_to("alice").brief() == Lines{"late active subscribe"});
    CHECK_FALSE(w.notify_to("alice"));
}

TEST_CASE("R3858-3-2: a NOTIFY that failed is followed by the full state, and no row is lost") {
    WinfoWorld w;
    w.subscribe("alice", "echo.winfo", 3'600);
    Table table;
    table.take(w.document_to("alice"));
    w.net.answer_notify = false;
    w.subscribe("bob");
    const RawMessage lost = w.notify_to("alice");
    table.take(WinfoDocument(lost.body()));
    w.net.answer(w.notify_to("bob", "echo"));
    w.net.answer(lost, 500);
    w.net.answer_notify = true;
    w.subscribe("carol");
    w.net.pass(seconds{32});
    const WinfoDocument again = w.document_to("alice");
    CHECK(again.state == "full");
    table.take(again);
    CHECK(table.rows.size() == 2);
}

TEST_CASE("a copy of a NOTIFY says the same, and one that is lost loses no row") {
    WinfoWorld w;
    w.subscribe("alice", "echo.winfo", 3'600);
    (void)w.document_to("alice");
    w.net.answer_notify = false;
    w.subscribe("bob");
    const RawMessage first = w.notify_to("alice");
    w.subscribe("carol");
    w.net.pass(milliseconds{500});
    CHECK(w.notify_to("alice").text == first.text);
    w.net.answer(first);
    w.net.answer(first);  // a copy of the answer
    w.net.pass(seconds{5});
    CHECK(w.document_to("alice").brief() == Lines{"carol active subscribe"});
}

TEST_CASE("a viewer that dies takes what was kept for it along") {
    WinfoWorld w;
    w.subscribe("alice", "echo.winfo", 3'600);
    w.subscribe("bob", "echo", 60);
    w.net.pass(seconds{20});
    w.net.answer_notify = false;
    w.net.sent.clear();
    w.resubscribe("bob", "echo", 0);
    const RawMessage unanswered = w.notify_to("alice");
    CHECK(WinfoDocument(unanswered.body()).brief() == Lines{"bob terminated timeout"});
    w.subscribe("carol", "echo", 0);
    w.net.pass(seconds{33});
    CHECK(w.notifier.size() == 0);
    CHECK(w.info.watchers().size() == 0);
}

TEST_CASE("what ended is kept until the last viewer was told, and no longer") {
    WinfoWorld w;
    w.subscribe("bob");
    w.subscribe("alice", "echo.winfo", 3'600, "1");
    w.net.pass(seconds{1});
    w.subscribe("alice", "echo.winfo", 3'600, "2");
    w.subscribe("carol");  // the hold of both begins
    w.net.sent.clear();
    w.resubscribe("bob", "echo", 0);
    CHECK(w.info.watchers().ended() == 1);
    // The first asks for the state: to her it is told by being left out.
    w.resubscribe("alice", "echo.winfo", 3'600, "1");
    CHECK(w.document_to("alice").brief() == Lines{"carol active subscribe"});
    CHECK(w.info.watchers().ended() == 1);
    w.net.pass(seconds{5});
    CHECK(w.document_to("alice").brief() == Lines{"bob terminated timeout"});
    CHECK_FALSE(w.document_to("alice"));
    CHECK(w.info.watchers().ended() == 0);
    CHECK(w.info.watchers().size() == 1);
}

TEST_CASE("a refresh at the instant of the expiry keeps the row, one after it makes another") {
    WinfoWorld w;
    w.leave_open({"bob"});
    w.subscribe("bob", "echo", 60);
    w.subscribe("alice", "echo.winfo", 3'600);
    const std::string id = w.document_to("alice").rows.at(0)["id"];
    w.net.pass(seconds{60} - milliseconds{1});
    CHECK(w.resubscribe("bob", "echo", 60) == 200);
    w.net.pass(milliseconds{1});
    CHECK_FALSE(w.document_to("alice"));
    w.net.pass(seconds{60});
    CHECK(w.resubscribe("bob", "echo", 60) == 481);
    WinfoDocument told = w.document_to("alice");
    CHECK(told.brief() == Lines{"bob waiting timeout"});
    CHECK(told.rows.at(0)["id"] == id);
    w.subscribe("bob", "echo", 60, "2");
    w.net.pass(seconds{5});
    told = w.document_to("alice");
    CHECK(told.brief() == Lines{"bob terminated giveup", "bob pending subscribe"});
}

TEST_CASE("T-9 R3857-4.7.2-1: watchers that do not fit into one document come in the next ones") {
    sip::Limits limits;
    limits.notify_body_bytes = 1'000;
    WinfoWorld w(limits);
    for (int i = 0; i < 20; ++i) w.subscribe(name_of(i));
    Table table;
    w.subscribe("alice", "echo.winfo", 3'600);
    int documents = 0;
    for (int i = 0; i < 20; ++i) {
        while (const RawMessage notify = w.notify_to("alice")) {
            CHECK(notify.body().size() <= 1'000);
            const WinfoDocument document(notify.body());
            CHECK((document.state == "full") == (documents++ == 0));
            table.take(document);
        }
        w.net.pass(seconds{5});
    }
    CHECK(documents > 3);
    CHECK(table.rows.size() == 20);
    CHECK(w.stack.counters().limit_notify_body_bytes > 0);
    // What changes in the middle is told as it is then.
    w.resubscribe("alice", "echo.winfo", 3'600);
    w.resubscribe(name_of(0), "echo", 0);
    w.resubscribe(name_of(19), "echo", 0);
    for (int i = 0; i < 20; ++i) {
        while (const RawMessage notify = w.notify_to("alice"))
            table.take(WinfoDocument(notify.body()));
        w.net.pass(seconds{5});
    }
    CHECK(table.rows.size() == 18);
    CHECK(w.info.watchers().ended() == 0);
}

TEST_CASE("T-9: a fetch that cannot hold all shows those first whom nobody has decided about") {
    sip::Limits limits;
    limits.notify_body_bytes = 1'000;
    WinfoWorld w(limits);
    w.leave_open({"zoe"});
    for (int i = 0; i < 20; ++i) w.subscribe(name_of(i));
    w.subscribe("zoe");
    w.subscribe("alice", "echo.winfo", 0);
    const WinfoDocument document = w.document_to("alice");
    CHECK(document.rows.size() > 2);
    CHECK(document.rows.size() < 20);
    REQUIRE_FALSE(document.rows.empty());
    CHECK(document.brief().front() == "zoe pending subscribe");
    CHECK(w.stack.counters().limit_notify_body_bytes == 1);
}

TEST_CASE("T-9: so many that ended are kept to be told, and past them the whole state is") {
    for (const std::uint32_t limit : {3U, 2U}) {
        sip::Limits limits;
        limits.ended_watchers = limit;
        WinfoWorld w(limits);
        for (int i = 0; i < 4; ++i) w.subscribe(name_of(i));
        w.subscribe("alice", "echo.winfo", 3'600);
        w.subscribe("first");
        w.net.sent.clear();
        for (int i = 0; i < 3; ++i) w.resubscribe(name_of(i), "echo", 0);
        CHECK(w.info.watchers().ended() == std::min(limit, 3U));
        CHECK(w.stack.counters().limit_ended_watchers == 3 - limit);
        w.net.pass(seconds{5});
        const WinfoDocument document = w.document_to("alice");
        CHECK(document.state == (limit == 3 ? "partial" : "full"));
        CHECK(document.rows.size() == (limit == 3 ? 3 : 2));
        CHECK(w.info.watchers().ended() == 0);
        w.net.pass(seconds{30});
        CHECK_FALSE(w.document_to("alice"));
    }
}

TEST_CASE("T-8: without memory at any allocation, the owner learns of everybody in the end") {
    for (std::uint64_t n = 0, refused = 1; refused > 0; ++n) {
        CAPTURE(n);
        REQUIRE(n < 200);
        WinfoWorld w;
        w.leave_open({"bob", "carol"});
        w.subscribe("bob", "echo", 3'600);
        w.net.sent.clear();
        sip::Memory& memory = w.stack.shard().memory;
        const std::uint64_t before = memory.refusals();
        memory.refuse_after(n);
        int status = w.subscribe("alice", "echo.winfo", 3'600);
        memory.refuse_none();
        refused = memory.refusals() - before;
        if (status != 200) status = w.subscribe("alice", "echo.winfo", 3'600, "2");
        REQUIRE(status == 200);
        w.net.pass(seconds{60});
        Table table;
        RawMessage notify = w.notify_to("alice");
        if (notify && notify.body().empty()) notify = w.notify_to("alice");
        while (notify) {
            if (!notify.body().empty()) table.take(WinfoDocument(notify.body()));
            notify = w.notify_to("alice");
        }
        CHECK(table.rows.size() == 1);
        w.subscribe("carol", "echo", 3'600);
        table.take(w.document_to("alice"));
        CHECK(table.rows.size() == 2);
    }
}
