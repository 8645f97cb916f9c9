#include "sip/event/publisher.hpp"

#include <doctest/doctest.h>

#include "tests/support/uac_world.hpp"

using sip::seconds;

namespace {

struct PublisherWorld : UacWorld<sip::Publisher> {
    using Kind = sip::PublicationNotice::Kind;

    explicit PublisherWorld(const sip::Limits& limits = {}) : UacWorld(limits) {}

    sip::PublishOptions options(std::string_view body = "<open/>") {
        sip::PublishOptions made;
        made.peer = peer("sip:alice@example.com", "sip:alice@example.com");
        made.event = "presence";
        made.content_type = "application/pidf+xml";
        made.body = body;
        made.expires_s = 3600;
        return made;
    }
    sip::PublishId publish(const sip::PublishOptions& given) {
        const auto id = part.publish(raw.now, given);
        raw.drain();
        return id ? *id : sip::PublishId{};
    }
    sip::PublishId publish() { return publish(options()); }
    void ok(const RawMessage& request, const std::string& etag, unsigned expires = 3600) {
        reply(request, 200, {"SIP-ETag: " + etag, "Expires: " + std::to_string(expires)});
    }
    bool modify(sip::PublishId id, std::string_view body) {
        const bool done = part.modify(raw.now, id, body);
        raw.drain();
        return done;
    }
    bool remove(sip::PublishId id) {
        const bool done = part.remove(raw.now, id);
        raw.drain();
        return done;
    }
    struct News {
        bool any = false;
        Kind kind{};
        unsigned status = 0, expires = 0, retry_after = 0;
        std::string etag, phrase;
    };
    News news() {
        const auto notice = part.next_notice();
        if (!notice) return {};
        return {true,
                notice->kind,
                notice->status,
                notice->expires_s,
                notice->retry_after_s,
                std::string(notice->etag.view()),
                std::string(notice->phrase.view())};
    }
    /// A publication that stands under the entity-tag "one".
    sip::PublishId stand(unsigned expires = 3600) {
        const auto id = publish();
        ok(only(), "one", expires);
        (void)news();
        return id;
    }
};

using Kind = PublisherWorld::Kind;

}  // namespace

TEST_CASE(
    "R3903-4.1-1 R3903-4.2-1 R3903-4-1 R3903-10.1-1 R3261-8.1.1-1: an initial publication has "
    "one Event, a body, no SIP-If-Match and no Contact") {
    PublisherWorld world;
    REQUIRE(world.publish());
    const RawMessage sent = world.only();
    CHECK(sent.method() == "PUBLISH");
    CHECK(sent.request_uri() == "sip:alice@example.com");
    CHECK(sent.field("To") == "<sip:alice@example.com>");
    CHECK(sent.field("From").starts_with("<sip:alice@example.com>;tag="));
    CHECK(sent.field("CSeq") == "1 PUBLISH");
    CHECK(sent.field("Max-Forwards") == "70");
    CHECK(sent.fields("Event") == std::vector<std::string>{"presence"});
    CHECK(sent.field("Expires") == "3600");
    CHECK(sent.field("Content-Type") == "application/pidf+xml");
    CHECK(sent.field("Content-Length") == "7");
    CHECK(sent.body() == "<open/>");
    CHECK_FALSE(sent.has("SIP-If-Match"));
    CHECK_FALSE(sent.has("Contact"));
    world.ok(sent, "one", 1800);
    const auto news = world.news();
    CHECK(news.kind == Kind::published);
    CHECK(news.etag == "one");
    CHECK(news.expires == 1800);
    CHECK(news.status == 200);
    CHECK(world.silent());
}

TEST_CASE(
    "R3903-4.1-2 R3903-4.3-1 R3903-4.3-2: a refresh goes at half of the time with the latest "
    "entity-tag and no body, and takes the new one") {
    PublisherWorld world;
    REQUIRE(world.stand(600));
    world.pass(seconds{299});
    CHECK(world.silent());
    world.pass(seconds{1});
    RawMessage refresh = world.only();
    CHECK(refresh.fields("SIP-If-Match") == std::vector<std::string>{"one"});
    CHECK(refresh.field("Event") == "presence");
    CHECK(refresh.body().empty());
    CHECK_FALSE(refresh.has("Content-Type"));
    CHECK(cseq_of(refresh) == 2);
    world.ok(refresh, "two", 600);
    CHECK(world.news().etag == "two");
    world.pass(seconds{300});
    refresh = world.only();
    CHECK(refresh.fields("SIP-If-Match") == std::vector<std::string>{"two"});
}

TEST_CASE("R3903-4.3-2: a short publication is refreshed 32 s before its end, or at a third") {
    for (const auto& row :
         {std::pair{3600U, 1800U}, {64U, 32U}, {60U, 28U}, {48U, 16U}, {30U, 10U}, {2U, 1U}}) {
        const std::uint32_t granted = row.first, delay = row.second;
        CAPTURE(granted);
        PublisherWorld world;
        REQUIRE(world.stand(granted));
        world.pass(seconds{delay} - sip::milliseconds{1});
        CHECK(world.silent());
        world.pass(sip::milliseconds{1});
        CHECK(world.only().field("SIP-If-Match") == "one");
    }
}

TEST_CASE("R3903-4.4-1 R3903-4.1-2: a modification has the latest entity-tag and all of the body") {
    PublisherWorld world;
    const auto id = world.stand();
    CHECK(world.modify(id, "<closed/>"));
    const RawMessage sent = world.only();
    CHECK(sent.fields("SIP-If-Match") == std::vector<std::string>{"one"});
    CHECK(sent.body() == "<closed/>");
    CHECK(sent.field("Content-Type") == "application/pidf+xml");
    CHECK(sent.field("Event") == "presence");
    world.ok(sent, "two");
    CHECK(world.news().etag == "two");
    CHECK(world.modify(id, "<open/>"));
    CHECK(world.only().field("SIP-If-Match") == "two");
}

TEST_CASE(
    "R3903-4.5-1: a removal has Expires 0, the entity-tag and no body; the tag is forgotten") {
    PublisherWorld world;
    const auto id = world.stand();
    CHECK(world.remove(id));
    const RawMessage sent = world.only();
    // It cannot be had back: what is said from now on is another publication's.
    CHECK_FALSE(world.modify(id, "<open/>"));
    CHECK(world.silent());
    CHECK(sent.fields("SIP-If-Match") == std::vector<std::string>{"one"});
    CHECK(sent.field("Expires") == "0");
    CHECK(sent.body().empty());
    CHECK_FALSE(sent.has("Content-Type"));
    world.ok(sent, "two", 0);
    CHECK(world.news().kind == Kind::removed);
    CHECK(world.part.size() == 0);
    CHECK_FALSE(world.remove(id));
    CHECK_FALSE(world.modify(id, "<open/>"));
    world.pass(seconds{7200});
    CHECK(world.silent());
}

TEST_CASE("R3903-4-2: one PUBLISH is on its way at a time, and what changes meanwhile is merged") {
    PublisherWorld world;
    const auto id = world.publish();
    const RawMessage first = world.only();
    CHECK(world.modify(id, "<a/>"));
    CHECK(world.modify(id, "<b/>"));
    CHECK(world.modify(id, "<c/>"));
    CHECK(world.silent());
    world.ok(first, "one");
    const RawMessage second = world.only();
    CHECK(second.body() == "<c/>");
    CHECK(second.field("SIP-If-Match") == "one");
    CHECK(world.modify(id, "<d/>"));
    CHECK(world.remove(id));
    CHECK_FALSE(world.modify(id, "<e/>"));  // it is to be removed
    world.ok(second, "two");
    const RawMessage third = world.only();
    CHECK(third.field("Expires") == "0");
    CHECK(third.field("SIP-If-Match") == "two");
    world.ok(third, "three", 0);
    CHECK(world.silent());
    CHECK(world.part.size() == 0);
}

TEST_CASE("R3903-4-2: a lost PUBLISH is sent again as it was, not as the state is now") {
    PublisherWorld world;
    const auto id = world.publish();
    const RawMessage first = world.only();
    CHECK(world.modify(id, "<later/>"));
    world.pass(sip::milliseconds{500});
    CHECK(world.only().text == first.text);
    world.ok(first, "one");
    CHECK(world.only().body() == "<later/>");
}

TEST_CASE("R3903-4-2: two publications for one Request-URI take turns, for two they do not") {
    PublisherWorld world;
    (void)world.publish();
    const RawMessage first = world.only();
    (void)world.publish(world.options("<second/>"));
    CHECK(world.silent());
    auto other = world.options("<other/>");
    other.peer.uri = "sip:carol@example.com";
    (void)world.publish(other);
    CHECK(world.only().request_uri() == "sip:carol@example.com");
    world.ok(first, "one");
    CHECK(world.only().body() == "<second/>");
}

TEST_CASE("R3903-4-2: whoever waited goes on when the other one fails or times out") {
    for (const bool silent : {false, true}) {
        PublisherWorld world;
        (void)world.publish();
        const RawMessage first = world.only();
        (void)world.publish(world.options("<second/>"));
        if (silent) {
            world.pass(seconds{32});
        } else {
            world.reply(first, 403);
        }
        CHECK(world.news().kind == Kind::failed);
        CHECK(world.last().body() == "<second/>");
        CHECK(world.part.size() == 1);
    }
}

TEST_CASE("R3903-5-1: 412 discards the entity-tag, and the whole state is published afresh") {
    PublisherWorld world;
    const auto id = world.stand(600);
    world.pass(seconds{300});
    const RawMessage refresh = world.only();
    CHECK(refresh.body().empty());
    world.reply(refresh, 412);
    const RawMessage afresh = world.only();
    CHECK_FALSE(afresh.has("SIP-If-Match"));
    CHECK(afresh.body() == "<open/>");
    world.ok(afresh, "new", 600);
    CHECK(world.news().etag == "new");
    CHECK(world.modify(id, "<two/>"));
    const RawMessage modify = world.only();
    CHECK(modify.field("SIP-If-Match") == "new");
    world.reply(modify, 412);
    const RawMessage again = world.only();
    CHECK_FALSE(again.has("SIP-If-Match"));
    CHECK(again.body() == "<two/>");
    // An initial one cannot meet 412: no loop.
    world.reply(again, 412);
    CHECK(world.news().kind == Kind::failed);
    CHECK(world.silent());
}

TEST_CASE("R3903-5-1 R3903-4.5-1: a removal that meets 412 is done, and nothing is published") {
    PublisherWorld world;
    const auto id = world.stand();
    CHECK(world.remove(id));
    world.reply(world.only(), 412);
    CHECK(world.news().kind == Kind::removed);
    CHECK(world.silent());
    // The same when the removal was asked for while a refresh met it.
    const auto other = world.stand(600);
    world.pass(seconds{300});
    const RawMessage refresh = world.only();
    CHECK(world.remove(other));
    world.reply(refresh, 412);
    CHECK(world.news().kind == Kind::removed);
    CHECK(world.silent());
    CHECK(world.part.size() == 0);
}

TEST_CASE("R3903-5-2: 423 is tried once more, with Min-Expires") {
    PublisherWorld world;
    auto options = world.options();
    options.expires_s = 10;
    (void)world.publish(options);
    world.reply(world.only(), 423, {"Min-Expires: 90"});
    const RawMessage second = world.only();
    CHECK(second.field("Expires") == "90");
    CHECK(second.body() == "<open/>");
    CHECK(cseq_of(second) == 2);
    world.ok(second, "one", 90);
    CHECK(world.news().expires == 90);
    world.pass(seconds{45});
    CHECK(world.only().field("Expires") == "90");

    PublisherWorld other;
    (void)other.publish(options);
    other.reply(other.only(), 423, {"Min-Expires: 90"});
    other.reply(other.only(), 423, {"Min-Expires: 180"});
    CHECK(other.news().status == 423);
    CHECK(other.silent());
}

TEST_CASE("R3903-5-3 R3261-22.2-2 R3261-22.2-1: a challenge is answered, with the body, once") {
    PublisherWorld world;
    auto options = world.options();
    options.peer.credentials = world.credentials();
    (void)world.publish(options);
    const RawMessage first = world.only();
    world.reply(first, 401, {world.challenge("n1")});
    const RawMessage second = world.only();
    CHECK(second.field("Authorization").find("nonce=\"n1\"") != std::string::npos);
    CHECK(second.body() == "<open/>");
    CHECK(second.field("Call-ID") == first.field("Call-ID"));
    CHECK(second.field("From") == first.field("From"));
    CHECK(cseq_of(second) == 2);
    world.reply(second, 401, {world.challenge("n2")});
    const auto news = world.news();
    CHECK(news.kind == Kind::failed);
    CHECK(news.status == 401);
    CHECK(world.silent());
}

TEST_CASE("R3903-5-3: what is refused is reported, never looped") {
    for (const int status : {302, 400, 403, 404, 413, 415, 420, 480, 489, 500, 503, 603, 699}) {
        CAPTURE(status);
        PublisherWorld world;
        (void)world.publish();
        world.reply(world.only(), status);
        const auto news = world.news();
        CHECK(news.kind == Kind::failed);
        CHECK(news.status == status);
        CHECK(news.phrase == "Said");
        CHECK(world.part.size() == 0);
        world.pass(seconds{7200});
        CHECK(world.silent());
    }
}

TEST_CASE("a modification that is refused leaves what was published, and that is kept fresh") {
    PublisherWorld world;
    const auto id = world.stand(600);
    CHECK(world.modify(id, "<bad/>"));
    world.reply(world.only(), 415);
    const auto news = world.news();
    CHECK(news.kind == Kind::refused);
    CHECK(news.status == 415);
    CHECK(news.etag == "one");
    world.pass(seconds{300});
    const RawMessage refresh = world.only();
    CHECK(refresh.field("SIP-If-Match") == "one");
    // Lost meanwhile: afresh is what the compositor took, not what it refused.
    world.reply(refresh, 412);
    CHECK(world.only().body() == "<open/>");
}

TEST_CASE("R3903-5-3 R3261-8.1.3.5-2: 503 waits for its Retry-After, and then sends the latest") {
    PublisherWorld world;
    const auto id = world.publish();
    world.reply(world.only(), 503, {"Retry-After: 12"});
    auto news = world.news();
    CHECK(news.kind == Kind::waiting);
    CHECK(news.retry_after == 12);
    CHECK(world.modify(id, "<newer/>"));
    CHECK(world.silent());
    world.pass(sip::milliseconds{11'999});
    CHECK(world.silent());
    world.pass(sip::milliseconds{1});
    const RawMessage sent = world.only();
    CHECK(sent.body() == "<newer/>");
    CHECK_FALSE(sent.has("SIP-If-Match"));
    world.ok(sent, "one");
    CHECK(world.silent());
}

TEST_CASE("a publication that runs out while its refresh fails is made afresh") {
    PublisherWorld world;
    REQUIRE(world.stand(60));
    world.pass(seconds{28});
    world.reply(world.only(), 503, {"Retry-After: 40"});
    CHECK(world.news().kind == Kind::waiting);
    world.pass(seconds{40});
    const RawMessage sent = world.only();
    CHECK_FALSE(sent.has("SIP-If-Match"));
    CHECK(sent.body() == "<open/>");
}

TEST_CASE("R3261-8.1.3.1-1: a first PUBLISH that nobody answers fails, a later one tries on") {
    PublisherWorld world;
    (void)world.publish();
    world.pass(seconds{32});
    auto news = world.news();
    CHECK(news.kind == Kind::failed);
    CHECK(news.status == 408);
    (void)world.last();
    REQUIRE(world.stand());
    world.pass(seconds{1800});
    for (const unsigned delay : {1U, 2U, 4U, 8U}) {
        world.pass(seconds{32});
        news = world.news();
        CHECK(news.kind == Kind::waiting);
        CHECK(news.status == 408);
        CHECK(news.retry_after == delay);
        (void)world.last();
        world.pass(seconds{delay});
    }
    const RawMessage sent = world.only();
    CHECK(sent.field("SIP-If-Match") == "one");
    world.ok(sent, "two");
    CHECK(world.news().kind == Kind::published);
}

TEST_CASE("R3903-4.2-2: an entity-tag from before is tried first, with the body") {
    PublisherWorld world;
    auto options = world.options();
    options.etag = "stored";
    (void)world.publish(options);
    const RawMessage first = world.only();
    CHECK(first.field("SIP-If-Match") == "stored");
    CHECK(first.body() == "<open/>");
    world.reply(first, 412);
    const RawMessage second = world.only();
    CHECK_FALSE(second.has("SIP-If-Match"));
    world.ok(second, "fresh");
    CHECK(world.news().etag == "fresh");
}

TEST_CASE("R3903-4.5-1: what was published by whoever is removed by its entity-tag") {
    PublisherWorld world;
    auto options = world.options("");
    options.etag = "theirs";
    REQUIRE(world.part.remove_tag(world.raw.now, options));
    const RawMessage sent = world.only();
    CHECK(sent.field("SIP-If-Match") == "theirs");
    CHECK(sent.field("Expires") == "0");
    CHECK(sent.body().empty());
    world.reply(sent, 412);
    const auto news = world.news();
    CHECK(news.kind == Kind::removed);
    CHECK(news.status == 412);
    options.etag = "";
    CHECK_FALSE(world.part.remove_tag(world.raw.now, options));
}

TEST_CASE("published once: no refresh, no Expires where none is asked for, and then it is gone") {
    PublisherWorld world;
    auto options = world.options();
    options.once = true;
    options.expires_s = {};
    (void)world.publish(options);
    const RawMessage sent = world.only();
    CHECK_FALSE(sent.has("Expires"));
    world.ok(sent, "one", 300);
    CHECK(world.news().expires == 300);
    world.pass(seconds{299});
    CHECK(world.part.size() == 1);
    world.pass(seconds{1});
    CHECK(world.news().kind == Kind::removed);
    CHECK(world.part.size() == 0);
    CHECK(world.silent());
}

TEST_CASE("a 2xx without an entity-tag, or with a broken one, is followed by an initial PUBLISH") {
    for (const char* field : {"Subject: none", "SIP-ETag: a b"}) {
        PublisherWorld world;
        (void)world.publish();
        world.reply(world.only(), 200, {field, "Expires: 100"});
        CHECK(world.news().etag.empty());
        world.pass(seconds{50});
        const RawMessage sent = world.only();
        CHECK_FALSE(sent.has("SIP-If-Match"));
        CHECK(sent.body() == "<open/>");
    }
}

TEST_CASE(
    "R3261-18.1.1-1 R3261-18.1.1-2: a PUBLISH over 1300 bytes goes by TCP, and by UDP where nobody "
    "listens") {
    const std::string large(2'000, 'x');
    PublisherWorld world;
    const auto flow = world.raw.connect();
    (void)world.publish(world.options(large));
    const RawMessage sent = world.only();
    CHECK(sent.flow == flow);
    CHECK(sent.field("Via").starts_with("SIP/2.0/TCP "));
    CHECK(sent.body() == large);
    world.ok(sent, "one");
    CHECK(world.news().etag == "one");

    PublisherWorld other;
    const auto id = other.publish(other.options(large));
    CHECK(other.silent());
    other.pass(seconds{2});
    const RawMessage second = other.only();
    CHECK(second.flow == sip::FlowId{});
    CHECK(second.field("Via").starts_with("SIP/2.0/UDP "));
    CHECK(cseq_of(second) == 2);
    other.ok(second, "one");
    // It is remembered.
    CHECK(other.modify(id, large));
    CHECK(other.only().flow == sip::FlowId{});
}

TEST_CASE("what cannot be published is said at once, and nothing is sent") {
    PublisherWorld world;
    const auto refused = [&](auto change) {
        auto options = world.options();
        change(options);
        return !world.part.publish(world.raw.now, options).has_value();
    };
    CHECK(refused([](auto& o) { o.body = ""; }));
    CHECK(refused([](auto& o) { o.content_type = ""; }));
    CHECK(refused([](auto& o) { o.event = ""; }));
    CHECK(refused([](auto& o) { o.etag = "a\r\nb"; }));
    CHECK(refused([](auto& o) { o.expires_s = 0; }));
    CHECK(refused([](auto& o) { o.peer.uri = "alice"; }));
    CHECK(world.part.size() == 0);
    CHECK(world.silent());
    const auto id = world.publish();
    CHECK_FALSE(world.modify(id, ""));
}

TEST_CASE("one publication more than the limit is refused; no memory leaves nothing behind") {
    sip::Limits limits;
    limits.own_publications = 1;
    PublisherWorld world(limits);
    CHECK(world.publish());
    CHECK_FALSE(world.publish());
    CHECK(world.stack.counters().limit_own_publications == 1);
    for (std::uint64_t nth = 0; nth < 40; ++nth) {
        PublisherWorld poor;
        poor.stack.shard().memory.refuse_after(nth);
        const auto id = poor.publish();
        poor.stack.shard().memory.refuse_none();
        CHECK(poor.part.size() == (id ? 1 : 0));
    }
}

TEST_CASE("R3261-8.1.3.4-1: a PUBLISH that is redirected goes on with its body and entity-tag") {
    PublisherWorld world;
    const auto id = world.stand();
    CHECK(world.modify(id, "<busy/>"));
    world.reply(world.only(), 302, {"Contact: <sip:alice@192.0.2.71>"});
    const RawMessage sent = world.only();
    CHECK(sent.request_uri() == "sip:alice@192.0.2.71");
    CHECK(sent.to.address == sip::Address::v4(192, 0, 2, 71));
    CHECK(sent.body() == "<busy/>");
    CHECK(sent.field("SIP-If-Match") == "one");
    world.ok(sent, "two");
    CHECK(world.news().etag == "two");
    // RFC 3261 8.1.3.4: a 302 holds for that request.
    CHECK(world.modify(id, "<away/>"));
    CHECK(world.only().request_uri() == "sip:alice@example.com");
}

TEST_CASE(
    "R3261-8.1.3.5-1: a 413 is tried again once after its time; a 415 says what would be taken") {
    PublisherWorld world;
    (void)world.publish();
    world.reply(world.only(), 413, {"Retry-After: 5"});
    CHECK(world.news().kind == Kind::waiting);
    world.pass(seconds{5});
    world.reply(world.only(), 413, {"Retry-After: 5"});
    CHECK(world.news().kind == Kind::failed);
    (void)world.publish();
    world.reply(world.only(), 415, {"Accept: application/xpidf+xml, text/plain"});
    const auto notice = world.part.next_notice();
    REQUIRE(notice);
    CHECK(notice->kind == Kind::failed);
    CHECK(notice->accept.view() == "application/xpidf+xml, text/plain");
    world.pass(seconds{100});
    CHECK(world.silent());
}

TEST_CASE("R3263-4.3-1: a PUBLISH goes to the next server, which knows no tag and gets the state") {
    PublisherWorld world;
    ScriptedNames names;
    names.srv("_sip._udp.example.com", 1, 1, 5071, "a.example.com");
    names.srv("_sip._udp.example.com", 2, 1, 5072, "b.example.com");
    names.a("a.example.com", sip::Address::v4(192, 0, 2, 71));
    names.a("b.example.com", sip::Address::v4(192, 0, 2, 72));
    world.raw.names = &names;
    auto options = world.options();
    options.peer.next_hop = {};
    const auto id = world.publish(options);
    const RawMessage first = world.last();
    CHECK(first.to.port == 5071);
    world.ok(first, "one");
    CHECK(world.modify(id, "<closed/>"));
    CHECK(world.last().to.port == 5071);
    world.pass(seconds{32});
    const RawMessage second = world.last();
    CHECK(second.to.port == 5072);
    CHECK(second.field("SIP-If-Match") == "one");
    CHECK(second.body() == "<closed/>");
    world.reply(second, 412);
    const RawMessage whole = world.last();
    CHECK(whole.to.port == 5072);
    CHECK_FALSE(whole.has("SIP-If-Match"));
    CHECK(whole.body() == "<closed/>");
    world.ok(whole, "two");
    CHECK(world.stack.counters().target_failures == 1);
}

TEST_CASE("T-26: a PUBLISH that waits for the name system is alone in that") {
    PublisherWorld world;
    auto options = world.options();
    options.peer.next_hop = {};
    const auto id = world.publish(options);
    CHECK(world.silent());
    CHECK(world.remove(id));  // it waits behind the first
    (void)world.publish([&] {
        auto other = world.options();
        other.peer.uri = "sip:carol@example.com";
        return other;
    }());
    CHECK(world.only().request_uri() == "sip:carol@example.com");
    world.pass(seconds{10});
    const auto news = world.news();
    CHECK(news.kind == PublisherWorld::Kind::failed);
    CHECK(news.status == 503);
    CHECK(world.stack.core().locator.size() == 0);
}
