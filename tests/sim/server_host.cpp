#include "tests/sim/server_host.hpp"

#include <cstdio>
#include <cstdlib>
#include <unordered_map>

#include "sip/auth/ha1.hpp"
#include "sip/transaction/owner.hpp"

namespace sim {
namespace {

constexpr std::uint64_t store_label = 3, routing_label = 11;
constexpr sip::seconds notify_interval{5};
constexpr sip::seconds watcher_giveup{2000};  // all is over when a world ends

}  // namespace

// Accounts ----------------------------------------------------------------------------------------

Accounts::Accounts(const Setup& setup)
    : setup_(setup),
      policies_(setup.users, presence::Policy::allow),
      books_(setup.users),
      rules_(setup.users) {}

std::optional<unsigned> Accounts::number_of(std::string_view user) const {
    user = user.substr(0, user.find('@'));
    if (user.size() < 2 || user.size() > 6 || user[0] != 'u') return {};
    unsigned number = 0;
    for (char c : user.substr(1)) {
        if (c < '0' || c > '9') return {};
        number = number * 10 + static_cast<unsigned>(c - '0');
    }
    if (number >= setup_.users) return {};
    return number;
}

std::optional<presence::Policy> Accounts::policy_of(std::string_view presentity) const {
    const auto user = number_of(presentity);
    if (!user) return {};
    return policies_[*user];
}

const presence::Ruleset* Accounts::rules_of(std::string_view presentity) const {
    const auto user = number_of(presentity);
    return user && rules_[*user] ? &*rules_[*user] : nullptr;
}

void Accounts::set_rules(unsigned user, std::optional<RuleBook> book) {
    books_[user] = std::move(book);
    rules_[user].reset();
    if (!books_[user]) return;
    auto read = presence::Ruleset::read(books_[user]->document(), memory_, {});
    if (!read) {
        std::fprintf(stderr, "%s in %s\n", std::string(read.error().rule).c_str(),
                     books_[user]->document().c_str());
        std::abort();  // we wrote them
    }
    rules_[user] = std::move(*read);
}

Given Accounts::given(unsigned presentity, unsigned watcher, const Moment& moment) const {
    if (presentity == watcher) return Given::everything();
    if (books_[presentity]) return books_[presentity]->given(watcher, moment);
    Given given = Given::everything();
    switch (policies_[presentity]) {
        case presence::Policy::allow: break;
        case presence::Policy::confirm: given.handling = Handling::confirm; break;
        case presence::Policy::polite_block: given.handling = Handling::polite_block; break;
        case presence::Policy::block: given.handling = Handling::block; break;
    }
    return given;
}

bool Accounts::find(std::string_view user, std::string_view realm, sip::DigestAlgorithm base,
                    sip::Ha1& out) const {
    const auto number = number_of(user);
    if (!number) return false;
    out = sip::make_ha1(base, user, realm, password(*number));
    return true;
}

bool Accounts::exists(std::string_view address) const { return number_of(address).has_value(); }

// The server --------------------------------------------------------------------------------------

ServerHost::ServerHost(World& world_given, const Setup& setup, unsigned number_given,
                       Accounts& accounts)
    : Host(world_given, "server" + std::to_string(number_given),
           sip::Address::v4(192, 0, 2, static_cast<std::uint8_t>(1 + number_given))),
      server_number(number_given),
      setup_(setup),
      accounts_(accounts),
      domain_(setup.domain_of(number_given)),
      domains_{domain_} {
    proves = domain_;
}

presence::ServerOptions ServerHost::options() {
    presence::ServerOptions options;
    options.domains = domains_;
    if (setup_.digest) options.credentials = &accounts_;
    options.directory = &accounts_;
    options.policies = &accounts_;
    options.rules = &accounts_;
    options.notify_interval = notify_interval;
    options.has_store = setup_.store;
    options.expires_jitter_percent = setup_.jitter_percent;
    if (setup_.relays) options.relay = sip::Proxy::Relay::local;
    options.limits.known_source_lifetime = sip::seconds{3600};  // over when a world ends
    options.limits.watcher_giveup = watcher_giveup;
    // One flood is more than all strangers together may ask.
    if (setup_.hostile) options.limits.rate_strangers = 4;
    if (setup_.tight) {
        options.limits.memory_bytes = std::size_t{3} << 19;
        options.limits.subscriptions = 12;
        // So few that they are met where a user's are at several workers.
        options.limits.subscriptions_per_user = setup_.workers > 1 ? 2 : 4;
        options.limits.publications = 6;
        options.limits.publications_per_resource = 2;
        options.limits.server_transactions = 24;
        options.limits.client_transactions = 24;
        options.limits.waiting_requests = 4;
        options.limits.flows = 6;
        options.limits.bindings = 6;
        options.limits.nonces = 8;
    }
    return options;
}

std::uint64_t ServerHost::seed_of(unsigned worker) const {
    return Random::scramble(setup_.seed ^ (number + 1) << 32 ^ boot) ^
           (worker == 0 ? 0 : Random::scramble(worker));
}

sip::WorkerPlace ServerHost::place_of(unsigned worker) const {
    const auto key = Random::scramble(setup_.seed ^ routing_label);
    return {static_cast<std::uint8_t>(worker),
            static_cast<std::uint8_t>(setup_.workers),
            {key, number}};
}

ServerHost::Worker::Worker(ServerHost& host, unsigned number_given)
    : entropy(host.seed_of(number_given)),
      common_secrets(host.seed_of(0) + 1),
      server(
          [&] {
              presence::ServerOptions made = host.options();
              made.place = host.place_of(number_given);
              if (host.setup_.workers > 1) made.common_secrets = &common_secrets;
              made.common_counts = host.counts_.get();
              return made;
          }(),
          entropy),
      connections(host, number_given) {
    host.add_listeners(server.stack());
    if (host.setup_.workers == 1) return;
    link = std::make_unique<edge::WorkerLink>(
        server.stack(), *host.rings_, connections, counters,
        [&host](unsigned worker) { host.world.wake_worker(host, worker); });
    server.stack().set_neighbors(link.get());
}

unsigned ServerHost::worker_for(const sip::Endpoint& source) const {
    std::uint64_t hash = source.port;
    for (const std::uint8_t byte : source.address.bytes) hash = hash * 257 + byte;
    return static_cast<unsigned>(Random::scramble(hash) % setup_.workers);
}

presence::Server& ServerHost::server_of(unsigned user) {
    return workers_[sip::owner_of_address(place_of(0), setup_.presentity(user))]->server;
}

std::size_t ServerHost::subscriptions() {
    std::size_t all = 0;
    for (auto& each : workers_) all += each->server.notifier().size();
    return all;
}

std::size_t ServerHost::publications() {
    std::size_t all = 0;
    for (auto& each : workers_) all += each->server.compositor().size();
    return all;
}

std::size_t ServerHost::bindings() {
    std::size_t all = 0;
    for (auto& each : workers_) all += each->server.registrar().size();
    return all;
}

void ServerHost::start() {
    if (!workers_.empty()) return;
    ++boot;
    rings_ = std::make_unique<edge::WorkerRings>(setup_.workers);
    if (setup_.workers > 1)
        counts_ = std::make_unique<edge::WorkerCounts>(options().limits, setup_.workers);
    std::vector<std::unique_ptr<Worker>> started;
    for (unsigned i = 0; i < setup_.workers; ++i) {
        started.push_back(std::make_unique<Worker>(*this, i));
        started.back()->memory_at_start = started.back()->server.stack().shard().memory.used();
    }
    workers_ = std::move(started);
    conversations_ = std::make_unique<Conversations>(world, name);
    conversations_->set_signed(setup_.digest);
    conversations_->set_rate(sip::Duration{notify_interval}.count());
    if (strangers_speak_) conversations_->strangers_speak();
    if (setup_.agents) conversations_->agents_answer();
    world.drain(*this);
}

void ServerHost::crash() {
    workers_.clear();
    next_wake = no_time;
}

void ServerHost::stop(Time grace) {
    if (workers_.empty()) return;
    for (auto& each : workers_) each->server.shut_down(here(), presence::Server::Stop::probation);
    conversations_->decided();
    world.drain(*this);
    world.at(world.now + grace, [this, when = boot] {
        if (boot == when) crash();
    });
}

void ServerHost::policy_changed(unsigned user) {
    if (workers_.empty()) return;
    conversations_->decided();
    for (auto& each : workers_) each->server.policy_changed(here(), setup_.presentity(user));
    world.drain(*this);
}

void ServerHost::on_sent(std::string_view text) {
    const Wire wire = read_wire(text);
    conversations_->tell_of_changes(true);
    const bool tells = wire.is_request && wire.method == "NOTIFY" && wire.vias == 1;
    if (tells) check_privacy(wire);
    conversations_->sent(text, wire, here().mono.time_since_epoch().count());
}

/// Nothing is told to a watcher that the policy does not allow: not even again.
void ServerHost::check_privacy(const Wire& wire) {
    const auto presentity = accounts_.number_of(wire.from_user);
    const auto watcher = accounts_.number_of(wire.to_user);
    if (wire.event == "presence.winfo") {
        // RFC 3857 4.6: here everybody asks of himself.
        if (wire.from_user != wire.to_user)
            world.fail("nothing is told that the policy does not allow", "of watchers of others");
        return;
    }
    if (presentity && watcher)
        check_given(wire, *presentity, *watcher);
    else
        world.fail("nothing is told that the policy does not allow", "a NOTIFY of nobody");
}

/// By the rules of this instant; where the wall clock was set a moment ago, by what it would show
/// otherwise.
void ServerHost::check_given(const Wire& wire, unsigned presentity, unsigned watcher) {
    const std::int64_t wall_ms = here().wall_ms;
    const std::string sphere = setup_.rules ? sphere_of(presentity) : "";
    const auto what_is_wrong = [&](const Given& given) -> std::string {
        const bool is_bare = given.handling == Handling::block || wire.state.starts_with("pending");
        if (is_bare && !wire.body.empty()) return "a document";
        if (given.handling == Handling::allow)
            return too_much(setup_, presentity, given, wire.body);
        const View view = view_of(wire.body);
        return view.open > 0 || !view.marks.empty() || !view.persons.empty() ? text_of(view) : "";
    };
    const Given now = accounts_.given(presentity, watcher, {wall_ms, sphere});
    std::string wrong = what_is_wrong(now);
    // The wall clock is read in milliseconds.
    std::vector<std::int64_t> before{-1};
    if (has_jumped()) before.insert(before.end(), before_jumps_ms_.begin(), before_jumps_ms_.end());
    for (const std::int64_t add : before)
        if (!wrong.empty())
            if (what_is_wrong(accounts_.given(presentity, watcher, {wall_ms + add, sphere}))
                    .empty())
                wrong.clear();
    if (!wrong.empty())
        world.fail("nothing is told that the policy does not allow",
                   name + " tells " + std::string(wire.to_user) + " of " +
                       std::string(wire.from_user) + " under " +
                       std::string(sim::name_of(now.handling)) + ": " + wrong);
    // Another sphere or another time decides, too.
    const auto [last, is_first] = given_.try_emplace({presentity, watcher}, now);
    if (!is_first && !(last->second == now)) conversations_->decided();
    last->second = now;
    const RuleBook* book = accounts_.book(presentity);
    conversations_->tell_of_changes(now.handling != Handling::polite_block ||
                                    (book != nullptr && book->handlings(watcher).size() > 1));
}

/// RFC 4745 7.3, RFC 5025 3.1.2: what is published says it, and all of it the same.
std::string ServerHost::sphere_of(unsigned presentity) {
    std::set<std::string> all;
    presence::Server& server = server_of(presentity);
    const sip::ResourceId id = server.resource_of(setup_.presentity(presentity));
    if (id)
        server.compositor().for_each(id, [&](const sip::Compositor::Publication& one) {
            for (const char* sphere : {"work", "home"})
                if (one.body.find(std::string(sphere) + "/>") != std::string_view::npos)
                    all.insert(sphere);
        });
    return all.size() == 1 ? *all.begin() : "";
}

void ServerHost::jump(std::int64_t by_ms) {
    clock.jump(by_ms);
    if (!has_jumped()) before_jumps_ms_ = {0};
    for (std::int64_t& before : before_jumps_ms_) before -= by_ms;
    before_jumps_ms_.push_back(0);
    jumped_at_ = world.now;
}

void ServerHost::on_arrival(std::string_view text) { conversations_->arrived(read_wire(text)); }

void ServerHost::strangers_speak() {
    strangers_speak_ = true;
    if (conversations_) conversations_->strangers_speak();
}

void ServerHost::on_commit(sip::CommitId id, unsigned worker) {
    if (on_commit_wanted) {
        on_commit_wanted(id);
        return;
    }
    Random random(setup_.seed ^ store_label, (static_cast<std::uint64_t>(boot) << 40) + ++commits_);
    const bool durable = !random.percent(store.failures_percent);
    world.at(world.now + random.between(0, store.delay_max),
             [this, id, worker, durable, when = boot] {
                 if (workers_.empty() || boot != when) return;
                 if (durable)
                     workers_[worker]->server.committed(here(), id);
                 else
                     workers_[worker]->server.failed(here(), id);
                 world.drain(*this);
             });
}

void ServerHost::check_devices() {
    if (workers_.empty() || setup_.tight) return;
    struct Lost {
        std::string watcher, resource, package;
        sip::Transport transport;  // stands in its Contact
        sip::Address address;
        sip::Instant since;
    };
    std::vector<Lost> lost;
    const auto each_subscription = [&](auto visit) {
        for (auto& each : workers_) each->server.notifier().for_each(here(), visit);
    };
    each_subscription([&](const sip::Notifier::Snapshot& one) {
        if (one.suspect && one.state != "terminated")
            lost.push_back({std::string(one.watcher), std::string(one.resource),
                            std::string(one.package), one.transport, one.remote.address,
                            one.since});
    });
    if (lost.empty()) return;
    each_subscription([&](const sip::Notifier::Snapshot& one) {
        if (one.suspect || (one.state != "active" && one.state != "pending")) return;
        for (const Lost& old : lost)
            if (old.watcher == one.watcher && old.resource == one.resource &&
                old.package == one.package && old.transport == one.transport &&
                old.address == one.remote.address && old.since < one.since)
                world.fail("a device has one lamp", name + " has two of " + old.watcher + " for " +
                                                        old.resource + ", one without a way");
    });
}

void ServerHost::on_rest() {
    for (auto& each : workers_) check_limits(each->server);
    if (!setup_.tight) return;
    // Of a user: whichever workers have them. One whose way is lost makes room for who comes back.
    std::unordered_map<std::string, std::size_t> by_user;
    for (auto& each : workers_)
        each->server.notifier().for_each(here(), [&](const sip::Notifier::Snapshot& one) {
            if (!one.suspect) ++by_user[std::string(one.watcher)];
        });
    for (const auto& [watcher, count] : by_user)
        if (count > options().limits.subscriptions_per_user)
            world.fail("limits hold",
                       watcher + " has " + std::to_string(count) + " subscriptions at " + name);
}

void ServerHost::check_limits(presence::Server& server) {
    const sip::Limits& limits = server.stack().shard().limits;
    const auto over = [&](const char* what, std::size_t is, std::size_t most) {
        if (is > most) world.fail("limits hold", name + " has " + std::to_string(is) + " " + what);
    };
    over("subscriptions", server.notifier().size(), limits.subscriptions);
    over("publications", server.compositor().size(), limits.publications);
    over("bindings", server.registrar().size(), limits.bindings);
    over("server transactions",
         server.stack().servers().size() - server.stack().servers().completed(),
         limits.server_transactions);
    over("client transactions", server.stack().clients().size(), limits.client_transactions);
    over("bytes", server.stack().shard().memory.used(), limits.memory_bytes);
}

}  // namespace sim
