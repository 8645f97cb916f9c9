#include "tests/sim/rule_book.hpp"

#include <algorithm>
#include <array>

#include "sip/base/civil_time.hpp"
#include "tests/sim/random.hpp"

namespace sim {
namespace {

constexpr std::array<std::string_view, 5> all_attributes{"note", "class", "mood", "activities",
                                                         "sphere"};
constexpr std::array<std::string_view, 3> spheres{"", "work", "home"};

void draw_given(Random& random, Given& given) {
    // Mostly something is to be seen.
    constexpr std::array handlings{Handling::block, Handling::confirm, Handling::polite_block,
                                   Handling::allow, Handling::allow,   Handling::allow,
                                   Handling::allow};
    given.handling = handlings[random.below(handlings.size())];
    if (random.percent(25)) {
        const Handling handling = given.handling;
        given = Given::everything();
        given.handling = handling;
        return;
    }
    given.all_services = random.percent(50);
    given.all_persons = random.percent(40);
    for (const char* number : {"0", "1"}) {
        if (random.percent(25)) given.service_classes.insert(std::string("svc") + number);
        if (random.percent(25)) given.person_classes.insert(std::string("per") + number);
    }
    for (const std::string_view attribute : all_attributes)
        if (random.percent(45)) given.attributes.emplace(attribute);
}

std::string element(const std::string& name, const std::string& content) {
    return "<" + name + ">" + content + "</" + name + ">";
}

std::string time_of(std::int64_t wall_ms) {
    std::array<char, 40> room{};
    sip::Appender out(room);
    sip::write_rfc3339(out, wall_ms);
    return std::string(out.view());
}

std::string components(const char* what, bool all, const std::set<std::string>& classes) {
    const std::string name = what;
    if (!all && classes.empty()) return {};
    std::string inside;
    if (all)
        inside = "<p:all-" + name + "/>";
    else
        for (const std::string& one : classes) inside += element("p:class", one);
    return element("p:provide-" + name, inside);
}

}  // namespace

std::string_view name_of(Handling handling) {
    constexpr std::array<std::string_view, 4> names{"block", "confirm", "polite-block", "allow"};
    return names[static_cast<std::size_t>(handling)];
}

Given Given::everything() {
    Given all;
    all.handling = Handling::allow;
    all.all_services = all.all_persons = true;
    for (const std::string_view attribute : all_attributes) all.attributes.emplace(attribute);
    return all;
}

RuleBook::RuleBook(const Setup& setup, unsigned presentity, std::uint64_t seed,
                   std::int64_t wall_ms)
    : setup_(&setup), home_(setup.home_of(presentity)) {
    Random random(seed);
    rules_.resize(random.below(5));
    for (Rule& rule : rules_) {
        draw_conditions(random, rule, wall_ms);
        draw_given(random, rule.given);
    }
}

void RuleBook::draw_conditions(Random& random, Rule& rule, std::int64_t wall_ms) const {
    rule.whom = static_cast<Rule::Whom>(random.below(3));
    rule.user = static_cast<unsigned>(random.below(setup_->users));
    if (random.percent(25)) rule.sphere = spheres[1 + random.below(2)];
    if (!random.percent(35)) return;
    rule.from_ms = wall_ms + random.between(-30'000, 30'000);
    rule.until_ms = rule.from_ms +
                    (random.percent(50) ? random.between(1, 20'000) : random.between(1, 400'000));
}

bool RuleBook::Rule::holds(const Moment& moment) const {
    if (!sphere.empty() && sphere != moment.sphere) return false;
    return from_ms == until_ms || (moment.wall_ms >= from_ms && moment.wall_ms < until_ms);
}

/// RFC 4745 10.2: the highest, and the union.
Given RuleBook::given(unsigned watcher, const Moment& moment) const {
    Given all;
    for (const Rule& rule : rules_) {
        if (!rule.is_for(watcher) || !rule.holds(moment)) continue;
        const Given& one = rule.given;
        all.handling = std::max(all.handling, one.handling);
        all.all_services |= one.all_services;
        all.all_persons |= one.all_persons;
        all.service_classes.insert(one.service_classes.begin(), one.service_classes.end());
        all.person_classes.insert(one.person_classes.begin(), one.person_classes.end());
        all.attributes.insert(one.attributes.begin(), one.attributes.end());
    }
    return all;
}

bool RuleBook::changes_between(std::int64_t from_ms, std::int64_t to_ms) const {
    return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
        if (rule.from_ms == rule.until_ms) return false;
        return (rule.from_ms > from_ms && rule.from_ms <= to_ms) ||
               (rule.until_ms > from_ms && rule.until_ms <= to_ms);
    });
}

std::set<Handling> RuleBook::handlings(unsigned watcher) const {
    std::vector<std::int64_t> times{0};
    for (const Rule& rule : rules_) {
        times.push_back(rule.from_ms);
        times.push_back(rule.until_ms);
    }
    std::set<Handling> all;
    for (const std::string_view sphere : spheres)
        for (const std::int64_t wall_ms : times)
            all.insert(given(watcher, {wall_ms, std::string(sphere)}).handling);
    return all;
}

std::string RuleBook::document() const {
    std::string text =
        "<ruleset xmlns=\"urn:ietf:params:xml:ns:common-policy\" "
        "xmlns:p=\"urn:ietf:params:xml:ns:pres-rules\">";
    for (std::size_t i = 0; i < rules_.size(); ++i) text += text_of(rules_[i], i);
    return text + "</ruleset>";
}

std::string RuleBook::text_of(const Rule& rule, std::size_t number) const {
    std::string whom = "<one id=\"" + id_of(rule.user) + "\"/>";
    if (rule.whom == Rule::Whom::all) whom = "<many/>";
    if (rule.whom == Rule::Whom::all_but_one)
        whom = "<many><except id=\"" + id_of(rule.user) + "\"/></many>";
    std::string conditions = element("identity", whom);
    if (!rule.sphere.empty()) conditions += "<sphere value=\"" + rule.sphere + "\"/>";
    if (rule.from_ms != rule.until_ms)
        conditions += element("validity", element("from", time_of(rule.from_ms)) +
                                              element("until", time_of(rule.until_ms)));
    const Given& given = rule.given;
    std::string shown = components("services", given.all_services, given.service_classes) +
                        components("persons", given.all_persons, given.person_classes);
    if (given.attributes.size() == all_attributes.size()) {
        shown +=
            "<p:provide-devices><p:all-devices/></p:provide-devices><p:provide-all-attributes/>";
    } else {
        for (const std::string& attribute : given.attributes)
            shown += element("p:provide-" + attribute, "true");
    }
    return "<rule id=\"r" + std::to_string(number) + "\">" + element("conditions", conditions) +
           element("actions",
                   element("p:sub-handling", std::string(sim::name_of(given.handling)))) +
           element("transformations", shown) + "</rule>";
}

}  // namespace sim
