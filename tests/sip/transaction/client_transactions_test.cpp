#include "sip/transaction/client_transactions.hpp"

#include <doctest/doctest.h>

#include <ostream>
#include <set>
#include <vector>

#include "tests/support/stack_world.hpp"

using namespace sip;

namespace {

using Times = std::vector<std::int64_t>;

void tell_unreachable(StackWorld& world, const Endpoint& to, const std::string& quoted,
                      ListenerId via = RawWorld<Stack>::udp) {
    const std::vector<char> bytes(quoted.begin(), quoted.end());
    world.stack.unreachable(world.net.now, {via, to, bytes});
    world.net.drain();
}

}  // namespace

TEST_CASE(
    "R3261-17.1.2.2-1 R3261-17.1.2.2-2 R3261-17.1.1.2-1: unanswered by UDP, a request is sent 11 "
    "times and given up at 32 s") {
    StackWorld world;
    const Instant start = world.net.now.mono;
    REQUIRE(
        world.user.send(start == Instant{} ? world.net.now : world.net.now, world.peer_by_udp()));
    world.net.drain();
    world.net.pass(seconds{100});
    CHECK(world.times(start) ==
          Times{0, 500, 1'500, 3'500, 7'500, 11'500, 15'500, 19'500, 23'500, 27'500, 31'500});
    REQUIRE(world.user.told.size() == 1);
    CHECK(world.user.told[0].failure == Failure::timeout);
    CHECK(world.user.told[0].at - start == seconds{32});
    CHECK(world.user.told[0].object == Handle{7, 1});
    CHECK(world.stack.clients().size() == 0);
}

TEST_CASE("R3261-17.1.1.2-1: the timers go with the T1, T2 and T4 that were configured") {
    StackOptions options;
    options.limits.t1 = milliseconds{100};
    options.limits.t2 = milliseconds{300};
    options.limits.t4 = milliseconds{700};
    StackWorld world(options);
    const Instant start = world.net.now.mono;
    REQUIRE(world.user.send(world.net.now, world.peer_by_udp()));
    world.net.drain();
    world.net.pass(milliseconds{1'200});
    CHECK(world.times(start) == Times{0, 100, 300, 600, 900, 1'200});
    world.net.pass(milliseconds{5'200});
    CHECK(world.user.told.size() == 1);
    CHECK(world.user.told[0].at - start == milliseconds{6'400});

    REQUIRE(world.user.send(world.net.now, world.peer_by_udp()));
    world.net.sent.clear();
    world.net.drain();
    world.net.answer(world.net.take());
    world.net.pass(milliseconds{699});
    CHECK(world.stack.clients().size() == 1);
    world.net.pass(milliseconds{1});
    CHECK(world.stack.clients().size() == 0);
}

TEST_CASE("R3261-17.1.2.2-2 R3261-17.1.2.2-3: after a provisional answer E runs at T2, F goes on") {
    StackWorld world;
    const Instant start = world.net.now.mono;
    REQUIRE(world.user.send(world.net.now, world.peer_by_udp()));
    world.net.drain();
    const RawMessage request = world.net.sent.front();
    world.net.pass(milliseconds{600});
    world.net.answer(request, 100);
    world.net.pass(seconds{100});
    // The E that was running fires as it was set; from then on each 4 s.
    CHECK(world.times(start) ==
          Times{0, 500, 1'500, 5'500, 9'500, 13'500, 17'500, 21'500, 25'500, 29'500});
    REQUIRE(world.user.told.size() == 2);
    CHECK(world.user.told[0].status == 100);
    CHECK(world.user.told[1].status == 0);
    CHECK(world.user.told[1].at - start == seconds{32});
}

TEST_CASE("R3261-17.1.2.2-3: a final answer ends the copies; for T4 its own copies are absorbed") {
    StackWorld world;
    REQUIRE(world.user.send(world.net.now, world.peer_by_udp()));
    world.net.drain();
    const RawMessage request = world.net.take();
    world.net.answer(request, 486);
    world.net.answer(request, 486);
    world.net.answer(request, 100);
    CHECK(world.user.told.size() == 1);
    world.net.pass(milliseconds{4'999});
    CHECK(world.stack.clients().size() == 1);
    world.net.answer(request, 486);
    CHECK(world.stack.counters().unmatched_responses == 0);
    world.net.pass(milliseconds{1});
    CHECK(world.stack.clients().size() == 0);
    CHECK_FALSE(world.net.take());
    world.net.answer(request, 486);
    CHECK(world.stack.counters().unmatched_responses == 1);
    CHECK(world.user.told.size() == 1);
}

TEST_CASE("R3261-17.1.2.2-2 R3261-17.1.2.2-3: by TCP nothing is repeated, F is 32 s and K is 0") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    world.net.input(flow, "\r\n");
    Target target = world.peer_by_tcp();
    target.flow = flow;
    const Instant start = world.net.now.mono;
    REQUIRE(world.user.send(world.net.now, target));
    world.net.drain();
    world.net.pass(milliseconds{31'999});
    CHECK(world.times(start) == Times{0});
    CHECK(world.user.told.empty());
    world.net.pass(milliseconds{1});
    CHECK(world.user.told.size() == 1);

    REQUIRE(world.user.send(world.net.now, target));
    world.net.drain();
    world.net.answer(world.net.take());
    CHECK(world.user.told.back().status == 200);
    CHECK(world.stack.clients().size() == 0);
}

TEST_CASE(
    "R3261-17.1.3-1 R3261-18.1.2-2 R6026-7.2-2 T-37: a response matches by branch and CSeq method, "
    "all others are dropped and counted") {
    StackWorld world;
    REQUIRE(world.user.send(world.net.now, world.peer_by_udp()));
    world.net.drain();
    const RawMessage request = world.net.take();
    const auto with = [&](const std::string& from, const std::string& to) {
        RawMessage other = request;
        other.text.replace(other.text.find(from), from.size(), to);
        world.net.answer(other);
    };
    const std::string via = request.field("Via");
    const std::string branch = via.substr(via.find("z9hG4bK"), 23);
    with("CSeq: 1 MESSAGE", "CSeq: 1 NOTIFY");
    with(branch, branch.substr(0, 22));
    with(branch, branch + "0");
    with(branch, "z9hG4bKghijklmnopqrstuv");
    with(branch, "z9hG4bK0123456789abcdef");
    CHECK(world.user.told.empty());
    CHECK(world.stack.counters().unmatched_responses == 5);
    // RFC 3261 8.1.3.3: two Vias are not for us.
    RawMessage two = request;
    two.text.replace(two.text.find("\r\nVia: "), 7,
                     "\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx\r\nVia: ");
    world.net.answer(two);
    CHECK(world.stack.counters().foreign_responses == 1);
    CHECK(world.user.told.empty());
    world.net.answer(request);
    CHECK(world.user.told.size() == 1);
    CHECK_FALSE(world.net.take());  // and no response was ever answered
}

TEST_CASE("R3261-8.1.1.7-1: no two requests have one branch, and each has the cookie") {
    StackWorld world;
    std::set<std::string> branches;
    for (int i = 0; i < 500; ++i) {
        REQUIRE(world.user.send(world.net.now, world.peer_by_udp()));
        world.net.drain();
        const std::string via = world.net.take().field("Via");
        const auto at = via.find("branch=z9hG4bK");
        REQUIRE(at != std::string::npos);
        branches.insert(via.substr(at, 30));
    }
    CHECK(branches.size() == 500);
}

TEST_CASE("R3261-17.1.4-1 R3261-18.4-1: requests on a connection that closes fail at once") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    Target target = world.peer_by_tcp();
    target.flow = flow;
    for (std::uint32_t i = 0; i < 3; ++i)
        REQUIRE(world.user.send(world.net.now, target, Method::message, i));
    REQUIRE(world.user.send(world.net.now, world.peer_by_udp(), Method::message, 99));
    world.net.drain();
    world.stack.closed(world.net.now, flow);
    REQUIRE(world.user.told.size() == 3);
    for (const auto& told : world.user.told) {
        CHECK(told.failure == Failure::transport);
        CHECK(told.object.index < 3);
    }
    CHECK(world.stack.clients().size() == 1);
}

TEST_CASE("T-28: a connection that does not come about in 2 s fails what waits for it") {
    StackWorld world;
    const Instant start = world.net.now.mono;
    REQUIRE(world.user.send(world.net.now, world.peer_by_tcp()));
    world.net.drain();
    REQUIRE(world.net.opened.size() == 1);
    SUBCASE("unanswered") {
        world.net.pass(milliseconds{1'999});
        CHECK(world.user.told.empty());
        world.net.pass(milliseconds{1});
        REQUIRE(world.user.told.size() == 1);
        CHECK(world.user.told[0].at - start == seconds{2});
        CHECK(world.net.closed.size() == 1);
    }
    SUBCASE("refused") {
        world.stack.closed(world.net.now, world.net.opened[0].flow);
        REQUIRE(world.user.told.size() == 1);
    }
    CHECK(world.user.told[0].failure == Failure::transport);
    CHECK(world.stack.clients().size() == 0);
    CHECK(world.stack.transport().flow_count() == 0);
}

TEST_CASE("a transaction that its user gave up runs on, and tells nobody") {
    StackWorld world;
    const auto id = world.user.send(world.net.now, world.peer_by_udp());
    REQUIRE(id);
    world.stack.clients().abandon(*id);
    world.net.pass(milliseconds{500});
    CHECK(world.net.sent.size() == 2);
    world.net.answer(world.net.take());
    CHECK(world.user.told.empty());
    world.net.pass(seconds{5});
    CHECK(world.stack.clients().size() == 0);
}

TEST_CASE("ROUR-4: one request more than the limit is not sent, and leaves nothing") {
    StackOptions options;
    options.limits.client_transactions = 2;
    StackWorld world(options);
    CHECK(world.user.send(world.net.now, world.peer_by_udp()));
    CHECK(world.user.send(world.net.now, world.peer_by_udp()));
    const auto third = world.user.send(world.net.now, world.peer_by_udp());
    REQUIRE_FALSE(third);
    CHECK(third.error().condition == Condition::overloaded);
    world.net.drain();
    CHECK(world.net.sent.size() == 2);
    CHECK(world.stack.counters().limit_client_transactions == 1);
}

TEST_CASE("ROUR-4: in a full table a request takes the place of the one that was answered first") {
    StackOptions options;
    options.limits.client_transactions = 3;
    StackWorld world(options);
    const auto send = [&] {
        const bool sent = world.user.send(world.net.now, world.peer_by_udp()).has_value();
        world.net.drain();
        return sent;
    };
    std::vector<RawMessage> requests;
    for (int i = 0; i < 3; ++i) {
        CHECK(send());
        requests.push_back(world.net.take());
    }
    CHECK(world.stack.clients().full());
    world.net.answer(requests[2]);
    world.net.answer(requests[0]);
    CHECK_FALSE(world.stack.clients().full());
    CHECK(world.user.told.size() == 2);
    CHECK(send());
    requests.push_back(world.net.take());
    // The one that went is told from the one that stays by what is counted for a copy.
    world.net.answer(requests[0]);
    CHECK(world.stack.counters().unmatched_responses == 0);
    world.net.answer(requests[2]);
    CHECK(world.stack.counters().unmatched_responses == 1);
    CHECK(send());
    world.net.answer(requests[0]);
    CHECK(world.stack.counters().unmatched_responses == 2);
    CHECK(world.stack.clients().full());
    CHECK_FALSE(send());
    CHECK(world.stack.counters().limit_client_transactions == 1);
    CHECK(world.user.told.size() == 2);
    // Nothing of them is left: those that wait time out, and their places are others'.
    world.net.pass(seconds{40});
    CHECK(world.user.told.size() == 5);
    CHECK(world.stack.clients().size() == 0);
    for (int i = 0; i < 3; ++i) CHECK(send());
    CHECK_FALSE(send());
}

TEST_CASE("ROUR-4: answered requests by the hundred take no more room than the limit") {
    StackOptions options;
    options.limits.client_transactions = 2;
    StackWorld world(options);
    for (int i = 0; i < 300; ++i) {
        REQUIRE(world.user.send(world.net.now, world.peer_by_udp()));
        world.net.drain();
        world.net.answer(world.net.take());
        if (i % 50 == 0) world.net.pass(milliseconds{3'000});
        CHECK(world.stack.clients().size() <= 2);
    }
    CHECK(world.user.told.size() == 300);
    world.net.pass(seconds{5});
    CHECK(world.stack.clients().size() == 0);
    CHECK_FALSE(world.stack.deadline());
}

TEST_CASE("ROUR-4: of the requests that were answered the last 64 linger") {
    StackOptions options;
    options.limits.rate_source = 0;
    StackWorld world(options);
    constexpr std::size_t most = ClientTransactions::lingering_max;
    const auto ask = [&] {
        REQUIRE(world.user.send(world.net.now, world.peer_by_udp()));
        world.net.drain();
        return world.net.take();
    };
    const RawMessage waits = ask(), first = ask(), second = ask();
    world.net.answer(first);
    world.net.answer(second);
    while (world.stack.clients().size() <= most) world.net.answer(ask());
    CHECK(world.stack.clients().size() == most + 1);
    world.net.answer(first);
    CHECK(world.stack.counters().unmatched_responses == 0);
    world.net.answer(ask());
    CHECK(world.stack.clients().size() == most + 1);
    world.net.answer(second);
    CHECK(world.stack.counters().unmatched_responses == 0);
    world.net.answer(first);
    CHECK(world.stack.counters().unmatched_responses == 1);
    // The one that waits for its answer is none of them.
    const std::size_t told = world.user.told.size();
    world.net.answer(waits);
    CHECK(world.user.told.size() == told + 1);
}

TEST_CASE("a request for which there is no way is an error at once") {
    StackWorld world;
    Target nowhere = world.peer_by_udp();
    SUBCASE("no such socket") { nowhere.listener = ListenerId{77}; }
    SUBCASE("no port") { nowhere.remote.port = 0; }
    const auto sent = world.user.send(world.net.now, nowhere);
    REQUIRE_FALSE(sent);
    CHECK(sent.error().condition == Condition::internal);
    CHECK(world.stack.clients().size() == 0);
    CHECK_FALSE(world.stack.deadline());
}

TEST_CASE("T-35: memory refused at any allocation of a request of ours leaves nothing behind") {
    for (const bool by_stream : {false, true}) {
        bool succeeded = false;
        for (std::uint64_t n = 0; !succeeded; ++n) {
            REQUIRE(n < 50);
            StackWorld world;
            const Target target = by_stream ? world.peer_by_tcp() : world.peer_by_udp();
            world.stack.shard().memory.refuse_after(n);
            succeeded = world.user.send(world.net.now, target).has_value();
            world.stack.shard().memory.refuse_none();
            CHECK(world.stack.clients().size() == (succeeded ? 1 : 0));
            if (!succeeded) CHECK(world.user.send(world.net.now, target));
        }
    }
}

TEST_CASE(
    "R3261-18.4-1 R3261-17.1.4-1: an ICMP error that quotes a request sent twice fails it, one for "
    "the first copy does not") {
    StackWorld world;
    REQUIRE(world.user.send(world.net.now, world.peer_by_udp()));
    world.net.drain();
    const std::string text = world.net.take().text;
    tell_unreachable(world, world.net.peer, text);
    world.net.pass(milliseconds{499});
    CHECK(world.user.told.empty());
    CHECK(world.stack.counters().unreachable_unproved == 1);
    bool answered = false;
    SUBCASE("unanswered") {}
    SUBCASE("answered 100") { answered = true; }
    world.net.pass(milliseconds{1});
    CHECK(world.net.sent.size() == 1);
    if (answered) {
        RawMessage request = world.net.take();
        world.net.answer(request, 100);
        world.user.told.clear();
    }
    tell_unreachable(world, world.net.peer, text);
    REQUIRE(world.user.told.size() == 1);
    CHECK(world.user.told[0].failure == Failure::transport);
    CHECK(world.user.told[0].object == Handle{7, 1});
    CHECK(world.stack.clients().size() == 0);
    CHECK(world.stack.counters().unreachable_unproved == 1);
    tell_unreachable(world, world.net.peer, text);  // and again, for what is over
    CHECK(world.user.told.size() == 1);
}

TEST_CASE("T-11: an ICMP error that proves nothing fails nothing, however often it is sent") {
    StackWorld world;
    REQUIRE(world.user.send(world.net.now, world.peer_by_udp()));
    world.net.drain();
    world.net.pass(milliseconds{600});
    const std::string text = world.net.take().text;
    const auto branch = text.find("z9hG4bK");
    const std::size_t proof = branch + 23;
    std::uint64_t errors = 0;
    const auto forge = [&](const std::string& quoted, const Endpoint& to,
                           ListenerId via = RawWorld<Stack>::udp) {
        tell_unreachable(world, to, quoted, via);
        CHECK(world.user.told.empty());
        CHECK(world.stack.counters().unreachable_unproved == ++errors);
    };
    for (std::size_t size = 0; size < proof; ++size) forge(text.substr(0, size), world.net.peer);
    std::string other = text;
    other[proof - 1] = other[proof - 1] == '0' ? '1' : '0';
    forge(other, world.net.peer);
    forge(text, {world.net.peer.address, 5063});
    forge(text, world.net.peer, ListenerId{2});
    forge("branch=" + text.substr(branch, 23), world.net.peer);
    forge(std::string(2'000, 'x'), world.net.peer);
    world.net.pass(seconds{32});
    REQUIRE(world.user.told.size() == 1);
    CHECK(world.user.told[0].failure == Failure::timeout);
}

TEST_CASE("R3261-18.4-1: as soon as the branch is quoted whole, it is proof; case aside") {
    for (const bool lower : {false, true}) {
        StackWorld world;
        REQUIRE(world.user.send(world.net.now, world.peer_by_udp()));
        world.net.drain();
        world.net.pass(milliseconds{600});
        std::string text = world.net.take().text;
        const auto branch = text.find("z9hG4bK");
        if (lower) text.replace(branch, 7, "Z9HG4BK");
        tell_unreachable(world, world.net.peer, text.substr(0, branch + 23));
        CHECK(world.user.told.size() == 1);
    }
}

TEST_CASE("R3261-18.4-1: an answered request, and one by TCP, are not failed by an ICMP error") {
    StackWorld world;
    const FlowId flow = world.net.connect();
    Target target = world.peer_by_tcp();
    SUBCASE("answered") {
        REQUIRE(world.user.send(world.net.now, world.peer_by_udp()));
        world.net.drain();
        world.net.pass(milliseconds{600});
        const RawMessage request = world.net.take();
        world.net.answer(request, 200);
        tell_unreachable(world, world.net.peer, request.text);
        CHECK(world.user.told.size() == 1);
        CHECK(world.stack.clients().size() == 1);  // timer K goes on
    }
    SUBCASE("by TCP") {
        target.flow = flow;
        REQUIRE(world.user.send(world.net.now, target));
        world.net.drain();
        world.net.pass(seconds{1});
        tell_unreachable(world, world.net.peer, world.net.take().text);
        CHECK(world.user.told.empty());
    }
}

TEST_CASE("R3261-18.1.2-1: a response whose top Via is not ours is dropped in silence") {
    StackWorld world;
    REQUIRE(world.user.send(world.net.now, world.peer_by_udp()));
    world.net.drain();
    const RawMessage request = world.net.take();
    std::uint64_t foreign = 0;
    for (const char* other : {"192.0.2.2:5060", "192.0.2.1:5061", "example.com", "[2001:db8::1]"}) {
        RawMessage changed = request;
        changed.text.replace(changed.text.find("192.0.2.1:5060"), 14, other);
        world.net.answer(changed, 200);
        CHECK(world.stack.counters().foreign_responses == ++foreign);
    }
    CHECK(world.user.told.empty());
    CHECK_FALSE(world.net.take());
    CHECK(world.stack.clients().size() == 1);
    RawMessage standard = request;  // 5060 is the port of a sent-by without one
    standard.text.replace(standard.text.find("192.0.2.1:5060"), 14, "192.0.2.1");
    world.net.answer(standard, 200);
    CHECK(world.user.told.size() == 1);
}
