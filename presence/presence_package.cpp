#include "presence/presence_package.hpp"

#include <algorithm>
#include <array>

#include "pidf/arena.hpp"
#include "pidf/document.hpp"
#include "pidf/reader.hpp"
#include "pidf/utf16.hpp"
#include "pidf/writer.hpp"
#include "presence/location.hpp"
#include "presence/rules/privacy_filter.hpp"
#include "sip/base/text.hpp"
#include "sip/message/media_type.hpp"
#include "sip/message/uri.hpp"

namespace presence {
namespace {

constexpr std::array<std::string_view, 1> pidf_type{"application/pidf+xml"};

/// What reading one document may cost.
constexpr std::size_t arena_bytes_max = std::size_t{1} << 20;
/// All that is published of one presentity; what one verdict may cost.
constexpr std::size_t documents_bytes_max = std::size_t{16} << 20;
constexpr std::size_t verdict_bytes_max = std::size_t{1} << 20;
/// What is kept of why a decision came out as it did.
constexpr std::size_t reason_bytes = 256;
/// Numbers of views below are the package's own.
constexpr std::uint32_t first_of_rules = 2;

bool is_entity_of(std::string_view entity, std::string_view resource) {
    if (!sip::built_for_size && entity.starts_with("sip:") && sip::slice(entity, 4) == resource)
        return true;
    const auto uri = sip::parse_uri(entity);
    if (!uri) return false;
    sip::Room<512> name;
    sip::write_address_of_record(name, *uri);
    return !name.overflowed() && name.view() == resource;
}

/// `visit(deviceID)` of all that a document speaks of; false stops.
template <class Visit>
bool each_device(const pidf::Document& document, Visit visit) {
    for (const pidf::Tuple& tuple : document.tuples)
        if (const auto device = pidf::device_of(tuple); !device.empty() && !visit(device))
            return false;
    for (const pidf::Device& device : document.devices)
        if (!visit(device.device_id)) return false;
    return true;
}
/// `visit(contact)` of its tuples, empty for the address itself.
template <class Visit>
bool each_contact(const pidf::Document& document, Visit visit) {
    for (const pidf::Tuple& tuple : document.tuples)
        if (!visit(tuple.contact)) return false;
    return true;
}
bool is_same_contact(std::string_view a, std::string_view b) {
    if (a == b) return true;
    const auto x = sip::parse_uri(a), y = sip::parse_uri(b);
    return x && y && sip::equivalent(*x, *y);
}
/// Whether both have some, and each has all that the other has.
template <class Each, class Same>
bool is_same_set(const pidf::Document& a, const pidf::Document& b, Each each, Same same) {
    const auto has = [&](const pidf::Document& in, std::string_view one) {
        return !each(in, [&](std::string_view other) { return !same(one, other); });
    };
    bool any = false;
    return each(a, [&](std::string_view one) { return any = has(b, one); }) && any &&
           each(b, [&](std::string_view one) { return has(a, one); });
}

/// RFC 3863 3.1 and RFC 7303 3.2: what the charset parameter says goes before the XML declaration.
/// Without it the rules of XML hold. pidf::read knows UTF-8 and, by its mark, UTF-16.
bool is_readable(std::string_view content_type, std::string_view body) {
    if (!sip::built_for_size && content_type.find(';') == std::string_view::npos) return true;
    const auto media = sip::parse_media_type(content_type);
    if (!media) return true;  // the compositor has looked
    const std::string_view charset = media->parameters.value_of("charset");
    const bool utf16 = sip::equal_ignoring_case(charset, "utf-16");
    return charset.empty() || (utf16 && pidf::is_utf16(body)) ||
           sip::equal_ignoring_case(charset, "utf-8") ||
           sip::equal_ignoring_case(charset, "us-ascii");
}

std::string_view reason_of(Policy policy, bool own) {
    switch (policy) {
        case Policy::allow: return own ? "own policy allow" : "policy allow";
        case Policy::confirm: return own ? "own policy confirm" : "policy confirm";
        case Policy::polite_block: return own ? "own policy polite-block" : "policy polite-block";
        case Policy::block: break;
    }
    return own ? "own policy block" : "policy block";
}

/// When the wall clock will show `wall_ms`, which is later than now.
sip::Instant instant_of(const sip::Now& now, std::int64_t wall_ms) {
    constexpr std::int64_t far_ms = std::int64_t{1000} * 86'400 * 366;  // looked at again then
    return sip::later(now.mono, sip::milliseconds{std::min(wall_ms - now.wall_ms, far_ms)});
}

}  // namespace

PresencePackage::PresencePackage(sip::Shard& shard, const sip::Directory& directory,
                                 const Options& options)
    : shard_(shard),
      directory_(directory),
      policy_(options.policy),
      policies_(options.policies),
      rules_(options.rules),
      delegations_(options.delegations),
      local_states_(options.local_states),
      hard_states_(options.hard_states),
      composition_(options.composition),
      strict_(options.strict),
      anonymous_(options.anonymous),
      views_(shard, first_of_rules) {
    traits_.name = "presence";
    traits_.accept = pidf_type;
    traits_.publish = pidf_type;
    traits_.expires_default_s = options.expires_default_s;
    traits_.expires_min_s = options.expires_min_s;
    traits_.expires_max_s = options.expires_max_s;
    traits_.expires_jitter_percent = options.expires_jitter_percent;
    traits_.notify_interval_min = options.notify_interval;
    traits_.hold_per_subscription = options.hold_per_watcher;
    traits_.forks = Forks::one_dialog;
}

// Who may see whom ------------------------------------------------------------------------------

sip::Decision PresencePackage::decide(const sip::Now& now, const sip::Watcher& watcher) {
    using State = sip::SubscriptionDecision;
    // R3856-9.5-1: whom nobody vouches for is not served.
    if (!watcher.authenticated && !anonymous_)
        return {State::rejected, closed_view, "nobody vouches for the watcher"};
    // R3856-6.6.2-8.
    if (watcher.authenticated && watcher.identity == watcher.resource)
        return {State::active, full_view, "own address"};
    const Ruleset* rules = rules_ == nullptr ? nullptr : rules_->rules_of(watcher.resource);
    if (rules == nullptr) return decide_by_policy(watcher);
    const auto decision = decide_by_rules(now, *rules, watcher);
    if (decision) return *decision;
    // Nobody sees anything before it is clear that he may.
    shard_.decision(now, "held", decision.error().rule, watcher.resource);
    if (reconsideration_ != nullptr) reconsideration_->expect_soon(now, watcher.resource);
    return {State::pending, closed_view, "no memory to decide"};
}

sip::Decision PresencePackage::decide_by_policy(const sip::Watcher& watcher) const {
    using State = sip::SubscriptionDecision;
    const PolicyInForce force = policy_for(watcher.resource);
    const std::string_view because = reason_of(force.policy, force.own);
    switch (force.policy) {
        case Policy::allow:
            // RFC 5025 3.1.1.2: what is for all who are authenticated is not for nobody.
            if (!watcher.authenticated)
                return {State::pending, closed_view, "policy allow, which is not for nobody"};
            return {State::active, full_view, because};
        case Policy::confirm: return {State::pending, closed_view, because};
        case Policy::polite_block: return {State::active, closed_view, because};
        case Policy::block: break;
    }
    return {State::rejected, closed_view, because};
}

PresencePackage::PolicyInForce PresencePackage::policy_for(std::string_view presentity) const {
    std::optional<Policy> own;
    if (policies_ != nullptr) own = policies_->policy_of(presentity);
    return {own.value_or(policy_), own.has_value()};
}

sip::Expected<sip::Decision> PresencePackage::decide_by_rules(const sip::Now& now,
                                                              const Ruleset& rules,
                                                              const sip::Watcher& watcher) {
    using State = sip::SubscriptionDecision;
    pidf::Arena arena(shard_.memory, verdict_bytes_max);
    Circumstances circumstances;
    circumstances.wall_ms = now.wall_ms;
    sip::Room<520> uri;
    uri << "sip:" << watcher.identity;
    const std::string_view identity = uri.view();
    if (watcher.authenticated && !uri.overflowed()) circumstances.identities = {&identity, 1};
    if (rules.uses_sphere()) {
        const auto sphere = sphere_of_presentity(now, watcher.resource);
        if (!sphere) return tl::unexpected(sphere.error());
        circumstances.sphere = *sphere;
    }
    const auto verdict = rules.evaluate(circumstances, arena);
    if (!verdict) return tl::unexpected(verdict.error());
    if (reconsideration_ != nullptr)
        reconsideration_->expect(
            now, watcher.resource,
            {verdict->until_wall_ms, rules.uses_sphere(), circumstances.sphere});
    const Permissions& given = verdict->permissions;
    const std::string_view because = reason_by_rules(*verdict);
    switch (given.handling) {
        case SubHandling::block: break;
        case SubHandling::confirm: return sip::Decision{State::pending, closed_view, because};
        case SubHandling::polite_block: return sip::Decision{State::active, closed_view, because};
        case SubHandling::allow:
            if (given.gives_everything()) return sip::Decision{State::active, full_view, because};
            const auto view = views_.obtain(given);
            if (!view) return sip::failure(sip::Condition::overloaded, "No memory for a view");
            return sip::Decision{State::active, *view, because};
    }
    return sip::Decision{State::rejected, closed_view, because};
}

/// "rules friends, family: allow", as far as it fits; in `reason_`, for as long as that stays.
std::string_view PresencePackage::reason_by_rules(const Verdict& verdict) {
    if (verdict.rules.empty()) return "no rule is for the watcher: block";
    if (reason_.size() == 0 && !reason_.resize(shard_.memory, reason_bytes)) return "rules";
    constexpr std::string_view more = ", ...";
    sip::Appender out({reason_.data(), reason_.size()});
    const std::string_view end = presence::name_of(verdict.permissions.handling);
    out << (verdict.rules.size() == 1 ? "rule " : "rules ");
    bool first = true;
    for (const std::string_view id : verdict.rules) {
        if (out.size() + id.size() + 2 + more.size() + 2 + end.size() > reason_.size()) {
            out << more;
            break;
        }
        if (!first) out << ", ";
        first = false;
        out << id;
    }
    out << ": " << end;
    return out.view();
}

/// RFC 5025 3.1.2, kept until the state of somebody changes.
sip::Expected<std::optional<std::string_view>> PresencePackage::sphere_of_presentity(
    const sip::Now& now, std::string_view resource) {
    if (sphere_of_.view() != resource)
        if (const auto read = read_sphere(now, resource); !read)
            return tl::unexpected(read.error());
    if (!has_sphere_) return std::optional<std::string_view>{};
    return std::optional(sphere_.view());
}

sip::Expected<void> PresencePackage::read_sphere(const sip::Now& now, std::string_view resource) {
    sphere_of_.reset();
    pidf::Arena arena(shard_.memory, documents_bytes_max);
    pidf::ReadOptions options;
    options.unknown_basic = true;
    pidf::Document all;
    sip::Fault error;
    const auto take = [&](std::string_view text) {
        if (error) return;
        const auto read = pidf::read(text, arena, options);
        if (!read) {
            error = read.error();
            return;
        }
        for (pidf::Person* person = (*read)->persons.first; person != nullptr;) {
            pidf::Person* next = person->next;
            all.persons.push_back(person);
            person = next;
        }
    };
    const sip::ResourceId id =
        resources_ == nullptr ? sip::ResourceId{} : resources_->find(number_, resource);
    if (publications_ != nullptr && id)
        publications_->for_each(id, [&](const sip::Compositor::Publication& p) { take(p.body); });
    for (const LocalStates* states : {local_states_, hard_states_})
        if (const auto state = state_of(now, states, resource)) take(state->document);
    if (learner_ != nullptr)
        learner_->for_each(resource, [&](const LocalStates::State& state, std::uint64_t) {
            take(state.document);
        });
    if (error) return tl::unexpected(*error);
    const auto sphere = sphere_of(all);
    has_sphere_ = sphere.has_value();
    if (!sphere_.assign(shard_.memory, sphere.value_or(std::string_view{})) ||
        !sphere_of_.assign(shard_.memory, resource))
        return sip::failure(sip::Condition::overloaded, "No memory for the sphere");
    return {};
}

bool PresencePackage::state_may_have_changed(const sip::Now& now, std::string_view presentity) {
    sphere_of_.reset();
    if (reconsideration_ == nullptr || !reconsideration_->asks_for_sphere(presentity)) return false;
    const auto sphere = sphere_of_presentity(now, presentity);
    return !sphere || reconsideration_->is_other_sphere(presentity, *sphere);
}

// What they see ---------------------------------------------------------------------------------

/// What is no document hides nothing of what others say.
std::optional<LocalStates::State> PresencePackage::state_of(const sip::Now& now,
                                                            const LocalStates* states,
                                                            std::string_view resource) const {
    if (states == nullptr) return {};
    auto state = states->state_of(resource);
    if (!state) return {};
    pidf::Arena arena(shard_.memory, arena_bytes_max);
    pidf::ReadOptions options;
    options.unknown_basic = true;
    if (const auto read = pidf::read(state->document, arena, options); !read) {
        shard_.decision(now, "dropped", read.error().rule, resource);
        return {};
    }
    return state;
}

sip::Expected<std::size_t> PresencePackage::render(const sip::Now& now, sip::ResourceId id,
                                                   std::string_view resource, sip::ViewId view,
                                                   std::string_view, std::span<char> room) {
    if (view == full_view) return compose_all(now, id, resource, nullptr, room);
    Inputs inputs;
    inputs.presentity = resource;
    pidf::Arena arena(shard_.memory, verdict_bytes_max);
    Permissions permissions;
    if (view == closed_view) return finish(now, inputs, room);
    if (!views_.find(view, arena, permissions))
        return sip::failure(sip::Condition::overloaded, "No memory for what rules give");
    inputs.permissions = &permissions;
    return compose_of(now, id, inputs, room);
}

sip::Expected<std::size_t> PresencePackage::compose_all(const sip::Now& now, sip::ResourceId id,
                                                        std::string_view resource,
                                                        CompositionObserver* observer,
                                                        std::span<char> room) {
    Inputs inputs;
    inputs.presentity = resource;
    inputs.observer = observer;
    return compose_of(now, id, inputs, room);
}

/// What there is of the presentity goes into `inputs`, and is composed.
sip::Expected<std::size_t> PresencePackage::compose_of(const sip::Now& now, sip::ResourceId id,
                                                       Inputs& inputs, std::span<char> room) {
    sip::Vector<Published> published(shard_.memory);
    sip::Vector<Registered> registered(shard_.memory);
    if (!collect(now, id, inputs.presentity, published, registered))
        return sip::failure(sip::Condition::overloaded, "No memory to compose");
    inputs.published = {published.begin(), published.size()};
    inputs.registered = {registered.begin(), registered.size()};
    return finish(now, inputs, room);
}

sip::Expected<std::size_t> PresencePackage::finish(const sip::Now& now, Inputs& inputs,
                                                   std::span<char> room) {
    inputs.policy = composition_;
    inputs.now_ms = now.wall_ms;
    changes_at_.reset();
    const auto composed = compose(inputs, shard_.key, shard_.memory, room);
    if (!composed) return tl::unexpected(composed.error());
    if (composed->changes_ms != no_change) changes_at_ = instant_of(now, composed->changes_ms);
    return composed->size;
}

/// All that is said of a presentity. False: no memory.
bool PresencePackage::collect(const sip::Now& now, sip::ResourceId id, std::string_view resource,
                              sip::Vector<Published>& published,
                              sip::Vector<Registered>& registered) const {
    bool complete = true;
    const auto add = [&](const Published& one) {
        complete = complete && published.push(Published(one));
    };
    if (publications_ != nullptr && id)
        publications_->for_each(id, [&](const sip::Compositor::Publication& p) {
            const Origin origin = p.publisher == resource ? Origin::own : Origin::delegate;
            add({p.body, p.chain, p.changed, p.changed_wall_ms, origin});
        });
    if (const auto local = state_of(now, local_states_, resource))
        add({local->document, sip::siphash(shard_.key, "local state"), local->changed,
             local->changed_wall_ms, Origin::local});
    if (learner_ != nullptr)
        learner_->for_each(resource, [&](const LocalStates::State& state, std::uint64_t binding) {
            const std::uint64_t chain = sip::mix(sip::siphash(shard_.key, "learnt"), binding);
            add({state.document, chain, state.changed, state.changed_wall_ms, Origin::own});
        });
    if (const auto hard = state_of(now, hard_states_, resource))
        add({hard->document, sip::siphash(shard_.key, "hard state"), hard->changed,
             hard->changed_wall_ms, Origin::hard});
    if (registrations_ != nullptr)
        registrations_->for_each(resource, [&](const sip::Registrar::Binding& b) {
            complete = complete && registered.push({b.contact, b.q, b.has_q, b.id,
                                                    b.changed_wall_ms, b.parameters});
        });
    return complete;
}

bool PresencePackage::may_publish(std::string_view resource, std::string_view publisher) const {
    return resource == publisher ||
           (delegations_ != nullptr && delegations_->may_publish(publisher, resource));
}

sip::Expected<std::size_t> PresencePackage::accept_publication(
    const sip::Now& now, const sip::PublicationBody& publication, std::span<char> room) {
    if (!is_readable(publication.content_type, publication.body))
        return sip::failure(sip::Condition::media_not_supported, "PIDF: charset is not UTF-8");
    pidf::Arena arena(shard_.memory, arena_bytes_max);
    pidf::ReadOptions options;
    options.strict = strict_;
    options.unknown_basic = !strict_;
    const auto document = pidf::read(publication.body, arena, options);
    if (!document) {
        if (document.error().condition == sip::Condition::overloaded)
            ++shard_.counters.limit_memory;
        return tl::unexpected(document.error());
    }
    // R3863-4.1.1-3: reported, not trusted. What is composed names the presentity anyway.
    if (!is_entity_of((*document)->entity, publication.resource))
        shard_.decision(now, "publication", "entity is not the presentity", publication.publisher);
    if (const auto done = move_locations(**document, arena); !done)
        return tl::unexpected(done.error());
    sip::Appender out(room);
    if (const auto written = pidf::write(**document, out); !written)
        return tl::unexpected(written.error());
    return out.size();
}

bool PresencePackage::supersedes(std::string_view newer, std::string_view older, bool same_call) {
    pidf::Arena arena(shard_.memory, arena_bytes_max);
    pidf::ReadOptions options;
    options.unknown_basic = true;
    const auto a = pidf::read(newer, arena, options), b = pidf::read(older, arena, options);
    if (!a || !b) return false;
    const auto devices = [](const pidf::Document& d, auto visit) { return each_device(d, visit); };
    const auto contacts = [](const pidf::Document& d, auto visit) {
        return each_contact(d, visit);
    };
    const auto equal = [](std::string_view x, std::string_view y) { return x == y; };
    return is_same_set(**a, **b, devices, equal) ||
           (same_call && is_same_set(**a, **b, contacts, is_same_contact));
}

}  // namespace presence
