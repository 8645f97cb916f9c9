#include "tests/sim/history.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "presence/policy.hpp"
#include "tests/sim/random.hpp"

namespace sim {
namespace {

using Kind = Step::Kind;

constexpr std::uint64_t history_label = 2;

/// How often each kind comes up, beside the others; `fault`: not in a calm world.
struct Weight {
    Kind kind;
    unsigned weight;
    bool fault = false, hostile = false;
    unsigned with_rules = 0, with_watcher_info = 0;  ///< so much more in worlds with them
};
constexpr std::array weights{
    Weight{Kind::publish, 28},
    Weight{Kind::watch, 20},
    Weight{Kind::unwatch, 6},
    Weight{Kind::refresh, 4},
    Weight{Kind::unpublish, 4},
    Weight{Kind::register_contact, 5},
    Weight{Kind::unregister, 3},
    Weight{Kind::policy, 8},
    Weight{Kind::rules, 0, false, false, 14},
    Weight{Kind::watch_watchers, 0, false, false, 0, 10},
    Weight{Kind::jump, 1, false, false, 3},
    Weight{Kind::crash_phone, 3, true},
    Weight{Kind::crash_server, 1, true},
    Weight{Kind::stop_server, 1, true},
    Weight{Kind::store, 2, true},
    Weight{Kind::weather, 6, true},
    Weight{Kind::mtu, 1, true},
    Weight{Kind::piece, 1, true},
    Weight{Kind::partition, 4, true},
    Weight{Kind::rebind, 3, true},
    Weight{Kind::cut, 4, true},
    Weight{Kind::names, 4, true},
    Weight{Kind::garbage, 3, true, true},
    Weight{Kind::replay, 4, true, true},
    Weight{Kind::forged_notify, 2, true, true},
    Weight{Kind::forged_response, 2, true, true},
    Weight{Kind::flood, 1, true, true},
};
static_assert(weights.size() == Step::kind_count);

Kind draw_kind(Random& random, const Setup& setup) {
    const auto weight = [&](const Weight& w) {
        if ((w.fault && setup.calm) || (w.hostile && !setup.hostile)) return 0U;
        return w.weight + (setup.rules ? w.with_rules : 0U) +
               (setup.watcher_info ? w.with_watcher_info : 0U);
    };
    unsigned total = 0;
    for (const Weight& w : weights) total += weight(w);
    std::uint64_t drawn = random.below(total);
    for (const Weight& w : weights) {
        if (drawn < weight(w)) return w.kind;
        drawn -= weight(w);
    }
    return Kind::publish;
}

/// Mostly short, sometimes long: a time in milliseconds.
std::int64_t draw_span(Random& random, std::int64_t most) {
    return random.percent(50) ? random.between(10, 3'000) : random.between(3'000, most);
}

unsigned some(Random& random, unsigned count) { return static_cast<unsigned>(random.below(count)); }

void draw_weather(Random& random, Step& step) {
    constexpr std::array<unsigned, 6> losses{0, 0, 5, 20, 50, 90};
    constexpr std::array<unsigned, 4> copies{0, 0, 10, 60};
    constexpr std::array<std::int64_t, 4> delays{5, 50, 900, 5'000};
    step.who = losses[random.below(losses.size())];
    step.whom = copies[random.below(copies.size())];
    step.value = delays[random.below(delays.size())];
}

void draw_arguments(Random& random, const Setup& setup, Step& step) {
    step.who = some(random, setup.phones);
    switch (step.kind) {
        case Kind::watch:
        case Kind::unwatch:
        case Kind::refresh: step.whom = some(random, setup.users); break;
        case Kind::publish:
            step.value = random.between(0, 1) + (random.percent(15) ? 2 : 0);
            if (setup.rules) step.value += 4 * random.between(0, 15);
            break;
        case Kind::watch_watchers: step.value = random.percent(75) ? 1 : 0; break;
        case Kind::rules:
            step.who = some(random, setup.users);
            step.value = random.percent(10) ? 0 : random.between(1, INT64_MAX - 1);
            break;
        case Kind::policy:
            step.who = some(random, setup.users);
            step.value = random.percent(50) ? 0 : random.between(0, 3);
            break;
        case Kind::crash_phone: step.value = draw_span(random, 400'000); break;
        case Kind::crash_server:
        case Kind::stop_server:
            step.who = some(random, setup.servers);
            step.value = draw_span(random, 90'000);
            break;
        case Kind::jump:
            step.who = some(random, setup.servers + setup.phones);
            step.value = random.between(-400'000'000'000, 400'000'000'000);
            if (!setup.rules || random.percent(30)) break;
            // Across the ends of what holds for a while.
            step.who = some(random, setup.servers);
            step.value = random.between(-400'000, 400'000);
            break;
        case Kind::store:
            step.who = some(random, setup.servers);
            step.whom = random.percent(50) ? 0 : some(random, 60);
            step.value = draw_span(random, 40'000);
            break;
        case Kind::weather: draw_weather(random, step); break;
        case Kind::mtu: step.value = random.percent(50) ? 0 : random.between(900, 1'400); break;
        case Kind::piece: step.value = random.percent(30) ? 0 : random.between(1, 700); break;
        case Kind::partition:
            step.whom = some(random, setup.servers);
            step.value = draw_span(random, 300'000);
            break;
        case Kind::names:
            step.who = some(random, setup.servers);
            step.whom = some(random, name_states);
            step.value = random.percent(30) ? 0 : random.between(1, 600);
            break;
        case Kind::cut: step.value = random.between(0, 1); break;
        default: step.value = static_cast<std::int64_t>(random.next() >> 1); break;
    }
}

std::string text_of_look(const Step& step) {
    return step.value != 0 ? " looks who watches its user" : " looks no more who watches its user";
}

std::string text_of_rules(const Step& step) {
    return step.value == 0 ? " has no rules any more"
                           : " has the rules " + std::to_string(step.value);
}

}  // namespace

History history_of(const Setup& setup) {
    Random random(setup.seed, history_label);
    History history(setup.steps);
    const Time gap = setup.length / std::max(setup.steps, 1U);
    Time at = 0;
    for (Step& step : history) {
        // Bursts, where things cross, and quiet, where timers run out.
        at +=
            random.percent(30) ? random.between(0, 300 * millisecond) : random.between(0, 3 * gap);
        step.at = at;
        step.kind = draw_kind(random, setup);
        draw_arguments(random, setup, step);
    }
    return history;
}

std::string text_of(const Step& step) {
    const std::string phone = "phone" + std::to_string(step.who);
    const std::string user = "u" + std::to_string(step.whom);
    const std::string server = "server" + std::to_string(step.who);
    const std::string span = " for " + std::to_string(step.value) + " ms";
    std::string what;
    switch (step.kind) {
        case Kind::watch: what = phone + " watches " + user; break;
        case Kind::unwatch: what = phone + " watches " + user + " no more"; break;
        case Kind::refresh: what = phone + " refreshes its watch of " + user; break;
        case Kind::publish:
            what = phone + " publishes " + ((step.value & 1) != 0 ? "open" : "closed") +
                   ((step.value & 2) != 0 ? ", large" : "");
            break;
        case Kind::unpublish: what = phone + " takes its publication away"; break;
        case Kind::register_contact: what = phone + " registers"; break;
        case Kind::unregister: what = phone + " unregisters"; break;
        case Kind::policy:
            what = "u" + std::to_string(step.who) + " decides: " +
                   std::string(presence::name_of(static_cast<presence::Policy>(step.value)));
            break;
        case Kind::watch_watchers: what = phone + text_of_look(step); break;
        case Kind::rules: what = "u" + std::to_string(step.who) + text_of_rules(step); break;
        case Kind::crash_phone: what = phone + " is down" + span; break;
        case Kind::crash_server: what = server + " is down" + span; break;
        case Kind::stop_server: what = server + " stops properly" + span; break;
        case Kind::jump:
            what = "the wall clock of host " + std::to_string(step.who) + " jumps by " +
                   std::to_string(step.value) + " ms";
            break;
        case Kind::store:
            what = "the store of " + server + " takes up to " + std::to_string(step.value) +
                   " ms and fails at " + std::to_string(step.whom) + " %";
            break;
        case Kind::weather:
            what = "weather: loss " + std::to_string(step.who) + " %, twice " +
                   std::to_string(step.whom) + " %, delay up to " + std::to_string(step.value) +
                   " ms";
            break;
        case Kind::mtu: what = "datagrams over " + std::to_string(step.value) + " are lost"; break;
        case Kind::piece: what = "streams come in " + std::to_string(step.value) + " bytes"; break;
        case Kind::partition:
            what = phone + " and server" + std::to_string(step.whom) + " are cut off" + span;
            break;
        case Kind::rebind: what = "the NAT of " + phone + " forgets"; break;
        case Kind::cut:
            what =
                "the connections of " + phone + " break" + (step.value != 0 ? ", in silence" : "");
            break;
        case Kind::names: {
            constexpr std::array states{"are right",
                                        "have a dead server first",
                                        "have a dead server, too",
                                        "are others",
                                        "get no answer",
                                        "are gone"};
            what = "the names of " + server + " " + states[step.whom] + ", for " +
                   std::to_string(step.value) + " s";
            break;
        }
        case Kind::garbage: what = "garbage arrives"; break;
        case Kind::replay: what = "old messages arrive again"; break;
        case Kind::forged_notify: what = "forged NOTIFYs arrive"; break;
        case Kind::forged_response: what = "forged responses arrive"; break;
        case Kind::flood: what = "strangers ask, many at once"; break;
    }
    std::array<char, 32> time{};
    std::snprintf(time.data(), time.size(), "%12.3f s  ", static_cast<double>(step.at) / 1e9);
    return time.data() + what;
}

}  // namespace sim
