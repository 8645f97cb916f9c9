#include "apps/load/scenario.hpp"

#include <algorithm>
#include <array>

namespace load {

namespace {

constexpr std::array<std::string_view, 8> names{"subscribe",   "publish",    "fan-out", "refresh",
                                                "unsubscribe", "boot-storm", "mixed",   "options"};

class Builder {
public:
    Builder(const Plan& plan, const Amount& amount) : plan_(plan), amount_(amount) {}

    std::uint64_t publications() const {
        return std::uint64_t{plan_.presentities} * plan_.publications;
    }
    /// Once for each who can; bounded by nothing but the window.
    void each(Kind kind, std::uint64_t count) {
        if (count == 0) return;
        Phase phase;
        phase.name = name_of(kind);
        phase.streams = {{kind, count}};
        phase.window = amount_.window;
        phase.aside = true;
        phases_.push_back(phase);
    }
    /// The same as the main phase: at the pace that was asked for.
    void each_paced(Kind kind, std::uint64_t count) {
        if (count == 0) return;
        add_main(std::string(name_of(kind)),
                 {{kind, amount_.count == 0 ? count : std::min(amount_.count, count)}}, 0);
    }
    void set_up() {
        each(Kind::subscribe, plan_.subscriptions());
        each(Kind::publish, publications());
    }
    void again(Kind kind, std::uint64_t otherwise) {
        main(std::string(name_of(kind)), {{kind, amount_.count == 0 ? otherwise : amount_.count}});
    }
    void main(const std::string& name, const std::vector<Stream>& streams) {
        if (amount_.warm_up_s > 0) {
            add_main(std::string(warm_up_name), streams, amount_.warm_up_s);
            phases_.back().mute = false;
            phases_.back().probe_rate = 0;
        }
        add_main(name, streams, amount_.seconds);
    }
    std::vector<Phase> finished() {
        if (!amount_.keep) {
            // As many as there are.
            if (plan_.subscriptions() > 0) each(Kind::unsubscribe, plan_.subscriptions());
            each(Kind::unpublish, publications());
        }
        return std::move(phases_);
    }

private:
    void add_main(const std::string& name, const std::vector<Stream>& streams, double seconds) {
        Phase phase;
        phase.name = name;
        phase.streams = streams;
        phase.seconds = seconds;
        phase.rate = amount_.rate;
        phase.window = amount_.window;
        phase.probe_rate = amount_.probe_rate;
        phase.mute = amount_.mute;
        phases_.push_back(phase);
    }

    const Plan& plan_;
    const Amount& amount_;
    std::vector<Phase> phases_;
};

/// What phones do all day, in hundredths.
void add_mixed(Builder& to, const Amount& amount) {
    const std::uint64_t all = amount.count == 0 ? 10'000 : amount.count;
    std::vector<Stream> streams{{Kind::fan_out, 30}, {Kind::refresh, 40},  {Kind::touch, 15},
                                {Kind::options, 5},  {Kind::subscribe, 5}, {Kind::unsubscribe, 5}};
    for (Stream& stream : streams)
        stream.count = std::max<std::uint64_t>(1, stream.count * all / 100);
    to.main("mixed", streams);
}

void add_boot_storm(Builder& to, const Plan& plan) {
    std::vector<Stream> streams{{Kind::subscribe, plan.subscriptions()},
                                {Kind::publish, to.publications()}};
    std::erase_if(streams, [](const Stream& stream) { return stream.count == 0; });
    to.main("boot-storm", streams);
}

}  // namespace

std::optional<Scenario> scenario_named(std::string_view name) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return {};
    return static_cast<Scenario>(found - names.begin());
}

std::vector<Phase> phases_of(Scenario scenario, const Plan& plan, const Amount& amount) {
    Amount chosen = amount;
    if (scenario == Scenario::boot_storm) {
        chosen.window = UINT32_MAX;
        chosen.seconds = chosen.warm_up_s = 0;
    }
    Builder to(plan, chosen);
    switch (scenario) {
        case Scenario::subscribe: to.each_paced(Kind::subscribe, plan.subscriptions()); break;
        case Scenario::publish:
            to.set_up();
            to.again(Kind::modify, to.publications());
            to.again(Kind::touch, to.publications());
            break;
        case Scenario::fan_out:
            to.set_up();
            to.again(Kind::fan_out, to.publications());
            break;
        case Scenario::refresh:
            to.each(Kind::subscribe, plan.subscriptions());
            to.again(Kind::refresh, plan.subscriptions());
            break;
        case Scenario::unsubscribe:
            to.each(Kind::subscribe, plan.subscriptions());
            to.each_paced(Kind::unsubscribe, plan.subscriptions());
            break;
        case Scenario::boot_storm: add_boot_storm(to, plan); break;
        case Scenario::mixed:
            to.set_up();
            add_mixed(to, chosen);
            break;
        case Scenario::options: to.again(Kind::options, 10'000); break;
    }
    return to.finished();
}

}  // namespace load
