#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/world.hpp"

using namespace sip;

namespace {

const std::vector<std::uint64_t> seeds{1, 2, 3, 4, 5, 6, 7, 8};

/// Changes the state `rounds` times, 7 s apart: "1", "2", ...
void change(World& world, NotifierNode& server, int rounds) {
    for (int i = 1; i <= rounds; ++i) {
        server.set_state(std::to_string(i));
        world.pass(seconds{7});
    }
}

/// What a watcher hears of three changes, by that transport.
std::vector<std::string> news_by(Transport transport, std::size_t piece, std::uint64_t seed) {
    World world(seed);
    world.weather.piece = piece;
    world.weather.delay_min = world.weather.delay_max;  // datagrams stay in order, as streams do
    NotifierNode server(world);
    WatcherNode watcher(world);
    REQUIRE(watcher.watch(transport));
    world.pass(seconds{5});
    change(world, server, 3);
    world.pass(seconds{2'000});
    watcher.subscriber.unsubscribe(world.now, watcher.id);
    world.pass(seconds{60});
    CHECK(server.notifier.size() == 0);
    CHECK(watcher.subscriber.size() == 0);
    return watcher.news;
}

}  // namespace

TEST_CASE(
    "R6665-4.2.1.2-1 R6665-4.1.2.2-1: subscriber and notifier agree for hours, by refreshes") {
    World world(1);
    NotifierNode server(world);
    WatcherNode watcher(world);
    REQUIRE(watcher.watch());
    world.pass(seconds{10'000});
    CHECK(server.notifier.size() == 1);
    CHECK(watcher.state == NotifierNode::document(""));
    change(world, server, 5);
    CHECK(watcher.state == NotifierNode::document("5"));
    CHECK(std::count(watcher.news.begin(), watcher.news.end(), "ended") == 0);
    // One dialog all along.
    CHECK(std::count(watcher.news.begin(), watcher.news.end(), "accepted") == 1);
}

TEST_CASE("both sides end in one state under any loss, with copies and out of order") {
    for (const double loss : {0.0, 0.1, 0.3, 0.5}) {
        for (const std::uint64_t seed : seeds) {
            CAPTURE(seed);
            CAPTURE(loss);
            World world(seed);
            world.weather.loss = loss;
            world.weather.duplication = 0.1;
            world.weather.delay_max = milliseconds{300};
            NotifierNode server(world);
            WatcherNode watcher(world);
            PublisherNode alice(world);
            REQUIRE(watcher.watch());
            for (int i = 1; i <= 40; ++i) {
                alice.publish(std::to_string(i));
                world.pass(seconds{30});
            }
            // The network is whole again: within the time of a refresh so is what both know.
            world.weather.loss = 0;
            world.pass(seconds{1'500});
            CHECK(server.notifier.size() == 1);
            CHECK(server.compositor.size() == 1);
            CHECK(watcher.state == NotifierNode::document("40"));
            CHECK(watcher.subscriber.size() == 1);
            CHECK(server.stack.servers().size() + server.stack.clients().size() <= 2);
            watcher.subscriber.unsubscribe(world.now, watcher.id);
            world.pass(seconds{100});
            CHECK(server.notifier.size() == 0);
            CHECK(watcher.subscriber.size() == 0);
        }
    }
}

TEST_CASE("R6665-4.2.2-4 T-22: a watcher never goes back to an older state, whatever the order") {
    for (const std::uint64_t seed : seeds) {
        CAPTURE(seed);
        World world(seed);
        world.weather.duplication = 0.5;
        world.weather.loss = 0.2;
        world.weather.delay_max = milliseconds{900};
        NotifierNode server(world);
        WatcherNode watcher(world);
        REQUIRE(watcher.watch());
        for (int i = 1; i <= 99; ++i) {
            server.set_state(std::to_string(1'000 + i));
            world.pass(milliseconds{700});
        }
        world.pass(seconds{700});
        CHECK(watcher.state == NotifierNode::document("1099"));
        std::string last;
        for (const std::string& one : watcher.news) {
            if (!one.starts_with("notified")) continue;
            CHECK(last.size() <= one.size());
            CHECK((last.size() < one.size() || last <= one));
            last = one;
        }
    }
}

TEST_CASE("R6665-4.1.2.4-3: a NOTIFY that comes before the 200 makes the subscription") {
    World world(3);
    NotifierNode server(world);
    WatcherNode watcher(world);
    int kept_back = 0;
    world.drops = [&](const Node&, const std::string& text) {
        const bool is_it = text.starts_with("SIP/2.0 200") &&
                           text.find(" SUBSCRIBE\r\n") != std::string::npos && kept_back < 3;
        kept_back += is_it ? 1 : 0;
        return is_it;
    };
    server.set_state("here");
    REQUIRE(watcher.watch());
    world.pass(milliseconds{400});
    CHECK(kept_back == 1);
    REQUIRE_FALSE(watcher.news.empty());
    CHECK(watcher.state == NotifierNode::document("here"));
    CHECK(server.notifier.size() == 1);
    world.pass(seconds{60});
    CHECK(kept_back == 3);
    CHECK(server.notifier.size() == 1);
    change(world, server, 2);
    CHECK(watcher.state == NotifierNode::document("2"));
    world.pass(seconds{1'200});
    CHECK(server.notifier.size() == 1);
    CHECK(watcher.subscriber.size() == 1);
}

TEST_CASE("R6665-4.2.2-5 T-11: a watcher that dies is forgotten with the first NOTIFY it misses") {
    for (const Transport transport : {Transport::udp, Transport::tcp}) {
        World world(4);
        NotifierNode server(world);
        WatcherNode watcher(world);
        REQUIRE(watcher.watch(transport));
        world.pass(seconds{10});
        REQUIRE(server.notifier.size() == 1);
        watcher.dead = true;
        world.keep_sent = true;
        server.set_state("news");
        world.pass(milliseconds{31'900});
        CHECK(server.notifier.size() == 1);
        world.pass(milliseconds{200});
        CHECK(server.notifier.size() == 0);
        CHECK(world.sent.size() == (transport == Transport::udp ? 11 : 1));
        world.sent.clear();
        server.set_state("more");
        world.pass(seconds{5'000});
        CHECK(world.sent.empty());
        CHECK(server.resources.size() == 0);
    }
}

TEST_CASE("R6665-OUR-1: a notifier that forgot everything is subscribed to anew, in a new dialog") {
    for (const std::uint64_t seed : seeds) {
        CAPTURE(seed);
        World world(seed);
        auto server = std::make_unique<NotifierNode>(world);
        WatcherNode watcher(world);
        REQUIRE(watcher.watch());
        world.pass(seconds{10});
        server.reset();
        world.pass(seconds{5});
        server = std::make_unique<NotifierNode>(world);
        server->set_state("after");
        world.keep_sent = true;
        world.pass(seconds{700});
        CHECK(watcher.state == NotifierNode::document("after"));
        CHECK(server->notifier.size() == 1);
        std::vector<std::string> calls;
        for (const std::string& text : world.sent) {
            if (!text.starts_with("10> SUBSCRIBE")) continue;
            const auto at = text.find("Call-ID: ");
            calls.push_back(text.substr(at, text.find('\r', at) - at));
        }
        REQUIRE(calls.size() >= 2);
        CHECK(calls.front() != calls.back());
    }
}

TEST_CASE("ROUR-2 T-33: the wall clock jumps by years, and not one message changes") {
    const auto run = [](std::int64_t jump) {
        World world(6);
        world.keep_sent = true;
        NotifierNode server(world);
        WatcherNode watcher(world);
        PublisherNode alice(world);
        CHECK(watcher.watch());
        for (int i = 0; i < 20; ++i) {
            alice.publish(std::to_string(i));
            world.pass(seconds{60});
            world.set_wall_clock(i % 2 == 0 ? jump : -2 * jump);
        }
        return world.sent;
    };
    const auto still = run(0);
    CHECK(still.size() > 60);
    CHECK(run(INT64_C(100'000'000'000)) == still);
}

TEST_CASE("one seed gives one run, another another") {
    const auto run = [](std::uint64_t seed) {
        World world(seed);
        world.keep_sent = true;
        world.weather.loss = 0.3;
        NotifierNode server(world);
        WatcherNode watcher(world);
        CHECK(watcher.watch());
        change(world, server, 10);
        return world.sent;
    };
    CHECK(run(5) == run(5));
    CHECK(run(5) != run(6));
}

TEST_CASE("ROUR-8 R3261-18-1: a watcher hears the same by UDP and by TCP") {
    const auto by_udp = news_by(Transport::udp, 0, 7);
    CHECK(by_udp.size() > 6);
    CHECK(news_by(Transport::tcp, 0, 7) == by_udp);
}

TEST_CASE("R3261-18.3-2: bytes that come one at a time mean the same as whole messages") {
    const auto whole = news_by(Transport::tcp, 0, 8);
    CHECK(news_by(Transport::tcp, 1, 8) == whole);
    CHECK(news_by(Transport::tcp, 7, 8) == whole);
}

TEST_CASE("connections that break again and again leave both sides in one state") {
    for (const std::uint64_t seed : seeds) {
        CAPTURE(seed);
        World world(seed);
        NotifierNode server(world);
        WatcherNode watcher(world);
        PublisherNode alice(world);
        REQUIRE(watcher.watch(Transport::tcp));
        world.pass(seconds{1});
        for (int i = 1; i <= 30; ++i) {
            alice.publish(std::to_string(i), Transport::tcp);
            world.pass(milliseconds{10 + 3 * i});
            world.cut_connections();
            world.pass(seconds{20});
        }
        world.pass(seconds{1'500});
        CHECK(server.notifier.size() == 1);
        CHECK(watcher.state == NotifierNode::document("30"));
        CHECK(server.compositor.size() == 1);
    }
}

TEST_CASE("R3261-18.1.1-1 T-28: a large document reaches a UDP watcher whole, by a connection") {
    World world(9);
    NotifierNode server(world);
    WatcherNode watcher(world);
    REQUIRE(watcher.watch());
    world.pass(seconds{5});
    const std::string large(5'000, 'x');
    server.set_state(large);
    world.pass(seconds{5});
    CHECK(watcher.state == NotifierNode::document(large));
    CHECK(world.connections() == 1);
    CHECK(server.stack.counters().notify_over_udp_for_size == 0);
}
