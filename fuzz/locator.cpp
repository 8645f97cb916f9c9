// Property 1: each lookup ends once, at once or later, with targets or with an error; none is left
//             when the time of a lookup has passed.
// Property 2: targets are at most eight, have a port, and of sips are TLS, with the name to prove.
// Property 3: a question is a name in lower case that can be asked for, never one under "invalid".
// Property 4: lookups, questions and what is kept stay within their limits, and all memory is given
//             back.
// The input is a script: lookups that begin, answers of any shape to whatever question is open, and
// time that passes.

#include "sip/transport/locator.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sip/transport/transport_layer.hpp"

namespace {

using namespace sip;

struct Counted final : Entropy {
    void fill(std::span<std::byte> out) override {
        for (std::byte& byte : out) {
            state = state * 1103515245U + 12345U;
            byte = static_cast<std::byte>(state >> 16);
        }
    }
    std::uint32_t state = 1;
};

/// Takes the script apart; at its end all is zero.
struct Script {
    std::span<const std::uint8_t> rest;
    std::uint8_t byte() {
        if (rest.empty()) return 0;
        const std::uint8_t value = rest.front();
        rest = rest.subspan(1);
        return value;
    }
    std::uint16_t two() {
        const unsigned high = byte();
        return static_cast<std::uint16_t>(high << 8 | byte());
    }
};

constexpr std::array<std::string_view, 12> uris{
    "sip:a@example.com",    "sips:a@example.com", "sip:a@example.com:5070",
    "pres:a@example.com",   "im:a@b.example",     "sip:b.example;transport=tcp",
    "sip:c@192.0.2.9",      "sip:d@x.invalid",    "sip:e@c.example;maddr=d.example",
    "sip:f@b.example:5061", "sips:c.example:1",   "sip:d.example;transport=tls"};
constexpr std::array<std::string_view, 10> names{
    "a.example", "b.example.",  "",   "192.0.2.1", "x y", "_sip._udp.example.com", "localhost",
    "x.invalid", "EXAMPLE.com", "..",
};
constexpr std::array<std::string_view, 6> services{"SIP+D2U", "sip+d2t", "SIPS+D2T",
                                                   "SIP+D2S", "E2U+sip", ""};

struct World {
    World()
        : shard(limits(), {}, entropy, nullptr), transport(shard, 1), locator(shard, transport, 4) {
        std::uint16_t id = 1;
        Address six{{0x20, 0x01, 0x0d, 0xb8}};
        for (const Address& local : {Address::v4(192, 0, 2, 1), six})
            for (Transport each : {Transport::udp, Transport::tcp, Transport::tls})
                (void)transport.add_listener({ListenerId{id++}, each, {local, 5060}, {}});
    }
    static Limits limits() {
        Limits made;
        made.name_lookups = 6;
        made.name_questions = 9;
        made.name_cache_entries = 12;
        made.name_cache_bytes = 8'000;
        made.name_records = 8;
        made.failed_targets = 3;
        made.memory_bytes = std::size_t{1} << 20;
        return made;
    }

    void check_targets(const Locator::Targets& targets, bool secure) {
        SIP_ASSERT(!targets.empty() && targets.size() <= Locator::targets_max);
        for (const Target& target : targets) {
            SIP_ASSERT(target.remote.port != 0);
            SIP_ASSERT(!secure || target.transport == Transport::tls);
            SIP_ASSERT(target.transport != Transport::tls || target.domain);
        }
        failing = targets[targets.size() - 1];
    }
    void begin(std::string_view text) {
        const auto uri = parse_uri(text);
        const auto begun = locator.begin(now, *uri, {9, Handle{1, 1}});
        if (!begun) return;
        if (begun->id == LookupId{})
            check_targets(begun->targets, uri->scheme == Scheme::sips);
        else
            SIP_ASSERT(under_way.emplace(begun->id, uri->scheme == Scheme::sips).second);
    }
    void settle() {
        while (auto effect = transport.next_effect())
            if (const auto* question = std::get_if<Resolve>(&*effect)) {
                const DomainName name(question->name.view());
                SIP_ASSERT(!name.empty() && name.view() == question->name.view());
                open.push_back(*question);
            }
        while (const auto done = locator.next_done()) {
            const auto found = under_way.find(done->id);
            SIP_ASSERT(found != under_way.end());
            const auto targets = locator.take(done->id);
            if (targets) check_targets(*targets, found->second);
            under_way.erase(found);
            SIP_ASSERT(!locator.take(done->id));
        }
        SIP_ASSERT(locator.size() == under_way.size());
        SIP_ASSERT(locator.cache().asking() <= shard.limits.name_questions);
        SIP_ASSERT(locator.cache().size() <=
                   shard.limits.name_cache_entries + shard.limits.name_questions + 1);
    }
    void answer(Script& script, std::size_t which) {
        if (open.empty()) return;
        which %= open.size();
        const LookupId id = open[which].id;
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
        std::vector<NameRecord> records(script.byte() % 14);
        for (NameRecord& record : records) {
            record.ttl_s = script.two();
            const std::uint8_t form = script.byte();
            record.address = form % 2 == 0 ? Address::v4(form, 0, 2, script.byte())
                                           : Address{{form, script.byte()}};
            record.priority = script.byte() % 4;
            record.weight = script.byte();
            record.port = script.two();
            record.target = names[script.byte() % names.size()];
            record.flags = form % 5 == 0 ? "a" : "s";
            record.service = services[form % services.size()];
        }
        const auto kind = static_cast<NameAnswer::Kind>(script.byte() % 4 % 3);
        locator.resolved(now, {id, kind, script.two(), records});
    }
    void pass(Duration by) {
        const Instant end = now.mono + by;
        for (auto next = shard.timers.next(); next && *next <= end; next = shard.timers.next()) {
            now.mono = std::max(now.mono, *next);
            while (const auto due = shard.timers.pop_due(now.mono))
                locator.timer(now, due->owner.object);
        }
        now.mono = end;
    }

    Counted entropy;
    Shard shard;
    TransportLayer transport;
    Locator locator;
    Now now{Instant{} + seconds{1000}, 0};
    std::deque<Resolve> open;
    std::map<LookupId, bool> under_way;
    std::optional<Target> failing;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    World world;
    Script script{{data, size}};
    while (!script.rest.empty()) {
        const std::uint8_t step = script.byte();
        switch (step % 8) {
            case 0:
            case 1: world.begin(uris[script.byte() % uris.size()]); break;
            case 2:
            case 3:
            case 4: world.answer(script, step / 8); break;
            case 5: world.pass(milliseconds{script.two()}); break;
            case 6:
                if (!world.under_way.empty()) {
                    world.locator.abandon(world.under_way.begin()->first);
                    world.under_way.erase(world.under_way.begin());
                }
                break;
            default:
                if (world.failing)
                    world.locator.failed(world.now, *world.failing, seconds{script.byte()});
        }
        world.settle();
    }
    world.pass(world.shard.limits.name_lookup_time);
    world.settle();
    SIP_ASSERT(world.under_way.empty());
    return 0;
}
