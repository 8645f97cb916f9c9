#include "sip/transaction/response_tails.hpp"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/seeded_entropy.hpp"

using namespace sip;

namespace {

struct World {
    explicit World(const Limits& limits = {}) : shard(limits, {}, entropy, nullptr), tails(shard) {}
    /// What comes back of it.
    std::string there_and_back(std::string_view reason, std::string_view bytes,
                               ResponseTails::Tail& tail) {
        REQUIRE(tails.keep(reason, bytes, tail));
        std::array<char, 4'096> room{};
        Appender out(room);
        out << tails.reason_of(tail) << '\n';
        tails.write(out, tail);
        return std::string(out.view());
    }
    SeededEntropy entropy;
    Shard shard;
    ResponseTails tails;
};

const std::string end = "Content-Length: 0\r\n\r\n";

}  // namespace

TEST_CASE("R3261-17.2.2-1: what is kept of an answer gives it back byte for byte") {
    const std::string tag = "SIP-ETag: 0123456789abcdef00112233\r\n";
    const std::vector<std::pair<std::string, std::string>> answers{
        {"OK", tag + "Expires: 600\r\n" + end},
        {"OK", "Expires: 0\r\n" + tag + end},
        {"OK", "Expires: 4294967295\r\n" + end},
        {"OK", "Expires: 4294967296\r\n" + end},
        {"OK", "Expires: 007\r\n" + end},
        {"OK", "Expires: \r\n" + end},
        {"OK", "Expires: 5\r\nExpires: 6\r\n" + tag + tag + end},
        {"OK", "SIP-ETag: 0123456789ABCDEF00112233\r\n" + end},
        {"OK", "SIP-ETag: 0123456789abcdef0011223\r\n" + end},
        {"OK", "SIP-ETag: 0123456789abcdef001122334\r\n" + end},
        {"OK", "Contact: \"\\\x01\" <sip:a@b>\r\nExpires: 7\r\n" + end},
        {"OK", "Contact: \"\\\x02\" <sip:a@b>\r\n" + end},
        {"\x01", "Expires: 7\r\n" + end},
        {"", ""},
        {"Not Found", "no line end"},
        {"OK", "Reason: " + std::string(2'000, 'x') + "\r\n" + end},
    };
    World world;
    for (const auto& answer : answers) {
        const auto &reason = answer.first, &bytes = answer.second;
        CAPTURE(bytes);
        // The first is kept whole, those after it by their form, where they have one.
        for (int i = 0; i < 3; ++i) {
            ResponseTails::Tail tails[2];
            for (auto& tail : tails)
                CHECK(world.there_and_back(reason, bytes, tail) == reason + "\n" + bytes);
            for (auto& tail : tails) world.tails.release(tail);
        }
    }
    CHECK(world.tails.forms() == 0);
}

TEST_CASE("answers that differ in entity-tag and expiry share one form") {
    World world;
    std::vector<ResponseTails::Tail> tails(50);
    for (std::size_t i = 0; i < tails.size(); ++i) {
        const std::string bytes = "SIP-ETag: 0123456789abcdef001122" + std::to_string(10 + i) +
                                  "\r\nExpires: " + std::to_string(i) + "\r\n" + end;
        CHECK(world.there_and_back("OK", bytes, tails[i]) == "OK\n" + bytes);
        CHECK(static_cast<bool>(tails[i].whole) == (i == 0));
    }
    CHECK(world.tails.forms() == 1);
    for (auto& tail : tails) world.tails.release(tail);
    CHECK(world.tails.forms() == 0);
    world.tails.trim();
}

TEST_CASE("T-35: past the limit of forms, and without memory for one, an answer is kept whole") {
    Limits limits;
    limits.response_forms = 1;
    World world(limits);
    ResponseTails::Tail tails[6];
    for (int i = 0; i < 6; ++i) (void)world.there_and_back(i < 3 ? "one" : "two", end, tails[i]);
    CHECK(world.tails.forms() == 1);
    CHECK(world.shard.counters.limit_response_forms == 2);
    CHECK(tails[5].whole);
    for (auto& tail : tails) world.tails.release(tail);

    (void)world.there_and_back("three", end, tails[0]);
    world.shard.memory.refuse_after(0);
    CHECK(world.there_and_back("three", end, tails[1]) == "three\n" + end);
    world.shard.memory.refuse_none();
    CHECK(world.shard.counters.limit_memory == 1);
    world.shard.memory.refuse_after(0);
    CHECK_FALSE(world.tails.keep("four", end, tails[2]));
    world.shard.memory.refuse_none();
    for (auto& tail : tails) world.tails.release(tail);
}
