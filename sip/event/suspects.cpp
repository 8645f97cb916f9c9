#include <algorithm>

#include "sip/base/text.hpp"
#include "sip/event/notifier.hpp"
#include "sip/message/contact.hpp"

// The part of the Notifier that is about suspects: watchers whose connection is gone. They may
// have lost it and come back, or be no more. A subscription is kept until it runs out, and its
// watcher is told nothing it could not hear; when the same device comes back it is told at once.
// If it comes with a new dialog, that one takes the place of the old.

namespace sip {
namespace {

using Machine = subscription_machine::Event;
using State = subscription_machine::State;

}  // namespace

/// A device is known by the instance that its Contact names (RFC 5626 4.1), or by its Contact.
std::uint64_t Notifier::device_hash(const Request& request, const Wanted& wanted,
                                    std::string_view target) const {
    const HashKey& key = core_.shard.key;
    std::uint64_t device = 0;
    if (request.message.has(HeaderId::contact)) {
        const Contact& contact = request.essentials.contact;
        if (request.essentials.contact_count == 0 || contact.star) return 0;
        const std::string_view instance = contact.address.parameters.value_of("+sip.instance");
        device = instance.empty() ? hash_of(key, contact.address.uri)
                                  : mix(table_hash(key, instance), key.k1);
    } else if (const auto uri = parse_uri(target, core_.shard.leniency)) {
        device = hash_of(key, *uri);
    }
    device = mix(device, table_hash(key, request.identity.address_of_record));
    device = mix(device, wanted.resource);
    return mix(device, table_hash(key, wanted.event_id));
}

/// What `bind_flow` needs once `request` is accepted. False: there is no memory for it.
bool Notifier::keep_connection(Handle handle, const Request& request, const Wanted& wanted) {
    Subscription& s = *slab_.find(handle);
    if (!is_reliable(request.source.transport) || s.connection != none) return true;
    const Handle made = connections_.create();
    if (!made) return false;
    s.connection = made.index;
    const bool is_new = s.state == State::init;
    connections_.find(made)->device =
        is_new ? wanted.device : device_hash(request, wanted, s.dialog.remote_target());
    return true;
}

void Notifier::bind_flow(Handle handle) {
    Subscription& s = *slab_.find(handle);
    Connection* connection = connection_of(s);
    if (connection == nullptr) return;
    const Source path = s.dialog.path();
    const FlowId flow = is_reliable(path.transport) ? path.flow : FlowId{};
    if (flow != connection->bond.flow())
        core_.transport.bind(connection->bond, flow, {part_, handle});
    // Without memory for this it stands beside the device's next one until it runs out.
    if (flow != FlowId{} && !connection->is_indexed)
        connection->is_indexed = by_device_.insert(connection->device, handle.index);
}

void Notifier::on_flow_lost(const Now& now, Handle handle) {
    Subscription* s = slab_.find(handle);
    // To one behind a proxy the Route leads, by another connection.
    if (s == nullptr || s->suspect || !s->dialog.is_direct()) return;
    const bool was_telling = s->outstanding;
    if (was_telling) core_.clients.withdraw(s->transaction);
    if (was_telling) s->told = Told::failed;
    s->outstanding = false;
    leave_far_end(handle);
    if (s->state == State::terminated || has_newer(*s)) {
        // It was being told its end, or its device has a newer one.
        step(now, handle, Machine::lost);
        return;
    }
    ++core_.shard.counters.suspect_watchers;
    core_.shard.decision(now, "held", "the watcher's connection is gone", s->identity.view());
    s->suspect = true;
    ++suspects_;
    s->failures = 0;
    if (was_telling || s->due || s->timers.running(Name::retry)) make_due(handle, false);
}

/// Its device was heard of.
void Notifier::trust_again(Subscription& s) {
    if (!s.suspect) return;
    s.suspect = s.silent = false;
    s.failures = 0;
    --suspects_;
}

/// It is not to be reached at its Contact either. What it would be told waits for it.
void Notifier::fall_silent(Handle handle) {
    Subscription& s = *slab_.find(handle);
    leave_far_end(handle);
    s.silent = true;
    s.due = true;
    s.by_change = s.again = false;
    dequeue(s);
}

/// The device came back before its old connection was known to be gone.
bool Notifier::has_newer(const Subscription& s) const {
    const std::uint64_t device = device_of(s);
    const auto is_newer = [&](std::uint32_t i) {
        const Subscription& other = const_cast<Notifier*>(this)->slab_.at(i);
        return &other != &s && device_of(other) == device && !other.suspect &&
               other.dialog.path().flow != s.dialog.path().flow &&
               (other.state == State::active || other.state == State::pending);
    };
    return by_device_.find(device, is_newer) != HashIndex::none;
}

/// One of that device other than `but`.
Handle Notifier::find_suspect(std::uint64_t device, Handle but) {
    if (suspects_ == 0) return {};
    const std::uint32_t index = by_device_.find(device, [&](std::uint32_t i) {
        return i != but.index && device_of(slab_.at(i)) == device && slab_.at(i).suspect;
    });
    return index == HashIndex::none ? Handle{} : slab_.handle_at(index);
}

/// The device has come back with a new dialog: never two for one lamp.
void Notifier::supersede(const Now& now, Handle by, std::uint64_t device) {
    while (const Handle old = find_suspect(device, by)) {
        ++core_.shard.counters.superseded_watchers;
        core_.shard.decision(now, "ended", "its device subscribed anew",
                             slab_.find(old)->identity.view());
        step(now, old, Machine::lost);
    }
}

}  // namespace sip
