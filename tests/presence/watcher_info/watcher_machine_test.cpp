#include "presence/watcher_info/watcher_machine.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

using namespace presence::watcher_machine;

TEST_CASE("R3857-4.7.1-1: the machine is figure 1, arrow by arrow, and nothing else moves it") {
    using Arrow = std::pair<State, Event>;
    const std::map<Arrow, State> figure{
        {{State::init, Event::subscribe}, State::pending},
        {{State::init, Event::approved}, State::active},
        {{State::init, Event::rejected}, State::terminated},
        {{State::pending, Event::approved}, State::active},
        {{State::pending, Event::noresource}, State::terminated},
        {{State::pending, Event::rejected}, State::terminated},
        {{State::pending, Event::deactivated}, State::terminated},
        {{State::pending, Event::probation}, State::terminated},
        {{State::pending, Event::giveup}, State::terminated},
        {{State::pending, Event::timeout}, State::waiting},
        {{State::active, Event::noresource}, State::terminated},
        {{State::active, Event::rejected}, State::terminated},
        {{State::active, Event::deactivated}, State::terminated},
        {{State::active, Event::probation}, State::terminated},
        {{State::active, Event::timeout}, State::terminated},
        {{State::waiting, Event::noresource}, State::terminated},
        {{State::waiting, Event::rejected}, State::terminated},
        {{State::waiting, Event::giveup}, State::terminated},
        {{State::waiting, Event::approved}, State::terminated},
    };
    for (const Row& row : table) {
        CAPTURE(std::string(name_of(row.from)) + " " + std::string(name_of(row.on)));
        const auto arrow = figure.find({row.from, row.on});
        if (arrow != figure.end())
            CHECK(row.to == arrow->second);
        else if (row.from == State::init)  // never seen by anybody
            CHECK(row.to == State::terminated);
        else
            CHECK(row.to == row.from);
    }
}

TEST_CASE("R3857-4.7.1-5: pending and waiting start the giveup timer, and nothing else does") {
    for (const Row& row : table) {
        CAPTURE(std::string(name_of(row.from)) + " " + std::string(name_of(row.on)));
        const bool entered =
            row.from != row.to && (row.to == State::pending || row.to == State::waiting);
        CHECK(has(row.act, Action::start_giveup) == entered);
        CHECK(has(row.act, Action::remove) ==
              (row.to == State::terminated && row.from != State::terminated));
        CHECK(has(row.act, Action::report) ==
              (row.from != row.to && row.to != State::init &&
               !(row.from == State::init && row.to == State::terminated)));
    }
}
