#pragma once

#include <cstdint>

namespace sip {

/// Strong types: an id is never an int. Values are given by whoever owns the thing.
enum class ListenerId : std::uint16_t {};  ///< a bound datagram socket; given by the edge
enum class FlowId : std::uint64_t {};    ///< a stream connection; given by the stack, 0 names none
enum class LookupId : std::uint64_t {};  ///< a question to the name system; given by the stack
enum class CommitId : std::uint64_t {};  ///< a staged change of state; given by the stack

/// The transport of a flow or of a Via. RFC 3261 20.42, RFC 7118.
enum class Transport : std::uint8_t { udp, tcp, tls, ws, wss };
constexpr bool is_reliable(Transport t) { return t != Transport::udp; }
constexpr bool is_secure(Transport t) { return t == Transport::tls || t == Transport::wss; }

}  // namespace sip
