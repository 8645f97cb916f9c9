#include "apps/edge/net/address.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>

#include <algorithm>

#include "apps/edge/net/listen_spec.hpp"

namespace {

sip::Endpoint endpoint(std::string_view host, std::uint16_t port) {
    const auto address = sip::parse_numeric_host(host);
    REQUIRE(address);
    return {*address, port};
}

}  // namespace

TEST_CASE("addresses survive the way into a sockaddr and back") {
    for (const auto host : {"127.0.0.1", "0.0.0.0", "255.255.255.255", "192.0.2.1", "[::1]",
                            "[2001:db8::5]", "[::]", "[fe80::1]"})
        for (const int port : {0, 1, 5060, 65'535}) {
            const auto given = endpoint(host, static_cast<std::uint16_t>(port));
            const auto address = edge::to_socket_address(given);
            CHECK(edge::to_endpoint(address.get()) == given);
            const bool v4 = given.address.is_v4();
            CHECK(address.any.sa_family == (v4 ? AF_INET : AF_INET6));
            CHECK(address.size == (v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)));
        }
}

TEST_CASE("an address of another family has no port") {
    sockaddr_storage other{};
    other.ss_family = AF_UNIX;
    CHECK(edge::to_endpoint(reinterpret_cast<const sockaddr*>(&other)).port == 0);
}

TEST_CASE("endpoints of descriptors that have none, or are none, have port 0") {
    CHECK(edge::local_endpoint(-1).port == 0);
    CHECK(edge::remote_endpoint(-1).port == 0);
}

TEST_CASE("hosts are numeric or localhost; names are refused, not resolved") {
    CHECK(edge::numeric_host("localhost") == sip::Address::v4(127, 0, 0, 1));
    CHECK(edge::numeric_host("LocalHost") == sip::Address::v4(127, 0, 0, 1));
    CHECK(edge::numeric_host("192.0.2.7") == sip::Address::v4(192, 0, 2, 7));
    CHECK(edge::numeric_host("[2001:db8::1]") == edge::numeric_host("2001:db8::1"));
    for (const auto host : {"", "example.com", "1.2.3", "1.2.3.4.5", "[::1", "localhost."})
        CHECK_FALSE(edge::numeric_host(host));
    CHECK(edge::numeric_host("example.com").error().find("example.com") != std::string::npos);
}

TEST_CASE("interface addresses are of the wildcard's family, without link-local ones") {
    const auto four = edge::interface_addresses(sip::Address::v4(0, 0, 0, 0));
    CHECK(std::find(four.begin(), four.end(), sip::Address::v4(127, 0, 0, 1)) != four.end());
    CHECK(std::all_of(four.begin(), four.end(), [](const auto& a) { return a.is_v4(); }));
    const auto six = edge::interface_addresses(sip::Address{});
    CHECK(std::none_of(six.begin(), six.end(), [](const auto& a) {
        return a.is_v4() || (a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0) == 0x80);
    }));
}

TEST_CASE("listeners are written as transport, host and port") {
    for (const auto text : {"udp:127.0.0.1:5060", "tcp:[::1]:0", "udp:[2001:db8::1]:65535",
                            "tls:192.0.2.1:5061", "ws:0.0.0.0:80", "wss:[::]:443"}) {
        const auto spec = edge::parse_listen_spec(text);
        REQUIRE_MESSAGE(spec, text);
        CHECK(edge::to_text(*spec) == text);
    }
    const auto named = edge::parse_listen_spec("UDP:localhost:5060");
    REQUIRE(named);
    CHECK(edge::to_text(*named) == "udp:127.0.0.1:5060");
}

TEST_CASE("what is no listener is refused with what is wrong and how it is written") {
    struct Wrong {
        std::string_view text, why;
    };
    for (const Wrong& wrong : std::initializer_list<Wrong>{
             {"", "a part is missing"},
             {"udp", "a part is missing"},
             {"udp:127.0.0.1", "a part is missing"},
             {"sctp:127.0.0.1:5060", "the transport is none of"},
             {":127.0.0.1:5060", "the transport is none of"},
             {"udp:::1:5060", "needs brackets"},
             {"udp:[::1:5060", "the host is not"},
             {"udp::5060", "the host is not"},
             {"udp:example.com:5060", "the host is not"},
             {"udp:127.0.0.1:", "the port is not"},
             {"udp:127.0.0.1:65536", "the port is not"},
             {"udp:127.0.0.1:-1", "the port is not"},
             {"udp:127.0.0.1:5060x", "the port is not"},
             {"udp:127.0.0.1: 5060", "the port is not"},
             {"udp:127.0.0.1:99999999999999999999999", "the port is not"}}) {
        CAPTURE(wrong.text);
        const auto spec = edge::parse_listen_spec(wrong.text);
        REQUIRE_FALSE(spec);
        CHECK(spec.error().starts_with("\"" + std::string(wrong.text) + "\": "));
        CHECK(spec.error().find(wrong.why) != std::string::npos);
        CHECK(spec.error().find("udp:127.0.0.1:5060") != std::string::npos);
    }
}
