#include "sip/message/essentials.hpp"

#include <array>
#include <optional>

#include "sip/base/text.hpp"
#include "sip/message/contact.hpp"
#include "sip/message/delta_seconds.hpp"

namespace sip {
namespace {

std::string_view repeated_rule(HeaderId id) {
    switch (id) {
        using enum HeaderId;
        case call_id: return "Call-ID stands more than once";
        case content_length: return "Content-Length stands more than once";
        case content_type: return "Content-Type stands more than once";
        case cseq: return "CSeq stands more than once";
        case event: return "Event stands more than once";
        case expires: return "Expires stands more than once";
        case from: return "From stands more than once";
        case max_forwards: return "Max-Forwards stands more than once";
        case sip_etag: return "SIP-ETag stands more than once";
        case sip_if_match: return "SIP-If-Match stands more than once";
        case subscription_state: return "Subscription-State stands more than once";
        case to: return "To stands more than once";
        default: return "a single-value header field stands more than once";
    }
}

class Decoder {
public:
    Decoder(const MessageView& message, const Leniency& leniency)
        : message_(message), leniency_(leniency) {}

    Expected<Essentials> run() {
        const bool fine = index() && vias() && party(HeaderId::from) && party(HeaderId::to) &&
                          call_id() && cseq() && addresses() &&
                          (!message_.is_request() || (max_forwards() && request_uri()));
        if (!fine) return tl::unexpected<Error>(error_);
        return found_;
    }

private:
    bool fail(Condition condition, std::string_view rule, std::string_view where) {
        return fail(Error{condition, rule, 0}, where);
    }
    /// `where` is a view into the message that the error's offset counts from.
    bool fail(Error error, std::string_view where) {
        if (where.data() != nullptr)
            error.offset += static_cast<std::uint32_t>(where.data() - message_.bytes.data());
        error_ = error;
        return false;
    }
    const HeaderField* first(HeaderId id) const { return first_[static_cast<std::size_t>(id)]; }
    /// The field `id`, which has to be there.
    const HeaderField* needed(HeaderId id, std::string_view rule) {
        if (first(id) == nullptr) fail(Condition::missing_header, rule, message_.bytes);
        return first(id);
    }

    bool index();
    bool vias();
    bool party(HeaderId id);
    bool call_id();
    bool cseq();
    bool max_forwards();
    bool request_uri();
    bool addresses();
    template <class Next>
    bool each(const HeaderField& field, Next next);

    const MessageView& message_;
    const Leniency& leniency_;
    Essentials found_;
    Error error_;
    std::array<const HeaderField*, header_id_count> first_{};
};

/// RFC 3261 7.3.1: which fields are there, and that none is twice that may not be.
bool Decoder::index() {
    for (const HeaderField& field : message_.headers) {
        const HeaderField*& slot = first_[static_cast<std::size_t>(field.id)];
        if (slot != nullptr && is_single_value(field.id))
            return fail(Condition::repeated_header, repeated_rule(field.id), field.name);
        if (slot == nullptr) slot = &field;
    }
    return true;
}

/// RFC 3261 8.1.1.7, 20.42. The first value stands for the sender; the others are counted, and
/// must be well-formed since they are copied into responses.
bool Decoder::vias() {
    if (needed(HeaderId::via, "Via is missing") == nullptr) return false;
    for (const HeaderField& field : message_.headers) {
        if (field.id != HeaderId::via) continue;
        std::string_view rest = field.value;
        if (rest.empty()) return fail(Condition::malformed, "Via is empty", field.name);
        for (;;) {
            const std::string_view before = trim(rest);
            const auto via = next_via(rest, leniency_);
            if (!via) break;
            if (!*via) return fail(via->error(), before);
            if (found_.via_count++ == 0) found_.via = **via;
        }
    }
    // RFC 3261 8.1.1.7 and RFC 4475 3.2.1: without the cookie, or with nothing behind it, it is no
    // branch that can be matched by.
    if (!leniency_.rfc2543 && !found_.via.has_cookie())
        return fail(Condition::malformed, "Via: branch without magic cookie", found_.via.text);
    return true;
}

bool Decoder::party(HeaderId id) {
    const bool is_from = id == HeaderId::from;
    const HeaderField* field = needed(id, is_from ? "From is missing" : "To is missing");
    if (field == nullptr) return false;
    const auto address = parse_name_addr(field->value, leniency_);
    if (!address) return fail(address.error(), field->value);
    (is_from ? found_.from : found_.to) = *address;
    // RFC 3261 25.1: a tag is a token. Quoted it would be another one in each place that shows it.
    const auto tag = address->parameters.token_of(
        "tag", is_from ? "From: tag is malformed" : "To: tag is malformed");
    if (!tag) return fail(tag.error(), address->parameters.text());
    (is_from ? found_.from_tag : found_.to_tag) = *tag;
    if (is_from && found_.from_tag.empty() && !leniency_.rfc2543)
        return fail(Condition::malformed, "From: tag is missing", field->value);
    return true;
}

/// RFC 3261 20.8. It is only ever compared, byte by byte: any visible characters will do.
bool Decoder::call_id() {
    const HeaderField* field = needed(HeaderId::call_id, "Call-ID is missing");
    if (field == nullptr) return false;
    found_.call_id = field->value;
    if (field->value.empty()) return fail(Condition::malformed, "Call-ID is empty", field->name);
    for (const char& c : field->value)
        if (c <= ' ' || c > '~')
            return fail(Condition::malformed, "Call-ID: character that may not stand there",
                        {&c, 1});
    return true;
}

bool Decoder::cseq() {
    const HeaderField* field = needed(HeaderId::cseq, "CSeq is missing");
    if (field == nullptr) return false;
    const auto cseq = parse_cseq(field->value);
    if (!cseq) return fail(cseq.error(), field->value);
    found_.cseq = *cseq;
    if (!message_.is_request() || cseq->method_name == message_.method_name) return true;
    // RFC 4475 3.1.2.18: that the method is unknown says more than that CSeq has another one.
    if (message_.method == Method::unknown)
        return fail(Condition::method_unknown, "method is unknown", message_.method_name);
    return fail(Condition::mismatch, "CSeq: method is not that of the request", field->value);
}

/// RFC 3261 20.22: 0 to 255. RFC 4475 3.1.2.4: a value out of range may pass as none at all.
bool Decoder::max_forwards() {
    const HeaderField* field = first(HeaderId::max_forwards);
    if (field == nullptr)
        return leniency_.no_max_forwards ||
               needed(HeaderId::max_forwards, "Max-Forwards is missing") != nullptr;
    const auto hops = parse_max_forwards(field->value);
    if (hops) found_.max_forwards = *hops;
    return hops || leniency_.no_max_forwards || fail(hops.error(), field->value);
}

bool Decoder::request_uri() {
    const auto uri = parse_uri(message_.request_uri, leniency_);
    if (!uri) return fail(uri.error(), message_.request_uri);
    found_.request_uri = *uri;
    // RFC 3261 19.1.1: a Request-URI has no headers component.
    if (!uri->headers.empty())
        return fail(Condition::malformed, "Request-URI: headers may not stand in it", uri->headers);
    return true;
}

/// All values of `field`, one `next` each.
template <class Next>
bool Decoder::each(const HeaderField& field, Next next) {
    std::string_view rest = field.value;
    for (;;) {
        const std::string_view before = trim(rest);
        const auto value = next(rest, leniency_);
        if (!value) return true;
        if (!*value) return fail(value->error(), before);
    }
}

/// The fields that say where messages go: no layer has to fear them later.
bool Decoder::addresses() {
    for (const HeaderField& field : message_.headers) {
        switch (field.id) {
            case HeaderId::contact:
                if (!each(field, next_contact)) return false;
                break;
            case HeaderId::path:
            case HeaderId::record_route:
            case HeaderId::route:
            case HeaderId::service_route:
                if (!each(field, next_name_addr)) return false;
                break;
            default: break;
        }
    }
    return true;
}

}  // namespace

Expected<Essentials> decode_essentials(const MessageView& message, const Leniency& leniency) {
    return Decoder(message, leniency).run();
}

}  // namespace sip
