#include "presence/agent.hpp"

#include <array>

#include "pidf/arena.hpp"
#include "pidf/document.hpp"
#include "pidf/writer.hpp"

namespace presence {
namespace {

constexpr std::array<std::string_view, 1> pidf_type{"application/pidf+xml"};
constexpr sip::ViewId full_view{0}, closed_view{1};
/// What the closed document may cost while it is written.
constexpr std::size_t arena_bytes_max = 8'192;

sip::StackOptions stack_options(const AgentOptions& options) {
    sip::StackOptions made;
    made.limits = options.limits;
    made.tracer = options.tracer;
    made.arena = options.arena;
    return made;
}

}  // namespace

Agent::Agent(const AgentOptions& options, const AgentUser& user, sip::Entropy& entropy)
    : presentity_(options.presentity),
      stack_(stack_options(options), entropy),
      package_(options, user, stack_.shard()),
      gate_(options.gate != nullptr ? *options.gate : door_, stack_.transport(),
            stack_.shard().leniency, options.trusted, sip::AssertedGate::Untrusted::strip),
      capabilities_(packages_),
      resources_(stack_.shard()),
      notifier_(stack_.core(), packages_, resources_, {}),
      name_(presentity_, stack_.transport().listeners()) {
    const bool added = packages_.add(package_);
    SIP_ASSERT(added);
    constexpr std::array subscribe{sip::Method::subscribe};
    notifier_.attach_as(stack_.attach(notifier_, subscribe));
    notifier_.set_names(&name_);
    stack_.set_capabilities(&capabilities_);
    stack_.set_gate(&gate_);
}

sip::Limits Agent::limits_for(std::uint32_t watchers) {
    sip::Limits limits;
    limits.message_bytes = limits.header_bytes = limits.response_bytes = 8'192;
    limits.body_bytes = limits.notify_body_bytes = 4'096;
    limits.subscriptions = watchers;
    limits.resources = 2;
    limits.undecided_watchers = watchers;
    limits.client_transactions = watchers + 8;  // a NOTIFY each; and those of a registrant
    // 32 s each: a watcher asks, is challenged, asks again, and leaves.
    limits.server_transactions = 4 * watchers + 24;
    limits.own_registrations = 2;
    limits.notices = 16;
    limits.unproven_peers = watchers;
    limits.rate_buckets = limits.known_sources = 64;
    limits.nonces = 16;
    limits.flows = 4;
    limits.completed_transactions = 8 * watchers + 48;
    limits.response_forms = 16;
    limits.waiting_requests = 8;
    limits.name_lookups = limits.name_questions = 4;
    limits.name_cache_entries = limits.failed_targets = 16;
    limits.name_cache_bytes = 4'096;
    return limits;
}

void Agent::shut_down(const sip::Now& now) {
    door_.stopping = true;
    stack_.set_gate(&door_);
    notifier_.shut_down(now, sip::subscription_machine::Event::deactivate, 0, 0);
}

sip::Gate::Verdict Agent::Door::admit(const sip::Now&, const sip::Request&) {
    Verdict verdict;
    verdict.kind = Verdict::Kind::refused;
    verdict.error = {stopping ? sip::Condition::overloaded : sip::Condition::forbidden,
                     stopping ? "Shutting down" : "Nobody vouches for the sender"};
    return verdict;
}

Agent::Package::Package(const AgentOptions& options, const AgentUser& user, sip::Shard& shard)
    : presentity_(options.presentity), user_(user), shard_(shard) {
    traits_.name = "presence";
    traits_.accept = pidf_type;
    traits_.expires_min_s = options.expires_min_s;
    traits_.expires_max_s = options.expires_max_s;
    traits_.notify_interval_min = options.notify_interval;
}

sip::Decision Agent::Package::decide(const sip::Now&, const sip::Watcher& watcher) {
    using State = sip::SubscriptionDecision;
    // R3856-9.5-1: whom nobody vouches for is not served.
    if (!watcher.authenticated)
        return {State::rejected, closed_view, "nobody vouches for the watcher"};
    // R3856-6.6.2-8.
    if (watcher.identity == presentity_) return {State::active, full_view, "own address"};
    switch (user_.policy_for(watcher.identity)) {
        case Policy::allow: return {State::active, full_view, "policy allow"};
        case Policy::confirm: return {State::pending, closed_view, "policy confirm"};
        case Policy::polite_block: return {State::active, closed_view, "policy polite-block"};
        case Policy::block: break;
    }
    return {State::rejected, closed_view, "policy block"};
}

sip::Expected<std::size_t> Agent::Package::render(const sip::Now&, sip::ResourceId,
                                                  std::string_view, sip::ViewId view,
                                                  std::string_view, std::span<char> room) {
    sip::Appender out(room);
    if (const auto own = user_.document(); view == full_view && !own.empty()) {
        out << own;
    } else {
        std::array<char, 512> entity{};
        sip::Appender name(entity);
        name << "sip:" << presentity_;
        pidf::Arena arena(shard_.memory, arena_bytes_max);
        pidf::Document document;
        document.entity = name.view();
        pidf::Tuple* tuple = pidf::add_tuple(document, arena, "closed");
        if (tuple == nullptr) return sip::failure(sip::Condition::overloaded, "No memory to write");
        tuple->basic = pidf::Basic::closed;
        tuple->contact = document.entity;
        if (const auto written = pidf::write(document, out); !written)
            return tl::unexpected(written.error());
    }
    if (out.overflowed()) return sip::failure(sip::Condition::body_too_large, "The document");
    return out.size();
}

}  // namespace presence
