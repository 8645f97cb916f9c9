// ./dev sim: runs worlds by seed, and shows the smallest history of the first that fails.

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/shrink.hpp"

namespace {

using namespace sim;

constexpr std::string_view usage =
    "usage: sim [--seed N | --seeds A..B] [--steps M] [--parties P] [--seconds S]\n"
    "           [--passages N] [--no-shrink] [--speed]\n"
    "\n"
    "  --seed N      one world; --seeds A..B: all from A to B (default 1..500)\n"
    "  --steps M     steps in a history (default: the seed decides)\n"
    "  --parties P   servers and phones in a world (default: the seed decides)\n"
    "  --seconds S   no new world is begun after S seconds of CPU time\n"
    "  --passages N  messages in the ladder of a failure (default 60)\n"
    "  --no-shrink   show the history that failed as it is\n"
    "  --speed       measure: simulated hours a minute of CPU time, by number of parties\n";

struct Options {
    std::uint64_t first = 1, last = 500;
    Wishes wishes;
    double seconds = 1e9;
    std::size_t passages = 60;
    bool shrinks = true, speed = false;
};

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    if (text.empty() || text.size() > 20) return {};
    for (char c : text) {
        if (c < '0' || c > '9') return {};
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
}

std::optional<Options> read_options(const std::vector<std::string_view>& arguments) {
    Options options;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view name = arguments[i];
        if (name == "--no-shrink") {
            options.shrinks = false;
            continue;
        }
        if (name == "--speed") {
            options.speed = true;
            continue;
        }
        if (++i == arguments.size()) return {};
        const std::string_view text = arguments[i];
        const auto dots = text.find("..");
        if (name == "--seeds" && dots != std::string_view::npos) {
            const auto from = number(text.substr(0, dots)), to = number(text.substr(dots + 2));
            if (!from || !to) return {};
            options.first = *from;
            options.last = *to;
            continue;
        }
        const auto value = number(text);
        if (!value) return {};
        if (name == "--seed") {
            options.first = options.last = *value;
        } else if (name == "--steps") {
            options.wishes.steps = static_cast<unsigned>(*value);
        } else if (name == "--parties") {
            options.wishes.parties = static_cast<unsigned>(*value);
        } else if (name == "--seconds") {
            options.seconds = static_cast<double>(*value);
        } else if (name == "--passages") {
            options.passages = *value;
        } else {
            return {};
        }
    }
    return options;
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

struct Sum {
    std::uint64_t worlds = 0, messages = 0;
    double hours = 0;
};

/// False: it failed, and was shown.
bool run_seed(std::uint64_t seed, const Options& options, Sum& sum) {
    const Setup setup = setup_of(seed, options.wishes);
    History history = history_of(setup);
    Outcome outcome = Simulation(setup, 0).run(history);
    ++sum.worlds;
    sum.messages += outcome.messages;
    sum.hours += static_cast<double>(outcome.simulated) / 3.6e12;
    if (!outcome.failed()) return true;
    if (options.shrinks) history = shrink(setup, history, outcome.failure, 400);
    outcome = Simulation(setup, options.passages).run(history);
    std::printf("%s\nagain: ./dev sim --seed %llu\n", report_of(setup, history, outcome).c_str(),
                static_cast<unsigned long long>(seed));
    return false;
}

int measure() {
    std::printf("%8s %10s %12s %14s\n", "parties", "hours", "messages", "hours/CPU min");
    for (const unsigned parties : {5U, 20U, 80U, 320U}) {
        Options options;
        options.wishes.parties = parties;
        options.shrinks = false;
        Sum sum;
        const double start = cpu_seconds();
        for (std::uint64_t seed = 1; seed <= 400 && cpu_seconds() - start < 20; ++seed)
            if (!run_seed(seed, options, sum)) return 1;
        const double took = cpu_seconds() - start;
        std::printf("%8u %10.1f %12llu %14.0f\n", parties, sum.hours,
                    static_cast<unsigned long long>(sum.messages), sum.hours / took * 60);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = read_options({argv + 1, argv + argc});
    if (!options) {
        std::fputs(usage.data(), stderr);
        return 2;
    }
    if (options->speed) return measure();
    const double start = cpu_seconds();
    Sum sum;
    for (std::uint64_t seed = options->first; seed <= options->last; ++seed) {
        if (cpu_seconds() - start > options->seconds) {
            std::printf("out of time before seed %llu\n", static_cast<unsigned long long>(seed));
            break;
        }
        if (!run_seed(seed, *options, sum)) return 1;
    }
    std::printf(
        "%llu worlds, %.0f simulated hours, %llu messages; %.0f hours a CPU minute; "
        "every invariant held\n",
        static_cast<unsigned long long>(sum.worlds), sum.hours,
        static_cast<unsigned long long>(sum.messages), sum.hours / (cpu_seconds() - start) * 60);
    return 0;
}
