#include <doctest/doctest.h>

#include "sip/message/message_parser.hpp"
#include "tests/support/proxy_world.hpp"
#include "tests/support/vectors.hpp"

// RFC 4475 and RFC 5118 through the proxy: each message, addressed to one of our users, to somebody
// elsewhere, and as it is.

namespace {

/// Requests that leave are well formed, and ours is the first Via; true: there was one.
bool check_what_left(ProxyWorld& w) {
    bool carried = false;
    for (const RawMessage& message : w.raw.sent) {
        CAPTURE(message.text);
        std::array<sip::HeaderField, 256> slots{};
        const sip::Scan scan =
            sip::scan_message(message.text, slots, sip::Framing::datagram, {}, {});
        CHECK(scan.end == sip::ScanEnd::complete);
        if (message.text.starts_with("SIP/2.0")) continue;
        carried = true;
        CHECK(message.field("Via").find("192.0.2.1:5060;branch=z9hG4bK") != std::string::npos);
        CHECK(message.has("Max-Forwards"));
    }
    return carried;
}

std::string addressed_to(const std::string& bytes, const std::string& uri) {
    const auto first = bytes.find(' ');
    const auto second = bytes.find(' ', first + 1);
    if (second == std::string::npos || bytes.starts_with("SIP/2.0")) return bytes;
    return bytes.substr(0, first + 1) + uri + bytes.substr(second);
}

}  // namespace

TEST_CASE("T-1: torture messages through a proxy: what goes on is well formed, or nothing") {
    std::size_t carried = 0;
    for (const TortureVector& vector : torture_vectors()) {
        CAPTURE(vector.name);
        std::vector<std::string> forms{vector.bytes};
        if (const auto original = original_torture_message(vector.name)) forms.push_back(*original);
        for (const std::string& bytes : forms)
            for (const char* uri : {"sip:bob@example.com", "sip:carol@192.0.2.44", ""}) {
                ProxyWorld w(ProxyWorld::Relay::authenticated);
                w.bind("bob", 20);
                w.say(10, *uri != 0 ? addressed_to(bytes, uri) : bytes);
                if (check_what_left(w)) ++carried;
                w.raw.pass(sip::seconds{400});
                w.raw.sent.clear();
                // It lives, and nothing is left of it.
                w.say(11, RawRequest{"OPTIONS", "sip:192.0.2.1"});
                CHECK(w.heard(11).status() == 200);
                w.raw.pass(sip::seconds{40});
                CHECK(w.quiet());
            }
    }
    CHECK(carried > 10);
}
