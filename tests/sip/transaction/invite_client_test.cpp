#include "sip/transaction/invite_client.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "tests/support/stack_world.hpp"

using namespace sip;

namespace {

using Times = std::vector<std::int64_t>;

/// A stack that sent one INVITE.
struct Invited : StackWorld {
    explicit Invited(bool by_stream = false, const StackOptions& options = {})
        : StackWorld(options) {
        Target target = peer_by_udp();
        if (by_stream) {
            flow = net.connect();
            net.input(flow, "\r\n");
            net.sent.clear();
            target = peer_by_tcp();
            target.flow = flow;
        }
        start = net.now.mono;
        const auto sent = user.send(net.now, target, Method::invite);
        REQUIRE(sent);
        id = *sent;
        net.drain();
        invite = net.sent.back();
    }
    void answer(int status, const std::string& tag = "t") {
        std::string text = "SIP/2.0 " + std::to_string(status) +
                           " Said\r\nVia: " + invite.field("Via") +
                           "\r\nFrom: " + invite.field("From") + "\r\nTo: " + invite.field("To") +
                           (status > 100 ? ";tag=" + tag : "") +
                           "\r\nCall-ID: ours\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
        if (invite.flow != FlowId{})
            net.input(invite.flow, text);
        else
            net.input(text);
    }
    std::vector<int> told() const {
        std::vector<int> all;
        for (const auto& one : user.told) all.push_back(one.status);
        return all;
    }
    FlowId flow{};
    Instant start;
    ClientTransactionId id;
    RawMessage invite;
};

}  // namespace

TEST_CASE(
    "R3261-17.1.1.2-2 R3261-17.1.1.2-3: by UDP an unanswered INVITE is sent 7 times, each wait "
    "twice the last, and given up at 32 s") {
    Invited world;
    world.net.pass(seconds{100});
    CHECK(world.times(world.start) == Times{0, 500, 1'500, 3'500, 7'500, 15'500, 31'500});
    REQUIRE(world.user.told.size() == 1);
    CHECK(world.user.told[0].failure == Failure::timeout);
    CHECK(world.user.told[0].at - world.start == seconds{32});
    CHECK(world.stack.clients().size() == 0);
}

TEST_CASE("R3261-17.1.1.2-2 R3261-17.1.1.2-3: by TCP it is sent once, and given up at 32 s") {
    Invited world(true);
    world.net.pass(milliseconds{31'999});
    CHECK(world.times(world.start) == Times{0});
    CHECK(world.user.told.empty());
    world.net.pass(milliseconds{1});
    REQUIRE(world.user.told.size() == 1);
    CHECK(world.user.told[0].failure == Failure::timeout);
}

TEST_CASE(
    "R3261-17.1.1.2-4: a provisional answer ends the copies and Timer B; each is passed up, and "
    "the user alone decides how long is long") {
    Invited world;
    world.net.pass(milliseconds{600});
    world.answer(100);
    world.answer(180);
    world.answer(180);
    world.net.pass(seconds{1000});
    CHECK(world.times(world.start) == Times{0, 500});
    CHECK(world.told() == std::vector<int>{100, 180, 180});
    CHECK(world.stack.clients().size() == 1);
}

TEST_CASE(
    "R3261-17.1.1.2-5: a failure is passed up once, each copy of it is acknowledged, D is 32 s") {
    Invited world;
    world.net.take();
    world.answer(180);
    world.answer(486);
    CHECK(world.net.take().method() == "ACK");
    world.answer(486);
    world.answer(486);
    CHECK(world.net.take("ACK"));
    CHECK(world.net.take("ACK"));
    CHECK(world.told() == std::vector<int>{180, 486});
    world.answer(200);  // nor is anything else taken for news
    world.answer(183);
    CHECK_FALSE(world.net.take());
    CHECK(world.told() == std::vector<int>{180, 486});
    world.net.pass(milliseconds{31'999});
    world.answer(486);
    CHECK(world.net.take().method() == "ACK");
    world.net.pass(milliseconds{1});
    CHECK(world.stack.clients().size() == 0);
    world.answer(486);
    CHECK_FALSE(world.net.take());
    CHECK(world.stack.counters().unmatched_responses == 1);
}

TEST_CASE("R3261-17.1.1.2-5: with short timers D stays at 32 s, and by TCP it is 0") {
    StackOptions quick;
    quick.limits.t1 = milliseconds{10};
    Invited world(false, quick);
    world.answer(603);
    world.net.pass(milliseconds{31'999});
    CHECK(world.stack.clients().size() == 1);
    world.net.pass(milliseconds{1});
    CHECK(world.stack.clients().size() == 0);

    Invited by_stream(true);
    by_stream.answer(603);
    CHECK(by_stream.net.take("ACK").flow == by_stream.flow);
    by_stream.net.pass(milliseconds{0});
    CHECK(by_stream.stack.clients().size() == 0);
}

TEST_CASE(
    "R6026-7.2-1: after a 2xx each further 2xx is passed up for 64*T1, whoever sent it, and "
    "nothing else is; no ACK is the transaction's") {
    for (const bool by_stream : {false, true}) {
        Invited world(by_stream);
        world.net.take();
        world.answer(180);
        world.answer(200, "one");
        world.answer(200, "two");
        world.answer(180);
        world.answer(486);
        world.net.pass(milliseconds{31'999});
        world.answer(200, "one");
        CHECK(world.told() == std::vector<int>{180, 200, 200, 200});
        CHECK(world.stack.clients().size() == 1);
        world.net.pass(milliseconds{1});
        CHECK(world.stack.clients().size() == 0);
        world.answer(200, "one");
        CHECK(world.told().size() == 4);
        CHECK_FALSE(world.net.take());
    }
}

TEST_CASE("RFC 3261 9.1: CANCEL has the INVITE's branch and fields, and is answered by itself") {
    Invited world;
    world.net.take();
    world.answer(180);
    world.stack.clients().cancel(world.net.now, world.id, "SIP;cause=200");
    world.stack.clients().cancel(world.net.now, world.id, "once");
    world.net.drain();
    const RawMessage cancel = world.net.take();
    CHECK(cancel.text ==
          "CANCEL sip:bob@192.0.2.99:5062 SIP/2.0\r\nVia: " + world.invite.field("Via") +
              "\r\nMax-Forwards: 70\r\nFrom: <sip:us@192.0.2.1>;tag=us\r\n"
              "To: <sip:bob@192.0.2.99>\r\nCall-ID: ours\r\nCSeq: 1 CANCEL\r\n"
              "Reason: SIP;cause=200\r\nContent-Length: 0\r\n\r\n");
    CHECK_FALSE(world.net.take());
    world.net.answer(cancel, 200);
    CHECK(world.told() == std::vector<int>{180});  // the answer to the CANCEL is no news
    world.answer(487);
    CHECK(world.told() == std::vector<int>{180, 487});
    CHECK(world.net.take().method() == "ACK");
    world.net.pass(seconds{32});
    CHECK(world.stack.clients().size() == 0);
}

TEST_CASE(
    "RFC 3261 9.1: a CANCEL waits for a provisional answer, and is repeated as it has to be") {
    Invited world;
    world.stack.clients().cancel(world.net.now, world.id, "SIP;cause=487");
    world.net.drain();
    world.net.pass(milliseconds{600});
    CHECK(world.times(world.start) == Times{0, 500});  // INVITE, and again
    world.answer(100);
    CHECK(world.net.take().field("Reason") == "SIP;cause=487");
    world.net.pass(seconds{1});
    CHECK(world.net.take("CANCEL"));
    world.answer(200);  // they crossed
    CHECK(world.told() == std::vector<int>{100, 200});
}

TEST_CASE("RFC 3261 9.1: no CANCEL once there was a final answer, nor for other methods") {
    for (const int status : {200, 404}) {
        Invited world;
        world.stack.clients().cancel(world.net.now, world.id);
        world.answer(status);
        world.stack.clients().cancel(world.net.now, world.id);
        world.net.drain();
        world.net.pass(seconds{40});
        CHECK_FALSE(world.net.take("CANCEL"));
    }
    StackWorld world;
    const auto sent = world.user.send(world.net.now, world.peer_by_udp());
    REQUIRE(sent);
    world.stack.clients().cancel(world.net.now, *sent);
    world.net.pass(seconds{1});
    CHECK_FALSE(world.net.take("CANCEL"));
    world.stack.clients().cancel(world.net.now, {});
}

TEST_CASE("RFC 3261 9.1: an INVITE that nobody answers though it was cancelled ends at 64*T1") {
    Invited world;
    world.answer(180);
    world.net.pass(seconds{100});
    const Instant at = world.net.now.mono;
    world.stack.clients().cancel(world.net.now, world.id);
    world.net.drain();
    world.net.pass(seconds{100});
    REQUIRE(world.user.told.size() == 2);
    CHECK(world.user.told[1].failure == Failure::timeout);
    CHECK(world.user.told[1].at - at == seconds{32});
    CHECK(world.stack.clients().size() == 0);
}

TEST_CASE("R3261-17.1.4-1: a connection that goes fails an INVITE that nobody answered yet") {
    Invited calling(true);
    calling.net.engine.closed(calling.net.now, calling.flow);
    REQUIRE(calling.user.told.size() == 1);
    CHECK(calling.user.told[0].failure == Failure::transport);
    CHECK(calling.stack.clients().size() == 0);

    // 18.2.2: whoever is ringing may answer by another connection.
    Invited ringing(true);
    ringing.answer(180);
    ringing.net.engine.closed(ringing.net.now, ringing.flow);
    CHECK(ringing.told() == std::vector<int>{180});
    ringing.invite.flow = ringing.net.connect();
    ringing.answer(200);
    CHECK(ringing.told() == std::vector<int>{180, 200});
}

TEST_CASE("R3261-17.1.1.2-5: no memory for an ACK or a CANCEL: the next copy is answered") {
    for (std::uint64_t n = 0; n < 8; ++n) {
        Invited world;
        world.answer(180);
        world.stack.shard().memory.refuse_after(n);
        world.stack.clients().cancel(world.net.now, world.id, "SIP;cause=200");
        world.net.drain();
        world.stack.shard().memory.refuse_none();
        world.answer(487);
        CHECK(world.told() == std::vector<int>{180, 487});
        world.net.pass(seconds{64});
        CHECK(world.stack.clients().size() == 0);
    }
}

TEST_CASE("R3261-8.1.1.7-1: a branch of ours is read as it was written, and no other is ours") {
    for (const Branch branch : {Branch{0x0123456789abcdef}, Branch{7, true, 0xfedcba9876543210}}) {
        std::array<char, 64> room;
        Appender out(room);
        branch.write(out);
        const auto read = Branch::read(out.view());
        REQUIRE(read);
        CHECK(read->value == branch.value);
        CHECK(read->carried == branch.carried);
        CHECK(read->loop == branch.loop);
        for (std::size_t size = 0; size < out.size(); ++size) {
            const bool whole = size == magic_cookie.size() + 16;
            CHECK(Branch::read(out.view().substr(0, size)).has_value() == whole);
        }
        CHECK_FALSE(Branch::read(std::string(out.view()) + "0"));
        CHECK_FALSE(Branch::read(std::string(out.view()) + "."));
    }
    CHECK_FALSE(Branch::read("z9hG4bK0123456789abcdeg"));
    CHECK_FALSE(Branch::read("z9hG4bK0123456789abcdef-0123456789abcdef"));
    CHECK_FALSE(Branch::read("z9hG4bJ0123456789abcdef"));
}
