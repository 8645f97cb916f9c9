#include "sip/dialog/dialog.hpp"

#include "sip/base/text.hpp"
#include "sip/dialog/request_head.hpp"
#include "sip/message/contact.hpp"

namespace sip {
namespace {

/// RFC 3261 12.2.1.1 and table 1 in 19.1.1: a Request-URI has no headers, whatever a peer's Contact
/// or Record-Route had.
std::string_view without_headers(const Uri& uri) {
    if (uri.headers.empty()) return uri.text;
    return uri.text.substr(0, static_cast<std::size_t>(uri.headers.data() - uri.text.data()) - 1);
}

/// The one Contact of a request or 2xx that makes or refreshes a dialog. RFC 3261 8.1.1.8.
Expected<std::string_view> contact_of(const MessageView& message, const Essentials& essentials,
                                      const Leniency& leniency) {
    std::string_view found;
    if (const Contact& contact = essentials.contact;
        essentials.contact_count == 1 && contact.address.uri.is_sip())
        return without_headers(contact.address.uri);
    for (const HeaderField& field : message.headers) {
        if (field.id != HeaderId::contact) continue;
        std::string_view rest = field.value;
        while (const auto contact = next_contact(rest, leniency)) {
            if (!*contact) return tl::unexpected(contact->error());
            if ((*contact)->star) return failure(Condition::malformed, "Contact is *");
            if (!found.empty()) return failure(Condition::malformed, "More than one Contact");
            if (!(*contact)->address.uri.is_sip())
                return failure(Condition::malformed, "Contact is no SIP URI");
            found = without_headers((*contact)->address.uri);
        }
    }
    return found;
}

/// The route set as one list of "<uri>" in the order our requests need.
struct RouteList {
    static constexpr std::size_t most = 64;
    SmallVector<std::string_view, most> values;
};

Expected<RouteList> record_routes(const MessageView& message, const Limits& limits,
                                  const Leniency& leniency) {
    RouteList list;
    for (const HeaderField& field : message.headers) {
        if (field.id != HeaderId::record_route) continue;
        std::string_view rest = field.value;
        while (const auto route = next_name_addr(rest, leniency)) {
            if (!*route) return tl::unexpected(route->error());
            if (list.values.size() >= limits.route_set || !list.values.push((*route)->uri.text))
                return failure(Condition::malformed, "Too many Record-Route values");
        }
    }
    return list;
}

/// Takes the first "<uri>" off a packed route list.
std::string_view take_route(std::string_view& routes) {
    const auto end = routes.find('>');
    if (end == std::string_view::npos) return {};
    const std::string_view uri = routes.substr(1, end - 1);
    routes.remove_prefix(end + 1);
    return uri;
}

bool is_sips(std::string_view uri) {
    constexpr std::string_view scheme = "sips:";
    return equal_ignoring_case(uri.substr(0, scheme.size()), scheme);
}

}  // namespace

std::string_view Dialog::Strings::part(Part which) const {
    const auto i = static_cast<std::size_t>(which);
    const std::size_t begin = i == 0 ? 0 : ends[i - 1];
    return bytes.view().substr(begin, ends[i] - begin);
}

Dialog::Path Dialog::Path::of(const Request& request) {
    return {request.source,
            request.essentials.via_count == 1 && !request.message.has(HeaderId::record_route)};
}

Expected<Dialog::Strings> Dialog::pack(Shard& shard, const Parts& parts) {
    std::size_t size = 0;
    for (std::string_view text : parts) size += text.size();
    if (size > shard.limits.dialog_bytes || size > UINT16_MAX) {
        ++shard.counters.limit_dialog_bytes;
        return failure(Condition::malformed, "Dialog headers are too long");
    }
    Strings made;
    if (!made.bytes.resize(shard.memory, size)) {
        ++shard.counters.limit_memory;
        return failure(Condition::overloaded, "No memory for the dialog");
    }
    std::size_t at = 0;
    for (std::size_t i = 0; i < part_count; ++i) {
        if (!parts[i].empty())
            std::memcpy(made.bytes.data() + at, parts[i].data(), parts[i].size());
        at += parts[i].size();
        made.ends[i] = static_cast<std::uint16_t>(at);
    }
    return made;
}

namespace {

/// Packs the routes as "<a><b>", front to back or back to front.
Expected<std::string_view> join_routes(Shard& shard, const MessageView& message, bool reversed,
                                       Block& room) {
    const auto list = record_routes(message, shard.limits, shard.leniency);
    if (!list) {
        ++shard.counters.limit_route_set;
        return tl::unexpected(list.error());
    }
    std::size_t size = 0;
    for (std::string_view uri : list->values) size += uri.size() + 2;
    if (size == 0) return std::string_view{};
    if (!room.resize(shard.memory, size))
        return failure(Condition::overloaded, "No memory for the dialog");
    Appender out({room.data(), room.size()});
    const std::size_t count = list->values.size();
    for (std::size_t i = 0; i < count; ++i)
        out << '<' << list->values[reversed ? count - 1 - i : i] << '>';
    return out.view();
}

}  // namespace

Expected<Dialog> Dialog::as_uas(Shard& shard, const Request& request, std::string_view local_tag) {
    const Essentials& e = request.essentials;
    const auto contact = contact_of(request.message, e, shard.leniency);
    if (!contact) return tl::unexpected(contact.error());
    if (contact->empty()) return failure(Condition::missing_header, "Contact is missing");
    Block room;
    const auto routes = join_routes(shard, request.message, false, room);
    if (!routes) return tl::unexpected(routes.error());
    Dialog dialog;
    auto packed = pack(shard, {e.call_id, local_tag, e.from_tag, e.to.uri.text, e.from.uri.text,
                               *contact, *routes});
    if (!packed) return tl::unexpected(packed.error());
    dialog.strings_ = std::move(*packed);
    dialog.remote_cseq_ = e.cseq.number;
    dialog.heard_ = true;
    dialog.path_ = Path::of(request);
    if (e.request_uri.scheme != Scheme::sips) return dialog;
    // RFC 5630 5.1.2: SIPS from end to end, or not at all.
    std::string_view rest = *routes;
    if (!is_sips(*contact) || (!rest.empty() && !is_sips(take_route(rest))))
        return failure(Condition::mismatch, "SIPS Request-URI without SIPS Contact and route");
    dialog.secure_ = sip::is_secure(request.source.transport);
    return dialog;
}

bool Dialog::has_sips_contact() const {
    std::string_view routes = part(Part::routes);
    return secure_ || is_sips(routes.empty() ? remote_target() : take_route(routes));
}

Expected<Dialog> Dialog::as_uac(Shard& shard, const Response& response, std::uint32_t cseq,
                                bool secure) {
    const Essentials& e = response.essentials;
    const auto contact = contact_of(response.message, e, shard.leniency);
    if (!contact) return tl::unexpected(contact.error());
    if (contact->empty()) return failure(Condition::missing_header, "Contact is missing");
    Block room;
    const auto routes = join_routes(shard, response.message, true, room);
    if (!routes) return tl::unexpected(routes.error());
    Dialog dialog;
    auto packed = pack(shard, {e.call_id, e.from_tag, e.to_tag, e.from.uri.text, e.to.uri.text,
                               *contact, *routes});
    if (!packed) return tl::unexpected(packed.error());
    dialog.strings_ = std::move(*packed);
    dialog.local_cseq_ = cseq;
    dialog.path_.source = response.source;
    dialog.secure_ = secure;
    return dialog;
}

bool Dialog::matches(std::string_view call_id_given, std::string_view local,
                     std::string_view remote) const {
    return call_id() == call_id_given && local_tag() == local && remote_tag() == remote;
}

bool Dialog::accept_cseq(std::uint32_t number) {
    if (heard_ && number <= remote_cseq_) return false;
    heard_ = true;
    remote_cseq_ = number;
    return true;
}

Expected<Dialog::Refresh> Dialog::prepare_refresh(Shard& shard, const Request& request) const {
    const auto contact = contact_of(request.message, request.essentials, shard.leniency);
    if (!contact) return tl::unexpected(contact.error());
    // RFC 5630 5.1.2: a dialog that is secure stays so.
    if (secure_ && !contact->empty() && !is_sips(*contact))
        return failure(Condition::mismatch, "SIPS dialog with a SIP Contact");
    Refresh refresh;
    if (!contact->empty() && *contact != remote_target()) {
        Parts all;
        for (std::size_t i = 0; i < part_count; ++i) all[i] = part(static_cast<Part>(i));
        all[static_cast<std::size_t>(Part::remote_target)] = *contact;
        auto packed = pack(shard, all);
        if (!packed) return tl::unexpected(packed.error());
        refresh.strings_ = std::move(*packed);
    }
    refresh.path_ = Path::of(request);
    return refresh;
}

void Dialog::apply(Refresh&& refresh) {
    if (!refresh.strings_.bytes.empty()) strings_ = std::move(refresh.strings_);
    if (refresh.path_) path_ = *refresh.path_;
}

void Dialog::describe(SubscriptionRecord& record, const Refresh& refresh) const {
    const Strings& strings = refresh.strings_.bytes.empty() ? strings_ : refresh.strings_;
    const Path& way = refresh.path_ ? *refresh.path_ : path_;
    record.call_id = strings.part(Part::call_id);
    record.local_tag = strings.part(Part::local_tag);
    record.remote_tag = strings.part(Part::remote_tag);
    record.local_uri = strings.part(Part::local_uri);
    record.remote_uri = strings.part(Part::remote_uri);
    record.remote_target = strings.part(Part::remote_target);
    record.routes = strings.part(Part::routes);
    record.local_cseq = local_cseq_;
    record.remote_cseq = remote_cseq_;
    record.direct = way.direct;
    record.transport = way.source.transport;
    record.listener = way.source.listener;
    record.local = way.source.local;
    record.remote = way.source.remote;
}

Expected<Target> Dialog::next_hop(const TransportLayer& transport) const {
    const bool secure_path = sip::is_secure(path().transport);
    // RFC 3261 26.2.2: what is SIPS, or stands in a dialog that is, goes by TLS alone.
    const bool wants_tls = is_sips(remote_target()) || has_sips_contact();
    const bool path_stands = (secure_path || !wants_tls) &&
                             (!is_reliable(path().transport) || transport.is_open(path().flow));
    if (path_.direct && path_stands) return back_to(path());
    const auto uri = parse_uri(next_hop_uri());
    if (!uri) return tl::unexpected(uri.error());
    auto target = transport.locate(*uri);
    if (!target) return target;
    // The next hop is who we heard from: the same socket or connection reaches it.
    const bool is_path = target->transport == path().transport && target->remote == path().remote;
    if (is_path && path_stands) return back_to(path());
    if (sip::is_secure(target->transport) || !needs_tls()) return target;
    // Never a downgrade; the connection that is there is as good as one to be opened.
    if (secure_path && !path_.direct && path_stands) return back_to(path());
    return failure(Condition::internal, "TLS is wanted, and the way there is without");
}

bool Dialog::needs_tls() const {
    return is_sips(remote_target()) || has_sips_contact() || sip::is_secure(path().transport);
}

std::string_view Dialog::next_hop_uri() const {
    std::string_view routes = part(Part::routes);
    return routes.empty() ? remote_target() : take_route(routes);
}

void Dialog::write_request(MessageWriter& writer, const Listeners& listeners, const Target& target,
                           Branch branch, Method method, std::uint32_t cseq) const {
    std::string_view routes = part(Part::routes);
    std::string_view rest = routes;
    const std::string_view first = take_route(rest);
    bool loose = true;
    std::string_view strict_uri;
    if (!first.empty()) {
        const auto uri = parse_uri(first);
        loose = uri && uri->parameters.has("lr");
        strict_uri = uri ? without_headers(*uri) : first;
    }
    writer.request(method, loose ? remote_target() : strict_uri);
    write_via(writer, listeners, target, branch);
    if (!routes.empty()) {
        Appender& out = writer.begin(HeaderId::route);
        std::string_view left = loose ? routes : rest;
        bool comma = false;
        for (std::string_view uri = take_route(left); !uri.empty(); uri = take_route(left)) {
            out << (comma ? ", <" : "<") << uri << '>';
            comma = true;
        }
        if (!loose) out << (comma ? ", <" : "<") << remote_target() << '>';
        writer.end();
    }
    writer.header(HeaderId::max_forwards, std::uint64_t{70});
    Appender& from = writer.begin(HeaderId::from);
    from << '<' << local_uri() << ">;tag=" << local_tag();
    writer.end();
    Appender& to = writer.begin(HeaderId::to);
    to << '<' << remote_uri() << '>';
    if (!remote_tag().empty()) to << ";tag=" << remote_tag();
    writer.end();
    writer.header(HeaderId::call_id, call_id());
    Appender& number = writer.begin(HeaderId::cseq);
    number << cseq << ' ' << name_of(method);
    writer.end();
}

}  // namespace sip
