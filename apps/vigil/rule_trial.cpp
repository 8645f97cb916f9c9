#include "apps/vigil/rule_trial.hpp"

#include <array>

#include "apps/vigil/text.hpp"
#include "pidf/reader.hpp"
#include "pidf/writer.hpp"
#include "presence/composition.hpp"
#include "presence/rules/privacy_filter.hpp"
#include "presence/rules/ruleset.hpp"
#include "sip/message/uri.hpp"

namespace vigil {

namespace {

using edge::Outcome;
using presence::Permissions;
using presence::Provide;

constexpr std::size_t room_bytes = std::size_t{4} << 20, arena_bytes = std::size_t{64} << 20;

std::string error_text(const NamedText& in, const sip::Error& error) {
    const Place place = place_of(in.text, error.offset);
    return in.name + ":" + std::to_string(place.line) + ": " + std::string(error.rule) +
           " (column " + std::to_string(place.column) + ")";
}

std::string joined(const std::vector<std::string>& parts, std::string_view none = "none") {
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
    return text.empty() ? std::string(none) : text;
}

std::string components(const Permissions& permissions, presence::Selector::Of of, bool all) {
    static constexpr std::array<std::string_view, 5> by{"class", "occurrence-id", "deviceID",
                                                        "service-uri", "service-uri-scheme"};
    if (all) return "all";
    std::vector<std::string> chosen;
    for (const presence::Selector& each : permissions.selectors)
        if (each.of == of)
            chosen.push_back("those of " + std::string(by[static_cast<std::size_t>(each.by)]) +
                             " " + escape(each.value));
    return joined(chosen);
}

std::string attributes(const Permissions& permissions) {
    static constexpr std::array<std::string_view, 12> names{
        "activities", "class",        "deviceID",    "mood",   "place-is",    "place-type",
        "privacy",    "relationship", "status-icon", "sphere", "time-offset", "note"};
    static constexpr std::array<std::string_view, 4> levels{
        "", "user-input (bare)", "user-input (thresholds)", "user-input"};
    if (permissions.all_attributes) return "all";
    std::vector<std::string> given;
    for (std::size_t i = 0; i < names.size(); ++i)
        if (permissions.provides(static_cast<Provide>(i))) given.emplace_back(names[i]);
    if (permissions.user_input != presence::UserInput::none)
        given.emplace_back(levels[static_cast<std::size_t>(permissions.user_input)]);
    for (const presence::UnknownAttribute& each : permissions.unknown)
        given.push_back(escape(each.name) + " of " + escape(each.ns));
    return joined(given, "none but those that always come");
}

/// The published document as a tree, and what the server makes of it for one watcher.
class Publication {
public:
    Outcome<void> read(const NamedText& from) {
        pidf::ReadOptions options;
        options.unknown_basic = true;
        const auto document = pidf::read(from.text, arena_, options);
        if (!document) return edge::failure(error_text(from, document.error()));
        document_ = *document;
        std::array<char, 512> room{};
        sip::Appender address(room);
        const auto entity = sip::parse_uri(document_->entity);
        if (entity) sip::write_address_of_record(address, *entity);
        if (!entity || address.overflowed())
            return edge::failure(from.name + ": entity is no address: whose document is it?");
        presentity_ = std::string(address.view());
        return {};
    }
    std::optional<std::string> sphere() const {
        const auto value = presence::sphere_of(*document_);
        return value ? std::optional(std::string(*value)) : std::nullopt;
    }
    /// Filtered as it was published, then composed; or composed of nothing (polite-block).
    Outcome<std::string> shown(const Permissions& permissions, std::int64_t wall_ms) {
        std::string filtered(room_bytes, '\0'), composed(room_bytes, '\0');
        presence::Published published;
        presence::Inputs inputs;
        inputs.presentity = presentity_;
        if (permissions.handling == presence::SubHandling::allow) {
            presence::filter(permissions, *document_);
            sip::Appender out(filtered);
            if (const auto written = pidf::write(*document_, out); !written)
                return edge::failure(std::string(written.error().rule));
            published = {out.view(), 1, {}, wall_ms};
            inputs.published = {&published, 1};
        }
        inputs.now_ms = wall_ms;
        const auto made = presence::compose(inputs, {}, memory_, composed);
        if (!made) return edge::failure(std::string(made.error().rule));
        return composed.substr(0, made->size);
    }

private:
    sip::Memory memory_;
    pidf::Arena arena_{memory_, arena_bytes};
    pidf::Document* document_ = nullptr;
    std::string presentity_;
};

std::vector<std::string> in_words(const RuleTrial& trial, const std::optional<std::string>& sphere,
                                  const presence::Verdict& verdict) {
    const Permissions& given = verdict.permissions;
    std::vector<std::string> identities, rules, lines;
    for (const std::string& each : trial.identities) identities.push_back(escape(each));
    for (const std::string_view each : verdict.rules) rules.push_back(escape(each));
    lines.push_back(std::string(presence::name_of(given.handling)) + " for " +
                    joined(identities, "somebody for whom nobody vouches") + " at " +
                    time_text(trial.wall_ms) +
                    (sphere ? ", sphere " + escape(*sphere) : ", sphere undefined"));
    lines.push_back("rules that apply: " + joined(rules));
    if (given.handling == presence::SubHandling::allow) {
        using Of = presence::Selector::Of;
        lines.push_back("services: " + components(given, Of::services, given.all_services));
        lines.push_back("persons: " + components(given, Of::persons, given.all_persons));
        lines.push_back("devices: " + components(given, Of::devices, given.all_devices));
        lines.push_back("attributes: " + attributes(given));
    }
    if (verdict.until_wall_ms)
        lines.push_back("may be another answer from " + time_text(*verdict.until_wall_ms) + " on");
    return lines;
}

}  // namespace

Outcome<std::size_t> check_rules(const NamedText& rules) {
    sip::Memory memory;
    const auto read = presence::Ruleset::read(rules.text, memory, {});
    if (!read) return edge::failure(error_text(rules, read.error()));
    return read->size();
}

Outcome<RuleOutcome> try_rules(const NamedText& rules, const RuleTrial& trial) {
    sip::Memory memory;
    pidf::Arena arena(memory, arena_bytes);
    const auto read = presence::Ruleset::read(rules.text, memory, {});
    if (!read) return edge::failure(error_text(rules, read.error()));
    Publication publication;
    std::optional<std::string> sphere = trial.sphere;
    if (trial.document) {
        if (const auto done = publication.read(*trial.document); !done)
            return edge::failure(done.error());
        if (!sphere) sphere = publication.sphere();
    }
    presence::Circumstances circumstances;
    const std::vector<std::string_view> identities(trial.identities.begin(),
                                                   trial.identities.end());
    circumstances.identities = identities;
    circumstances.wall_ms = trial.wall_ms;
    if (sphere) circumstances.sphere = *sphere;
    const auto verdict = read->evaluate(circumstances, arena);
    if (!verdict) return edge::failure(std::string(verdict.error().rule));
    RuleOutcome outcome;
    outcome.fields.decision = std::string(presence::name_of(verdict->permissions.handling));
    outcome.fields.rules.assign(verdict->rules.begin(), verdict->rules.end());
    outcome.lines = in_words(trial, sphere, *verdict);
    // RFC 5025 3.2.1: a document goes with an active subscription alone.
    if (!trial.document || verdict->permissions.handling < presence::SubHandling::polite_block)
        return outcome;
    auto shown = publication.shown(verdict->permissions, trial.wall_ms);
    if (!shown) return edge::failure(trial.document->name + ": " + shown.error());
    outcome.fields.document = std::move(*shown);
    return outcome;
}

}  // namespace vigil
