#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "tests/presence/rules/random_rules.hpp"

/// RFC 4745 and 5025 a second time, as plainly as can be and without a word of the product: rules
/// and documents are data already, people are compared by name.

namespace naive {

using namespace random_rules;

/// What somebody is granted. A set that grants all has no members.
struct Grant {
    int handling = 0, user_input = 0;
    std::set<std::string> booleans;
    std::map<std::string, std::set<std::pair<std::string, std::string>>> choices;
    std::set<std::string> all;
    std::set<std::pair<std::string, std::string>> unknown;  ///< namespace, name
    bool all_attributes = false;
    bool operator==(const Grant&) const = default;
};
struct Answer {
    Grant grant;
    std::vector<std::string> rules;
    int until = -1;
};

inline bool is(const Circumstances& who, const Person& person) {
    return std::find(who.identities.begin(), who.identities.end(), person) != who.identities.end();
}
inline bool is_in(const Circumstances& who, const std::string& domain) {
    for (const Person& each : who.identities)
        if (each.scheme != "tel" && each.host == domain) return true;
    return false;
}
inline bool names(const Except& except, const Circumstances& who) {
    return except.person ? is(who, *except.person) : is_in(who, except.domain);
}
inline bool is_among(const Who& many, const Circumstances& who) {
    return many.domain.empty() ? !who.identities.empty() : is_in(who, many.domain);
}
inline bool holds(const Who& child, const Circumstances& who) {
    if (child.kind == Who::Kind::foreign || child.foreign_inside) return false;
    if (child.kind == Who::Kind::one) return is(who, child.person);
    bool left_out = false;
    for (const Except& except : child.excepts) left_out |= names(except, who);
    return is_among(child, who) && !left_out;
}

inline bool mentions(const Rule& rule, const Circumstances& who) {
    for (const Condition& condition : rule.conditions)
        for (const Who& child : condition.who) {
            if (child.kind == Who::Kind::one && is(who, child.person)) return true;
            if (child.kind != Who::Kind::many) continue;
            if (is_among(child, who)) return true;
            for (const Except& except : child.excepts)
                if (names(except, who)) return true;
        }
    return false;
}
inline bool is_other(const std::vector<Rule>& rules, const Rule& mine, const Circumstances& who) {
    if (who.identities.empty()) return false;
    for (const Rule& rule : rules) {
        for (const Condition& condition : rule.conditions) {
            if (condition.kind == Condition::Kind::list) return false;
            for (const Who& child : condition.who)
                if (child.kind == Who::Kind::foreign) return false;
        }
        if (rule.id != mine.id && mentions(rule, who)) return false;
    }
    return true;
}

inline bool holds(const std::vector<Rule>& rules, const Rule& rule, const Condition& condition,
                  const Circumstances& now) {
    bool any = false;
    switch (condition.kind) {
        case Condition::Kind::identity:
            for (const Who& child : condition.who) any |= holds(child, now);
            return any || condition.who.empty();
        case Condition::Kind::sphere:
            for (const std::string& each : condition.spheres) any |= now.sphere == each;
            return any;
        case Condition::Kind::validity:
            for (const auto& [from, until] : condition.seconds)
                any |= from <= now.second && now.second < until;
            return any;
        case Condition::Kind::foreign:
        case Condition::Kind::list: return false;
        case Condition::Kind::anonymous: return now.identities.empty();
        case Condition::Kind::others: return is_other(rules, rule, now);
    }
    return false;
}

inline bool has_a_permission(const std::string& prefix, const std::string& name) {
    if (prefix == "p" || prefix == "dm") return true;
    if (prefix != "r") return false;
    return name == "user-input" || name == "service-class" ||
           (name != "note" && name != "deviceID" &&
            std::find(booleans.begin(), booleans.end(), name) != booleans.end());
}

/// Everything that says the same in two ways in one way.
inline void simplify(Grant& grant) {
    for (const std::string& of : grant.all) grant.choices.erase(of);
    std::erase_if(grant.choices, [](const auto& each) { return each.second.empty(); });
    if (!grant.all_attributes) return;
    grant.user_input = 3;
    grant.unknown.clear();
    for (const std::string_view name : booleans) grant.booleans.emplace(name);
}

inline void add(Grant& grant, const Rule& rule) {
    for (const int each : rule.handlings) grant.handling = std::max(grant.handling, each);
    for (const int each : rule.user_inputs) grant.user_input = std::max(grant.user_input, each);
    for (const auto& [name, granted] : rule.booleans)
        if (granted) grant.booleans.insert(name);
    for (const Components& each : rule.components) {
        if (each.all) grant.all.insert(each.of);
        for (const Choice& choice : each.choices)
            grant.choices[each.of].emplace(choice.by, choice.value);
    }
    for (const Unknown& each : rule.unknown)
        if (each.granted && !has_a_permission(each.prefix, each.name))
            grant.unknown.emplace(namespace_of(each.prefix), each.name);
    grant.all_attributes |= rule.all_attributes;
}

inline Answer evaluate(const std::vector<Rule>& rules, const Circumstances& now) {
    Answer answer;
    for (const Rule& rule : rules) {
        bool all = true;
        for (const Condition& condition : rule.conditions)
            all &= holds(rules, rule, condition, now);
        for (const Condition& condition : rule.conditions)
            for (const auto& [from, until] : condition.seconds)
                for (const int at : {from, until})
                    if (at > now.second && (answer.until < 0 || at < answer.until))
                        answer.until = at;
        if (!all) continue;
        answer.rules.push_back(rule.id);
        add(answer.grant, rule);
    }
    simplify(answer.grant);
    return answer;
}

// ---- The privacy filter -------------------------------------------------------------------------

inline bool is_chosen(const Grant& grant, const Component& component) {
    if (grant.all.contains(component.kind)) return true;
    const auto found = grant.choices.find(component.kind);
    if (found == grant.choices.end()) return false;
    const auto in = [&](const std::string& by, const std::string& value) {
        return !value.empty() && found->second.contains({by, value});
    };
    const std::string& contact = component.contact;
    return in("class", component.occurrence_class) || in("occurrence-id", component.id) ||
           in("deviceID", component.device_id) || in("service-uri", contact) ||
           in("service-uri-scheme", contact.substr(0, contact.find(':')));
}

/// Nothing: it is taken out.
inline std::optional<Attribute> shown(const Grant& grant, Attribute a, const std::string& kind,
                                      bool inside) {
    if (grant.all_attributes) return a;
    if (a.prefix == "r" && a.name == "user-input") {
        if (grant.user_input == 0) return {};
        std::erase_if(a.xml_attributes, [&](const auto& each) {
            if (grant.user_input == 1) return true;
            return grant.user_input == 2 && each.first != "idle-threshold";
        });
        return a;
    }
    if (a.prefix == "r" && a.name == "service-class") {
        if (!inside && kind != "services") return {};
    } else if ((a.prefix == "r" || a.prefix == "dm") &&
               std::find(booleans.begin(), booleans.end(), a.name) != booleans.end() &&
               a.name != "note") {
        if (!grant.booleans.contains(a.name)) return {};
    } else if (!inside && !grant.unknown.contains({namespace_of(a.prefix), a.name})) {
        return {};
    }
    std::vector<Attribute> children;
    for (const Attribute& child : a.children)
        if (const auto kept = shown(grant, child, kind, true)) children.push_back(*kept);
    a.children = children;
    return a;
}
inline std::vector<Attribute> shown(const Grant& grant, const std::vector<Attribute>& all,
                                    const std::string& kind) {
    std::vector<Attribute> kept;
    for (const Attribute& each : all)
        if (const auto one = shown(grant, each, kind, false)) kept.push_back(*one);
    return kept;
}
inline Document shown(const Grant& grant, const Document& document) {
    Document kept;
    for (Component component : document.components) {
        if (!is_chosen(grant, component)) continue;
        if (!grant.booleans.contains("class")) component.occurrence_class.clear();
        if (!grant.booleans.contains("note")) component.notes.clear();
        component.status = shown(grant, component.status, component.kind);
        component.attributes = shown(grant, component.attributes, component.kind);
        kept.components.push_back(component);
    }
    if (!grant.all.contains("persons")) return kept;
    if (grant.booleans.contains("note")) kept.notes = document.notes;
    kept.attributes = shown(grant, document.attributes, "");
    return kept;
}

}  // namespace naive
