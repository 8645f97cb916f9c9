#include "apps/edge/net/resolver.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <vector>

#include "apps/edge/net/address.hpp"
#include "tests/apps/edge/net/fake_engine.hpp"
#include "tests/apps/edge/net/loopback.hpp"
#include "tests/support/paths.hpp"

namespace {

using sip::Address;
using sip::RecordType;
using Kind = sip::NameAnswer::Kind;

/// A name server on loopback, as the test plays it, and a driver that asks it.
struct Asking {
    Asking() : driver(engine, options(server.local())) {}
    static edge::DriverOptions options(const sip::Endpoint& server) {
        edge::DriverOptions made;
        made.names.servers = {server};
        made.names.timeout = sip::milliseconds{40};
        made.names.tries = 2;
        made.names.hosts_file = "/nonexistent";
        return made;
    }
    void ask(std::uint64_t id, RecordType type, std::string_view name) {
        engine.effects.push_back(
            sip::Resolve{sip::LookupId{id}, type, sip::SharedBytes::copy(memory, name)});
    }
    bool until(const std::function<bool()>& done) { return turn_until(driver, done); }
    /// A question that came, with its sender; empty when there is none.
    std::string question() {
        std::array<char, 1500> room{};
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        const auto got = ::recvfrom(server.fd(), room.data(), room.size(), MSG_DONTWAIT,
                                    reinterpret_cast<sockaddr*>(&from), &size);
        if (got <= 0) return {};
        sender = edge::to_endpoint(reinterpret_cast<const sockaddr*>(&from));
        return {room.data(), static_cast<std::size_t>(got)};
    }
    std::string wait_for_question() {
        std::string got;
        CHECK(until([&] { return !(got = question()).empty(); }));
        return got;
    }
    /// The answer to `asked` with one record of `type` and `data`, or none and that code.
    static std::string answer_to(const std::string& asked, std::uint16_t type,
                                 const std::string& data, unsigned code = 0) {
        std::string text = asked.substr(0, asked.find('\0', 12) + 5);
        text[2] = static_cast<char>(0x81);
        text[3] = static_cast<char>(0x80U | code);
        text[7] = data.empty() ? 0 : 1;
        text[11] = 0;  // no EDNS comes back
        if (data.empty()) return text;
        text += std::string("\xc0\x0c\0", 3) + static_cast<char>(type);
        text += std::string("\0\1\0\0\0\x3c\0", 7) + static_cast<char>(data.size()) + data;
        return text;
    }

    sip::Memory memory;
    FakeEngine engine;
    Peer server = Peer::udp();
    sip::Endpoint sender;
    edge::Driver driver;
};

}  // namespace

TEST_CASE("T-26: a question goes to the name server, and its answer comes in the loop") {
    if (!edge::Resolver::is_built_in()) {
        skip_case("built without c-ares");
        return;
    }
    Asking world;
    world.ask(7, RecordType::a, "phone.example.com");
    const std::string asked = world.wait_for_question();
    CHECK(asked.find("\x05phone\x07"
                     "example\x03"
                     "com") == 12);
    CHECK(world.engine.answered.empty());
    world.server.send_to(world.sender, Asking::answer_to(asked, 1, {"\xc0\x00\x02\x09", 4}));
    REQUIRE(world.until([&] { return world.engine.answered.size() == 1; }));
    CHECK(world.engine.answered[0] == sip::LookupId{7});
    REQUIRE(world.engine.answers.size() == 1);
    CHECK(world.engine.answers[0].kind == Kind::found);
    REQUIRE(world.engine.answers[0].addresses.size() == 1);
    CHECK(world.engine.answers[0].addresses[0] == Address::v4(192, 0, 2, 9));
}

TEST_CASE("T-26: that there is no such name is an answer; a failure and silence are failures") {
    if (!edge::Resolver::is_built_in()) {
        skip_case("built without c-ares");
        return;
    }
    Asking world;
    world.ask(1, RecordType::srv, "_sip._udp.example.com");
    const std::string asked = world.wait_for_question();
    world.server.send_to(world.sender, Asking::answer_to(asked, 33, "", 3));
    REQUIRE(world.until([&] { return world.engine.answers.size() == 1; }));
    CHECK(world.engine.answers[0].kind == Kind::nothing);

    // Nobody answers: the tries are bounded, and so is the time.
    world.ask(2, RecordType::naptr, "example.com");
    REQUIRE(world.until([&] { return world.engine.answers.size() == 2; }));
    CHECK(world.engine.answers[1].kind == Kind::failed);
    int tries = 0;
    while (!world.question().empty()) ++tries;
    CHECK(tries >= 1);
    CHECK(tries <= 4);
    // A message with another id, or with the answer cut off, is not taken.
    world.ask(3, RecordType::a, "example.com");
    std::string forged = Asking::answer_to(world.wait_for_question(), 1, {"\x0a\x00\x00\x01", 4});
    forged[0] = static_cast<char>(forged[0] ^ 1);
    world.server.send_to(world.sender, forged);
    REQUIRE(world.until([&] { return world.engine.answers.size() == 3; }));
    CHECK(world.engine.answers[2].kind == Kind::failed);
}

TEST_CASE("T-26: many questions at once, and a driver that goes with them unanswered") {
    if (!edge::Resolver::is_built_in()) {
        skip_case("built without c-ares");
        return;
    }
    Asking world;
    for (std::uint64_t i = 1; i <= 200; ++i)
        world.ask(i, RecordType::aaaa, "host" + std::to_string(i) + ".example.com");
    const std::string asked = world.wait_for_question();
    CHECK_FALSE(asked.empty());
    CHECK(world.engine.answered.size() < 200);
}

TEST_CASE("localhost is answered without a name server") {
    Asking world;
    world.ask(1, RecordType::a, "localhost");
    REQUIRE(world.until([&] { return world.engine.answers.size() == 1; }));
    REQUIRE(world.engine.answers[0].addresses.size() == 1);
    CHECK(world.engine.answers[0].addresses[0] == Address::v4(127, 0, 0, 1));
    CHECK(world.question().empty());
}
