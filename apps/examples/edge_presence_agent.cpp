// An edge presence server as a phone would hold it: the core, one UDP socket, and poll().
//   edge_presence_agent PORT USER DOMAIN PASSWORD
// Registers with the server there on 127.0.0.1, answers watchers that come from it. Reads our note.
#include <poll.h>
#include <sys/signalfd.h>

#include <csignal>
#include <cstdio>

#include "apps/examples/udp_edge.hpp"
#include "presence/server.hpp"
#include "sip/registrar/registrant.hpp"

struct OwnState final : presence::LocalStates {
    std::string document;
    std::optional<State> state_of(std::string_view) const override { return State{document}; }
    void set(const std::string& address, std::string_view note) {
        document = "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:" + address +
                   "'><tuple id='t1'><status><basic>open</basic></status><note><![CDATA[" +
                   std::string(note.substr(0, note.find_first_of("]\n"))) +
                   "]]></note></tuple></presence>";
    }
};

int main(int count, char** arguments) {
    UdpEdge udp;
    if (count != 5 || udp.here.port == 0) return 2;
    sigset_t signals{};
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    pollfd ready[] = {{udp.fd, POLLIN, 0}, {signalfd(-1, &signals, 0), POLLIN, 0}, {0, POLLIN, 0}};

    const std::string user = arguments[2], domain = arguments[3], address = user + "@" + domain;
    const std::string uri = "sip:" + address;
    const std::string_view domains[] = {domain};
    OsEntropy entropy;
    OwnState state;
    state.set(address, "");
    presence::ServerOptions options;
    options.domains = domains;
    options.edge_of = address;
    options.credentials = &sip::no_credentials;
    (void)options.trusted.networks.add({udp.here.address, 128});
    options.policy = presence::Policy::allow;
    options.local_states = &state;
    options.limits.memory_bytes = 8U << 20;
    presence::Server server(options, entropy);
    sip::Registrant registrant(server.stack().core());
    registrant.attach_as(server.stack().attach(registrant, sip::Registrant::methods));
    sip::DigestClient password(server.stack().shard().memory, entropy);
    const bool added = server.add_listener({sip::ListenerId{1}, sip::Transport::udp, udp.here, {}});
    if (!added || !password.add_password("", user, arguments[4])) return 1;
    sip::RegisterOptions contact;
    contact.peer = {.uri = uri, .contact_user = user, .credentials = &password};
    contact.peer.next_hop.remote = udp.here;
    contact.peer.next_hop.remote.port = static_cast<std::uint16_t>(std::atoi(arguments[1]));
    contact.capabilities = ";methods=\"SUBSCRIBE,OPTIONS\";events=\"presence\"";
    const auto id = registrant.register_contact(read_clocks(), contact);

    while (ready[1].fd >= 0 || !server.idle() || registrant.size() > 0) {
        const sip::Now now = read_clocks();
        while (const auto effect = server.poll(now)) udp.carry_out(server, *effect);
        while (const auto news = registrant.next_notice()) dprintf(1, "%u\n", news->status);
        const auto next = server.deadline().value_or(now.mono + sip::seconds{60});
        poll(ready, 3, static_cast<int>((next - now.mono) / sip::milliseconds{1}) + 1);
        udp.receive(server);
        if (char line[256]; ready[2].revents != 0) {
            const auto got = read(0, line, sizeof line);
            if (got <= 0) ready[2].fd = -1;  // that was all, and the note goes
            state.set(address, {line, got > 0 ? static_cast<std::size_t>(got) : 0});
            server.state_changed(read_clocks(), address);
        }
        if (ready[1].revents == 0) continue;
        ready[1] = {-1, 0, 0};
        alarm(2);  // so long the others have to answer
        if (id) registrant.unregister(read_clocks(), *id);
        server.shut_down(read_clocks(), presence::Server::Stop::deactivate);
    }
}
