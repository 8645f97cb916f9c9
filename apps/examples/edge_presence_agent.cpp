// An edge presence server as a phone would hold it: the core in an arena, one UDP socket, poll().
//   edge_presence_agent PORT USER DOMAIN PASSWORD
// Registers with the server there on 127.0.0.1, answers watchers that come from it. Reads our note.
#include <poll.h>

#include <cstdio>

#include "apps/examples/no_system_memory.hpp"
#include "apps/examples/udp_edge.hpp"
#include "pidf/escape.hpp"
#include "presence/agent.hpp"
#include "sip/registrar/registrant.hpp"

struct Phone final : presence::AgentUser {
    std::string_view document() const override { return {text, size}; }
    presence::Policy policy_for(std::string_view) const override { return presence::Policy::allow; }
    void set(std::string_view uri, std::string_view note) {
        sip::Appender out(text);
        out << "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='" << uri
            << "'><tuple id='t1'><status><basic>open</basic></status><note>";
        pidf::escape(out, sip::slice(note, 0, note.find('\n')), false);
        out << "</note></tuple></presence>";
        size = out.overflowed() ? 0 : out.size();
    }
    char text[1024];
    std::size_t size = 0;
};

alignas(16) std::byte arena[96 * 1024];

int main(int count, char** arguments) {
    UdpEdge udp;
    if (count != 5 || udp.here.port == 0) return 2;
    pollfd ready[] = {{udp.fd, POLLIN, 0}, {interrupts(), POLLIN, 0}, {0, POLLIN, 0}};
    char room[256];
    sip::Appender uri(room);
    uri << "sip:" << arguments[2] << "@" << arguments[3];
    OsEntropy entropy;
    Phone phone;
    phone.set(uri.view(), "");
    presence::AgentOptions options;
    options.presentity = sip::slice(uri.view(), 4);
    (void)options.trusted.networks.add({udp.here.address, 128});
    options.limits = presence::Agent::limits_for(10);
    options.arena = arena;
    presence::Agent agent(options, phone, entropy);
    sip::Registrant registrant(agent.stack().core());
    registrant.attach_as(agent.stack().attach(registrant, sip::Registrant::methods));
    sip::DigestClient password(agent.stack().shard().memory, entropy);
    const sip::Listeners::Listener here{sip::ListenerId{1}, sip::Transport::udp, udp.here, {}};
    if (!agent.stack().add_listener(here) || uri.overflowed()) return 1;
    if (!password.add_password("", arguments[2], arguments[4])) return 1;
    sip::RegisterOptions contact;
    contact.peer = {.uri = uri.view(), .contact_user = arguments[2], .credentials = &password};
    const auto port = static_cast<std::uint16_t>(std::atoi(arguments[1]));
    contact.peer.next_hop.remote = {udp.here.address, port};
    contact.capabilities = ";methods=\"SUBSCRIBE,OPTIONS\";events=\"presence\"";
    const auto id = registrant.register_contact(read_clocks(), contact);

    while (ready[1].fd >= 0 || !agent.idle() || registrant.size() > 0) {
        const sip::Now now = read_clocks();
        while (const auto effect = agent.stack().poll(now)) udp.carry_out(agent.stack(), *effect);
        while (const auto news = registrant.next_notice()) dprintf(1, "%u\n", news->status);
        const auto next = agent.stack().deadline().value_or(now.mono + sip::seconds{60});
        poll(ready, 3, static_cast<int>((next - now.mono) / sip::milliseconds{1}) + 1);
        udp.receive(agent.stack());
        if (char line[256]; ready[2].revents != 0) {
            const auto got = read(0, line, sizeof line);
            if (got <= 0) ready[2].fd = -1;  // that was all, and the note goes
            phone.set(uri.view(), {line, got > 0 ? static_cast<std::size_t>(got) : 0});
            agent.state_changed(read_clocks());
        }
        if (ready[1].revents == 0) continue;
        ready[1] = {-1, 0, 0};
        alarm(2);  // so long the others have to answer
        if (id) registrant.unregister(read_clocks(), *id);
        agent.shut_down(read_clocks());
    }
}
