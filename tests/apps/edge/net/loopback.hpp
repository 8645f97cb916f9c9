#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/edge/net/descriptor.hpp"
#include "apps/edge/net/driver.hpp"

/// A listener on a free port of 127.0.0.1 (or ::1).
edge::ListenSpec loopback(sip::Transport transport, std::uint16_t port = 0);
edge::ListenSpec loopback6(sip::Transport transport, std::uint16_t port = 0);

/// Turns the loop until `done` holds. False: it does not after as many turns as ever make sense.
/// A turn waits for at most some milliseconds, so that nothing here can hang.
bool turn_until(edge::Driver& driver, const std::function<bool()>& done);

/// The other side: plain blocking-free sockets on loopback.
class Peer {
public:
    static Peer udp(bool v6 = false);
    /// Begins to connect; loopback completes it in the kernel.
    static Peer tcp(const sip::Endpoint& to, int receive_buffer = 0);
    /// A stream socket that is not connected yet.
    static Peer unconnected_tcp();

    int fd() const { return fd_.get(); }
    sip::Endpoint local() const;
    bool connect(const sip::Endpoint& to);
    bool send(std::string_view bytes) const;
    bool send_to(const sip::Endpoint& to, std::string_view bytes) const;
    /// What is there now; empty when nothing is.
    std::string receive();
    /// The peer's end of stream or an error was seen by `receive`.
    bool at_end() const { return at_end_; }
    bool was_reset() const { return was_reset_; }
    void end_sending() const;
    void close() { fd_ = edge::Descriptor(); }

private:
    edge::Descriptor fd_;
    bool at_end_ = false, was_reset_ = false;
};
