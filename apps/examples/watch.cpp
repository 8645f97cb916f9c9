// Watches one address under any event package and prints each state that comes:
//   watch SERVER URI AS PASSWORD [EVENT BODY-TYPE]
//   watch udp:127.0.0.1:5060 sip:alice@localhost sip:bob@localhost builder
// Ctrl-C unsubscribes and ends.
#include <array>
#include <csignal>
#include <cstdio>

#include "apps/edge/net/clock.hpp"
#include "apps/edge/net/driver.hpp"
#include "apps/edge/net/entropy.hpp"
#include "sip/auth/digest_client.hpp"
#include "sip/event/subscriber.hpp"
#include "sip/message/uri.hpp"
#include "sip/stack.hpp"

int main(int count, char** arguments) {
    const auto server = edge::parse_listen_spec(count > 1 ? arguments[1] : "");
    const auto as = sip::parse_uri(count > 3 ? arguments[3] : "");
    if ((count != 5 && count != 7) || !server || !as) {
        std::fprintf(stderr, "usage: watch SERVER URI AS PASSWORD [EVENT BODY-TYPE]\n");
        return 2;
    }
    const std::array<std::string_view, 1> types{count > 5 ? arguments[6] : "application/pidf+xml"};
    sip::EventPackage::Traits package;
    package.name = count > 5 ? arguments[5] : "presence";
    package.accept = types;

    // What lives longest is made first: the core, then what drives it, then who speaks.
    edge::OsEntropy entropy;
    sip::Stack stack({}, entropy);
    sip::DigestClient credentials(stack.shard().memory, entropy);
    edge::EngineOf<sip::Stack> engine(stack);
    edge::Driver driver(engine);
    sip::Subscriber subscriber(stack.core());
    subscriber.attach_as(stack.attach(subscriber, sip::Subscriber::methods));

    sip::Address here = sip::Address::v4(0, 0, 0, 0);
    if (server->address.is_loopback() || !server->address.is_v4()) here = server->address;
    const std::array listeners{edge::ListenSpec{sip::Transport::udp, here, 0},
                               edge::ListenSpec{sip::Transport::tcp, here, 0}};
    const bool listens = driver.listen(listeners).has_value();
    if (!listens || !subscriber.add_package(package) ||
        !credentials.add_password("", as->user, arguments[4]))
        return 1;

    sip::SubscribeOptions wanted;
    wanted.peer.uri = arguments[2];
    wanted.peer.from = arguments[3];
    wanted.peer.next_hop.transport = server->transport;
    wanted.peer.next_hop.remote = {server->address, server->port};
    wanted.peer.credentials = &credentials;
    wanted.event = package.name;
    const auto watch = subscriber.subscribe(edge::read_clocks(), wanted);
    if (!watch) return 1;

    int code = 0;
    driver.after_drain([&] {
        while (const auto notice = subscriber.next_notice()) {
            const std::string state(sip::name_of(notice->state)), body(notice->body.view());
            if (notice->kind == sip::SubscriptionNotice::Kind::notified)
                std::printf("%s %u\n%s\n", state.c_str(), notice->expires_s, body.c_str());
            if (notice->kind != sip::SubscriptionNotice::Kind::ended) continue;
            std::printf("ended %u\n", notice->status);
            code = notice->status >= 300 ? 1 : 0;
            driver.stop();
        }
        std::fflush(stdout);
    });
    driver.on_signal(SIGINT, [&] { subscriber.unsubscribe(edge::read_clocks(), *watch); });
    driver.run();
    return code;
}
