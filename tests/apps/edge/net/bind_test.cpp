#include "apps/edge/net/bind.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "apps/edge/net/address.hpp"
#include "tests/apps/edge/net/loopback.hpp"

namespace {

using sip::Transport;

auto bind(const std::vector<edge::ListenSpec>& specs) { return edge::bind_listeners(specs); }

}  // namespace

TEST_CASE("R3261-18.2.1-1: port 0 picks one port for udp and tcp on one host") {
    for (int i = 0; i < 20; ++i) {
        const auto bound = bind({loopback(Transport::udp), loopback(Transport::tcp)});
        REQUIRE_MESSAGE(bound, bound.error());
        REQUIRE(bound->size() == 2);
        CHECK((*bound)[0].transport == Transport::udp);
        CHECK((*bound)[1].transport == Transport::tcp);
        CHECK((*bound)[0].local.port != 0);
        CHECK((*bound)[0].local == (*bound)[1].local);
    }
}

TEST_CASE("R3261-18.2.1-1: tls picks a port of its own, wherever it stands among the others") {
    for (const auto& order :
         {std::vector{Transport::udp, Transport::tcp, Transport::tls},
          std::vector{Transport::udp, Transport::tls, Transport::tcp},
          std::vector{Transport::tls, Transport::udp, Transport::tcp, Transport::tls}}) {
        std::vector<edge::ListenSpec> specs;
        for (const Transport each : order) specs.push_back(loopback(each));
        const auto bound = edge::bind_listeners(specs);
        REQUIRE_MESSAGE(bound, bound.error());
        std::uint16_t udp = 0, tcp = 0;
        for (const auto& each : *bound) {
            if (each.transport == Transport::udp) udp = each.local.port;
            if (each.transport == Transport::tcp) tcp = each.local.port;
        }
        CHECK(udp == tcp);
        for (const auto& each : *bound)
            if (each.transport == Transport::tls) CHECK(each.local.port != tcp);
    }
}

TEST_CASE("a picked port that tcp has taken already is given up for another") {
    // All the ports that udp can be given are taken for tcp but for a few: hold many.
    std::vector<edge::BoundSocket> held;
    for (int i = 0; i < 200; ++i) {
        auto one = bind({loopback(Transport::tcp)});
        REQUIRE(one);
        held.push_back(std::move(one->front()));
    }
    for (int i = 0; i < 100; ++i) {
        const auto bound = bind({loopback(Transport::udp), loopback(Transport::tcp)});
        REQUIRE_MESSAGE(bound, bound.error());
        CHECK((*bound)[0].local.port == (*bound)[1].local.port);
    }
}

TEST_CASE("listeners of one transport, or on different hosts, have ports of their own") {
    const auto bound = bind({loopback(Transport::udp), loopback(Transport::udp),
                             loopback(Transport::tcp), loopback6(Transport::udp)});
    REQUIRE_MESSAGE(bound, bound.error());
    REQUIRE(bound->size() == 4);
    CHECK((*bound)[0].local.port != (*bound)[1].local.port);
    CHECK((*bound)[0].local.port == (*bound)[2].local.port);
    CHECK((*bound)[3].local.address == loopback6(Transport::udp).address);
}

TEST_CASE("a port in use is named with its listener and what to do") {
    const auto first = bind({loopback(Transport::udp), loopback(Transport::tcp)});
    REQUIRE(first);
    const auto port = first->front().local.port;
    for (const auto transport : {Transport::udp, Transport::tcp}) {
        const auto second = bind({loopback(transport), loopback(transport, port)});
        REQUIRE_FALSE(second);
        CHECK(second.error() == "cannot listen on " +
                                    std::string(transport == Transport::udp ? "udp" : "tcp") +
                                    ":127.0.0.1:" + std::to_string(port) +
                                    ": address already in use; choose another port with --listen");
    }
}

TEST_CASE("an address of no interface is refused with its reason") {
    // 198.51.100.0/24 is for documents.
    const auto bound = bind({{Transport::udp, sip::Address::v4(198, 51, 100, 7), 0}});
    REQUIRE_FALSE(bound);
    CHECK(bound.error().starts_with("cannot listen on udp:198.51.100.7:0: no interface of this"));
}

TEST_CASE("when one listener cannot be bound none stays bound") {
    const auto taken = bind({loopback(Transport::tcp)});
    REQUIRE(taken);
    auto picked = bind({loopback(Transport::udp)});
    REQUIRE(picked);
    const auto port = picked->front().local.port;
    picked->clear();
    CHECK_FALSE(bind(
        {loopback(Transport::udp, port), loopback(Transport::tcp, taken->front().local.port)}));
    CHECK(bind({loopback(Transport::udp, port)}));
}

TEST_CASE("a wildcard becomes one socket an interface address, all with one port") {
    const sip::Address any = sip::Address::v4(0, 0, 0, 0);
    const auto bound = bind({{Transport::udp, any, 0}, {Transport::tcp, any, 0}});
    REQUIRE_MESSAGE(bound, bound.error());
    const auto addresses = edge::interface_addresses(any);
    CHECK(bound->size() == 2 * addresses.size());
    for (const auto& socket : *bound) {
        CHECK(socket.local.port == bound->front().local.port);
        CHECK_FALSE(socket.local.address.is_unspecified());
        CHECK(std::find(addresses.begin(), addresses.end(), socket.local.address) !=
              addresses.end());
    }
}

TEST_CASE("IPv6 listeners take IPv6 alone, so that the port is free for IPv4") {
    const auto six = bind({{Transport::udp, sip::Address{}, 0}});
    REQUIRE_MESSAGE(six, six.error());
    const auto port = six->front().local.port;
    const auto four = bind({loopback(Transport::udp, port)});
    CHECK_MESSAGE(four, four.error());
}

TEST_CASE("nobody else can share a port of ours for datagrams") {
    FAST_CHECK_UNARY(bind({loopback(Transport::udp)}));
    const auto first = bind({loopback(Transport::udp)});
    REQUIRE(first);
    CHECK_FALSE(bind({loopback(Transport::udp, first->front().local.port)}));
}
