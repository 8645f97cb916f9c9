#include "tests/sim/simulation.hpp"

#include <algorithm>

namespace sim {
namespace {

using Kind = Step::Kind;
using presence::Policy;

constexpr std::uint64_t build_label = 5, rest_label = 6, tls_label = 9;
/// RFC 3856 6.10 and what the way takes: by then a change is everywhere.
constexpr Time freshness = 8 * second;
constexpr Time check_every = 20 * second;

}  // namespace

Simulation::Simulation(const Setup& setup, std::size_t passages_max)
    : setup_(setup),
      world_(setup.seed),
      accounts_(setup_),
      stranger_(world_),
      changes_(setup.users) {
    world_.keep_passages(passages_max);
    world_.weather.delay_max =
        std::min(setup.calm ? 50U : 5'000U, setup.delay_max_ms) * millisecond;
    if (setup.hostile)
        world_.on_delivered = [this](const sip::Endpoint& source, const sip::Endpoint& to,
                                     const std::string& text) {
            stranger_.hears(source, to, text);
        };
    build();
}

void Simulation::build() {
    Random random(setup_.seed, build_label), tls(setup_.seed, tls_label);
    for (unsigned i = 0; i < setup_.servers; ++i)
        servers_.push_back(std::make_unique<ServerHost>(world_, setup_, i, accounts_));
    for (unsigned i = 0; i < setup_.phones; ++i) {
        const auto low = static_cast<std::uint8_t>(i % 250 + 1);
        const auto high = static_cast<std::uint8_t>(i / 250);
        const bool by_tcp = random.percent(setup_.tcp_percent);
        const bool behind_nat = random.percent(setup_.nat_percent);
        phones_.push_back(
            std::make_unique<PhoneHost>(world_, setup_, i, i % setup_.users, by_tcp,
                                        sip::Address::v4(behind_nat ? 10 : 100, 64, high, low)));
        phones_.back()->by_tls = tls.percent(setup_.tls_percent);
        if (behind_nat) phones_.back()->put_behind_nat(sip::Address::v4(100, 127, high, low));
    }
    for (Host* host : world_.hosts())
        host->clock.set_drift(random.between(-setup_.drift_max, setup_.drift_max));
    // What leads to the servers of a domain leads there by UDP and TCP.
    for (auto& phone : phones_)
        phone->by_name = random.percent(setup_.names_percent) && !phone->by_tls;
    for (unsigned i = 0; i < setup_.servers; ++i) tell_names(i, NameState::right, 60);
    for (auto& server : servers_) server->start();
    for (auto& phone : phones_) phone->start();
}

/// Every server is alone in its domain; what else the names lead to is dead.
void Simulation::tell_names(unsigned server, NameState state, std::uint32_t ttl_s) {
    const std::string domain = setup_.domain_of(server);
    ScriptedNames& names = world_.names;
    for (const char* prefix : {"", "_sip._udp.", "_sip._tcp.", "a.", "b."})
        names.forget(prefix + domain);
    names.failing.erase(domain);
    names.negative_ttl_s = ttl_s;
    if (state == NameState::gone) return;
    if (state == NameState::failing) names.failing.insert(domain);
    const bool dead = state == NameState::dead_first || state == NameState::dead_beside;
    const std::string right = state == NameState::moved ? "b." : "a.";
    names.a(right + domain, servers_[server]->at.address, ttl_s);
    if (dead) names.a("b." + domain, sip::Address::v4(192, 0, 2, 250), ttl_s);
    for (const char* prefix : {"_sip._udp.", "_sip._tcp."}) {
        names.srv(prefix + domain, 2, 10, 5060, right + domain, ttl_s);
        if (dead)
            names.srv(prefix + domain, state == NameState::dead_first ? 1 : 2, 10, 5060,
                      "b." + domain, ttl_s);
        names.naptr(domain, 10, 10, prefix[5] == 'u' ? "SIP+D2U" : "SIP+D2T", prefix + domain,
                    ttl_s);
    }
}

Outcome Simulation::run(const History& history) {
    for (const Step& step : history) world_.at(step.at, [this, &step] { apply(step); });
    watch_timers();
    const Time last = history.empty() ? 0 : history.back().at;
    world_.run_until(std::max(setup_.length, last));
    if (!world_.failed()) rest();
    Outcome outcome{world_.failure(), world_.now, world_.messages(), world_.fingerprint(), {}};
    const auto& kept = world_.passages();
    for (std::size_t i = 0; i < kept.size(); ++i)
        outcome.passages.push_back(kept[(world_.passages_first() + i) % kept.size()]);
    return outcome;
}

void Simulation::watch_timers() {
    world_.at(world_.now + check_every, [this] {
        for (auto& phone : phones_) phone->check_waiting();
        watch_timers();
    });
}

// Steps -------------------------------------------------------------------------------------------

void Simulation::apply(const Step& step) {
    const auto moved = [&](unsigned user) {
        const std::uint64_t change = ++changes_[user];
        // Who is with an agent learns by its next refresh that it is none any more.
        if (setup_.calm && !setup_.tight && !setup_.agents)
            world_.at(world_.now + freshness, [this, user, change] {
                if (changes_[user] == change && !at_rest_) look_at_calm(user);
            });
    };
    switch (step.kind) {
        case Kind::watch:
            phones_[step.who]->watch(step.whom);
            moved(step.whom);
            break;
        case Kind::unwatch:
            phones_[step.who]->unwatch(step.whom);
            moved(step.whom);
            break;
        case Kind::refresh: phones_[step.who]->refresh(step.whom); break;
        case Kind::publish:
            phones_[step.who]->publish((step.value & 1) != 0, (step.value & 2) != 0);
            moved(phones_[step.who]->user);
            break;
        case Kind::unpublish:
            phones_[step.who]->unpublish();
            moved(phones_[step.who]->user);
            break;
        case Kind::register_contact:
            phones_[step.who]->register_contact();
            moved(phones_[step.who]->user);
            break;
        case Kind::unregister:
            phones_[step.who]->unregister();
            moved(phones_[step.who]->user);
            break;
        case Kind::policy:
            decide(step.who, static_cast<Policy>(step.value));
            moved(step.who);
            break;
        default: apply_to_nodes(step);
    }
}

void Simulation::decide(unsigned user, Policy policy) {
    accounts_.set_policy(user, policy);
    servers_[setup_.home_of(user)]->policy_changed(user);
}

void Simulation::apply_to_nodes(const Step& step) {
    // Other kinds have a seed for their value.
    const auto back = [&] { return world_.now + step.value * millisecond; };
    switch (step.kind) {
        case Kind::crash_phone: {
            PhoneHost& phone = *phones_[step.who];
            phone.crash();
            world_.at(back(), [&phone] { phone.start(); });
            break;
        }
        case Kind::crash_server: {
            ServerHost& server = *servers_[step.who];
            server.crash();
            world_.at(back(), [&server] { server.start(); });
            break;
        }
        case Kind::stop_server: {
            ServerHost& server = *servers_[step.who];
            server.stop(2 * second);
            world_.at(back() + 2 * second, [&server] { server.start(); });
            break;
        }
        case Kind::jump: {
            Host& host = *world_.hosts()[step.who];
            host.clock.jump(step.value);
            break;
        }
        case Kind::store: servers_[step.who]->store = {step.value * millisecond, step.whom}; break;
        default: apply_to_network(step);
    }
}

void Simulation::apply_to_network(const Step& step) {
    const auto seed = static_cast<std::uint64_t>(step.value);
    switch (step.kind) {
        case Kind::weather:
            world_.weather.loss = step.who;
            world_.weather.duplication = step.whom;
            world_.weather.delay_max = step.value * millisecond;
            break;
        case Kind::mtu: world_.weather.mtu = static_cast<std::size_t>(step.value); break;
        case Kind::piece: world_.weather.piece = static_cast<std::size_t>(step.value); break;
        case Kind::partition: {
            Host &phone = *phones_[step.who], &server = *servers_[step.whom];
            const auto directions = Random::scramble(seed) % 3 + 1;
            world_.block(phone, server, (directions & 1) != 0);
            world_.block(server, phone, (directions & 2) != 0);
            world_.at(world_.now + step.value * millisecond, [this, &phone, &server] {
                world_.block(phone, server, false);
                world_.block(server, phone, false);
            });
            break;
        }
        case Kind::rebind:
            if (!phones_[step.who]->is_behind_nat) break;
            phones_[step.who]->rebind();
            world_.cut(*phones_[step.who], true);
            break;
        case Kind::cut: world_.cut(*phones_[step.who], step.value != 0); break;
        case Kind::names:
            tell_names(step.who, static_cast<NameState>(step.whom),
                       static_cast<std::uint32_t>(step.value));
            break;
        case Kind::garbage: stranger_.send_garbage(seed); break;
        case Kind::replay: stranger_.replay(seed); break;
        case Kind::forged_notify: stranger_.forge_notify(seed); break;
        case Kind::forged_response: stranger_.forge_response(seed); break;
        case Kind::flood: stranger_.flood(seed); break;
        default: break;
    }
}

void Simulation::heal() {
    world_.weather = Weather{};
    world_.mend();
    for (unsigned i = 0; i < setup_.servers; ++i) tell_names(i, NameState::right, 60);
    for (auto& server : servers_) {
        server->store = {};
        server->start();
    }
    for (auto& phone : phones_) phone->start();
}

// What should be so -------------------------------------------------------------------------------

/// Composition of RFC 3856 7.2 and 4479 in short: a tuple for each publication and registration.
View Simulation::expected(unsigned user) const {
    View view;
    for (const auto& phone : phones_) {
        if (phone->user != user) continue;
        if (phone->wants_publication()) {
            view.marks.insert(phone->mark());
            ++view.tuples;
            view.open += phone->publishes_open() ? 1U : 0U;
        }
        if (phone->wants_registration()) {
            ++view.tuples;
            ++view.open;
        }
    }
    if (view.tuples == 0) view.tuples = 1;  // R4479-OUR-3: the closed one
    return view;
}

/// The phone that serves watchers of `user` itself; null: a server does.
const PhoneHost* Simulation::agent_of(unsigned user) const {
    const PhoneHost* found = nullptr;
    for (const auto& phone : phones_) {
        if (phone->user != user) continue;
        if (phone->wants_publication()) return nullptr;
        if (!phone->wants_registration()) continue;
        if (found != nullptr || !phone->is_agent()) return nullptr;
        found = phone.get();
    }
    return found;
}

bool Simulation::is_served(const PhoneHost& phone, unsigned user) const {
    return phone.user == user || accounts_.policy(user) != Policy::block;
}

void Simulation::check_view(const PhoneHost& phone, unsigned user, std::string_view when) {
    const PhoneHost::Watch& watch = phone.watch_of(user);
    if (!watch.wanted || !is_served(phone, user)) return;
    using State = sip::SubscriptionStateValue;
    const Policy policy = phone.user == user ? Policy::allow : accounts_.policy(user);
    const State wanted = policy == Policy::confirm ? State::pending : State::active;
    const std::string who = phone.name + " and u" + std::to_string(user) + ", " + std::string(when);
    if (!watch.live || watch.state != wanted) {
        fail("every watcher who may is told", who + ": no subscription in the right state");
        return;
    }
    if (policy == Policy::confirm) return;
    View closed;
    closed.tuples = 1;
    const View should = policy == Policy::allow ? expected(user) : closed;
    const View is = view_of(watch.document);
    // One that did not answer in time is not asked again at once: then the server speaks for it.
    const PhoneHost* agent = agent_of(user);
    View of_agent = should;
    if (agent != nullptr && policy == Policy::allow)
        of_agent = {{agent->mark()}, 1, agent->publishes_open() ? 1U : 0U};
    if (!(is == should) && !(is == of_agent))
        fail("every watcher sees what is so",
             who + ": sees " + text_of(is) + ", should see " + text_of(should));
}

void Simulation::check_views(std::string_view when) {
    for (const auto& phone : phones_)
        for (unsigned user = 0; user < setup_.users; ++user) check_view(*phone, user, when);
}

void Simulation::look_at_calm(unsigned user) {
    for (const auto& phone : phones_)
        if (phone->watch_of(user).live && phone->watch_of(user).wanted &&
            phone->watch_of(user).state == sip::SubscriptionStateValue::active)
            check_view(*phone, user, "in calm weather");
}

void Simulation::check_counts() {
    std::size_t watchers = 0, wanted = 0;
    for (auto& phone : phones_) watchers += phone->watchers();
    for (auto& server : servers_) {
        std::size_t subscriptions = 0, publications = 0, bindings = 0;
        for (const auto& phone : phones_) {
            for (unsigned user = 0; user < setup_.users; ++user)
                if (setup_.home_of(user) == server->server_number && phone->watch_of(user).wanted &&
                    is_served(*phone, user))
                    ++subscriptions;
            if (setup_.home_of(phone->user) != server->server_number) continue;
            publications += phone->wants_publication() ? 1U : 0U;
            bindings += phone->wants_registration() ? 1U : 0U;
        }
        const auto same = [&](const char* what, std::size_t is, std::size_t should) {
            if (is != should)
                fail("nothing is left that should have ended",
                     server->name + " has " + std::to_string(is) + " " + what + ", should have " +
                         std::to_string(should));
        };
        watchers += server->server()->notifier().size();
        wanted += subscriptions;
        if (!setup_.agents)
            same("subscriptions", server->server()->notifier().size(), subscriptions);
        same("publications", server->server()->compositor().size(), publications);
        same("bindings", server->server()->registrar().size(), bindings);
    }
    if (watchers != wanted)
        fail("nothing is left that should have ended",
             "servers and agents have " + std::to_string(watchers) +
                 " subscriptions, should have " + std::to_string(wanted));
}

/// Several changes in a row, so that the last one meets the hold.
void Simulation::change_everything(std::uint64_t round) {
    Random random(setup_.seed ^ rest_label, round);
    for (int i = 0; i < 3; ++i) {
        for (auto& phone : phones_)
            if ((phone->wants_publication() ||
                 (phone->is_agent() && phone->wants_registration())) &&
                random.percent(70))
                phone->publish(random.percent(50), random.percent(10));
        world_.run_until(world_.now + random.between(0, 1'500) * millisecond);
    }
}

void Simulation::rest() {
    heal();
    at_rest_ = true;
    const Time settled = (2 * static_cast<Time>(setup_.expires_s) + 700) * second;
    world_.run_until(world_.now + settled);
    if (setup_.tight) {
        check_empty();
        return;
    }
    check_views("at rest");
    check_counts();
    change_everything(1);
    world_.run_until(world_.now + freshness);
    check_views("after a change");
    Random random(setup_.seed, rest_label);
    for (unsigned user = 0; user < setup_.users; ++user)
        if (accounts_.policy(user) != Policy::block)
            decide(user, static_cast<Policy>(random.below(3)));
    change_everything(2);
    // What is shown by an agent stops at once; its watchers know why by their next refresh.
    world_.run_until(world_.now + (setup_.agents ? settled : freshness));
    check_views("after decisions");
    check_empty();
}

void Simulation::check_empty() {
    for (auto& phone : phones_) phone->leave();
    // Long enough for what could not be taken back and has to expire, for the last timer of a
    // transaction, and for idle connections.
    world_.run_until(world_.now + (static_cast<Time>(setup_.expires_s) + 4'000) * second);
    if (world_.failed()) return;
    const std::string_view left = "nothing is left that should have ended";
    for (auto& phone : phones_) {
        if (!phone->is_idle()) fail(left, phone->name + " is not idle");
        if (phone->stack()->deadline()) fail(left, phone->name + " has a timer");
        phone->stack()->advance(phone->here());
        phone->trim();
        // What servers' challenges said is kept, for the next request.
        const std::size_t kept =
            setup_.digest ? setup_.servers * sip::DigestClient::challenge_bytes_max : 0;
        if (phone->memory() > phone->memory_at_start + kept)
            fail(left, phone->name + " has memory that it does not need");
    }
    // Whoever waits for a decision gets one.
    for (unsigned user = 0; user < setup_.users; ++user) decide(user, Policy::allow);
    for (auto& server : servers_) {
        presence::Server& it = *server->server();
        const auto none = [&](const char* what, std::size_t count) {
            if (count != 0) fail(left, server->name + " has " + std::to_string(count) + " " + what);
        };
        none("watchers", it.watchers().size());
        none("subscriptions", it.notifier().size());
        none("publications", it.compositor().size());
        none("bindings", it.registrar().size());
        none("server transactions", it.stack().servers().size());
        none("client transactions", it.stack().clients().size());
        none("staged changes", it.stack().core().staging.size());
        if (it.deadline()) fail(left, server->name + " has a timer");
        it.trim(server->here());
        none("bytes more than at its start",
             it.stack().shard().memory.used() - server->memory_at_start);
    }
    if (world_.connections() != 0) fail(left, "a connection stands");
}

}  // namespace sim
