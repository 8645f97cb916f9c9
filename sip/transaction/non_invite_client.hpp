#pragma once

#include <array>
#include <cstdint>

#include "sip/base/error.hpp"
#include "sip/transaction/table.hpp"

namespace sip::non_invite_client {

/// Non-INVITE client transaction: SUBSCRIBE, NOTIFY, PUBLISH, REGISTER, OPTIONS.
/// RFC 3261 17.1.2, figure 6.
enum class State : std::uint8_t { trying, proceeding, completed, terminated };
enum class Event : std::uint8_t {
    provisional,
    final,
    timer_e,  ///< retransmit (unreliable transports)
    timer_f,  ///< give up
    timer_k,  ///< done absorbing copies of the final response
    transport_error,
};
enum class Action : std::uint8_t {
    none = 0,
    pass_up = 1,
    resend = 2,   ///< and set E anew: doubling up to T2 in trying, T2 in proceeding
    start_k = 4,  ///< and stop E and F
    report_timeout = 8,
    report_transport = 16,
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
        {trying,      provisional,     proceeding, pass_up},
        {trying,      final,           completed,  pass_up | start_k},
        {trying,      timer_e,         trying,     resend},
        {trying,      timer_f,         terminated, report_timeout},
        {trying,      timer_k,         trying,     none},  // not running here
        {trying,      transport_error, terminated, report_transport},
        {proceeding,  provisional,     proceeding, pass_up},
        {proceeding,  final,           completed,  pass_up | start_k},
        {proceeding,  timer_e,         proceeding, resend},
        {proceeding,  timer_f,         terminated, report_timeout},
        {proceeding,  timer_k,         proceeding, none},
        {proceeding,  transport_error, terminated, report_transport},
        {completed,   provisional,     completed,  none},
        {completed,   final,           completed,  none},  // copies are absorbed
        {completed,   timer_e,         completed,  none},
        {completed,   timer_f,         completed,  none},
        {completed,   timer_k,         terminated, none},
        {completed,   transport_error, completed,  none},
        {terminated,  provisional,     terminated, none},
        {terminated,  final,           terminated, none},
        {terminated,  timer_e,         terminated, none},
        {terminated,  timer_f,         terminated, none},
        {terminated,  timer_k,         terminated, none},
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
    "provisional", "final", "timer E", "timer F", "timer K", "transport error"};

}  // namespace sip::non_invite_client
