#pragma once

#include "sip/base/clock.hpp"
#include "sip/base/ids.hpp"
#include "sip/base/packet.hpp"

namespace edge {

/// Connections that other workers hold, as a Driver sees them.
class Relay {
public:
    /// False: no such connection of others.
    virtual bool transmit(sip::FlowId flow, const sip::Packet& packet) = 0;
    virtual bool close(sip::FlowId flow, bool released) = 0;
    /// A connection of our own is gone, or will be.
    virtual void gone(sip::FlowId flow) = 0;
    /// False: nothing more is to be read from streams, nor sent, until others have made room.
    virtual bool has_room() const = 0;
    /// Gives our engine what others have for it. True: there is more.
    virtual bool take(const sip::Now& now) = 0;
    /// Others are woken for what we have for them. True: there is room, and there was none.
    virtual bool end_turn() = 0;

protected:
    ~Relay() = default;
};

/// Connections of our own, as others use them.
class RelayedConnections {
public:
    virtual void relay_write(sip::FlowId flow, std::string_view bytes) = 0;
    /// As CloseFlow; our own engine is told.
    virtual void relay_close(const sip::Now& now, sip::FlowId flow) = 0;

protected:
    ~RelayedConnections() = default;
};

}  // namespace edge
