#include "sip/proxy/routing.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "sip/message/message_parser.hpp"

using namespace sip;

namespace {

constexpr std::array<std::string_view, 2> domains{"example.com", "192.0.2.77"};

struct Names {
    Names() {
        const Address here = Address::v4(192, 0, 2, 1);
        (void)listeners.add({ListenerId{1}, Transport::udp, {here, 5060}, {}});
        (void)listeners.add({ListenerId{2}, Transport::tls, {here, 5061}, "sip.example.com"});
        (void)listeners.add({ListenerId{3}, Transport::tcp, {here, 5080}, {}});
    }
    bool name(const std::string& text) const {
        const auto uri = parse_uri(text);
        REQUIRE(uri);
        return own.name(*uri);
    }
    Listeners listeners;
    OwnNames own{listeners, domains};
};

/// A request with these Route fields, read.
struct Read {
    Read(const std::string& uri, const std::vector<std::string>& routes) {
        text = "MESSAGE " + uri +
               " SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
               "To: <sip:c@d>\r\nCall-ID: call\r\nCSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\n";
        for (const std::string& route : routes) text += "Route: " + route + "\r\n";
        text += "Content-Length: 0\r\n\r\n";
        message = scan_message(text, slots, Framing::datagram, {}, {}).message;
        const auto decoded = decode_essentials(message, {});
        REQUIRE(decoded);
        essentials = *decoded;
        routing = read_routing(message, essentials.request_uri, names.own, {});
    }
    std::uint64_t loop() const { return loop_hash({1, 2}, message, essentials, routing, {}); }
    std::string next() const {
        return routing.next_route ? std::string(routing.next_route->text) : "";
    }
    std::string target() const { return std::string(routing.target.text); }
    Names names;
    std::string text;
    std::array<HeaderField, 32> slots;
    MessageView message;
    Essentials essentials;
    Routing routing;
};

std::string token_text(const RouteToken& token) {
    std::array<char, 80> room{};
    Appender out(room);
    token.write(out);
    return std::string(out.view());
}

}  // namespace

TEST_CASE("R3261-16.4-1: what names us: our addresses and hosts with their ports, our domains") {
    const Names names;
    for (const char* ours :
         {"sip:192.0.2.1", "sip:x@192.0.2.1:5060", "sip:192.0.2.1:5061", "sips:192.0.2.1:5061",
          "sip:192.0.2.1:5080", "sip:bob@example.com", "sip:EXAMPLE.com:5060",
          "sip:example.com:5080", "sip:sip.example.com", "sip:example.com;maddr=192.0.2.1",
          "sip:bob@192.0.2.77", "sip:example.com;maddr=example.com"})
        CHECK_MESSAGE(names.name(ours), std::string(ours));
    for (const char* foreign :
         {"sip:192.0.2.2", "sip:192.0.2.1:5070", "sip:example.com:5070", "sip:sub.example.com",
          "sip:example.com;maddr=192.0.2.2", "sip:192.0.2.1;maddr=x", "sip:example.com.",
          "tel:+4930123", "pres:bob@example.com", "sip:example.com;maddr"})
        CHECK_MESSAGE(!names.name(foreign), std::string(foreign));
}

TEST_CASE("R3261-16.4-1: routes in front that are ours go, what is behind them stays") {
    const Read none("sip:bob@example.com", {});
    CHECK(none.routing.own_routes == 0);
    CHECK_FALSE(none.routing.was_routed);
    CHECK(none.next().empty());
    CHECK(none.target() == "sip:bob@example.com");
    const Read one("sip:bob@x", {"<sip:192.0.2.1;lr>"});
    CHECK(one.routing.own_routes == 1);
    CHECK(one.next().empty());
    CHECK(one.routing.next_hop().text == "sip:bob@x");
    const Read two("sip:bob@x", {"<sip:a@192.0.2.1;lr>, <sip:192.0.2.1:5080;transport=tcp;lr>",
                                 "<sip:next;lr>, <sip:192.0.2.1;lr>"});
    CHECK(two.routing.own_routes == 2);
    CHECK(two.next() == "sip:next;lr");
    const Read foreign("sip:bob@x", {"<sip:next;lr>, <sip:192.0.2.1;lr>"});
    CHECK(foreign.routing.own_routes == 0);
    CHECK_FALSE(foreign.routing.was_routed);
    CHECK(foreign.routing.next_hop().text == "sip:next;lr");
}

TEST_CASE("R3261-16.4-1: a strict router put our Record-Route into the Request-URI") {
    const std::string ours = "sip:rr-0000000000000001000000000000000200000000000000ff@192.0.2.1;lr";
    const Read last(ours, {"<sip:bob@phone>"});
    CHECK(last.routing.last_route_is_target);
    CHECK(last.target() == "sip:bob@phone");
    CHECK(last.next().empty());
    REQUIRE(last.routing.token);
    CHECK(*last.routing.token == RouteToken{1, 2, FlowId{255}});
    const Read more(ours, {"<sip:192.0.2.1;lr>, <sip:next;lr>", "<sip:bob@phone>"});
    CHECK(more.routing.own_routes == 1);
    CHECK(more.next() == "sip:next;lr");
    CHECK(more.target() == "sip:bob@phone");
    const Read only(ours, {"<sip:192.0.2.1;lr>"});
    CHECK(only.routing.own_routes == 0);
    CHECK(only.target() == "sip:192.0.2.1;lr");
    CHECK(only.next().empty());
    // Without Route there is nothing to repair; a user of another shape is a user.
    CHECK_FALSE(Read(ours, {}).routing.last_route_is_target);
    CHECK_FALSE(Read("sip:rr-1@192.0.2.1", {"<sip:x>"}).routing.last_route_is_target);
    CHECK_FALSE(Read("sip:rr-00000000000000010000000000000002@x", {"<sip:y>"}).routing.token);
}

TEST_CASE("T-12: a token is another one for each thing that it is made for, and reads as written") {
    const HashKey key{3, 4};
    const auto make = [&](const char* call, const char* tag, const char* uri, FlowId flow,
                          const HashKey& with) {
        const auto parsed = parse_uri(uri);
        REQUIRE(parsed);
        return RouteToken::make(with, call, tag, *parsed, flow);
    };
    const RouteToken token = make("c", "t", "sip:a@Host:5060;maddr=M", FlowId{7}, key);
    const RouteToken same = make("c", "t", "sips:b@hOST:5060;x;maddr=m", FlowId{7}, key);
    CHECK(token == same);
    CHECK(RouteToken::read(token_text(token)) == token);
    const std::vector<RouteToken> others{
        make("d", "t", "sip:a@host:5060;maddr=m", FlowId{7}, key),
        make("c", "u", "sip:a@host:5060;maddr=m", FlowId{7}, key),
        make("c", "t", "sip:a@hosts:5060;maddr=m", FlowId{7}, key),
        make("c", "t", "sip:a@host;maddr=m", FlowId{7}, key),
        make("c", "t", "sip:a@host:5060", FlowId{7}, key),
        make("c", "t", "sip:a@host:5060;maddr=n", FlowId{7}, key),
        make("c", "t", "sip:a@host:5060;maddr=m", FlowId{8}, key),
        make("c", "t", "sip:a@host:5060;maddr=m", FlowId{7}, {3, 5}),
        make("", "ct", "sip:a@host:5060;maddr=m", FlowId{7}, key)};
    for (std::size_t i = 0; i < others.size(); ++i) {
        CHECK_MESSAGE(others[i].pin != token.pin, i);
        // What is another dialog differs there as well; where it goes does not touch that.
        CHECK_MESSAGE((others[i].dialog != token.dialog) == (i < 2 || i > 6), i);
    }
    const std::string text = token_text(token);
    for (std::size_t size = 0; size < text.size(); ++size)
        CHECK(RouteToken::read(text.substr(0, size)).has_value() == (size == 3 + 32));
    CHECK_FALSE(RouteToken::read(text + "0"));
    CHECK_FALSE(RouteToken::read("rr-0000000000000001000000000000000g"));
    // Addresses count by value.
    CHECK(make("c", "t", "sip:[2001:DB8::1]", {}, key) ==
          make("c", "t", "sip:[2001:db8:0::1]", {}, key));
}

TEST_CASE("R3261-16.3-2 R5393-4-1: the loop hash has all that is routed by, and not the method") {
    const Read base("sip:bob@x", {"<sip:192.0.2.1;lr>, <sip:next;lr>"});
    CHECK(Read("sip:bob@x", {"<sip:next;lr>"}).loop() == base.loop());
    CHECK(Read("sip:bob@y", {"<sip:next;lr>"}).loop() != base.loop());
    CHECK(Read("sip:bob@x", {"<sip:other;lr>"}).loop() != base.loop());
    CHECK(Read("sip:bob@x", {"<sip:next;lr>", "<sip:more;lr>"}).loop() != base.loop());
    CHECK(Read("sip:bob@x", {}).loop() != base.loop());
    Read call("sip:bob@x", {"<sip:next;lr>"});
    call.essentials.call_id = "other";
    CHECK(call.loop() != base.loop());
    Read number("sip:bob@x", {"<sip:next;lr>"});
    number.essentials.cseq.number = 2;
    CHECK(number.loop() != base.loop());
}
