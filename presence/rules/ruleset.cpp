#include "presence/rules/ruleset.hpp"

#include <algorithm>
#include <new>
#include <tuple>
#include <utility>

#include "pidf/unicode.hpp"
#include "presence/rules/rule_model.hpp"
#include "sip/base/ranges.hpp"
#include "sip/base/sort.hpp"
#include "sip/base/text.hpp"

namespace presence {
namespace {

/// What one byte of a document may cost as a tree, and as rules. The shortest elements cost most.
constexpr std::size_t tree_cost = 128, model_cost = 64, cost_floor = 64 * 1024;

/// The one who watches, as the conditions see them.
struct Watcher {
    std::span<const Identity> identities;

    bool is(const Identity& id) const {
        return sip::any_of(identities,
                           [&](const Identity& mine) { return same_identity(mine, id); });
    }
    bool in(std::string_view domain) const {
        return sip::any_of(identities, [&](const Identity& mine) { return mine.domain == domain; });
    }
    bool authenticated() const { return !identities.empty(); }
};

/// RFC 4745 7.1.3: the exceptions are OR-ed, and RFC 5025 3.1.1.2: one identity of several is
/// enough to be an exception.
bool excepted(const Who& many, const Watcher& watcher) {
    for (const Except& except : many.excepts)
        if (except.domain.empty() ? watcher.is(except.id) : watcher.in(except.domain)) return true;
    return false;
}
bool is_among(const Who& many, const Watcher& watcher) {
    return many.domain.empty() ? watcher.authenticated() : watcher.in(many.domain);
}
bool matches(const Who& who, const Watcher& watcher) {
    if (!who.understood) return false;
    if (who.kind == Who::Kind::one) return watcher.is(who.id);
    return is_among(who, watcher) && !excepted(who, watcher);
}
/// RFC 4745 7.1.1: any child is enough. RFC 5025 3.1.1.2: an empty one is for everybody, also for
/// whom nobody vouches.
bool matches_identity(const RuleCondition& identity, const Watcher& watcher) {
    if (identity.empty) return true;
    for (const Who& who : identity.who)
        if (matches(who, watcher)) return true;
    return false;
}

/// RFC 4745 7.3: a list with blanks between two tokens, in any case.
bool matches_sphere(std::string_view values, const std::optional<std::string_view>& sphere) {
    if (!sphere) return false;
    while (!values.empty()) {
        std::size_t end = 0;
        while (end < values.size() && !pidf::is_xml_space(values[end])) ++end;
        if (end > 0 && sip::equal_ignoring_case(sip::slice(values, 0, end), *sphere)) return true;
        values.remove_prefix(std::min(end + 1, values.size()));
    }
    return false;
}

/// RFC 4745 7.4: the first instant belongs to it, the last does not.
bool matches_validity(const RuleCondition& validity, std::int64_t wall_ms) {
    for (const Period& period : validity.periods)
        if (wall_ms >= period.from_wall_ms && wall_ms < period.until_wall_ms) return true;
    return false;
}

/// Whether a rule speaks of the watcher, be it to leave them out.
bool refers_to(const Rule& rule, const Watcher& watcher) {
    for (const RuleCondition& condition : rule.conditions)
        for (const Who& who : condition.who) {
            const bool one = who.kind == Who::Kind::one;
            if (one ? watcher.is(who.id) : is_among(who, watcher) || excepted(who, watcher))
                return true;
        }
    return false;
}

template <class T>
std::size_t length_of(const pidf::List<T>& list) {
    std::size_t n = 0;
    for (const T* node = list.first; node != nullptr; node = node->next) ++n;
    return n;
}

/// Sorts, and takes doubles out.
template <class T, class Key>
void as_set(T* items, std::size_t& count, Key key) {
    sip::sort(items, count, [&](const T& a, const T& b) { return key(a) < key(b); });
    count = static_cast<std::size_t>(
        std::unique(items, items + count, [&](const T& a, const T& b) { return a == b; }) - items);
}

class Evaluation {
public:
    Evaluation(const RuleModel& model, const Circumstances& circumstances, pidf::Arena& arena)
        : model_(model), circumstances_(circumstances), arena_(arena) {}

    sip::Expected<Verdict> run() {
        if (!know_watcher() || !choose() || !combine_sets())
            return sip::failure(sip::Condition::overloaded, "ruleset: no memory for an answer");
        normalise();
        if (model_.uses_validity) find_next_change();
        return verdict_;
    }

private:
    /// What is no URI cannot be told from what a rule excepts: it vouches for nobody.
    bool know_watcher() {
        auto* made = arena_.make_array<Identity>(circumstances_.identities.size());
        if (made == nullptr) return false;
        std::size_t count = 0;
        for (std::string_view text : circumstances_.identities) {
            bool known = false;
            if (!make_identity(text, arena_, made[count], known)) return false;
            count += known ? 1U : 0U;
        }
        watcher_.identities = {made, count};
        if (!model_.uses_others) return true;
        for (const Rule& rule : model_.rules) references_ += refers_to(rule, watcher_) ? 1U : 0U;
        return true;
    }
    /// OMA's other-identity: whom no other rule refers to. Where one may refer to anybody, as by a
    /// list that cannot be looked into, there are no others.
    bool is_other(const Rule& rule) const {
        return watcher_.authenticated() && !model_.refers_to_unknown &&
               references_ == (refers_to(rule, watcher_) ? 1U : 0U);
    }
    bool holds(const RuleCondition& condition, const Rule& rule) const {
        switch (condition.kind) {
            case RuleCondition::Kind::identity: return matches_identity(condition, watcher_);
            case RuleCondition::Kind::sphere:
                return matches_sphere(condition.spheres, circumstances_.sphere);
            case RuleCondition::Kind::validity:
                return matches_validity(condition, circumstances_.wall_ms);
            case RuleCondition::Kind::anonymous_request: return !watcher_.authenticated();
            case RuleCondition::Kind::other_identity: return is_other(rule);
            case RuleCondition::Kind::never: break;
        }
        return false;
    }
    bool applies(const Rule& rule) const {
        for (const RuleCondition& condition : rule.conditions)
            if (!holds(condition, rule)) return false;
        return true;
    }
    /// RFC 4745 10.2, but for the sets: OR and maximum.
    void add(const Permissions& grants) {
        Permissions& all = verdict_.permissions;
        all.handling = std::max(all.handling, grants.handling);
        all.user_input = std::max(all.user_input, grants.user_input);
        all.attributes = static_cast<std::uint16_t>(all.attributes | grants.attributes);
        all.all_services |= grants.all_services;
        all.all_persons |= grants.all_persons;
        all.all_devices |= grants.all_devices;
        all.all_attributes |= grants.all_attributes;
    }
    bool choose() {
        chosen_ = arena_.make_array<const Rule*>(model_.count);
        auto* names = arena_.make_array<std::string_view>(model_.count);
        if (chosen_ == nullptr || names == nullptr) return false;
        for (const Rule& rule : model_.rules) {
            if (!applies(rule)) continue;
            names[count_] = rule.id;
            chosen_[count_++] = &rule;
            add(rule.grants);
        }
        verdict_.rules = {names, count_};
        return true;
    }
    bool covered(Selector::Of of) const {
        const Permissions& all = verdict_.permissions;
        return of == Selector::Of::services  ? all.all_services
               : of == Selector::Of::persons ? all.all_persons
                                             : all.all_devices;
    }
    /// RFC 4745 10.2: the union.
    bool combine_sets() {
        std::size_t selectors = 0, unknown = 0;
        for (std::size_t i = 0; i < count_; ++i) {
            for (const SelectorNode& node : chosen_[i]->selectors)
                selectors += covered(node.selector.of) ? 0U : 1U;
            unknown += length_of(chosen_[i]->unknown);
        }
        auto* chosen = arena_.make_array<Selector>(selectors);
        auto* named = arena_.make_array<UnknownAttribute>(unknown);
        if (chosen == nullptr || named == nullptr) return false;
        selectors = unknown = 0;
        for (std::size_t i = 0; i < count_; ++i) {
            for (const SelectorNode& node : chosen_[i]->selectors)
                if (!covered(node.selector.of)) chosen[selectors++] = node.selector;
            for (const UnknownNode& node : chosen_[i]->unknown) named[unknown++] = node.attribute;
        }
        as_set(chosen, selectors,
               [](const Selector& s) { return std::tuple(s.of, s.by, s.value); });
        as_set(named, unknown, [](const UnknownAttribute& u) { return std::pair(u.ns, u.name); });
        verdict_.permissions.selectors = {chosen, selectors};
        verdict_.permissions.unknown = {named, unknown};
        return true;
    }
    /// RFC 5025 3.3.2.15: all attributes are every one of them. Equal grants become equal values.
    void normalise() {
        Permissions& all = verdict_.permissions;
        if (!all.all_attributes) return;
        all.attributes = 0;
        all.user_input = UserInput::full;
        all.unknown = {};
    }
    void find_next_change() {
        for (const Rule& rule : model_.rules)
            for (const RuleCondition& condition : rule.conditions)
                for (const Period& period : condition.periods)
                    for (const std::int64_t at : {period.from_wall_ms, period.until_wall_ms})
                        if (at > circumstances_.wall_ms &&
                            at < verdict_.until_wall_ms.value_or(INT64_MAX))
                            verdict_.until_wall_ms = at;
    }

    const RuleModel& model_;
    const Circumstances& circumstances_;
    pidf::Arena& arena_;
    Watcher watcher_;
    std::size_t references_ = 0;  ///< rules that refer to the watcher
    const Rule** chosen_ = nullptr;
    std::size_t count_ = 0;
    Verdict verdict_;
};

}  // namespace

struct Ruleset::Impl {
    Impl(sip::Memory& memory, std::size_t cap) : from(memory), arena(memory, cap) {}
    sip::Memory& from;
    pidf::Arena arena;
    RuleModel model;
};

Ruleset::Ruleset(Ruleset&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}

Ruleset& Ruleset::operator=(Ruleset&& other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
}

Ruleset::~Ruleset() {
    if (impl_ == nullptr) return;
    sip::Memory& memory = impl_->from;
    impl_->~Impl();
    memory.release(impl_, sizeof(Impl));
}

sip::Expected<Ruleset> Ruleset::read(std::string_view document, sip::Memory& memory,
                                     const Limits& limits) {
    void* room = memory.allocate(sizeof(Impl));
    if (room == nullptr) return sip::failure(sip::Condition::overloaded, "ruleset: no memory");
    Ruleset made;
    made.impl_ = new (room) Impl(memory, model_cost * limits.bytes + cost_floor);
    pidf::Arena tree(memory, tree_cost * limits.bytes + cost_floor);
    const auto read = read_rules(document, limits, tree, made.impl_->arena, made.impl_->model);
    if (!read) return tl::unexpected(read.error());
    return made;
}

sip::Expected<Verdict> Ruleset::evaluate(const Circumstances& circumstances,
                                         pidf::Arena& arena) const {
    return Evaluation(impl_->model, circumstances, arena).run();
}

bool Ruleset::uses_sphere() const { return impl_->model.uses_sphere; }
bool Ruleset::uses_validity() const { return impl_->model.uses_validity; }
std::size_t Ruleset::size() const { return impl_->model.count; }

}  // namespace presence
