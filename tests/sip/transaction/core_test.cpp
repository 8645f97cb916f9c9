#include "sip/transaction/core.hpp"

#include <doctest/doctest.h>

#include "tests/support/stack_world.hpp"

using namespace sip;

namespace {

/// The answer when the user refuses with `error`.
RawMessage refused_with(const Error& error) {
    StackWorld world;
    world.user.script = [&](const Request& request) {
        world.stack.core().refuse(world.net.now, request, error);
        return 0;
    };
    return world.net.ask(StackWorld::request());
}

}  // namespace

TEST_CASE("an error value becomes its status, with the rule that was broken as reason") {
    const RawMessage answer = refused_with({Condition::malformed, "Event: id is empty"});
    CHECK(answer.status() == 400);
    CHECK(answer.reason() == "Event: id is empty");
    CHECK_FALSE(answer.has("Retry-After"));
    CHECK(refused_with({Condition::forbidden, {}}).reason() == "Forbidden");
}

TEST_CASE("ROUR-4: what we cannot do for now says when to come again") {
    CHECK(refused_with({Condition::overloaded, "Too many"}).field("Retry-After") == "5");
    CHECK(refused_with({Condition::internal, "A store failed"}).field("Retry-After") == "5");
}

TEST_CASE("T-35: an answer for which there is no memory is tried again as a bare 500") {
    StackWorld world;
    world.user.script = [&](const Request& request) {
        Reply reply(world.stack.shard(), request, 200);
        world.stack.shard().memory.refuse_after(0);
        world.stack.core().respond(world.net.now, request, reply);
        return 0;
    };
    const RawMessage answer = world.net.ask(StackWorld::request());
    CHECK(answer.status() == 500);
    CHECK(world.stack.counters().limit_memory == 1);
}

TEST_CASE(
    "T-35: with memory at its cap who was let in is answered 503, and nothing is kept of it") {
    sip::StackOptions options;
    options.limits.memory_bytes = 200'000;
    StackWorld world(options);
    sip::Memory& memory = world.stack.shard().memory;
    const std::size_t reserve = options.limits.memory_bytes / 16;
    void* rest = nullptr;
    std::size_t size = 0;
    world.user.script = [&](const Request& request) {
        // All that is left below the reserve is taken, as by what the request led to.
        size = memory.cap() - reserve - memory.used();
        rest = memory.allocate(size);
        REQUIRE(rest != nullptr);
        world.stack.core().respond(world.net.now, request, 200);
        return 0;
    };
    const RawMessage answer = world.net.ask(StackWorld::request());
    CHECK(answer.status() == 503);
    CHECK(answer.has("Retry-After"));
    CHECK(world.stack.servers().size() == 0);
    memory.release(rest, size);
    // A copy is a new request, and served when there is room again.
    world.user.script = [&](const Request& request) {
        world.stack.core().respond(world.net.now, request, 200);
        return 0;
    };
    CHECK(world.net.ask(StackWorld::request()).status() == 200);
}
