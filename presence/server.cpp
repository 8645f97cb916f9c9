#include "presence/server.hpp"

#include "sip/base/domains.hpp"
#include "sip/base/text.hpp"
#include "sip/transaction/owner.hpp"

namespace presence {
namespace {

/// What of REGISTER has an option tag: RFC 3327, RFC 5626; and RFC 5627 where that is set.
constexpr std::array<std::string_view, 3> option_tags{"path", "outbound", "gruu"};

/// Their numbers in `packages_`.
constexpr std::uint8_t presence_number = 0, watcher_info_number = 1, watcher_info_of_it_number = 2;
constexpr std::array<std::string_view, 3> packages_served{"presence", "presence.winfo",
                                                          "presence.winfo.winfo"};

sip::StackOptions stack_options(const ServerOptions& options) {
    sip::StackOptions made;
    made.limits = options.limits;
    made.arena = options.arena;
    if (options.strict) made.leniency = sip::Leniency::strict();
    made.sips_only = options.sips_only;
    made.has_store = options.has_store;
    made.tracer = options.tracer;
    made.server_name = options.server_name;
    made.place = options.place;
    made.common_counts = options.common_counts;
    made.exempt = options.exempt;
    return made;
}

sip::DigestServerOptions digest_options(const ServerOptions& options) {
    sip::DigestServerOptions made;
    made.algorithms = options.algorithms;
    made.nonce_lifetime = options.limits.nonce_lifetime;
    made.nonces = options.limits.nonces;
    made.place = options.place;
    made.common_counts = options.common_counts;
    made.domains = options.domains;
    made.strict = options.strict;
    made.anonymous = options.anonymous;
    return made;
}

PresencePackage::Options package_options(const ServerOptions& options) {
    PresencePackage::Options made;
    made.expires_min_s = options.expires_min_s;
    made.expires_max_s = options.expires_max_s;
    made.expires_jitter_percent = options.expires_jitter_percent;
    made.notify_interval = options.notify_interval;
    made.hold_per_watcher = options.hold_per_watcher;
    made.policy = options.policy;
    made.policies = options.policies;
    made.rules = options.rules;
    made.delegations = options.delegations;
    made.local_states = options.local_states;
    made.hard_states = options.hard_states;
    made.composition = options.composition;
    made.strict = options.strict;
    made.anonymous = options.anonymous;
    return made;
}

WatcherInfoPackage::Options watcher_info_options(const ServerOptions& options) {
    WatcherInfoPackage::Options made;
    made.expires_min_s = options.expires_min_s;
    made.expires_max_s = options.expires_max_s;
    made.expires_jitter_percent = options.expires_jitter_percent;
    return made;
}

sip::Registrar::Options registrar_options(const ServerOptions& options) {
    sip::Registrar::Options made;
    made.domains = options.domains;
    made.expires_min_s = options.expires_min_s;
    made.expires_max_s = options.expires_max_s;
    made.gives_gruu = options.gives_gruu;
    made.expires_jitter_percent = options.expires_jitter_percent;
    return made;
}

sip::Proxy::Options proxy_options(const ServerOptions& options) {
    sip::Proxy::Options made;
    made.relay = options.relay;
    made.domains = options.domains;
    made.packages = packages_served;
    made.trusted = options.trusted;
    return made;
}

/// Made first, since the proxy keeps it: digest of its own fields, or everybody's word.
sip::Gate& proxy_gate(const ServerOptions& options, std::optional<sip::DigestServer>& digest,
                      std::optional<sip::DigestGate>& made, sip::Stack& stack,
                      sip::Entropy& entropy, sip::TrustingGate& trusting) {
    if (options.credentials == nullptr) return trusting;
    sip::Entropy& secrets = options.common_secrets ? *options.common_secrets : entropy;
    digest.emplace(stack.shard().memory, secrets, digest_options(options));
    return made.emplace(*digest, *options.credentials, options.domains, sip::DigestRole::proxy);
}

sip::Gate& asserted_gate(const ServerOptions& options, std::optional<sip::AssertedGate>& made,
                         sip::Gate& otherwise, sip::Stack& stack) {
    return made.emplace(otherwise, stack.transport(), stack.shard().leniency, options.trusted,
                        options.untrusted_identity);
}

}  // namespace

bool Server::Addresses::exists(std::string_view address_of_record) const {
    const auto at = address_of_record.rfind('@');
    if (at == std::string_view::npos || at == 0) return false;
    if (!only_.empty()) return address_of_record == only_;
    if (sip::find_domain(domains_, sip::slice(address_of_record, at + 1)).empty()) return false;
    return directory_ == nullptr || directory_->exists(address_of_record);
}

Server::Server(const ServerOptions& options, sip::Entropy& entropy)
    : addresses_(options),
      edge_of_(options.edge_of),
      stack_(stack_options(options), entropy),
      package_(stack_.shard(), addresses_, package_options(options)),
      reconsideration_(stack_.shard(), *this),
      watcher_info_(stack_.shard(), package_, watcher_info_options(options)),
      watcher_info_of_it_(stack_.shard(), watcher_info_, watcher_info_options(options)),
      capabilities_(packages_),
      resources_(stack_.shard()),
      edge_name_(edge_of_, stack_.transport().listeners()),
      notifier_(stack_.core(), packages_, resources_,
                {options.rfc3265_compat, options.keeps_reasons}),
      compositor_(stack_.core(), packages_, resources_, *this),
      registrar_(stack_.core(), addresses_, *this, registrar_options(options)),
      proxy_(stack_.core(), registrar_, addresses_,
             asserted_gate(
                 options, proxy_asserted_gate_,
                 proxy_gate(options, digest_, proxy_digest_gate_, stack_, entropy, trusting_gate_),
                 stack_),
             proxy_options(options)),
      migration_({stack_.shard(), resources_, notifier_, registrar_, proxy_, package_},
                 presence_number, options.migrate) {
    if (options.credentials != nullptr) {
        digest_gate_.emplace(*digest_, *options.credentials, options.domains);
    }
    if (options.notify_secrets != nullptr) {
        notify_digest_.emplace(stack_.shard().memory, entropy, *options.notify_secrets);
        notifier_.set_credentials(&*notify_digest_);
    }
    stack_.set_domains(options.domains);
    if (options.gives_gruu) notifier_.set_devices(this);
    if (options.migrate != MigrationMode::never && options.relay != sip::Proxy::Relay::none) {
        notifier_.set_carrier(&migration_);
        proxy_.set_agents(&migration_);
    }
    join(options);
}

Server::~Server() = default;

void Server::join(const ServerOptions& options) {
    const bool added = packages_.add(package_) && packages_.add(watcher_info_) &&
                       packages_.add(watcher_info_of_it_);
    SIP_ASSERT(added);
    package_.set_sources(&compositor_, &registrar_);
    package_.set_resources(resources_, presence_number, reconsideration_);
    reconsideration_.attach_as(stack_.attach(reconsideration_, {}));
    constexpr std::array subscribe{sip::Method::subscribe}, publish{sip::Method::publish},
        register_{sip::Method::register_};
    const bool is_edge = !edge_of_.empty();
    const std::span<const sip::Method> none;
    notifier_.attach_as(stack_.attach(notifier_, subscribe));
    compositor_.attach_as(stack_.attach(compositor_, is_edge ? none : publish));
    registrar_.attach_as(stack_.attach(registrar_, is_edge ? none : register_));
    if (is_edge) notifier_.set_names(&edge_name_);
    proxy_.attach_as(stack_.attach(proxy_, {}));
    watchers().attach_as(stack_.attach(watchers(), {}), notifier_, watcher_info_number);
    watchers_of_watchers().attach_as(stack_.attach(watchers_of_watchers(), {}), notifier_,
                                     watcher_info_of_it_number);
    if (options.relay != sip::Proxy::Relay::none) stack_.set_forwarder(&proxy_);
    stack_.set_supported(std::span(option_tags).first(options.gives_gruu ? 3 : 2));
    stack_.set_capabilities(&capabilities_);
    sip::Gate& gate = digest_gate_ ? static_cast<sip::Gate&>(*digest_gate_) : trusting_gate_;
    sip::Gate& asserted = asserted_gate(options, asserted_gate_, gate, stack_);
    stack_.set_gate(&asserted);
    if (!options.learn) return;
    subscriber_.emplace(stack_.core());
    subscriber_->attach_as(stack_.attach(*subscriber_, sip::Subscriber::methods));
    const bool is_known = subscriber_->add_package(package_.traits());
    SIP_ASSERT(is_known);
    learner_.emplace(Learner::Parts{stack_.shard(), stack_.transport(), *subscriber_, registrar_,
                                    package_, learnt_},
                     presence_number);
    package_.set_learner(&*learner_);
    migration_.set_learner(&*learner_);
    stack_.set_gate(&notify_door_.emplace(asserted, *subscriber_));
}

std::optional<sip::Effect> Server::poll(const sip::Now& now) {
    for (;;) {
        if (auto effect = stack_.poll(now)) return effect;
        if (!learner_ || !learner_->work(now)) return {};
    }
}

void Server::registrations_changed(const sip::Now& now, std::string_view address_of_record) {
    state_changed(now, presence_number, address_of_record);
}

/// The newest way to the device: its connection, its NAT, or its Contact. To one that another
/// worker has: ourselves, whose proxy there carries it on.
std::optional<sip::Target> Server::find(const sip::Uri& gruu) {
    std::optional<sip::Target> target;
    const sip::WorkerPlace& place = stack_.shard().place;
    if (const auto owner = sip::owner_of_device(place, gruu);
        !place.is_alone() && owner && *owner != place.worker && registrar_.may_be_gruu(gruu)) {
        for (const auto& listener : stack_.transport().listeners()) {
            const bool is_datagram = listener.transport == sip::Transport::udp;
            if (is_datagram || (listener.transport == sip::Transport::tcp && !target))
                target = sip::Target{listener.transport,
                                     is_datagram ? listener.id : sip::ListenerId{},
                                     {},
                                     listener.local,
                                     {}};
            if (is_datagram) break;
        }
        return target;
    }
    (void)registrar_.for_each_of_gruu(gruu, [&](const sip::Registrar::Binding& binding) {
        if (target) return;
        if (const auto source = stack_.transport().source_of(binding.flow)) {
            target = sip::back_to(*source);
        } else if (binding.behind_nat.port != 0) {
            target = sip::Target{sip::Transport::udp, binding.listener, {}, binding.behind_nat, {}};
        } else if (const auto contact = sip::parse_uri(binding.contact)) {
            if (auto located = stack_.transport().locate(*contact)) target = *located;
        }
    });
    return target;
}

void Server::shut_down(const sip::Now& now, Stop stop, std::uint32_t retry_after_min_s,
                       std::uint32_t retry_after_max_s) {
    using Machine = sip::subscription_machine::Event;
    stack_.set_gate(&stopping_);
    proxy_.stop();
    if (learner_) learner_->stop(now);
    if (stop == Stop::deactivate)
        notifier_.shut_down(now, Machine::deactivate, 0, 0);
    else
        notifier_.shut_down(now, Machine::probation, retry_after_min_s, retry_after_max_s);
}

bool Server::trim(const sip::Now& now, std::size_t blocks_max) {
    stack_.advance(now);
    if (stack_.shard().limits.reserve) return false;
    sip::Memory& memory = stack_.shard().memory;
    memory.limit_trim(blocks_max);
    stack_.trim();
    resources_.trim();
    package_.trim();
    watcher_info_.trim();
    watcher_info_of_it_.trim();
    if (learner_) learner_->trim();
    if (digest_) digest_->trim(now);
    const bool more = memory.trim_left() == 0;
    memory.limit_trim(SIZE_MAX);
    return more;
}

void Server::set_policy(const sip::Now& now, Policy policy) {
    package_.set_policy(policy);
    decide_again(now, {});
}

void Server::state_changed(const sip::Now& now, std::string_view presentity) {
    state_changed(now, presence_number, presentity);
}

void Server::state_changed(const sip::Now& now, std::uint8_t package, std::string_view resource) {
    look_at_sphere(now, package, resource);
    migration_.state_changed(now, package, resource);
}

/// Nobody is told of the new state who may not see it in the sphere that it brings.
void Server::look_at_sphere(const sip::Now& now, std::uint8_t package, std::string_view resource) {
    if (package == presence_number && package_.state_may_have_changed(now, resource))
        decide_again(now, resource);
}

void Server::Learnt::state_changed(const sip::Now& now, std::uint8_t package,
                                   std::string_view resource) {
    server_.look_at_sphere(now, package, resource);
    server_.notifier_.state_changed(now, package, resource);
}

sip::ResourceId Server::resource_of(std::string_view presentity) const {
    return resources_.find(presence_number, presentity);
}

sip::Expected<std::size_t> Server::compose(const sip::Now& now, std::string_view presentity,
                                           CompositionObserver* observer, std::span<char> room) {
    return package_.compose_all(now, resource_of(presentity), presentity, observer, room);
}

void Server::policy_changed(const sip::Now& now, std::string_view presentity) {
    decide_again(now, presentity);
}

/// Live subscriptions, then those whose dialog is gone. Who may see watchers depends on who may
/// watch.
void Server::decide_again(const sip::Now& now, std::string_view presentity) {
    notifier_.decide_again(now, presence_number, presentity);
    watchers().decide_again(now, presentity);
    notifier_.decide_again(now, watcher_info_number, presentity);
}

bool Server::is_watched(std::string_view presentity) const {
    return watcher_info_.watchers().is_watched(presentity);
}

}  // namespace presence
