#include "apps/vigil/compose_option.hpp"

#include <array>
#include <string>

#include "sip/base/text.hpp"

namespace vigil {
namespace {

using presence::CompositionPolicy;

/// A rule, its choices with "|" between two, and what the choice of that number sets.
struct Rule {
    std::string_view name, choices;
    void (*set)(CompositionPolicy& policy, int choice);
};
constexpr std::array rules{
    Rule{"persons", "newest|source",
         [](CompositionPolicy& p, int i) { p.persons = presence::PersonRule(i); }},
    Rule{"services", "device|contact|id|all",
         [](CompositionPolicy& p, int i) { p.services = presence::ServiceRule(i); }},
    Rule{"registrations", "beside|fallback|never",
         [](CompositionPolicy& p, int i) { p.registrations = presence::RegistrationRule(i); }},
    Rule{"hard-state", "fallback|beside",
         [](CompositionPolicy& p, int i) { p.hard = presence::HardRule(i); }},
    Rule{"contacts", "address|device",
         [](CompositionPolicy& p, int i) { p.contacts = presence::TupleContact(i); }},
    Rule{"capabilities", "show|hide", [](CompositionPolicy& p, int i) { p.capabilities = i == 0; }},
};

/// The place of a choice among them; -1: it is none.
int place_of(std::string_view choices, std::string_view choice) {
    for (int i = 0; !choices.empty(); ++i) {
        const sip::Halves halves = sip::split_at(choices, '|');
        if (halves.before == choice) return i;
        choices = halves.after;
    }
    return -1;
}

}  // namespace

edge::Outcome<void> read_composition_rule(std::string_view text, CompositionPolicy& policy) {
    const sip::Halves halves = sip::split_at(text, '=');
    std::string all;
    for (const Rule& rule : rules) {
        if (rule.name == halves.before) {
            const int choice = place_of(rule.choices, halves.after);
            if (choice < 0)
                return edge::failure("use " + std::string(rule.name) + "=" +
                                     std::string(rule.choices));
            rule.set(policy, choice);
            return {};
        }
        all += (all.empty() ? "" : ", ") + std::string(rule.name);
    }
    return edge::failure("it wants RULE=CHOICE, with a rule of " + all);
}

}  // namespace vigil
