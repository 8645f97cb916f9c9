#include "tests/sim/shrink.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace sim {
namespace {

bool still_fails(const Setup& setup, const History& history, const Failure& failure) {
    Simulation simulation(setup, 0);
    return simulation.run(history).failure.invariant == failure.invariant;
}

std::string time_of(Time at) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%12.3f s  ", static_cast<double>(at) / 1e9);
    return text.data();
}

}  // namespace

History shrink(const Setup& setup, const History& history, const Failure& failure,
               std::size_t runs) {
    History best = history;
    // What comes after the failure cannot have caused it.
    std::erase_if(best, [&](const Step& step) { return step.at > failure.at; });
    if (!still_fails(setup, best, failure)) best = history;
    std::size_t part = std::max<std::size_t>(best.size() / 2, 1);
    while (runs > 0 && !best.empty()) {
        bool smaller = false;
        for (std::size_t from = 0; from < best.size() && runs > 0; --runs) {
            History tried(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(from));
            const std::size_t to = std::min(from + part, best.size());
            tried.insert(tried.end(), best.begin() + static_cast<std::ptrdiff_t>(to), best.end());
            if (still_fails(setup, tried, failure)) {
                best = std::move(tried);
                smaller = true;
            } else {
                from += part;
            }
        }
        if (part == 1 && !smaller) break;
        part = std::max<std::size_t>(part / 2, 1);
    }
    return best;
}

std::string report_of(const Setup& setup, const History& history, const Outcome& outcome) {
    std::string text = "seed " + std::to_string(setup.seed) + " FAILED after" +
                       time_of(outcome.failure.at) + "\n  " + outcome.failure.invariant + "\n  " +
                       outcome.failure.detail + "\n\n" + std::to_string(setup.servers) +
                       " servers, " + std::to_string(setup.phones) + " phones of " +
                       std::to_string(setup.users) + " users, expires " +
                       std::to_string(setup.expires_s) + " s" + (setup.digest ? ", digest" : "") +
                       (setup.store ? ", store" : "") + (setup.tight ? ", tight limits" : "") +
                       (setup.calm ? ", calm" : "") + "\nthe smallest history (" +
                       std::to_string(history.size()) + " steps):\n";
    for (const Step& step : history) text += text_of(step) + "\n";
    text += "\nthe last messages:\n";
    for (const Passage& passage : outcome.passages) {
        text += time_of(passage.at) + passage.from + " -> " + passage.to + "  " + passage.what;
        if (!passage.fate.empty()) text += "  [" + std::string(passage.fate) + "]";
        text += "\n";
    }
    return text;
}

}  // namespace sim
