// The subscriber and the publisher against the notifier and the compositor: two stacks in one
// process, and a network between them that loses, doubles and reorders.

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "sip/event/publisher.hpp"
#include "sip/event/subscriber.hpp"
#include "tests/support/event_world.hpp"

using sip::milliseconds;
using sip::seconds;

namespace {

struct Pair {
    struct Network {
        unsigned lost = 0, doubled = 0;  ///< of a hundred datagrams
        milliseconds latest{1};          ///< on its way for 1 ms to this long
    };
    Pair(const Network& network_given, std::uint64_t seed)
        : network(network_given), random(seed), entropy(seed + 1000), client({}, entropy) {
        (void)client.add_listener({udp, sip::Transport::udp, here, {}});
        subscriber.attach_as(client.attach(subscriber, sip::Subscriber::methods));
        publisher.attach_as(client.attach(publisher, sip::Publisher::methods));
        start_server();
        (void)subscriber.add_package(server->echo.traits());
    }
    /// A server that knows nothing of what was before.
    void start_server() {
        // The package's traits are those of the first one.
        if (server) old.push_back(std::move(server));
        server = std::make_unique<EventWorld>();
    }

    sip::UacOptions peer(std::string_view from) {
        sip::UacOptions options;
        options.uri = "sip:alice@example.com";
        options.from = from;
        options.next_hop.remote = there;
        return options;
    }
    sip::WatchId watch(std::uint32_t expires_s) {
        sip::SubscribeOptions options;
        options.peer = peer("sip:bob@example.com");
        options.event = "echo";
        options.expires_s = expires_s;
        const auto id = subscriber.subscribe(now, options);
        return id ? *id : sip::WatchId{};
    }
    sip::PublishId publish(std::string_view body, std::uint32_t expires_s) {
        sip::PublishOptions options;
        options.peer = peer("sip:alice@example.com");
        options.event = "echo";
        options.content_type = "text/plain";
        options.body = body;
        options.expires_s = expires_s;
        const auto id = publisher.publish(now, options);
        return id ? *id : sip::PublishId{};
    }

    void run(sip::Duration by) {
        const sip::Instant end = now.mono + by;
        for (;;) {
            pump(client, here, there);
            pump(server->stack, there, here);
            listen();
            sip::Instant next = end;
            if (!flights.empty()) next = std::min(next, flights.begin()->first);
            for (sip::Stack* stack : {&client, &server->stack})
                if (const auto due = stack->deadline()) next = std::min(next, *due);
            if (next >= end && flights.empty()) break;
            if (next >= end && flights.begin()->first > end) break;
            now.mono = std::max(now.mono, next);
            client.advance(now);
            server->stack.advance(now);
            deliver();
        }
        now.mono = end;
    }

    Network network;
    std::mt19937_64 random;
    SeededEntropy entropy;
    sip::Stack client;
    sip::Subscriber subscriber{client.core()};
    sip::Publisher publisher{client.core()};
    std::unique_ptr<EventWorld> server;
    std::vector<std::unique_ptr<EventWorld>> old;
    sip::Now now{sip::Instant{} + seconds{1000}, 0};

    // What the watcher was told.
    std::string document;
    sip::SubscriptionStateValue state = sip::SubscriptionStateValue::other;
    std::vector<sip::SubscriptionNotice::Kind> told;
    std::vector<sip::PublicationNotice::Kind> published;

private:
    static constexpr sip::ListenerId udp{1};
    const sip::Endpoint here{sip::Address::v4(192, 0, 2, 99), 5062};
    const sip::Endpoint there{sip::Address::v4(192, 0, 2, 1), 5060};
    struct Flight {
        bool to_server = false;
        std::vector<char> bytes;
    };
    std::multimap<sip::Instant, Flight> flights;

    unsigned percent() { return static_cast<unsigned>(random() % 100); }
    void fly(const Flight& flight) {
        const auto ms = 1 + random() % static_cast<std::uint64_t>(network.latest.count());
        flights.emplace(now.mono + milliseconds{ms}, flight);
    }
    void pump(sip::Stack& stack, const sip::Endpoint& from, const sip::Endpoint& to) {
        while (const auto effect = stack.poll(now)) {
            const auto* out = std::get_if<sip::Transmit>(&*effect);
            if (out == nullptr) continue;
            const auto* where = std::get_if<sip::ToEndpoint>(&out->where);
            REQUIRE(where != nullptr);
            REQUIRE(where->to == to);
            Flight flight{from == here, {}};
            for (std::string_view part : {out->packet.head.view(), out->packet.body.view()})
                flight.bytes.insert(flight.bytes.end(), part.begin(), part.end());
            if (percent() >= network.lost) fly(flight);
            if (percent() < network.doubled) fly(flight);
        }
    }
    void deliver() {
        while (!flights.empty() && flights.begin()->first <= now.mono) {
            const Flight flight = std::move(flights.begin()->second);
            flights.erase(flights.begin());
            if (flight.to_server)
                server->stack.input(now,
                                    sip::Datagram{RawWorld<sip::Stack>::udp, here, flight.bytes});
            else
                client.input(now, sip::Datagram{udp, there, flight.bytes});
        }
    }
    void listen() {
        while (const auto notice = subscriber.next_notice()) {
            told.push_back(notice->kind);
            if (notice->kind != sip::SubscriptionNotice::Kind::notified) continue;
            document = notice->body.view();
            state = notice->state;
        }
        while (const auto notice = publisher.next_notice()) published.push_back(notice->kind);
    }
};

bool holds(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("R3903-15-1: subscribe, publish, refresh, modify, remove, unsubscribe") {
    Pair pair({}, 1);
    const auto id = pair.watch(600);
    pair.run(seconds{1});
    CHECK(pair.state == sip::SubscriptionStateValue::active);
    CHECK_FALSE(holds(pair.document, "here"));
    const auto publication = pair.publish("here", 600);
    pair.run(seconds{10});
    CHECK(holds(pair.document, "here"));
    const auto news = pair.told.size();
    pair.run(seconds{400});
    // The refresh of the publication made no NOTIFY.
    CHECK(pair.published.size() == 2);
    CHECK(pair.told.size() == news);
    CHECK(pair.publisher.modify(pair.now, publication, "away"));
    pair.run(seconds{10});
    CHECK(holds(pair.document, "away"));
    CHECK_FALSE(holds(pair.document, "here"));
    CHECK(pair.publisher.remove(pair.now, publication));
    pair.run(seconds{10});
    CHECK_FALSE(holds(pair.document, "away"));
    CHECK(pair.published.back() == sip::PublicationNotice::Kind::removed);
    pair.run(seconds{3000});
    CHECK(pair.subscriber.state_of(id) == sip::watch_machine::State::active);
    CHECK(pair.subscriber.unsubscribe(pair.now, id));
    pair.run(seconds{10});
    CHECK(pair.told.back() == sip::SubscriptionNotice::Kind::ended);
    CHECK(pair.subscriber.size() == 0);
    CHECK(pair.server->notifier.size() == 0);
}

TEST_CASE("R6665-4.4.3-1: a fetch gets the state and leaves nothing behind") {
    Pair pair({}, 2);
    (void)pair.publish("here", 600);
    pair.run(seconds{1});
    (void)pair.watch(0);
    pair.run(seconds{1});
    CHECK(holds(pair.document, "here"));
    CHECK(pair.state == sip::SubscriptionStateValue::terminated);
    CHECK(pair.subscriber.size() == 0);
    CHECK(pair.server->notifier.size() == 0);
}

TEST_CASE("R6665-OUR-1 R3903-5-1: a server that starts anew gets watcher and publisher back") {
    Pair pair({}, 3);
    const auto id = pair.watch(600);
    (void)pair.publish("here", 600);
    pair.run(seconds{10});
    CHECK(holds(pair.document, "here"));
    pair.start_server();
    pair.document.clear();
    pair.run(seconds{700});
    CHECK(pair.subscriber.state_of(id) == sip::watch_machine::State::active);
    CHECK(holds(pair.document, "here"));
    CHECK(pair.server->notifier.size() == 1);
}

TEST_CASE("ROUR-7: over a bad network the watcher ends with the latest state, and leaves cleanly") {
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
        CAPTURE(seed);
        Pair pair({25, 25, milliseconds{1500}}, seed);
        const auto id = pair.watch(120);
        REQUIRE(id);
        const auto publication = pair.publish("state 0", 120);
        REQUIRE(publication);
        for (int change = 1; change <= 20; ++change) {
            pair.run(seconds{static_cast<int>(pair.random() % 30)});
            CHECK(pair.publisher.modify(pair.now, publication, "state " + std::to_string(change)));
        }
        pair.run(seconds{200});
        CHECK(holds(pair.document, "state 20\n"));
        CHECK(pair.state == sip::SubscriptionStateValue::active);
        CHECK(pair.publisher.remove(pair.now, publication));
        pair.run(seconds{100});
        CHECK_FALSE(holds(pair.document, "state"));
        (void)pair.subscriber.unsubscribe(pair.now, id);
        pair.run(seconds{200});
        CHECK(pair.subscriber.size() == 0);
        CHECK(pair.publisher.size() == 0);
        CHECK(pair.server->notifier.size() == 0);
        CHECK(pair.client.clients().size() == 0);
        CHECK(pair.server->stack.clients().size() == 0);
    }
}
