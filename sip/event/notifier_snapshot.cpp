#include <algorithm>
#include <array>

#include "sip/event/notifier.hpp"

// What people are told of a subscription.

namespace sip {

Notifier::Snapshot Notifier::snapshot(Now now, Subscription& s) {
    Snapshot out;
    out.watcher = s.identity.view();
    out.resource = resources_.at(s.resource).name.view();
    out.package = traits_of(s.package).name;
    out.state = subscription_machine::state_names[static_cast<std::size_t>(s.state)];
    out.expires_s = seconds_left(now.mono, s.expires_at);
    out.granted_s = s.granted_s;
    out.event_id = s.event_id.view();
    out.reason = name_of(s.reason);
    out.authenticated = s.authenticated;
    out.proved_by = s.proved_by;
    out.since = s.since;
    out.sees = s.may_see;
    const View* view = views_.find(s.view);
    if (view != nullptr) out.view = view->id;
    out.because = s.because.view();
    out.transport = s.dialog.path().transport;
    out.remote = s.dialog.path().remote;
    out.suspect = s.suspect;
    out.silent = s.silent;
    out.told = s.outstanding ? Told::on_its_way : s.told;
    out.status = out.told == Told::answered ? s.told_status : std::uint16_t{0};
    if (out.told != Told::nothing) {
        out.told_at = s.told_at;
        out.cseq = s.dialog.local_cseq();
        out.body_bytes = s.sent_body.view().size();
    }
    out.due = s.due;
    constexpr std::array<std::string_view, 4> names{"expiry", "retry", "hold", "proof"};
    Instant next = never;
    const auto consider = [&](Name name, Instant at) {
        if (at < next) out.next = names[static_cast<std::size_t>(name)];
        next = std::min(next, at);
    };
    for (Name name : {Name::expires, Name::retry, Name::hold, Name::proof})
        consider(name, s.timers.at(name));
    if (view != nullptr && view->held) consider(Name::hold, view->timers.at(ViewName::hold));
    if (next != never) out.next_at = next;
    return out;
}

}  // namespace sip
