#pragma once

#include <array>
#include <cstdint>

#include "sip/base/error.hpp"
#include "sip/transaction/table.hpp"

namespace sip::non_invite_server {

/// Non-INVITE server transaction: RFC 3261 17.2.2, figure 8, with RFC 4320.
enum class State : std::uint8_t { trying, proceeding, completed, terminated };
enum class Event : std::uint8_t {
    request,      ///< the same request again
    provisional,  ///< the user, or timer_100, gives a 100
    final,        ///< the user gives a final response
    timer_100,    ///< unanswered for as long as RFC 4320 4.1 wants
    timer_j,
    transport_error,
};
enum class Action : std::uint8_t {
    none = 0,
    send = 1,    ///< the response just given
    resend = 2,  ///< the last response sent
    send_100 = 4,
    start_j = 8,
    stop_100 = 16,
};
constexpr Action operator|(Action a, Action b) {
    return Action(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr bool has(Action set, Action one) {
    return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(one)) != 0;
}

using Row = TableRow<State, Event, Action>;
inline constexpr std::size_t state_count = 4, event_count = 6;

inline constexpr auto table = [] {
    using enum State;
    using enum Event;
    using enum Action;
    // clang-format off
    return std::to_array<Row>({
        // from       on               to          act
        {trying,      request,         trying,     none},
        {trying,      provisional,     proceeding, send},
        {trying,      final,           completed,  send | start_j | stop_100},
        {trying,      timer_100,       proceeding, send_100},
        {trying,      timer_j,         trying,     none},  // not running here
        {trying,      transport_error, trying,     none},  // the user still has to answer
        {proceeding,  request,         proceeding, resend},
        {proceeding,  provisional,     proceeding, send},
        {proceeding,  final,           completed,  send | start_j | stop_100},
        {proceeding,  timer_100,       proceeding, none},
        {proceeding,  timer_j,         proceeding, none},
        {proceeding,  transport_error, proceeding, none},
        {completed,   request,         completed,  resend},
        {completed,   provisional,     completed,  none},
        {completed,   final,           completed,  none},  // 17.2.2: discarded
        {completed,   timer_100,       completed,  none},
        {completed,   timer_j,         terminated, none},
        // RFC 6026 7.1: a response that could not be sent ends nothing; the client asks again.
        {completed,   transport_error, completed,  none},
        {terminated,  request,         terminated, none},
        {terminated,  provisional,     terminated, none},
        {terminated,  final,           terminated, none},
        {terminated,  timer_100,       terminated, none},
        {terminated,  timer_j,         terminated, none},
        {terminated,  transport_error, terminated, none},
    });
    // clang-format on
}();
static_assert(total_and_ordered<state_count, event_count>(table),
              "every (state, event) pair once, in order");
constexpr const Row& step(State s, Event e) { return table_step<event_count>(table, s, e); }

inline constexpr std::array<StaticText, state_count> state_names{"trying", "proceeding",
                                                                 "completed", "terminated"};
inline constexpr std::array<StaticText, event_count> event_names{
    "request", "provisional", "final", "timer 100", "timer J", "transport error"};

}  // namespace sip::non_invite_server
