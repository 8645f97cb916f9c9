#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sip/base/error.hpp"
#include "sip/event/event_package.hpp"
#include "sip/transaction/table.hpp"

namespace presence::watcher_machine {

/// One subscription as watcher information sees it: RFC 3857 4.7.1, figure 1. The subscription
/// itself, which is a dialog, has its own machine; this one goes on waiting when that is gone.
enum class State : std::uint8_t { init, pending, active, waiting, terminated };
using Event = sip::WatcherEvent;
enum class Action : std::uint8_t {
    none = 0,
    start_giveup = 1,
    report = 2,
    remove = 4,
};
constexpr Action operator|(Action a, Action b) {
    return Action(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr bool has(Action set, Action one) {
    return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(one)) != 0;
}

using Row = sip::TableRow<State, Event, Action>;
inline constexpr std::size_t state_count = 5, event_count = 8;

// clang-format off
inline constexpr auto table = [] {
    using enum State;
    using enum sip::WatcherEvent;
    using enum Action;
    return std::to_array<Row>({
        // from      on           to          act
        {init,       subscribe,   pending,    report | start_giveup},  // no policy
        {init,       approved,    active,     report},                 // subscribe, policy=accept
        {init,       deactivated, terminated, remove},
        {init,       probation,   terminated, remove},
        {init,       rejected,    terminated, remove},                 // subscribe, policy=reject
        {init,       timeout,     terminated, remove},                 // a fetch that was allowed
        {init,       giveup,      terminated, remove},
        {init,       noresource,  terminated, remove},
        {pending,    subscribe,   pending,    none},
        {pending,    approved,    active,     report},
        {pending,    deactivated, terminated, report | remove},
        {pending,    probation,   terminated, report | remove},
        {pending,    rejected,    terminated, report | remove},
        {pending,    timeout,     waiting,    report | start_giveup},
        {pending,    giveup,      terminated, report | remove},
        {pending,    noresource,  terminated, report | remove},
        {active,     subscribe,   active,     none},
        {active,     approved,    active,     none},
        {active,     deactivated, terminated, report | remove},
        {active,     probation,   terminated, report | remove},
        {active,     rejected,    terminated, report | remove},
        {active,     timeout,     terminated, report | remove},
        {active,     giveup,      active,     none},                   // only the undecided
        {active,     noresource,  terminated, report | remove},
        {waiting,    subscribe,   waiting,    none},                   // replaced: giveup
        {waiting,    approved,    terminated, report | remove},
        {waiting,    deactivated, waiting,    none},                   // there is no dialog to end
        {waiting,    probation,   waiting,    none},
        {waiting,    rejected,    terminated, report | remove},
        {waiting,    timeout,     waiting,    none},
        {waiting,    giveup,      terminated, report | remove},
        {waiting,    noresource,  terminated, report | remove},
        {terminated, subscribe,   terminated, none},
        {terminated, approved,    terminated, none},
        {terminated, deactivated, terminated, none},
        {terminated, probation,   terminated, none},
        {terminated, rejected,    terminated, none},
        {terminated, timeout,     terminated, none},
        {terminated, giveup,      terminated, none},
        {terminated, noresource,  terminated, none},
    });
}();
// clang-format on
static_assert(sip::total_and_ordered<state_count, event_count>(table),
              "every (state, event) pair once, in order");
constexpr const Row& step(State s, Event e) { return sip::table_step<event_count>(table, s, e); }

/// In the words of RFC 3858 3, but for `init`, which is never told.
inline constexpr std::array<sip::StaticText, state_count> state_names{"init", "pending", "active",
                                                                      "waiting", "terminated"};
inline constexpr std::array<sip::StaticText, event_count> event_names{
    "subscribe", "approved", "deactivated", "probation",
    "rejected",  "timeout",  "giveup",      "noresource"};

constexpr std::string_view name_of(State state) {
    return state_names[static_cast<std::size_t>(state)];
}
constexpr std::string_view name_of(Event event) {
    return event_names[static_cast<std::size_t>(event)];
}

}  // namespace presence::watcher_machine
