#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sip/base/buffer.hpp"
#include "sip/proxy/routing.hpp"
#include "sip/transaction/client_transactions.hpp"

namespace sip {

/// A copy of a request as it goes on (RFC 3261 16.6). What is not named here is copied byte by
/// byte, header fields that nobody knows included; a line that was folded stays so.
struct RequestCopy {
    const MessageView& message;
    const Essentials& essentials;
    const Routing& routing;
    Source source;
    std::string_view request_uri;  ///< the target of this branch
    std::string_view path;         ///< Route values to put in front (RFC 3327), a comma list
    Target target;
    Branch branch;
    const RouteToken* record_route = nullptr;  ///< null: we need not stay
    std::uint16_t breadth = 0;                 ///< Max-Breadth of this branch (RFC 5393 5.3.3)
    /// Realms whose credentials are taken out: they were for us (RFC 3261 22.3).
    std::span<const std::string_view> realms;
    /// P-Asserted-Identity goes on: a trusted peer says so, and nobody asked to have it hidden.
    bool keeps_identity = false;
    /// An address-of-record that we vouch for ourselves (RFC 3325 5); empty: none.
    std::string_view asserted;
};
/// Writes the head of the copy; the body follows as it is. `out` overflows where it gets too long.
void write_request(Appender& out, const RequestCopy& copy, const Listeners& listeners,
                   const Leniency& leniency);

/// What of a response is not just handed on (RFC 3261 16.7).
struct ResponseCopy {
    const MessageView& message;
    /// Our values of Record-Route, as they stand in the request that went on, become `route_back`:
    /// for who sent the request. Null: they stay.
    const RouteToken* record_route = nullptr;
    const RouteToken* route_back = nullptr;
    std::uint16_t status = 0;  ///< 0: its own
    /// Whole lines to stand for all its challenges (401 and 407 of several branches).
    std::string_view challenges;
};
/// Writes all of it, body included, without our Via.
void write_response(Appender& out, const ResponseCopy& copy, const OwnNames& own,
                    const Leniency& leniency);

/// Where the sender of the request sends to from us in the dialog that `response` makes: the value
/// of Record-Route in front of ours (`ours` in the request that went on), or its Contact. Nothing:
/// there is neither.
std::optional<Uri> hop_behind(const MessageView& response, const RouteToken& ours,
                              const OwnNames& own, const Leniency& leniency);
/// The same for who gets `request`: its first Record-Route, or its Contact.
std::optional<Uri> hop_before(const MessageView& request, const Leniency& leniency);

/// "Name: value" of `field` and CRLF, as it came but for bare line feeds.
void write_line(Appender& out, const HeaderField& field);

/// A Max-Breadth field's number (RFC 5393 5.3.3): the default where there is none, or none that can
/// be read.
std::uint16_t breadth_of(const MessageView& message);

}  // namespace sip
