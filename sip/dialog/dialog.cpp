#include "sip/dialog/dialog.hpp"

#include <cstring>
#include <new>

#include "sip/base/text.hpp"
#include "sip/dialog/request_head.hpp"
#include "sip/message/contact.hpp"

namespace sip {
namespace {

/// RFC 3261 12.2.1.1 and table 1 in 19.1.1: a Request-URI has no headers, whatever a peer's Contact
/// or Record-Route had.
std::string_view without_headers(const Uri& uri) {
    if (uri.headers.empty()) return uri.text;
    return slice(uri.text, 0, static_cast<std::size_t>(uri.headers.data() - uri.text.data()) - 1);
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
        while (const auto contact = next_contact(rest, leniency, message.limit())) {
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
        while (const auto route = next_name_addr(rest, leniency, message.limit())) {
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
    const std::string_view uri = slice(routes, 1, end - 1);
    routes.remove_prefix(end + 1);
    return uri;
}

bool is_sips(std::string_view uri) {
    constexpr std::string_view scheme = "sips:";
    return equal_ignoring_case(slice(uri, 0, scheme.size()), scheme);
}

}  // namespace

Dialog::Path Dialog::Path::of(const Request& request) {
    return {request.source,
            request.essentials.via_count == 1 && !request.message.has(HeaderId::record_route)};
}

// The path stands in as few bytes as it takes: flow (streams), local, remote ----------------------

namespace {

constexpr std::size_t v4_prefix = 12;

std::size_t size_of(bool is_v4) { return (is_v4 ? 4 : 16) + sizeof(std::uint16_t); }

char* put(char* out, const void* bytes, std::size_t size) {
    std::memcpy(out, bytes, size);
    return out + size;
}
char* put(char* out, const Endpoint& endpoint, bool is_v4) {
    const std::size_t skipped = is_v4 ? v4_prefix : 0;
    out = put(out, endpoint.address.bytes.data() + skipped, 16 - skipped);
    return put(out, &endpoint.port, sizeof endpoint.port);
}
const char* take(const char* in, Endpoint& endpoint, bool is_v4) {
    const std::size_t skipped = is_v4 ? v4_prefix : 0;
    if (is_v4) endpoint.address = Address::v4(0, 0, 0, 0);
    std::memcpy(endpoint.address.bytes.data() + skipped, in, 16 - skipped);
    std::memcpy(&endpoint.port, in + 16 - skipped, sizeof endpoint.port);
    return in + size_of(is_v4);
}

bool is_same(const Source& a, const Source& b) {
    return a.transport == b.transport && a.listener == b.listener && a.flow == b.flow &&
           a.local == b.local && a.remote == b.remote;
}

std::size_t path_size_of(const Source& source) {
    return (is_reliable(source.transport) ? sizeof(FlowId) : 0) +
           size_of(source.local.address.is_v4()) + size_of(source.remote.address.is_v4());
}

}  // namespace

std::size_t Dialog::Body::path_size() const {
    return (is_reliable(transport) ? sizeof(FlowId) : 0) + size_of(local_is_v4) +
           size_of(remote_is_v4);
}

/// The room for it is there already.
void Dialog::Body::set_path(const Path& path) {
    const Source& source = path.source;
    transport = source.transport;
    listener = source.listener;
    direct = path.direct;
    local_is_v4 = source.local.address.is_v4();
    remote_is_v4 = source.remote.address.is_v4();
    char* out = bytes() + remote_tag_end;
    if (is_reliable(transport)) out = put(out, &source.flow, sizeof source.flow);
    out = put(out, source.local, local_is_v4);
    put(out, source.remote, remote_is_v4);
}

Dialog::Path Dialog::Body::path() const {
    Path path;
    path.direct = direct;
    path.source.transport = transport;
    path.source.listener = listener;
    const char* in = bytes() + remote_tag_end;
    if (is_reliable(transport)) {
        std::memcpy(&path.source.flow, in, sizeof path.source.flow);
        in += sizeof path.source.flow;
    }
    in = take(in, path.source.local, local_is_v4);
    take(in, path.source.remote, remote_is_v4);
    return path;
}

Source Dialog::path() const { return body_->path().source; }

// The block ---------------------------------------------------------------------------------------

Dialog::~Dialog() {
    if (body_ == nullptr) return;
    Memory& memory = *body_->memory;
    const std::size_t size = sizeof(Body) + body_->remote_tag_end + body_->path_size();
    body_->~Body();
    memory.release(body_, size);
}

std::size_t Dialog::bytes() const {
    return std::size_t{body_->remote_tag_end} + local_uri().size() + remote_uri().size() +
           remote_target().size() + body_->routes.view().size();
}

/// Null: memory refused.
Dialog::Body* Dialog::allocate(Memory& memory, std::string_view call_id, std::string_view local_tag,
                               std::string_view remote_tag, const Path& path) {
    const std::size_t text = call_id.size() + local_tag.size() + remote_tag.size();
    void* raw = memory.allocate(sizeof(Body) + text + path_size_of(path.source));
    if (raw == nullptr) return nullptr;
    Body* made = new (raw) Body{&memory, {}, {}, {}, {}};
    char* out = made->bytes();
    const auto append = [&](std::string_view part) {
        if (!part.empty()) out = put(out, part.data(), part.size());
        return static_cast<std::uint16_t>(out - made->bytes());
    };
    made->call_id_end = append(call_id);
    made->local_tag_end = append(local_tag);
    made->remote_tag_end = append(remote_tag);
    made->set_path(path);
    return made;
}

Expected<Dialog> Dialog::make(Shard& shard, const Parts& parts, const Path& path) {
    const std::size_t size = parts.call_id.size() + parts.local_tag.size() +
                             parts.remote_tag.size() + parts.local_uri.size() +
                             parts.remote_uri.size() + parts.remote_target.size() +
                             parts.routes.size();
    if (size > shard.limits.dialog_bytes || size > UINT16_MAX) {
        ++shard.counters.limit_dialog_bytes;
        return failure(Condition::malformed, "Dialog headers are too long");
    }
    Dialog dialog;
    dialog.body_ = allocate(shard.memory, parts.call_id, parts.local_tag, parts.remote_tag, path);
    Body* body = dialog.body_;
    if (body == nullptr || !shard.texts.intern(parts.local_uri, body->local_uri) ||
        !shard.texts.intern(parts.remote_uri, body->remote_uri) ||
        !shard.texts.intern(parts.remote_target, body->remote_target) ||
        !shard.texts.intern(parts.routes, body->routes)) {
        ++shard.counters.limit_memory;
        return failure(Condition::overloaded, "No memory for the dialog");
    }
    return dialog;
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
    auto dialog =
        make(shard,
             {e.call_id, local_tag, e.from_tag, e.to.uri.text, e.from.uri.text, *contact, *routes},
             Path::of(request));
    if (!dialog) return dialog;
    dialog->body_->remote_cseq = e.cseq.number;
    dialog->body_->heard = true;
    if (e.request_uri.scheme != Scheme::sips) return dialog;
    // RFC 5630 5.1.2: SIPS from end to end, or not at all.
    std::string_view rest = *routes;
    if (!is_sips(*contact) || (!rest.empty() && !is_sips(take_route(rest))))
        return failure(Condition::mismatch, "SIPS Request-URI without SIPS Contact and route");
    dialog->body_->secure = sip::is_secure(request.source.transport);
    return dialog;
}

bool Dialog::has_sips_contact() const {
    std::string_view routes = body_->routes.view();
    return body_->secure || is_sips(routes.empty() ? remote_target() : take_route(routes));
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
    auto dialog = make(
        shard, {e.call_id, e.from_tag, e.to_tag, e.from.uri.text, e.to.uri.text, *contact, *routes},
        {response.source, false});
    if (!dialog) return dialog;
    dialog->body_->local_cseq = cseq;
    dialog->body_->secure = secure;
    return dialog;
}

bool Dialog::matches(std::string_view call_id_given, std::string_view local,
                     std::string_view remote) const {
    return call_id() == call_id_given && local_tag() == local && remote_tag() == remote;
}

bool Dialog::accept_cseq(std::uint32_t number) {
    if (body_->heard && number <= body_->remote_cseq) return false;
    body_->heard = true;
    body_->remote_cseq = number;
    return true;
}

Expected<Dialog::Refresh> Dialog::prepare_refresh(Shard& shard, const Request& request) const {
    const auto contact = contact_of(request.message, request.essentials, shard.leniency);
    if (!contact) return tl::unexpected(contact.error());
    // RFC 5630 5.1.2: a dialog that is secure stays so.
    if (body_->secure && !contact->empty() && !is_sips(*contact))
        return failure(Condition::mismatch, "SIPS dialog with a SIP Contact");
    Refresh refresh;
    const Path path = Path::of(request), known = body_->path();
    const bool moves = !contact->empty() && *contact != remote_target();
    if (!moves && path.direct == known.direct && is_same(path.source, known.source)) return refresh;
    const std::size_t size = bytes() - remote_target().size() + contact->size();
    if (moves && (size > shard.limits.dialog_bytes || size > UINT16_MAX)) {
        ++shard.counters.limit_dialog_bytes;
        return failure(Condition::malformed, "Dialog headers are too long");
    }
    Dialog& moved = refresh.moved_;
    moved.body_ = allocate(shard.memory, call_id(), local_tag(), remote_tag(), path);
    if (moved.body_ == nullptr ||
        (moves && !shard.texts.intern(*contact, moved.body_->remote_target))) {
        ++shard.counters.limit_memory;
        return failure(Condition::overloaded, "No memory for the dialog");
    }
    if (!moves) moved.body_->remote_target = body_->remote_target;
    moved.body_->local_uri = body_->local_uri;
    moved.body_->remote_uri = body_->remote_uri;
    moved.body_->routes = body_->routes;
    return refresh;
}

void Dialog::apply(Refresh&& refresh) {
    Body* moved = refresh.moved_.body_;
    if (moved == nullptr) return;
    moved->local_cseq = body_->local_cseq;
    moved->remote_cseq = body_->remote_cseq;
    moved->heard = body_->heard;
    moved->secure = body_->secure;
    *this = std::move(refresh.moved_);
    refresh = {};
}

void Dialog::describe(SubscriptionRecord& record, const Refresh& refresh) const {
    const Body& body = refresh.moved_.body_ == nullptr ? *body_ : *refresh.moved_.body_;
    const Path way = body.path();
    record.call_id = call_id();
    record.local_tag = local_tag();
    record.remote_tag = remote_tag();
    record.local_uri = body.local_uri.view();
    record.remote_uri = body.remote_uri.view();
    record.remote_target = body.remote_target.view();
    record.routes = body.routes.view();
    record.local_cseq = body_->local_cseq;
    record.remote_cseq = body_->remote_cseq;
    record.direct = way.direct;
    record.transport = way.source.transport;
    record.listener = way.source.listener;
    record.local = way.source.local;
    record.remote = way.source.remote;
}

Expected<Target> Dialog::next_hop(const TransportLayer& transport) const {
    const Source way = path();
    const bool secure_path = sip::is_secure(way.transport);
    // RFC 3261 26.2.2: what is SIPS, or stands in a dialog that is, goes by TLS alone.
    const bool wants_tls = is_sips(remote_target()) || has_sips_contact();
    const bool path_stands =
        (secure_path || !wants_tls) && (!is_reliable(way.transport) || transport.is_open(way.flow));
    if (body_->direct && path_stands) return back_to(way);
    const auto uri = parse_uri(next_hop_uri());
    if (!uri) return tl::unexpected(uri.error());
    auto target = transport.locate(*uri);
    if (!target) return target;
    // The next hop is who we heard from: the same socket or connection reaches it.
    const bool is_path = target->transport == way.transport && target->remote == way.remote;
    if (is_path && path_stands) return back_to(way);
    if (sip::is_secure(target->transport) || !needs_tls()) return target;
    // Never a downgrade; the connection that is there is as good as one to be opened.
    if (secure_path && !body_->direct && path_stands) return back_to(way);
    return failure(Condition::internal, "TLS is wanted, and the way there is without");
}

bool Dialog::needs_tls() const {
    return is_sips(remote_target()) || has_sips_contact() || sip::is_secure(transport());
}

std::string_view Dialog::next_hop_uri() const {
    std::string_view routes = body_->routes.view();
    return routes.empty() ? remote_target() : take_route(routes);
}

void Dialog::write_request(MessageWriter& writer, const Listeners& listeners, const Target& target,
                           Branch branch, Method method, std::uint32_t cseq) const {
    std::string_view routes = body_->routes.view();
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
    writer.end_own();
}

}  // namespace sip
