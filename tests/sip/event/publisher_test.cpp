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
