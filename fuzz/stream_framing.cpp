// Property 1: every stream ends in need_more; a broken message's offset lies inside it.
// Property 2: views lie inside the message, and the messages inside what came, in order.
// Property 3: the same bytes in other pieces give the same messages, pings, errors and rest.
// Property 4: once framing is lost nothing more comes, and nothing is kept.
// Property 5: memory stays within twice what waits, and none is held when nothing waits.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sip/base/assert.hpp"
#include "sip/base/siphash.hpp"
#include "sip/transport/stream_framer.hpp"

namespace {

using namespace sip;
using Kind = StreamFramer::Kind;

/// Small limits, so that short inputs reach them.
Limits small_limits() {
    Limits limits;
    limits.header_bytes = 700;
    limits.message_bytes = 1000;
    limits.body_bytes = 200;
    limits.headers = 20;
    limits.uri_bytes = 100;
    return limits;
}

void check_inside(std::string_view part, std::string_view whole) {
    if (part.empty()) return;
    SIP_ASSERT(part.data() >= whole.data());
    SIP_ASSERT(part.data() + part.size() <= whole.data() + whole.size());
}

void check_views(const Scan& scan) {
    const MessageView& message = scan.message;
    check_inside(message.method_name, message.bytes);
    check_inside(message.request_uri, message.bytes);
    check_inside(message.reason, message.bytes);
    check_inside(message.body, message.bytes);
    for (const HeaderField& field : message.headers) {
        check_inside(field.name, message.bytes);
        check_inside(field.value, message.bytes);
    }
}

/// What came out of a stream, boiled down to a number that any difference changes.
class Outcome {
public:
    void add(std::uint64_t number) {
        const std::array<std::uint64_t, 2> both{value_, number};
        value_ = siphash({1, 2}, {reinterpret_cast<const char*>(both.data()), sizeof both});
    }
    void add(std::string_view text) { add(siphash({3, 4}, text)); }
    bool operator==(const Outcome&) const = default;

private:
    std::uint64_t value_ = 0;
};

template <class NextSize>
Outcome run(std::string_view stream, const Leniency& leniency, NextSize next_size) {
    const Limits limits = small_limits();
    Memory memory;
    StreamFramer framer(memory, limits);
    std::array<HeaderField, 24> slots;
    Outcome outcome;
    std::size_t consumed = 0;
    while (!stream.empty()) {
        const std::string_view piece = stream.substr(0, next_size());
        stream.remove_prefix(piece.size());
        SIP_ASSERT(framer.append(piece));
        for (;;) {
            const bool was_lost = framer.lost();
            const StreamFramer::Next next = framer.next(slots, limits, leniency);
            if (next.kind == Kind::need_more) break;
            SIP_ASSERT(!was_lost);
            outcome.add(static_cast<std::uint64_t>(next.kind));
            if (next.kind == Kind::ping || next.kind == Kind::keep_alive) continue;
            check_views(next.scan);
            consumed += next.scan.consumed;
            outcome.add(consumed);
            outcome.add(next.scan.message.bytes);
            outcome.add(next.scan.message.body.size());
            outcome.add(next.scan.message.headers.size());
            outcome.add(next.scan.error.rule);
            outcome.add(next.scan.error.offset);
            outcome.add(next.scan.framed);
            SIP_ASSERT(next.scan.end == ScanEnd::complete || !next.scan.error.rule.empty());
            SIP_ASSERT(next.scan.error.offset <= limits.message_bytes + piece.size());
            SIP_ASSERT(next.kind == Kind::message || framer.lost() == !next.scan.framed);
        }
        SIP_ASSERT(!framer.lost() || framer.buffered() == 0);
        SIP_ASSERT(framer.buffered() != 0 || memory.used() == 0);
        SIP_ASSERT(framer.buffered() <= limits.message_bytes);
        SIP_ASSERT(memory.used() <= 2 * limits.message_bytes + piece.size());
    }
    outcome.add(framer.buffered());
    outcome.add(framer.midway());
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view stream(reinterpret_cast<const char*>(data), size);
    if (size > 65'536) return 0;
    Leniency other;
    other.stream_without_content_length = other.bare_line_feed = true;
    other.spaces_in_request_line = true;
    for (const Leniency& leniency : {Leniency{}, other}) {
        const Outcome whole = run(stream, leniency, [size] { return size; });
        SIP_ASSERT(run(stream, leniency, [] { return 1; }) == whole);
        std::uint64_t state = siphash({5, 6}, stream);
        SIP_ASSERT(run(stream, leniency, [&state] {
                       state = state * 6364136223846793005 + 1442695040888963407;
                       return 1 + static_cast<std::size_t>(state >> 33) % 97;
                   }) == whole);
    }
    return 0;
}
