#include "sip/transaction/completed_transactions.hpp"

#include <doctest/doctest.h>

#include <ostream>
#include <vector>

#include "tests/support/stack_world.hpp"

using namespace sip;

namespace {

std::string via(int i) {
    return "SIP/2.0/UDP 192.0.2.99:5062;rport;branch=z9hG4bKdone" + std::to_string(i);
}
std::string message(int i) {
    return StackWorld::text("MESSAGE", via(i), "sip:alice@example.com", "done" + std::to_string(i));
}

StackOptions without_rates() {
    StackOptions options;
    options.limits.rate_source = options.limits.rate_strangers = 0;
    return options;
}

}  // namespace

TEST_CASE("R3261-17.2.2-1: a copy gets the same bytes until 32 s are over, and is new then") {
    StackWorld world(without_rates());
    std::vector<RawMessage> answers;
    for (int i = 0; i < 300; ++i) {
        answers.push_back(world.say(message(i)));
        REQUIRE(answers.back().status() == 200);
    }
    CHECK(world.stack.servers().completed() == 300);
    world.net.pass(milliseconds{31'900});
    for (int i = 0; i < 300; ++i)
        REQUIRE(world.say(message(i)).text == answers[static_cast<std::size_t>(i)].text);
    CHECK(world.user.seen.size() == 300);
    world.net.pass(milliseconds{200});
    CHECK(world.stack.servers().size() == 0);
    CHECK(world.say(message(7)).status() == 200);
    CHECK(world.user.seen.size() == 301);
}

TEST_CASE("100 000 completed transactions take at most 160 bytes each, and give them back") {
    constexpr std::size_t count = 100'000;
    StackWorld world(without_rates());
    const std::size_t before = world.stack.shard().memory.used();
    for (std::size_t i = 0; i < count; ++i) {
        world.net.sent.clear();
        world.net.input(message(static_cast<int>(i)));
        world.user.seen.clear();
    }
    REQUIRE(world.stack.servers().completed() == count);
    CHECK((world.stack.shard().memory.used() - before) / count <= 160);
    world.net.pass(seconds{32});
    CHECK(world.stack.servers().size() == 0);
    world.stack.trim();
    CHECK(world.stack.shard().memory.used() <= before);
}

TEST_CASE("T-16: at the limit the oldest is forgotten, one below it none is") {
    StackOptions options = without_rates();
    options.limits.completed_transactions = 3;
    StackWorld world(options);
    for (int i = 0; i < 3; ++i) world.say(message(i));
    CHECK(world.stack.counters().limit_completed_transactions == 0);
    world.say(message(3));
    CHECK(world.stack.counters().limit_completed_transactions == 1);
    CHECK(world.stack.servers().completed() == 3);
    world.say(message(1));
    CHECK(world.user.seen.size() == 4);  // a copy still
    world.say(message(0));
    CHECK(world.user.seen.size() == 5);
}

TEST_CASE("R3261-8.2.2.2-1: what comes by another branch is merged with what was answered") {
    StackWorld world(without_rates());
    world.say(StackWorld::text("MESSAGE", via(1)));
    REQUIRE(world.stack.servers().completed() == 1);
    CHECK(world.say(StackWorld::text("MESSAGE", via(2))).status() == 482);
    world.net.pass(seconds{33});
    CHECK(world.say(StackWorld::text("MESSAGE", via(3))).status() == 200);
}

TEST_CASE("T-35: where memory refuses the record the answer itself is kept for copies") {
    for (std::uint64_t refused = 0; refused < 12; ++refused) {
        CAPTURE(refused);
        StackWorld world(without_rates());
        world.user.script = [](const Request&) { return 0; };
        world.net.input(message(1));
        world.stack.shard().memory.refuse_after(refused);
        world.user.say(world.net.now, 0);
        world.stack.shard().memory.refuse_none();
        world.net.drain();
        const RawMessage first = world.net.take();
        CHECK(world.stack.servers().size() == 1);
        const RawMessage copy = world.say(message(1));
        CHECK(copy.status() == 200);
        if (first) CHECK(copy.text == first.text);
        CHECK(world.user.seen.size() == 1);
        world.net.pass(seconds{32});
        CHECK(world.stack.servers().size() == 0);
    }
}
