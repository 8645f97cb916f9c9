#include "sip/event/watch_machine.hpp"

#include <doctest/doctest.h>

using namespace sip::watch_machine;

namespace {

State after(State from, std::initializer_list<Event> events) {
    for (Event event : events) from = step(from, event).to;
    return from;
}

}  // namespace

TEST_CASE("R6665-FSM-5: notify_wait goes where the first NOTIFY says, and ends without one") {
    CHECK(after(State::notify_wait, {Event::notify_pending}) == State::pending);
    CHECK(after(State::notify_wait, {Event::notify_active}) == State::active);
    CHECK(after(State::notify_wait, {Event::notify_over}) == State::terminated);
    CHECK(after(State::notify_wait, {Event::timer_n}) == State::terminated);
    CHECK(after(State::notify_wait, {Event::refused}) == State::terminated);
    CHECK(after(State::notify_wait, {Event::accepted}) == State::notify_wait);
}

TEST_CASE("R6665-FSM-5: pending and active follow one another, and wait for another try") {
    CHECK(after(State::pending, {Event::notify_active}) == State::active);
    CHECK(after(State::active, {Event::notify_pending}) == State::pending);
    CHECK(after(State::active, {Event::notify_again}) == State::waiting);
    CHECK(after(State::pending, {Event::notify_over}) == State::terminated);
    CHECK(after(State::waiting, {Event::retry}) == State::notify_wait);
    CHECK(has(step(State::waiting, Event::retry).act, Action::subscribe));
}

TEST_CASE("R6665-4.1.2.3-1: whoever leaves is never made anew") {
    for (std::size_t i = 0; i < event_count; ++i) {
        const auto& row = step(State::leaving, static_cast<Event>(i));
        CHECK((row.to == State::leaving || row.to == State::terminated));
        CHECK_FALSE(has(row.act, Action::again));
        CHECK_FALSE(has(row.act, Action::subscribe));
    }
}

TEST_CASE("every way into an end tells of it, and nothing leads out of terminated") {
    for (const auto& row : table) {
        if (row.from == State::terminated) {
            CHECK(row.to == State::terminated);
            CHECK(row.act == Action::none);
            continue;
        }
        CHECK((row.to == State::terminated) == has(row.act, Action::end));
        CHECK((row.to == State::waiting && row.from != State::waiting) ==
              has(row.act, Action::again));
    }
}
