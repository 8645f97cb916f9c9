#include "sip/proxy/routing.hpp"

#include <array>

#include "sip/base/domains.hpp"
#include "sip/base/text.hpp"
#include "sip/transaction/owner.hpp"

namespace sip {
namespace {

constexpr std::size_t number_digits = 16;

/// Takes a number of 16 hex digits off the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text) {
    if (text.size() < number_digits) return {};
    const auto number = parse_hexadecimal(slice(text, 0, number_digits), number_digits);
    if (number) text.remove_prefix(number_digits);
    return number;
}

/// Names in any case, addresses by value.
std::uint64_t hash_of_host(const HashKey& key, std::string_view host) {
    if (const auto numeric = parse_numeric_host(host))
        return siphash(key, {reinterpret_cast<const char*>(numeric->bytes.data()), 16});
    std::uint64_t hash = host.size();
    std::array<char, 64> lower;
    while (!host.empty()) {
        const std::string_view part = slice(host, 0, lower.size());
        for (std::size_t i = 0; i < part.size(); ++i) lower[i] = to_lower(part[i]);
        hash = mix(hash, siphash(key, {lower.data(), part.size()}));
        host.remove_prefix(part.size());
    }
    return hash;
}

/// A keyed hash over numbers: nobody makes one for other numbers who has not the key.
template <std::size_t N>
std::uint64_t seal(const HashKey& key, const std::array<std::uint64_t, N>& numbers) {
    std::array<char, N * sizeof(std::uint64_t)> bytes;
    std::size_t at = 0;
    for (std::uint64_t number : numbers)
        for (int shift = 0; shift < 64; shift += 8)
            bytes[at++] = static_cast<char>(number >> shift & 0xff);
    return siphash(key, {bytes.data(), bytes.size()});
}

std::string_view maddr_of(const Uri& uri) { return uri.parameters.value_of("maddr"); }

}  // namespace

bool OwnNames::has_port(std::uint16_t port) const {
    for (const Listeners::Listener& l : listeners_)
        if (l.local.port == port) return true;
    return false;
}

bool OwnNames::name_by_maddr(const Uri& uri) const {
    return listeners_.has_host(maddr_of(uri)) || !find_domain(domains_, maddr_of(uri)).empty();
}

bool OwnNames::name(const Uri& uri) const {
    if (!uri.is_sip()) return false;
    if (uri.parameters.has("maddr") && !name_by_maddr(uri)) return false;
    return listeners_.names_us(uri.host, uri.port) || !domain_of(uri).empty();
}

std::string_view OwnNames::domain_of(const Uri& uri) const {
    if (uri.port != 0 && !has_port(uri.port)) return {};
    return find_domain(domains_, uri.host);
}

RouteToken RouteToken::make(const HashKey& key, std::string_view call_id, std::string_view to_tag,
                            const Uri& next_hop, FlowId flow, const WorkerPlace& place) {
    RouteToken token;
    token.flow = flow;
    token.dialog = place.mark(
        seal(key, std::array<std::uint64_t, 3>{siphash(key, "record-route"), siphash(key, call_id),
                                               siphash(key, to_tag)}));
    token.pin =
        seal(key, std::array<std::uint64_t, 5>{token.dialog, hash_of_host(key, next_hop.host),
                                               next_hop.port, hash_of_host(key, maddr_of(next_hop)),
                                               static_cast<std::uint64_t>(flow)});
    return token;
}

void RouteToken::write(Appender& out) const {
    (out << route_token_start).hex(dialog).hex(pin);
    if (flow != FlowId{}) out.hex(static_cast<std::uint64_t>(flow));
}

std::optional<RouteToken> RouteToken::read(std::string_view user) {
    if (!user.starts_with(route_token_start)) return {};
    user.remove_prefix(route_token_start.size());
    const auto dialog = take_number(user);
    const auto pin = dialog ? take_number(user) : std::nullopt;
    if (!pin) return {};
    if (user.empty()) return RouteToken{*dialog, *pin, {}};
    const auto flow = take_number(user);
    if (!flow || !user.empty()) return {};
    return RouteToken{*dialog, *pin, FlowId{*flow}};
}

Routing read_routing(const MessageView& message, const Uri& request_uri, const OwnNames& own,
                     const Leniency& leniency) {
    Routing routing;
    routing.target = request_uri;
    const bool has_route = message.has(HeaderId::route);
    // RFC 3261 16.4: a strict router in front of us has put our URI into the Request-URI.
    if (has_route && own.name(request_uri))
        if (const auto token = RouteToken::read(request_uri.user)) {
            routing.last_route_is_target = true;
            routing.was_routed = true;
            routing.token = token;
        }
    if (!has_route) return routing;
    std::uint16_t count = 0;
    each_address(message, HeaderId::route, leniency, [&](const NameAddr& value) {
        if (count++ == routing.own_routes && own.name(value.uri)) {
            ++routing.own_routes;
            routing.was_routed = true;
            if (!routing.token) routing.token = RouteToken::read(value.uri.user);
        } else if (!routing.next_route) {
            routing.next_route = value.uri;
        }
        routing.target = routing.last_route_is_target ? value.uri : request_uri;
        return true;
    });
    if (routing.last_route_is_target) {
        if (count == routing.own_routes) --routing.own_routes;  // it is the target now
        if (count == routing.own_routes + 1) routing.next_route.reset();
    }
    return routing;
}

std::string_view without_headers(const Uri& uri) {
    if (uri.headers.empty()) return uri.text;
    const auto size = static_cast<std::size_t>(uri.headers.data() - uri.text.data());
    return slice(uri.text, 0, size - 1);
}

bool hides_identity(const MessageView& message) {
    for (const HeaderField& field : message.headers) {
        if (!equal_ignoring_case(field.name, "Privacy")) continue;
        std::string_view rest = field.value;
        while (!rest.empty()) {
            const auto part = split_at(rest, ';');
            if (equal_ignoring_case(trim(part.before), "id")) return true;
            rest = part.after;
        }
    }
    return false;
}

std::uint64_t loop_hash(const HashKey& key, const MessageView& message, const Essentials& e,
                        const Routing& routing, const Leniency& leniency) {
    std::uint64_t hash = siphash(key, routing.target.text);
    std::uint16_t count = 0;
    each_address(message, HeaderId::route, leniency, [&](const NameAddr& value) {
        if (count++ >= routing.own_routes) hash = mix(hash, siphash(key, value.uri.text));
        return true;
    });
    // RFC 5393 4.2.4: and something that tells one attempt from the next.
    hash = mix(hash, siphash(key, e.call_id));
    hash = mix(hash, siphash(key, e.from_tag));
    hash = mix(hash, siphash(key, e.to_tag));
    return mix(hash, e.cseq.number);
}

}  // namespace sip
