#include "apps/load/scenario.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace load;

namespace {

std::string names_of(const std::vector<Phase>& phases) {
    std::string names;
    for (const Phase& phase : phases) names += (names.empty() ? "" : " ") + phase.name;
    return names;
}

}  // namespace

TEST_CASE("Each scenario sets up what it needs, and ends what it began") {
    Plan plan;
    plan.presentities = 10;
    plan.watchers = 2;
    Amount amount;
    CHECK(names_of(phases_of(Scenario::subscribe, plan, amount)) ==
          "subscribe unsubscribe unpublish");
    CHECK(names_of(phases_of(Scenario::fan_out, plan, amount)) ==
          "subscribe publish fan-out unsubscribe unpublish");
    CHECK(names_of(phases_of(Scenario::boot_storm, plan, amount)) ==
          "boot-storm unsubscribe unpublish");
    amount.keep = true;
    amount.warm_up_s = 1;
    CHECK(names_of(phases_of(Scenario::refresh, plan, amount)) == "subscribe warm-up refresh");
    plan.watchers = 0;
    CHECK(names_of(phases_of(Scenario::publish, plan, amount)) ==
          "publish warm-up modify warm-up touch");
}

TEST_CASE("The main phase has the pace and the count that were asked for, the set-up has not") {
    Plan plan;
    plan.presentities = 10;
    plan.watchers = 2;
    Amount amount;
    amount.count = 7;
    amount.rate = 50;
    amount.mute = true;
    const auto phases = phases_of(Scenario::fan_out, plan, amount);
    CHECK(phases[0].rate == 0);
    CHECK(phases[0].streams[0].count == 20);
    CHECK_FALSE(phases[0].mute);
    CHECK(phases[2].rate == 50);
    CHECK(phases[2].streams[0].count == 7);
    CHECK(phases[2].mute);
    CHECK_FALSE(phases[2].aside);
    CHECK(phases[3].aside);
}

TEST_CASE("No more subscriptions are set up than there are watchers") {
    Plan plan;
    plan.presentities = 10;
    plan.watchers = 2;
    Amount amount;
    amount.count = 100;
    CHECK(phases_of(Scenario::subscribe, plan, amount)[0].streams[0].count == 20);
    amount.count = 5;
    CHECK(phases_of(Scenario::subscribe, plan, amount)[0].streams[0].count == 5);
}

TEST_CASE("Scenarios have their names, and a boot storm has no window") {
    CHECK(scenario_named("boot-storm") == Scenario::boot_storm);
    CHECK(scenario_named("options") == Scenario::options);
    CHECK_FALSE(scenario_named("boot storm"));
    CHECK_FALSE(scenario_named(""));
    const auto phases = phases_of(Scenario::boot_storm, Plan{}, Amount{});
    CHECK(phases[0].window == UINT32_MAX);
    CHECK(phases[0].streams.size() == 2);
}

TEST_CASE("Watchers are other users than the one they watch, and each a user of the plan") {
    Plan plan;
    plan.presentities = 3;
    plan.watchers = 2;
    CHECK(plan.users() == 3);
    plan.watchers = 3;
    CHECK(plan.users() == 4);
    plan.presentities = 1;
    plan.watchers = 100'000;
    CHECK(plan.users() == 100'001);
}
