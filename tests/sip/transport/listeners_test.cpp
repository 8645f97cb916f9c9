#include "sip/transport/listeners.hpp"

#include <doctest/doctest.h>

#include <array>
#include <ostream>

using namespace sip;

namespace {

Endpoint at(std::string_view host, std::uint16_t port) {
    const auto address = parse_numeric_host(host);
    REQUIRE(address);
    return {*address, port};
}

std::string_view sent_by(const Listeners::Listener& listener) {
    static std::array<char, 128> room;
    Appender out(room);
    write_sent_by(out, listener);
    return out.view();
}

}  // namespace

TEST_CASE("T-27: a host and port name us by address in any spelling, and by what we advertise") {
    Listeners listeners;
    REQUIRE(listeners.add({ListenerId{1}, Transport::udp, at("192.0.2.1", 5060), {}}));
    REQUIRE(listeners.add({ListenerId{2}, Transport::tls, at("192.0.2.1", 5061), {}}));
    REQUIRE(
        listeners.add({ListenerId{3}, Transport::udp, at("[2001:db8::1]", 5070), "pa.example"}));
    REQUIRE(listeners.add({ListenerId{4}, Transport::tcp, at("192.0.2.2", 5080), "203.0.113.5"}));
    CHECK(listeners.names_us("192.0.2.1", 5060));
    CHECK(listeners.names_us("192.0.2.1", 0));
    CHECK(listeners.names_us("192.0.2.1", 5061));
    CHECK(listeners.names_us("[2001:DB8:0::1]", 5070));
    CHECK(listeners.names_us("PA.Example", 5070));
    CHECK(listeners.names_us("203.0.113.5", 5080));
    CHECK_FALSE(listeners.names_us("192.0.2.1", 5062));
    CHECK_FALSE(listeners.names_us("192.0.2.3", 5060));
    CHECK_FALSE(listeners.names_us("[2001:db8::1]", 0));
    CHECK_FALSE(listeners.names_us("pa.example", 5060));
    CHECK_FALSE(listeners.names_us("", 5060));
    CHECK(listeners.is_ours(at("192.0.2.1", 5060)));
    CHECK_FALSE(listeners.is_ours(at("192.0.2.1", 5070)));
}

TEST_CASE("towards a peer speaks the listener of its transport and family, loopback to loopback") {
    Listeners listeners;
    REQUIRE(listeners.add({ListenerId{1}, Transport::udp, at("127.0.0.1", 5060), {}}));
    REQUIRE(listeners.add({ListenerId{2}, Transport::udp, at("192.0.2.1", 5060), {}}));
    REQUIRE(listeners.add({ListenerId{3}, Transport::udp, at("[2001:db8::1]", 5060), {}}));
    REQUIRE(listeners.add({ListenerId{4}, Transport::tcp, at("192.0.2.1", 5060), {}}));
    const auto towards = [&](Transport transport, std::string_view host) {
        const auto* found = listeners.towards(transport, at(host, 1).address);
        return found == nullptr ? ListenerId{0} : found->id;
    };
    CHECK(towards(Transport::udp, "127.0.0.9") == ListenerId{1});
    CHECK(towards(Transport::udp, "198.51.100.1") == ListenerId{2});
    CHECK(towards(Transport::udp, "[2001:db8::9]") == ListenerId{3});
    CHECK(towards(Transport::tcp, "127.0.0.9") == ListenerId{4});
    CHECK(towards(Transport::tcp, "[2001:db8::9]") == ListenerId{0});
    CHECK(towards(Transport::tls, "192.0.2.9") == ListenerId{0});
    CHECK(listeners.datagram(ListenerId{3}) != nullptr);
    CHECK(listeners.datagram(ListenerId{4}) == nullptr);
}

TEST_CASE("R3261-18.1.1-4: sent-by is the address with its port, or the advertised host with it") {
    CHECK(sent_by({ListenerId{1}, Transport::udp, at("192.0.2.1", 5060), {}}) == "192.0.2.1:5060");
    CHECK(sent_by({ListenerId{1}, Transport::udp, at("[2001:db8::1]", 5070), {}}) ==
          "[2001:db8::1]:5070");
    CHECK(sent_by({ListenerId{1}, Transport::udp, at("192.0.2.1", 5062), "pa.example"}) ==
          "pa.example:5062");
    CHECK(sent_by({ListenerId{1}, Transport::udp, at("192.0.2.1", 5062), "2001:db8::7"}) ==
          "[2001:db8::7]:5062");
}

TEST_CASE("ROUR-4: there is room for 64 listeners, and not for one more") {
    Listeners listeners;
    for (std::uint16_t i = 0; i < 64; ++i)
        CHECK(listeners.add({ListenerId{i}, Transport::udp, at("192.0.2.1", i), {}}));
    CHECK_FALSE(listeners.add({ListenerId{64}, Transport::udp, at("192.0.2.1", 64), {}}));
}
