#include "sip/transport/name_cache.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "sip/transport/transport_layer.hpp"
#include "tests/support/seeded_entropy.hpp"

using namespace sip;
using Kind = NameAnswer::Kind;

namespace {

struct Place {
    explicit Place(const Limits& limits = {})
        : shard(limits, {}, entropy, nullptr), transport(shard, 1), cache(shard, transport) {}
    /// The question that is asked now, if one is.
    std::optional<Resolve> question() {
        auto effect = transport.next_effect();
        if (!effect) return {};
        return std::get<Resolve>(*effect);
    }
    void answer(LookupId id, Kind kind, std::uint32_t ttl_s, std::size_t count = 1) {
        NameRecord record;
        record.ttl_s = ttl_s;
        record.address = Address::v4(192, 0, 2, 9);
        const std::vector<NameRecord> records(kind == Kind::found ? count : 0, record);
        cache.resolved(now, {id, kind, ttl_s, records});
    }
    SeededEntropy entropy;
    Shard shard;
    TransportLayer transport;
    NameCache cache;
    Now now{Instant{} + seconds{1000}, 0};
};

}  // namespace

TEST_CASE("T-26: a name is in lower case, of labels that a host can have, or it is none") {
    CHECK(DomainName("Example.COM.").view() == "example.com");
    CHECK(DomainName("_sip._udp.", "Example.com").view() == "_sip._udp.example.com");
    for (const char* none : {"", ".", "a..b", ".a", "a b", "192.0.2.1", "[2001:db8::1]", "a\n",
                             "a\x7f", "\xc3\xa4.example", "a/b", "a@b"})
        CHECK(DomainName(none).empty());
    CHECK(DomainName(std::string(63, 'a')).view().size() == 63);
    CHECK(DomainName(std::string(64, 'a')).empty());
    CHECK(DomainName("_sip._udp.", std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                                       std::string(63, 'c') + "." + std::string(51, 'd'))
              .view()
              .size() == 253);
    CHECK(DomainName("_sip._udp.", std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                                       std::string(63, 'c') + "." + std::string(52, 'd'))
              .empty());
    CHECK(DomainName("x.invalid").is_invalid());
    CHECK(DomainName("INVALID").is_invalid());
    CHECK_FALSE(DomainName("notinvalid").is_invalid());
    CHECK_FALSE(DomainName("invalid.example").is_invalid());
}

TEST_CASE("T-26: one question, many who wait; who has gone is not told") {
    Place place;
    NameWaiter first, second;
    first.owner = {1, 1};
    second.owner = {2, 1};
    {
        NameWaiter gone;
        gone.owner = {3, 1};
        const DomainName name("a.example");
        place.cache.ask(place.now, RecordType::a, name, first);
        place.cache.ask(place.now, RecordType::a, name, gone);
        place.cache.ask(place.now, RecordType::a, name, second);
    }
    const auto question = place.question();
    REQUIRE(question);
    CHECK(question->name.view() == "a.example");
    CHECK_FALSE(place.question());
    CHECK(first.pending);
    CHECK_FALSE(place.cache.next_answered());
    place.answer(question->id, Kind::found, 60);
    CHECK(place.cache.next_answered() == Handle{1, 1});
    CHECK(place.cache.next_answered() == Handle{2, 1});
    CHECK_FALSE(place.cache.next_answered());
    CHECK_FALSE(first.pending);
    REQUIRE(first.records.size() == 1);
    CHECK(second.records.at(0).address == Address::v4(192, 0, 2, 9));
    // Another type of the same name is another question.
    place.cache.ask(place.now, RecordType::aaaa, DomainName("a.example"), first);
    CHECK(place.question()->type == RecordType::aaaa);
}

TEST_CASE("T-26: an answer lives exactly as long as it says, up to the bound") {
    Place place;
    struct Row {
        Kind kind;
        std::uint32_t ttl_s;
        Duration lasts;
    };
    for (const Row& row :
         {Row{Kind::found, 30, seconds{30}}, Row{Kind::found, 9999, seconds{3600}},
          Row{Kind::nothing, 30, seconds{30}}, Row{Kind::nothing, 9999, seconds{120}},
          Row{Kind::failed, 9999, seconds{10}}}) {
        CAPTURE(row.ttl_s);
        const DomainName name("a.example");
        NameWaiter waiter;
        place.now.mono += seconds{10'000};
        place.cache.ask(place.now, RecordType::a, name, waiter);
        place.answer(place.question()->id, row.kind, row.ttl_s);
        (void)place.cache.next_answered();
        place.now.mono += row.lasts - milliseconds{1};
        NameWaiter later;
        place.cache.ask(place.now, RecordType::a, name, later);
        CHECK_FALSE(later.pending);
        CHECK(later.kind == row.kind);
        CHECK_FALSE(place.question());
        place.now.mono += milliseconds{1};
        place.cache.ask(place.now, RecordType::a, name, later);
        CHECK(later.pending);
        place.answer(place.question()->id, Kind::failed, 0);
        (void)place.cache.next_answered();
    }
}

TEST_CASE("T-26: records, entries and questions at their bounds and one past") {
    Limits limits;
    limits.name_records = 3;
    limits.name_questions = 2;
    limits.name_cache_entries = 2;
    Place place(limits);
    NameWaiter a, b, c;
    place.cache.ask(place.now, RecordType::a, DomainName("a.example"), a);
    place.cache.ask(place.now, RecordType::a, DomainName("b.example"), b);
    place.cache.ask(place.now, RecordType::a, DomainName("c.example"), c);
    CHECK(b.pending);
    CHECK_FALSE(c.pending);
    CHECK(c.kind == Kind::failed);
    CHECK(place.shard.counters.limit_name_questions == 1);
    place.answer(place.question()->id, Kind::found, 60, 3);
    CHECK(a.records.size() == 3);
    CHECK(place.shard.counters.limit_name_records == 0);
    place.answer(place.question()->id, Kind::found, 60, 4);
    CHECK(b.records.size() == 3);
    CHECK(place.shard.counters.limit_name_records == 1);
    while (place.cache.next_answered()) {
    }
    CHECK(place.cache.size() == 2);
    CHECK(place.shard.counters.limit_name_cache == 0);
    // a is used again, so b makes room.
    place.cache.ask(place.now, RecordType::a, DomainName("a.example"), a);
    place.cache.ask(place.now, RecordType::a, DomainName("c.example"), c);
    place.answer(place.question()->id, Kind::found, 60);
    (void)place.cache.next_answered();
    CHECK(place.cache.size() == 2);
    CHECK(place.shard.counters.limit_name_cache == 1);
    place.cache.ask(place.now, RecordType::a, DomainName("a.example"), a);
    CHECK_FALSE(a.pending);
    place.cache.ask(place.now, RecordType::a, DomainName("b.example"), b);
    CHECK(b.pending);
}
