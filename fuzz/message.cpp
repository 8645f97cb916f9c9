// Property 1: every input ends in a message, need_more (streams alone), nothing, or an error whose
//             offset lies inside it.
// Property 2: views lie inside the input.
// Property 3: the start of a stream's input needs more, or ends as the whole does.
// Property 4: what is written from a parsed message parses to an equal message.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sip/base/assert.hpp"
#include "sip/base/siphash.hpp"
#include "sip/message/essentials.hpp"
#include "sip/message/message_parser.hpp"
#include "sip/message/message_writer.hpp"

namespace {

using namespace sip;
using Slots = std::array<HeaderField, 64>;

constexpr std::size_t input_max = 16'384;

void check_inside(std::string_view part, std::string_view whole) {
    if (part.empty()) return;
    SIP_ASSERT(part.data() >= whole.data());
    SIP_ASSERT(part.data() + part.size() <= whole.data() + whole.size());
}

void check_scan(const Scan& scan, std::string_view input, Framing framing) {
    SIP_ASSERT(scan.consumed <= input.size());
    const MessageView& message = scan.message;
    for (const std::string_view view :
         {message.bytes, message.method_name, message.request_uri, message.reason, message.body})
        check_inside(view, input);
    for (const HeaderField& field : message.headers) {
        check_inside(field.name, input);
        check_inside(field.value, input);
        SIP_ASSERT(!field.name.empty() && header_id_of(field.name) == field.id);
    }
    switch (scan.end) {
        case ScanEnd::complete:
            SIP_ASSERT(message.is_request() != (message.status != 0));
            check_inside(message.body, message.bytes);
            SIP_ASSERT(scan.consumed > 0);
            break;
        case ScanEnd::need_more:
            SIP_ASSERT(framing == Framing::stream);
            SIP_ASSERT(scan.needed == 0 || scan.needed > input.size());
            break;
        case ScanEnd::nothing: break;
        case ScanEnd::broken:
            SIP_ASSERT(scan.error.offset <= input.size() && !scan.error.rule.empty());
            break;
    }
}

/// `value` with its folds as single spaces: what white space looks like makes no difference.
struct Unfolded {
    std::array<char, input_max> bytes;
    std::size_t size = 0;

    explicit Unfolded(std::string_view value) {
        for (const char c : value) {
            const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
            if (blank && size > 0 && bytes[size - 1] == ' ') continue;
            bytes[size++] = blank ? ' ' : c;
        }
    }
    std::string_view view() const { return {bytes.data(), size}; }
};

/// Property 4. The writer writes Content-Length itself.
void check_written_again(const MessageView& message, const Essentials& essentials,
                         const Leniency& leniency) {
    static std::array<char, 2 * input_max + 256> room;
    Appender out(room);
    MessageWriter writer(out);
    if (message.is_request())
        writer.request(message.method_name, message.request_uri);
    else
        writer.response(message.status, message.reason);
    for (const HeaderField& field : message.headers)
        if (field.id != HeaderId::content_length) writer.header(field.name, field.value);
    writer.finish("", message.body);
    SIP_ASSERT(!out.overflowed());

    Slots slots;
    const Scan scan = scan_message(out.view(), slots, Framing::stream, {}, leniency);
    SIP_ASSERT(scan.end == ScanEnd::complete && scan.consumed == out.size());
    const MessageView& again = scan.message;
    SIP_ASSERT(again.method_name == message.method_name);
    SIP_ASSERT(again.request_uri == message.request_uri);
    SIP_ASSERT(again.status == message.status && again.body == message.body);
    std::size_t at = 0;
    for (const HeaderField& field : message.headers) {
        if (field.id == HeaderId::content_length) continue;
        const HeaderField& copy = again.headers[at++];
        SIP_ASSERT(copy.id == field.id && copy.name == field.name);
        SIP_ASSERT(Unfolded(copy.value).view() == Unfolded(field.value).view());
    }
    const auto twice = decode_essentials(again, leniency);
    SIP_ASSERT(twice.has_value());
    SIP_ASSERT(twice->call_id == essentials.call_id);
    SIP_ASSERT(twice->cseq.number == essentials.cseq.number);
    SIP_ASSERT(twice->from_tag == essentials.from_tag && twice->to_tag == essentials.to_tag);
    SIP_ASSERT(twice->via_count == essentials.via_count);
    SIP_ASSERT(twice->via.branch == essentials.via.branch);
    SIP_ASSERT(twice->max_forwards == essentials.max_forwards);
}

void check_essentials(const MessageView& message, const Leniency& leniency) {
    const auto essentials = decode_essentials(message, leniency);
    if (!essentials) {
        SIP_ASSERT(essentials.error().offset <= message.bytes.size());
        SIP_ASSERT(!essentials.error().rule.empty());
        return;
    }
    for (const std::string_view view :
         {essentials->via.text, essentials->via.branch, essentials->from.uri.text,
          essentials->to.uri.text, essentials->from_tag, essentials->to_tag, essentials->call_id,
          essentials->cseq.method_name, essentials->request_uri.text})
        check_inside(view, message.bytes);
    SIP_ASSERT(essentials->via_count > 0);
    check_written_again(message, *essentials, leniency);
}

/// Property 3.
void check_prefix(std::string_view input, const Scan& whole) {
    Slots slots;
    const std::size_t cut = siphash({1, 2}, input) % (input.size() + 1);
    const Scan part = scan_message(input.substr(0, cut), slots, Framing::stream, {}, {});
    if (part.end == ScanEnd::need_more) {
        SIP_ASSERT(whole.end != ScanEnd::complete || whole.consumed > cut);
        return;
    }
    if (part.end == ScanEnd::nothing) return;
    SIP_ASSERT(part.end == whole.end && part.consumed == whole.consumed);
    SIP_ASSERT(part.message.bytes == whole.message.bytes);
    SIP_ASSERT(part.error.rule == whole.error.rule && part.error.offset == whole.error.offset);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > input_max) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    Leniency widest;
    widest.spaces_in_request_line = widest.bare_line_feed = widest.bare_uri_with_headers = true;
    widest.stream_without_content_length = true;
    Slots slots;
    for (const Leniency& leniency : {Leniency{}, Leniency::strict(), widest}) {
        for (const Framing framing : {Framing::datagram, Framing::stream}) {
            const Scan scan = scan_message(input, slots, framing, {}, leniency);
            check_scan(scan, input, framing);
            if (scan.end == ScanEnd::complete) check_essentials(scan.message, leniency);
        }
    }
    const Scan stream = scan_message(input, slots, Framing::stream, {}, {});
    check_prefix(input, stream);
    return 0;
}
