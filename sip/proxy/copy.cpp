#include "sip/proxy/copy.hpp"

#include "sip/auth/quoted_text.hpp"
#include "sip/base/domains.hpp"
#include "sip/base/text.hpp"
#include "sip/dialog/request_head.hpp"
#include "sip/message/contact.hpp"
#include "sip/message/delta_seconds.hpp"
#include "sip/message/digest_header.hpp"
#include "sip/transaction/reply.hpp"

namespace sip {
namespace {

constexpr std::string_view max_breadth_name = "Max-Breadth";
/// RFC 5393 5.3.3: for a request that says nothing.
constexpr std::uint16_t breadth_default = 60;

/// `text` with each run of line ends as a space: what came in one header field and goes into
/// another.
void write_unfolded(Appender& out, std::string_view text) {
    for (char c : text) {
        if (c == '\r') continue;
        out << (c == '\n' ? ' ' : c);
    }
}

/// Whether a message that goes to `uri` may stand in the Route field (RFC 3261 16.6 item 6).
bool is_loose(const Uri& uri) { return uri.parameters.has("lr"); }

bool is_max_breadth(const HeaderField& field) {
    return field.id == HeaderId::unknown && equal_ignoring_case(field.name, max_breadth_name);
}

/// The listener that the sender of a request reached us at.
const Listeners::Listener* listener_of(const Listeners& listeners, const Source& source) {
    if (source.transport == Transport::udp) return listeners.datagram(source.listener);
    for (const Listeners::Listener& l : listeners)
        if (l.transport == source.transport && l.local == source.local) return &l;
    return listener_for(listeners, back_to(source));
}

/// Writes one request, part by part.
class RequestWriter {
public:
    RequestWriter(Appender& out, const RequestCopy& copy, const Listeners& listeners,
                  const Leniency& leniency)
        : out_(out), copy_(copy), listeners_(listeners), leniency_(leniency) {}

    void run() {
        find_strict();
        const std::string_view uri = strict_ ? strict_->text : copy_.request_uri;
        out_ << copy_.message.method_name << ' ' << uri << " SIP/2.0\r\n";
        MessageWriter writer(out_);
        write_via(writer, listeners_, copy_.target, copy_.branch);
        record_route();
        path();
        for (const HeaderField& field : copy_.message.headers) take(field);
        if (!copy_.asserted.empty() && !copy_.keeps_identity)
            out_ << "P-Asserted-Identity: <sip:" << copy_.asserted << ">\r\n";
        if (strict_) out_ << "Route: <" << copy_.request_uri << ">\r\n";
        if (!hops_written_) max_forwards();
        if (!breadth_written_) out_ << max_breadth_name << ": " << copy_.breadth << "\r\n";
        if (!copy_.message.has(HeaderId::content_length))
            out_ << "Content-Length: " << std::uint64_t{copy_.message.body.size()} << "\r\n";
        out_ << "\r\n";
    }

private:
    void find_strict();
    void record_route();
    void record_route(const Listeners::Listener& listener);
    void path();
    void take(const HeaderField& field);
    void via(const HeaderField& field);
    void route(const HeaderField& field);
    void max_forwards();
    bool is_for_us(const HeaderField& field) const;

    Appender& out_;
    const RequestCopy& copy_;
    const Listeners& listeners_;
    const Leniency& leniency_;
    std::optional<Uri> strict_;  ///< the first route, where it is a strict router
    std::uint16_t routes_ = 0, routes_total_ = 0;
    bool via_written_ = false, hops_written_ = false, breadth_written_ = false;
};

void RequestWriter::find_strict() {
    routes_total_ = 0;
    each_address(copy_.message, HeaderId::route, leniency_, [&](const NameAddr&) {
        ++routes_total_;
        return true;
    });
    std::optional<Uri> first = copy_.routing.next_route;
    if (!copy_.path.empty()) {
        std::string_view rest = copy_.path;
        if (const auto value = next_name_addr(rest, leniency_); value && *value)
            first = (*value)->uri;
    }
    if (first && !is_loose(*first)) strict_ = first;
}

void RequestWriter::record_route(const Listeners::Listener& listener) {
    const bool secure = copy_.essentials.request_uri.scheme == Scheme::sips;
    out_ << "Record-Route: <" << (secure ? "sips:" : "sip:");
    copy_.record_route->write(out_);
    out_ << '@';
    write_sent_by(out_, listener);
    switch (listener.transport) {
        case Transport::udp: break;
        case Transport::tcp: out_ << ";transport=tcp"; break;
        case Transport::tls: out_ << (secure ? "" : ";transport=tls"); break;
        case Transport::ws:
        case Transport::wss: out_ << ";transport=ws"; break;
    }
    out_ << ";lr>\r\n";
}

/// RFC 3261 16.6 item 4; RFC 5658 3: one value for each side where they reach us differently.
void RequestWriter::record_route() {
    if (copy_.record_route == nullptr) return;
    const auto* onward = listener_for(listeners_, copy_.target);
    const auto* inward = listener_of(listeners_, copy_.source);
    if (onward != nullptr) record_route(*onward);
    if (inward != nullptr && inward != onward) record_route(*inward);
}

void RequestWriter::path() {
    std::string_view rest = copy_.path;
    if (strict_ && !rest.empty()) (void)next_name_addr(rest, leniency_);
    rest = trim(rest);
    if (rest.empty()) return;
    out_ << "Route: ";
    write_unfolded(out_, rest);
    out_ << "\r\n";
}

void RequestWriter::via(const HeaderField& field) {
    std::string_view rest = field.value;
    const auto top = next_via(rest, leniency_);
    if (via_written_ || !top || !*top) return write_line(out_, field);
    via_written_ = true;
    out_ << "Via: ";
    write_received_via(out_, **top, copy_.source);
    rest = trim(rest);
    if (!rest.empty()) out_ << ", ";
    out_ << rest << "\r\n";
}

/// The values that stay: not those in front that are ours, nor a strict router that has moved into
/// the Request-URI, nor the last one where it was a strict router's Request-URI.
void RequestWriter::route(const HeaderField& field) {
    const std::uint16_t strict = strict_ && copy_.path.empty() ? 1 : 0;
    const std::uint16_t from = static_cast<std::uint16_t>(copy_.routing.own_routes + strict);
    const std::uint16_t to =
        static_cast<std::uint16_t>(routes_total_ - (copy_.routing.last_route_is_target ? 1 : 0));
    std::string_view rest = field.value;
    bool first = true, whole = true;
    const std::size_t start = out_.size();
    for (;;) {
        const std::string_view before = trim(rest);
        const auto value = next_name_addr(rest, leniency_);
        if (!value || !*value) break;
        const std::uint16_t number = routes_++;
        if (number < from || number >= to) {
            whole = false;
            continue;
        }
        std::string_view text = slice(before, 0, before.size() - rest.size());
        text = trim(text);
        if (text.ends_with(',')) text = trim(slice(text, 0, text.size() - 1));
        out_ << (first ? "Route: " : ", ") << text;
        first = false;
    }
    if (whole) {
        out_.rewind(start);
        return write_line(out_, field);
    }
    if (!first) out_ << "\r\n";
}

void RequestWriter::max_forwards() {
    const HeaderField* field = copy_.message.find(HeaderId::max_forwards);
    const auto hops = field != nullptr ? parse_max_forwards(field->value)
                                       : failure(Condition::missing_header, {});
    hops_written_ = true;
    // RFC 3261 16.6 item 3.
    out_ << "Max-Forwards: " << static_cast<std::uint16_t>(hops ? *hops - 1 : 70) << "\r\n";
}

bool RequestWriter::is_for_us(const HeaderField& field) const {
    const auto credentials = parse_credentials(field.value);
    if (!credentials || !credentials->is_digest) return false;
    const Unquoted realm(credentials->realm);
    for (std::string_view ours : copy_.realms)
        if (realm.view() == ours) return true;
    return false;
}

void RequestWriter::take(const HeaderField& field) {
    switch (field.id) {
        case HeaderId::via: return via(field);
        case HeaderId::max_forwards: return max_forwards();
        case HeaderId::route: return route(field);
        case HeaderId::proxy_authorization:
            if (!is_for_us(field)) write_line(out_, field);
            return;
        // What proved to us who asks: over there our word does.
        case HeaderId::authorization:
            if (copy_.asserted.empty() || !is_for_us(field)) write_line(out_, field);
            return;
        // RFC 3325 5: of a sender that is not trusted, none goes on.
        case HeaderId::p_asserted_identity:
            if (copy_.keeps_identity) write_line(out_, field);
            return;
        default: break;
    }
    if (!is_max_breadth(field)) return write_line(out_, field);
    if (!breadth_written_) out_ << max_breadth_name << ": " << copy_.breadth << "\r\n";
    breadth_written_ = true;
}

/// Whether `uri` is what we wrote with `token`.
bool is_own_route(const Uri& uri, const RouteToken& token, const OwnNames& own) {
    return own.name(uri) && RouteToken::read(uri.user) == token;
}

/// A Record-Route field of a response, our values in it with another token.
void write_record_route(Appender& out, const HeaderField& field, const ResponseCopy& copy,
                        const OwnNames& own, const Leniency& leniency) {
    std::string_view at = field.value;
    std::string_view rest = field.value;
    out << field.name << ": ";
    while (const auto value = next_name_addr(rest, leniency)) {
        if (!*value) break;
        const Uri& uri = (*value)->uri;
        if (!is_own_route(uri, *copy.record_route, own)) continue;
        out << slice(at, 0, static_cast<std::size_t>(uri.user.data() - at.data()));
        copy.route_back->write(out);
        at.remove_prefix(static_cast<std::size_t>(uri.user.data() - at.data()) + uri.user.size());
    }
    out << at << "\r\n";
}

bool is_challenge(HeaderId id) {
    return id == HeaderId::www_authenticate || id == HeaderId::proxy_authenticate;
}

}  // namespace

void write_line(Appender& out, const HeaderField& field) {
    const char* const end = field.value.data() + field.value.size();
    const std::string_view line(field.name.data(),
                                static_cast<std::size_t>(end - field.name.data()));
    if (field.value.data() == nullptr || field.value.data() < field.name.data()) {
        out << field.name << ": " << field.value << "\r\n";
        return;
    }
    for (std::size_t at = 0; at < line.size();) {
        const std::size_t feed = std::min(line.find('\n', at), line.size());
        const bool bare = feed < line.size() && (feed == 0 || line[feed - 1] != '\r');
        out << slice(line, at, feed - at);
        if (feed < line.size()) out << (bare ? "\r\n" : "\n");
        at = feed + 1;
    }
    out << "\r\n";
}

std::uint16_t breadth_of(const MessageView& message) {
    for (const HeaderField& field : message.headers)
        if (is_max_breadth(field))
            if (const auto number = parse_decimal(field.value, UINT16_MAX))
                return static_cast<std::uint16_t>(*number);
    return breadth_default;
}

void write_request(Appender& out, const RequestCopy& copy, const Listeners& listeners,
                   const Leniency& leniency) {
    RequestWriter(out, copy, listeners, leniency).run();
}

void write_response(Appender& out, const ResponseCopy& copy, const OwnNames& own,
                    const Leniency& leniency) {
    const std::uint16_t status = copy.status != 0 ? copy.status : copy.message.status;
    out << "SIP/2.0 ";
    out.decimal(status);
    out << ' ' << (copy.status != 0 ? reason_of(status) : copy.message.reason) << "\r\n";
    bool via_seen = false;
    for (const HeaderField& field : copy.message.headers) {
        if (field.id == HeaderId::via && !via_seen) {
            via_seen = true;
            std::string_view rest = field.value;
            (void)next_via(rest, leniency);
            rest = trim(rest);
            if (!rest.empty()) out << "Via: " << rest << "\r\n";
        } else if (field.id == HeaderId::record_route && copy.route_back != nullptr) {
            write_record_route(out, field, copy, own, leniency);
        } else if (!(is_challenge(field.id) && !copy.challenges.empty())) {
            write_line(out, field);
        }
    }
    out << copy.challenges;
    if (!copy.message.has(HeaderId::content_length))
        out << "Content-Length: " << std::uint64_t{copy.message.body.size()} << "\r\n";
    out << "\r\n" << copy.message.body;
}

std::optional<Uri> hop_before(const MessageView& request, const Leniency& leniency) {
    std::optional<Uri> found;
    each_address(request, HeaderId::record_route, leniency, [&](const NameAddr& value) {
        found = value.uri;
        return false;
    });
    if (found) return found;
    each_address(request, HeaderId::contact, leniency, [&](const NameAddr& value) {
        found = value.uri;
        return false;
    });
    return found;
}

std::optional<Uri> hop_behind(const MessageView& response, const RouteToken& ours,
                              const OwnNames& own, const Leniency& leniency) {
    std::optional<Uri> last;
    bool met = false;
    each_address(response, HeaderId::record_route, leniency, [&](const NameAddr& value) {
        met = is_own_route(value.uri, ours, own);
        if (!met) last = value.uri;
        return !met;
    });
    if (!met) return {};
    if (last) return last;
    each_address(response, HeaderId::contact, leniency, [&](const NameAddr& value) {
        last = value.uri;
        return false;
    });
    return last;
}

}  // namespace sip
