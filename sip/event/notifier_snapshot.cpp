#include <algorithm>
#include <array>

#include "sip/event/notifier.hpp"

// What people are told of a subscription.

namespace sip {

Notifier::Snapshot Notifier::snapshot(const Now& now, Subscription& s) {
    Snapshot out;
    out.watcher = s.identity.view();
    out.resource = resource_name(s);
    out.package = traits_of(s.package).name;
    out.state = subscription_machine::state_names[static_cast<std::size_t>(s.state)];
    out.expires_s = seconds_left(now.mono, s.expires_at());
    if (s.state != subscription_machine::State::terminated) out.granted_s = s.granted_s;
    out.event_id = s.event_id.view();
    out.reason = name_of(s.reason);
    out.authenticated = s.authenticated;
    out.proved_by = s.proved_by;
    out.since = instant_of(now, s.since);
    out.sees = s.may_see;
    const View* view = view_of(s);
    if (view != nullptr) out.view = view->id;
    out.because = s.because.view();
    const Source path = s.dialog.path();
    out.transport = path.transport;
    out.remote = path.remote;
    out.suspect = s.suspect;
    out.silent = s.silent;
    out.told = s.outstanding ? Told::on_its_way : s.told;
    out.status = out.told == Told::answered ? s.told_status : std::uint16_t{0};
    if (out.told != Told::nothing) {
        out.told_at = instant_of(now, s.told_at);
        out.cseq = s.dialog.local_cseq();
        out.body_bytes = s.sent_body.view().size();
    }
    out.due = s.due;
    Instant next = never;
    const auto consider = [&](std::string_view name, Instant at) {
        if (at < next) out.next = name;
        next = std::min(next, at);
    };
    consider("expiry", s.timers.at(Name::expires));
    consider("retry", s.timers.at(Name::retry));
    consider("hold", s.timers.at(Name::hold));
    if (const FarEnd* end = held_by(s)) consider("proof", end->timers.at(FarName::proof));
    if (view != nullptr && view->held) consider("hold", view->timers.at(ViewName::hold));
    if (next != never) out.next_at = next;
    return out;
}

}  // namespace sip
