#include "presence/migration.hpp"

#include <array>

#include "sip/message/capabilities.hpp"
#include "sip/registrar/outbound.hpp"

namespace presence {
namespace {

using Mark = sip::Registrar::Mark;

/// What a PUA's refusal says of it. RFC 3856 6.11.2 has 405 and 489; others mean as much.
struct Refusal {
    std::uint16_t status;
    Mark mark;
};
constexpr std::array refusals{
    Refusal{401, Mark::while_registered},  // our word about watchers is not taken there
    Refusal{404, Mark::while_registered},  // it does not know itself by its contact
    Refusal{405, Mark::while_registered},  // R3856-6.11.2-4
    Refusal{407, Mark::while_registered},
    Refusal{481, Mark::while_registered},
    Refusal{489, Mark::while_registered},  // R3856-6.11.2-4
    Refusal{501, Mark::while_registered},
    // Of this request, and the next may be another.
    Refusal{400, Mark::none},
    Refusal{406, Mark::none},
    Refusal{413, Mark::none},
    Refusal{414, Mark::none},
    Refusal{415, Mark::none},
    Refusal{416, Mark::none},
    Refusal{420, Mark::none},
    Refusal{482, Mark::none},
};

/// Any other, and silence: it cannot at the moment, and its next REGISTER says that it is there.
Mark mark_for(std::uint16_t status) {
    for (const Refusal& refusal : refusals)
        if (refusal.status == status) return refusal.mark;
    return Mark::until_refresh;
}

std::string_view instance_of(const sip::Registrar::Binding& binding) {
    return binding.reg_id == 0 ? std::string_view{}
                               : sip::read_outbound(sip::Parameters(binding.parameters)).instance;
}

}  // namespace

bool Migration::may_be_agent(const sip::Registrar::Binding& binding) const {
    if (binding.mark != Mark::none) return false;  // R3856-6.11.2-5
    const sip::CalleeCapabilities said(binding.parameters);
    const bool can = said.has_method("SUBSCRIBE") && said.has_event("presence");
    if (can || mode_ == MigrationMode::capable) return can;  // R3856-6.11.2-3
    const bool says = said.find("methods") || said.find("events");
    return !says;
}

/// The PUA that serves the presentity; nothing: we do.
std::optional<sip::Registrar::Binding> Migration::agent_of(std::string_view presentity) {
    if (mode_ == MigrationMode::never || parts_.package.has_local_state(presentity)) return {};
    const sip::ResourceId id = parts_.resources.find(number_, presentity);
    if (id && parts_.resources.at(id).first_publication != UINT32_MAX) return {};
    std::optional<sip::Registrar::Binding> agent;
    std::size_t devices = 0;
    parts_.registrar.for_each(presentity, [&](const sip::Registrar::Binding& binding) {
        // The flows of a device (RFC 5626) are one PUA, and the newest is the way to it.
        const bool same = agent && binding.reg_id != 0 && !instance_of(*agent).empty() &&
                          instance_of(binding) == instance_of(*agent);
        if (same) return;
        ++devices;
        if (!agent) agent = binding;
    });
    if (devices != 1 || !may_be_agent(*agent)) return {};
    if (id && parts_.resources.at(id).subscriptions > parts_.shard.limits.migrated_watchers) {
        ++parts_.shard.counters.limit_migrated_watchers;
        return {};
    }
    return agent;
}

void Migration::state_changed(const sip::Now& now, std::uint8_t package,
                              std::string_view resource) {
    parts_.notifier.state_changed(now, package, resource);
    if (package == number_) reconsider(now, resource);
}

void Migration::reconsider(const sip::Now& now, std::string_view presentity) {
    parts_.notifier.let_go(now, number_, presentity);
    if (learner_ != nullptr)
        learner_->reconsider(now, presentity, agent_of(presentity).has_value());
}

bool Migration::is_elsewhere(std::uint8_t package, std::string_view resource, sip::ViewId view) {
    return package == number_ && parts_.package.may_leave(view) && agent_of(resource);
}

bool Migration::take(const sip::Now& now, const sip::Request& request, std::uint8_t package,
                     std::string_view resource, sip::ViewId view) {
    if (package != number_ || !request.identity.authenticated || !parts_.package.may_leave(view))
        return false;
    // What passes in the dialog is known by its From and To.
    sip::Room<512> from;
    sip::write_address_of_record(from, request.essentials.from.uri);
    if (from.overflowed() || from.view() != request.identity.address_of_record) return false;
    const auto agent = agent_of(resource);
    if (!agent) return false;
    const sip::Duration patience = parts_.shard.limits.migration_patience;
    if (!parts_.proxy.try_at(now, request, *agent, patience, *this)) return false;
    ++parts_.shard.counters.migrations;
    return true;
}

/// Those of the PUA's user about this watcher stand: whom he refuses is not served by us instead.
bool Migration::is_answer(std::uint16_t status) const {
    return status == 403 || status == 423 || status >= 600;
}

void Migration::come_back(const sip::Now& now, const sip::Request& request, std::uint64_t binding,
                          std::uint16_t status) {
    sip::Room<512> name;
    sip::write_address_of_record(name, request.essentials.request_uri);
    ++parts_.shard.counters.migrations_returned;
    parts_.shard.decision(now, "migration", "the PUA does not answer for itself", name.view(),
                          status);
    if (const Mark mark = mark_for(status); mark != Mark::none)
        parts_.registrar.mark(name.view(), binding, mark);
    parts_.notifier.serve_here(now, request);
}

bool Migration::may_go(const sip::Now& now, std::string_view watcher, std::string_view resource) {
    const sip::Decision decision = parts_.package.decide(now, {watcher, resource, true});
    return decision.state == sip::SubscriptionDecision::active &&
           parts_.package.may_leave(decision.view);
}

std::optional<sip::Registrar::Binding> Migration::agent_for(const sip::Now& now, std::string_view,
                                                            std::string_view watcher,
                                                            std::string_view resource) {
    if (!may_go(now, watcher, resource)) return {};
    return agent_of(resource);
}

bool Migration::may_be_told(const sip::Now& now, std::string_view, std::string_view watcher,
                            std::string_view resource) {
    return may_go(now, watcher, resource);
}

}  // namespace presence
