#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "sip/base/endpoint.hpp"
#include "sip/base/ids.hpp"
#include "sip/base/packet.hpp"

namespace sip {

/// What goes into a stack.
struct Datagram {
    ListenerId via{};
    Endpoint from;
    std::span<const char> bytes;
};
struct Chunk {
    FlowId flow{};
    std::span<const char> bytes;
};
/// What an ICMP error tells (RFC 3261 18.4: host, network, port or protocol unreachable, or a
/// parameter problem): a datagram of ours did not arrive.
struct Unreachable {
    ListenerId via{};              ///< the socket that it was sent from
    Endpoint to;                   ///< where it was sent
    std::span<const char> quoted;  ///< as much of its start as came back; may be empty
};

/// What comes out: the edge carries these out in order. Effects own their bytes.
struct ToEndpoint {
    ListenerId via{};
    Endpoint to;
};
/// Send `packet`, head then body, as one datagram or into one connection.
struct Transmit {
    std::variant<ToEndpoint, FlowId> where;
    Packet packet;
};
/// Open a connection; answer with Stack::connected or Stack::closed.
struct OpenFlow {
    FlowId flow{};
    Transport transport = Transport::tcp;
    Endpoint to;
};
/// Close a connection once what was sent on it is written. The stack has forgotten it already; no
/// Stack::closed need follow.
struct CloseFlow {
    FlowId flow{};
    std::string_view why;  ///< static text
};
/// Make `records` (sip/transaction/record.hpp) durable, then call Stack::committed or
/// Stack::failed.
struct Commit {
    CommitId id{};
    SharedBytes records;
};
using Effect = std::variant<Transmit, OpenFlow, CloseFlow, Commit>;

/// For std::visit over an Effect.
template <class... F>
struct match : F... {
    using F::operator()...;
};
template <class... F>
match(F...) -> match<F...>;

}  // namespace sip
