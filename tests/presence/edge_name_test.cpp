#include "presence/edge_name.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "sip/message/uri.hpp"

namespace {

std::string name_of(const presence::EdgeName& names, std::string_view text,
                    std::size_t room_bytes = 512) {
    const auto uri = sip::parse_uri(text);
    REQUIRE(uri);
    std::string room(room_bytes, ' ');
    sip::Appender out(std::span(room.data(), room.size()));
    names.write(out, *uri);
    return out.overflowed() ? "overflowed" : std::string(out.view());
}

}  // namespace

TEST_CASE("R3856-7.1-1: the Contact of an edge presence server is a name of its one presentity") {
    sip::Listeners listeners;
    REQUIRE(listeners.add(
        {sip::ListenerId{1}, sip::Transport::udp, {sip::Address::v4(192, 0, 2, 1), 5070}, {}}));
    const presence::EdgeName names("alice@example.com", listeners);
    CHECK(name_of(names, "sip:alice@192.0.2.1:5070") == "alice@example.com");
    CHECK(name_of(names, "sip:alice@example.com") == "alice@example.com");
    // Another user, another port, another host, another scheme.
    CHECK(name_of(names, "sip:bob@192.0.2.1:5070") == "bob@192.0.2.1");
    CHECK(name_of(names, "sip:alice@192.0.2.1:5071") == "alice@192.0.2.1");
    CHECK(name_of(names, "sip:alice@192.0.2.2:5070") == "alice@192.0.2.2");
    CHECK(name_of(names, "pres:alice@192.0.2.1") == "alice@192.0.2.1");
    CHECK(name_of(names, "sip:alice@192.0.2.1:5070", 16) == "overflowed");
}
