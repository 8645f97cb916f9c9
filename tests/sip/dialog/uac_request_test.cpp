#include "sip/dialog/uac_request.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/uac_world.hpp"

using sip::seconds;

namespace {

/// The least that sends a request of a UAC: a MESSAGE with as much text as it is given.
class Sender : public sip::TransactionUser {
public:
    static constexpr std::array<sip::Method, 0> methods{};
    explicit Sender(const sip::Core& core) : core_(core) {}
    void attach_as(std::uint8_t part) { part_ = part; }

    sip::Expected<void> send(const sip::Now& now, const sip::UacOptions& options,
                             std::size_t body) {
        const auto opened = uac.open(core_, options);
        if (!opened) return opened;
        return send_again(now, body);
    }
    sip::Expected<void> send_again(const sip::Now& now, std::size_t body) {
        size_ = body;
        const auto way = uac.find_way(now, core_, {part_, {}}, attempt);
        if (!way) return tl::unexpected(way.error());
        if (!*way) return {};
        sip::UacRequest request(core_, uac, sip::Method::message, uac.next_cseq(), attempt);
        request.header(sip::HeaderId::subject, padding);
        sip::SharedBytes text;
        if (body > 0) text = sip::SharedBytes::copy(core_.shard.memory, std::string(body, 'x'));
        return request.send(now, part_, {}, attempt, "text/plain", text);
    }
    void on_request(const sip::Now& now, const sip::Request& request) override {
        core_.respond(now, request, 405);
    }
    void on_response(const sip::Now& now, sip::Handle, const sip::Response& response) override {
        std::uint32_t none = 0;
        verdict = uac.judge(now, core_, response, sip::Method::message, none, attempt);
    }
    void on_failure(const sip::Now& now, sip::Handle, sip::Failure why) override {
        if (sip::Uac::fall_back(now, core_, attempt, why)) {
            (void)send_again(now, size_);
            return;
        }
        failed = true;
    }

    sip::Uac uac;
    sip::UacAttempt attempt;
    std::string padding = "none";
    sip::UacVerdict verdict = sip::UacVerdict::wait;
    bool failed = false;

private:
    sip::Core core_;
    std::uint8_t part_ = 0;
    std::size_t size_ = 0;
};

using World = UacWorld<Sender>;

}  // namespace

TEST_CASE("R3261-18.1.1-1: 1300 bytes go by UDP, one more by TCP") {
    World measure;
    REQUIRE(measure.part.send(measure.raw.now, measure.peer(), 500));
    const std::size_t fixed = measure.only().text.size() - 500;

    World udp;
    REQUIRE(udp.part.send(udp.raw.now, udp.peer(), 1'300 - fixed));
    const RawMessage small = udp.only();
    CHECK(small.text.size() == 1'300);
    CHECK(small.flow == sip::FlowId{});

    World tcp;
    const auto flow = tcp.raw.connect();
    REQUIRE(tcp.part.send(tcp.raw.now, tcp.peer(), 1'301 - fixed));
    const RawMessage large = tcp.only();
    CHECK(large.text.size() == 1'301);
    CHECK(large.flow == flow);
    CHECK(large.field("Via").starts_with("SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK"));
    tcp.reply(large, 200);
    CHECK(tcp.part.verdict == sip::UacVerdict::done);
}

TEST_CASE("R3261-18.1.1-2: a peer that takes no connection is sent datagrams from then on") {
    World world;
    REQUIRE(world.part.send(world.raw.now, world.peer(), 2'000));
    CHECK(world.silent());
    world.pass(seconds{2});
    const RawMessage sent = world.only();
    CHECK(sent.flow == sip::FlowId{});
    CHECK(sent.field("Via").starts_with("SIP/2.0/UDP "));
    CHECK_FALSE(world.part.failed);
    world.reply(sent, 200);
    CHECK(world.part.verdict == sip::UacVerdict::done);
    REQUIRE(world.part.send_again(world.raw.now, 2'000));
    CHECK(world.only().flow == sip::FlowId{});
}

TEST_CASE("what does not fit into a message of ours is refused, and nothing is sent") {
    World world;
    world.part.padding.assign(20'000, 'x');
    const auto sent = world.part.send(world.raw.now, world.peer(), 0);
    REQUIRE_FALSE(sent);
    CHECK(sent.error().condition == sip::Condition::too_large);
    CHECK_FALSE(world.part.attempt.outstanding);
    CHECK(world.silent());
}

TEST_CASE("a response to another request than the outstanding one means nothing") {
    World world;
    REQUIRE(world.part.send(world.raw.now, world.peer(), 0));
    const RawMessage first = world.only();
    REQUIRE(world.part.send_again(world.raw.now, 0));
    const RawMessage second = world.only();
    world.reply(first, 200);
    CHECK(world.part.verdict == sip::UacVerdict::wait);
    CHECK(world.part.attempt.outstanding);
    world.reply(second, 180);
    CHECK(world.part.verdict == sip::UacVerdict::wait);
    world.reply(second, 404);
    CHECK(world.part.verdict == sip::UacVerdict::failed);
}

TEST_CASE("R3261-8.1.3.3-1: a response with two Vias is dropped") {
    World world;
    REQUIRE(world.part.send(world.raw.now, world.peer(), 0));
    const RawMessage sent = world.only();
    world.reply(sent, 404, {"Via: SIP/2.0/UDP 192.0.2.44;branch=z9hG4bKother"});
    CHECK(world.part.verdict == sip::UacVerdict::wait);
    world.reply(sent, 404);
    CHECK(world.part.verdict == sip::UacVerdict::failed);
}
