#include "apps/vigil/inspection.hpp"

#include <array>
#include <optional>

#include "apps/vigil/presence_document.hpp"
#include "apps/vigil/text.hpp"
#include "sip/base/civil_time.hpp"
#include "sip/message/delta_seconds.hpp"
#include "sip/message/digest_header.hpp"
#include "sip/message/essentials.hpp"
#include "sip/message/event_header.hpp"
#include "sip/message/media_type.hpp"
#include "sip/message/message_parser.hpp"
#include "sip/message/reason_header.hpp"
#include "sip/message/subscription_state.hpp"
#include "sip/message/token_list.hpp"
#include "sip/message/warning.hpp"

namespace vigil {

namespace {

constexpr std::size_t slots_max = 256;

template <class Parsed>
sip::Fault error_of(const Parsed& parsed) {
    if (parsed) return {};
    return parsed.error();
}

/// The first error in a list whose elements `next` takes off the front.
template <class Next>
sip::Fault first_error(std::string_view value, Next next) {
    std::string_view rest = value;
    while (true) {
        const std::size_t before = value.size() - rest.size();
        const auto element = next(rest);
        if (!element) return {};
        if (*element) continue;
        sip::Error error = element->error();
        error.offset += static_cast<std::uint32_t>(before);
        return error;
    }
}

/// What is wrong with a value whose grammar is known and which `decode_essentials` leaves alone.
sip::Fault check_value(const sip::HeaderField& field) {
    using enum sip::HeaderId;
    switch (field.id) {
        case event: return error_of(sip::parse_event(field.value));
        case subscription_state: return error_of(sip::parse_subscription_state(field.value));
        case content_type: return error_of(sip::parse_media_type(field.value));
        case accept: return first_error(field.value, sip::next_media_type);
        case allow:
        case allow_events:
        case supported:
        case sip::HeaderId::require:
        case proxy_require:
        case unsupported: return first_error(field.value, sip::next_token);
        case expires:
        case min_expires: return error_of(sip::parse_delta_seconds(field.value));
        case retry_after: return error_of(sip::parse_retry_after(field.value));
        case warning: return first_error(field.value, sip::next_warning);
        case reason: return first_error(field.value, sip::next_reason);
        case date:
            // RFC 3261 20.17: in GMT.
            if (sip::parse_sip_date(field.value)) return {};
            return sip::Error{sip::Condition::malformed, "Date is not a date in GMT", 0};
        case www_authenticate:
        case proxy_authenticate: return error_of(sip::parse_challenge(field.value));
        case authorization:
        case proxy_authorization: return error_of(sip::parse_credentials(field.value));
        case authentication_info: return error_of(sip::parse_authentication_info(field.value));
        default: return {};
    }
}

sip::Fault check_message(const sip::MessageView& message, const sip::Leniency& leniency,
                         const char* start) {
    const auto essentials = sip::decode_essentials(message, leniency);
    if (!essentials) return essentials.error();
    for (const auto& field : message.headers)
        if (auto error = check_value(field)) {
            error->offset += static_cast<std::uint32_t>(field.value.data() - start);
            return error;
        }
    return {};
}

void describe(const sip::MessageView& message, Inspection& out) {
    if (message.is_request())
        out.lines.push_back("SIP request " + escape(message.method_name) + " " +
                            escape(message.request_uri));
    else if (message.status != 0)
        out.lines.push_back("SIP response " + std::to_string(message.status) + " " +
                            escape(message.reason));
    for (const auto& field : message.headers) {
        const std::string_view known = sip::name_of(field.id);
        out.lines.push_back("  " + (known.empty() ? escape(field.name) : std::string(known)) +
                            ": " + escape(field.value));
    }
    if (!message.body.empty())
        out.lines.push_back("  a body of " + std::to_string(message.body.size()) + " bytes");
}

}  // namespace

Inspection inspect_sip(std::string_view text, const sip::Leniency& leniency) {
    std::array<sip::HeaderField, slots_max> slots;
    sip::Limits limits;
    limits.headers = slots_max;
    const auto scan = sip::scan_message(text, slots, sip::Framing::datagram, limits, leniency);
    Inspection out;
    describe(scan.message, out);
    out.fields.kind = scan.message.is_request()           ? "request"
                      : scan.end == sip::ScanEnd::nothing ? "keep-alive"
                      : scan.message.status != 0          ? "response"
                                                          : "unknown";
    if (scan.end == sip::ScanEnd::nothing) {
        out.fields.ok = !text.empty();
        if (text.empty()) {
            out.fields.kind = "unknown";
            out.fields.error = out.fields.rule = "There is nothing to read";
        }
        out.lines.push_back("line ends alone: a keep-alive");
        return out;
    }
    sip::Fault error;
    if (scan.end != sip::ScanEnd::complete)
        error = scan.error;
    else
        error = check_message(scan.message, leniency, text.data());
    out.fields.ok = !error;
    if (error) {
        out.fields.rule = std::string(error->rule);
        out.fields.offset = error->offset;
    }
    return out;
}

Inspection inspect_pidf(std::string_view text, bool strict) {
    Inspection out;
    out.fields.kind = "pidf";
    const auto summary = summarize(text, strict);
    out.fields.ok = summary.has_value();
    if (!summary) {
        out.fields.rule = std::string(summary.error().rule);
        out.fields.offset = summary.error().offset;
        return out;
    }
    out.lines.push_back("PIDF of " + escape(summary->entity));
    for (const auto& tuple : summary->tuples) {
        std::string line = "  tuple " + escape(tuple.id);
        if (!tuple.basic.empty()) line += ": " + tuple.basic;
        if (!tuple.contact.empty()) line += ", contact " + escape(tuple.contact);
        if (tuple.priority) line += ", priority " + *tuple.priority;
        out.lines.push_back(line);
    }
    for (const auto& activity : summary->activities)
        out.lines.push_back("  activity " + escape(activity));
    for (const auto& note : summary->notes) out.lines.push_back("  note \"" + escape(note) + "\"");
    return out;
}

bool looks_like_xml(std::string_view text) {
    for (std::string_view mark : {"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"})
        if (text.starts_with(mark)) return true;
    const auto first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && text[first] == '<';
}

}  // namespace vigil
