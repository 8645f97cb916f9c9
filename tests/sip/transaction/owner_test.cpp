#include "sip/transaction/owner.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "sip/message/gruu.hpp"
#include "sip/message/message_parser.hpp"

namespace {

constexpr sip::HashKey key{0x1234, 0x5678};
sip::WorkerPlace place_of(unsigned workers, unsigned worker = 0) {
    return {static_cast<std::uint8_t>(worker), static_cast<std::uint8_t>(workers), key};
}

/// A request line's method and URI, To, and further fields.
std::optional<unsigned> owner(const sip::WorkerPlace& place, const std::string& method,
                              const std::string& uri, const std::string& to,
                              const std::string& more = {}) {
    const std::string text = method + " " + uri +
                             " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\nTo: " + to +
                             "\r\n" + more + "\r\n";
    std::array<sip::HeaderField, 32> slots;
    const auto scan = sip::scan_message(text, slots, sip::Framing::datagram, {}, {});
    REQUIRE(scan.end == sip::ScanEnd::complete);
    return sip::owner_of(place, scan.message, {});
}

/// Whether the worker of `place` would refuse it for the route that brought it.
bool misled(const sip::WorkerPlace& place, const std::string& method, const std::string& uri,
            const std::string& to, const std::string& more) {
    const std::string text = method + " " + uri + " SIP/2.0\r\nTo: " + to + "\r\n" + more + "\r\n";
    std::array<sip::HeaderField, 32> slots;
    const auto scan = sip::scan_message(text, slots, sip::Framing::datagram, {}, {});
    REQUIRE(scan.end == sip::ScanEnd::complete);
    const auto request_uri = sip::parse_uri(uri);
    REQUIRE(request_uri);
    return sip::is_misled(place, scan.message, *request_uri, {});
}

std::optional<unsigned> owner_of_response(const sip::WorkerPlace& place, const std::string& vias) {
    const std::string text = "SIP/2.0 200 OK\r\n" + vias + "\r\n";
    std::array<sip::HeaderField, 32> slots;
    const auto scan = sip::scan_message(text, slots, sip::Framing::datagram, {}, {});
    REQUIRE(scan.end == sip::ScanEnd::complete);
    return sip::owner_of(place, scan.message, {});
}

const std::string alice = "sip:alice@example.com", to_alice = "<" + alice + ">";

}  // namespace

TEST_CASE("a mark is the number of the worker, and alone there is none") {
    CHECK(place_of(1).mark(0x0123456789abcdef) == 0x0123456789abcdef);
    const sip::WorkerPlace third = place_of(4, 2);
    CHECK(third.mark(0x0123456789abcdef) == 0x0123456789abcdc2);
    CHECK(third.marked(third.mark(~std::uint64_t{0})) == 2);
    CHECK(place_of(4).marked(3) == 3);
    CHECK_FALSE(place_of(4).marked(4));
    CHECK_FALSE(place_of(4).marked(63));
    CHECK(place_of(64).marked(~std::uint64_t{0}) == 63);
}

TEST_CASE("every spelling of one address has one owner, and many addresses have all") {
    const sip::WorkerPlace place = place_of(5);
    const auto expected = owner(place, "SUBSCRIBE", alice, to_alice);
    CHECK(expected == sip::owner_of_address(place, "alice@example.com"));
    for (const char* same :
         {"sips:alice@example.com", "pres:alice@example.com", "sip:alice@EXAMPLE.com:5070",
          "sip:%61lice@example.com;transport=tcp", "sip:alice:secret@example.com?subject=x"})
        CHECK(owner(place, "PUBLISH", same, "<sip:zed@example.org>") == expected);
    std::vector<unsigned> counts(5);
    for (unsigned i = 0; i < 1000; ++i)
        ++counts[sip::owner_of_address(place, "u" + std::to_string(i) + "@example.com")];
    for (unsigned count : counts) CHECK(count > 140);
    // Nobody who lacks the key knows whose it is.
    sip::WorkerPlace other = place;
    other.key = {1, 2};
    unsigned moved = 0;
    for (unsigned i = 0; i < 100; ++i) {
        const std::string name = "u" + std::to_string(i) + "@example.com";
        moved += sip::owner_of_address(place, name) != sip::owner_of_address(other, name);
    }
    CHECK(moved > 50);
}

TEST_CASE("REGISTER is for its To, whatever the Request-URI is") {
    const sip::WorkerPlace place = place_of(64);
    CHECK(owner(place, "REGISTER", "sip:example.com", to_alice) ==
          sip::owner_of_address(place, "alice@example.com"));
    CHECK(owner(place, "REGISTER", "sip:example.com", "Alice " + to_alice + ";tag=1") ==
          sip::owner_of_address(place, "alice@example.com"));
}

TEST_CASE("within a dialog of ours the To tag has the owner") {
    const sip::WorkerPlace place = place_of(4);
    const std::string contact = "sip:192.0.2.1:5060";
    const auto by_uri = owner(place, "SUBSCRIBE", contact, to_alice);
    for (const char* method : {"SUBSCRIBE", "NOTIFY"}) {
        CHECK(owner(place, method, contact, to_alice + ";tag=0123456789abcdc1") == 1);
        CHECK(owner(place, method, contact, to_alice + ";tag=0123456789abcdc3") == 3);
        // Other people's, and lies that name nobody.
        for (const char* foreign : {"0123456789abcdc4", "0123456789ABCDC1", "0123456789abcdc",
                                    "0123456789abcdc11", "0123456789abcdg1", "x"})
            CHECK(owner(place, method, contact, to_alice + ";tag=" + foreign) == by_uri);
    }
    // Any other request has no dialog with us: INVITE, its ACK and its CANCEL go one way.
    for (const char* method : {"INVITE", "ACK", "CANCEL", "PUBLISH", "MESSAGE"})
        CHECK(owner(place, method, alice, to_alice + ";tag=0123456789abcdc1") ==
              sip::owner_of_address(place, "alice@example.com"));
}

TEST_CASE("by our route a request comes to whoever made it") {
    const sip::WorkerPlace place = place_of(4);
    const std::string token = "rr-0123456789abcdc3" + std::string(16, '7');
    const auto by_uri = sip::owner_of_address(place, "bob@192.0.2.7");
    const auto routed = [&](const std::string& user) {
        return owner(place, "BYE", "sip:bob@192.0.2.7", to_alice,
                     "Route: <sip:" + user + "@192.0.2.1;lr>, <sip:other.example;lr>\r\n");
    };
    CHECK(routed(token) == 3);
    CHECK(routed(token + "00000001deadbeef") == 3);
    CHECK(routed("rr-0123456789abcdff" + std::string(16, '7')) == by_uri);
    CHECK(routed("rr-01234") == by_uri);
    CHECK(routed("zed") == by_uri);
    // A strict router puts it into the Request-URI.
    CHECK(owner(place, "BYE", "sip:" + token + "@192.0.2.1", to_alice,
                "Route: <sip:bob@192.0.2.7>\r\n") == 3);
    // Before a tag: who serves the dialog is behind the route.
    CHECK(owner(place, "SUBSCRIBE", "sip:bob@192.0.2.7", to_alice + ";tag=0123456789abcdc1",
                "Route: <sip:" + token + "@192.0.2.1;lr>\r\n") == 3);
}

TEST_CASE("a response is for whoever drew the branch of its top Via") {
    const sip::WorkerPlace place = place_of(4);
    const auto via = [](const std::string& branch) {
        return "Via: SIP/2.0/UDP 192.0.2.1;branch=" + branch + "\r\n";
    };
    CHECK(owner_of_response(place, via("z9hG4bK0123456789abcdc2")) == 2);
    CHECK(owner_of_response(place, via("z9hG4bK0123456789abcdc2.0123456789abcdef")) == 2);
    CHECK(owner_of_response(place,
                            via("z9hG4bK0123456789abcdc2") + via("z9hG4bK0123456789abcdc1")) == 2);
    CHECK_FALSE(owner_of_response(place, via("z9hG4bK0123456789abcdc7")));
    CHECK_FALSE(owner_of_response(place, via("z9hG4bKx")));
    CHECK_FALSE(owner_of_response(place, ""));
    CHECK(sip::owner_of_quoted(place,
                               "NOTIFY sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP "
                               "192.0.2.1;branch=z9hG4bK0123456789abcdc3\r\n") == 3);
    CHECK_FALSE(sip::owner_of_quoted(place, "NOTIFY sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192"));
}

TEST_CASE("what does not say whose it is stays where it arrived") {
    const sip::WorkerPlace place = place_of(4);
    CHECK_FALSE(owner(place, "SUBSCRIBE", "nothing", to_alice));
    CHECK_FALSE(owner(place, "REGISTER", "sip:example.com", "<<"));
    CHECK_FALSE(owner(place, "PUBLISH", "sip:" + std::string(600, 'a') + "@example.com", to_alice));
}

TEST_CASE("however a branch or a tag is written, it has the same owner") {
    const sip::WorkerPlace place = place_of(4);
    const std::string branch = "z9hG4bK0123456789abcdc2", other = "z9hG4bK0123456789abcdc1";
    for (const std::string& via : {
             "192.0.2.1:5060;branch=" + branch + ";rport=5060;received=192.0.2.1",
             "192.0.2.1;rport;branch=" + branch,
             "192.0.2.1;branch=" + branch + ".0123456789abcdef;rport",
             "192.0.2.1 ; branch = " + branch + " ;rport",
             "192.0.2.1;BRANCH=" + branch,
             "192.0.2.1;x=\";branch=" + other + "\";branch=" + branch,
             "192.0.2.1;branch=" + branch + ", SIP/2.0/UDP 192.0.2.3;branch=" + other,
             "192.0.2.1;branch=" + branch + ",SIP/2.0/UDP 192.0.2.3;branch=" + other,
         })
        CHECK_MESSAGE(owner_of_response(place, "Via: SIP/2.0/UDP " + via + "\r\n") == 2, via);
    // The second one's is not the first one's.
    CHECK_FALSE(owner_of_response(
        place, "Via: SIP/2.0/UDP 192.0.2.1,SIP/2.0/UDP 192.0.2.3;branch=" + other + "\r\n"));
    CHECK_FALSE(owner_of_response(place, "Via: SIP/2.0/UDP 192.0.2.1;branch=" + branch +
                                             "0,SIP/2.0/UDP a;branch=" + other + "\r\n"));
    CHECK_FALSE(owner_of_response(place, "Via: SIP/2.0/UDP 192.0.2.1;branch=" + branch + ".\r\n"));
    const std::string tag = "0123456789abcdc1";
    for (const std::string& to : {
             to_alice + ";tag=" + tag,
             "\"A; tag=0123456789abcdc3\" " + to_alice + ";tag=" + tag,
             alice + ";tag=" + tag,
             to_alice + " ; tag = " + tag,
             to_alice + ";TAG=" + tag,
             to_alice + ";tag=" + tag + ";x=0123456789abcdc3",
             to_alice + ";x=\"y\";tag=" + tag,
         })
        for (const char* uri :
             {"sip:192.0.2.1", "sip:192.0.2.1;transport=tcp", "sip:rr-@192.0.2.1"})
            CHECK_MESSAGE(owner(place, "NOTIFY", uri, to) == 1, to);
}

TEST_CASE("what comes by a route is refused by whoever has nothing of what it is about") {
    const unsigned owner_of_alice = sip::owner_of_address(place_of(4), "alice@example.com");
    const std::string token = "rr-0123456789abcdc3" + std::string(16, '7');
    const std::string route = "Route: <sip:" + token + "@192.0.2.1;lr>\r\n";
    for (unsigned worker = 0; worker < 4; ++worker) {
        const sip::WorkerPlace here = place_of(4, worker);
        for (const char* method : {"SUBSCRIBE", "PUBLISH", "MESSAGE", "OPTIONS", "NOTIFY"})
            CHECK(misled(here, method, alice, to_alice, route) == (worker != owner_of_alice));
        CHECK(misled(here, "REGISTER", "sip:example.com", to_alice, route) ==
              (worker != owner_of_alice));
        // In a dialog the tag says it.
        CHECK(misled(here, "SUBSCRIBE", "sip:192.0.2.1", to_alice + ";tag=0123456789abcdc1",
                     route) == (worker != 1));
        // A strict router's way is no other.
        CHECK(misled(here, "SUBSCRIBE", "sip:" + token + "@192.0.2.1", to_alice, "") ==
              (sip::owner_of_address(here, token + "@192.0.2.1") != worker));
        // Without a route of ours it is here because it belongs here, or nobody knows where.
        CHECK_FALSE(misled(here, "SUBSCRIBE", alice, to_alice, ""));
        CHECK_FALSE(misled(here, "SUBSCRIBE", alice, to_alice, "Route: <sip:other;lr>\r\n"));
    }
}

TEST_CASE("RFC 5627 5.3: what is for a device is for whoever has its binding, in a dialog too") {
    const sip::WorkerPlace place = place_of(5);
    const auto of_user = sip::owner_of_address(place, "alice@example.com");
    const std::string open = alice + ";gr=urn:uuid:1";
    std::array<char, 128> room{};
    sip::Appender hidden(room);
    sip::write_temporary_gruu(hidden, place.common_key(), {place_of(5, 3).mark(~0ULL), 7},
                              "example.com");
    for (const char* tag : {"", ";tag=0123456789abcdc1", ";tag=x"})
        for (const char* method : {"SUBSCRIBE", "NOTIFY", "MESSAGE", "INVITE", "ACK", "CANCEL"}) {
            CHECK(owner(place, method, open, to_alice + tag) == of_user);
            CHECK(owner(place, method, std::string(hidden.view()), to_alice + tag) == 3);
        }
    const auto uri = sip::parse_uri(hidden.view());
    REQUIRE(uri);
    CHECK(sip::owner_of_device(place, *uri) == 3);
    CHECK_FALSE(sip::owner_of_device(place, *sip::parse_uri(alice)));
    // One that was made up is somebody's, and leads nowhere there.
    CHECK(owner(place, "MESSAGE", "sip:tgruu." + std::string(32, 'a') + "@example.com;gr",
                to_alice) ==
          sip::owner_of_address(place, "tgruu." + std::string(32, 'a') + "@example.com"));
}
