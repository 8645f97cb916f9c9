#include "apps/vigil/sizing.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/raw_peer.hpp"
#include "tests/support/seeded_entropy.hpp"
#include "tests/support/server_world.hpp"

using namespace vigil;

namespace {

/// A server in an arena of the size, filled until each limit says no.
struct Full {
    Full(const sip::Limits& limits, std::size_t bytes)
        : arena(bytes), server(make(limits), entropy) {}

    presence::ServerOptions make(const sip::Limits& limits) {
        presence::ServerOptions options = ServerWorld::open();
        options.limits = limits;
        options.limits.rate_source = options.limits.rate_strangers = options.limits.rate_user = 0;
        options.limits.subscriptions_per_user = options.limits.subscriptions;
        options.expires_max_s = 10'000'000;
        options.arena = arena;
        return options;
    }
    int ask(RawRequest request) {
        request.call_id += std::to_string(++number);
        raw.peer.address.bytes[15] = static_cast<std::uint8_t>(number % 200);
        raw.peer.address.bytes[14] = static_cast<std::uint8_t>(number / 200 % 200);
        const int status = raw.ask(request).status();
        raw.pass(sip::seconds{40});
        return status;
    }
    static std::string user(std::uint32_t i) { return "some.user" + std::to_string(i); }

    std::vector<std::byte> arena;
    SeededEntropy entropy;
    presence::Server server;
    RawWorld<presence::Server> raw{server};
    sip::Memory& memory = server.stack().shard().memory;
    unsigned number = 0;
};

void fill(Full& full, const sip::Limits& limits, const Mix& mix) {
    ServerWorld texts;
    std::string inside = "<note>";
    inside.append(mix.document_bytes - 330, 'x');
    inside += "</note>";
    for (std::uint32_t i = 0; i < limits.subscriptions; ++i) {
        const std::string watched = Full::user(i % limits.resources);
        REQUIRE(full.ask(ServerWorld::subscribe(Full::user(i + 1), watched, 604'800)) == 200);
    }
    CHECK(full.ask(ServerWorld::subscribe("one", Full::user(0), 604'800)) == 503);
    for (std::uint32_t i = 0; i < limits.publications; ++i) {
        const std::string entity = "sip:" + Full::user(i) + "@example.com";
        RawRequest publish =
            texts.publish(Full::user(i), pidf_document("open", "t1", {}, inside, entity));
        publish.with("Expires: 604800");
        REQUIRE(full.ask(publish) == 200);
    }
    for (std::uint32_t i = 0; i < limits.bindings; ++i)
        REQUIRE(full.ask(texts.register_(Full::user(i), "<sip:x@192.0.2.7>", 604'800)) == 200);
    for (std::uint32_t i = 0; i < limits.flows; ++i) {
        full.raw.peer.port = static_cast<std::uint16_t>(10'000 + i);
        full.raw.peer.address.bytes[13] = static_cast<std::uint8_t>(i % 250);
        CHECK(full.raw.connect() != sip::FlowId{});
    }
    full.raw.peer = {sip::Address::v4(192, 0, 2, 99), 5062};
}

}  // namespace

TEST_CASE("a server whose limits were made for a memory holds all that they allow in it") {
    for (const double watchers : {5.0, 30.0}) {
        Mix mix;
        mix.watchers = watchers;
        const Costs costs = measure_costs(mix);
        for (const std::size_t memory : {std::size_t{1} << 20, std::size_t{3} << 20}) {
            const sip::Limits limits = limits_within(memory, mix, costs);
            CHECK(limits.resources > 10);
            CHECK(bytes_at_limits(limits, costs) <= memory);
            Full full(limits, memory);
            fill(full, limits, mix);
            // All at one time: so many transactions, and every watcher told the end.
            RawRequest message{"MESSAGE", "sip:" + Full::user(0) + "@example.com"};
            for (std::uint32_t i = 0; i < limits.completed_transactions + 10; ++i) {
                message.call_id = "message-" + std::to_string(i);
                CHECK(full.raw.ask(message).status() == 405);
            }
            CHECK(full.server.stack().servers().completed() == limits.completed_transactions);
            RawRequest invite{"INVITE", message.uri};
            for (std::uint32_t i = 0; i < limits.server_transactions; ++i) {
                invite.call_id = "invite-" + std::to_string(i);
                CHECK(full.raw.ask(invite).status() == 405);
            }
            invite.call_id = "one-more";
            CHECK(full.raw.ask(invite).status() == 503);
            full.raw.answer_notify = false;
            full.server.shut_down(full.raw.now, presence::Server::Stop::probation);
            full.raw.drain();
            CHECK(full.memory.refusals() == 0);
            CHECK(full.memory.peak() <= bytes_at_limits(limits, costs));
            MESSAGE(memory << " bytes: " << limits.resources << " presentities, "
                           << limits.subscriptions << " subscriptions; took " << full.memory.peak()
                           << " where " << bytes_at_limits(limits, costs) << " were expected");
        }
    }
}

TEST_CASE("sizes are read with their units, and nothing else is a size") {
    CHECK(parse_size("8M") == std::size_t{8} << 20);
    CHECK(parse_size("512K") == 512 * 1024);
    CHECK(parse_size("3G") == std::size_t{3} << 30);
    CHECK(parse_size("1048576") == 1'048'576);
    for (const char* text :
         {"", "M", "8m", "8MB", "-1", "8 M", "99999999999999999999999999999", "999999999999G"})
        CHECK(parse_size(text) == 0);
}
