#pragma once

#include <array>
#include <cstdint>

#include "sip/base/error.hpp"
#include "sip/transaction/table.hpp"

namespace sip::invite_server {

/// INVITE server transaction: RFC 3261 17.2.1, figure 7, with the Accepted state of RFC 6026 7.1.
enum class State : std::uint8_t { proceeding, accepted, completed, confirmed, terminated };
enum class Event : std::uint8_t {
    request,      ///< the same INVITE again
    provisional,  ///< from the user
    success,      ///< a 2xx from the user
    failure,      ///< 300 to 699 from the user
    ack,
    timer_100,  ///< 200 ms without an answer
    timer_g,    ///< retransmit the failure (unreliable transports)
    timer_h,    ///< no ACK came
    timer_i,    ///< done absorbing ACKs
    timer_l,    ///< done with retransmitted INVITEs after a 2xx
    transport_error,
};
enum class Action : std::uint16_t {
    none = 0,
    send = 1,
    resend = 2,
    send_100 = 4,
    start_g = 8,  ///< T1 first, then doubling up to T2; on unreliable transports
    start_h = 16,
    start_i = 32,  ///< and stop G and H
    start_l = 64,
    pass_ack = 128,  ///< to the user
    report_timeout = 256,
    stop_100 = 512,
};
constexpr Action operator|(Action a, Action b) {
    return Action(static_cast<std::uint16_t>(a) | static_cast<std::uint16_t>(b));
}
constexpr bool has(Action set, Action one) {
    return (static_cast<std::uint16_t>(set) & static_cast<std::uint16_t>(one)) != 0;
}

using Row = TableRow<State, Event, Action>;
inline constexpr std::size_t state_count = 5, event_count = 11;

inline constexpr auto table = [] {
    using enum State;
    using enum Event;
    using enum Action;
    // clang-format off
    return std::to_array<Row>({
        // from       on               to          act
        {proceeding,  request,         proceeding, resend},
        {proceeding,  provisional,     proceeding, send | stop_100},
        {proceeding,  success,         accepted,   send | start_l | stop_100},
        {proceeding,  failure,         completed,  send | start_g | start_h | stop_100},
        {proceeding,  ack,             proceeding, none},
        {proceeding,  timer_100,       proceeding, send_100},
        {proceeding,  timer_g,         proceeding, none},
        {proceeding,  timer_h,         proceeding, none},
        {proceeding,  timer_i,         proceeding, none},
        {proceeding,  timer_l,         proceeding, none},
        {proceeding,  transport_error, proceeding, none},
        {accepted,    request,         accepted,   none},  // absorbed silently
        {accepted,    provisional,     accepted,   none},
        {accepted,    success,         accepted,   send},  // the user retransmits its 2xx
        {accepted,    failure,         accepted,   none},
        {accepted,    ack,             accepted,   pass_ack},
        {accepted,    timer_100,       accepted,   none},
        {accepted,    timer_g,         accepted,   none},
        {accepted,    timer_h,         accepted,   none},
        {accepted,    timer_i,         accepted,   none},
        {accepted,    timer_l,         terminated, none},
        {accepted,    transport_error, accepted,   none},
        {completed,   request,         completed,  resend},
        {completed,   provisional,     completed,  none},
        {completed,   success,         completed,  none},
        {completed,   failure,         completed,  none},
        {completed,   ack,             confirmed,  start_i},
        {completed,   timer_100,       completed,  none},
        {completed,   timer_g,         completed,  resend | start_g},
        {completed,   timer_h,         terminated, report_timeout},
        {completed,   timer_i,         completed,  none},
        {completed,   timer_l,         completed,  none},
        {completed,   transport_error, completed,  none},  // RFC 6026 7.1
        {confirmed,   request,         confirmed,  none},
        {confirmed,   provisional,     confirmed,  none},
        {confirmed,   success,         confirmed,  none},
        {confirmed,   failure,         confirmed,  none},
        {confirmed,   ack,             confirmed,  none},  // absorbed
        {confirmed,   timer_100,       confirmed,  none},
        {confirmed,   timer_g,         confirmed,  none},
        {confirmed,   timer_h,         confirmed,  none},
        {confirmed,   timer_i,         terminated, none},
        {confirmed,   timer_l,         confirmed,  none},
        {confirmed,   transport_error, confirmed,  none},
        {terminated,  request,         terminated, none},
        {terminated,  provisional,     terminated, none},
        {terminated,  success,         terminated, none},
        {terminated,  failure,         terminated, none},
        {terminated,  ack,             terminated, none},
        {terminated,  timer_100,       terminated, none},
        {terminated,  timer_g,         terminated, none},
        {terminated,  timer_h,         terminated, none},
        {terminated,  timer_i,         terminated, none},
        {terminated,  timer_l,         terminated, none},
        {terminated,  transport_error, terminated, none},
    });
    // clang-format on
}();
static_assert(total_and_ordered<state_count, event_count>(table),
              "every (state, event) pair once, in order");
constexpr const Row& step(State s, Event e) { return table_step<event_count>(table, s, e); }

inline constexpr std::array<StaticText, state_count> state_names{
    "proceeding", "accepted", "completed", "confirmed", "terminated"};
inline constexpr std::array<StaticText, event_count> event_names{
    "request", "provisional", "success", "failure",        "ACK", "timer 100", "timer G",
    "timer H", "timer I",     "timer L", "transport error"};

}  // namespace sip::invite_server
