#include "sip/dialog/request_head.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace sip;

namespace {

struct Head {
    Head() {
        const auto v6 = parse_numeric_host("[2001:db8::1]");
        REQUIRE(v6);
        REQUIRE(
            listeners.add({ListenerId{1}, Transport::udp, {Address::v4(192, 0, 2, 1), 5060}, {}}));
        REQUIRE(
            listeners.add({ListenerId{2}, Transport::tcp, {Address::v4(192, 0, 2, 1), 5060}, {}}));
        REQUIRE(
            listeners.add({ListenerId{3}, Transport::tls, {Address::v4(192, 0, 2, 1), 5061}, {}}));
        REQUIRE(listeners.add({ListenerId{4}, Transport::udp, {*v6, 5070}, {}}));
        REQUIRE(listeners.add({ListenerId{5}, Transport::ws, {Address::v4(192, 0, 2, 1), 80}, {}}));
    }
    std::string via(const Target& target) {
        return written([&](MessageWriter& w) { write_via(w, listeners, target, Branch{0xabc}); });
    }
    std::string contact(const Target& target, std::string_view user = {}) {
        return written([&](MessageWriter& w) { write_contact(w, listeners, target, {user}); });
    }
    std::string contact(const Target& target, const ContactForm& form) {
        return written([&](MessageWriter& w) { write_contact(w, listeners, target, form); });
    }
    template <class Write>
    std::string written(Write write) {
        std::array<char, 512> room{};
        Appender out(room);
        MessageWriter writer(out);
        write(writer);
        return std::string(out.view());
    }
    Listeners listeners;
    Endpoint peer{Address::v4(192, 0, 2, 9), 5060};
};

}  // namespace

TEST_CASE(
    "R3261-8.1.1.7-1 R3581-3-1 R3261-18.1.1-4: Via has our address, a branch and an empty rport") {
    Head head;
    CHECK(head.via({Transport::udp, ListenerId{1}, {}, head.peer}) ==
          "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0000000000000abc;rport\r\n");
    CHECK(head.via({Transport::udp, ListenerId{4}, {}, head.peer}) ==
          "Via: SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bK0000000000000abc;rport\r\n");
    CHECK(head.via({Transport::tls, {}, {}, head.peer}) ==
          "Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK0000000000000abc;rport\r\n");
}

TEST_CASE("R5630-5.1.1-1: Contact names the transport where it is not UDP, and never tls") {
    Head head;
    CHECK(head.contact({Transport::udp, ListenerId{1}, {}, head.peer}) ==
          "Contact: <sip:192.0.2.1:5060>\r\n");
    CHECK(head.contact({Transport::tcp, {}, {}, head.peer}) ==
          "Contact: <sip:192.0.2.1:5060;transport=tcp>\r\n");
    CHECK(head.contact({Transport::ws, {}, {}, head.peer}) ==
          "Contact: <sip:192.0.2.1:80;transport=ws>\r\n");
    CHECK(head.contact({Transport::tls, {}, {}, head.peer}) == "Contact: <sip:192.0.2.1:5061>\r\n");
}

TEST_CASE("R5630-5.1.1-1: a SIPS Contact names what takes TLS, and no transport") {
    Head head;
    const ContactForm sips{{}, true, true};
    CHECK(head.contact({Transport::tls, {}, {}, head.peer}, sips) ==
          "Contact: <sips:192.0.2.1:5061>\r\n");
    CHECK(head.contact({Transport::udp, ListenerId{1}, {}, head.peer}, sips) ==
          "Contact: <sips:192.0.2.1:5061>\r\n");
}

TEST_CASE(
    "phones that came by TLS with a SIP URI are told to come by TLS again, but not strictly") {
    Head head;
    const Target by_tls{Transport::tls, {}, {}, head.peer};
    CHECK(head.contact(by_tls, ContactForm{{}, false, Leniency{}.transport_tls_in_contact}) ==
          "Contact: <sip:192.0.2.1:5061;transport=tls>\r\n");
    CHECK(
        head.contact(by_tls, ContactForm{{}, false, Leniency::strict().transport_tls_in_contact}) ==
        "Contact: <sip:192.0.2.1:5061>\r\n");
    CHECK(head.contact({Transport::udp, ListenerId{1}, {}, head.peer},
                       ContactForm{{}, false, true}) == "Contact: <sip:192.0.2.1:5060>\r\n");
}

TEST_CASE("R3261-19.1.2-1: the user part of a Contact is escaped") {
    Head head;
    CHECK(head.contact({Transport::udp, ListenerId{1}, {}, head.peer}, "a b@c") ==
          "Contact: <sip:a%20b%40c@192.0.2.1:5060>\r\n");
}

TEST_CASE("R3261-8.1.1.8-1: without a listener of that transport Contact names what listens") {
    Head head;
    const auto v6 = parse_numeric_host("[2001:db8::9]");
    REQUIRE(v6);
    const Target by_tcp{Transport::tcp, {}, {}, {*v6, 5060}};
    CHECK(head.contact(by_tcp) == "Contact: <sip:[2001:db8::1]:5070>\r\n");
    CHECK(head.via(by_tcp) ==
          "Via: SIP/2.0/TCP [2001:db8::1]:5070;branch=z9hG4bK0000000000000abc;rport\r\n");
}
