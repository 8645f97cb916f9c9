#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "sip/base/place.hpp"
#include "sip/message/name_addr.hpp"
#include "sip/transaction/request.hpp"
#include "sip/transport/listeners.hpp"

namespace sip {

/// What names this element in a URI: an address or host that we are reached at, with its port; or
/// one of our domains, without a port or with one of ours. A maddr has to name us too.
class OwnNames {
public:
    OwnNames(const Listeners& listeners, std::span<const std::string_view> domains)
        : listeners_(listeners), domains_(domains) {}
    bool name(const Uri& uri) const;
    bool name_by_maddr(const Uri& uri) const;
    /// One of our domains (of what `name` holds for): empty where it is a host of ours alone.
    std::string_view domain_of(const Uri& uri) const;

private:
    bool has_port(std::uint16_t port) const;

    const Listeners& listeners_;
    std::span<const std::string_view> domains_;
};

/// The user part of a Record-Route of ours. What it was made for alone may go on by it without
/// credentials: `dialog` over Call-ID and the To tag that requests will have, `pin` over that and
/// the host that they go to from here. `flow`: the connection to it, if it is one.
struct RouteToken {
    std::uint64_t dialog = 0, pin = 0;
    FlowId flow{};

    static RouteToken make(const HashKey& key, std::string_view call_id, std::string_view to_tag,
                           const Uri& next_hop, FlowId flow, const WorkerPlace& place = {});
    void write(Appender& out) const;
    /// Nothing: the text is no token, of ours or of anybody.
    static std::optional<RouteToken> read(std::string_view user);
    friend bool operator==(const RouteToken&, const RouteToken&) = default;
};

/// Where a request wants to go, once what is ours is off its routes (RFC 3261 16.4). Views lie in
/// the request.
struct Routing {
    Uri target;                         ///< the Request-URI; of a strict router, its last Route
    std::uint16_t own_routes = 0;       ///< values at the front of Route that are ours, and go
    bool last_route_is_target = false;  ///< a strict router's: the last value goes too
    std::optional<Uri> next_route;      ///< what is left of Route begins with it
    std::optional<RouteToken> token;    ///< of the first of `own_routes`, or the Request-URI
    bool was_routed = false;            ///< any value of Route was ours

    /// Where it goes from here.
    const Uri& next_hop() const { return next_route ? *next_route : target; }
};
Routing read_routing(const MessageView& message, const Uri& request_uri, const OwnNames& own,
                     const Leniency& leniency);

/// What may stand in a Request-URI of a Contact's URI: all but its headers.
std::string_view without_headers(const Uri& uri);
/// RFC 3325 9.3: Privacy "id" keeps an identity within the trust domain, and a phone is outside.
bool hides_identity(const MessageView& message);

/// RFC 5393 4.2.1: the same for a request that comes again as it was, whatever its method; another
/// where anything differs by which we choose where it goes.
std::uint64_t loop_hash(const HashKey& key, const MessageView& message, const Essentials& e,
                        const Routing& routing, const Leniency& leniency);

/// Calls `visit(value, text behind it)` for each value of field `id` until it gives false.
template <class Visit>
void each_address(const MessageView& message, HeaderId id, const Leniency& leniency, Visit visit) {
    for (const HeaderField& field : message.headers) {
        if (field.id != id) continue;
        std::string_view rest = field.value;
        while (const auto value = next_name_addr(rest, leniency))
            if (!*value || !visit(**value)) return;
    }
}

}  // namespace sip
