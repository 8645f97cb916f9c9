#pragma once

#include <array>
#include <cstddef>

namespace sip {

/// One row of a state machine, as it stands in the RFC's figure.
template <class State, class Event, class Action>
struct TableRow {
    State from;
    Event on;
    State to;
    Action act;
};

/// True when each of the States x Events pairs has its row, in order: a missing, doubled or
/// misplaced row then does not compile.
template <std::size_t States, std::size_t Events, class Row, std::size_t N>
constexpr bool total_and_ordered(const std::array<Row, N>& rows) {
    if (N != States * Events) return false;
    for (std::size_t i = 0; i < N; ++i)
        if (static_cast<std::size_t>(rows[i].from) * Events +
                static_cast<std::size_t>(rows[i].on) !=
            i)
            return false;
    return true;
}

template <std::size_t Events, class Row, std::size_t N, class State, class Event>
constexpr const Row& table_step(const std::array<Row, N>& rows, State s, Event e) {
    return rows[static_cast<std::size_t>(s) * Events + static_cast<std::size_t>(e)];
}

}  // namespace sip
