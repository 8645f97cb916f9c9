// A program that reaches all of the core, to be weighed by ./dev sizes: a server that learns,
// relays and keeps reasons, and every client beside it, with what they read. It is not made to be
// run.
#include "apps/examples/no_system_memory.hpp"
#include "pidf/document.hpp"
#include "presence/agent.hpp"
#include "presence/server.hpp"
#include "presence/watcher_info/watcher_reader.hpp"
#include "presence/watcher_info/watcher_table.hpp"
#include "sip/auth/digest_client.hpp"
#include "sip/event/publisher.hpp"
#include "sip/event/subscriber.hpp"
#include "sip/registrar/registrant.hpp"
#include "sip/transaction/record.hpp"

namespace {

/// Whatever is asked for: the compiler cannot know what, and so has nothing to build in here.
void* volatile anything = nullptr;
template <class T>
T& some() {
    return *static_cast<T*>(anything);
}

void drive(presence::Server& server) {
    const auto& now = some<sip::Now>();
    server.input(now, some<sip::Datagram>());
    server.input(now, some<sip::Chunk>());
    const auto flow =
        server.accepted(now, some<sip::Transport>(), some<sip::Endpoint>(), some<sip::Endpoint>());
    server.connected(now, flow, some<sip::Endpoint>());
    server.secured(now, flow, some<std::span<const std::string_view>>());
    server.resolved(now, some<sip::NameAnswer>());
    server.closed(now, flow);
    server.unreachable(now, some<sip::Unreachable>());
    server.committed(now, some<sip::CommitId>());
    server.failed(now, some<sip::CommitId>());
    while (server.poll(now)) server.advance(now);
    (void)server.deadline();
}

}  // namespace

int main() {
    const auto& now = some<sip::Now>();
    const auto& text = some<std::string_view>();
    auto& entropy = some<sip::Entropy>();
    presence::Agent agent(some<presence::AgentOptions>(), some<presence::AgentUser>(), entropy);
    agent.state_changed(now);
    agent.policy_changed(now);
    agent.shut_down(now);
    presence::Server server(some<presence::ServerOptions>(), entropy);
    drive(server);
    server.shut_down(now, presence::Server::Stop::probation);
    server.trim(now);
    server.set_policy(now, some<presence::Policy>());
    server.policy_changed(now, text);
    server.state_changed(now, text);
    (void)server.decision_for(now, text, text);
    (void)server.compose(now, text, some<presence::CompositionObserver*>(),
                         some<std::span<char>>());
    server.notifier().for_each(now, [](const auto&) {});
    server.compositor().for_each_record(now, [](const auto&) {});
    server.notifier().for_each_record(now, [](const auto&) {});
    server.registrar().for_each_record(now, [](const auto&) {});
    sip::Memory& memory = server.stack().shard().memory;
    pidf::Arena arena(memory, 1);
    if (const auto rules = presence::Ruleset::read(text, memory, some<presence::Ruleset::Limits>()))
        (void)rules->evaluate(some<presence::Circumstances>(), arena);
    if (const auto info = presence::read_watcher_info(text, arena)) {
        presence::WatcherTable table(memory, some<sip::HashKey>(),
                                     some<presence::WatcherTable::Limits>());
        (void)table.take(1, **info, [](const auto&) {});
        table.refreshing(1);
        table.forget(1);
    }
    (void)sip::next_record(some<std::string_view>());
    sip::DigestClient digest(memory, entropy);
    (void)digest.add_password(text, text, text);
    sip::Core core = server.stack().core();
    sip::Subscriber subscriber(core);
    (void)subscriber.add_package(some<sip::EventPackage::Traits>());
    if (const auto id = subscriber.subscribe(now, some<sip::SubscribeOptions>()))
        subscriber.unsubscribe(now, *id);
    while (subscriber.next_notice()) continue;
    sip::Publisher publisher(core);
    if (const auto id = publisher.publish(now, some<sip::PublishOptions>())) {
        (void)publisher.modify(now, *id, text);
        publisher.remove(now, *id);
    }
    while (publisher.next_notice()) continue;
    sip::Registrant registrant(core);
    if (const auto id = registrant.register_contact(now, some<sip::RegisterOptions>()))
        registrant.unregister(now, *id);
    while (registrant.next_notice()) continue;
}
