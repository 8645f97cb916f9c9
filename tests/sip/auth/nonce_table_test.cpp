#include "sip/auth/nonce_table.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "tests/support/seeded_entropy.hpp"

using namespace sip;
using State = NonceTable::State;
using Use = NonceTable::Use;

namespace {

Now at(Duration since) { return {Instant{} + since, 0}; }

struct Fixture {
    explicit Fixture(std::size_t limit = 16, std::uint64_t seed = 1)
        : entropy(seed), table(memory, entropy, limit, seconds{300}) {}
    std::string make(Duration when = {}, std::string_view realm = "example.com") {
        std::array<char, 64> room;
        Appender out(room);
        table.write(out, at(when), realm);
        CHECK_FALSE(out.overflowed());
        return std::string(out.view());
    }
    State state(std::string_view nonce, Duration when = {}) {
        return table.check(at(when), "example.com", nonce).state;
    }
    Use use(std::string_view nonce, std::optional<std::uint32_t> count, Duration when = {}) {
        return table.use(at(when), table.check(at(when), "example.com", nonce).issued, count);
    }
    Memory memory;
    SeededEntropy entropy;
    NonceTable table;
};

}  // namespace

TEST_CASE("T-13: every nonce differs, also within one instant and between servers") {
    Fixture one, other(16, 2);
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        seen.insert(one.make());
        seen.insert(other.make());
    }
    CHECK(seen.size() == 2000);
    for (const std::string& nonce : seen) CHECK(nonce.size() == NonceTable::nonce_bytes);
    CHECK(one.table.size() == 0);
}

TEST_CASE("R3261-22.1-5: a nonce of another server, realm or spelling is foreign") {
    Fixture one, other(16, 2);
    const std::string nonce = one.make();
    CHECK(one.state(nonce) == State::current);
    CHECK(other.state(nonce) == State::foreign);
    CHECK(one.table.check(at({}), "example.org", nonce).state == State::foreign);
    for (std::size_t i = 0; i < nonce.size(); ++i) {
        std::string changed = nonce;
        for (const char c : {'\0', '\xff', nonce[i] == 'a' ? 'A' : 'b'}) {
            changed[i] = c;
            if (changed != nonce) CHECK(one.state(changed) == State::foreign);
        }
        CHECK(one.state(nonce.substr(0, i)) == State::foreign);
    }
    CHECK(one.state(nonce + "0") == State::foreign);
    for (std::size_t i = 0; i < nonce.size(); ++i) {
        std::string upper = nonce;
        if (upper[i] < 'a') continue;
        upper[i] = static_cast<char>(upper[i] - 32);
        CHECK(one.state(upper) == State::foreign);
    }
}

TEST_CASE("R3261-22.1-5: a nonce lives for its lifetime and not a nanosecond longer") {
    Fixture f;
    const std::string nonce = f.make(seconds{10});
    CHECK(f.state(nonce, seconds{310}) == State::current);
    CHECK(f.table.check(at(seconds{310}), "example.com", nonce).left == Duration{0});
    CHECK(f.table.check(at(seconds{110}), "example.com", nonce).left == seconds{200});
    CHECK(f.state(nonce, seconds{310} + Duration{1}) == State::expired);
}

TEST_CASE("R7616-3.4-2: a count is good once, in any order within the window of 64") {
    Fixture f;
    const std::string nonce = f.make();
    CHECK(f.use(nonce, 100) == Use::first);
    CHECK(f.use(nonce, 100) == Use::repeated);
    CHECK(f.use(nonce, 37) == Use::first);
    CHECK(f.use(nonce, 37) == Use::repeated);
    CHECK(f.use(nonce, 36) == Use::repeated);
    CHECK(f.use(nonce, 102) == Use::first);
    CHECK(f.use(nonce, 101) == Use::first);
    CHECK(f.use(nonce, 101) == Use::repeated);
    CHECK(f.use(nonce, 100) == Use::repeated);
    CHECK(f.use(nonce, 38) == Use::repeated);  // 64 behind
    CHECK(f.use(nonce, 39) == Use::first);
    CHECK(f.use(nonce, 165) == Use::first);  // 63 ahead
    CHECK(f.use(nonce, 102) == Use::repeated);
    CHECK(f.use(nonce, 229) == Use::first);  // 64 ahead
    CHECK(f.use(nonce, 166) == Use::first);
    CHECK(f.use(nonce, 165) == Use::repeated);
    CHECK(f.use(nonce, UINT32_MAX) == Use::first);
    CHECK(f.use(nonce, UINT32_MAX) == Use::repeated);
    CHECK(f.use(nonce, 230) == Use::repeated);
    CHECK(f.use(nonce, 0) == Use::repeated);
    CHECK(f.use(f.make(), 0) == Use::first);
}

TEST_CASE("T-13: without a count a nonce is good once") {
    Fixture f;
    const std::string nonce = f.make();
    CHECK(f.use(nonce, {}) == Use::first);
    CHECK(f.use(nonce, {}) == Use::repeated);
    CHECK(f.use(nonce, 1) == Use::first);
    CHECK(f.use(nonce, {}) == Use::repeated);
}

TEST_CASE("T-13: at the limit the oldest goes, and all that were made before it") {
    Fixture f(3);
    const std::string unused_old = f.make(seconds{1});
    const std::string first = f.make(seconds{2}), second = f.make(seconds{3});
    const std::string between = f.make(seconds{4});
    const std::string third = f.make(seconds{5}), fourth = f.make(seconds{6});
    CHECK(f.use(second, 1) == Use::first);
    CHECK(f.use(third, 1) == Use::first);
    CHECK(f.use(first, 1) == Use::first);
    CHECK(f.table.size() == 3);
    CHECK(f.state(first) == State::current);
    CHECK(f.state(unused_old) == State::current);
    CHECK(f.table.forgotten() == 0);
    CHECK(f.use(fourth, 1) == Use::first);
    CHECK(f.table.size() == 3);
    CHECK(f.table.forgotten() == 1);
    CHECK(f.state(first) == State::expired);
    CHECK(f.state(unused_old) == State::expired);
    for (const std::string& kept : {second, between, third, fourth})
        CHECK(f.state(kept) == State::current);
    CHECK(f.use(second, 1) == Use::repeated);
    CHECK(f.use(third, 1) == Use::repeated);
    CHECK(f.use(between, 1) == Use::first);  // second goes
    CHECK(f.state(second) == State::expired);
    CHECK(f.state(between) == State::current);
}

TEST_CASE("T-13: a nonce older than a full table is good once and then forgotten") {
    Fixture f(2);
    const std::string old = f.make(seconds{1}), a = f.make(seconds{2}), b = f.make(seconds{3});
    CHECK(f.use(a, 1) == Use::first);
    CHECK(f.use(b, 1) == Use::first);
    CHECK(f.use(old, 1) == Use::first);
    CHECK(f.state(old) == State::expired);
    CHECK(f.state(a) == State::current);
    CHECK(f.use(a, 1) == Use::repeated);
}

TEST_CASE("T-13: what has expired makes room before the table grows") {
    Fixture f(1000);
    for (int i = 0; i < 5000; ++i) {
        const auto when = seconds{100} * i;
        const std::string nonce = f.make(when);
        CHECK(f.use(nonce, 1, when) == Use::first);
        CHECK(f.use(nonce, 1, when) == Use::repeated);
    }
    CHECK(f.table.size() <= 5);
}

TEST_CASE("T-13 T-35: with memory refused a nonce is still never good twice") {
    for (std::uint64_t n = 0; n < 6; ++n) {
        Fixture f;
        const std::string nonce = f.make(seconds{1}), next = f.make(seconds{2});
        f.memory.refuse_after(n);
        CHECK(f.use(nonce, 1) == Use::first);
        const bool replay_refused =
            f.state(nonce) == State::expired || f.use(nonce, 1) == Use::repeated;
        CHECK(replay_refused);
        CHECK(f.state(next) == State::current);
        CHECK(f.use(next, 1) == Use::first);
    }
}

TEST_CASE("T-13: thousands of nonces in any order are each good once") {
    Fixture f(512);
    std::vector<std::string> nonces;
    for (int i = 0; i < 2000; ++i) nonces.push_back(f.make(milliseconds{i}));
    for (std::size_t i = 0; i < nonces.size(); ++i) {
        const std::string& nonce = nonces[i * 787 % nonces.size()];
        if (f.state(nonce) != State::current) continue;
        CHECK(f.use(nonce, 7) == Use::first);
        const bool replay_refused =
            f.state(nonce) == State::expired || f.use(nonce, 7) == Use::repeated;
        CHECK(replay_refused);
    }
    CHECK(f.table.size() == 512);
}

TEST_CASE(
    "T-13: nonces are forgotten for want of use once all have expired, and none is good again") {
    Memory memory;
    SeededEntropy entropy;
    NonceTable table(memory, entropy, 10, sip::seconds{300});
    const sip::Now now{sip::Instant{} + sip::seconds{1000}, 0};
    const sip::Now after{now.mono + sip::seconds{301}, 0};
    std::array<char, NonceTable::nonce_bytes> room{};
    sip::Appender nonce(room);
    table.write(nonce, now, "r");
    const auto check = table.check(now, "r", nonce.view());
    CHECK(table.use(now, check.issued, 1) == NonceTable::Use::first);
    table.trim(now);
    CHECK(table.size() == 1);
    CHECK(table.use(now, check.issued, 1) == NonceTable::Use::repeated);
    table.trim(after);
    CHECK(table.size() == 0);
    CHECK(memory.used() == 0);
    CHECK(table.check(after, "r", nonce.view()).state == NonceTable::State::expired);
}
