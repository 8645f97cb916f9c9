#include <doctest/doctest.h>

#include "tests/support/stack_world.hpp"

// RFC 5626 4.4.1: the pings of a connection that we opened.

using namespace sip;

namespace {

struct PingWorld : StackWorld {
    FlowId flow{};

    PingWorld() {
        REQUIRE(user.send(net.now, peer_by_tcp()));
        net.drain();
        flow = net.opened.at(0).flow;
        stack.connected(net.now, flow, net.server);
        net.drain();
        net.sent.clear();
    }
    void keep_alive(Duration every, bool must_answer) {
        stack.transport().keep_alive(net.now, flow, every, must_answer);
    }
    /// Blank lines that left since it was asked last.
    std::vector<std::string> blanks() {
        std::vector<std::string> found;
        while (const RawMessage message = net.take())
            if (message.text.starts_with("\r\n")) found.push_back(message.text);
        return found;
    }
};

using Texts = std::vector<std::string>;
const std::string ping = "\r\n\r\n", pong = "\r\n";

}  // namespace

TEST_CASE("RFC 5626 4.4.1: pings leave at random times, 80 to 100 % of the interval apart") {
    PingWorld world;
    world.keep_alive(seconds{100}, true);
    Instant last = world.net.now.mono;
    Duration least = seconds{1000}, most{};
    for (int i = 0; i < 200; ++i) {
        while (world.net.sent.empty()) world.net.pass(milliseconds{100});
        const Duration gap = world.net.now.mono - last;
        least = std::min(least, gap);
        most = std::max(most, gap);
        last = world.net.now.mono;
        CHECK(world.blanks() == Texts{ping});
        world.net.input(world.flow, pong);
        // Two answers that follow one another are no question.
        CHECK(world.blanks().empty());
    }
    CHECK(least >= seconds{80});
    CHECK(least < seconds{83});
    CHECK(most <= seconds{101});
    CHECK(most > seconds{97});
}

TEST_CASE("RFC 5626 4.4.1: without a pong within 10 s the connection is closed, at 10 and not 9") {
    PingWorld world;
    world.keep_alive(seconds{100}, true);
    while (world.net.sent.empty()) world.net.pass(seconds{1});
    world.net.pass(seconds{8});
    CHECK(world.net.closed.empty());
    world.net.pass(seconds{2});
    CHECK(world.net.closed == std::deque<FlowId>{world.flow});
    CHECK(world.stack.counters().pongs_missed == 1);
}

TEST_CASE("a server that never answered a ping need not, one that did once has to") {
    PingWorld world;
    world.keep_alive(seconds{20}, false);
    world.net.pass(seconds{300});
    CHECK(world.net.closed.empty());
    CHECK(world.blanks().size() >= 9);
    while (world.net.sent.empty()) world.net.pass(seconds{1});
    world.net.input(world.flow, pong);
    (void)world.blanks();
    while (world.net.sent.empty()) world.net.pass(seconds{1});
    world.net.pass(seconds{11});
    CHECK(world.net.closed == std::deque<FlowId>{world.flow});
}

TEST_CASE("RFC 5626 4.4.1: while a message is coming in, its end is waited for") {
    PingWorld world;
    world.keep_alive(seconds{50}, true);
    while (world.net.sent.empty()) world.net.pass(seconds{1});
    world.net.input(world.flow, "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKx\r\n");
    world.net.pass(seconds{15});
    CHECK(world.net.closed.empty());
    // Nobody is asked twice.
    CHECK(world.blanks() == Texts{ping});
    world.net.pass(seconds{10});
    CHECK(world.blanks().empty());
}

TEST_CASE("T-38: on a connection that we ping, blank lines that answer nothing are not answered") {
    PingWorld world;
    world.keep_alive(seconds{100}, true);
    for (int i = 0; i < 5; ++i) world.net.input(world.flow, pong);
    world.net.input(world.flow, ping);
    CHECK(world.blanks().empty());
}

TEST_CASE("keep_alive again with the same interval does not put the next ping off") {
    PingWorld world;
    world.keep_alive(seconds{100}, false);
    for (int i = 0; i < 99; ++i) {
        world.net.pass(seconds{1});
        world.keep_alive(seconds{100}, false);
    }
    world.net.pass(seconds{1});
    CHECK(world.blanks().size() == 1);
}
