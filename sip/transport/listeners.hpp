#pragma once

#include <cstdint>
#include <string_view>

#include "sip/base/endpoint.hpp"
#include "sip/base/ids.hpp"
#include "sip/base/small_vector.hpp"

namespace sip {

/// The sockets we are reached at: what we put into Via and Contact, and know ourselves by.
class Listeners {
public:
    static constexpr std::size_t capacity = 64;
    struct Listener {
        ListenerId id{};
        Transport transport = Transport::udp;
        Endpoint local;
        /// Host to show instead of the address; empty: the address. Outlives the stack.
        std::string_view advertise;
    };

    /// False: the table is full.
    [[nodiscard]] bool add(const Listener& listener) { return listeners_.push(listener); }
    /// The datagram socket of that id; null when there is none.
    const Listener* datagram(ListenerId id) const;
    /// The listener of `transport` best fit to speak to `remote`: same address family, loopback to
    /// loopback, first added. Null when there is none of that transport and family.
    const Listener* towards(Transport transport, const Address& remote) const;
    /// Whether `endpoint` is one of ours (by address and port, any transport).
    bool is_ours(const Endpoint& endpoint) const;
    /// Whether a Via sent-by or a URI's host and port name us: an address or advertised host of
    /// ours with its port (0: the default of any transport).
    bool names_us(std::string_view host, std::uint16_t port) const;
    /// Whether `host` is an address or advertised host of ours, at whatever port.
    bool has_host(std::string_view host) const;

    const Listener* begin() const { return listeners_.begin(); }
    const Listener* end() const { return listeners_.end(); }
    bool empty() const { return listeners_.empty(); }

private:
    SmallVector<Listener, capacity> listeners_;
};

/// "HOST:PORT" of a listener as it goes into Via and Contact.
void write_sent_by(Appender& out, const Listeners::Listener& listener);

}  // namespace sip
