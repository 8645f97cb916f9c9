#include "sip/message/essentials.hpp"

#include <array>
#include <optional>

#include "sip/base/text.hpp"
#include "sip/message/contact.hpp"
#include "sip/message/delta_seconds.hpp"
#include "sip/message/usual.hpp"

namespace sip {
namespace {

StaticText repeated_rule(HeaderId id) {
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

/// Fields whose values say where messages go.
constexpr std::array<bool, header_id_count> is_listed = [] {
    std::array<bool, header_id_count> made{};
    for (const HeaderId id : {HeaderId::contact, HeaderId::path, HeaderId::record_route,
                              HeaderId::route, HeaderId::service_route, HeaderId::via})
        made[static_cast<std::size_t>(id)] = true;
    return made;
}();

class Decoder {
public:
    Decoder(Essentials& found, const MessageView& message, const Leniency& leniency)
        : found_(found), message_(message), leniency_(leniency), limit_(message.limit()) {}

    /// What says where the message goes next and whose it is. `found` is as new.
    SIP_ALWAYS_INLINE bool routing() {
        return (none_repeated() && top_via() && cookie() && parties() && call_id() && cseq() &&
                top_route() && request()) ||
               in_order();
    }
    /// What the other values of lists and the other addresses add; `routing` was fine.
    bool rest();
    const Error& error() const { return error_; }

private:
    bool fail(Condition condition, StaticText rule, std::string_view where) {
        return fail(Error{condition, rule, 0}, where);
    }
    /// `where` is a view into the message that the error's offset counts from.
    bool fail(Error error, std::string_view where) {
        if (where.data() != nullptr)
            error.offset += static_cast<std::uint32_t>(where.data() - message_.bytes.data());
        error_ = error;
        return false;
    }
    /// The field `id`, which has to be there.
    const HeaderField* needed(HeaderId id, StaticText rule) {
        const HeaderField* const field = message_.find(id);
        if (field == nullptr) fail(Condition::missing_header, rule, message_.bytes);
        return field;
    }

    [[gnu::noinline, gnu::cold]] bool in_order();
    bool none_repeated();
    bool compare_all();
    bool top_via();
    bool further_vias();
    bool each_via(const HeaderField& field);
    bool cookie();
    bool parties() {
        return party(HeaderId::from, found_.from, found_.from_tag) && from_tag() &&
               party(HeaderId::to, found_.to, found_.to_tag);
    }
    bool party(HeaderId id, NameAddr& address, std::string_view& tag);
    bool usual_party(NameAddr& address, std::string_view& tag, std::string_view value);
    [[gnu::noinline, gnu::cold]] bool no_party(HeaderId id);
    [[gnu::noinline, gnu::cold]] bool odd_party(NameAddr& address, std::string_view& tag,
                                                const HeaderField& field);
    bool from_tag();
    bool call_id();
    bool cseq();
    bool request() { return !message_.is_request() || (max_forwards() && request_uri()); }
    bool max_forwards();
    bool request_uri();
    bool top_route();
    bool addresses();
    bool each_address(const HeaderField& field) {
        return field.id == HeaderId::contact ? each_contact(field) : each_name_addr(field);
    }
    bool each_name_addr(const HeaderField& field);
    bool each_contact(const HeaderField& field);

    Essentials& found_;
    const MessageView& message_;
    const Leniency& leniency_;
    const char* const limit_;  ///< of its parts; null when they may be any
    Error error_;
    bool passed_top_route_ = false;
};

/// A message with several faults is told the first of them in this order.
bool Decoder::in_order() {
    found_ = {};
    return none_repeated() && top_via() && further_vias() && cookie() && parties() && call_id() &&
           cseq() && addresses() && request();
}

/// RFC 3261 7.3.1: none is twice that may not.
SIP_ALWAYS_INLINE bool Decoder::none_repeated() {
    if (message_.indexed && !message_.repeated.has_any(single_values)) return true;
    return compare_all();
}

[[gnu::noinline]] bool Decoder::compare_all() {
    HeaderIds met;
    for (const HeaderField& field : message_.headers) {
        if (single_values.has(field.id) && met.has(field.id))
            return fail(Condition::repeated_header, repeated_rule(field.id), field.name);
        met.add(field.id);
    }
    return true;
}

/// RFC 3261 8.1.1.7, 20.42. The first value stands for the sender.
SIP_ALWAYS_INLINE bool Decoder::top_via() {
    const HeaderField* field = needed(HeaderId::via, "Via is missing");
    if (field == nullptr) return false;
    if (field->value.empty()) return fail(Condition::malformed, "Via is empty", field->name);
    std::string_view rest = field->value;
    Error error;
    if (take_via(rest, found_.via, error, leniency_, limit_) != Taken::value)
        return fail(error, field->value);
    return true;
}

/// RFC 3261 8.1.1.7 and RFC 4475 3.2.1: without the cookie, or with nothing behind it, it is no
/// branch that can be matched by.
SIP_ALWAYS_INLINE bool Decoder::cookie() {
    return leniency_.rfc2543 || found_.via.has_cookie() ||
           fail(Condition::malformed, "Via: branch without magic cookie", found_.via.text);
}

/// What is left of `list` behind the value of it that ends where `value` does.
std::string_view behind(std::string_view list, std::string_view value) {
    const char* const end = value.data() + value.size();
    list = trim(slice(list, static_cast<std::size_t>(end - list.data())));
    return list.empty() ? list : slice(list, 1);  // the comma
}

bool Decoder::rest() {
    for (const HeaderField& field : message_.headers) {
        if (!is_listed[static_cast<std::size_t>(field.id)]) continue;
        if (field.id == HeaderId::via ? each_via(field) : each_address(field)) continue;
        // Vias are told before addresses, wherever they stand.
        found_.via_count = found_.contact_count = 0;
        passed_top_route_ = false;
        return further_vias() && addresses();
    }
    return true;
}

bool Decoder::further_vias() {
    found_.via_count = 0;
    for (const HeaderField& field : message_.headers)
        if (field.id == HeaderId::via && !each_via(field)) return false;
    return true;
}

/// They are counted, and must be well-formed since they are copied into responses. The top one is
/// known.
bool Decoder::each_via(const HeaderField& field) {
    if (field.value.empty()) return fail(Condition::malformed, "Via is empty", field.name);
    std::string_view rest = field.value;
    if (found_.via_count == 0) {
        found_.via_count = 1;
        rest = behind(rest, found_.via.text);
        if (rest.empty()) return true;
    }
    Via other;
    for (;;) {
        const std::string_view before = rest;
        Error error;
        const Taken taken = take_via(rest, other, error, leniency_, limit_);
        if (taken == Taken::fault) return fail(error, trim(before));
        if (taken == Taken::none) return true;
        ++found_.via_count;
        if (rest.empty()) return true;
    }
}

[[gnu::noinline]] bool Decoder::party(HeaderId id, NameAddr& address, std::string_view& tag) {
    const HeaderField* const field = message_.find(id);
    if (field == nullptr) return no_party(id);
    return usual_party(address, tag, field->value) || odd_party(address, tag, *field);
}

bool Decoder::no_party(HeaderId id) {
    return fail(Condition::missing_header,
                id == HeaderId::from ? "From is missing" : "To is missing", message_.bytes);
}

bool Decoder::odd_party(NameAddr& address, std::string_view& tag, const HeaderField& field) {
    Scanner scanner(field.value);
    TokenParameter token;
    if (const auto read = read_name_addr(address, scanner, Ends::with_text, leniency_,
                                         [&token](const Parameter& one) {
                                             if (name_word(one.name) == name_word("tag"))
                                                 token.meet(one);
                                         });
        !read)
        return fail(read.error(), field.value);
    tag = token.text();
    // RFC 3261 25.1: a tag is a token. Quoted it would be another one in each place that shows it.
    return token.fault() == nullptr ||
           fail(Condition::malformed,
                field.id == HeaderId::from ? "From: tag is malformed" : "To: tag is malformed",
                {token.fault(), 1});
}

SIP_ALWAYS_INLINE bool Decoder::usual_party(NameAddr& address, std::string_view& tag,
                                            std::string_view value) {
    const usual::Part part(value, limit_);
    if (!part.is_one()) return false;
    const bool bare = usual::is_sip(part.begin());
    usual::WordEnds ends =
        bare ? usual::WordEnds(part, part.begin() + 4) : usual::address_ends(part);
    const char* const parameters = bare ? usual::read_bare(address, ends, part.begin())
                                        : usual::read_address(address, ends, part.begin());
    if (parameters == nullptr) return false;
    const char* end = parameters;
    std::string_view found;
    if (usual::five_at(end) == word_of(";tag=")) {
        const char* const tag_at = end + 5;
        ends.skip(tag_at);
        end = usual::take_past(ends, Class::value);
        found = usual::between(tag_at, end);
        if (found.empty()) return false;
    } else if (*end == ';') {
        ends.skip(end + 1);
    }
    end = usual::read_parameters(ends, end, [&found](const Parameter& one) {
        if (!usual::is_named(one.name, "tag")) return true;
        if (!found.empty() || one.quoted) return false;
        found = one.value;
        return one.has_value;
    });
    if (end != part.end()) return false;
    address.parameters = Parameters(usual::between(parameters, end));
    tag = found;
    return true;
}

/// RFC 3261 8.1.1.3. Requests of RFC 2543 may have none.
SIP_ALWAYS_INLINE bool Decoder::from_tag() {
    return !found_.from_tag.empty() || leniency_.rfc2543 ||
           fail(Condition::malformed, "From: tag is missing", message_.value_of(HeaderId::from));
}

/// RFC 3261 20.8. It is only ever compared, byte by byte: any visible characters will do.
SIP_ALWAYS_INLINE bool Decoder::call_id() {
    const HeaderField* field = needed(HeaderId::call_id, "Call-ID is missing");
    if (field == nullptr) return false;
    found_.call_id = field->value;
    if (field->value.empty()) return fail(Condition::malformed, "Call-ID is empty", field->name);
    const usual::Part part(field->value, limit_);
    const char *const begin = part.begin(), *const end = part.end();
    const char* const bad = part.is_one() ? scan::sure_end<scan::Visible>(begin)
                                          : scan::find_end<scan::Visible>(begin, begin, end);
    return bad == end ||
           fail(Condition::malformed, "Call-ID: character that may not stand there", {bad, 1});
}

SIP_ALWAYS_INLINE bool Decoder::cseq() {
    const HeaderField* field = needed(HeaderId::cseq, "CSeq is missing");
    if (field == nullptr) return false;
    const Cseq& cseq = found_.cseq;
    if (!usual::read_cseq(found_.cseq, usual::Part(field->value, limit_)))
        if (Error error; !read_cseq(found_.cseq, field->value, error))
            return fail(error, field->value);
    if (!message_.is_request() ||
        (cseq.method == message_.method &&
         (cseq.method != Method::unknown || cseq.method_name == message_.method_name)))
        return true;
    // RFC 4475 3.1.2.18: that the method is unknown says more than that CSeq has another one.
    if (message_.method == Method::unknown)
        return fail(Condition::method_unknown, "method is unknown", message_.method_name);
    return fail(Condition::mismatch, "CSeq: method is not that of the request", field->value);
}

/// RFC 3261 20.22: 0 to 255. RFC 4475 3.1.2.4: a value out of range may pass as none at all.
SIP_ALWAYS_INLINE bool Decoder::max_forwards() {
    const HeaderField* field = message_.find(HeaderId::max_forwards);
    if (field == nullptr)
        return leniency_.no_max_forwards ||
               needed(HeaderId::max_forwards, "Max-Forwards is missing") != nullptr;
    if (const auto usual = parse_decimal(field->value, 255)) {
        found_.max_forwards = static_cast<std::uint8_t>(*usual);
        return true;
    }
    const auto hops = parse_max_forwards(field->value);
    if (hops) found_.max_forwards = *hops;
    return hops || leniency_.no_max_forwards || fail(hops.error(), field->value);
}

bool Decoder::request_uri() {
    const usual::Part part(message_.request_uri, limit_);
    if (part.is_one() && usual::is_sip(part.begin())) {
        usual::WordEnds ends(part, part.begin() + 4);
        if (usual::read_uri(found_.request_uri, ends, part.begin()) == part.end()) return true;
    }
    const auto read = read_uri(found_.request_uri, message_.request_uri, leniency_);
    if (!read) return fail(read.error(), message_.request_uri);
    // RFC 3261 19.1.1: a Request-URI has no headers component.
    const std::string_view headers = found_.request_uri.headers;
    return headers.empty() ||
           fail(Condition::malformed, "Request-URI: headers may not stand in it", headers);
}

/// RFC 3261 16.4: where the message goes next.
SIP_ALWAYS_INLINE bool Decoder::top_route() {
    const HeaderField* field = message_.find(HeaderId::route);
    if (field == nullptr) return true;
    std::string_view rest = field->value;
    Error error;
    const Taken taken = take_name_addr(rest, found_.route, error, leniency_, limit_);
    found_.has_route = taken == Taken::value;
    return taken != Taken::fault || fail(error, field->value);
}

/// But for the topmost Route when it is known.
bool Decoder::each_name_addr(const HeaderField& field) {
    std::string_view rest = field.value;
    if (field.id == HeaderId::route && found_.has_route && !passed_top_route_) {
        passed_top_route_ = true;
        rest = behind(rest, found_.route.parameters.text());
        if (rest.empty()) return true;
    }
    NameAddr address;
    for (;;) {
        const std::string_view before = rest;
        Error error;
        const Taken taken = take_name_addr(rest, address, error, leniency_, limit_);
        if (taken == Taken::fault) return fail(error, trim(before));
        if (taken == Taken::none || rest.empty()) return true;
    }
}

bool Decoder::each_contact(const HeaderField& field) {
    // Of each phone that took a NOTIFY comes one, and nobody is to be reached by it.
    if (!message_.is_request() && found_.cseq.method == Method::notify && message_.status < 300)
        return true;
    std::string_view rest = field.value;
    Contact other;
    for (;;) {
        const std::string_view before = rest;
        Error error;
        const bool is_first = found_.contact_count == 0;
        const Taken taken =
            take_contact(rest, is_first ? found_.contact : other, error, leniency_, limit_);
        if (taken == Taken::fault) return fail(error, trim(before));
        if (taken == Taken::none) return true;
        ++found_.contact_count;
        if (rest.empty()) return true;
    }
}

/// The fields that say where messages go: no layer has to fear them later.
bool Decoder::addresses() {
    for (const HeaderField& field : message_.headers) {
        if (field.id == HeaderId::via || !is_listed[static_cast<std::size_t>(field.id)]) continue;
        if (!each_address(field)) return false;
    }
    return true;
}

}  // namespace

Expected<void> decode_routing(Essentials& found, const MessageView& message,
                              const Leniency& leniency) {
    Decoder decoder(found, message, leniency);
    if (decoder.routing()) return {};
    return tl::unexpected(decoder.error());
}

Expected<void> decode_addresses(Essentials& found, const MessageView& message,
                                const Leniency& leniency) {
    Decoder decoder(found, message, leniency);
    if (decoder.rest()) return {};
    return tl::unexpected(decoder.error());
}

Expected<void> decode_essentials(Essentials& found, const MessageView& message,
                                 const Leniency& leniency) {
    const auto read = decode_routing(found, message, leniency);
    return read ? decode_addresses(found, message, leniency) : read;
}

Expected<Essentials> decode_essentials(const MessageView& message, const Leniency& leniency) {
    Expected<Essentials> essentials;
    if (const auto read = decode_essentials(*essentials, message, leniency); !read)
        essentials = tl::unexpected(read.error());
    return essentials;
}

}  // namespace sip
