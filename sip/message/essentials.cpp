#include "sip/message/essentials.hpp"

#include <array>

#include "sip/base/text.hpp"
#include "sip/message/contact.hpp"
#include "sip/message/delta_seconds.hpp"

namespace sip {
namespace {

/// Errors of values count from the start of the message.
tl::unexpected<Error> at_field(const MessageView& message, const HeaderField& field, Error error) {
    error.offset += static_cast<std::uint32_t>(field.value.data() - message.bytes.data());
    return tl::unexpected<Error>(error);
}

tl::unexpected<Error> missing(std::string_view rule) {
    return failure(Condition::missing_header, rule);
}

/// RFC 3261 7.3.1: fields that may stand but once, and the mandatory ones (8.1.1).
Expected<void> check_counts(const MessageView& message) {
    std::array<std::uint8_t, header_id_count> counts{};
    for (const HeaderField& field : message.headers) {
        auto& count = counts[static_cast<std::size_t>(field.id)];
        if (field.id == HeaderId::unknown || !is_single_value(field.id)) {
            count = 1;
            continue;
        }
        if (count++ > 0)
            return at_field(message, field,
                            {Condition::repeated_header, "Header field stands twice", 0});
    }
    const auto has = [&](HeaderId id) { return counts[static_cast<std::size_t>(id)] > 0; };
    if (!has(HeaderId::via)) return missing("Via is missing");
    if (!has(HeaderId::from)) return missing("From is missing");
    if (!has(HeaderId::to)) return missing("To is missing");
    if (!has(HeaderId::call_id)) return missing("Call-ID is missing");
    if (!has(HeaderId::cseq)) return missing("CSeq is missing");
    return {};
}

Expected<void> read_vias(const MessageView& message, const Leniency& leniency, Essentials& e) {
    for (const HeaderField& field : message.headers) {
        if (field.id != HeaderId::via) continue;
        std::string_view rest = field.value;
        while (const auto via = next_via(rest, leniency)) {
            if (!*via) return at_field(message, field, via->error());
            if (e.via_count++ == 0) e.via = **via;
        }
    }
    if (e.via_count == 0) return missing("Via is empty");
    return {};
}

/// Contact, Route, Record-Route and Path: all values of all fields parse.
Expected<void> check_addresses(const MessageView& message, const Leniency& leniency) {
    for (const HeaderField& field : message.headers) {
        std::string_view rest = field.value;
        switch (field.id) {
            case HeaderId::contact:
                while (const auto contact = next_contact(rest, leniency))
                    if (!*contact) return at_field(message, field, contact->error());
                break;
            case HeaderId::route:
            case HeaderId::record_route:
            case HeaderId::path:
                while (const auto address = next_name_addr(rest, leniency))
                    if (!*address) return at_field(message, field, address->error());
                break;
            default: break;
        }
    }
    return {};
}

/// RFC 3261 25.1 callid: word [ "@" word ].
bool is_call_id(std::string_view text) {
    for (char c : text)
        if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) == 0x7f ||
            c == ',' || c == ';')
            return false;
    return !text.empty();
}

Expected<void> read_address(const MessageView& message, HeaderId id, const Leniency& leniency,
                            NameAddr& address, std::string_view& tag) {
    const HeaderField& field = *message.find(id);
    const auto parsed = parse_name_addr(field.value, leniency);
    if (!parsed) return at_field(message, field, parsed.error());
    address = *parsed;
    tag = address.tag();
    return {};
}

Expected<void> read_cseq(const MessageView& message, Essentials& e) {
    const HeaderField& field = *message.find(HeaderId::cseq);
    const auto cseq = parse_cseq(field.value);
    if (!cseq) return at_field(message, field, cseq.error());
    e.cseq = *cseq;
    if (!message.is_request() || e.cseq.method_name == message.method_name) return {};
    // RFC 4475 3.1.2.18: of an unknown method, that is the better answer.
    const Condition condition =
        message.method == Method::unknown ? Condition::method_unknown : Condition::mismatch;
    return at_field(message, field, {condition, "CSeq names another method", 0});
}

}  // namespace

Expected<Essentials> decode_essentials(const MessageView& message, const Leniency& leniency) {
    Essentials e;
    if (const auto counts = check_counts(message); !counts) return tl::unexpected(counts.error());
    if (const auto vias = read_vias(message, leniency, e); !vias)
        return tl::unexpected(vias.error());
    if (const auto from = read_address(message, HeaderId::from, leniency, e.from, e.from_tag);
        !from)
        return tl::unexpected(from.error());
    if (const auto to = read_address(message, HeaderId::to, leniency, e.to, e.to_tag); !to)
        return tl::unexpected(to.error());
    const HeaderField& call_id = *message.find(HeaderId::call_id);
    e.call_id = call_id.value;
    if (!is_call_id(e.call_id))
        return at_field(message, call_id, {Condition::malformed, "Call-ID is malformed", 0});
    if (const auto cseq = read_cseq(message, e); !cseq) return tl::unexpected(cseq.error());
    if (message.is_request()) {
        if (const auto uri = parse_uri(message.request_uri, leniency)) {
            e.request_uri = *uri;
        } else {
            Error error = uri.error();
            error.offset +=
                static_cast<std::uint32_t>(message.request_uri.data() - message.bytes.data());
            return tl::unexpected(error);
        }
        if (!leniency.rfc2543 && (e.from_tag.empty() || !e.via.has_cookie()))
            return missing("From tag or branch of RFC 3261 is missing");
        const HeaderField* hops = message.find(HeaderId::max_forwards);
        if (hops == nullptr && !leniency.no_max_forwards) return missing("Max-Forwards is missing");
        // RFC 4475 3.1.2.4: malformed alone, it counts as absent.
        if (hops != nullptr)
            if (const auto value = parse_max_forwards(hops->value)) e.max_forwards = *value;
    }
    if (const auto addresses = check_addresses(message, leniency); !addresses)
        return tl::unexpected(addresses.error());
    return e;
}

}  // namespace sip
