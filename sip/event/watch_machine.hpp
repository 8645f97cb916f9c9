#pragma once

#include <array>
#include <cstdint>

#include "sip/base/error.hpp"
#include "sip/transaction/table.hpp"

namespace sip::watch_machine {

/// A subscription as its subscriber sees it: RFC 6665 4.1.2, figure 1, with two states of ours
/// around it: `leaving` (we asked for the end, a fetch from its start) and `waiting` (it is over,
/// and a new one will be made).
enum class State : std::uint8_t { notify_wait, pending, active, leaving, waiting, terminated };
enum class Event : std::uint8_t {
    accepted,        ///< 2xx to a SUBSCRIBE
    refused,         ///< it cannot be had, and trying again would not help
    lost,            ///< it is gone, and may be had again
    notify_pending,  ///< NOTIFY, by its Subscription-State
    notify_active,
    notify_other,  ///< a state of an extension: the subscription is kept (RFC 6665 4.1.3)
    notify_over,   ///< terminated, for a reason that forbids another try
    notify_again,  ///< terminated, for any other reason
    timer_n,       ///< no NOTIFY after a SUBSCRIBE, and none was ever seen
    expired,
    unsubscribe,  ///< the application wants no more
    retry,        ///< the time for the next try has come
};
enum class Action : std::uint8_t {
    none = 0,
    tell_accepted = 1,
    deliver = 2,    ///< the NOTIFY goes to the application
    leave = 4,      ///< SUBSCRIBE with Expires 0, once, as soon as there is a dialog
    subscribe = 8,  ///< a SUBSCRIBE that shares nothing with the former ones
    again = 16,     ///< tell that it is over, and wait for the next try
    end = 32,       ///< tell that it is over
};
constexpr Action operator|(Action a, Action b) {
    return Action(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr bool has(Action set, Action one) {
    return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(one)) != 0;
}

using Row = TableRow<State, Event, Action>;
inline constexpr std::size_t state_count = 6, event_count = 12;

// clang-format off
inline constexpr auto table = [] {
    using enum State;
    using enum Event;
    using enum Action;
    return std::to_array<Row>({
        // from        on              to           act
        {notify_wait, accepted,       notify_wait, tell_accepted},
        {notify_wait, refused,        terminated,  end},
        {notify_wait, lost,           waiting,     again},
        {notify_wait, notify_pending, pending,     deliver},
        {notify_wait, notify_active,  active,      deliver},
        {notify_wait, notify_other,   pending,     deliver},
        {notify_wait, notify_over,    terminated,  deliver | end},
        {notify_wait, notify_again,   waiting,     deliver | again},
        {notify_wait, timer_n,        terminated,  end},
        {notify_wait, expired,        terminated,  end},
        {notify_wait, unsubscribe,    leaving,     leave},
        {notify_wait, retry,          notify_wait, none},
        {pending,     accepted,       pending,     none},
        {pending,     refused,        terminated,  end},
        {pending,     lost,           waiting,     again},
        {pending,     notify_pending, pending,     deliver},
        {pending,     notify_active,  active,      deliver},
        {pending,     notify_other,   pending,     deliver},
        {pending,     notify_over,    terminated,  deliver | end},
        {pending,     notify_again,   waiting,     deliver | again},
        {pending,     timer_n,        waiting,     again},
        {pending,     expired,        waiting,     again},
        {pending,     unsubscribe,    leaving,     leave},
        {pending,     retry,          pending,     none},
        {active,      accepted,       active,      none},
        {active,      refused,        terminated,  end},
        {active,      lost,           waiting,     again},
        {active,      notify_pending, pending,     deliver},
        {active,      notify_active,  active,      deliver},
        {active,      notify_other,   active,      deliver},
        {active,      notify_over,    terminated,  deliver | end},
        {active,      notify_again,   waiting,     deliver | again},
        {active,      timer_n,        waiting,     again},
        {active,      expired,        waiting,     again},
        {active,      unsubscribe,    leaving,     leave},
        {active,      retry,          active,      none},
        {leaving,     accepted,       leaving,     none},
        {leaving,     refused,        terminated,  end},
        {leaving,     lost,           terminated,  end},
        {leaving,     notify_pending, leaving,     deliver | leave},
        {leaving,     notify_active,  leaving,     deliver | leave},
        {leaving,     notify_other,   leaving,     deliver | leave},
        {leaving,     notify_over,    terminated,  deliver | end},
        {leaving,     notify_again,   terminated,  deliver | end},
        {leaving,     timer_n,        terminated,  end},
        {leaving,     expired,        leaving,     none},  // the NOTIFY that ends it is still due
        {leaving,     unsubscribe,    leaving,     none},
        {leaving,     retry,          leaving,     none},
        {waiting,     accepted,       waiting,     none},
        {waiting,     refused,        waiting,     none},
        {waiting,     lost,           waiting,     none},
        {waiting,     notify_pending, waiting,     none},  // answered 481
        {waiting,     notify_active,  waiting,     none},
        {waiting,     notify_other,   waiting,     none},
        {waiting,     notify_over,    waiting,     none},
        {waiting,     notify_again,   waiting,     none},
        {waiting,     timer_n,        waiting,     none},
        {waiting,     expired,        waiting,     none},
        {waiting,     unsubscribe,    terminated,  end},
        {waiting,     retry,          notify_wait, subscribe},
        {terminated,  accepted,       terminated,  none},
        {terminated,  refused,        terminated,  none},
        {terminated,  lost,           terminated,  none},
        {terminated,  notify_pending, terminated,  none},  // answered 481
        {terminated,  notify_active,  terminated,  none},
        {terminated,  notify_other,   terminated,  none},
        {terminated,  notify_over,    terminated,  none},
        {terminated,  notify_again,   terminated,  none},
        {terminated,  timer_n,        terminated,  none},
        {terminated,  expired,        terminated,  none},
        {terminated,  unsubscribe,    terminated,  none},
        {terminated,  retry,          terminated,  none},
    });
}();
// clang-format on
static_assert(total_and_ordered<state_count, event_count>(table),
              "every (state, event) pair once, in order");
constexpr const Row& step(State s, Event e) { return table_step<event_count>(table, s, e); }

inline constexpr std::array<StaticText, state_count> state_names{
    "notify_wait", "pending", "active", "leaving", "waiting", "terminated"};
inline constexpr std::array<StaticText, event_count> event_names{
    "accepted",    "refused",      "lost",    "NOTIFY pending", "NOTIFY active", "NOTIFY other",
    "NOTIFY over", "NOTIFY again", "timer N", "expired",        "unsubscribe",   "retry"};

}  // namespace sip::watch_machine
