#include "tests/sim/simulation.hpp"

#include <algorithm>
#include <map>

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
        for (auto& server : servers_) server->check_devices();
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
            phones_[step.who]->publish((step.value & 1) != 0, (step.value & 2) != 0,
                                       static_cast<unsigned>(step.value >> 2));
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
        case Kind::watch_watchers:
            if (step.value != 0)
                phones_[step.who]->watch_watchers();
            else
                phones_[step.who]->unwatch_watchers();
            break;
        case Kind::rules:
            decide_by_rules(step.who, static_cast<std::uint64_t>(step.value));
            moved(step.who);
            break;
        default: apply_to_nodes(step);
    }
}

void Simulation::decide(unsigned user, Policy policy) {
    accounts_.set_policy(user, policy);
    servers_[setup_.home_of(user)]->policy_changed(user);
}

void Simulation::decide_by_rules(unsigned user, std::uint64_t seed) {
    ServerHost& server = *servers_[setup_.home_of(user)];
    std::optional<RuleBook> book;
    if (seed != 0) book.emplace(setup_, user, seed, server.here().wall_ms);
    accounts_.set_rules(user, std::move(book));
    server.policy_changed(user);
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
            if (step.who < setup_.servers)
                servers_[step.who]->jump(step.value);
            else
                world_.hosts()[step.who]->clock.jump(step.value);
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

std::string Simulation::sphere_of(unsigned user) const {
    std::set<std::string> all;
    for (const auto& phone : phones_)
        if (phone->user == user && phone->wants_publication() && !phone->person().sphere.empty())
            all.insert(phone->person().sphere);
    return all.size() == 1 ? *all.begin() : "";
}

Given Simulation::given(const PhoneHost& phone, unsigned user, Time ago) const {
    const std::int64_t wall_ms = servers_[setup_.home_of(user)]->here().wall_ms - ago / millisecond;
    return accounts_.given(user, phone.user, {wall_ms, sphere_of(user)});
}

/// Composition of RFC 3856 7.2 and 4479 in short: a tuple for each publication and registration,
/// and one person.
Simulation::Expected Simulation::expected(unsigned user, const Given& given) const {
    View view;
    std::map<std::string, std::set<std::string>> person;
    bool has_person = false;
    const auto say = [&](const char* kind, bool says, const std::string& value) {
        if (says && given.shows(kind)) person[kind].insert(kind + (" " + value));
    };
    for (const auto& phone : phones_) {
        if (phone->user != user) continue;
        const std::string service = service_class_of(setup_, phone->phone);
        if (phone->wants_publication() && given.shows_service(service)) {
            if (given.shows("note")) view.marks.insert(phone->mark());
            if (given.shows("class") && setup_.rules) view.marks.insert(service);
            ++view.tuples;
            view.open += phone->publishes_open() ? 1U : 0U;
        }
        if (phone->wants_registration() && given.all_services) {
            ++view.tuples;
            ++view.open;
        }
        const std::string of_class = person_class_of(setup_, phone->phone);
        if (!setup_.rules || !phone->wants_publication() || !given.shows_person(of_class)) continue;
        const PhoneHost::Person said = phone->person();
        has_person = true;
        say("mood", said.mood, phone->mark());
        say("activities", said.activities, phone->mark());
        say("note", true, phone->mark());
        say("class", true, of_class);
        say("sphere", !said.sphere.empty(), said.sphere);
    }
    if (view.tuples == 0 && !has_person) view.tuples = 1;  // R4479-OUR-3: the closed one
    Expected all{view, {}};
    for (const auto& [kind, values] : person) all.one_of.push_back(values);
    return all;
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

bool Simulation::is_as_expected(const View& view, const Expected& expected) {
    if (view.marks != expected.view.marks || view.tuples != expected.view.tuples ||
        view.open != expected.view.open || view.persons.size() != expected.one_of.size())
        return false;
    return std::all_of(expected.one_of.begin(), expected.one_of.end(), [&](const auto& values) {
        return std::any_of(view.persons.begin(), view.persons.end(),
                           [&](const std::string& token) { return values.contains(token); });
    });
}

/// A phone that was refused, or given up, asks again within a minute.
bool Simulation::may_be_on_his_way(const PhoneHost& phone, unsigned user) const {
    if (phone.user == user) return false;
    const RuleBook* book = accounts_.book(user);
    if (book != nullptr) {
        const std::set<Handling> all = book->handlings(phone.user);
        if (all.size() > 1 && all.contains(Handling::block)) return true;
    }
    return is_served(phone, user) && world_.now < phone.watch_of(user).back_at;
}

void Simulation::check_view(const PhoneHost& phone, unsigned user, std::string_view when) {
    const PhoneHost::Watch& watch = phone.watch_of(user);
    if (!watch.wanted || !is_served(phone, user)) return;
    using State = sip::SubscriptionStateValue;
    const Given given = this->given(phone, user);
    const ServerHost& server = *servers_[setup_.home_of(user)];
    // What time has changed is on its way.
    const RuleBook* book = accounts_.book(user);
    const std::int64_t wall_ms = server.here().wall_ms;
    if (book != nullptr &&
        (server.has_jumped() || book->changes_between(wall_ms - freshness / millisecond, wall_ms)))
        return;
    const bool is_shown = watch.state == State::active || watch.state == State::pending;
    if (may_be_on_his_way(phone, user) && !(watch.live && is_shown)) return;
    const State wanted = given.handling == Handling::confirm ? State::pending : State::active;
    const std::string who = phone.name + " and u" + std::to_string(user) + ", " + std::string(when);
    if (!watch.live || watch.state != wanted) {
        fail("every watcher who may is told", who + ": no subscription in the right state");
        return;
    }
    if (given.handling == Handling::confirm) return;
    Expected should;
    should.view.tuples = 1;  // the closed one
    if (given.handling == Handling::allow) should = expected(user, given);
    const View is = view_of(watch.document);
    if (is_as_expected(is, should)) return;
    // One that did not answer in time is not asked again at once: then the server speaks for it.
    if (const PhoneHost* agent = agent_of(user);
        agent != nullptr && given.handling == Handling::allow) {
        Expected of_agent;
        of_agent.view.marks = {agent->mark()};
        of_agent.view.tuples = 1;
        of_agent.view.open = agent->publishes_open() ? 1U : 0U;
        if (is_as_expected(is, of_agent)) return;
    }
    for (const auto& values : should.one_of) should.view.persons.insert(*values.begin());
    fail("every watcher sees what is so",
         who + ": sees " + text_of(is) + ", should see " + text_of(should.view));
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
    std::size_t watchers = 0, wanted = 0, on_their_way = 0;
    for (auto& phone : phones_) watchers += phone->served();
    for (auto& server : servers_) {
        std::size_t subscriptions = 0, uncertain = 0, publications = 0, bindings = 0, nobody = 0;
        for (const auto& phone : phones_) {
            for (unsigned user = 0; user < setup_.users; ++user)
                if (setup_.home_of(user) == server->server_number && phone->watch_of(user).wanted)
                    ++(may_be_on_his_way(*phone, user) ? uncertain
                       : is_served(*phone, user)       ? subscriptions
                                                       : nobody);
            if (setup_.home_of(phone->user) != server->server_number) continue;
            subscriptions += phone->wants_watchers() ? 1U : 0U;
            publications += phone->wants_publication() ? 1U : 0U;
            bindings += phone->wants_registration() ? 1U : 0U;
        }
        const auto same = [&](const char* what, std::size_t is, std::size_t should,
                              std::size_t beside = 0) {
            if (is < should || is > should + beside)
                fail("nothing is left that should have ended",
                     server->name + " has " + std::to_string(is) + " " + what + ", should have " +
                         std::to_string(should));
        };
        watchers += server->subscriptions();
        wanted += subscriptions;
        on_their_way += uncertain;
        if (!setup_.agents)
            same("subscriptions", server->subscriptions(), subscriptions, uncertain);
        same("publications", server->publications(), publications);
        same("bindings", server->bindings(), bindings);
    }
    if (setup_.agents && (watchers < wanted || watchers > wanted + on_their_way))
        fail("nothing is left that should have ended",
             "servers and agents have " + std::to_string(watchers) +
                 " subscriptions, should have " + std::to_string(wanted));
}

/// "u3 active" of each that watches `user`, as his server has it: whoever is subscribed, by the
/// notifier, and whoever waits for a decision.
std::multiset<std::string> Simulation::watchers_of(unsigned user) {
    std::multiset<std::string> all;
    ServerHost& host = *servers_[setup_.home_of(user)];
    presence::Server& server = host.server_of(user);
    const auto add = [&](std::string_view watcher, std::string_view state) {
        all.insert(std::string(watcher.substr(0, watcher.find('@'))) + " " + std::string(state));
    };
    server.notifier().for_each(host.here(), [&](const sip::Notifier::Snapshot& one) {
        if (one.package == "presence" && one.resource == setup_.presentity(user) &&
            (one.state == "active" || one.state == "pending"))
            add(one.watcher, one.state);
    });
    const sip::Handle list = server.watchers().join(setup_.presentity(user));
    server.watchers().for_each_behind(list, 0, [&](const presence::WatcherRow& row) {
        if (row.state == presence::WatcherRow::State::waiting) add(row.identity.view(), "waiting");
        return true;
    });
    server.watchers().leave(list);
    return all;
}

/// Whoever looks who watches knows it. Somebody may come or go meanwhile: there are several looks.
void Simulation::check_watchers(std::string_view when) {
    std::string wrong;
    for (int look = 0; look < 4 && !world_.failed(); ++look) {
        wrong.clear();
        for (const auto& phone : phones_) {
            if (!phone->wants_watchers()) continue;
            const auto known = phone->watchers();
            const auto should = watchers_of(phone->user);
            if (known == should) continue;
            wrong = phone->name + ", " + std::string(when) + ", knows of";
            if (!known) wrong += " nothing";
            for (const std::string& one : known.value_or(should)) wrong += " (" + one + ")";
            wrong += ", not of";
            for (const std::string& one : should) wrong += " (" + one + ")";
        }
        if (wrong.empty()) return;
        world_.run_until(world_.now + freshness);
    }
    if (!wrong.empty()) fail("owners know who watches them", wrong);
}

/// Several changes in a row, so that the last one meets the hold.
void Simulation::change_everything(std::uint64_t round) {
    Random random(setup_.seed ^ rest_label, round);
    for (int i = 0; i < 3; ++i) {
        for (auto& phone : phones_)
            if ((phone->wants_publication() ||
                 (phone->is_agent() && phone->wants_registration())) &&
                random.percent(70))
                phone->publish(random.percent(50), random.percent(10),
                               setup_.rules ? static_cast<unsigned>(random.below(16)) : 0);
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
    check_watchers("at rest");
    change_everything(1);
    world_.run_until(world_.now + freshness);
    check_views("after a change");
    Random random(setup_.seed, rest_label);
    for (unsigned user = 0; user < setup_.users; ++user)
        if (accounts_.policy(user) != Policy::block)
            decide(user, static_cast<Policy>(random.below(3)));
    for (unsigned user = 0; setup_.rules && user < setup_.users; ++user)
        if (random.percent(60)) decide_by_rules(user, random.next() | 1);
    change_everything(2);
    // What is shown by an agent stops at once; its watchers know why by their next refresh.
    world_.run_until(world_.now + (setup_.agents ? settled : freshness));
    check_views("after decisions");
    check_watchers("after decisions");
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
    for (auto& server : servers_)
        for (unsigned worker = 0; worker < server->workers(); ++worker)
            check_empty(*server, worker);
    if (world_.connections() != 0) fail(left, "a connection stands");
}

void Simulation::check_empty(ServerHost& host, unsigned worker) {
    presence::Server& it = *host.server(worker);
    const std::string_view left = "nothing is left that should have ended";
    const auto none = [&](const char* what, std::size_t count) {
        if (count != 0) fail(left, host.name + " has " + std::to_string(count) + " " + what);
    };
    none("watchers", it.watchers().size());
    none("subscriptions", it.notifier().size());
    none("publications", it.compositor().size());
    none("bindings", it.registrar().size());
    none("server transactions", it.stack().servers().size());
    none("client transactions", it.stack().clients().size());
    none("watchers", it.watchers().size() + it.watchers_of_watchers().size());
    none("staged changes", it.stack().core().staging.size());
    none("connections", it.stack().transport().flow_count());
    if (it.deadline()) fail(left, host.name + " has a timer");
    it.trim(host.here());
    none("bytes more than at its start",
         it.stack().shard().memory.used() - host.memory_at_start(worker));
}

}  // namespace sim
