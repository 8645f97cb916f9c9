#include <doctest/doctest.h>

#include "sip/event/notifier.hpp"
#include "tests/support/event_world.hpp"

using namespace sip;

// What is on its way when somebody may not see any more what it shows.

namespace {

const Decision pending{SubscriptionDecision::pending, {}};
const Decision polite{SubscriptionDecision::active, ViewId{7}};
const Decision rejected{SubscriptionDecision::rejected, {}};

/// Bob watches, and his NOTIFY with a document stays unanswered.
struct Unanswered {
    explicit Unanswered(const std::string& extra = "") {
        world.net.answer_notify = false;
        world.echo.extra = extra;
        answer = world.net.ask(world.subscribe_request());
        old = world.net.take("NOTIFY");
    }
    void decide(const Decision& decision) {
        world.net.sent.clear();
        world.echo.decisions["bob@example.com"] = decision;
        world.notifier.decide_again(world.net.now, 0, "");
        world.net.drain();
    }
    /// All that leaves in the next `time` shows nothing of view 0.
    void check_nothing_old(Duration time) {
        world.net.pass(time);
        for (const RawMessage& message : world.net.sent) {
            CHECK(message.text.find("example.com/0/") == std::string::npos);
            CHECK(message.field("CSeq") != old.field("CSeq"));
        }
    }
    EventWorld world;
    RawMessage answer, old;
};

}  // namespace

TEST_CASE("ROUR-9: of a NOTIFY that shows what may not be seen any more no copy leaves") {
    struct Row {
        Decision decision;
        std::string state, body;
    };
    const Row rows[] = {{pending, "pending;expires=3600", ""},
                        {polite, "active;expires=3600", "alice@example.com/7/text/plain\n"},
                        {rejected, "terminated;reason=rejected", ""}};
    for (const Row& row : rows) {
        for (int late : {0, 200, 481, 500}) {
            CAPTURE(row.state);
            CAPTURE(late);
            Unanswered it;
            CHECK(it.old.body() == "alice@example.com/0/text/plain\n");
            it.world.net.pass(milliseconds{600});
            CHECK(it.world.net.take("NOTIFY").text == it.old.text);
            it.decide(row.decision);
            const RawMessage fresh = it.world.net.take("NOTIFY");
            CHECK(fresh.field("CSeq") == "2 NOTIFY");
            CHECK(fresh.field("Subscription-State") == row.state);
            CHECK(fresh.text.ends_with("\r\n\r\n" + row.body));
            CHECK_FALSE(it.world.net.take("NOTIFY"));
            if (late == 0) {
                it.check_nothing_old(seconds{31});
                CHECK(it.world.net.sent.size() >= 9);  // copies of the new one
                it.world.net.pass(seconds{2});
                CHECK(it.world.notifier.size() == 0);
                CHECK(it.world.stack.clients().size() == 0);
                continue;
            }
            // What comes late for the old one says nothing of the new.
            it.world.net.answer(it.old, late);
            CHECK(it.world.notifier.size() == 1);
            it.world.net.sent.clear();
            it.check_nothing_old(seconds{1});
            CHECK(it.world.net.take("NOTIFY").text == fresh.text);  // still unanswered
            it.world.net.answer(fresh);
            CHECK(it.world.notifier.size() == (row.state.starts_with("terminated") ? 0 : 1));
            it.world.net.sent.clear();
            it.world.net.pass(seconds{60});
            CHECK(it.world.net.sent.empty());
        }
    }
}

TEST_CASE("ROUR-9: what is decided while a last NOTIFY is on its way holds for that one, too") {
    Unanswered it;
    it.world.net.answer(it.old);
    RawRequest leave = EventWorld::in_dialog(it.world.subscribe_request(), it.answer, 2);
    it.world.net.ask(leave.with("Expires: 0"));
    it.old = it.world.net.take("NOTIFY");
    REQUIRE(it.old.field("Subscription-State") == "terminated;reason=timeout");
    REQUIRE_FALSE(it.old.body().empty());
    it.decide(rejected);
    const RawMessage fresh = it.world.net.take("NOTIFY");
    CHECK(fresh.field("Subscription-State") == "terminated;reason=timeout");
    CHECK(fresh.body().empty());
    it.check_nothing_old(seconds{20});
    it.world.net.answer(fresh);
    CHECK(it.world.notifier.size() == 0);
}

TEST_CASE("ROUR-9: one that waits for its connection is taken back before it leaves") {
    Unanswered it(std::string(1'500, 'x'));
    CHECK_FALSE(it.old);
    REQUIRE(it.world.net.opened.size() == 1);
    SUBCASE("before the connection stands") {}
    SUBCASE("between its standing and the next effect") {
        it.world.stack.connected(it.world.net.now, it.world.net.opened[0].flow,
                                 it.world.net.server);
    }
    it.decide(pending);
    it.world.stack.connected(it.world.net.now, it.world.net.opened[0].flow, it.world.net.server);
    it.world.net.drain();
    std::size_t notifies = 0;
    for (const RawMessage& message : it.world.net.sent) {
        ++notifies;
        CHECK(message.body().empty());
    }
    CHECK(notifies == 1);
}

TEST_CASE("D-3 R6665-4.2.2-4: what was withdrawn is no failure, and forgets none") {
    Unanswered it;
    it.world.net.answer(it.old, 500);
    it.world.net.pass(seconds{32});
    it.world.net.answer(it.world.net.take("NOTIFY"), 500);
    it.world.net.pass(seconds{32});
    it.old = it.world.net.take("NOTIFY");
    REQUIRE(it.old);
    it.decide(polite);
    CHECK(it.world.notifier.size() == 1);
    const RawMessage fresh = it.world.net.take("NOTIFY");
    CHECK_FALSE(it.world.net.take("NOTIFY"));
    it.world.net.answer(fresh, 500);  // the third in a row
    CHECK(it.world.notifier.size() == 0);
}

TEST_CASE("R6665-4.2.2-4: a decision that takes nothing away waits for the NOTIFY on its way") {
    Unanswered it;
    it.decide({SubscriptionDecision::active, {}});
    CHECK_FALSE(it.world.net.take("NOTIFY"));
    it.world.net.pass(milliseconds{500});
    CHECK(it.world.net.take("NOTIFY").text == it.old.text);
    // One without a document shows nothing.
    it.world.net.answer(it.old);
    it.decide(pending);
    it.old = it.world.net.take("NOTIFY");
    it.decide(rejected);
    CHECK_FALSE(it.world.net.take("NOTIFY"));
    it.world.net.answer(it.old);
    CHECK(it.world.net.take("NOTIFY").field("Subscription-State") == "terminated;reason=rejected");
}

TEST_CASE("ROUR-9 T-35: without room for the view that may be seen, the one before is not") {
    EventWorld::Options options;
    options.stack.limits.subscriptions = 1;  // and so many views
    EventWorld world(options);
    world.net.ask(world.subscribe_request());
    world.net.sent.clear();
    world.echo.decisions["bob@example.com"] = polite;
    world.notifier.decide_again(world.net.now, 0, "");
    world.net.drain();
    const RawMessage notify = world.net.take("NOTIFY");
    CHECK(notify.field("Subscription-State") == "terminated;reason=probation");
    CHECK(notify.body().empty());
}
