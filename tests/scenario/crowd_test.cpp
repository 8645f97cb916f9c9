// A million endpoints, one request each.

#include <doctest/doctest.h>

#include <string>

#include "tests/support/server_world.hpp"

using presence::Policy;
using sip::seconds;

namespace {

constexpr unsigned crowd_size = 1'000'000;
constexpr unsigned digits = 7;

sip::Endpoint endpoint_of(unsigned i) {
    return {sip::Address::v4(10, static_cast<std::uint8_t>(i >> 16),
                             static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)),
            static_cast<std::uint16_t>(1024 + i % 60'000)};
}

/// A request whose branch and Call-ID are the number of who sends it.
class Numbered {
public:
    explicit Numbered(std::string text) : text_(std::move(text)) {}
    std::span<const char> of(unsigned i) {
        const std::string number = std::to_string(10'000'000 + i).substr(1);
        for (auto at = text_.find("NR"); at != std::string::npos; at = text_.find("NR", at + 1))
            text_.replace(at + 2, digits, number);
        return text_;
    }

private:
    std::string text_;
};

/// The crowd comes, one each millisecond.
struct Crowd {
    explicit Crowd(ServerWorld& world)
        : w(world),
          subscribe(w.raw.text_of(named(ServerWorld::subscribe("bob")))),
          options(w.raw.text_of(named(RawRequest{"OPTIONS", "sip:alice@example.com"}))),
          garbage("\x16\x03\x01 NR0000000 \xFF\r\n\r\n not a message") {}
    static RawRequest named(RawRequest request) {
        request.branch = "z9hG4bKNR0000000";
        request.call_id = "NR0000000";
        return request;
    }
    void one(unsigned i) {
        sip::Now& now = w.raw.now;
        now.mono += sip::milliseconds{1};
        now.wall_ms += 1;
        if (const auto due = w.server.deadline(); due && *due <= now.mono) w.server.advance(now);
        const sip::Endpoint from = endpoint_of(i);
        if (i % 4 == 3) {
            const sip::FlowId flow =
                w.server.accepted(now, sip::Transport::tcp, w.raw.server, from);
            if (flow != sip::FlowId{}) w.server.input(now, sip::Chunk{flow, {"SUB", 3}});
        } else {
            Numbered& text = i % 4 == 0 ? subscribe : i % 4 == 1 ? options : garbage;
            w.server.input(now, sip::Datagram{RawWorld<presence::Server>::udp, from, text.of(i)});
        }
        while (auto effect = w.server.poll(now)) count(*effect, i);
    }
    void count(const sip::Effect& effect, unsigned i) {
        const auto* out = std::get_if<sip::Transmit>(&effect);
        if (out == nullptr) return;
        const std::string_view head = out->packet.head.view();
        if (i % 4 == 0 && head.starts_with("SIP/2.0 401 "))
            ++challenged;
        else if (i % 4 == 1 && head.starts_with("SIP/2.0 200 "))
            ++answered;
        else
            ++others;
    }

    ServerWorld& w;
    Numbered subscribe, options, garbage;
    unsigned challenged = 0, answered = 0, others = 0;
};

}  // namespace

TEST_CASE("T-16 T-35: a million endpoints are answered, nothing is kept of them, others served") {
    ServerWorld w(Policy::allow);
    Crowd crowd(w);
    const sip::Memory& memory = w.server.stack().shard().memory;
    std::size_t early_peak = 0;
    for (unsigned i = 0; i < crowd_size; ++i) {
        crowd.one(i);
        // As many as one deadline of a transaction or connection can see.
        if (i == crowd_size / 10) early_peak = memory.peak();
        if (i % 50'000 != 0) continue;
        RawRequest request = ServerWorld::subscribe("carol", "alice", 0);
        request.call_id = "honest-" + std::to_string(i);
        w.raw.answer_notify = true;
        CHECK(w.ask_as("carol", request).status() == 200);
        CHECK(w.raw.take("NOTIFY"));
    }
    CHECK(crowd.challenged == crowd_size / 4);
    CHECK(crowd.answered == crowd_size / 4);
    CHECK(memory.peak() <= early_peak + 65'536);
    CHECK(memory.peak() < 64'000'000);
    const sip::Counters& counters = w.server.counters();
    CHECK(counters.flow_timeouts + counters.limit_flows +
              w.server.stack().transport().flow_count() ==
          crowd_size / 4);
    w.raw.pass(seconds{100});
    CHECK(w.server.notifier().size() == 0);
    CHECK(w.server.stack().servers().size() == 0);
    CHECK(w.server.stack().transport().flow_count() == 0);
}
