#include "sip/transaction/staging.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/stack_world.hpp"

using namespace sip;

namespace {

/// A user that stages one change for each request, under the resource that its URI's user names,
/// and answers once it is durable.
class StagingUser final : public TransactionUser {
public:
    explicit StagingUser(Core core_given) : core(core_given) {}
    void on_request(const Now& now, const Request& request) override {
        const std::string uri(request.message.request_uri);
        const std::uint64_t resource = siphash(core.shard.key, request.essentials.request_uri.user);
        if (core.staging.is_busy(resource)) {
            if (!core.staging.wait(resource, request))
                core.refuse(now, request, {Condition::overloaded, "Too many requests wait"});
            return;
        }
        order.push_back(std::string(request.essentials.call_id));
        if (request.essentials.request_uri.user == "free") {
            core.respond(now, request, 200);
            return;
        }
        jobs.push_back({request.transaction, Reply(core.shard, request, 200).finish(),
                        Reply(core.shard, request, 500).finish()});
        const Handle object{static_cast<std::uint32_t>(jobs.size() - 1), 1};
        if (!core.staging.stage(part, object, resource,
                                SharedBytes::copy(core.shard.memory, "record of " + uri)))
            core.refuse(now, request, {Condition::overloaded, "Too many changes wait"});
    }
    void on_committed(const Now& now, Handle object) override {
        core.servers.respond(now, jobs[object.index].id, 200, jobs[object.index].good);
    }
    void on_commit_failed(const Now& now, Handle object) override {
        core.servers.respond(now, jobs[object.index].id, 500, jobs[object.index].bad);
    }
    struct Job {
        ServerTransactionId id;
        Packet good, bad;
    };
    Core core;
    std::uint8_t part = 0;
    std::vector<Job> jobs;
    std::vector<std::string> order;
};

struct StoreWorld {
    explicit StoreWorld(StackOptions options = {})
        : stack((options.has_store = true, options), entropy), user(stack.core()), net(stack) {
        constexpr std::array methods{Method::message};
        user.part = stack.attach(user, methods);
    }
    RawMessage ask(const std::string& call, const std::string& whom = "alice") {
        RawRequest request{"MESSAGE", "sip:" + whom + "@example.com"};
        request.call_id = call;
        return net.ask(request);
    }
    SeededEntropy entropy;
    Stack stack;
    StagingUser user;
    RawWorld<Stack> net;
};

}  // namespace

TEST_CASE("T-31 T-32: no answer before the store's; 200 when it is durable, 500 when it is not") {
    StoreWorld world;
    CHECK_FALSE(world.ask("a"));
    REQUIRE(world.net.commits.size() == 1);
    SUBCASE("durable") {
        world.net.commit();
        CHECK(world.net.take().status() == 200);
        CHECK(world.stack.counters().commits == 1);
    }
    SUBCASE("not durable") {
        world.net.commit(false);
        CHECK(world.net.take().status() == 500);
        CHECK(world.stack.counters().commits_failed == 1);
    }
}

TEST_CASE("requests for a resource with a staged change wait in their order; others do not wait") {
    StoreWorld world;
    for (const char* call : {"a", "b", "c", "d"}) world.ask(call);
    world.ask("x", "carol");
    CHECK(world.user.order == std::vector<std::string>{"a", "x"});
    REQUIRE(world.net.commits.size() == 2);
    world.net.commit();  // a: b goes on, and stages
    CHECK(world.user.order == std::vector<std::string>{"a", "x", "b"});
    world.net.commit();  // x: nobody waits
    CHECK(world.user.order.size() == 3);
    world.net.commit(false);  // b: failed or not, c goes on
    world.net.commit();
    world.net.commit();
    CHECK(world.user.order == std::vector<std::string>{"a", "x", "b", "c", "d"});
    CHECK(world.net.commits.empty());
}

TEST_CASE("order holds among several resources whose requests wait in one line") {
    StoreWorld world;
    std::vector<std::string> expected_a, expected_c;
    for (int i = 0; i < 6; ++i) {
        world.ask("a" + std::to_string(i), "alice");
        world.ask("c" + std::to_string(i), "carol");
    }
    for (int i = 0; i < 12; ++i) {
        REQUIRE_FALSE(world.net.commits.empty());
        // The store answers the youngest first.
        std::reverse(world.net.commits.begin(), world.net.commits.end());
        world.net.commit();
    }
    std::vector<std::string> alice, carol;
    for (const std::string& call : world.user.order)
        (call[0] == 'a' ? alice : carol).push_back(call);
    CHECK(alice == std::vector<std::string>{"a0", "a1", "a2", "a3", "a4", "a5"});
    CHECK(carol == std::vector<std::string>{"c0", "c1", "c2", "c3", "c4", "c5"});
}

TEST_CASE("a request that waited and then stages nothing does not hold up those behind it") {
    StoreWorld world;
    world.ask("a", "free");
    CHECK(world.user.order.size() == 1);
    // Three wait for a change that somebody else staged for "free".
    const std::uint64_t resource = siphash(world.stack.shard().key, "free");
    REQUIRE(
        world.stack.core().staging.stage(world.user.part, Handle{0, 1}, resource,
                                         SharedBytes::copy(world.stack.shard().memory, "change")));
    world.user.jobs.push_back({});
    for (const char* call : {"b", "c", "d"}) world.ask(call, "free");
    CHECK(world.user.order.size() == 1);
    world.net.sent.clear();
    world.net.commit();
    CHECK(world.user.order == std::vector<std::string>{"a", "b", "c", "d"});
    std::size_t answered = 0;
    while (const RawMessage answer = world.net.take()) answered += answer.status() == 200;
    CHECK(answered == 3);
}

TEST_CASE(
    "T-20: who comes between a store's answer and those that waited for it goes behind them") {
    StoreWorld world;
    for (const char* call : {"a", "b"}) world.ask(call);
    world.stack.committed(world.net.now, world.net.commits.front());
    world.net.commits.pop_front();
    // The answer to `a` has left, and what waited for it has not gone on yet.
    REQUIRE(world.stack.poll(world.net.now));
    CHECK(world.user.order == std::vector<std::string>{"a"});
    world.ask("late");
    while (!world.net.commits.empty()) world.net.commit();
    CHECK(world.user.order == std::vector<std::string>{"a", "b", "late"});
}

TEST_CASE("what waited for a resource leaves nothing of it behind") {
    StoreWorld world;
    const std::size_t changes = 200;
    std::size_t used = 0;
    for (std::size_t i = 0; i < 3 * changes; ++i) {
        const std::string whom = "user" + std::to_string(i);
        world.ask("a" + whom, whom);
        world.ask("b" + whom, whom);
        while (!world.net.commits.empty()) world.net.commit(i % 2 == 0);
        world.net.sent.clear();
        world.net.pass(seconds{33});
        world.user.jobs.clear();
        if (i == changes) used = world.stack.shard().memory.used();
    }
    CHECK(world.stack.shard().memory.used() == used);
}

TEST_CASE("ROUR-4: one request more than may wait is 503; a store's answer twice changes nothing") {
    StackOptions options;
    options.limits.waiting_requests = 2;
    StoreWorld world(options);
    for (const char* call : {"a", "b", "c"}) CHECK_FALSE(world.ask(call));
    const RawMessage refused = world.ask("d");
    CHECK(refused.status() == 503);
    CHECK(refused.has("Retry-After"));
    CHECK(world.stack.counters().limit_waiting_requests == 1);
    const CommitId id = world.net.commits.front();
    world.net.commit();
    world.stack.committed(world.net.now, id);
    world.stack.failed(world.net.now, id);
    world.stack.failed(world.net.now, CommitId{0xffffffffffULL});
    world.net.drain();
    CHECK(world.stack.counters().commits == 1);
    CHECK(world.stack.counters().commits_failed == 0);
}

TEST_CASE("T-35: memory refused at any allocation of a staged or waiting request is an answer") {
    for (const bool waits : {false, true}) {
        bool succeeded = false;
        for (std::uint64_t n = 0; !succeeded; ++n) {
            REQUIRE(n < 60);
            StoreWorld world;
            if (waits) world.ask("before");
            world.stack.shard().memory.refuse_after(n);
            const RawMessage answer = world.ask("it");
            world.stack.shard().memory.refuse_none();
            succeeded = world.stack.shard().memory.refusals() == 0;
            CHECK((!answer || answer.status() >= 500));
            while (!world.net.commits.empty()) world.net.commit();
            CHECK_FALSE(world.ask("after"));
            while (!world.net.commits.empty()) world.net.commit();
            CHECK(world.net.take().status() == 200);
        }
    }
}

TEST_CASE("T-35: a store's answer is heard whatever memory there is") {
    for (const bool durable : {true, false}) {
        StoreWorld world;
        for (const char* whom : {"alice", "bob", "carol"}) CHECK_FALSE(world.ask(whom, whom));
        for (std::uint64_t n = 0; n < 3; ++n) {
            const CommitId id = world.net.commits[n];
            world.stack.shard().memory.refuse_after(0);
            if (durable)
                world.stack.committed(world.net.now, id);
            else
                world.stack.failed(world.net.now, id);
            world.stack.shard().memory.refuse_none();
        }
        world.net.drain();
        for (int i = 0; i < 3; ++i) CHECK(world.net.take().status() == (durable ? 200 : 500));
        CHECK(world.stack.core().staging.size() == 0);
    }
}

TEST_CASE("T-20: a resource is busy until its change holds, and not only until it is stored") {
    StoreWorld world;
    CHECK_FALSE(world.ask("a"));
    world.stack.committed(world.net.now, world.net.commits.front());
    const std::uint64_t alice = siphash(world.stack.shard().key, "alice");
    CHECK(world.stack.core().staging.is_busy(alice));
    world.stack.failed(world.net.now, world.net.commits.front());  // too late
    world.net.drain();
    CHECK(world.net.take().status() == 200);
    CHECK_FALSE(world.net.take());
    CHECK_FALSE(world.stack.core().staging.is_busy(alice));
    CHECK(world.stack.counters().commits_failed == 0);
}
