#include "presence/presence_package.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/seeded_entropy.hpp"
#include "tests/support/server_world.hpp"

using presence::Policy;
using presence::PresencePackage;
using State = sip::SubscriptionDecision;

namespace {

struct Decisions final : sip::Tracer {
    std::vector<std::string> reasons;
    void decision(const sip::Now&, const sip::TraceDecision& decision) override {
        reasons.emplace_back(decision.reason);
    }
};

/// The package alone, with nothing published or registered.
struct PackageWorld {
    explicit PackageWorld(const PresencePackage::Options& options = {})
        : package(shard, users, options) {}

    std::string render(sip::ViewId view, std::string_view resource = "alice@example.com") {
        std::string room(4096, '?');
        const auto size =
            package.render({}, {}, resource, view, "application/pidf+xml", std::span(room));
        REQUIRE(size);
        room.resize(*size);
        return room;
    }
    sip::Expected<std::size_t> accept(std::string_view body,
                                      std::string_view type = "application/pidf+xml") {
        kept.assign(65536, '?');
        const auto size = package.accept_publication(
            {}, {"alice@example.com", type, body, "alice@example.com"}, kept);
        if (size) kept.resize(*size);
        return size;
    }

    SeededEntropy entropy{5};
    Decisions decisions;
    sip::Shard shard{{}, {}, entropy, &decisions};
    NamedUsers users;
    PresencePackage package;
    std::string kept;
};

}  // namespace

TEST_CASE("R3856-6.1-1 R3856-6.4-1 R3856-6.5-1: what the package says of itself") {
    PackageWorld w({.expires_min_s = 30, .expires_max_s = 9000});
    const auto& traits = w.package.traits();
    CHECK(traits.name == "presence");
    REQUIRE(traits.accept.size() == 1);
    CHECK(traits.accept[0] == "application/pidf+xml");
    REQUIRE(traits.publish.size() == 1);
    CHECK(traits.publish[0] == "application/pidf+xml");
    CHECK(traits.expires_default_s == 3600);
    CHECK(traits.expires_min_s == 30);
    CHECK(traits.expires_max_s == 9000);
    CHECK(traits.notify_interval_min == sip::seconds{5});
    CHECK(traits.forks == sip::EventPackage::Forks::one_dialog);
    CHECK(w.package.exists("alice@example.com"));
    CHECK_FALSE(w.package.exists("nobody@example.com"));
}

TEST_CASE("R3856-6.6.2-1 R3856-6.6.2-8 R3856-9.5-1: who may see whom under each policy") {
    struct Case {
        Policy policy;
        State state;
        sip::ViewId view;
    };
    for (const Case& c : {Case{Policy::allow, State::active, PresencePackage::full_view},
                          Case{Policy::confirm, State::pending, PresencePackage::closed_view},
                          Case{Policy::polite_block, State::active, PresencePackage::closed_view},
                          Case{Policy::block, State::rejected, PresencePackage::closed_view}}) {
        CAPTURE(presence::name_of(c.policy));
        PackageWorld w({.policy = c.policy});
        const auto other = w.package.decide({}, {"bob@example.com", "alice@example.com", true});
        CHECK(other.state == c.state);
        CHECK(other.view == c.view);
        CHECK(other.because == "policy " + std::string(presence::name_of(c.policy)));
        const auto self = w.package.decide({}, {"alice@example.com", "alice@example.com", true});
        CHECK(self.state == State::active);
        CHECK(self.view == PresencePackage::full_view);
        CHECK(self.because == "own address");
        // Nobody vouched for these two.
        CHECK(w.package.decide({}, {"bob@example.com", "alice@example.com", false}).state ==
              State::rejected);
        CHECK(w.package.decide({}, {"alice@example.com", "alice@example.com", false}).state ==
              State::rejected);
    }
    CHECK(PackageWorld().package.policy() == Policy::confirm);
}

TEST_CASE("R4479-OUR-3 D-5: who knows nothing and who may know nothing read the same bytes") {
    PackageWorld w;
    CHECK(w.render(PresencePackage::full_view) == w.render(PresencePackage::closed_view));
    CHECK(w.render(PresencePackage::full_view) !=
          w.render(PresencePackage::full_view, "bob@example.com"));
}

TEST_CASE("a document that does not fit into the room is an error") {
    PackageWorld w;
    const std::size_t size = w.render(PresencePackage::closed_view).size();
    std::string room(size - 1, '?');
    CHECK_FALSE(w.package
                    .render({}, {}, "alice@example.com", PresencePackage::closed_view,
                            "application/pidf+xml", std::span(room))
                    .has_value());
}

TEST_CASE("R3903-6-10: what is kept is written anew, and an empty presence is legal") {
    PackageWorld w;
    REQUIRE(
        w.accept("<?xml version='1.0'?><!-- c --><p:presence "
                 "xmlns:p='urn:ietf:params:xml:ns:pidf' entity='sip:alice@example.com'>"
                 "<p:tuple id='x'><p:status><p:basic>open</p:basic></p:status></p:tuple>"
                 "</p:presence>"));
    CHECK(w.kept.find("<!--") == std::string::npos);
    CHECK(w.kept.find("<p:") == std::string::npos);
    CHECK(w.kept.find("<basic>open</basic>") != std::string::npos);
    const std::string once = w.kept;
    REQUIRE(w.accept(once));
    CHECK(w.kept == once);
    CHECK(
        w.accept("<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" "
                 "entity=\"sip:alice@example.com\"/>"));
    for (const char* body :
         {"", "<presence", "<presence/>", "text",
          "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\"><tuple/></presence>"}) {
        CAPTURE(body);
        const auto refused = w.accept(body);
        REQUIRE_FALSE(refused);
        CHECK(sip::status_of(refused.error().condition) == 400);
    }
    CHECK(w.shard.memory.used() <= w.shard.limits.response_bytes);  // the scratch alone
}

TEST_CASE("R3903-OUR-1: tuples of a document are bounded: 413 at one past") {
    PackageWorld w;
    const auto tuples = [](int count) {
        std::string inside;
        for (int i = 1; i < count; ++i)
            inside += "<tuple id=\"x" + std::to_string(i) + "\"><status/></tuple>";
        return pidf_document("open", "t", {}, inside);
    };
    CHECK(w.accept(tuples(128)));
    const auto refused = w.accept(tuples(129));
    REQUIRE_FALSE(refused);
    CHECK(sip::status_of(refused.error().condition) == 413);
}

TEST_CASE("R3863-4.1.1-3: an entity that is not the presentity is reported, and not trusted") {
    PackageWorld w;
    REQUIRE(w.accept(pidf_document("open", "t", {}, {}, "sip:alice@example.com")));
    REQUIRE(w.accept(pidf_document("open", "t", {}, {}, "pres:alice@EXAMPLE.com")));
    CHECK(w.decisions.reasons.empty());
    REQUIRE(w.accept(pidf_document("open", "t", {}, {}, "sip:bob@example.com")));
    REQUIRE(w.decisions.reasons.size() == 1);
    CHECK(w.decisions.reasons[0] == "entity is not the presentity");
}

TEST_CASE("R3863-4.1.1-3: watchers are told the presentity, whatever the publisher called it") {
    ServerWorld w;
    w.raw.ask(w.publish("alice", pidf_document("open", "t", {}, {}, "sip:bob@example.com")));
    w.raw.ask(ServerWorld::subscribe("carol"));
    const std::string body = w.raw.take("NOTIFY").body();
    CHECK(count_of(body, "entity=\"sip:alice@example.com\"") == 1);
    CHECK(count_of(body, "bob") == 0);
}

TEST_CASE("R3863-3.1-1: a charset has to be one that is read; without it the rules of XML hold") {
    PackageWorld w;
    const std::string text =
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:alice@example.com'/>";
    std::string wide = "\xFF\xFE";
    for (const char c : text) wide += {c, '\0'};
    const auto taken = [&](std::string_view body, std::string_view parameter) {
        const auto size = w.accept(body, "application/pidf+xml" + std::string(parameter));
        if (!size) CHECK(size.error().condition == sip::Condition::media_not_supported);
        return size.has_value();
    };
    for (const char* good : {"", ";charset=UTF-8", "; Charset=\"utf-8\"", ";charset=us-ascii",
                             ";q=1", ";charset=\"\""})
        CHECK(taken(text, good));
    for (const char* wrong : {";charset=iso-8859-1", ";charset=UTF-16", ";charset=utf8x"})
        CHECK_FALSE(taken(text, wrong));
    CHECK(taken(wide, ""));
    CHECK(taken(wide, ";charset=utf-16"));
    CHECK(taken("<?xml version='1.0' encoding='utf-8'?>" + text, ""));
    CHECK_FALSE(taken("<?xml version='1.0' encoding='iso-8859-1'?>" + text, ""));
}
