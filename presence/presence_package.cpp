#include "presence/presence_package.hpp"

#include <array>

#include "pidf/arena.hpp"
#include "pidf/document.hpp"
#include "pidf/reader.hpp"
#include "pidf/utf16.hpp"
#include "pidf/writer.hpp"
#include "sip/base/text.hpp"
#include "sip/message/media_type.hpp"
#include "sip/message/uri.hpp"

namespace presence {
namespace {

constexpr std::array<std::string_view, 1> pidf_type{"application/pidf+xml"};

/// What reading one document may cost.
constexpr std::size_t arena_bytes_max = std::size_t{1} << 20;

bool is_entity_of(std::string_view entity, std::string_view resource) {
    const auto uri = sip::parse_uri(entity);
    if (!uri) return false;
    std::array<char, 512> room{};
    sip::Appender name(room);
    sip::write_address_of_record(name, *uri);
    return !name.overflowed() && name.view() == resource;
}

/// RFC 3863 3.1 and RFC 7303 3.2: what the charset parameter says goes before the XML declaration.
/// Without it the rules of XML hold. pidf::read knows UTF-8 and, by its mark, UTF-16.
bool is_readable(std::string_view content_type, std::string_view body) {
    const auto media = sip::parse_media_type(content_type);
    if (!media) return true;  // the compositor has looked
    const std::string_view charset = media->parameters.value_of("charset");
    const bool utf16 = sip::equal_ignoring_case(charset, "utf-16");
    return charset.empty() || (utf16 && pidf::is_utf16(body)) ||
           sip::equal_ignoring_case(charset, "utf-8") ||
           sip::equal_ignoring_case(charset, "us-ascii");
}

}  // namespace

PresencePackage::PresencePackage(sip::Shard& shard, const sip::Directory& directory,
                                 const Options& options)
    : shard_(shard),
      directory_(directory),
      policy_(options.policy),
      policies_(options.policies),
      local_states_(options.local_states),
      registered_as_(options.registered_as),
      strict_(options.strict),
      anonymous_(options.anonymous) {
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

sip::Decision PresencePackage::decide(sip::Now, const sip::Watcher& watcher) {
    using State = sip::SubscriptionDecision;
    // R3856-9.5-1: whom nobody vouches for is not served.
    if (!watcher.authenticated && !anonymous_) return {State::rejected, closed_view};
    // R3856-6.6.2-8.
    if (watcher.authenticated && watcher.identity == watcher.resource)
        return {State::active, full_view};
    std::optional<Policy> own;
    if (policies_ != nullptr) own = policies_->policy_of(watcher.resource);
    switch (own.value_or(policy_)) {
        case Policy::allow:
            // RFC 5025 3.1.1.2: what is for all who are authenticated is not for nobody.
            if (!watcher.authenticated) return {State::pending, closed_view};
            return {State::active, full_view};
        case Policy::confirm: return {State::pending, closed_view};
        case Policy::polite_block: return {State::active, closed_view};
        case Policy::block: break;
    }
    return {State::rejected, closed_view};
}

/// What is no document hides nothing of what others say.
std::optional<LocalStates::State> PresencePackage::local_state_of(sip::Now now,
                                                                  std::string_view resource) const {
    if (local_states_ == nullptr) return {};
    auto state = local_states_->state_of(resource);
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

sip::Expected<std::size_t> PresencePackage::render(sip::Now now, sip::ResourceId id,
                                                   std::string_view resource, sip::ViewId view,
                                                   std::string_view, std::span<char> room) {
    Inputs inputs;
    inputs.presentity = resource;
    inputs.registered_as = registered_as_;
    if (view != full_view) return compose(inputs, shard_.key, shard_.memory, room);
    sip::Vector<Published> published(shard_.memory);
    sip::Vector<Registered> registered(shard_.memory);
    bool complete = true;
    if (publications_ != nullptr && id)
        publications_->for_each(id, [&](const sip::Compositor::Publication& p) {
            complete = complete && published.push({p.body, p.chain, p.changed, p.changed_wall_ms});
        });
    if (const auto local = local_state_of(now, resource))
        complete =
            complete && published.push({local->document, sip::siphash(shard_.key, "local state"),
                                        local->changed, local->changed_wall_ms});
    if (learner_ != nullptr)
        learner_->for_each(resource, [&](const LocalStates::State& state, std::uint64_t binding) {
            const std::uint64_t chain = sip::mix(sip::siphash(shard_.key, "learnt"), binding);
            complete = complete && published.push({state.document, chain, state.changed,
                                                   state.changed_wall_ms});
        });
    if (registrations_ != nullptr)
        registrations_->for_each(resource, [&](const sip::Registrar::Binding& b) {
            complete =
                complete && registered.push({b.contact, b.q, b.has_q, b.id, b.changed_wall_ms});
        });
    if (!complete) return sip::failure(sip::Condition::overloaded, "No memory to compose");
    inputs.published = {published.begin(), published.size()};
    inputs.registered = {registered.begin(), registered.size()};
    return compose(inputs, shard_.key, shard_.memory, room);
}

sip::Expected<std::size_t> PresencePackage::accept_publication(
    sip::Now now, const sip::PublicationBody& publication, std::span<char> room) {
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
    sip::Appender out(room);
    if (const auto written = pidf::write(**document, out); !written)
        return tl::unexpected(written.error());
    return out.size();
}

}  // namespace presence
