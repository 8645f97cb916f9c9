#pragma once

#include <cstdint>

namespace edge {

/// What happened at the sockets, counted from the start.
struct NetCounters {
    std::uint64_t datagrams_in = 0, datagrams_out = 0, datagrams_truncated = 0;
    std::uint64_t receive_calls = 0;       ///< recvmmsg; datagrams_in / receive_calls is the batch
    std::uint64_t send_calls = 0;          ///< sendmmsg
    std::uint64_t send_blocked = 0;        ///< the kernel's buffer was full
    std::uint64_t send_refused = 0;        ///< the kernel would not send this datagram: dropped
    std::uint64_t send_queue_dropped = 0;  ///< over the bound, or blocked for too long: dropped
    std::uint64_t icmp_errors = 0;         ///< told to the core, which may disbelieve them

    std::uint64_t connections_accepted = 0, connections_opened = 0;
    std::uint64_t accept_errors = 0;        ///< out of descriptors, or the peer went away at once
    std::uint64_t accept_pauses = 0;        ///< as many connections as there is room for
    std::uint64_t connections_refused = 0;  ///< the core has no room for another flow
    std::uint64_t connect_failures = 0;
    std::uint64_t write_overflows = 0;  ///< over Limits.flow_write_bytes: closed
    std::uint64_t close_timeouts = 0;   ///< the rest was not taken in time: reset
    std::uint64_t tls_handshakes = 0;   ///< done
    std::uint64_t tls_resumed = 0;      ///< of these: by what was proved before
    std::uint64_t tls_failures = 0;     ///< refused by one side, or no TLS at all
    std::uint64_t tls_timeouts = 0;     ///< of these: over DriverOptions::tls_handshake_timeout
    std::uint64_t unknown_flows = 0;    ///< an effect for a connection that is gone

    // Between workers.
    std::uint64_t hand_over_dropped = 0;   ///< datagrams: the ring to their owner was full
    std::uint64_t hand_over_waits = 0;     ///< a ring was full: streams were not read
    std::uint64_t hand_over_kept = 0;      ///< what found a ring full, and went later
    std::uint64_t hand_over_too_long = 0;  ///< for a ring: its connection was closed
    std::uint64_t flows_mirrored = 0, flows_released = 0;

    std::uint64_t local_requests = 0;  ///< lines that were asked by the local socket
    std::uint64_t local_refused = 0;   ///< too many at one time, or too long a line: told so
    std::uint64_t local_timeouts = 0;  ///< asked nothing, or did not read the answer: closed
};

}  // namespace edge
