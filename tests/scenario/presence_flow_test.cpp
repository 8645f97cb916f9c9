// What a watcher sees while a presentity publishes, registers, and goes.

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "tests/support/server_world.hpp"

using sip::seconds;

TEST_CASE(
    "R6665-4.2.1.1-5 R3903-6-7: what is granted is shortened by chance, of each kind and at each "
    "refresh") {
    presence::ServerOptions options = ServerWorld::open();
    options.expires_jitter_percent = 10;
    ServerWorld w(options);
    std::set<int> subscribed, published, registered;
    std::string etag;
    for (int i = 0; i < 60; ++i) {
        RawRequest subscribe = ServerWorld::subscribe("bob", "alice", 3600);
        subscribe.call_id += std::to_string(i);
        const RawMessage first = w.raw.ask(subscribe);
        subscribed.insert(std::stoi(first.field("Expires")));
        // RFC 6665 4.2.1: the NOTIFY says what was granted.
        const RawMessage notify = w.raw.take("NOTIFY");
        CHECK(notify.field("Subscription-State") == "active;expires=" + first.field("Expires"));
        subscribe.branch.clear();
        const RawMessage again = w.raw.ask(ServerWorld::resubscribe(subscribe, notify, 3600));
        subscribed.insert(std::stoi(again.field("Expires")));
        RawRequest publish = w.publish("alice", i == 0 ? pidf_document("open") : "", etag);
        publish.with("Expires: 3600");
        const RawMessage accepted = w.raw.ask(publish);
        REQUIRE(accepted.status() == 200);
        etag = accepted.field("SIP-ETag");
        published.insert(std::stoi(accepted.field("Expires")));
        const std::string contact =
            w.raw.ask(w.register_("alice", "<sip:alice@192.0.2.7>")).field("Contact");
        registered.insert(std::stoi(contact.substr(contact.find("expires=") + 8)));
    }
    for (const auto& seen : {subscribed, published, registered}) {
        CHECK(seen.size() > 20);
        CHECK(*seen.begin() >= 3240);
        CHECK(*seen.rbegin() <= 3600);
    }
    // Short ones, and none at all, are as asked for.
    for (unsigned asked : {0U, 60U, 119U}) {
        RawRequest request = ServerWorld::subscribe("carol", "alice", asked);
        request.call_id += std::to_string(asked);
        CHECK(w.raw.ask(request).field("Expires") == std::to_string(asked));
    }
}

TEST_CASE("from an exempt network what is granted is what was asked for") {
    presence::ServerOptions options = ServerWorld::open();
    options.expires_jitter_percent = 50;
    REQUIRE(options.exempt.add(*sip::parse_address_range("192.0.2.0/24")));
    ServerWorld w(options);
    for (int i = 0; i < 10; ++i) {
        RawRequest subscribe = ServerWorld::subscribe("bob", "alice", 3600);
        subscribe.call_id += std::to_string(i);
        CHECK(w.raw.ask(subscribe).field("Expires") == "3600");
        RawRequest publish = w.publish("alice", pidf_document("open"));
        publish.with("Expires: 3600");
        CHECK(w.raw.ask(publish).field("Expires") == "3600");
        CHECK(w.raw.ask(w.register_("alice", "<sip:alice@192.0.2.7>")).field("Contact") ==
              "<sip:alice@192.0.2.7>;expires=3600");
    }
}

TEST_CASE("R3856-8-1: the flow of RFC 3856 section 8 over TCP") {
    ServerWorld w;
    REQUIRE(w.raw.ask(w.publish("alice", pidf_document("open", "t1"))).status() == 200);
    const sip::FlowId flow = w.raw.connect();
    const RawMessage accepted = w.raw.ask(flow, ServerWorld::subscribe("bob"));
    CHECK(accepted.status() == 200);
    CHECK(accepted.field("Expires") == "600");
    CHECK(accepted.flow == flow);
    const RawMessage first = w.raw.take("NOTIFY");
    CHECK(first.flow == flow);
    CHECK(first.field("Subscription-State") == "active;expires=600");
    CHECK(first.field("Event") == "presence");
    CHECK(first.field("Content-Type").starts_with("application/pidf+xml"));
    CHECK(count_of(first.body(), "<basic>open</basic>") == 1);
    CHECK(first.field("To").find(";tag=from-bob") != std::string::npos);

    w.raw.pass(seconds{1});
    const std::string etag =
        w.raw.ask(w.publish("alice", pidf_document("closed", "t1"))).field("SIP-ETag");
    REQUIRE_FALSE(etag.empty());
    // Two publications now; the newest stands first.
    const RawMessage second = w.raw.take("NOTIFY");
    REQUIRE(second);
    CHECK(second.flow == flow);
    CHECK(std::stoi(second.field("CSeq")) == std::stoi(first.field("CSeq")) + 1);
    CHECK(second.field("Subscription-State") == "active;expires=599");
    CHECK(second.body().find("closed") < second.body().find("open<"));
}

TEST_CASE("R3903-15-1: subscribe, publish, refresh without NOTIFY, modify with NOTIFY") {
    ServerWorld w;
    REQUIRE(w.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
    const RawMessage nothing = w.raw.take("NOTIFY");
    CHECK(count_of(nothing.body(), "<basic>closed</basic>") == 1);
    w.raw.pass(seconds{10});

    const RawMessage initial = w.raw.ask(w.publish("alice", pidf_document("open")));
    REQUIRE(initial.status() == 200);
    const std::string first_tag = initial.field("SIP-ETag");
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<basic>open</basic>") == 1);
    w.raw.pass(seconds{10});

    const RawMessage refresh = w.raw.ask(w.publish("alice", "", first_tag));
    REQUIRE(refresh.status() == 200);
    const std::string second_tag = refresh.field("SIP-ETag");
    CHECK(second_tag != first_tag);
    w.raw.pass(seconds{10});
    CHECK_FALSE(w.raw.take("NOTIFY"));
    CHECK(w.raw.ask(w.publish("alice", "", first_tag)).status() == 412);

    const RawMessage modify = w.raw.ask(w.publish("alice", pidf_document("closed"), second_tag));
    REQUIRE(modify.status() == 200);
    CHECK(modify.field("SIP-ETag") != second_tag);
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<basic>closed</basic>") == 1);
    CHECK(w.server.compositor().size() == 1);
}

TEST_CASE("R3903-6-18: a publication that runs out takes its tuples with it") {
    ServerWorld w;
    w.raw.ask(ServerWorld::subscribe("bob", "alice", 7200));
    RawRequest publish = w.publish("alice", pidf_document("open"));
    publish.with("Expires: 60");
    w.raw.ask(publish);
    w.raw.pass(seconds{59});
    w.raw.sent.clear();
    w.raw.pass(seconds{1});
    const RawMessage gone = w.raw.take("NOTIFY");
    REQUIRE(gone);
    CHECK(count_of(gone.body(), "<basic>closed</basic>") == 1);
    CHECK(w.server.compositor().size() == 0);
}

TEST_CASE("R3856-7.2-2 R3856-7.2-3 R3856-7.2-4: a registration shows as a tuple while it lives") {
    ServerWorld w;
    w.raw.ask(ServerWorld::subscribe("bob"));
    w.raw.pass(seconds{10});
    w.raw.sent.clear();
    REQUIRE(w.raw.ask(w.register_("alice", "<sip:alice@192.0.2.7>;q=0.5", 60)).status() == 200);
    const RawMessage there = w.raw.take("NOTIFY");
    CHECK(count_of(there.body(), "<basic>open</basic>") == 1);
    CHECK(count_of(there.body(), "priority=\"0.5\">sip:alice@example.com</contact>") == 1);
    CHECK(count_of(there.body(), "192.0.2.7") == 0);  // the device stays hidden

    // A refresh is no news.
    w.raw.pass(seconds{30});
    w.raw.ask(w.register_("alice", "<sip:alice@192.0.2.7>;q=0.5", 60));
    w.raw.pass(seconds{59});
    CHECK_FALSE(w.raw.take("NOTIFY"));
    w.raw.pass(seconds{1});
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<basic>closed</basic>") == 1);
}

TEST_CASE("R3856-6.10-1 R3856-6.10-2: changes are held to one in five seconds, the last gets out") {
    ServerWorld w;
    w.raw.ask(ServerWorld::subscribe("bob"));
    w.raw.pass(seconds{10});
    std::string etag = w.raw.ask(w.publish("alice", pidf_document("open"))).field("SIP-ETag");
    const RawMessage first = w.raw.take("NOTIFY");
    REQUIRE(first);
    const sip::Instant start = first.at;
    for (int i = 0; i < 4; ++i) {
        w.raw.pass(seconds{1});
        const std::string note = "<note>change " + std::to_string(i) + "</note>";
        etag = w.raw.ask(w.publish("alice", pidf_document("open", "t1", {}, note), etag))
                   .field("SIP-ETag");
        REQUIRE_FALSE(etag.empty());
        CHECK_FALSE(w.raw.take("NOTIFY"));
    }
    w.raw.pass(seconds{10});
    const RawMessage second = w.raw.take("NOTIFY");
    REQUIRE(second);
    CHECK(second.at == start + seconds{5});
    CHECK(count_of(second.body(), "change 3") == 1);
    CHECK_FALSE(w.raw.take("NOTIFY"));
}

TEST_CASE("R3856-6.10-2: an interval of 0 turns the hold off") {
    presence::ServerOptions options = ServerWorld::open();
    options.notify_interval = {};
    ServerWorld w(options);
    w.raw.ask(ServerWorld::subscribe("bob"));
    for (const char* basic : {"open", "closed", "open"}) {
        w.raw.ask(w.publish("alice", pidf_document(basic)));
        CHECK(w.raw.take("NOTIFY"));
    }
}

TEST_CASE("D-4: a refresh is answered with the state of the moment, whatever the rate") {
    ServerWorld w;
    RawRequest subscribe = ServerWorld::subscribe("bob");
    w.raw.ask(subscribe);
    const RawMessage notify = w.raw.take("NOTIFY");
    w.raw.pass(seconds{10});
    const std::string etag = w.raw.ask(w.publish("alice", pidf_document("open"))).field("SIP-ETag");
    w.raw.take("NOTIFY");
    w.raw.ask(w.publish("alice", pidf_document("closed"), etag));
    CHECK_FALSE(w.raw.take("NOTIFY"));
    REQUIRE(w.raw.ask(ServerWorld::resubscribe(subscribe, notify, 600)).status() == 200);
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<basic>closed</basic>") == 1);
    // And the end of the interval brings nothing that was told already.
    w.raw.pass(seconds{10});
    CHECK_FALSE(w.raw.take("NOTIFY"));
}
