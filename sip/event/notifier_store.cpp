#include "sip/event/notifier.hpp"

// What a store is given to keep of a subscription.

namespace sip {

SubscriptionRecord Notifier::record_of(const Now& now, const Subscription& s,
                                       const Dialog::Refresh& refresh) const {
    SubscriptionRecord record;
    s.dialog.describe(record, refresh);
    record.resource = resource_name(s);
    record.package = traits_of(s.package).name;
    record.event_id = s.event_id.view();
    if (const View* view = view_of(s)) record.body_type = traits_of(s.package).accept[view->type];
    record.watcher = s.identity.view();
    record.authenticated = s.authenticated;
    record.expires_at_ms = wall_ms_at(now, s.expires_at());
    return record;
}

SharedBytes Notifier::records_of(const Now& now, const Staged& staged) const {
    const Subscription& s = *slab_.find(staged.subscription);
    SubscriptionRecord record = record_of(now, s, staged.refresh);
    record.body_type = traits_of(s.package).accept[staged.type];
    record.expires_at_ms = wall_ms_at(now, later(now.mono, seconds{staged.expires_s}));
    const SubscriptionListener* listener = packages_.at(s.package).listener();
    const bool pending = staged.decision.state == SubscriptionDecision::pending;
    return make_records(core_.shard.memory, [&](RecordWriter& out) {
        if (!staged.initial || staged.expires_s > 0)
            out.write(staged.expires_s == 0 ? RecordChange::remove : RecordChange::put, record);
        if (!staged.initial) return;
        if (pending && listener != nullptr)
            listener->write_record(now, watcher_of(s), s.event_id.view(),
                                   staged.display_name.view(), out);
        // What takes the place of others takes them away.
        (void)by_device_.find(staged.device, [&](std::uint32_t i) {
            const Subscription& other = const_cast<Notifier*>(this)->slab_.at(i);
            if (other.suspect && device_of(other) == staged.device && &other != &s)
                out.write(RecordChange::remove, record_of(now, other, {}));
            return false;
        });
    });
}

}  // namespace sip
