// Watches one address as the smallest device would: the core in an arena, one UDP socket, poll().
//   watch_by_poll PORT URI AS PASSWORD
//   watch_by_poll 5060 sip:alice@localhost sip:bob@localhost builder
// Subscribes at the server there on 127.0.0.1 and prints each state that comes, until Ctrl-C.
#include <poll.h>

#include <cstdio>

#include "apps/examples/no_system_memory.hpp"
#include "apps/examples/udp_edge.hpp"
#include "sip/auth/digest_client.hpp"
#include "sip/event/subscriber.hpp"
#include "sip/message/uri.hpp"

alignas(16) std::byte arena[64 * 1024];

void print(std::string_view text) {
    dprintf(1, "%.*s", static_cast<int>(text.size()), text.data());
}

int main(int count, char** arguments) {
    UdpEdge udp;
    const auto as = sip::parse_uri(count == 5 ? arguments[3] : "");
    if (!as || udp.here.port == 0) return 2;
    pollfd ready[] = {{udp.fd, POLLIN, 0}, {interrupts(), POLLIN, 0}};

    OsEntropy entropy;
    sip::StackOptions options;
    options.limits.message_bytes = options.limits.response_bytes = UdpEdge::bytes_max;
    options.limits.watches = 1;
    options.limits.server_transactions = options.limits.client_transactions = 16;
    options.arena = arena;
    sip::Stack stack(options, entropy);
    sip::DigestClient password(stack.shard().memory, entropy);
    sip::Subscriber subscriber(stack.core());
    subscriber.attach_as(stack.attach(subscriber, sip::Subscriber::methods));
    const std::string_view types[] = {"application/pidf+xml"};
    sip::EventPackage::Traits presence;
    presence.name = "presence";
    presence.accept = types;
    if (!stack.add_listener({sip::ListenerId{1}, sip::Transport::udp, udp.here, {}}) ||
        !subscriber.add_package(presence) || !password.add_password("", as->user, arguments[4]))
        return 1;
    sip::SubscribeOptions wanted;
    wanted.peer.uri = arguments[2];
    wanted.peer.from = arguments[3];
    wanted.peer.credentials = &password;
    const auto port = static_cast<std::uint16_t>(std::atoi(arguments[1]));
    wanted.peer.next_hop.remote = {udp.here.address, port};
    wanted.event = presence.name;
    const auto watch = subscriber.subscribe(read_clocks(), wanted);
    if (!watch) return 1;

    for (int code = -1; code < 0;) {
        const sip::Now now = read_clocks();
        while (const auto effect = stack.poll(now)) udp.carry_out(stack, *effect);
        while (const auto notice = subscriber.next_notice()) {
            if (notice->kind == sip::SubscriptionNotice::Kind::notified) {
                print(sip::name_of(notice->state));
                dprintf(1, " %u\n", notice->expires_s);
                print(notice->body.view());
                print("\n");
            }
            if (notice->kind != sip::SubscriptionNotice::Kind::ended) continue;
            dprintf(1, "ended %u\n", notice->status);
            code = notice->status >= 300 ? 1 : 0;
        }
        if (code >= 0) return code;
        const auto next = stack.deadline().value_or(now.mono + sip::seconds{60});
        poll(ready, 2, static_cast<int>((next - now.mono) / sip::milliseconds{1}) + 1);
        udp.receive(stack);
        if (ready[1].revents == 0) continue;
        ready[1] = {-1, 0, 0};
        subscriber.unsubscribe(read_clocks(), *watch);
    }
}
