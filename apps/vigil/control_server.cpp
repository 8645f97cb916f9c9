#include "apps/vigil/control_server.hpp"

#include <array>
#include <functional>
#include <utility>

#include "apps/vigil/control_records.hpp"
#include "apps/vigil/json_output.hpp"

namespace vigil {

namespace {

/// Places of a table that one piece looks at, so that a large one does not keep the loop.
constexpr std::uint32_t places_a_piece = 64;
/// Of publications, whose documents are read for it.
constexpr std::uint32_t documents_a_piece = 8;

/// One thing after another; each is asked until it gives false.
using Step = std::function<bool(std::string& out)>;
class Steps final : public edge::LineAnswer {
public:
    explicit Steps(std::vector<Step> steps) : steps_(std::move(steps)) {}

    bool next(std::string& out) override {
        if (at_ < steps_.size() && !steps_[at_](out)) ++at_;
        if (at_ < steps_.size()) return true;
        out += ControlServer::end_line();
        return false;
    }

private:
    std::vector<Step> steps_;
    std::size_t at_ = 0;
};

/// An answer that is one line, and is its end.
class Refusal final : public edge::LineAnswer {
public:
    explicit Refusal(std::string_view why) : why_(why) {}
    bool next(std::string& out) override {
        out += ControlServer::refusal(why_);
        return false;
    }

private:
    std::string why_;
};

using Words = std::vector<std::string>;
using Answer = std::unique_ptr<edge::LineAnswer>;

/// What steps look at; it outlives them.
struct Source {
    presence::Server& server;
    const RecentDecisions& decisions;
    const ControlServer::Clock& clock;
    const RuleFiles* rules;
};

struct Asked {
    Source source;
    Words arguments;
    bool raw = false;

    std::string argument(std::size_t i) const {
        return i < arguments.size() ? arguments[i] : std::string{};
    }
};

/// Of a watcher, a presentity, or both; empty: of all.
struct Filter {
    std::string watcher, presentity;
    bool either = false;  ///< one of the two will do

    bool takes(std::string_view w, std::string_view p) const {
        const bool is_watcher = watcher.empty() || watcher == w;
        const bool is_presentity = presentity.empty() || presentity == p;
        return either ? is_watcher || is_presentity : is_watcher && is_presentity;
    }
};

Step subscriptions(Source source, Filter filter) {
    return [source, filter = std::move(filter), at = std::uint32_t{0}](std::string& out) mutable {
        const sip::Now now = source.clock();
        at = source.server.notifier().for_each_from(
            now, at, places_a_piece, [&](const sip::Notifier::Snapshot& each) {
                if (filter.takes(each.watcher, each.resource))
                    out += json_of(record_of(now, each)) + "\n";
            });
        return at != UINT32_MAX;
    };
}

Step publications(Source source, std::string presentity) {
    return [source, presentity = std::move(presentity),
            at = std::uint32_t{0}](std::string& out) mutable {
        const sip::Now now = source.clock();
        at = source.server.compositor().for_each_from(
            at, documents_a_piece,
            [&](std::uint8_t, std::string_view resource, const sip::Compositor::Publication& each) {
                if (presentity.empty() || presentity == resource)
                    out += json_of(record_of(now, resource, each)) + "\n";
            });
        return at != UINT32_MAX;
    };
}

Step registrations(Source source, std::string presentity) {
    return [source, presentity = std::move(presentity),
            at = std::uint32_t{0}](std::string& out) mutable {
        const sip::Now now = source.clock();
        at = source.server.registrar().for_each_from(
            at, places_a_piece, [&](std::string_view address, const sip::Registrar::Binding& each) {
                if (presentity.empty() || presentity == address)
                    out += json_of(record_of(now, address, each)) + "\n";
            });
        return at != UINT32_MAX;
    };
}

/// What is made of all that is known of one address; the document itself if `raw`.
Step composition(Source source, std::string presentity, bool raw) {
    return [source, raw, presentity = std::move(presentity)](std::string& out) {
        for (const Record& each : compose_records(source.clock(), source.server, presentity, raw))
            out += json_of(each) + "\n";
        return false;
    };
}

Step address(Source source, std::string presentity) {
    return [source, presentity = std::move(presentity)](std::string& out) {
        Record record = address_record(source.clock(), source.server, presentity);
        const auto status =
            source.rules == nullptr ? RuleFiles::Status{} : source.rules->status_of(presentity);
        if (!status.path.empty())
            record.set("rules_file", status.path)
                .set("rules", static_cast<std::int64_t>(status.rules));
        if (!status.error.empty()) record.set("rules_error", status.error);
        out += json_of(record) + "\n";
        return false;
    };
}

Step decision(Source source, Filter of) {
    return [source, of = std::move(of)](std::string& out) {
        out += json_of(decision_record(source.clock(), source.server, of.watcher, of.presentity)) +
               "\n";
        return false;
    };
}

/// Of this watcher, about this presentity or nothing that is known.
Step refusals(Source source, Filter of) {
    return [source, of = std::move(of)](std::string& out) {
        source.decisions.for_each([&](const RecentDecisions::Entry& each) {
            if (each.subject == of.watcher && (each.about.empty() || each.about == of.presentity))
                out += json_of(record_of(source.clock(), each)) + "\n";
        });
        return false;
    };
}

/// What the server goes by.
Step settings(Source source) {
    return [source](std::string& out) {
        const ControlServer self(source.server, source.decisions, source.clock, source.rules);
        out += self.server_line(self.counts());
        return false;
    };
}

Answer steps(std::vector<Step> all) { return std::make_unique<Steps>(std::move(all)); }

Answer show_subscriptions(const Asked& asked) {
    const std::string of = asked.argument(0);
    return steps({subscriptions(asked.source, {of, of, true})});
}

Answer show_server(const Asked& asked) { return steps({settings(asked.source)}); }

Answer show_publications(const Asked& asked) {
    return steps({publications(asked.source, asked.argument(0))});
}

Answer show_registrations(const Asked& asked) {
    return steps({registrations(asked.source, asked.argument(0))});
}

Answer show_presentity(const Asked& asked) {
    const std::string of = asked.argument(0);
    if (!asked.source.server.package().exists(of))
        return std::make_unique<Refusal>("no such address here: " + of +
                                         "; it is neither a user of this server nor in one of its "
                                         "domains");
    return steps({address(asked.source, of), subscriptions(asked.source, {{}, of, false}),
                  publications(asked.source, of), registrations(asked.source, of),
                  composition(asked.source, of, asked.raw)});
}

Answer explain(const Asked& asked) {
    const Filter of{asked.argument(0), asked.argument(1), false};
    return steps({address(asked.source, of.presentity), subscriptions(asked.source, of),
                  decision(asked.source, of), refusals(asked.source, of),
                  publications(asked.source, of.presentity),
                  registrations(asked.source, of.presentity),
                  composition(asked.source, of.presentity, asked.raw)});
}

/// All that can be asked: a new command is a row, and a function that gives its steps.
struct Command {
    std::string_view words;
    std::size_t arguments_min, arguments_max;
    bool takes_raw;  ///< as one word more
    ControlServer::Reach::Kind reach;
    std::size_t presentity;  ///< of an owner: which argument
    Answer (*answer)(const Asked& asked);
};
using enum ControlServer::Reach::Kind;
constexpr std::array commands{
    Command{"show server", 0, 0, false, sum, 0, show_server},
    Command{"show subscriptions", 0, 1, false, all, 0, show_subscriptions},
    Command{"show publications", 0, 1, false, all, 0, show_publications},
    Command{"show registrations", 0, 1, false, all, 0, show_registrations},
    Command{"show presentity", 1, 1, true, owner, 0, show_presentity},
    Command{"explain", 2, 2, true, owner, 1, explain},
};

Words words_of(std::string_view text) {
    Words words;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        words.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

struct Parsed {
    const Command* command = nullptr;  ///< null: none of ours
    Words arguments;
    bool raw = false;
    bool fits() const {
        return arguments.size() >= command->arguments_min &&
               arguments.size() <= command->arguments_max;
    }
};

Parsed parse(std::string_view request) {
    for (const Command& command : commands) {
        if (!request.starts_with(command.words)) continue;
        std::string_view rest = request.substr(command.words.size());
        if (!rest.empty() && !rest.starts_with(' ')) continue;
        rest.remove_prefix(std::min<std::size_t>(1, rest.size()));
        Parsed parsed{&command, words_of(rest), false};
        if (command.takes_raw && !parsed.arguments.empty() && parsed.arguments.back() == "raw") {
            parsed.raw = true;
            parsed.arguments.pop_back();
        }
        return parsed;
    }
    return {};
}

}  // namespace

std::string ControlServer::refusal(std::string_view why) {
    return json_of(Record().set("error", std::string(why))) + "\n";
}

ControlServer::Reach ControlServer::reach_of(std::string_view request) {
    const Parsed parsed = parse(request);
    if (parsed.command == nullptr || !parsed.fits()) return {};
    if (parsed.command->reach != Reach::Kind::owner) return {parsed.command->reach, {}};
    return {Reach::Kind::owner, parsed.arguments[parsed.command->presentity]};
}

ControlServer::Counts ControlServer::counts() const {
    return {server_.notifier().size(), server_.compositor().size(), server_.registrar().size()};
}

std::string ControlServer::server_line(const Counts& counts) const {
    Record record;
    record.set("kind", std::string("server"))
        .set("policy", std::string(presence::name_of(server_.package().policy())))
        .set("rules", rules_ == nullptr ? std::string{} : rules_->folder())
        .set("subscriptions", static_cast<std::int64_t>(counts.subscriptions))
        .set("publications", static_cast<std::int64_t>(counts.publications))
        .set("registrations", static_cast<std::int64_t>(counts.registrations));
    return json_of(record) + "\n";
}

std::string ControlServer::end_line() { return json_of(Record().set("end", true)) + "\n"; }

Answer ControlServer::answer(std::string_view request) {
    Parsed parsed = parse(request);
    if (parsed.command == nullptr)
        return std::make_unique<Refusal>(
            "this server does not know that request; is it of the same version as this vigil?");
    if (!parsed.fits())
        return std::make_unique<Refusal>("\"" + std::string(parsed.command->words) +
                                         "\" wants another number of arguments");
    return parsed.command->answer(
        {{server_, decisions_, clock_, rules_}, std::move(parsed.arguments), parsed.raw});
}

}  // namespace vigil
