#include "sip/dialog/uac.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "sip/message/message_parser.hpp"
#include "sip/stack.hpp"
#include "tests/support/seeded_entropy.hpp"

using sip::milliseconds;
using sip::seconds;

namespace {

/// A scanned response with these header lines.
struct Heard {
    explicit Heard(const std::string& lines)
        : text("SIP/2.0 200 OK\r\n" + lines + "Content-Length: 0\r\n\r\n") {
        scan = sip::scan_message(text, slots, sip::Framing::datagram, {}, {});
    }
    std::string text;
    std::array<sip::HeaderField, 16> slots{};
    sip::Scan scan;
};

struct World {
    World() {
        (void)stack.add_listener(
            {sip::ListenerId{7}, sip::Transport::udp, {sip::Address::v4(192, 0, 2, 1), 5060}, {}});
        options.uri = "sip:alice@example.com";
        options.next_hop.remote = {sip::Address::v4(192, 0, 2, 9), 5060};
    }
    SeededEntropy entropy;
    sip::Stack stack{{}, entropy};
    sip::UacOptions options;
    sip::Uac uac;
};

}  // namespace

TEST_CASE("back-off: nothing at first, then 1 s and doubling up to 60 s") {
    CHECK(sip::back_off(0) == seconds{0});
    CHECK(sip::back_off(1) == seconds{1});
    CHECK(sip::back_off(2) == seconds{2});
    CHECK(sip::back_off(6) == seconds{32});
    CHECK(sip::back_off(7) == seconds{60});
    CHECK(sip::back_off(UINT32_MAX) == seconds{60});
}

TEST_CASE("R3903-4.3-2: refresh at half, 32 s before the end, or a third, and at least 1 s") {
    CHECK(sip::refresh_delay(3600) == seconds{1800});
    CHECK(sip::refresh_delay(64) == seconds{32});
    CHECK(sip::refresh_delay(63) == seconds{31});
    CHECK(sip::refresh_delay(48) == seconds{16});
    CHECK(sip::refresh_delay(45) == seconds{15});
    CHECK(sip::refresh_delay(3) == seconds{1});
    CHECK(sip::refresh_delay(0) == seconds{1});
    CHECK(sip::refresh_delay(UINT32_MAX) == milliseconds{2'147'483'647'500});
}

TEST_CASE("R6665-4.1.2.1-3: what is granted is never more than what was asked for") {
    CHECK(sip::granted_expires(Heard("Expires: 60\r\n").scan.message, 3600) == 60);
    CHECK(sip::granted_expires(Heard("Expires: 7200\r\n").scan.message, 3600) == 3600);
    CHECK(sip::granted_expires(Heard("Expires: 0\r\n").scan.message, 3600) == 0);
    CHECK(sip::granted_expires(Heard("Expires: 4294967296\r\n").scan.message, 3600) == 3600);
    CHECK(sip::granted_expires(Heard("").scan.message, 3600) == 3600);
}

TEST_CASE("R3261-20.33-1: Retry-After with comment and duration; a broken one is none") {
    CHECK(sip::retry_after_of(Heard("Retry-After: 18 (later);duration=5\r\n").scan.message) == 18);
    CHECK_FALSE(sip::retry_after_of(Heard("Retry-After: soon\r\n").scan.message));
    CHECK_FALSE(sip::retry_after_of(Heard("").scan.message));
}

TEST_CASE("R3261-8.1.1.1-1: To is the Request-URI and From is To, unless they are given") {
    World world;
    REQUIRE(world.uac.open(world.stack.core(), world.options));
    CHECK(world.uac.to() == "sip:alice@example.com");
    CHECK(world.uac.from() == "sip:alice@example.com");
    world.options.to = "sip:to@example.com";
    REQUIRE(world.uac.open(world.stack.core(), world.options));
    CHECK(world.uac.to() == "sip:to@example.com");
    CHECK(world.uac.from() == "sip:to@example.com");
    world.options.from = "sip:from@example.com";
    REQUIRE(world.uac.open(world.stack.core(), world.options));
    CHECK(world.uac.from() == "sip:from@example.com");
}

TEST_CASE("R3261-19.3-1 R3261-8.1.1.4-1: renewed, nothing is as it was") {
    World world;
    REQUIRE(world.uac.open(world.stack.core(), world.options));
    const std::string call_id(world.uac.call_id()), tag(world.uac.tag());
    CHECK(call_id.size() == 32);
    CHECK(tag.size() == 16);
    CHECK(world.uac.next_cseq() == 1);
    CHECK(world.uac.next_cseq() == 2);
    world.uac.renew(world.stack.shard());
    CHECK(world.uac.call_id() != call_id);
    CHECK(world.uac.tag() != tag);
    CHECK(world.uac.next_cseq() == 1);
}

TEST_CASE("R3261-8.1.2-1: the socket that fits the next hop, or none") {
    World world;
    REQUIRE(world.uac.open(world.stack.core(), world.options));
    CHECK(world.uac.next_hop().listener == sip::ListenerId{7});
    world.options.next_hop.remote.address.bytes[11] = 0;  // IPv6 now
    const auto no_socket = world.uac.open(world.stack.core(), world.options);
    REQUIRE_FALSE(no_socket);
    CHECK(no_socket.error().condition == sip::Condition::internal);
    world.options.next_hop = {};
    // A name is looked up when the first request is to leave.
    CHECK(world.uac.open(world.stack.core(), world.options));
    CHECK(world.uac.next_hop().remote.port == 0);
    world.options.next_hop_uri = "sip:[oops";
    CHECK_FALSE(world.uac.open(world.stack.core(), world.options));
}

TEST_CASE("a UAC that finds no memory says so and keeps nothing") {
    for (std::uint64_t nth = 0; nth < 4; ++nth) {
        World world;
        world.options.to = "sip:to@example.com";
        world.options.from = "sip:from@example.com";
        world.options.contact_user = "bob";
        world.stack.shard().memory.refuse_after(nth);
        const auto opened = world.uac.open(world.stack.core(), world.options);
        REQUIRE_FALSE(opened);
        CHECK(opened.error().condition == sip::Condition::overloaded);
        world.stack.shard().memory.refuse_none();
        CHECK(world.uac.open(world.stack.core(), world.options));
    }
}
