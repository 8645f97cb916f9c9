#pragma once

#include <array>
#include <cstdint>

#include "sip/base/error.hpp"
#include "sip/transaction/table.hpp"

namespace sip::invite_client {

/// INVITE client transaction: RFC 3261 17.1.1, figure 5, with the Accepted state of RFC 6026 7.2,
/// and CANCEL (RFC 3261 9.1), which waits for a provisional response.
enum class State : std::uint8_t { calling, proceeding, accepted, completed, terminated };
enum class Event : std::uint8_t {
    provisional,
    success,  ///< 2xx
    failure,  ///< 300 to 699
    cancel,   ///< the user wants the request ended
    timer_a,  ///< retransmit (unreliable transports)
    timer_b,  ///< give up; in proceeding: no answer came to what was cancelled
    timer_d,  ///< done with copies of a failure
    timer_m,  ///< done with further 2xx
    transport_error,
};
enum class Action : std::uint16_t {
    none = 0,
    pass_up = 1,
    resend = 2,   ///< and double A
    stop_ab = 4,  ///< no more copies of the request
    send_ack = 8,
    start_d = 16,
    start_m = 32,
    remember_cancel = 64,
    send_cancel = 128,         ///< once, and set B anew (9.1)
    send_wished_cancel = 256,  ///< the same where one is remembered
    report_timeout = 512,
    report_transport = 1024,
};
constexpr Action operator|(Action a, Action b) {
    return Action(static_cast<std::uint16_t>(a) | static_cast<std::uint16_t>(b));
}
constexpr bool has(Action set, Action one) {
    return (static_cast<std::uint16_t>(set) & static_cast<std::uint16_t>(one)) != 0;
}

using Row = TableRow<State, Event, Action>;
inline constexpr std::size_t state_count = 5, event_count = 9;

inline constexpr auto table = [] {
    using enum State;
    using enum Event;
    using enum Action;
    // clang-format off
    return std::to_array<Row>({
        // from       on               to          act
        {calling,     provisional,     proceeding, pass_up | stop_ab | send_wished_cancel},
        {calling,     success,         accepted,   pass_up | stop_ab | start_m},
        {calling,     failure,         completed,  pass_up | stop_ab | send_ack | start_d},
        {calling,     cancel,          calling,    remember_cancel},
        {calling,     timer_a,         calling,    resend},
        {calling,     timer_b,         terminated, report_timeout},
        {calling,     timer_d,         calling,    none},
        {calling,     timer_m,         calling,    none},
        {calling,     transport_error, terminated, report_transport},
        {proceeding,  provisional,     proceeding, pass_up},
        {proceeding,  success,         accepted,   pass_up | stop_ab | start_m},
        {proceeding,  failure,         completed,  pass_up | stop_ab | send_ack | start_d},
        {proceeding,  cancel,          proceeding, send_cancel},
        {proceeding,  timer_a,         proceeding, none},
        {proceeding,  timer_b,         terminated, report_timeout},
        {proceeding,  timer_d,         proceeding, none},
        {proceeding,  timer_m,         proceeding, none},
        {proceeding,  transport_error, proceeding, none},  // 18.2.2: it may be answered by another
        {accepted,    provisional,     accepted,   none},
        {accepted,    success,         accepted,   pass_up},
        {accepted,    failure,         accepted,   none},
        {accepted,    cancel,          accepted,   none},
        {accepted,    timer_a,         accepted,   none},
        {accepted,    timer_b,         accepted,   none},
        {accepted,    timer_d,         accepted,   none},
        {accepted,    timer_m,         terminated, none},
        {accepted,    transport_error, accepted,   none},
        {completed,   provisional,     completed,  none},
        {completed,   success,         completed,  none},
        {completed,   failure,         completed,  send_ack},
        {completed,   cancel,          completed,  none},
        {completed,   timer_a,         completed,  none},
        {completed,   timer_b,         completed,  none},
        {completed,   timer_d,         terminated, none},
        {completed,   timer_m,         completed,  none},
        {completed,   transport_error, terminated, report_transport},
        {terminated,  provisional,     terminated, none},
        {terminated,  success,         terminated, none},
        {terminated,  failure,         terminated, none},
        {terminated,  cancel,          terminated, none},
        {terminated,  timer_a,         terminated, none},
        {terminated,  timer_b,         terminated, none},
        {terminated,  timer_d,         terminated, none},
        {terminated,  timer_m,         terminated, none},
        {terminated,  transport_error, terminated, none},
    });
    // clang-format on
}();
static_assert(total_and_ordered<state_count, event_count>(table),
              "every (state, event) pair once, in order");
constexpr const Row& step(State s, Event e) { return table_step<event_count>(table, s, e); }

inline constexpr std::array<StaticText, state_count> state_names{
    "calling", "proceeding", "accepted", "completed", "terminated"};
inline constexpr std::array<StaticText, event_count> event_names{
    "provisional", "success", "failure", "cancel",         "timer A",
    "timer B",     "timer D", "timer M", "transport error"};

}  // namespace sip::invite_client
