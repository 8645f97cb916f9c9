#include "presence/learner.hpp"

#include <array>

#include "presence/presence_package.hpp"
#include "sip/base/ranges.hpp"
#include "sip/base/text.hpp"
#include "sip/message/capabilities.hpp"

namespace presence {
namespace {

using Mark = sip::Registrar::Mark;

/// R3856-6.11.2-5: who is no agent is not asked again; who does not answer, once it registers anew.
Mark mark_for(std::uint16_t status) {
    constexpr std::array<std::uint16_t, 8> for_good{401, 403, 404, 405, 407, 489, 501, 603};
    const bool known = sip::has(for_good, status);
    return known ? Mark::while_registered : Mark::until_refresh;
}

}  // namespace

bool Learner::may_learn(const sip::Registrar::Binding& binding) const {
    const sip::CalleeCapabilities said(binding.parameters);
    // A SUBSCRIBE of ours has no way by a Path.
    return binding.mark == Mark::none && binding.path.empty() && said.has_method("SUBSCRIBE") &&
           said.has_event("presence");
}

void Learner::reconsider(const sip::Now& now, std::string_view presentity, bool elsewhere) {
    if (stopped_) return;
    bool changed = false;
    // One at a time: what ends leaves the index that is being searched.
    for (bool more = true; more;) {
        sip::Handle gone;
        each_of(presentity, [&](std::uint32_t i) {
            bool stays = false;
            if (!elsewhere)
                parts_.registrar.for_each(presentity, [&](const sip::Registrar::Binding& b) {
                    stays |= b.id == slab_.at(i).binding && may_learn(b);
                });
            if (!stays) gone = slab_.handle_at(i);
        });
        more = static_cast<bool>(gone);
        if (more) changed |= end(now, gone);
    }
    if (!elsewhere)
        parts_.registrar.for_each(presentity, [&](const sip::Registrar::Binding& binding) {
            bool known = false;
            each_of(presentity,
                    [&](std::uint32_t i) { known |= slab_.at(i).binding == binding.id; });
            if (!known && may_learn(binding)) begin(now, presentity, binding);
        });
    if (changed) parts_.listener.state_changed(now, number_, presentity);
}

void Learner::begin(const sip::Now& now, std::string_view presentity,
                    const sip::Registrar::Binding& binding) {
    sip::Room<520> address;
    address << "sip:" << presentity;
    if (address.overflowed()) return;
    sip::SubscribeOptions options;
    options.peer.uri = sip::slice(binding.contact, 0, binding.contact.find('?'));
    options.peer.to = address.view();
    options.peer.from = address.view();
    options.peer.asserted = presentity;
    options.event = parts_.package.traits().name;
    if (const auto source = parts_.transport.source_of(binding.flow))
        options.peer.next_hop = sip::back_to(*source);
    else if (binding.behind_nat.port != 0)
        options.peer.next_hop = {sip::Transport::udp, binding.listener, {}, binding.behind_nat, {}};
    const sip::Handle handle = slab_.create();
    if (!handle) {
        sip::Counters& counters = parts_.shard.counters;
        ++(slab_.full() ? counters.limit_watches : counters.limit_memory);
        return;
    }
    Learned& one = *slab_.find(handle);
    one.binding = binding.id;
    if (!one.presentity.assign(parts_.shard.memory, presentity) || !by_name_.reserve_one() ||
        !by_watch_.reserve_one()) {
        ++parts_.shard.counters.limit_memory;
        slab_.destroy(handle);
        return;
    }
    const auto watch = parts_.subscriber.subscribe(now, options);
    if (!watch) {
        slab_.destroy(handle);
        parts_.registrar.mark(presentity, binding.id, Mark::until_refresh);
        return;
    }
    one.watch = *watch;
    const bool indexed = by_name_.insert(hash_of(presentity), handle.index) &&
                         by_watch_.insert(sip::mix(watch->handle.index, 0), handle.index);
    SIP_ASSERT(indexed);
    ++parts_.shard.counters.learnt_agents;
}

/// Whether a document went with it.
bool Learner::end(const sip::Now& now, sip::Handle handle) {
    Learned& one = *slab_.find(handle);
    (void)parts_.subscriber.unsubscribe(now, one.watch);  // not there: it has ended by itself
    by_name_.erase(hash_of(one.presentity.view()), handle.index);
    by_watch_.erase(sip::mix(one.watch.handle.index, 0), handle.index);
    const bool had = static_cast<bool>(one.document);
    slab_.destroy(handle);
    return had;
}

void Learner::stop(const sip::Now& now) {
    stopped_ = true;
    slab_.for_each([&](sip::Handle handle, Learned&) { (void)end(now, handle); });
}

sip::Handle Learner::find(sip::WatchId watch) {
    const std::uint32_t index =
        by_watch_.find(sip::mix(watch.handle.index, 0),
                       [&](std::uint32_t i) { return slab_.at(i).watch == watch; });
    return index == sip::HashIndex::none ? sip::Handle{} : slab_.handle_at(index);
}

bool Learner::work(const sip::Now& now) {
    bool any = false;
    while (const auto notice = parts_.subscriber.next_notice()) {
        any = true;
        if (const sip::Handle handle = find(notice->watch)) take(now, handle, *notice);
    }
    return any;
}

void Learner::take(const sip::Now& now, sip::Handle handle, const sip::SubscriptionNotice& notice) {
    using Kind = sip::SubscriptionNotice::Kind;
    Learned& one = *slab_.find(handle);
    sip::Room<512> name;
    name << one.presentity.view();
    bool changed = false;
    switch (notice.kind) {
        case Kind::accepted: return;
        case Kind::notified:
            if (!notice.has_document) return;
            set_document(now, one, notice);
            changed = true;
            break;
        case Kind::waiting:
            // It is begun anew at once, or what was said is too old by then.
            if (notice.retry_after_s <= 1) return;
            changed = static_cast<bool>(one.document);
            one.document = {};
            break;
        case Kind::ended:
            if (!notice.last) return;
            if (notice.status >= 300)
                parts_.registrar.mark(name.view(), one.binding, mark_for(notice.status));
            changed = end(now, handle);
            break;
    }
    if (changed) parts_.listener.state_changed(now, number_, name.view());
}

/// What is no document of ours to show says nothing: what there was before is no longer so either.
void Learner::set_document(const sip::Now& now, Learned& one,
                           const sip::SubscriptionNotice& notice) {
    sip::Shard& shard = parts_.shard;
    one.document = {};
    one.changed = now;
    if (notice.body.view().empty()) return;
    if (notice.body.view().size() > shard.limits.publication_bytes) {
        ++shard.counters.limit_publication_bytes;
        return;
    }
    if (room_.empty() && !room_.resize(shard.memory, shard.limits.message_bytes)) {
        ++shard.counters.limit_memory;
        return;
    }
    sip::PublicationBody body;
    body.resource = body.publisher = one.presentity.view();
    body.content_type = notice.content_type.view();
    body.body = notice.body.view();
    const auto written = parts_.package.accept_publication(now, body, {room_.data(), room_.size()});
    if (!written) {
        shard.decision(now, "dropped", written.error().rule, one.presentity.view());
        return;
    }
    one.document = sip::SharedBytes::copy(shard.memory, sip::slice(room_.view(), 0, *written));
    if (!one.document) ++shard.counters.limit_memory;
}

sip::Gate::Verdict NotifyDoor::admit(const sip::Now& now, const sip::Request& request) {
    let_in_ = request.message.method == sip::Method::notify && !otherwise_.refuses_all() &&
              subscriber_.knows_dialog(request);
    return let_in_ ? Verdict{} : otherwise_.admit(now, request);
}

}  // namespace presence
