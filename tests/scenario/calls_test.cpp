// Phones that call each other through the proxy, over networks that lose, double, delay and cut.

#include <doctest/doctest.h>

#include "tests/support/phone_node.hpp"

using namespace sip;

namespace {

struct House : World {
    explicit House(std::uint64_t seed_given, Transport by = Transport::udp)
        : World(seed_given),
          alice(*this, "alice", 10, by),
          bob(*this, "bob", 20, by),
          second(*this, "bob", 21, by) {
        for (PhoneNode* phone : {&alice, &bob}) phone->enroll();
        pass(seconds{40});
        for (PhoneNode* phone : {&alice, &bob}) {
            REQUIRE(phone->count("registered") == 1);
            phone->seen.clear();
        }
    }
    /// Nobody waits for anything, anywhere.
    void check_quiet() {
        CHECK(server.proxy.size() == 0);
        CHECK(server.proxy.branches() == 0);
        for (Node* node : {static_cast<Node*>(&server), static_cast<Node*>(&alice),
                           static_cast<Node*>(&bob), static_cast<Node*>(&second)}) {
            CHECK(node->stack.clients().size() == 0);
            CHECK(node->stack.servers().size() == 0);
        }
    }
    ProxyNode server{*this};
    PhoneNode alice, bob, second;
};

const Weather bad{0.2, 0.2, milliseconds{1}, milliseconds{900}, 3};

}  // namespace

TEST_CASE("R3261-16.7-1 R3261-16.6-1: a call stands, and ends, whatever the network does to it") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed)
        for (const Transport by : {Transport::udp, Transport::tcp}) {
            CAPTURE(seed);
            CAPTURE(by);
            House w(seed, by);
            w.weather = bad;
            w.alice.call("sip:bob@example.com");
            w.pass(seconds{20});
            CHECK(w.alice.count("200") == 1);
            CHECK(w.bob.count("INVITE") == 1);  // copies are absorbed
            w.pass(seconds{15});
            REQUIRE(w.bob.count("established") == 1);
            w.weather.loss = 0.1;
            (seed % 2 == 0 ? w.alice : w.bob).hang_up();
            w.pass(seconds{40});
            CHECK((seed % 2 == 0 ? w.bob : w.alice).count("BYE") == 1);
            CHECK((seed % 2 == 0 ? w.alice : w.bob).count("BYE 200") == 1);
            w.pass(seconds{64});
            w.check_quiet();
        }
}

TEST_CASE("R3261-16.7-1: CANCEL at any moment: both sides agree on what became of the call") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        House w(seed);
        w.weather = {0.1, 0.1, milliseconds{1}, milliseconds{200}, 0};
        w.bob.rings = milliseconds{100};
        w.alice.call("sip:bob@example.com");
        w.pass(milliseconds{10 * seed});
        w.alice.cancel();
        w.pass(seconds{35});
        CHECK(w.alice.count("200") + w.alice.count("ended 487") == 1);
        CHECK(w.alice.count("200") == w.bob.count("established"));
        CHECK(w.bob.count("no ACK") == 0);
        w.pass(seconds{64});
        w.check_quiet();
    }
}

TEST_CASE(
    "R3261-16.7-1: two phones ring: one is answered, the other stops; both may answer at once") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        House w(seed);
        w.second.enroll();
        w.pass(seconds{40});
        w.weather = bad;
        w.second.rings = milliseconds{2'000 + 40 * (seed % 20)};
        w.alice.call("sip:bob@example.com");
        w.pass(seconds{40});
        const auto taken = w.bob.count("established") + w.second.count("established");
        CHECK(taken >= 1);
        CHECK(w.alice.count("200") == taken);  // each is acknowledged
        CHECK(w.bob.count("established") + w.bob.count("cancelled") == 1);
        CHECK(w.second.count("established") + w.second.count("cancelled") == 1);
        w.pass(seconds{64});
        w.check_quiet();
    }
}

TEST_CASE("R3261-16.7-1: failures under loss: each is told once") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        House w(seed);
        w.weather = bad;
        w.bob.answers = seed % 2 == 0 ? 486 : 603;
        w.alice.call("sip:bob@example.com");
        w.pass(seconds{60});
        CHECK(w.alice.count("ended " + std::to_string(w.bob.answers)) == 1);
        CHECK(w.alice.finals == 1);
        w.pass(seconds{64});
        w.check_quiet();
    }
}

TEST_CASE("R3261-16.8-1: connections that break while a phone rings: it ends all the same") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        House w(seed, Transport::tcp);
        w.alice.call("sip:bob@example.com");
        w.pass(milliseconds{10 + 150 * seed});
        w.cut_connections();
        w.pass(seconds{400});
        w.check_quiet();
    }
}

TEST_CASE(
    "R3261-16.3-2 T-27: two proxies that point at each other find out, at once and for good") {
    World world(7);
    world.keep_sent = true;
    ProxyNode one(world, 1, "192.0.2.1"), two(world, 2, "192.0.2.2");
    PhoneNode first(world, "loop", 66), second(world, "loop", 67);
    const auto bind = [&](PhoneNode& phone, const std::string& domain, std::uint8_t server,
                          const std::string& contact) {
        phone.domain = domain;
        phone.server.address = Address::v4(192, 0, 2, server);
        phone.answers = 486;
        phone.enroll(",<" + contact + ">");
        world.pass(seconds{1});
        REQUIRE(phone.count("registered") == 1);
    };
    bind(first, "192.0.2.1", 1, "sip:loop@192.0.2.2:5060");
    bind(second, "192.0.2.2", 2, "sip:loop@192.0.2.1:5060");
    world.sent.clear();
    first.call("sip:loop@192.0.2.1");
    world.pass(seconds{10});
    std::size_t invites = 0, loops = 0;
    for (const std::string& text : world.sent) {
        invites += text.find("> INVITE") < 8;
        loops += text.find("> SIP/2.0 482") < 8;
    }
    CHECK(first.count("ended 486") + first.count("ended 482") == 1);
    CHECK(loops > 0);
    CHECK(invites <= 16);
    CHECK(one.stack.counters().forwarding_loops + two.stack.counters().forwarding_loops > 0);
    world.pass(seconds{100});
    CHECK(one.proxy.size() == 0);
    CHECK(two.proxy.size() == 0);
}
