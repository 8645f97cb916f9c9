#include "tests/sim/setup.hpp"

#include <algorithm>

#include "tests/sim/random.hpp"

namespace sim {
namespace {

constexpr std::uint64_t setup_label = 1;

template <class T, std::size_t N>
T one_of(Random& random, const T (&choices)[N]) {
    return choices[random.below(N)];
}

}  // namespace

Setup setup_of(std::uint64_t seed, const Wishes& wishes) {
    Random random(seed, setup_label);
    Setup setup;
    setup.seed = seed;
    const unsigned parties =
        wishes.parties != 0 ? wishes.parties : one_of(random, {3U, 6U, 12U, 20U, 20U, 30U});
    setup.servers = parties >= 6 && random.percent(30) ? 2 : 1;
    setup.phones = std::max(parties, setup.servers + 1) - setup.servers;
    setup.users = static_cast<unsigned>(
        std::max<std::uint64_t>(1, setup.phones / one_of(random, {1U, 2U, 3U})));
    setup.steps = wishes.steps != 0 ? wishes.steps : 6 * (setup.servers + setup.phones);
    setup.length = static_cast<Time>(setup.steps) *
                   one_of(random, {2 * second, 20 * second, 40 * second, 90 * second});
    setup.expires_s = one_of(random, {60U, 120U, 300U, 600U, 1800U, 3600U});
    setup.digest = random.percent(75);
    setup.store = random.percent(40);
    setup.tight = random.percent(8);
    setup.calm = random.percent(15);
    setup.hostile = setup.digest && !setup.calm && random.percent(50);
    setup.nat_percent = one_of(random, {0U, 0U, 30U, 60U});
    setup.tcp_percent = one_of(random, {0U, 0U, 30U, 100U});
    setup.drift_max = one_of(random, {std::int64_t{0}, std::int64_t{50}, std::int64_t{2'000}});
    setup.delay_max_ms = one_of(random, {5U, 50U, 300U, 900U});
    setup.jitter_percent = one_of(random, {0U, 10U, 10U, 50U});
    setup.tls_percent = one_of(random, {0U, 0U, 0U, 40U});
    setup.names_percent = one_of(random, {0U, 0U, 0U, 50U});
    setup.relays = random.percent(60);
    // A sips watcher is not sent to a phone without TLS, and so sees another document.
    const bool may_have_agents = setup.relays && setup.tls_percent == 0 && !setup.tight;
    setup.agents = random.percent(40) && may_have_agents;
    // Who serves himself goes by rules of his own.
    setup.rules = random.percent(40) && !setup.agents;
    setup.watcher_info = random.percent(35) && !setup.agents;
    if (random.percent(setup.tight ? 70 : 35)) setup.workers = one_of(random, {2U, 2U, 3U, 5U});
    return setup;
}

}  // namespace sim
