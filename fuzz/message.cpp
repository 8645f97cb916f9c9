// Property 1: every input ends in a message, need_more (streams alone), nothing, or an error whose
//             offset lies inside it.
// Property 2: views lie inside the input, and what is known of the header fields is so.
// Property 3: the start of a stream's input needs more, or ends as the whole does.
// Property 4: what is written from a parsed message parses to an equal message, with the same typed
//             values in it.
// Property 5: of several workers one owns it, or nobody says who; the CANCEL and the ACK of an
//             INVITE have its owner.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "sip/base/assert.hpp"
#include "sip/base/siphash.hpp"
#include "sip/message/contact.hpp"
#include "sip/message/digest_header.hpp"
#include "sip/message/essentials.hpp"
#include "sip/message/event_header.hpp"
#include "sip/message/media_type.hpp"
#include "sip/message/message_parser.hpp"
#include "sip/message/message_writer.hpp"
#include "sip/message/subscription_state.hpp"
#include "sip/message/token_list.hpp"
#include "sip/message/warning.hpp"
#include "sip/transaction/owner.hpp"

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
    SIP_ASSERT(message.indexed || message.headers.empty());
    for (const std::string_view view :
         {message.bytes, message.method_name, message.request_uri, message.reason, message.body})
        check_inside(view, input);
    for (const HeaderField& field : message.headers) {
        check_inside(field.name, input);
        check_inside(field.value, input);
        SIP_ASSERT(!field.name.empty() && header_id_of(field.name) == field.id);
        const auto is_named = [&field](const HeaderField& one) { return one.id == field.id; };
        const auto first = std::find_if(message.headers.begin(), message.headers.end(), is_named);
        SIP_ASSERT(message.find(field.id) == std::to_address(first));
        const auto count = std::count_if(first, message.headers.end(), is_named);
        SIP_ASSERT(message.repeated.has(field.id) == (count > 1));
        // What `MessageView::limit` promises to those who read values.
        const char* const behind = field.value.data() + field.value.size();
        if (message.scanned) SIP_ASSERT(behind < message.limit() && is_lws(*behind));
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

bool same(std::string_view a, std::string_view b) {
    return Unfolded(a).view() == Unfolded(b).view();
}
bool same(const Parameters& a, const Parameters& b) {
    std::string_view left = a.text(), right = b.text();
    for (;;) {
        const auto x = Parameters::next(left), y = Parameters::next(right);
        if (!x || !y) return !x && !y;
        if (x->name != y->name || x->quoted != y->quoted || !same(x->value, y->value)) return false;
    }
}
bool same(const NameAddr& a, const NameAddr& b) {
    return same(a.display_name, b.display_name) && a.uri.text == b.uri.text &&
           a.bracketed == b.bracketed && same(a.parameters, b.parameters);
}
bool same(const Contact& a, const Contact& b) {
    return a.star == b.star && same(a.address, b.address) && a.expires == b.expires && a.q == b.q &&
           a.has_q == b.has_q;
}
bool same(const Via& a, const Via& b) {
    return a.transport_name == b.transport_name && a.host == b.host && a.port == b.port &&
           same(a.branch, b.branch) && same(a.received, b.received) && same(a.maddr, b.maddr) &&
           a.has_rport == b.has_rport && a.rport == b.rport && same(a.parameters, b.parameters);
}
bool same(const MediaType& a, const MediaType& b) {
    return a.type == b.type && a.subtype == b.subtype && a.q == b.q &&
           same(a.parameters, b.parameters);
}
bool same(const EventHeader& a, const EventHeader& b) {
    return a.package == b.package && a.id == b.id && same(a.parameters, b.parameters);
}
bool same(const SubscriptionStateHeader& a, const SubscriptionStateHeader& b) {
    return a.state_name == b.state_name && a.reason == b.reason && a.expires == b.expires &&
           a.retry_after == b.retry_after && same(a.parameters, b.parameters);
}
bool same(const DigestCredentials& a, const DigestCredentials& b) {
    return a.is_digest == b.is_digest && same(a.username, b.username) && same(a.realm, b.realm) &&
           same(a.nonce, b.nonce) && same(a.uri, b.uri) && same(a.response, b.response) &&
           same(a.opaque, b.opaque) && a.nc == b.nc && same(a.qop, b.qop) &&
           a.algorithm == b.algorithm;
}
bool same(const Warning& a, const Warning& b) {
    return a.code == b.code && a.agent == b.agent && same(a.text, b.text);
}

template <class Parsed>
void check_same(const Parsed& a, const Parsed& b) {
    SIP_ASSERT(a.has_value() == b.has_value());
    if (a) SIP_ASSERT(same(*a, *b));
}
template <class Next>
void check_same_list(std::string_view a, std::string_view b, Next next) {
    for (;;) {
        const auto x = next(a), y = next(b);
        SIP_ASSERT(x.has_value() == y.has_value());
        if (!x) return;
        check_same(*x, *y);
        if (!*x) return;
    }
}

/// The typed value of a field, before and after.
void check_same_value(HeaderId id, std::string_view a, std::string_view b,
                      const Leniency& leniency) {
    switch (id) {
        case HeaderId::from:
        case HeaderId::to:
        case HeaderId::route:
        case HeaderId::record_route:
        case HeaderId::path:
            return check_same_list(a, b,
                                   [&](auto& rest) { return next_name_addr(rest, leniency); });
        case HeaderId::contact:
            return check_same_list(a, b, [&](auto& rest) { return next_contact(rest, leniency); });
        case HeaderId::via:
            return check_same_list(a, b, [&](auto& rest) { return next_via(rest, leniency); });
        case HeaderId::accept:
            return check_same_list(a, b, [](auto& rest) { return next_media_type(rest); });
        case HeaderId::supported:
        case HeaderId::require:
        case HeaderId::allow:
            return check_same_list(a, b, [](auto& rest) { return next_token(rest); });
        case HeaderId::warning:
            return check_same_list(a, b, [](auto& rest) { return next_warning(rest); });
        case HeaderId::content_type: return check_same(parse_media_type(a), parse_media_type(b));
        case HeaderId::event: return check_same(parse_event(a), parse_event(b));
        case HeaderId::subscription_state:
            return check_same(parse_subscription_state(a), parse_subscription_state(b));
        case HeaderId::authorization: return check_same(parse_credentials(a), parse_credentials(b));
        default: return;
    }
}

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
        SIP_ASSERT(same(copy.value, field.value));
        check_same_value(field.id, field.value, copy.value, leniency);
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

void check_owner(MessageView message, const Leniency& leniency) {
    constexpr WorkerPlace place{0, 5, {1, 2}};
    const auto owner = owner_of(place, message, leniency);
    SIP_ASSERT(!owner || *owner < place.workers);
    if (message.method != Method::invite) return;
    for (const Method method : {Method::cancel, Method::ack}) {
        message.method = method;
        SIP_ASSERT(owner_of(place, message, leniency) == owner);
    }
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
            if (scan.end != ScanEnd::complete) continue;
            check_essentials(scan.message, leniency);
            check_owner(scan.message, leniency);
        }
    }
    const Scan stream = scan_message(input, slots, Framing::stream, {}, {});
    check_prefix(input, stream);
    return 0;
}
