// The subscriber's side of NOTIFY: whose it is, order, documents, forks, the end and what follows.
#include "sip/event/subscriber.hpp"

#include <doctest/doctest.h>

#include "tests/sip/event/watcher_world.hpp"

using sip::Handle;
using sip::milliseconds;
using sip::seconds;
using sip::SubscriptionStateValue;
using sip::TerminationReason;
using Kind = WatcherWorld::Kind;
using State = WatcherWorld::State;

TEST_CASE("R6665-4.1.3-1: a NOTIFY of no subscription of ours gets 481") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id);
    const auto status_of = [&](auto change) {
        WatcherWorld::Notify given;
        given.cseq = 5;
        RawRequest request = world.request_of(sent, given);
        change(request);
        world.raw.input(world.raw.text_of(request));
        const RawMessage answer = world.raw.take("");
        return answer.status();
    };
    CHECK(status_of([](RawRequest& r) { r.call_id = "other"; }) == 481);
    CHECK(status_of([](RawRequest& r) { r.call_id.back() ^= 1; }) == 481);
    CHECK(status_of([](RawRequest& r) { r.to = "<sip:bob@example.com>;tag=other"; }) == 481);
    CHECK(status_of([](RawRequest& r) { r.to = "<sip:bob@example.com>"; }) == 481);
    CHECK(status_of([](RawRequest& r) { r.fields[0] = "Event: presence;id=1"; }) == 481);
    CHECK(status_of([](RawRequest& r) { r.fields[0] = "Event: gossip"; }) == 481);
    CHECK_FALSE(world.news().any);
    CHECK(status_of([](RawRequest& r) { r.fields[0] = "o: PRESENCE;x=y"; }) == 200);
}

TEST_CASE("R6665-4.1.3-1: an event id is compared byte by byte") {
    WatcherWorld world;
    auto options = world.options();
    options.event_id = "Ab";
    (void)world.subscribe(options);
    const RawMessage sent = world.only();
    WatcherWorld::Notify given;
    for (const auto& [event, status] :
         {std::pair{"presence", 481}, {"presence;id=ab", 481}, {"presence;id=Ab", 200}}) {
        given.event = event;
        CHECK(world.notify(sent, given) == status);
    }
}

TEST_CASE("R6665-4.1.3-2: no Event or an unknown package is 489, no Subscription-State is 400") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id);
    WatcherWorld::Notify given;
    given.cseq = 2;
    given.event.clear();
    CHECK(world.notify(sent, given) == 489);
    CHECK(world.last_answer.field("Allow-Events") == "presence, gossip");
    given.event = "presence.winfo";
    CHECK(world.notify(sent, given) == 489);
    given.event = "presence";
    given.state.clear();
    CHECK(world.notify(sent, given) == 400);
    given.state = ";;";
    CHECK(world.notify(sent, given) == 400);
    CHECK_FALSE(world.news().any);
    // Nothing of it counted: the same CSeq is still good.
    given.state = "active";
    CHECK(world.notify(sent, given) == 200);
}

TEST_CASE("R6665-4.1.3-4 R3265-3.2.2-1: the time that a NOTIFY tells may only shorten") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id, 600);
    WatcherWorld::Notify given;
    given.cseq = 2;
    given.state = "active;expires=5000";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().expires == 600);
    given.cseq = 3;
    given.state = "active";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().expires == 600);
    given.cseq = 4;
    given.state = "active;expires=100";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().expires == 100);
    world.pass(seconds{67});
    CHECK(world.silent());
    world.pass(seconds{1});
    CHECK(world.only().method() == "SUBSCRIBE");
}

TEST_CASE("a NOTIFY's time counts when the 2xx comes behind it, too") {
    WatcherWorld world;
    (void)world.subscribe();
    const RawMessage sent = world.only();
    WatcherWorld::Notify given;
    given.state = "active;expires=90";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().expires == 90);
    world.reply(sent, 200, {"Expires: 3600"});
    world.pass(seconds{58});
    CHECK(world.only().method() == "SUBSCRIBE");
}

TEST_CASE("NOTIFYs that count down do not put the refresh off") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id, 100);
    WatcherWorld::Notify given;
    for (unsigned second = 1; second < 68; ++second) {
        world.pass(seconds{1});
        given.cseq = 1 + second;
        given.state = "active;expires=" + std::to_string(100 - second);
        CHECK(world.notify(sent, given) == 200);
        CHECK(world.silent());
    }
    world.pass(seconds{1});
    CHECK(world.only().method() == "SUBSCRIBE");
}

TEST_CASE("R6665-4.1.3-5 R6665-FSM-5: pending and active follow one another as the NOTIFYs say") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    world.reply(sent, 200);
    world.forget_news();
    WatcherWorld::Notify given;
    unsigned cseq = 0;
    for (const auto& [state, value, expected] :
         {std::tuple{"pending;expires=3600", SubscriptionStateValue::pending, State::pending},
          {"active;expires=3600", SubscriptionStateValue::active, State::active},
          {"pending", SubscriptionStateValue::pending, State::pending},
          {"ACTIVE", SubscriptionStateValue::active, State::active}}) {
        given.cseq = ++cseq;
        given.state = state;
        CHECK(world.notify(sent, given) == 200);
        CHECK(world.news().state == value);
        CHECK(world.part.state_of(id) == expected);
    }
}

TEST_CASE("R6665-4.1.3-14: a state nobody knows keeps the subscription") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    world.reply(sent, 200);
    world.forget_news();
    WatcherWorld::Notify given;
    given.state = "dormant;expires=3600";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().state == SubscriptionStateValue::other);
    CHECK(world.part.state_of(id) == State::pending);
    given.cseq = 2;
    given.state = "active";
    CHECK(world.notify(sent, given) == 200);
    given.cseq = 3;
    given.state = "dormant";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.part.state_of(id) == State::active);
}

namespace {

/// A subscription that its notifier ends with `state`: what is told, and when the next SUBSCRIBE
/// goes out.
struct AfterEnd {
    WatcherWorld world;
    RawMessage first;
    WatcherWorld::News news;

    explicit AfterEnd(const std::string& state) {
        sip::WatchId id;
        first = world.stand(id);
        WatcherWorld::Notify given;
        given.cseq = 2;
        given.state = state;
        CHECK(world.notify(first, given) == 200);
        CHECK(world.news().kind == Kind::notified);
        news = world.news();
    }
    /// Seconds until the next SUBSCRIBE; -1: none within a day.
    int delay() {
        for (int second = 0; second <= 86'400; second += second < 400 ? 1 : 1000) {
            const RawMessage sent = world.only();
            if (sent) {
                CHECK(sent.field("Call-ID") != first.field("Call-ID"));
                return second;
            }
            world.pass(seconds{second < 400 ? 1 : 1000});
        }
        return -1;
    }
};

}  // namespace

TEST_CASE(
    "R6665-4.1.3-6 R6665-4.1.3-9 R6665-4.1.3-15 R6665-4.4.2-1: deactivated and timeout are tried "
    "again at once, whatever retry-after says") {
    for (const char* state :
         {"terminated;reason=deactivated", "terminated;reason=deactivated;retry-after=50",
          "terminated;reason=timeout", "terminated;reason=timeout;retry-after=50;expires=9"}) {
        AfterEnd after(state);
        CHECK(after.news.kind == Kind::waiting);
        CHECK(after.news.retry_after == 0);
        after.world.pass(seconds{0});
        CHECK(after.delay() == 0);
    }
}

TEST_CASE("R6665-4.1.3-7 R6665-4.1.3-10: probation and giveup are tried again after retry-after") {
    for (const char* reason : {"probation", "giveup"}) {
        AfterEnd after("terminated;reason=" + std::string(reason) + ";retry-after=77");
        CHECK(after.news.kind == Kind::waiting);
        CHECK(after.news.retry_after == 77);
        CHECK(after.delay() == 77);
        AfterEnd without("terminated;reason=" + std::string(reason));
        CHECK(without.delay() == 30);
    }
}

TEST_CASE(
    "R6665-4.1.3-8 R6665-4.1.3-11 R6665-4.1.3-15: rejected, noresource and invariant are never "
    "tried again") {
    for (const char* reason : {"rejected", "noresource", "invariant"}) {
        AfterEnd after("terminated;retry-after=5;reason=" + std::string(reason));
        CHECK(after.news.kind == Kind::ended);
        CHECK(after.news.last);
        CHECK(after.delay() == -1);
        CHECK(after.world.part.size() == 0);
    }
}

TEST_CASE("R6665-4.1.3-12 R6665-4.1.3-15: no reason and unknown ones wait for retry-after alone") {
    for (const char* reason : {"", ";reason=expired", ";reason=because"}) {
        AfterEnd after("terminated;retry-after=9" + std::string(reason));
        CHECK(after.news.kind == Kind::waiting);
        CHECK(after.delay() == 9);
        AfterEnd without("terminated" + std::string(reason));
        without.world.pass(seconds{0});
        CHECK(without.delay() == 0);
    }
}

TEST_CASE("a notifier that ends each subscription at once is asked ever less often") {
    WatcherWorld world;
    sip::WatchId id;
    RawMessage sent = world.stand(id);
    WatcherWorld::Notify given;
    given.cseq = 2;
    given.state = "terminated;reason=deactivated";
    for (const unsigned delay : {0U, 1U, 2U, 4U, 8U, 16U, 32U, 60U, 60U, 60U}) {
        CHECK(world.notify(sent, given) == 200);
        (void)world.news();
        const auto news = world.news();
        CHECK(news.kind == Kind::waiting);
        CHECK(news.retry_after == delay);
        if (delay > 0) {
            world.pass(seconds{delay} - milliseconds{1});
            CHECK(world.silent());
            world.pass(milliseconds{1});
        } else {
            world.pass(seconds{0});
        }
        sent = world.only();
        REQUIRE(sent);
        world.reply(sent, 200);
        (void)world.news();
        given.cseq = 1;
    }
    // One that lasted begins anew.
    CHECK(world.notify(sent) == 200);
    world.pass(seconds{60});
    world.forget_news();
    given.cseq = 2;
    CHECK(world.notify(sent, given) == 200);
    (void)world.news();
    CHECK(world.news().retry_after == 0);
}

TEST_CASE("a subscription that waits for its next try can be left") {
    AfterEnd after("terminated;reason=probation;retry-after=100");
    sip::WatchId id;
    WatcherWorld& world = after.world;
    // The one watch there is.
    id = {{0, 1}};
    REQUIRE(world.part.state_of(id) == State::waiting);
    CHECK_FALSE(world.part.refresh(world.raw.now, id));
    CHECK(world.part.unsubscribe(world.raw.now, id));
    const auto news = world.news();
    CHECK(news.kind == Kind::ended);
    CHECK(news.last);
    CHECK(after.delay() == -1);
}

TEST_CASE("a subscription that runs out without a refresh is made anew") {
    WatcherWorld world;
    sip::WatchId id;
    (void)world.stand(id, 40);
    world.pass(seconds{20});
    world.reply(world.only(), 500, {"Retry-After: 100"});
    world.pass(seconds{20});
    const auto news = world.news();
    CHECK(news.kind == Kind::waiting);
    CHECK(news.status == 0);
    CHECK(news.reason == TerminationReason::timeout);
    CHECK(cseq_of(world.only()) == 1);
}

TEST_CASE(
    "R6665-4.1.3-1 R3856-6.8-1 R3261-12.2.2-1 R3863-4.1.7-2: what is outdated, by its CSeq, is "
    "ignored") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id);
    WatcherWorld::Notify given;
    given.cseq = 10;
    given.body = "<ten/>";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().body == "<ten/>");
    given.cseq = 9;
    given.body = "<nine/>";
    CHECK(world.notify(sent, given) == 500);
    given.cseq = 10;
    CHECK(world.notify(sent, given) == 500);
    given.cseq = 8;
    given.state = "terminated;reason=rejected";
    CHECK(world.notify(sent, given) == 500);
    CHECK_FALSE(world.news().any);
    CHECK(world.part.state_of(id) == State::active);
    given.cseq = 20;
    given.body = "<twenty/>";
    given.state = "active";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().body == "<twenty/>");
}

TEST_CASE("a NOTIFY that comes twice is answered twice and told once") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id);
    WatcherWorld::Notify given;
    given.cseq = 2;
    given.branch = "z9hG4bKsame";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().any);
    CHECK_FALSE(world.news().any);
    given.cseq = 3;
    given.state = "terminated;reason=rejected";
    given.branch = "z9hG4bKlast";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.part.size() == 0);
    CHECK(world.notify(sent, given) == 200);
}

TEST_CASE("R3856-6.8-2 R3856-6.8-3: each document replaces the former, no document leaves it") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id);
    WatcherWorld::Notify given;
    given.cseq = 2;
    given.body = "<two/>";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().body == "<two/>");
    given.cseq = 3;
    given.body.clear();
    CHECK(world.notify(sent, given) == 200);
    auto news = world.news();
    CHECK(news.body == "<two/>");
    CHECK(news.type == "application/pidf+xml");
    CHECK_FALSE(news.has_document);
    given.cseq = 4;
    given.body = "<four/>";
    CHECK(world.notify(sent, given) == 200);
    news = world.news();
    CHECK(news.body == "<four/>");
    CHECK(news.has_document);
}

TEST_CASE("R3261-8.2.3-1: a body that was not asked for is 415, with what is") {
    WatcherWorld world;
    sip::WatchId id;
    const RawMessage sent = world.stand(id);
    WatcherWorld::Notify given;
    given.cseq = 2;
    given.type = "text/plain";
    CHECK(world.notify(sent, given) == 415);
    CHECK(world.last_answer.field("Accept") == "application/pidf+xml");
    CHECK_FALSE(world.last_answer.has("Accept-Encoding"));
    given.type = "APPLICATION/pidf+xml;charset=UTF-8";
    given.fields = {"Content-Encoding: gzip"};
    CHECK(world.notify(sent, given) == 415);
    CHECK(world.last_answer.field("Accept-Encoding") == "identity");
    CHECK_FALSE(world.last_answer.has("Accept"));
    CHECK_FALSE(world.news().any);
    given.fields.clear();
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.news().has_document);
}

TEST_CASE(
    "R3856-6.9-1 R6665-4.1.4-1 D-2: of several forks the first NOTIFY wins, the others get 481") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    WatcherWorld::Notify given;
    given.tag = "fork-a";
    given.body = "<a/>";
    CHECK(world.notify(sent, given) == 200);
    given.tag = "fork-b";
    given.body = "<b/>";
    CHECK(world.notify(sent, given) == 481);
    world.reply(sent, 200, {"Expires: 3600"}, "fork-b");
    given.cseq = 2;
    CHECK(world.notify(sent, given) == 481);
    CHECK(world.news().body == "<a/>");
    CHECK_FALSE(world.news().any);
    CHECK(world.part.refresh(world.raw.now, id));
    CHECK(tag_of(world.only().field("To")) == "fork-a");
}

TEST_CASE("D-2 D-8: the 2xx names the one dialog when it comes first") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    world.reply(sent, 200, {"Expires: 3600"}, "fork-b");
    WatcherWorld::Notify given;
    given.tag = "fork-a";
    CHECK(world.notify(sent, given) == 481);
    CHECK(world.part.state_of(id) == State::notify_wait);
    given.tag = "fork-b";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.part.state_of(id) == State::active);
}

TEST_CASE("D-2 R6665-4.1.4-1: a package that merges takes every fork until Timer N") {
    WatcherWorld world;
    const auto id = world.subscribe(world.options(3600, "gossip"));
    const RawMessage sent = world.only();
    WatcherWorld::Notify given;
    given.event = "gossip";
    given.tag = "fork-a";
    CHECK(world.notify(sent, given) == 200);
    const auto a = world.news();
    world.reply(sent, 200, {"Expires: 3600"}, "fork-b");
    given.tag = "fork-b";
    given.body = "<b/>";
    CHECK(world.notify(sent, given) == 200);
    const auto b = world.news();
    CHECK(a.fork != b.fork);
    CHECK(b.body == "<b/>");
    // Each has its own order.
    given.cseq = 2;
    CHECK(world.notify(sent, given) == 200);
    given.tag = "fork-a";
    CHECK(world.notify(sent, given) == 200);
    world.forget_news();
    world.pass(seconds{32});
    given.tag = "fork-c";
    given.cseq = 1;
    CHECK(world.notify(sent, given) == 481);
    // Both are refreshed, each in its dialog.
    CHECK(world.part.refresh(world.raw.now, id));
    world.raw.drain();
    const RawMessage one = world.raw.take(), two = world.raw.take();
    CHECK(tag_of(one.field("To")) != tag_of(two.field("To")));
    CHECK(cseq_of(one) == 2);
    CHECK(cseq_of(two) == 2);
    // One that ends leaves the other; the last is made anew.
    given.tag = "fork-a";
    given.cseq = 3;
    given.state = "terminated;reason=deactivated";
    CHECK(world.notify(sent, given) == 200);
    (void)world.news();
    const auto ended = world.news();
    CHECK(ended.kind == Kind::ended);
    CHECK_FALSE(ended.last);
    CHECK(ended.fork == a.fork);
    given.tag = "fork-b";
    CHECK(world.notify(sent, given) == 200);
    (void)world.news();
    CHECK(world.news().kind == Kind::waiting);
    world.pass(seconds{0});
    CHECK(cseq_of(world.last()) == 1);
}

TEST_CASE("more forks than are kept get 481, and a fork that cannot be made leaves nothing") {
    WatcherWorld world;
    (void)world.subscribe(world.options(3600, "gossip"));
    const RawMessage sent = world.only();
    WatcherWorld::Notify given;
    given.event = "gossip";
    for (int fork = 0; fork < 8; ++fork) {
        given.tag = "fork-" + std::to_string(fork);
        CHECK(world.notify(sent, given) == 200);
        if (fork == 0) {
            WatcherWorld::Notify bad = given;
            bad.tag = "bad";
            bad.contact.clear();
            CHECK(world.notify(sent, bad) == 400);
        }
    }
    given.tag = "fork-8";
    CHECK(world.notify(sent, given) == 481);
}

TEST_CASE("R3261-12.2.1.1-3: the Contact of a NOTIFY moves the remote target, never the route") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    world.reply(sent, 200);
    WatcherWorld::Notify given;
    given.fields = {"Record-Route: <sip:192.0.2.99:5062;lr>"};
    CHECK(world.notify(sent, given) == 200);
    given.cseq = 2;
    given.fields = {"Record-Route: <sip:192.0.2.66;lr>"};
    given.contact = "<sip:moved@192.0.2.44>";
    CHECK(world.notify(sent, given) == 200);
    CHECK(world.part.refresh(world.raw.now, id));
    const RawMessage refresh = world.only();
    CHECK(refresh.request_uri() == "sip:moved@192.0.2.44");
    CHECK(refresh.field("Route") == "<sip:192.0.2.99:5062;lr>");
}

TEST_CASE("a first NOTIFY without a Contact is 400 and makes no dialog") {
    WatcherWorld world;
    const auto id = world.subscribe();
    const RawMessage sent = world.only();
    WatcherWorld::Notify given;
    given.contact.clear();
    CHECK(world.notify(sent, given) == 400);
    CHECK(world.part.state_of(id) == State::notify_wait);
    given.contact = "<sip:a@192.0.2.99>, <sip:b@192.0.2.99>";
    CHECK(world.notify(sent, given) == 400);
    CHECK(world.notify(sent) == 200);
}

TEST_CASE("R6665-4.4.3-1 D-2: a fetch that forks may answer gathers them all until Timer N") {
    WatcherWorld world;
    const auto id = world.subscribe(world.options(0, "gossip"));
    const RawMessage sent = world.only();
    CHECK(sent.field("Expires") == "0");
    WatcherWorld::Notify given;
    given.event = "gossip";
    given.state = "terminated;reason=timeout";
    given.tag = "fork-a";
    given.body = "<a/>";
    CHECK(world.notify(sent, given) == 200);
    world.reply(sent, 200, {"Expires: 0"}, "fork-b");
    given.tag = "fork-b";
    given.body = "<b/>";
    CHECK(world.notify(sent, given) == 200);
    std::vector<unsigned> forks;
    for (const char* body : {"<a/>", "<b/>"}) {
        auto told = world.news();
        if (told.kind == Kind::accepted) told = world.news();
        CHECK(told.kind == Kind::notified);
        CHECK(told.body == body);
        CHECK(told.has_document);
        forks.push_back(told.fork);
        told = world.news();
        CHECK(told.kind == Kind::ended);
        CHECK(told.fork == forks.back());
        CHECK_FALSE(told.last);
    }
    CHECK(forks[0] != forks[1]);
    // Who has answered is not heard twice, in whatever order.
    given.cseq = 2;
    CHECK(world.notify(sent, given) == 481);
    given.tag = "fork-a";
    CHECK(world.notify(sent, given) == 481);
    CHECK_FALSE(world.news().any);
    world.raw.pass(milliseconds{31'999});
    CHECK(world.part.size() == 1);
    given.tag = "fork-c";
    CHECK(world.notify(sent, given) == 200);
    world.forget_news();
    world.raw.pass(milliseconds{1});
    const auto over = world.news();
    CHECK(over.kind == Kind::ended);
    CHECK(over.last);
    CHECK(over.status == 0);
    CHECK(world.part.size() == 0);
    CHECK_FALSE(world.part.state_of(id));
    given.tag = "fork-d";
    CHECK(world.notify(sent, given) == 481);
}

TEST_CASE(
    "R6665-4.1.2.4-1 ROUR-4: a fetch that nobody answers fails, and no more than 8 are gathered") {
    WatcherWorld world;
    (void)world.subscribe(world.options(0, "gossip"));
    const RawMessage sent = world.only();
    bool answered = false;
    SUBCASE("nobody") {}
    SUBCASE("many") { answered = true; }
    world.reply(sent, 200, {"Expires: 0"}, "fork-0");
    WatcherWorld::Notify given;
    given.event = "gossip";
    given.state = "terminated;reason=timeout";
    for (int fork = 0; answered && fork < 12; ++fork) {
        given.tag = "fork-" + std::to_string(fork);
        CHECK(world.notify(sent, given) == (fork < 8 ? 200 : 481));
    }
    world.forget_news();
    world.raw.pass(seconds{32});
    const auto over = world.news();
    CHECK(over.kind == Kind::ended);
    CHECK(over.last);
    CHECK(over.status == (answered ? 0 : 408));
    CHECK(world.part.size() == 0);
}
