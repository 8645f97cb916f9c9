#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/file.hpp"
#include "apps/vigil/rule_trial.hpp"
#include "apps/vigil/text.hpp"
#include "sip/base/civil_time.hpp"
#include "sip/message/uri.hpp"

namespace vigil {

namespace {

ExitCode wrong(const RulesOptions& options, const std::string& what, ExitCode code) {
    return fail(code, {what, {}, 0, {}}, options.json);
}

edge::Outcome<NamedText> read_named(const std::string& path) {
    auto text = read_file(path);
    if (!text) return edge::failure(text.error());
    return NamedText{path == "-" ? "standard input" : path, std::move(*text)};
}

ExitCode check(const RulesOptions& options, const NamedText& rules) {
    const auto count = check_rules(rules);
    if (!count) return wrong(options, count.error(), ExitCode::failed);
    if (options.json) {
        ParseFields fields;
        fields.ok = true;
        fields.kind = "rules";
        print_line(json_of(fields));
    } else {
        print_line(rules.name + ": " + std::to_string(*count) + (*count == 1 ? " rule" : " rules") +
                   ", and nothing is wrong");
    }
    return ExitCode::done;
}

/// What was typed, understood.
edge::Outcome<RuleTrial> trial_of(const RulesOptions& options) {
    RuleTrial trial;
    trial.wall_ms = wall_clock_ms();
    for (const std::string& uri : options.as) {
        if (!sip::parse_uri(uri))
            return edge::failure("--as " + escape(uri) + ": use a URI, sip:bob@example.com");
        trial.identities.push_back(uri);
    }
    if (options.at) {
        const auto wall_ms = sip::parse_rfc3339(*options.at);
        if (!wall_ms)
            return edge::failure("--at " + escape(*options.at) +
                                 ": use a time with its zone, 2026-11-25T08:00:00Z");
        trial.wall_ms = *wall_ms;
    }
    trial.sphere = options.sphere;
    if (!options.document) return trial;
    auto document = read_named(*options.document);
    if (!document) return edge::failure(document.error());
    trial.document = std::move(*document);
    return trial;
}

ExitCode test(const RulesOptions& options, const NamedText& rules) {
    const auto trial = trial_of(options);
    if (!trial) return wrong(options, trial.error(), ExitCode::wrong_usage);
    const auto outcome = try_rules(rules, *trial);
    if (!outcome) return wrong(options, outcome.error(), ExitCode::failed);
    if (options.json) {
        print_line(json_of(outcome->fields));
        return ExitCode::done;
    }
    for (const std::string& line : outcome->lines) print_line(line);
    if (outcome->fields.document) print_line("\n" + *outcome->fields.document);
    return ExitCode::done;
}

}  // namespace

ExitCode run_rules(const RulesOptions& options) {
    const auto rules = read_named(options.file);
    if (!rules) return wrong(options, rules.error(), ExitCode::wrong_usage);
    return options.action == RulesAction::check ? check(options, *rules) : test(options, *rules);
}

}  // namespace vigil
