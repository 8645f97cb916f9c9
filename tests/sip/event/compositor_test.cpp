#include "sip/event/compositor.hpp"

#include <doctest/doctest.h>

#include <set>

#include "tests/support/event_world.hpp"
#include "tests/support/stored.hpp"

using namespace sip;

namespace {

RawRequest with_tag(RawRequest request, const std::string& tag) {
    return request.with("SIP-If-Match: " + tag);
}

/// Everybody is whom From names.
class Believing final : public Gate {
public:
    Verdict admit(const Now&, const Request& request) override {
        Verdict verdict;
        Appender name(room_);
        write_address_of_record(name, request.essentials.from.uri);
        verdict.identity = {name.view(), true};
        return verdict;
    }
    void write_challenges(const Now&, const Request&, bool, MessageWriter&) override {}

private:
    std::array<char, 512> room_{};
};

}  // namespace

TEST_CASE("R3903-6-5 R3903-6-15 R3903-10.2-1: an initial PUBLISH gets an entity-tag and no body") {
    EventWorld world;
    const RawMessage answer = world.net.ask(world.publish_request("open"));
    CHECK(answer.status() == 200);
    CHECK(answer.fields("SIP-ETag").size() == 1);
    CHECK(answer.field("SIP-ETag").size() >= 16);
    CHECK(answer.field("Expires") == "3600");
    CHECK(answer.body().empty());
    CHECK_FALSE(answer.has("Contact"));
    CHECK(world.compositor.size() == 1);
}

TEST_CASE("R3903-6-1 R3903-4-1: Record-Route and Contact of a PUBLISH mean nothing") {
    EventWorld world;
    RawRequest request = world.publish_request("open");
    request.with("Record-Route: <sip:192.0.2.99;lr>").with("Contact: <sip:a@192.0.2.99>");
    const RawMessage answer = world.net.ask(request);
    CHECK(answer.status() == 200);
    CHECK_FALSE(answer.has("Record-Route"));
}

TEST_CASE("R3903-6-16 T-20: every success gives another tag, and the one before is dead at once") {
    EventWorld world;
    std::set<std::string> tags;
    std::string tag = world.net.ask(world.publish_request("open")).field("SIP-ETag");
    tags.insert(tag);
    for (int i = 0; i < 6; ++i) {
        const RawMessage answer =
            world.net.ask(with_tag(world.publish_request(i % 2 ? "body" : ""), tag));
        REQUIRE(answer.status() == 200);
        CHECK(tags.insert(answer.field("SIP-ETag")).second);
        const RawMessage late = world.net.ask(with_tag(world.publish_request("late"), tag));
        CHECK(late.status() == 412);
        CHECK(late.reason() == "Conditional Request Failed");
        tag = answer.field("SIP-ETag");
    }
    CHECK(world.compositor.size() == 1);
}

TEST_CASE("R3903-6-12: a refresh extends the time, changes no state and causes no NOTIFY") {
    EventWorld world;
    world.net.ask(world.subscribe_request());
    RawRequest first = world.publish_request("open");
    first.with("Expires: 100");
    const std::string tag = world.net.ask(first).field("SIP-ETag");
    world.net.sent.clear();
    world.net.pass(seconds{90});
    RawRequest refresh = with_tag(world.publish_request(""), tag);
    refresh.with("Expires: 100");
    CHECK(world.net.ask(refresh).status() == 200);
    CHECK_FALSE(world.net.take("NOTIFY"));
    world.net.pass(seconds{99});
    CHECK(world.compositor.size() == 1);
    CHECK_FALSE(world.net.take("NOTIFY"));
    world.net.pass(seconds{1});
    CHECK(world.compositor.size() == 0);
}

TEST_CASE("R3903-6-18: a publication that runs out is removed and watchers are told") {
    EventWorld world;
    world.net.ask(world.subscribe_request());
    RawRequest request = world.publish_request("open");
    request.with("Expires: 60");
    world.net.ask(request);
    world.net.sent.clear();
    world.net.pass(seconds{60});
    CHECK(world.net.take("NOTIFY").body() == "alice@example.com/0/text/plain\n");
    CHECK(world.compositor.size() == 0);
}

TEST_CASE("R3903-6-13: Expires 0 removes with a tag, and stores nothing without one") {
    EventWorld world;
    world.net.ask(world.subscribe_request());
    const std::string tag = world.net.ask(world.publish_request("open")).field("SIP-ETag");
    world.net.sent.clear();
    RawRequest remove = with_tag(world.publish_request(""), tag);
    remove.with("Expires: 0");
    const RawMessage answer = world.net.ask(remove);
    CHECK(answer.status() == 200);
    CHECK(answer.field("Expires") == "0");
    CHECK(answer.has("SIP-ETag"));
    CHECK(world.net.take("NOTIFY").body() == "alice@example.com/0/text/plain\n");
    RawRequest nothing = world.publish_request("open");
    nothing.with("Expires: 0");
    CHECK(world.net.ask(nothing).status() == 200);
    CHECK(world.compositor.size() == 0);
    CHECK_FALSE(world.net.take("NOTIFY"));
}

TEST_CASE("R3903-6-4: no Event, or one not served, is 489 with Allow-Events") {
    EventWorld world;
    RawRequest request = world.publish_request("open");
    request.fields[0] = "Event: other";
    const RawMessage answer = world.net.ask(request);
    CHECK(answer.status() == 489);
    CHECK(answer.field("Allow-Events") == "echo");
}

TEST_CASE("R3903-6-3: a Request-URI that is nobody here is 404") {
    EventWorld world;
    world.echo.missing.insert("alice@example.com");
    CHECK(world.net.ask(world.publish_request("open")).status() == 404);
}

TEST_CASE("R3903-14.1-1 R3903-6-19 T-14: one may publish for oneself alone") {
    EventWorld world;
    RawRequest request = world.publish_request("open");
    request.from = "<sip:mallory@example.com>;tag=m";
    CHECK(world.net.ask(request).status() == 403);
    CHECK(world.compositor.size() == 0);
}

TEST_CASE("R3903-6-6 R3903-12-1: SIP-If-Match with several tags is 400, an unknown one 412") {
    EventWorld world;
    CHECK(world.net.ask(with_tag(world.publish_request("x"), "a, b")).status() == 400);
    CHECK(world.net.ask(with_tag(world.publish_request("x"), "unknown")).status() == 412);
    RawRequest twice = with_tag(with_tag(world.publish_request("x"), "a"), "b");
    CHECK(world.net.ask(twice).status() == 400);
}

TEST_CASE("R3903-6-8 R3903-6-7: below the minimum 423, above the maximum cut, 0 never 423") {
    EventWorld world;
    RawRequest request = world.publish_request("open");
    request.with("Expires: 59");
    RawMessage answer = world.net.ask(request);
    CHECK(answer.status() == 423);
    CHECK(answer.field("Min-Expires") == "60");
    request = world.publish_request("open");
    request.with("Expires: 100000");
    CHECK(world.net.ask(request).field("Expires") == "7200");
}

TEST_CASE("R3903-6-8: the hour rule of SUBSCRIBE does not hold for PUBLISH") {
    EventWorld world;
    world.echo.traits_.expires_min_s = 5000;
    RawRequest request = world.publish_request("open");
    request.with("Expires: 3600");
    CHECK(world.net.ask(request).status() == 423);
}

TEST_CASE("R3903-6-9 R3261-8.2.3-1: a type or encoding that is not known is 415") {
    EventWorld world;
    RawRequest request = world.publish_request("");
    request.with_body("application/json", "{}");
    RawMessage answer = world.net.ask(request);
    CHECK(answer.status() == 415);
    CHECK(answer.field("Accept") == "text/plain");
    request = world.publish_request("x");
    request.with("Content-Encoding: gzip");
    answer = world.net.ask(request);
    CHECK(answer.status() == 415);
    CHECK(answer.field("Accept-Encoding") == "identity");
}

TEST_CASE("R3903-6-10: a body that the package refuses is its error, and the old state stays") {
    EventWorld world;
    world.net.ask(world.subscribe_request());
    const std::string tag = world.net.ask(world.publish_request("good")).field("SIP-ETag");
    world.net.sent.clear();
    const RawMessage answer = world.net.ask(with_tag(world.publish_request("bad"), tag));
    CHECK(answer.status() == 400);
    CHECK(answer.reason() == "echo says bad");
    CHECK_FALSE(world.net.take("NOTIFY"));
    CHECK(world.net.ask(with_tag(world.publish_request(""), tag)).status() == 200);
}

TEST_CASE("R3903-6-11: neither a body nor a tag is 400") {
    EventWorld world;
    CHECK(world.net.ask(world.publish_request("")).status() == 400);
}

TEST_CASE("R3903-6-17: a copy of a PUBLISH gets the same answer with the same tag") {
    EventWorld world;
    RawRequest request = world.publish_request("open");
    request.branch = "z9hG4bKsame";
    const RawMessage first = world.net.ask(request);
    const RawMessage second = world.net.ask(request);
    CHECK(first.text == second.text);
    CHECK(world.compositor.size() == 1);
}

TEST_CASE("R3903-OUR-1: publications of an address, in total, and their bytes are limited") {
    EventWorld::Options options;
    options.stack.limits.publications_per_resource = 2;
    options.stack.limits.publication_bytes = 10;
    EventWorld world(options);
    CHECK(world.net.ask(world.publish_request("0123456789")).status() == 200);
    CHECK(world.net.ask(world.publish_request("01234567890")).status() == 413);
    CHECK(world.net.ask(world.publish_request("second")).status() == 200);
    const RawMessage third = world.net.ask(world.publish_request("third"));
    CHECK(third.status() == 403);
    CHECK(world.stack.counters().limit_publications_per_resource == 1);
    CHECK(world.stack.counters().limit_publication_bytes == 1);
    CHECK(world.compositor.size() == 2);
}

TEST_CASE("R3903-6-2 R3903-6-14: operations queue behind one that is being stored, in order") {
    EventWorld::Options options;
    options.stack.has_store = true;
    EventWorld world(options);
    CHECK_FALSE(world.net.ask(world.publish_request("one")));
    CHECK_FALSE(world.net.ask(world.publish_request("two")));
    CHECK_FALSE(world.net.ask(world.publish_request("three")));
    CHECK(world.net.commits.size() == 1);
    world.net.commit();
    CHECK(world.net.take().field("CSeq") == "1 PUBLISH");
    REQUIRE(world.net.commits.size() == 1);
    world.net.commit(false);
    const RawMessage failed = world.net.take();
    CHECK(failed.status() == 500);
    CHECK(failed.field("CSeq") == "2 PUBLISH");
    CHECK(failed.has("Retry-After"));
    REQUIRE(world.net.commits.size() == 1);
    world.net.commit();
    CHECK(world.net.take().field("CSeq") == "3 PUBLISH");
    CHECK(world.compositor.size() == 2);
}

TEST_CASE("R3903-6-14: a modification that cannot be stored leaves the tag and the state") {
    EventWorld::Options options;
    options.stack.has_store = true;
    EventWorld world(options);
    world.net.ask(world.publish_request("one"));
    world.net.commit();
    const std::string tag = world.net.take().field("SIP-ETag");
    world.net.ask(with_tag(world.publish_request("two"), tag));
    world.net.commit(false);
    CHECK(world.net.take().status() == 500);
    world.net.ask(with_tag(world.publish_request("three"), tag));
    world.net.commit();
    CHECK(world.net.take().status() == 200);
}

TEST_CASE("T-35: memory refused at any allocation of a PUBLISH is an answer, and no leak") {
    bool succeeded = false;
    for (std::uint64_t n = 0; n < 200 && !succeeded; ++n) {
        EventWorld world;
        world.stack.shard().memory.refuse_after(n);
        const RawMessage answer = world.net.ask(world.publish_request("state"));
        world.stack.shard().memory.refuse_none();
        succeeded = world.stack.shard().memory.refusals() == 0;
        CAPTURE(n);
        CAPTURE(answer.text);
        if (answer.status() != 0) CHECK((answer.status() == 200 || answer.status() >= 500));
        CHECK(world.net.ask(world.publish_request("again")).status() == 200);
    }
    CHECK(succeeded);
}

TEST_CASE("OPTIONS names the methods, packages and types that are served") {
    EventWorld world;
    RawRequest request{
        "OPTIONS", "sip:example.com", "<sip:bob@example.com>;tag=o", "", "o", 1, "", {}, "", ""};
    const RawMessage answer = world.net.ask(request);
    CHECK(answer.status() == 200);
    CHECK(answer.field("Allow") == "OPTIONS, SUBSCRIBE, PUBLISH");
    CHECK(answer.field("Allow-Events") == "echo");
    CHECK(answer.field("Accept") == "text/plain, text/x-echo");
}

TEST_CASE("ROUR-7 R3903-6-18: a refresh that came in time holds, however long the store takes") {
    EventWorld::Options options;
    options.stack.has_store = true;
    EventWorld world(options);
    world.net.ask(world.publish_request("news").with("Expires: 60"));
    world.net.commit();
    const std::string tag = world.net.take().field("SIP-ETag");
    world.net.pass(seconds{59});
    CHECK_FALSE(
        world.net.ask(world.publish_request("").with("SIP-If-Match: " + tag).with("Expires: 60")));
    world.net.pass(seconds{10});
    CHECK(world.compositor.size() == 1);
    world.net.sent.clear();
    SUBCASE("stored") {
        world.net.commit();
        const RawMessage answer = world.net.take();
        CHECK(answer.status() == 200);
        CHECK(answer.field("SIP-ETag") != tag);
        world.net.pass(seconds{59});
        CHECK(world.compositor.size() == 1);
        world.net.pass(seconds{1});
    }
    SUBCASE("not stored") {
        world.net.commit(false);
        CHECK(world.net.take().status() == 500);
        world.net.pass(seconds{1});
    }
    CHECK(world.compositor.size() == 0);
    CHECK(world.resources.size() == 0);
}

TEST_CASE("T-31: what is stored of a publication is what holds after the commit") {
    EventWorld::Options options;
    options.stack.has_store = true;
    EventWorld world(options);
    const auto held = [&] { return held_by<PublicationRecord>(world.compositor, world.net.now); };
    world.net.ask(world.publish_request("one").with("Expires: 600"));
    const Stored made(world.net.records);
    CHECK(held().empty());
    world.net.commit();
    REQUIRE(made.is(0, RecordChange::put));
    const auto first = made.of<PublicationRecord>(0);
    CHECK(held() == std::vector{first});
    std::string tag = world.net.take().field("SIP-ETag");
    CHECK(first.resource == "alice@example.com");
    CHECK(first.package == "echo");
    CHECK(first.etag == tag);
    CHECK(first.publisher == "alice@example.com");
    CHECK(first.body == "one");
    CHECK(first.changed_at_ms == world.net.now.wall_ms);
    CHECK(first.expires_at_ms == world.net.now.wall_ms + 600'000);

    world.net.pass(seconds{10});
    world.net.ask(with_tag(world.publish_request("two").with("Expires: 60"), tag));
    const Stored changed(world.net.records);
    CHECK(held() == std::vector{first});
    world.net.commit();
    REQUIRE(changed.is(0, RecordChange::put));
    const auto second = changed.of<PublicationRecord>(0);
    CHECK(held() == std::vector{second});
    CHECK(second.chain == first.chain);
    CHECK(second.body == "two");
    CHECK(second.changed_at_ms == first.changed_at_ms + 10'000);
    tag = world.net.take().field("SIP-ETag");
    CHECK(second.etag == tag);

    world.net.pass(seconds{10});
    world.net.ask(with_tag(world.publish_request("").with("Expires: 90"), tag));
    const Stored kept(world.net.records);
    world.net.commit();
    REQUIRE(kept.is(0, RecordChange::put));
    const auto third = kept.of<PublicationRecord>(0);
    CHECK(held() == std::vector{third});
    CHECK(third.body == "two");
    CHECK(third.changed_at_ms == second.changed_at_ms);
    CHECK(third.expires_at_ms == world.net.now.wall_ms + 90'000);
    tag = world.net.take().field("SIP-ETag");

    world.net.ask(with_tag(world.publish_request("").with("Expires: 0"), tag));
    const Stored gone(world.net.records);
    CHECK(held() == std::vector{third});
    world.net.commit();
    CHECK(held().empty());
    REQUIRE(gone.is(0, RecordChange::remove));
    CHECK(gone.of<PublicationRecord>(0).chain == first.chain);
    world.net.sent.clear();
    // Published for no time at all: nothing to store.
    CHECK(world.net.ask(world.publish_request("one").with("Expires: 0")).status() == 200);
    CHECK(world.net.commits.empty());
}

TEST_CASE("R3903-8.3-1: an entity-tag is compared byte by byte, and none is like another") {
    EventWorld world;
    const std::string tag = world.net.ask(world.publish_request("one")).field("SIP-ETag");
    REQUIRE(tag.size() == 24);
    std::string upper = tag;
    for (char& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
    REQUIRE(upper != tag);
    for (const std::string& other : {upper, tag.substr(1), tag + "0", tag.substr(0, 23) + "%30"})
        CHECK(world.net.ask(with_tag(world.publish_request("two"), other)).status() == 412);
    for (std::size_t i = 0; i < tag.size(); ++i) {
        std::string other = tag;
        other[i] = other[i] == '0' ? '1' : '0';
        CHECK(world.net.ask(with_tag(world.publish_request("two"), other)).status() == 412);
    }
    // The next one shares nothing with it that could be counted on.
    const std::string next =
        world.net.ask(with_tag(world.publish_request("two"), tag)).field("SIP-ETag");
    std::size_t same = 0;
    for (std::size_t i = 0; i < tag.size(); ++i) same += tag[i] == next[i];
    CHECK(same < 12);
}

TEST_CASE("R3903-9-1: at the limit of publications a PUBLISH is 503 with Retry-After") {
    EventWorld::Options options;
    options.stack.limits.publications = 2;
    EventWorld world(options);
    CHECK(world.net.ask(world.publish_request("one")).status() == 200);
    const std::string tag = world.net.ask(world.publish_request("two")).field("SIP-ETag");
    const RawMessage refused = world.net.ask(world.publish_request("three"));
    CHECK(refused.status() == 503);
    CHECK(refused.has("Retry-After"));
    CHECK(world.stack.counters().limit_publications == 1);
    CHECK(world.net.ask(with_tag(world.publish_request("four"), tag)).status() == 200);
}

TEST_CASE("R3903-14.2-1: however fast somebody publishes, NOTIFYs keep the package's rate") {
    EventWorld world;
    world.echo.traits_.notify_interval_min = seconds{5};
    world.net.ask(world.subscribe_request());
    world.net.sent.clear();
    std::string tag;
    std::size_t notifies = 0;
    for (int i = 0; i < 200; ++i) {
        RawRequest request = world.publish_request("state " + std::to_string(i));
        world.net.input(world.net.text_of(tag.empty() ? request : with_tag(request, tag)));
        while (const RawMessage message = world.net.take())
            if (message.method() == "NOTIFY")
                ++notifies;
            else
                tag = message.field("SIP-ETag");
        world.net.pass(milliseconds{100});
    }
    CHECK(notifies >= 3);
    CHECK(notifies <= 5);  // 20 s
}

TEST_CASE("the package says who is the same source, the compositor asks within bounds") {
    EventWorld world;
    Believing believing;
    world.stack.set_gate(&believing);
    world.echo.anybody_publishes = true;
    const auto publish = [&](const std::string& body, const std::string& publisher = "alice") {
        RawRequest request = world.publish_request(body);
        request.from = "<sip:" + publisher + "@example.com>;tag=p";
        CHECK(world.net.ask(request).status() == 200);
        return world.compositor.size();
    };
    CHECK(publish("one") == 1);
    CHECK(publish("one") == 2);
    CHECK(publish("@a1") == 3);
    CHECK(publish("@b1") == 4);
    CHECK(publish("@a2") == 4);
    // Of another publisher it takes nothing, and what is there of him is his.
    CHECK(publish("@a3", "bob") == 5);
    CHECK(publish("@a4") == 5);
    CHECK(publish("@a5", "bob") == 5);
    CHECK(publish("=") == 6);
    CHECK(publish("=") == 6);
    world.net.peer.address = Address::v4(192, 0, 2, 98);
    CHECK(publish("=") == 7);
    CHECK(world.stack.counters().publications_superseded == 4);
    // Overtaken by a later one of its call: it takes nobody's place. A refresh counts.
    const std::string tag = world.net.ask(world.publish_request("=")).field("SIP-ETag");
    CHECK(world.compositor.size() == 7);
    const unsigned skipped = ++world.publish_cseq;
    world.net.ask(with_tag(world.publish_request(""), tag));
    RawRequest late = world.publish_request("=");
    late.cseq = skipped;
    CHECK(world.net.ask(late).status() == 200);
    CHECK(world.compositor.size() == 8);
}

TEST_CASE("T-31: a store sees the ghost go in the commit that takes its place") {
    EventWorld::Options options;
    options.stack.has_store = true;
    EventWorld world(options);
    Believing believing;
    world.stack.set_gate(&believing);
    world.net.ask(world.publish_request("@a1"));
    world.net.commit();
    const Stored made(world.net.records);
    const auto ghost = made.of<PublicationRecord>(0);
    world.net.ask(world.subscribe_request());
    world.net.commit();
    world.net.sent.clear();
    world.net.records.clear();
    const auto held = [&] { return held_by<PublicationRecord>(world.compositor, world.net.now); };

    // Not stored: all is as it was.
    world.net.ask(world.publish_request("@a2"));
    CHECK(held() == std::vector{ghost});
    world.net.commit(false);
    CHECK(world.net.take().status() == 500);
    CHECK(held() == std::vector{ghost});
    CHECK_FALSE(world.net.take("NOTIFY"));

    world.net.records.clear();
    world.net.ask(world.publish_request("@a3"));
    const Stored replaced(world.net.records);
    CHECK(held() == std::vector{ghost});
    world.net.commit();
    REQUIRE(replaced.records.size() == 2);
    CHECK(replaced.is(0, RecordChange::remove));
    CHECK(replaced.of<PublicationRecord>(0).chain == ghost.chain);
    REQUIRE(replaced.is(1, RecordChange::put));
    CHECK(held() == std::vector{replaced.of<PublicationRecord>(1)});
    CHECK(replaced.of<PublicationRecord>(1).chain == ghost.chain);
    CHECK(replaced.of<PublicationRecord>(1).body == "@a3");
    CHECK(world.net.take().field("SIP-ETag") == replaced.of<PublicationRecord>(1).etag);
    // One NOTIFY: at no moment were there two, or none.
    CHECK(world.net.take("NOTIFY").body().find("@a3\n") != std::string::npos);
    CHECK_FALSE(world.net.take("NOTIFY"));
}

TEST_CASE("a ghost that runs out while its place is taken is gone once") {
    EventWorld::Options options;
    options.stack.has_store = true;
    EventWorld world(options);
    Believing believing;
    world.stack.set_gate(&believing);
    world.net.ask(world.publish_request("@a1").with("Expires: 60"));
    world.net.commit();
    world.net.pass(seconds{59});
    world.net.ask(world.publish_request("@a2").with("Expires: 60"));
    world.net.pass(seconds{10});
    CHECK(world.compositor.size() == 1);
    world.net.commit();
    CHECK(world.compositor.size() == 1);
    CHECK(held_by<PublicationRecord>(world.compositor, world.net.now).at(0).body == "@a2");
    CHECK(world.stack.counters().publications_superseded == 0);
    world.net.pass(seconds{60});
    CHECK(world.compositor.size() == 0);
}
