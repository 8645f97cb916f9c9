#include "sip/transport/admission.hpp"

#include <doctest/doctest.h>

#include "tests/support/seeded_entropy.hpp"

using namespace sip;
using Answer = Admission::Answer;

namespace {

struct AdmissionWorld {
    explicit AdmissionWorld(const Limits& limits = small())
        : shard(limits, {}, entropy, nullptr), admission(shard) {}
    static Limits small() {
        Limits limits;
        limits.rate_source = 10;
        limits.rate_user = 4;
        limits.rate_strangers = 40;
        limits.rate_burst_s = 2;
        return limits;
    }
    /// How many of `tries` are admitted, refused and dropped.
    struct Told {
        int admitted = 0, refused = 0, dropped = 0;
        friend bool operator==(const Told&, const Told&) = default;
    };
    template <class Ask>
    static Told count(int tries, Ask ask) {
        Told told;
        for (int i = 0; i < tries; ++i) {
            const Answer answer = ask(i);
            ++(answer == Answer::admit    ? told.admitted
               : answer == Answer::refuse ? told.refused
                                          : told.dropped);
        }
        return told;
    }
    Told from_source(const Address& from, int tries) {
        return count(tries, [&](int) { return admission.source(now, from); });
    }
    void pass(Duration by) { now.mono += by; }

    SeededEntropy entropy{3};
    Shard shard;
    Admission admission;
    Now now{Instant{} + seconds{1000}, 0};
};

Address host(int i) {
    return Address::v4(10, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                       static_cast<std::uint8_t>(i));
}
Address v6(std::uint8_t network, std::uint8_t last) {
    Address address{{0x20, 0x01, 0x0d, 0xb8}};
    address.bytes[7] = network;
    address.bytes[15] = last;
    return address;
}

}  // namespace

TEST_CASE("T-16: a source has its rate; the first three over it are told so, the rest is dropped") {
    AdmissionWorld w;
    CHECK(w.from_source(host(1), 30) == AdmissionWorld::Told{20, 3, 7});
    CHECK(w.from_source(host(2), 20) == AdmissionWorld::Told{20, 0, 0});
    CHECK(w.shard.counters.limit_rate_source == 10);
    w.pass(seconds{1});
    CHECK(w.from_source(host(1), 20) == AdmissionWorld::Told{10, 0, 10});
    // Once it was quiet it is told again.
    w.pass(seconds{2});
    CHECK(w.from_source(host(1), 25) == AdmissionWorld::Told{20, 3, 2});
}

TEST_CASE("T-16: all addresses of one IPv6 network are one source") {
    AdmissionWorld w;
    for (std::uint8_t i = 0; i < 20; ++i)
        CHECK(w.admission.source(w.now, v6(1, i)) == Answer::admit);
    CHECK(w.admission.source(w.now, v6(1, 99)) == Answer::refuse);
    CHECK(w.admission.source(w.now, v6(2, 99)) == Answer::admit);
}

TEST_CASE("T-16: who proved an identity lately is no stranger, and may bring ten times as much") {
    AdmissionWorld w;
    const Address known = host(1);
    CHECK_FALSE(w.admission.is_known(w.now, known));
    w.admission.proved(w.now, known);
    CHECK(w.admission.is_known(w.now, known));
    CHECK_FALSE(w.admission.is_known(w.now, host(2)));
    CHECK(w.from_source(known, 210) == AdmissionWorld::Told{200, 3, 7});
    const auto strangers = AdmissionWorld::count(
        100, [&](int i) { return w.admission.stranger(w.now, host(100 + i)); });
    // 40 a second, two seconds' worth; one in ten is told.
    CHECK(strangers == AdmissionWorld::Told{80, 5, 15});
    CHECK(w.shard.counters.limit_rate_strangers == 20);
    CHECK(w.admission.stranger(w.now, known) == Answer::admit);
    w.pass(w.shard.limits.known_source_lifetime - milliseconds{1});
    CHECK(w.admission.is_known(w.now, known));
    w.admission.proved(w.now, known);
    w.pass(w.shard.limits.known_source_lifetime - milliseconds{1});
    CHECK(w.admission.is_known(w.now, known));
    w.pass(milliseconds{1});
    CHECK_FALSE(w.admission.is_known(w.now, known));
}

TEST_CASE("T-16: a user has a rate, from wherever it asks") {
    AdmissionWorld w;
    for (int i = 0; i < 8; ++i) CHECK(w.admission.user(w.now, host(i), "bob@example.com"));
    CHECK_FALSE(w.admission.user(w.now, host(9), "bob@example.com"));
    CHECK(w.admission.user(w.now, host(9), "carol@example.com"));
    CHECK(w.shard.counters.limit_rate_user == 1);
    w.pass(milliseconds{250});
    CHECK(w.admission.user(w.now, host(9), "bob@example.com"));
    CHECK_FALSE(w.admission.user(w.now, host(9), "bob@example.com"));
}

TEST_CASE("T-16: a network that is exempt is asked nothing, and nothing is kept of it") {
    AdmissionWorld w;
    REQUIRE(w.shard.exempt.add(*parse_address_range("10.0.0.0/30")));
    CHECK(w.from_source(host(3), 1000).admitted == 1000);
    w.admission.proved(w.now, host(3));
    for (int i = 0; i < 100; ++i) {
        CHECK(w.admission.stranger(w.now, host(3)) == Answer::admit);
        CHECK(w.admission.user(w.now, host(3), "bob@example.com"));
    }
    CHECK(w.admission.size() == 0);
    CHECK_FALSE(w.admission.rate_of(w.now, host(3)).limits());
    CHECK(w.from_source(host(4), 1000).admitted == 20);
}

TEST_CASE("T-16: a rate of 0 bounds nothing") {
    Limits limits;
    limits.rate_source = limits.rate_user = limits.rate_strangers = 0;
    AdmissionWorld w(limits);
    CHECK(w.from_source(host(1), 10'000).admitted == 10'000);
    for (int i = 0; i < 10'000; ++i) {
        CHECK(w.admission.stranger(w.now, host(1)) == Answer::admit);
        CHECK(w.admission.user(w.now, host(1), "bob@example.com"));
    }
}

TEST_CASE("T-16 T-35: sources at rest make room; where nobody rests the rest shares one bucket") {
    Limits limits = AdmissionWorld::small();
    limits.rate_buckets = 256;
    AdmissionWorld w(limits);
    // One message of each: at rest after a tenth of a second, and ever new ones come.
    for (int i = 0; i < 20'000; ++i) {
        CHECK(w.admission.source(w.now, host(i)) == Answer::admit);
        w.pass(milliseconds{10});
    }
    CHECK(w.admission.size() <= 256);
    const std::uint64_t crowded = w.shard.counters.limit_rate_buckets;
    w.pass(seconds{10});
    // All at once: those without a place share twenty.
    const auto told =
        AdmissionWorld::count(5'000, [&](int i) { return w.admission.source(w.now, host(i)); });
    CHECK(w.admission.size() <= 256);
    CHECK(told.admitted <= 256 + 20);
    CHECK(told.admitted >= 128);
    CHECK(told.refused == 3);
    CHECK(w.shard.counters.limit_rate_buckets > crowded + 4'000);
    // The worst offender keeps its bucket, whoever else comes.
    CHECK(w.shard.memory.used() < 64'000);
    w.pass(seconds{10});
    w.admission.trim(w.now.mono);
    CHECK(w.admission.size() == 0);
}

TEST_CASE("T-16: who is over its rate does not get a new bucket by bringing others along") {
    Limits limits = AdmissionWorld::small();
    limits.rate_buckets = 64;
    AdmissionWorld w(limits);
    CHECK(w.from_source(host(0), 100).admitted == 20);
    for (int i = 1; i < 5'000; ++i) (void)w.admission.source(w.now, host(i));
    CHECK(w.from_source(host(0), 100).admitted == 0);
}

TEST_CASE("T-35: known sources are bounded; the one that proved itself first is a stranger again") {
    Limits limits = AdmissionWorld::small();
    limits.known_sources = 64;
    AdmissionWorld w(limits);
    for (int i = 0; i < 1'000; ++i) {
        w.admission.proved(w.now, host(i));
        CHECK(w.admission.is_known(w.now, host(i)));
        w.pass(milliseconds{1});
    }
    int known = 0;
    for (int i = 0; i < 1'000; ++i) known += w.admission.is_known(w.now, host(i)) ? 1 : 0;
    CHECK(known == 64);
    CHECK(w.shard.counters.limit_known_sources > 900);
    // What has lapsed goes without being counted.
    const std::uint64_t before = w.shard.counters.limit_known_sources;
    w.pass(limits.known_source_lifetime);
    for (int i = 0; i < 64; ++i) w.admission.proved(w.now, host(5'000 + i));
    CHECK(w.shard.counters.limit_known_sources - before < 20);
}

TEST_CASE("T-35: without memory for a table all sources share one bucket, and nobody is known") {
    AdmissionWorld w;
    w.shard.memory.refuse_after(0);
    CHECK(w.admission.source(w.now, host(1)) == Answer::admit);
    CHECK(w.shard.counters.limit_memory == 1);
    CHECK(w.admission.size() == 0);
    w.shard.memory.refuse_none();
    CHECK(w.from_source(host(1), 30).admitted == 20);
}
