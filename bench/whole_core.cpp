// A program that reaches all of the core, to be weighed by ./dev sizes: a server that learns,
// relays and keeps reasons, and every client beside it. It is not made to be run.
#include "apps/examples/no_system_memory.hpp"
#include "pidf/document.hpp"
#include "presence/agent.hpp"
#include "presence/server.hpp"
#include "sip/auth/digest_client.hpp"
#include "sip/event/publisher.hpp"
#include "sip/event/subscriber.hpp"
#include "sip/registrar/registrant.hpp"

namespace {

struct NoEntropy final : sip::Entropy {
    void fill(std::span<std::byte>) override {}
};
struct NoUser final : presence::AgentUser {
    std::string_view document() const override { return {}; }
    presence::Policy policy_for(std::string_view) const override { return {}; }
};

template <class Core>
void drive(Core& core, sip::Now now) {
    core.input(now, sip::Datagram{});
    core.input(now, sip::Chunk{});
    core.connected(now, core.accepted(now, {}, {}, {}), {});
    core.secured(now, {}, {});
    core.resolved(now, {});
    core.closed(now, {});
    core.unreachable(now, {});
    core.committed(now, {});
    core.failed(now, {});
    while (core.poll(now)) core.advance(now);
    (void)core.deadline();
}

}  // namespace

int main() {
    const sip::Now now{};
    NoEntropy entropy;
    NoUser user;
    presence::Agent agent({}, user, entropy);
    drive(agent.stack(), now);
    presence::Server server({}, entropy);
    drive(server, now);
    server.shut_down(now, presence::Server::Stop::probation);
    server.trim(now);
    server.set_policy(now, {});
    server.policy_changed(now, {});
    server.state_changed(now, {});
    (void)server.decision_for(now, {}, {});
    (void)server.compose(now, {}, nullptr, {});
    server.notifier().for_each(now, [](const auto&) {});
    server.compositor().for_each_record(now, [](const auto&) {});
    server.notifier().for_each_record(now, [](const auto&) {});
    server.registrar().for_each_record(now, [](const auto&) {});
    pidf::Arena arena(server.stack().shard().memory, 1);
    (void)presence::Ruleset::read;
    sip::DigestClient digest(server.stack().shard().memory, entropy);
    (void)digest.add_password({}, {}, {});
    sip::Subscriber subscriber(server.stack().core());
    if (const auto id = subscriber.subscribe(now, {})) subscriber.unsubscribe(now, *id);
    while (subscriber.next_notice()) continue;
    sip::Publisher publisher(server.stack().core());
    if (const auto id = publisher.publish(now, {})) publisher.remove(now, *id);
    while (publisher.next_notice()) continue;
    sip::Registrant registrant(server.stack().core());
    if (const auto id = registrant.register_contact(now, {})) registrant.unregister(now, *id);
    while (registrant.next_notice()) continue;
}
