#include "apps/edge/workers/worker_link.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "apps/edge/workers/worker_counts.hpp"
#include "sip/transaction/owner.hpp"
#include "tests/support/stack_world.hpp"

using namespace sip;

namespace {

constexpr std::uint8_t workers_count = 3;
const Endpoint server{Address::v4(192, 0, 2, 1), 5060}, peer{Address::v4(192, 0, 2, 9), 4000};

/// One worker, with sockets that only remember.
struct Worker final : edge::RelayedConnections {
    Worker(edge::WorkerRings& rings, std::uint8_t number, std::set<unsigned>& woken,
           CommonCounts& counts, const Limits& limits)
        : entropy(number),
          stack(options(number, counts, limits), entropy),
          user(stack.core()),
          link(stack, rings, *this, counters, [&woken](unsigned to) { woken.insert(to); }) {
        (void)stack.add_listener({ListenerId{1}, Transport::udp, server, {}});
        (void)stack.add_listener({ListenerId{2}, Transport::tcp, server, {}});
        constexpr std::array methods{Method::message};
        user.part = stack.attach(user, methods);
        user.script = [](const Request&) { return 200; };
        stack.set_neighbors(&link);
    }
    static StackOptions options(std::uint8_t number, CommonCounts& counts, const Limits& limits) {
        StackOptions made;
        made.place = {number, workers_count, {1, 2}};
        made.common_counts = &counts;
        made.limits = limits;
        return made;
    }
    void relay_write(FlowId flow, std::string_view bytes) override { written[flow] += bytes; }
    void relay_close(const Now& now, FlowId flow) override {
        closed.push_back(flow);
        link.gone(flow);
        stack.closed(now, flow);
    }
    /// What a driver does in a turn.
    void turn(const Now& now) {
        while (link.has_room()) {
            auto effect = stack.poll(now);
            if (!effect) break;
            if (const auto* out = std::get_if<Transmit>(&*effect)) {
                if (const auto* flow = std::get_if<FlowId>(&out->where)) {
                    if (!link.transmit(*flow, out->packet))
                        written[*flow] += out->packet.head.view();
                } else {
                    ++datagrams;
                }
            } else if (const auto* gone = std::get_if<CloseFlow>(&*effect)) {
                if (!link.close(gone->flow, gone->released)) relay_close(now, gone->flow);
            }
        }
        (void)link.end_turn();
    }

    SeededEntropy entropy;
    Stack stack;
    ScriptedUser user;
    edge::NetCounters counters;
    edge::WorkerLink link;
    std::map<FlowId, std::string> written;
    std::vector<FlowId> closed;
    int datagrams = 0;
};

struct Workers {
    explicit Workers(std::size_t ring_bytes = std::size_t{1} << 18, const Limits& limits = {})
        : rings(workers_count, ring_bytes), counts(limits, workers_count) {
        for (std::uint8_t i = 0; i < workers_count; ++i)
            all.push_back(std::make_unique<Worker>(rings, i, woken, counts, limits));
    }
    explicit Workers(const Limits& limits) : Workers(std::size_t{1} << 18, limits) {}
    /// Until nobody has anything for anybody.
    void settle() {
        for (auto& each : all) each->turn(now);
        while (!woken.empty()) {
            const unsigned next = *woken.begin();
            woken.erase(woken.begin());
            (void)all[next]->link.take(now);
            all[next]->turn(now);
        }
    }
    void pass(Duration time) {
        now.mono += time;
        for (auto& each : all) each->stack.advance(now);
        settle();
    }
    /// A name whose owner is `worker`.
    static std::string owned_by(unsigned worker) {
        for (unsigned i = 0;; ++i) {
            const std::string name = "u" + std::to_string(i);
            if (owner_of_address({0, workers_count, {1, 2}}, name + "@example.com") == worker)
                return name;
        }
    }
    std::string message(unsigned owner, const std::string& body = {}) {
        const std::string number = std::to_string(++messages);
        return "MESSAGE sip:" + owned_by(owner) +
               "@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9:4000;branch=z9hG4bKm" + number +
               "\r\nFrom: <sip:p@example.com>;tag=1\r\nTo: <sip:x@example.com>\r\nCall-ID: m" +
               number + "\r\nCSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    }
    /// A datagram that arrives at a worker.
    void arrive(unsigned worker, const std::string& text) {
        all[worker]->stack.input(now, Datagram{ListenerId{1}, peer, {text.data(), text.size()}});
        settle();
    }
    std::uint64_t sum(std::uint64_t Counters::*counter) const {
        std::uint64_t all_together = 0;
        for (const auto& each : all) all_together += each->stack.counters().*counter;
        return all_together;
    }
    std::size_t seen() const {
        std::size_t requests = 0;
        for (const auto& each : all) requests += each->user.seen.size();
        return requests;
    }
    FlowId accept(unsigned worker, std::uint16_t port = 4000) {
        return all[worker]->stack.accepted(now, Transport::tcp, server, {peer.address, port});
    }
    void bring(unsigned worker, FlowId flow, const std::string& text) {
        all[worker]->stack.input(now, Chunk{flow, {text.data(), text.size()}});
    }

    edge::WorkerRings rings;
    edge::WorkerCounts counts;
    std::set<unsigned> woken;
    std::vector<std::unique_ptr<Worker>> all;
    Now now{Instant{seconds{1}}, 0};
    int messages = 0;
};

}  // namespace

TEST_CASE("a datagram is answered by its owner, wherever it arrives") {
    Workers w;
    const std::string text = w.message(2);
    w.all[0]->stack.input(w.now, Datagram{ListenerId{1}, peer, {text.data(), text.size()}});
    CHECK(w.all[0]->user.seen.empty());
    w.settle();
    CHECK(w.all[2]->user.seen.size() == 1);
    CHECK(w.all[2]->datagrams == 1);
    CHECK(w.all[0]->datagrams == 0);
    CHECK(w.all[0]->stack.counters().handed_over == 1);
    CHECK(w.all[0]->stack.counters().messages_in == 0);
    CHECK(w.all[2]->stack.counters().taken_over == 1);
    CHECK(w.all[2]->stack.counters().messages_in == 1);
    // Another copy at another worker is the same transaction.
    w.all[1]->stack.input(w.now, Datagram{ListenerId{1}, peer, {text.data(), text.size()}});
    w.settle();
    CHECK(w.all[2]->user.seen.size() == 1);
    CHECK(w.all[2]->datagrams == 2);
}

TEST_CASE("messages of one connection go to their owners, and answers come by it") {
    Workers w;
    const FlowId flow = w.accept(1);
    w.bring(1, flow, w.message(0) + w.message(1) + w.message(2) + w.message(0));
    w.settle();
    CHECK(w.all[0]->user.seen.size() == 2);
    CHECK(w.all[1]->user.seen.size() == 1);
    CHECK(w.all[2]->user.seen.size() == 1);
    const std::string& written = w.all[1]->written[flow];
    std::size_t answers = 0;
    for (auto at = written.find("SIP/2.0 200"); at != std::string::npos;
         at = written.find("SIP/2.0 200", at + 1))
        ++answers;
    CHECK(answers == 4);
    CHECK(w.all[0]->link.mirrored() == 1);
    CHECK(w.all[2]->link.mirrored() == 1);
    CHECK(w.all[1]->link.told() == 1);
}

TEST_CASE("a connection that goes is gone at all who know it, and nothing is left of it") {
    Workers w;
    const FlowId flow = w.accept(1);
    w.bring(1, flow, w.message(0) + w.message(2));
    w.settle();
    w.all[1]->link.gone(flow);
    w.all[1]->stack.closed(w.now, flow);
    w.settle();
    for (auto& each : w.all) {
        CHECK(each->link.mirrored() == 0);
        CHECK(each->link.told() == 0);
        CHECK(each->stack.transport().flow_count() == 0);
    }
}

TEST_CASE("a mirror that is idle is forgotten; the connection stays until nobody needs it") {
    Workers w;
    const FlowId flow = w.accept(1);
    w.bring(1, flow, w.message(0));
    w.settle();
    w.pass(seconds{1799});
    CHECK(w.all[0]->link.mirrored() == 1);
    w.bring(1, flow, w.message(1));  // it is heard here, and not there
    w.settle();
    w.pass(seconds{2});
    CHECK(w.all[0]->link.mirrored() == 0);
    CHECK(w.all[1]->link.told() == 0);
    CHECK(w.all[1]->closed.empty());
    CHECK(w.all[1]->stack.transport().is_open(flow));
    w.pass(seconds{1800});
    CHECK(w.all[1]->closed == std::vector{flow});
}

TEST_CASE("a mirror that something lives by keeps the connection, however quiet it is") {
    Workers w;
    const FlowId flow = w.accept(1);
    w.bring(1, flow, w.message(0));
    w.settle();
    FlowId mirrored{};
    for (std::uint32_t i = 0; i < 4 && mirrored == FlowId{}; ++i)
        for (std::uint64_t generation = 1; generation < 4; ++generation)
            if (w.all[0]->stack.transport().is_open(FlowId{generation << 32 | i}))
                mirrored = FlowId{generation << 32 | i};
    REQUIRE(mirrored != FlowId{});
    FlowBond bond;
    w.all[0]->stack.transport().bind(bond, mirrored, {5, {}});
    for (int i = 0; i < 10; ++i) w.pass(seconds{1700});
    CHECK(w.all[1]->closed.empty());
    CHECK(w.all[0]->link.mirrored() == 1);
    // RFC 5626 4.4.1: who expects keep-alives has them watched where the connection is.
    w.all[0]->stack.transport().expect_keep_alives(w.now, mirrored, seconds{100});
    w.settle();
    w.pass(seconds{124});
    CHECK(w.all[1]->closed.empty());
    w.bring(1, flow, "\r\n\r\n");
    w.settle();
    w.pass(seconds{124});
    CHECK(w.all[1]->closed.empty());
    w.pass(seconds{2});
    CHECK(w.all[1]->closed == std::vector{flow});
    CHECK(bond.flow() == FlowId{});
}

TEST_CASE("a message that crosses the forgetting makes a new mirror, and is not lost") {
    Workers w;
    const FlowId flow = w.accept(1);
    w.bring(1, flow, w.message(0));
    w.settle();
    // The owner forgets it, and before the holder hears of that it hands over another.
    w.now.mono += seconds{1801};
    w.all[0]->stack.advance(w.now);
    w.bring(1, flow, w.message(0));
    w.all[1]->turn(w.now);
    w.all[0]->turn(w.now);
    w.settle();
    CHECK(w.all[0]->user.seen.size() == 2);
    CHECK(w.all[0]->link.mirrored() == 1);
    CHECK(w.all[1]->link.told() == 1);
    w.all[1]->link.gone(flow);
    w.all[1]->stack.closed(w.now, flow);
    w.settle();
    CHECK(w.all[0]->link.mirrored() == 0);
}

TEST_CASE("T-17: a connection that an owner has no room for is closed") {
    Limits limits;
    limits.flows = 2;
    Workers w(limits);
    const std::array flows{w.accept(1, 4001), w.accept(1, 4002), w.accept(2, 4003)};
    for (std::size_t i = 0; i < flows.size(); ++i) {
        w.bring(i < 2 ? 1 : 2, flows[i], w.message(0));
        w.settle();
    }
    CHECK(w.all[0]->user.seen.size() == 2);
    CHECK(w.all[1]->closed.empty());
    CHECK(w.all[2]->closed == std::vector{flows[2]});
}

TEST_CASE(
    "T-3: a full ring holds streams back, drops datagrams, and loses no message of a stream") {
    Workers w;
    const FlowId flow = w.accept(1);
    const std::string body(20'000, 'b');
    std::string all;
    for (int i = 0; i < 12; ++i) all += w.message(0, body);
    w.bring(1, flow, all);
    w.all[1]->turn(w.now);
    CHECK_FALSE(w.all[1]->link.has_room());
    CHECK(w.all[1]->stack.counters().handed_over < 12);
    CHECK(w.all[1]->counters.hand_over_waits == 1);
    // Datagrams go on until there is no room at all.
    int sent = 0;
    while (w.all[1]->counters.hand_over_dropped == 0 && ++sent < 100) {
        const std::string text = w.message(0, body);
        w.all[1]->stack.input(w.now, Datagram{ListenerId{1}, peer, {text.data(), text.size()}});
    }
    CHECK(w.all[1]->counters.hand_over_dropped == 1);
    w.settle();
    CHECK(w.all[0]->user.seen.size() == static_cast<std::size_t>(12 + sent - 1));
    CHECK(w.all[1]->link.has_room());
    CHECK(w.all[1]->stack.counters().handed_over == static_cast<std::uint64_t>(12 + sent));
}

TEST_CASE("an ICMP error finds the worker that sent the request it quotes") {
    Workers w;
    Target target;
    target.transport = Transport::udp;
    target.listener = ListenerId{1};
    target.remote = peer;
    REQUIRE(w.all[2]->user.send(w.now, target));
    auto effect = w.all[2]->stack.poll(w.now);
    REQUIRE(effect);
    const std::string text(std::get<Transmit>(*effect).packet.head.view());
    // Sent once more, as a first copy proves nothing.
    w.pass(milliseconds{600});
    w.all[0]->stack.unreachable(w.now, {ListenerId{1}, peer, {text.data(), text.size()}});
    w.settle();
    REQUIRE(w.all[2]->user.told.size() == 1);
    CHECK(w.all[2]->user.told[0].failure == Failure::transport);
}

TEST_CASE("T-17: an address has so many connections at all workers together") {
    Limits limits;
    limits.flows_per_address = 4;
    Workers w(limits);
    std::vector<FlowId> flows;
    for (std::uint16_t i = 0; i < 4; ++i) {
        flows.push_back(w.accept(i % workers_count, static_cast<std::uint16_t>(4000 + i)));
        CHECK(flows.back() != FlowId{});
    }
    for (unsigned i = 0; i < workers_count; ++i)
        CHECK(w.accept(i, static_cast<std::uint16_t>(5000 + i)) == FlowId{});
    CHECK(w.sum(&Counters::limit_flows_per_address) == 3);
    // That another knows one is no other connection.
    w.bring(0, flows[0], w.message(0) + w.message(1) + w.message(2));
    w.settle();
    CHECK(w.all[1]->link.mirrored() == 1);
    CHECK(w.all[2]->link.mirrored() == 1);
    w.all[1]->stack.closed(w.now, flows[1]);
    CHECK(w.accept(2, 6000) != FlowId{});
    CHECK(w.accept(1, 6001) == FlowId{});
    // Nor is a mirror that goes one connection less.
    w.all[0]->link.gone(flows[0]);
    w.settle();
    CHECK(w.accept(1, 6002) == FlowId{});
    w.all[0]->stack.closed(w.now, flows[0]);
    CHECK(w.accept(1, 6003) != FlowId{});
}

TEST_CASE("T-16: what an address may bring is the same, whichever workers it reaches") {
    Limits limits;
    limits.rate_source = 2;
    limits.rate_burst_s = 6;
    Workers w(limits);
    for (unsigned i = 0; i < 60; ++i) w.arrive(i % workers_count, w.message(i / 3 % workers_count));
    CHECK(w.seen() == 12);
    CHECK(w.sum(&Counters::limit_rate_source) == 48);
    // Three of them are told, and not three by each.
    CHECK(w.sum(&Counters::stateless_replies) == 3);
    w.pass(seconds{1});
    for (unsigned i = 0; i < 60; ++i) w.arrive(i % workers_count, w.message(0));
    CHECK(w.seen() == 14);
}

TEST_CASE("T-16: strangers ask all workers so often, and each worker as often if it is alone") {
    for (const unsigned asked : {1U, workers_count + 0U}) {
        Limits limits;
        limits.rate_strangers = 3;
        limits.rate_burst_s = 5;
        Workers w(limits);
        for (unsigned i = 0; i < 60; ++i) w.arrive(i % workers_count, w.message(i % asked));
        CHECK(w.seen() == 15);
        CHECK(w.sum(&Counters::limit_rate_strangers) == 45);
        // Who proved an identity at one of them is no stranger at any other.
        w.all[1]->stack.admission().proved(w.now, peer.address);
        for (unsigned i = 0; i < 60; ++i) w.arrive(i % workers_count, w.message(i % asked));
        CHECK(w.seen() == 75);
        w.pass(limits.known_source_lifetime + seconds{10});
        for (unsigned i = 0; i < 60; ++i) w.arrive(i % workers_count, w.message(i % asked));
        CHECK(w.seen() == 90);
    }
}

TEST_CASE("T-16: an address has so many transactions at all workers together, and they come back") {
    Limits limits;
    limits.server_transactions_per_address = 4;
    limits.rate_source = limits.rate_strangers = 0;
    Workers w(limits);
    for (auto& each : w.all) each->user.script = [](const Request&) { return 0; };
    for (unsigned round = 1; round <= 3; ++round) {
        for (unsigned i = 0; i < 12; ++i) w.arrive(0, w.message(i % workers_count));
        CHECK(w.sum(&Counters::limit_server_transactions_per_address) == 8U * round);
        for (auto& each : w.all) {
            for (std::size_t i = 0; i < each->user.seen.size(); ++i)
                if (each->user.seen[i].transaction) each->user.say(w.now, i);
            each->user.seen.clear();
        }
        w.pass(seconds{33});
    }
}
