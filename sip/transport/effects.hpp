#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "sip/base/endpoint.hpp"
#include "sip/base/ids.hpp"
#include "sip/base/packet.hpp"
#include "sip/transport/name_records.hpp"

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
/// Open a connection; answer with Stack::connected or Stack::closed. A TLS peer must prove by its
/// certificate that it is `domain` (RFC 5922 7.3); the answer is `closed` where it does not.
struct OpenFlow {
    FlowId flow{};
    Transport transport = Transport::tcp;
    Endpoint to;
    SharedBytes domain = {};  ///< a name, or the numeric host of a URI; TLS alone
};
/// Close a connection once what was sent on it is written. The stack has forgotten it already; no
/// Stack::closed need follow.
struct CloseFlow {
    FlowId flow{};
    std::string_view why;  ///< static text
    /// It is another worker's (Stack::mirrored), and not needed any more: it stays open.
    bool released = false;
};
/// Make `records` (sip/transaction/record.hpp) durable, then call Stack::committed or
/// Stack::failed.
struct Commit {
    CommitId id{};
    SharedBytes records;
};
/// Ask the name system for the records of `name`; answer with Stack::resolved, also when there are
/// none or it did not answer. Bounded in time by the edge.
struct Resolve {
    LookupId id{};
    RecordType type = RecordType::a;
    SharedBytes name;  ///< without a final dot
};
using Effect = std::variant<Transmit, OpenFlow, CloseFlow, Commit, Resolve>;

/// For std::visit over an Effect.
template <class... F>
struct match : F... {
    using F::operator()...;
};
template <class... F>
match(F...) -> match<F...>;

}  // namespace sip
