#include "tests/sim/simulation.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "tests/sim/shrink.hpp"

using namespace sim;

namespace {

/// A small world that nothing goes wrong in but what `steps` bring.
Setup small_setup() {
    Setup setup;
    setup.seed = 7;
    setup.users = 2;
    setup.phones = 3;
    setup.steps = 0;
    setup.length = 600 * second;
    setup.expires_s = 300;
    setup.hostile = false;
    setup.nat_percent = setup.tcp_percent = 0;
    setup.drift_max = 0;
    return setup;
}

Outcome run(std::uint64_t seed, unsigned parties = 8) {
    const Setup setup = setup_of(seed, {parties, 40});
    return Simulation(setup, 0).run(history_of(setup));
}

}  // namespace

TEST_CASE("one seed gives the same bytes, another seed others") {
    const Outcome first = run(3), again = run(3), other = run(4);
    CHECK(first.messages > 100);
    CHECK(first.fingerprint == again.fingerprint);
    CHECK(first.messages == again.messages);
    CHECK(first.fingerprint != other.fingerprint);
}

TEST_CASE("R6665-OUR-1 R6665-4.2.2-6 ROUR-8: whatever happens, every invariant holds") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        const Outcome outcome = run(seed);
        CHECK_MESSAGE(!outcome.failed(),
                      seed << ": " << outcome.failure.invariant << ": " << outcome.failure.detail);
    }
}

TEST_CASE(
    "R4745-OUR-1 ROUR-9: rules, spheres and time move under load, and nothing else is shown") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        Setup setup = setup_of(seed, {10, 80});
        setup.rules = setup.watcher_info = true;
        setup.tight = setup.agents = false;
        const Outcome outcome = Simulation(setup, 0).run(history_of(setup));
        CHECK_MESSAGE(!outcome.failed(),
                      seed << ": " << outcome.failure.invariant << ": " << outcome.failure.detail);
    }
}

TEST_CASE("ROUR-4 T-16: limits that are met hold over all workers of a server together") {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        Setup setup = setup_of(seed, {14, 60});
        setup.tight = true;
        setup.agents = false;
        setup.workers = static_cast<unsigned>(2 + seed % 3);
        const Outcome outcome = Simulation(setup, 0).run(history_of(setup));
        CHECK_MESSAGE(!outcome.failed(),
                      seed << ": " << outcome.failure.invariant << ": " << outcome.failure.detail);
    }
}

TEST_CASE("an empty history leaves nothing, and takes no message") {
    const Outcome outcome = Simulation(small_setup(), 0).run({});
    CHECK_FALSE(outcome.failed());
    CHECK(outcome.messages == 0);
}

TEST_CASE("the history of a seed is in order of time, and has every kind of step in it") {
    std::set<Step::Kind> kinds;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        const History history = history_of(setup_of(seed, {20, 200}));
        CHECK(history.size() == 200);
        CHECK(std::is_sorted(history.begin(), history.end(),
                             [](const Step& a, const Step& b) { return a.at < b.at; }));
        for (const Step& step : history) {
            kinds.insert(step.kind);
            CHECK(text_of(step).size() > 20);
        }
    }
    CHECK(kinds.size() == Step::kind_count);
}

TEST_CASE("a calm world has no faults in its history") {
    Setup setup = setup_of(1, {20, 500});
    setup.calm = true;
    setup.hostile = false;
    for (const Step& step : history_of(setup)) CHECK(step.kind <= Step::Kind::jump);
}

TEST_CASE("R3856-6.10-2: a watcher of a small world sees the last of many changes") {
    History history{{second, Step::Kind::watch, 1, 0, 0}};
    for (int i = 0; i < 20; ++i)
        history.push_back({(2 + i / 4) * second, Step::Kind::publish, 0, 0, i % 2});
    const Outcome outcome = Simulation(small_setup(), 50).run(history);
    CHECK_FALSE(outcome.failed());
    const auto told =
        std::count_if(outcome.passages.begin(), outcome.passages.end(),
                      [](const Passage& p) { return p.what.find("~p0.20~") != std::string::npos; });
    CHECK(told > 0);
}

TEST_CASE("a failure is shrunk to the steps that it takes, and told with its messages") {
    // One publication more than an address may have: somebody's state is not seen.
    Setup setup = small_setup();
    setup.users = 1;
    setup.phones = 18;
    History history{{second, Step::Kind::watch, 17, 0, 0}};
    for (unsigned phone = 0; phone < 17; ++phone) {
        history.push_back({(2 + phone) * second, Step::Kind::publish, phone, 0, 1});
        history.push_back({(2 + phone) * second, Step::Kind::jump, phone, 0, 5'000});
    }
    history.push_back({590 * second, Step::Kind::refresh, 17, 0, 0});
    const Outcome outcome = Simulation(setup, 0).run(history);
    REQUIRE(outcome.failure.invariant == "every watcher sees what is so");
    const History small = shrink(setup, history, outcome.failure, 400);
    CHECK(small.size() == 18);
    for (const Step& step : small)
        CHECK((step.kind == Step::Kind::watch || step.kind == Step::Kind::publish));
    const std::string report = report_of(setup, small, Simulation(setup, 30).run(small));
    for (const char* part : {"seed 7 FAILED", "every watcher sees what is so", "phone3 publishes",
                             "(18 steps)", "server0 -> phone17  NOTIFY", "403"})
        CHECK_MESSAGE(report.find(part) != std::string::npos, part << " in " << report);
    // What does not fail so stays as it is.
    CHECK(shrink(setup, history, {"another invariant", "", 0}, 20).size() == history.size());
}
