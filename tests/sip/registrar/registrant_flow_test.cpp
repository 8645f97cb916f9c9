#include <doctest/doctest.h>

#include "sip/registrar/registrant.hpp"
#include "tests/support/uac_world.hpp"

// RFC 5626 at the UA: instance, reg-id, keep-alives and a new flow for one that failed.

using sip::FlowId;
using sip::seconds;

namespace {

using Kind = sip::RegistrationNotice::Kind;

struct FlowWorld : UacWorld<sip::Registrant> {
    FlowId flow{};

    sip::RegisterOptions options() {
        sip::RegisterOptions made;
        made.peer = peer("sip:bob@example.com", "");
        made.peer.next_hop = {sip::Transport::tcp, {}, {}, raw.peer};
        made.instance = "urn:uuid:1";
        made.reg_id = 3;
        return made;
    }
    sip::Expected<sip::RegistrationId> start(const sip::RegisterOptions& given) {
        const auto id = part.register_contact(raw.now, given);
        raw.drain();
        return id;
    }
    /// The connection that was asked for last stands.
    void connect() {
        REQUIRE_FALSE(raw.opened.empty());
        flow = raw.opened.back().flow;
        raw.opened.clear();
        stack.connected(raw.now, flow, raw.server);
        raw.drain();
    }
    void ok(const RawMessage& request, const std::vector<std::string>& fields = {}) {
        std::vector<std::string> all{"Contact: " + request.field("Contact")};
        all.insert(all.end(), fields.begin(), fields.end());
        raw.answer(request, 200, "OK", all);
    }
    std::vector<Kind> news() {
        std::vector<Kind> found;
        while (const auto notice = part.next_notice()) found.push_back(notice->kind);
        return found;
    }
};

const std::vector<std::string> granted{"Require: outbound", "Flow-Timer: 60"};

}  // namespace

TEST_CASE("RFC 5626 4.2.1: REGISTER has instance and reg-id, and Supported path and outbound") {
    FlowWorld world;
    const auto id = world.start(world.options());
    REQUIRE(id);
    world.connect();
    const RawMessage sent = world.only();
    CHECK(sent.field("Contact") ==
          "<sip:bob@192.0.2.1:5060;transport=tcp>;expires=3600"
          ";+sip.instance=\"<urn:uuid:1>\";reg-id=3");
    CHECK(sent.field("Supported") == "path, outbound");
    world.ok(sent, granted);
    CHECK(world.news() == std::vector<Kind>{Kind::registered});
    // The removal names the same flow.
    CHECK(world.part.unregister(world.raw.now, *id));
    CHECK(world.last().field("Contact") ==
          "<sip:bob@192.0.2.1:5060;transport=tcp>;expires=0"
          ";+sip.instance=\"<urn:uuid:1>\";reg-id=3");
}

TEST_CASE("RFC 5626 4.4: pings leave as often as Flow-Timer says; a missed pong is a new flow") {
    FlowWorld world;
    REQUIRE(world.start(world.options()));
    world.connect();
    world.ok(world.only(), granted);
    world.raw.sent.clear();
    world.raw.pass(seconds{60});
    REQUIRE(world.raw.sent.size() == 1);
    CHECK(world.raw.take().text == "\r\n\r\n");
    world.raw.input(world.flow, "\r\n");
    world.raw.pass(seconds{60});
    CHECK(world.raw.sent.size() == 1);
    CHECK(world.raw.opened.empty());
    while (world.raw.opened.empty()) world.raw.pass(seconds{1});
    CHECK(world.raw.closed.size() == 1);
    world.connect();
    const RawMessage again = world.last();
    CHECK(again.method() == "REGISTER");
    CHECK(again.field("Contact").find("reg-id=3") != std::string::npos);
    world.ok(again, granted);
    (void)world.news();
}

TEST_CASE("a registrar that keeps no flows need not answer pings") {
    FlowWorld world;
    REQUIRE(world.start(world.options()));
    world.connect();
    world.ok(world.only());
    world.raw.pass(seconds{1000});
    CHECK(world.raw.closed.empty());
    CHECK(world.raw.sent.size() >= 7);
}

TEST_CASE("RFC 5626 11.6: 439 is answered with an ordinary registration, once") {
    FlowWorld world;
    REQUIRE(world.start(world.options()));
    world.connect();
    world.raw.answer(world.only(), 439);
    const RawMessage plain = world.last();
    CHECK(plain.method() == "REGISTER");
    CHECK(plain.field("Contact").find("reg-id") == std::string::npos);
    CHECK_FALSE(plain.has("Supported"));
    world.raw.answer(plain, 439);
    CHECK(world.news() == std::vector<Kind>{Kind::failed});
    CHECK(world.part.size() == 0);
}

TEST_CASE("RFC 5626 4.5: a flow that cannot be made anew is tried after 30 to 60 s, then longer") {
    FlowWorld world;
    REQUIRE(world.start(world.options()));
    world.connect();
    world.ok(world.only(), granted);
    world.stack.closed(world.raw.now, world.flow);
    sip::Duration last{};
    for (int i = 0; i < 8; ++i) {
        const sip::Instant before = world.raw.now.mono;
        while (world.raw.opened.empty()) world.raw.pass(seconds{1});
        const sip::Duration waited = world.raw.now.mono - before;
        if (i == 0) CHECK(waited <= seconds{2});
        if (i > 0) {
            const auto most = std::min<sip::Duration>(seconds{30} * (1 << i), seconds{1800});
            CHECK(waited >= most / 2 - seconds{1});
            CHECK(waited <= most + seconds{2});
        }
        last = waited;
        const FlowId asked = world.raw.opened.back().flow;
        world.raw.opened.clear();
        world.stack.closed(world.raw.now, asked);
        world.raw.drain();
    }
    CHECK(last >= seconds{900});
}

TEST_CASE("an instance that is no URN, or a reg-id of 0, is refused where it is given") {
    FlowWorld world;
    for (const char* odd : {"a b", "a\"b", "<a>", "a\\", "a\r\nb"}) {
        sip::RegisterOptions options = world.options();
        options.instance = odd;
        CHECK_FALSE(world.start(options));
    }
    sip::RegisterOptions options = world.options();
    options.reg_id = 0;
    CHECK_FALSE(world.start(options));
    CHECK(world.part.size() == 0);
}
