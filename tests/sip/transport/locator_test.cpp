#include "sip/transport/locator.hpp"

#include <doctest/doctest.h>

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sip/base/buffer.hpp"
#include "sip/transport/transport_layer.hpp"
#include "tests/support/scripted_names.hpp"
#include "tests/support/seeded_entropy.hpp"

using namespace sip;

namespace {

constexpr std::string_view transport_names[] = {"udp", "tcp", "tls", "ws", "wss"};

Address v4(std::uint8_t last) { return Address::v4(192, 0, 2, last); }
Address v6(std::uint8_t last) {
    Address address{{0x20, 0x01, 0x0d, 0xb8}};
    address.bytes[15] = last;
    return address;
}

/// A locator that speaks UDP, TCP and (where wanted) TLS by IPv4 and IPv6, and a name system that
/// answers when it is asked to.
struct Place {
    explicit Place(const Limits& limits = {}, bool with_tls = true, std::uint64_t seed = 1)
        : entropy(seed),
          shard(limits, {}, entropy, nullptr),
          transport(shard, 1),
          locator(shard, transport, 4) {
        std::uint16_t id = 1;
        for (const Address& local : {Address::v4(192, 0, 2, 1), v6(1)})
            for (Transport each : {Transport::udp, Transport::tcp, Transport::tls})
                if (with_tls || each != Transport::tls)
                    (void)transport.add_listener({ListenerId{id++}, each, {local, 5060}, {}});
    }

    Expected<Locator::Begun> begin(std::string_view text, std::uint32_t object = 7) {
        const auto uri = parse_uri(text);
        REQUIRE(uri);
        auto begun = locator.begin(now, *uri, {9, Handle{object, 1}});
        take_questions();
        return begun;
    }
    void take_questions() {
        while (auto effect = transport.next_effect())
            if (const auto* question = std::get_if<Resolve>(&*effect)) {
                asked.push_back(ScriptedNames::text_of(*question));
                open.push_back(*question);
            }
    }
    /// Answers all that is asked, and what that brings about.
    void answer() {
        for (take_questions(); !open.empty(); take_questions()) {
            const Resolve question = open.front();
            open.pop_front();
            names.answer(question, [&](const NameAnswer& told) { locator.resolved(now, told); });
        }
    }
    /// Time moves on; deadlines fall due.
    void pass(Duration by) {
        const Instant end = now.mono + by;
        for (auto next = shard.timers.next(); next && *next <= end; next = shard.timers.next()) {
            now.mono = std::max(now.mono, *next);
            while (const auto due = shard.timers.pop_due(now.mono))
                locator.timer(now, due->owner.object);
        }
        now.mono = end;
    }
    /// "udp 192.0.2.9:5060, tcp ..."; or the error.
    std::string text(const Expected<Locator::Targets>& targets) {
        if (!targets)
            return std::string(targets.error().condition == Condition::not_found  ? "not found: "
                               : targets.error().condition == Condition::internal ? "internal: "
                                                                                  : "error: ") +
                   std::string(targets.error().rule);
        std::string line;
        for (const Target& target : *targets) {
            std::array<char, 80> room;
            Appender out(room);
            write_endpoint(out, target.remote);
            if (!line.empty()) line += ", ";
            line += transport_names[static_cast<std::size_t>(target.transport)];
            line += " ";
            line += out.view();
            if (target.domain) line += " as " + std::string(target.domain.view());
        }
        return line;
    }
    /// The whole lookup.
    std::string find(std::string_view uri) {
        const auto begun = begin(uri);
        if (!begun) return text(tl::unexpected(begun.error()));
        if (begun->id == LookupId{}) return text(begun->targets);
        answer();
        const auto done = locator.next_done();
        if (!done) return "nothing yet";
        CHECK(done->id == begun->id);
        return text(locator.take(done->id));
    }

    SeededEntropy entropy;
    Shard shard;
    TransportLayer transport;
    Locator locator;
    ScriptedNames names;
    Now now{Instant{} + seconds{1000}, 0};
    std::vector<std::string> asked;
    std::deque<Resolve> open;
};

std::vector<std::string> lines(std::initializer_list<const char*> list) {
    return {list.begin(), list.end()};
}

}  // namespace

TEST_CASE("R3263-4.1-1 R3263-4.2-1: which questions are asked for which URI, and in which order") {
    struct Row {
        const char* uri;
        std::vector<std::string> asked;
        const char* found;
    };
    for (const Row& row : {
             // No transport, no port: NAPTR, then SRV for each transport, then the addresses.
             Row{"sip:a@example.com",
                 lines({"NAPTR example.com", "SRV _sips._tcp.example.com",
                        "SRV _sip._tcp.example.com", "SRV _sip._udp.example.com",
                        "AAAA example.com", "A example.com"}),
                 "udp 192.0.2.9:5060"},
             Row{"sips:a@example.com",
                 lines({"NAPTR example.com", "SRV _sips._tcp.example.com", "AAAA example.com",
                        "A example.com"}),
                 "tls 192.0.2.9:5061 as example.com"},
             // A port: addresses alone, by UDP, or TLS for sips.
             Row{"sip:a@EXAMPLE.com:5070", lines({"AAAA example.com", "A example.com"}),
                 "udp 192.0.2.9:5070"},
             Row{"sip:a@example.com:5060", lines({"AAAA example.com", "A example.com"}),
                 "udp 192.0.2.9:5060"},
             Row{"sips:a@example.com:5070", lines({"AAAA example.com", "A example.com"}),
                 "tls 192.0.2.9:5070 as example.com"},
             Row{"sip:a@example.com:5070;transport=TCP",
                 lines({"AAAA example.com", "A example.com"}), "tcp 192.0.2.9:5070"},
             // A transport: SRV of that one.
             Row{"sip:example.com;transport=tcp",
                 lines({"SRV _sip._tcp.example.com", "AAAA example.com", "A example.com"}),
                 "tcp 192.0.2.9:5060"},
             Row{"sip:example.com;transport=tls",
                 lines({"SRV _sips._tcp.example.com", "AAAA example.com", "A example.com"}),
                 "tls 192.0.2.9:5061 as example.com"},
             Row{"sips:example.com;transport=tcp",
                 lines({"SRV _sips._tcp.example.com", "AAAA example.com", "A example.com"}),
                 "tls 192.0.2.9:5061 as example.com"},
             // maddr is where it goes.
             Row{"sip:elsewhere.example;maddr=example.com;transport=udp",
                 lines({"SRV _sip._udp.example.com", "AAAA example.com", "A example.com"}),
                 "udp 192.0.2.9:5060"},
             // Numeric hosts and localhost ask nobody.
             Row{"sip:a@192.0.2.9", {}, "udp 192.0.2.9:5060"},
             Row{"sips:a@192.0.2.9", {}, "tls 192.0.2.9:5061 as 192.0.2.9"},
             Row{"sip:a@[2001:db8::9]:5070", {}, "udp [2001:db8::9]:5070"},
             Row{"sip:localhost", {}, "udp 127.0.0.1:5060"},
         }) {
        CAPTURE(row.uri);
        Place place;
        place.names.a("example.com", v4(9));
        CHECK(place.find(row.uri) == row.found);
        CHECK(place.asked == row.asked);
        CHECK(place.locator.size() == 0);
    }
}

TEST_CASE("R3263-4.1-2: NAPTR gives the services in order, and only those that we speak count") {
    const auto fill = [](ScriptedNames& names) {
        names.naptr("example.com", 20, 1, "SIP+D2U", "u.example.com");
        names.naptr("example.com", 10, 20, "sip+d2t", "t.example.com");
        names.naptr("example.com", 10, 10, "SIPS+D2T", "s.example.com");
        names.naptr("example.com", 5, 1, "SIP+D2S", "sctp.example.com");
        // No terminal rule, a rewriting one, and other people's.
        names.naptr("example.com", 1, 1, "SIP+D2U", "next.example.com", 60, "");
        names.naptr("example.com", 1, 1, "SIP+D2U", "", 60, "s", "!^.*$!sip:a@b!");
        names.naptr("example.com", 1, 1, "E2U+sip", "enum.example.com");
        names.srv("u.example.com", 1, 1, 5001, "a.example.com");
        names.srv("t.example.com", 1, 1, 5002, "a.example.com");
        names.srv("s.example.com", 1, 1, 5003, "a.example.com");
        names.a("a.example.com", v4(9));
    };
    Place place;
    fill(place.names);
    CHECK(place.find("sip:a@example.com") ==
          "tls 192.0.2.9:5003 as example.com, tcp 192.0.2.9:5002, udp 192.0.2.9:5001");
    CHECK(place.asked == lines({"NAPTR example.com", "SRV s.example.com", "SRV t.example.com",
                                "SRV u.example.com", "AAAA a.example.com", "A a.example.com"}));
    // RFC 3263 4.1: of sips nothing else is left.
    CHECK(place.find("sips:a@example.com") == "tls 192.0.2.9:5003 as example.com");

    Place plain({}, false);
    fill(plain.names);
    CHECK(plain.find("sip:a@example.com") == "tcp 192.0.2.9:5002, udp 192.0.2.9:5001");
    CHECK(plain.find("sips:a@example.com").starts_with("internal: "));

    Place none;
    none.names.naptr("example.com", 5, 1, "SIP+D2S", "sctp.example.com");
    none.names.a("example.com", v4(9));
    CHECK(none.find("sip:a@example.com") == "not found: that host speaks no transport of ours");
    // RFC 3263 4.2: a service without SRV is the host itself, by its transport.
    Place bare;
    bare.names.naptr("example.com", 5, 1, "SIP+D2T", "t.example.com");
    bare.names.a("example.com", v4(9));
    CHECK(bare.find("sip:a@example.com") == "tcp 192.0.2.9:5060");
}

TEST_CASE("R2782-1: a lower priority comes first, and '.' says that nobody is there") {
    Place place;
    place.names.srv("_sip._udp.example.com", 20, 0, 5003, "c.example.com");
    place.names.srv("_sip._udp.example.com", 10, 0, 5002, "b.example.com");
    place.names.srv("_sip._udp.example.com", 5, 0, 5001, "a.example.com");
    for (const char* host : {"a", "b", "c"})
        place.names.a(std::string(host) + ".example.com", v4(static_cast<std::uint8_t>(*host)));
    CHECK(place.find("sip:example.com;transport=udp") ==
          "udp 192.0.2.97:5001, udp 192.0.2.98:5002, udp 192.0.2.99:5003");

    place.names.srv("_sip._udp.closed.example", 0, 0, 0, "");
    place.names.a("closed.example", v4(9));
    CHECK(place.find("sip:closed.example;transport=udp") ==
          "not found: that host does not offer the service");
    place.names.srv("_sip._udp.dot.example", 0, 0, 5060, ".");
    CHECK(place.find("sip:dot.example;transport=udp") ==
          "not found: that host does not offer the service");
    // One transport is closed; another is open.
    place.names.srv("_sip._tcp.half.example", 0, 0, 0, "");
    place.names.srv("_sip._udp.half.example", 0, 0, 5060, "a.example.com");
    CHECK(place.find("sip:half.example") == "udp 192.0.2.97:5060");
}

TEST_CASE("R2782-1: among equals each is first in proportion to its weight, and weight 0 rarely") {
    Limits limits;
    limits.name_cache_entries = 64;
    Place place(limits, true, 42);
    place.names.srv("_sip._udp.example.com", 1, 0, 5000, "z.example.com", 3600);
    place.names.srv("_sip._udp.example.com", 1, 10, 5010, "z.example.com", 3600);
    place.names.srv("_sip._udp.example.com", 1, 30, 5030, "z.example.com", 3600);
    place.names.srv("_sip._udp.example.com", 1, 60, 5060, "z.example.com", 3600);
    place.names.a("z.example.com", v4(9), 3600);
    CHECK_FALSE(place.find("sip:example.com;transport=udp").empty());
    std::map<std::uint16_t, int> first, second;
    constexpr int runs = 20'000;
    for (int i = 0; i < runs; ++i) {
        const auto begun = place.begin("sip:example.com;transport=udp");
        REQUIRE(begun);
        REQUIRE(begun->targets.size() == 4);
        ++first[begun->targets[0].remote.port];
        ++second[begun->targets[1].remote.port];
    }
    // RFC 2782: the running sum that a number from 0 to 100 meets first.
    const auto share = [](int count) { return count / static_cast<double>(runs); };
    CHECK(share(first[5000]) == doctest::Approx(1 / 101.0).epsilon(0.25));
    CHECK(share(first[5010]) == doctest::Approx(10 / 101.0).epsilon(0.06));
    CHECK(share(first[5030]) == doctest::Approx(30 / 101.0).epsilon(0.04));
    CHECK(share(first[5060]) == doctest::Approx(60 / 101.0).epsilon(0.03));
    // The second is drawn from those that are left: of 60 first, 30 stands for 30 of 40, and so on.
    CHECK(share(second[5030]) ==
          doctest::Approx(60 / 101.0 * 30 / 41 + 10 / 101.0 * 30 / 91 + 1 / 101.0 * 30 / 100)
              .epsilon(0.05));
}

TEST_CASE("R2782-1: all weights 0 are all there, once each") {
    Place place;
    for (std::uint16_t port = 5001; port <= 5004; ++port)
        place.names.srv("_sip._udp.example.com", 1, 0, port, "z.example.com");
    place.names.a("z.example.com", v4(9));
    const std::string found = place.find("sip:example.com;transport=udp");
    for (const char* port : {"5001", "5002", "5003", "5004"})
        CHECK(found.find(port) != std::string::npos);
}

TEST_CASE("R3861-4-1: pres and im go by their own SRV, and by the address where there is none") {
    Place place;
    place.names.srv("_pres._sip.example.com", 1, 1, 5077, "p.example.com");
    place.names.a("p.example.com", v4(7));
    place.names.a("example.com", v4(9));
    CHECK(place.find("pres:bob@example.com") == "udp 192.0.2.7:5077");
    CHECK(place.asked ==
          lines({"SRV _pres._sip.example.com", "AAAA p.example.com", "A p.example.com"}));
    CHECK(place.find("im:bob@example.com") == "udp 192.0.2.9:5060");
    CHECK(place.find("pres:bob@192.0.2.5") == "udp 192.0.2.5:5060");
}

TEST_CASE("R3263-OUR-1: addresses of both families take turns, and a mute one is not waited for") {
    Place place;
    for (std::uint8_t i = 1; i <= 3; ++i) place.names.a("example.com", v4(i));
    for (std::uint8_t i = 1; i <= 3; ++i) place.names.a("example.com", v6(i));
    CHECK(place.find("sip:example.com:5060") ==
          "udp [2001:db8::1]:5060, udp 192.0.2.1:5060, udp [2001:db8::2]:5060, udp "
          "192.0.2.2:5060, udp [2001:db8::3]:5060, udp 192.0.2.3:5060");

    place.names.a("half.example", v4(9));
    place.names.mute.insert({RecordType::aaaa, "half.example"});
    CHECK(place.find("sip:half.example:5060") == "nothing yet");
    place.pass(milliseconds{249});
    CHECK_FALSE(place.locator.has_done());
    place.pass(milliseconds{1});
    const auto done = place.locator.next_done();
    REQUIRE(done);
    CHECK(place.text(place.locator.take(done->id)) == "udp 192.0.2.9:5060");
    CHECK(place.shard.counters.name_timeouts == 0);
}

TEST_CASE("R3263-4.3-1: a target that failed comes last for a while, and is not left out") {
    Place place;
    place.names.srv("_sip._udp.example.com", 1, 1, 5001, "a.example.com", 3600);
    place.names.srv("_sip._udp.example.com", 2, 1, 5002, "a.example.com", 3600);
    place.names.a("a.example.com", v4(9), 3600);
    const char* uri = "sip:example.com;transport=udp";
    CHECK(place.find(uri) == "udp 192.0.2.9:5001, udp 192.0.2.9:5002");
    const Target first{Transport::udp, {}, {}, {v4(9), 5001}, {}};
    const Target second{Transport::udp, {}, {}, {v4(9), 5002}, {}};
    place.locator.failed(place.now, first);
    CHECK(place.find(uri) == "udp 192.0.2.9:5002, udp 192.0.2.9:5001");
    // Retry-After of a 503: longer, up to a bound.
    place.locator.failed(place.now, second, seconds{1'000'000});
    CHECK(place.find(uri) == "udp 192.0.2.9:5001, udp 192.0.2.9:5002");
    place.pass(seconds{59});
    CHECK(place.locator.has_failed(place.now, first));
    place.pass(seconds{1});
    CHECK_FALSE(place.locator.has_failed(place.now, first));
    CHECK(place.locator.has_failed(place.now, second));
    place.pass(seconds{3600 - 60});
    CHECK_FALSE(place.locator.has_failed(place.now, second));
}

TEST_CASE("R3263-4.3-1: the table of failed targets is bounded; what is due first makes room") {
    Limits limits;
    limits.failed_targets = 3;
    Place place(limits);
    const auto target = [](std::uint16_t port) {
        return Target{Transport::udp, {}, {}, {v4(9), port}, {}};
    };
    for (std::uint16_t port = 1; port <= 3; ++port)
        place.locator.failed(place.now, target(port), seconds{100 * port});
    CHECK(place.shard.counters.limit_failed_targets == 0);
    place.locator.failed(place.now, target(4), seconds{400});
    CHECK(place.shard.counters.limit_failed_targets == 1);
    CHECK_FALSE(place.locator.has_failed(place.now, target(1)));
    for (std::uint16_t port = 2; port <= 4; ++port)
        CHECK(place.locator.has_failed(place.now, target(port)));
}

TEST_CASE("T-26: what is known is answered at once, for as long as it was said to be true") {
    Place place;
    place.names.a("example.com", v4(9), 30);
    place.names.negative_ttl_s = 20;
    CHECK(place.find("sip:example.com:5060") == "udp 192.0.2.9:5060");
    place.asked.clear();
    place.pass(seconds{19});
    const auto begun = place.begin("sip:example.com:5061");
    REQUIRE(begun);
    CHECK(begun->id == LookupId{});
    CHECK(place.text(begun->targets) == "udp 192.0.2.9:5061");
    CHECK(place.asked.empty());
    place.pass(seconds{1});  // that there is no AAAA was true for 20 s
    CHECK(place.find("sip:example.com:5060") == "udp 192.0.2.9:5060");
    CHECK(place.asked == lines({"AAAA example.com"}));
    place.pass(seconds{10});
    place.names.forget("example.com");
    place.names.a("example.com", v4(10), 30);
    CHECK(place.find("sip:example.com:5060") == "udp 192.0.2.10:5060");
}

TEST_CASE("T-26: negatives and failures are remembered too, within bounds") {
    Place place;
    place.names.negative_ttl_s = 100'000;
    CHECK(place.find("sip:nobody.example:5060") == "not found: no such host");
    place.names.a("nobody.example", v4(9), 100'000);
    place.asked.clear();
    place.pass(seconds{119});
    CHECK(place.find("sip:nobody.example:5060") == "not found: no such host");
    CHECK(place.asked.empty());
    place.pass(seconds{1});
    CHECK(place.find("sip:nobody.example:5060") == "udp 192.0.2.9:5060");
    place.names.forget("nobody.example");
    place.pass(seconds{119});
    CHECK(place.find("sip:nobody.example:5060") == "udp 192.0.2.9:5060");
    place.pass(seconds{3600 - 119});
    CHECK(place.find("sip:nobody.example:5060") == "not found: no such host");

    place.names.failing.insert("broken.example");
    CHECK(place.find("sip:broken.example:5060") == "internal: the name system did not answer");
    place.asked.clear();
    CHECK(place.find("sip:broken.example:5060") == "internal: the name system did not answer");
    CHECK(place.asked.empty());
    place.pass(seconds{10});
    place.names.failing.clear();
    CHECK(place.find("sip:broken.example:5060") == "not found: no such host");
    CHECK(place.shard.counters.name_failures == 2);
}

TEST_CASE("T-26: names that cannot be, and those under invalid, are never asked") {
    Place place;
    for (const std::string& uri :
         {std::string("sip:a@anything.invalid"), std::string("sip:a@INVALID"),
          std::string("sip:a@x.invalid.:5060"), "sip:a@" + std::string(64, 'x') + ".example",
          "sip:a@" + std::string(63, 'x') + "." + std::string(63, 'x') + "." +
              std::string(63, 'x') + "." + std::string(63, 'x') + ".example"}) {
        CAPTURE(uri);
        CHECK(place.find(uri).starts_with("not found: "));
    }
    CHECK(place.asked.empty());
    CHECK(place.find("sip:notinvalid") == "not found: no such host");
    CHECK_FALSE(place.asked.empty());
    // 253 bytes are a name; with the service in front of it they are too many for SRV.
    const std::string longest = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                                std::string(63, 'c') + "." + std::string(61, 'd');
    REQUIRE(longest.size() == 253);
    place.names.a(longest, v4(9));
    CHECK(place.find("sip:" + longest + ":5060") == "udp 192.0.2.9:5060");
    CHECK(place.find("sip:" + longest) == "udp 192.0.2.9:5060");
    CHECK(place.find("sip:" + longest + ";transport=udp").starts_with("not found"));
}

TEST_CASE("T-26: one question for many that want to know, and each is told once") {
    Place place;
    place.names.a("example.com", v4(9));
    std::vector<LookupId> ids;
    for (std::uint32_t i = 0; i < 5; ++i) {
        const auto begun = place.begin("sip:Example.com:5060", i);
        REQUIRE(begun);
        ids.push_back(begun->id);
    }
    CHECK(place.asked == lines({"AAAA example.com", "A example.com"}));
    place.locator.abandon(ids[3]);
    place.locator.abandon(ids[3]);
    place.answer();
    std::vector<std::uint32_t> told;
    while (const auto done = place.locator.next_done()) {
        CHECK(done->owner.part == 9);
        told.push_back(done->owner.object.index);
        CHECK(place.text(place.locator.take(done->id)) == "udp 192.0.2.9:5060");
        CHECK_FALSE(place.locator.take(done->id));
    }
    CHECK(told == std::vector<std::uint32_t>{0, 1, 2, 4});
    CHECK(place.locator.size() == 0);
    CHECK(place.locator.cache().asking() == 0);
}

TEST_CASE("T-26: a lookup is bounded in time, whoever keeps silent, and says what it knows") {
    Place place;
    place.names.mute.insert({RecordType::naptr, "*"});
    CHECK(place.find("sip:example.com") == "nothing yet");
    place.pass(seconds{10} - milliseconds{1});
    CHECK_FALSE(place.locator.has_done());
    place.pass(milliseconds{1});
    const auto done = place.locator.next_done();
    REQUIRE(done);
    CHECK(place.text(place.locator.take(done->id)) == "internal: the name system did not answer");
    CHECK(place.shard.counters.name_timeouts == 1);
    // The next one asks again, and no longer waits for the answer that never came.
    place.names.mute.clear();
    place.names.a("example.com", v4(9));
    CHECK(place.find("sip:example.com") == "udp 192.0.2.9:5060");
    CHECK(place.locator.cache().asking() == 0);
}

TEST_CASE("T-26: who joined a question that is given up is told with the others") {
    Place place;
    place.names.mute.insert({RecordType::naptr, "*"});
    const auto early = place.begin("sip:example.com", 1);
    place.answer();
    place.pass(seconds{9});
    const auto late = place.begin("sip:example.com", 2);
    place.pass(seconds{1});
    place.names.mute.clear();
    place.names.a("example.com", v4(9));
    const auto third = place.begin("sip:example.com", 3);
    REQUIRE((early && late && third));
    place.answer();
    std::map<std::uint32_t, std::string> told;
    while (const auto done = place.locator.next_done())
        told[done->owner.object.index] = place.text(place.locator.take(done->id));
    CHECK(told[1] == "internal: the name system did not answer");
    CHECK(told[2] == "udp 192.0.2.9:5060");
    CHECK(told[3] == "udp 192.0.2.9:5060");
}

TEST_CASE("T-26: lookups, questions and what is kept are bounded and counted") {
    Limits limits;
    limits.name_lookups = 3;
    limits.name_questions = 4;
    limits.name_cache_entries = 6;
    Place place(limits);
    const auto uri = [](int i) { return "sip:host" + std::to_string(i) + ".example:5060"; };
    CHECK(place.begin(uri(1))->id != LookupId{});
    CHECK(place.begin(uri(2))->id != LookupId{});
    CHECK(place.asked.size() == 4);
    // The fifth question is not asked; nobody says, so nothing is known.
    const auto third = place.begin(uri(3));
    REQUIRE_FALSE(third);
    CHECK(third.error().condition == Condition::internal);
    CHECK(place.shard.counters.limit_name_questions == 2);
    CHECK(place.begin(uri(1))->id != LookupId{});  // shares what is asked
    const auto fourth = place.begin(uri(1));
    REQUIRE_FALSE(fourth);
    CHECK(fourth.error().condition == Condition::overloaded);
    CHECK(place.shard.counters.limit_name_lookups == 1);
    place.answer();
    while (const auto done = place.locator.next_done()) (void)place.locator.take(done->id);
    for (int i = 10; i < 40; ++i) CHECK(place.find(uri(i)) == "not found: no such host");
    CHECK(place.locator.cache().size() <= 6);
    CHECK(place.shard.counters.limit_name_cache > 0);
    // What was used last is still known.
    place.asked.clear();
    CHECK(place.find(uri(39)) == "not found: no such host");
    CHECK(place.asked.empty());
}

TEST_CASE("T-26: the bytes of the cache are bounded") {
    Limits limits;
    limits.name_cache_bytes = 20'000;
    Place place(limits);
    for (int i = 0; i < 200; ++i) {
        const std::string name = "host" + std::to_string(i) + ".example";
        for (std::uint8_t k = 1; k < 20; ++k) place.names.a(name, v4(k));
        CHECK(place.find("sip:" + name + ":5060").starts_with("udp 192.0.2.1:5060, "));
        CHECK(place.locator.cache().bytes() <= 20'000 + 2'000);
    }
    CHECK(place.shard.counters.limit_name_cache > 100);
    place.locator.trim();
    CHECK(place.locator.cache().bytes() == 0);
    CHECK(place.locator.cache().size() == 0);
}

TEST_CASE("T-26: no byte of an answer is trusted") {
    Place place;
    const char* uri = "sip:example.com;transport=udp";
    // Targets that are no names, or addresses; ports that are none.
    for (const std::string& target :
         {std::string("192.0.2.66"), std::string("a b.example"), std::string("a..example"),
          std::string(".example"), std::string("a\0b.example", 11), std::string("a\r\nVia: x"),
          std::string(64, 'x'), std::string(300, 'x'), std::string("[2001:db8::66]"),
          std::string("\xff\xfe.example")})
        place.names.srv("_sip._udp.example.com", 0, 0, 5066, target);
    place.names.srv("_sip._udp.example.com", 0, 0, 0, "a.example.com");
    CHECK(place.find(uri) == "not found: that host does not offer the service");
    place.pass(seconds{61});
    place.names.srv("_sip._udp.example.com", 9, 0, 5069, "A.example.com.");
    // Addresses that no single host has; of the wrong family.
    for (const Address& address :
         {Address::v4(0, 0, 0, 0), Address::v4(224, 0, 0, 1), Address::v4(255, 255, 255, 255)})
        place.names.a("a.example.com", address);
    place.names.a("a.example.com", v4(9));
    place.names.a("a.example.com", Address{{0xff, 0x02, 1}});
    CHECK(place.find(uri) == "udp 192.0.2.9:5069");

    // Thousands of records are cut short.
    for (int i = 0; i < 5000; ++i)
        place.names.srv("_sip._udp.crowd.example", 1, 1, static_cast<std::uint16_t>(1 + i),
                        "h" + std::to_string(i) + ".example");
    CHECK(place.find("sip:crowd.example;transport=udp") == "not found: no such host");
    CHECK(place.shard.counters.limit_name_records == 1);
    CHECK(place.asked.size() < 40);
    // An SRV of that many kinds points to eight hosts at most; nothing leads round in circles.
    place.names.srv("_sip._udp.loop.example", 1, 1, 5060, "_sip._udp.loop.example");
    CHECK(place.find("sip:loop.example;transport=udp") == "not found: no such host");

    // An answer to nothing, twice, or with an id that is none.
    for (std::uint64_t id : {std::uint64_t{0}, std::uint64_t{5}, UINT64_MAX})
        place.locator.resolved(place.now, {LookupId{id}, NameAnswer::Kind::found, 0, {}});
    CHECK_FALSE(place.locator.has_done());
}

TEST_CASE("T-26: a time to live of 0 answers those who asked, and nobody later") {
    Place place;
    place.names.naptr("example.com", 1, 1, "SIP+D2U", "u.example.com", 0);
    place.names.srv("u.example.com", 1, 1, 5060, "a.example.com", 0);
    place.names.a("a.example.com", v4(9), 0);
    place.names.negative_ttl_s = 0;
    CHECK(place.find("sip:example.com") == "udp 192.0.2.9:5060");
    CHECK(place.locator.cache().size() == 0);
    place.names.forget("a.example.com");
    place.names.a("a.example.com", v4(10), 0xffffffff);  // RFC 2181 8: none at all
    CHECK(place.find("sip:example.com") == "udp 192.0.2.10:5060");
    CHECK(place.locator.cache().size() == 0);
}

TEST_CASE("T-26 T-35: wherever memory is refused, the lookup ends and nothing is left") {
    for (std::uint64_t refused = 0; refused < 60; ++refused) {
        CAPTURE(refused);
        Place place;
        place.names.srv("_sip._udp.example.com", 1, 1, 5001, "a.example.com");
        place.names.srv("_sip._udp.example.com", 1, 1, 5002, "b.example.com");
        place.names.a("a.example.com", v4(9));
        place.names.a("b.example.com", v6(9));
        place.shard.memory.refuse_after(refused);
        const std::string found = place.find("sip:example.com");
        CHECK(found != "nothing yet");
        CHECK(place.locator.size() == 0);
        CHECK(place.locator.cache().asking() == 0);
        place.shard.memory.refuse_none();
    }
}

TEST_CASE("T-26: as many addresses as one host has, the next host has its share") {
    Place place;
    place.names.srv("_sip._udp.example.com", 1, 1, 5001, "a.example.com");
    place.names.srv("_sip._udp.example.com", 2, 1, 5002, "b.example.com");
    for (std::uint8_t i = 1; i < 30; ++i) place.names.a("a.example.com", v4(i));
    place.names.a("b.example.com", v4(99));
    const std::string found = place.find("sip:example.com;transport=udp");
    CHECK(found ==
          "udp 192.0.2.1:5001, udp 192.0.2.2:5001, udp 192.0.2.3:5001, udp "
          "192.0.2.4:5001, udp 192.0.2.99:5002");
}
