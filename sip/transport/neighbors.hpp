#pragma once

#include "sip/base/clock.hpp"
#include "sip/transport/effects.hpp"
#include "sip/transport/source.hpp"

namespace sip {

/// The way to the other workers of a server (see WorkerPlace). It loses no message of a stream, and
/// keeps the order of those of one connection; a datagram it may lose. Whoever implements it gives
/// what it carries to `Stack::take_over`, `mirrored`, `closed` and so on of the other worker.
class Neighbors {
public:
    /// A whole message for `worker`. `proved`: what the peer of its connection has proved to be, as
    /// TransportLayer::proved_names gives it.
    virtual void hand_over(unsigned worker, const Source& source, std::string_view bytes,
                           std::string_view proved) = 0;
    virtual void hand_over(unsigned worker, const Unreachable& error) = 0;
    /// Whether there is room for one more message of a stream, whoever it is for.
    virtual bool has_room() const = 0;
    /// TransportLayer::expect_keep_alives of a mirrored connection, for the worker that holds it.
    virtual void expect_keep_alives(FlowId mirrored, Duration every) = 0;

protected:
    ~Neighbors() = default;
};

}  // namespace sip
