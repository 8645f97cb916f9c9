// The edge of a small program: a UDP socket, clocks and randomness; it allocates nothing.
#pragma once

#include <netinet/in.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "sip/stack.hpp"

struct OsEntropy final : sip::Entropy {
    void fill(std::span<std::byte> out) override {
        if (getrandom(out.data(), out.size(), 0) != static_cast<ssize_t>(out.size())) std::abort();
    }
};

inline sip::Now read_clocks() {
    timespec mono{}, wall{};
    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &wall);
    return {sip::Instant{sip::seconds{mono.tv_sec} + std::chrono::nanoseconds{mono.tv_nsec}},
            std::int64_t{wall.tv_sec} * 1000 + wall.tv_nsec / 1'000'000};
}

inline int interrupts() {  // readable once Ctrl-C was pressed
    sigset_t signals{};
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    return signalfd(-1, &signals, 0);
}

/// On a free port of 127.0.0.1; `fd` below 0: there is none.
struct UdpEdge {
    UdpEdge() {
        sockaddr_in own{AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {}};
        auto* address = reinterpret_cast<sockaddr*>(&own);
        socklen_t size = sizeof own;
        if (bind(fd, address, size) == 0 && getsockname(fd, address, &size) == 0)
            here.port = ntohs(own.sin_port);
    }
    ~UdpEdge() { close(fd); }
    template <class Core>
    void receive(Core& core) {
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        char room[bytes_max];
        const auto got =
            recvfrom(fd, room, sizeof room, 0, reinterpret_cast<sockaddr*>(&peer), &size);
        sip::Endpoint from = here;
        std::memcpy(&from.address.bytes[12], &peer.sin_addr, 4);
        from.port = ntohs(peer.sin_port);
        if (got > 0)
            core.input(read_clocks(), sip::Datagram{sip::ListenerId{1}, from, {room, room + got}});
    }
    template <class Core>
    void carry_out(Core& core, const sip::Effect& effect) {
        if (const auto* open = std::get_if<sip::OpenFlow>(&effect))
            core.closed(read_clocks(), open->flow);  // there are no streams here
        const auto* out = std::get_if<sip::Transmit>(&effect);
        const auto* to = out != nullptr ? std::get_if<sip::ToEndpoint>(&out->where) : nullptr;
        if (to == nullptr) return;
        sockaddr_in peer{AF_INET, htons(to->to.port), {}, {}};
        std::memcpy(&peer.sin_addr, &to->to.address.bytes[12], 4);
        const std::string_view head = out->packet.head.view(), body = out->packet.body.view();
        iovec parts[] = {{const_cast<char*>(head.data()), head.size()},
                         {const_cast<char*>(body.data()), body.size()}};
        const msghdr message{&peer, sizeof peer, parts, 2, nullptr, 0, 0};
        sendmsg(fd, &message, 0);
    }

    static constexpr std::size_t bytes_max = 8'192;  ///< what is longer is cut, and not understood
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    sip::Endpoint here{sip::Address::v4(127, 0, 0, 1), 0};  ///< port 0: it could not be bound
};
