#include "tests/apps/edge/net/loopback.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

#include "apps/edge/net/address.hpp"

namespace {

const sip::Address v6_loopback{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
constexpr int turns_max = 5'000;

}  // namespace

edge::ListenSpec loopback(sip::Transport transport, std::uint16_t port) {
    return {transport, sip::Address::v4(127, 0, 0, 1), port};
}
edge::ListenSpec loopback6(sip::Transport transport, std::uint16_t port) {
    return {transport, v6_loopback, port};
}

bool turn_until(edge::Driver& driver, const std::function<bool()>& done) {
    for (int turn = 0; turn < turns_max; ++turn) {
        if (done()) return true;
        // Ends the wait of a turn in which nothing happens.
        driver.after(sip::milliseconds{1}, [] {});
        driver.turn();
    }
    return done();
}

Peer Peer::udp(bool v6) {
    Peer peer;
    peer.fd_ = edge::Descriptor(::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    const int size = 4 << 20;
    ::setsockopt(peer.fd(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    ::setsockopt(peer.fd(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    const auto any =
        edge::to_socket_address({v6 ? v6_loopback : sip::Address::v4(127, 0, 0, 1), 0});
    if (::bind(peer.fd(), any.get(), any.size) != 0) peer.close();
    return peer;
}

Peer Peer::unconnected_tcp() {
    Peer peer;
    peer.fd_ = edge::Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    return peer;
}

Peer Peer::tcp(const sip::Endpoint& to, int receive_buffer) {
    Peer peer;
    peer.fd_ = edge::Descriptor(
        ::socket(to.address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0));
    if (receive_buffer > 0)
        ::setsockopt(peer.fd(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    peer.connect(to);
    return peer;
}

sip::Endpoint Peer::local() const { return edge::local_endpoint(fd()); }

bool Peer::connect(const sip::Endpoint& to) {
    const auto address = edge::to_socket_address(to);
    return ::connect(fd(), address.get(), address.size) == 0 || errno == EINPROGRESS;
}

bool Peer::send(std::string_view bytes) const {
    const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(bytes.size());
}

bool Peer::send_to(const sip::Endpoint& to, std::string_view bytes) const {
    const auto address = edge::to_socket_address(to);
    const ssize_t sent =
        ::sendto(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL, address.get(), address.size);
    return sent == static_cast<ssize_t>(bytes.size());
}

std::string Peer::receive() {
    std::string room(edge::datagram_bytes, '\0');
    const ssize_t got = ::recv(fd(), room.data(), room.size(), 0);
    if (got == 0) at_end_ = true;
    if (got < 0 && errno != EAGAIN) at_end_ = was_reset_ = true;
    room.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return room;
}

void Peer::end_sending() const { ::shutdown(fd(), SHUT_WR); }
