#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "presence/server.hpp"

namespace vigil {

/// What a server is to hold, a presentity.
struct Mix {
    double watchers = 5, publications = 1, bindings = 1, connections = 0.1;
    std::size_t document_bytes = 500;
};

/// Bytes of sip::Memory that one of each takes, tables that have just grown included. Measured: a
/// server under virtual time is asked for many of each.
struct Costs {
    std::size_t start = 0;       ///< with one of each, and the room in which it was made
    std::size_t presentity = 0;  ///< that somebody watches: its name and one view
    std::size_t subscription = 0, publication = 0, binding = 0, connection = 0;
    std::size_t server_transaction = 0;     ///< one that keeps its answer: of an INVITE, 32 s
    std::size_t completed_transaction = 0;  ///< any other that was answered by datagram, 32 s
    std::size_t client_transaction = 0;     ///< a NOTIFY on its way, and 5 s after its answer
};
Costs measure_costs(const Mix& mix);

/// Limits whose objects all fit into `memory` bytes together. Presentities: `resources`.
sip::Limits limits_within(std::size_t memory, const Mix& mix, const Costs& costs);
/// What all of them would take together.
std::size_t bytes_at_limits(const sip::Limits& limits, const Costs& costs);

/// "8M", "512K", "1G", "1048576". 0: it is none of these.
std::size_t parse_size(const std::string& text);

}  // namespace vigil
