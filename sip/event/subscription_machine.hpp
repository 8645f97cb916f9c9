#pragma once

#include <array>
#include <cstdint>

#include "sip/base/error.hpp"
#include "sip/transaction/table.hpp"

namespace sip::subscription_machine {

/// A subscription at its notifier: RFC 6665 4.2.2; RFC 3857 4.7.1 without the waiting state,
/// which is watcher information's own.
enum class State : std::uint8_t { init, pending, active, terminated };
enum class Event : std::uint8_t {
    grant,      ///< the watcher may see something
    hold_back,  ///< nobody has decided yet, or the decision was taken back
    reject,
    refresh,      ///< SUBSCRIBE with Expires above 0
    unsubscribe,  ///< SUBSCRIBE with Expires 0
    expire,
    deactivate,
    probation,
    give_up,
    no_resource,
    lost,  ///< a NOTIFY timed out or was refused for good
    told,  ///< the NOTIFY transaction that carried `terminated` is complete
};
enum class Action : std::uint8_t {
    none = 0,
    notify = 1,  ///< at once, whatever the rate
    final = 2,   ///< the event is the reason that this last NOTIFY gives
    remove = 4,
};
constexpr Action operator|(Action a, Action b) {
    return Action(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr bool has(Action set, Action one) {
    return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(one)) != 0;
}

using Row = TableRow<State, Event, Action>;
inline constexpr std::size_t state_count = 4, event_count = 12;

// clang-format off
inline constexpr auto table = [] {
    using enum State;
    using enum Event;
    using enum Action;
    return std::to_array<Row>({
        // from      on           to          act
        {init,       grant,       active,     notify},
        {init,       hold_back,   pending,    notify},
        {init,       reject,      terminated, remove},          // answered 403
        {init,       refresh,     init,       none},
        {init,       unsubscribe, terminated, notify | final},  // a fetch
        {init,       expire,      terminated, remove},
        {init,       deactivate,  terminated, remove},          // no 2xx yet, so no NOTIFY
        {init,       probation,   terminated, remove},
        {init,       give_up,     terminated, remove},
        {init,       no_resource, terminated, remove},
        {init,       lost,        terminated, remove},
        {init,       told,        init,       none},
        {pending,    grant,       active,     notify},
        {pending,    hold_back,   pending,    none},
        {pending,    reject,      terminated, notify | final},
        {pending,    refresh,     pending,    notify},
        {pending,    unsubscribe, terminated, notify | final},
        {pending,    expire,      terminated, notify | final},
        {pending,    deactivate,  terminated, notify | final},
        {pending,    probation,   terminated, notify | final},
        {pending,    give_up,     terminated, notify | final},
        {pending,    no_resource, terminated, notify | final},
        {pending,    lost,        terminated, remove},
        {pending,    told,        pending,    none},
        {active,     grant,       active,     none},
        {active,     hold_back,   pending,    notify},
        {active,     reject,      terminated, notify | final},
        {active,     refresh,     active,     notify},
        {active,     unsubscribe, terminated, notify | final},
        {active,     expire,      terminated, notify | final},
        {active,     deactivate,  terminated, notify | final},
        {active,     probation,   terminated, notify | final},
        {active,     give_up,     active,     none},            // only the undecided is given up
        {active,     no_resource, terminated, notify | final},
        {active,     lost,        terminated, remove},
        {active,     told,        active,     none},
        {terminated, grant,       terminated, none},
        {terminated, hold_back,   terminated, none},
        {terminated, reject,      terminated, none},
        {terminated, refresh,     terminated, none},            // answered 481
        {terminated, unsubscribe, terminated, none},
        {terminated, expire,      terminated, none},
        {terminated, deactivate,  terminated, none},
        {terminated, probation,   terminated, none},
        {terminated, give_up,     terminated, none},
        {terminated, no_resource, terminated, none},
        {terminated, lost,        terminated, remove},
        {terminated, told,        terminated, remove},
    });
}();
// clang-format on
static_assert(total_and_ordered<state_count, event_count>(table),
              "every (state, event) pair once, in order");
constexpr const Row& step(State s, Event e) { return table_step<event_count>(table, s, e); }

inline constexpr std::array<StaticText, state_count> state_names{"init", "pending", "active",
                                                                 "terminated"};
inline constexpr std::array<StaticText, event_count> event_names{
    "grant",      "hold back", "reject",  "refresh",     "unsubscribe", "expire",
    "deactivate", "probation", "give up", "no resource", "lost",        "told"};

}  // namespace sip::subscription_machine
