// A presence agent as a phone or a router would hold it: the core, one UDP socket, and poll().
//   edge_presence_agent PORT DOMAIN
// Whoever asks is believed and let in, so it listens on 127.0.0.1 alone. Ctrl-C ends it.
#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "presence/server.hpp"

struct OsEntropy final : sip::Entropy {
    void fill(std::span<std::byte> out) override {
        if (getrandom(out.data(), out.size(), 0) != static_cast<ssize_t>(out.size())) std::abort();
    }
};

sip::Now read_clocks() {
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    return {sip::Instant{std::chrono::steady_clock::now().time_since_epoch()},
            std::chrono::duration_cast<sip::milliseconds>(wall).count()};
}

void carry_out(int udp, presence::Server& server, const sip::Effect& effect) {
    if (const auto* open = std::get_if<sip::OpenFlow>(&effect))
        server.closed(read_clocks(), open->flow);  // there are no streams here
    const auto* out = std::get_if<sip::Transmit>(&effect);
    const auto* to = out != nullptr ? std::get_if<sip::ToEndpoint>(&out->where) : nullptr;
    if (to == nullptr) return;
    sockaddr_in peer{AF_INET, htons(to->to.port), {}, {}};
    std::memcpy(&peer.sin_addr, &to->to.address.bytes[12], 4);
    const std::string bytes = std::string(out->packet.head.view()).append(out->packet.body.view());
    sendto(udp, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&peer), sizeof peer);
}

int main(int count, char** arguments) {
    sockaddr_in peer{AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {}};
    if (count == 3) peer.sin_port = htons(static_cast<std::uint16_t>(std::atoi(arguments[1])));
    auto* address = reinterpret_cast<sockaddr*>(&peer);
    socklen_t size = sizeof peer;
    const int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (count != 3 || bind(udp, address, size) != 0 || getsockname(udp, address, &size) != 0)
        return 2;
    sigset_t signals{};
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    pollfd ready[] = {{udp, POLLIN, 0}, {signalfd(-1, &signals, 0), POLLIN, 0}};

    OsEntropy entropy;
    const std::string_view domain = arguments[2];
    presence::ServerOptions options;
    options.domains = {&domain, 1};
    options.policy = presence::Policy::allow;
    options.limits.memory_bytes = 8U << 20;  // all that it will ever take
    presence::Server server(options, entropy);
    sip::Endpoint here{sip::Address::v4(127, 0, 0, 1), ntohs(peer.sin_port)}, from = here;
    if (!server.add_listener({sip::ListenerId{1}, sip::Transport::udp, here, {}})) return 1;
    dprintf(STDOUT_FILENO, "ready udp:127.0.0.1:%u\n", here.port);

    for (char room[65536]; ready[1].fd >= 0 || !server.idle();) {
        const sip::Now now = read_clocks();
        while (const auto effect = server.poll(now)) carry_out(udp, server, *effect);
        const auto next = server.deadline().value_or(now.mono + sip::seconds{60});
        poll(ready, 2, static_cast<int>((next - now.mono) / sip::milliseconds{1}) + 1);
        const auto got = recvfrom(udp, room, sizeof room, 0, address, &size);
        std::memcpy(&from.address.bytes[12], &peer.sin_addr, 4);
        from.port = ntohs(peer.sin_port);
        if (got > 0) server.input(read_clocks(), {sip::ListenerId{1}, from, {room, room + got}});
        if (ready[1].revents == 0) continue;
        ready[1] = {-1, 0, 0};
        alarm(2);  // so long the watchers have to answer their last NOTIFY
        server.shut_down(read_clocks(), presence::Server::Stop::deactivate);
    }
}
