#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/presence/rules/naive_rules.hpp"
#include "tests/presence/rules/rule_texts.hpp"

namespace {

using namespace random_rules;

/// How many rule sets each property is tried with; VIGIL_RULE_SETS asks for more.
std::uint64_t rule_sets() {
    const char* given = std::getenv("VIGIL_RULE_SETS");
    return given == nullptr ? 1'000 : std::strtoull(given, nullptr, 10);
}

std::string xml(Generator& random, const std::vector<Rule>& rules) {
    std::string inside;
    for (const Rule& each : rules) inside += random.xml(each);
    return ruleset(inside);
}

presence::Verdict ask(Generator& random, Rules& rules, const Circumstances& circumstances) {
    static std::vector<std::string> spelt;
    spelt.clear();
    for (const Person& each : circumstances.identities) spelt.push_back(random.spelt(each));
    const std::vector<std::string_view> identities(spelt.begin(), spelt.end());
    std::optional<std::string_view> sphere;
    static std::string written;
    if (circumstances.sphere) {
        written = random.any_case(*circumstances.sphere);
        sphere = written;
    }
    return rules.verdict(identities, circumstances.second * 1000, sphere);
}

/// What the product grants, in the words of the naive one.
naive::Grant in_plain_words(const presence::Permissions& permissions) {
    static constexpr std::array<presence::Provide, 12> order{
        presence::Provide::activities,  presence::Provide::class_,
        presence::Provide::device_id,   presence::Provide::mood,
        presence::Provide::place_is,    presence::Provide::place_type,
        presence::Provide::privacy,     presence::Provide::relationship,
        presence::Provide::status_icon, presence::Provide::sphere,
        presence::Provide::time_offset, presence::Provide::note};
    static const std::array<std::string, 3> of{"services", "persons", "devices"};
    static const std::array<std::string, 5> by{"class", "occurrence-id", "deviceID", "service-uri",
                                               "service-uri-scheme"};
    naive::Grant grant;
    grant.handling = static_cast<int>(permissions.handling);
    grant.user_input = static_cast<int>(permissions.user_input);
    for (std::size_t i = 0; i < order.size(); ++i)
        if (permissions.provides(order[i])) grant.booleans.emplace(booleans[i]);
    if (permissions.all_services) grant.all.insert("services");
    if (permissions.all_persons) grant.all.insert("persons");
    if (permissions.all_devices) grant.all.insert("devices");
    for (const presence::Selector& each : permissions.selectors)
        grant.choices[of[static_cast<std::size_t>(each.of)]].emplace(
            by[static_cast<std::size_t>(each.by)], each.value);
    for (const presence::UnknownAttribute& each : permissions.unknown)
        grant.unknown.emplace(each.ns, each.name);
    grant.all_attributes = permissions.all_attributes;
    return grant;
}

std::string packed(const presence::Permissions& permissions) {
    std::string room(8192, '\0');
    sip::Appender out(room);
    REQUIRE(presence::pack(permissions, out));
    return std::string(out.view());
}

/// Every grant of `less` is one of `more`.
bool covers(const naive::Grant& more, const naive::Grant& less) {
    const auto all_in = [](const auto& big, const auto& small) {
        return std::includes(big.begin(), big.end(), small.begin(), small.end());
    };
    for (const auto& [of, members] : less.choices) {
        const auto found = more.choices.find(of);
        if (!more.all.contains(of) &&
            (found == more.choices.end() || !all_in(found->second, members)))
            return false;
    }
    return more.handling >= less.handling && more.user_input >= less.user_input &&
           all_in(more.booleans, less.booleans) && all_in(more.all, less.all) &&
           (more.all_attributes || all_in(more.unknown, less.unknown)) &&
           (more.all_attributes || !less.all_attributes);
}

}  // namespace

TEST_CASE("R4745-6-1 R4745-10.2-1 R4745-7.1.1-1 R4745-7.3-1 R4745-7.4-1: two make the same of it") {
    std::size_t applied = 0;
    for (std::uint64_t seed = 0; seed < rule_sets(); ++seed) {
        CAPTURE(seed);
        Generator random(seed);
        const std::vector<Rule> rules = random.rules(true);
        const std::string text = xml(random, rules);
        CAPTURE(text);
        Rules read(text);
        for (int i = 0; i < 6; ++i) {
            const Circumstances now = random.circumstances();
            const naive::Answer expected = naive::evaluate(rules, now);
            const presence::Verdict got = ask(random, read, now);
            REQUIRE(std::vector<std::string>(got.rules.begin(), got.rules.end()) == expected.rules);
            REQUIRE(in_plain_words(got.permissions) == expected.grant);
            REQUIRE(got.until_wall_ms.value_or(-1000) == expected.until * 1000);
            applied += expected.rules.size();
            // Until then the answer stays what it is.
            Circumstances later = now;
            const int last = expected.until < 0 ? 90 : expected.until - 1;
            later.second +=
                static_cast<int>(random.below(static_cast<std::size_t>(last - now.second) + 1));
            REQUIRE(packed(ask(random, read, later).permissions) == packed(got.permissions));
        }
    }
    CHECK(applied > rule_sets());
}

TEST_CASE("R4745-6-1: to add a rule never takes a permission away") {
    for (std::uint64_t seed = 0; seed < rule_sets(); ++seed) {
        CAPTURE(seed);
        Generator random(seed + 1'000'000);
        std::vector<Rule> rules = random.rules(false);
        Rules before(xml(random, rules));
        rules.insert(rules.begin() + static_cast<std::ptrdiff_t>(random.below(rules.size() + 1)),
                     random.rule("added", false));
        Rules after(xml(random, rules));
        const std::string document = pidf_document(xml(random.document()));
        for (int i = 0; i < 4; ++i) {
            const Circumstances now = random.circumstances();
            const auto less = ask(random, before, now), more = ask(random, after, now);
            REQUIRE(covers(in_plain_words(more.permissions), in_plain_words(less.permissions)));
            // What was shown is shown: to filter by the one and then by the other is the one.
            Shown both(document);
            const std::string once = both.filter(less.permissions).text();
            REQUIRE(both.filter(more.permissions).text() == once);
        }
    }
}

TEST_CASE("R4745-7.1.3-1: who is excepted everywhere gets in nowhere") {
    for (std::uint64_t seed = 0; seed < rule_sets(); ++seed) {
        CAPTURE(seed);
        Generator random(seed + 2'000'000);
        Circumstances now = random.circumstances();
        if (now.identities.empty()) now.identities.push_back(random.person());
        const Person out = random.any_of(now.identities);
        std::vector<Rule> rules = random.rules(false);
        for (Rule& rule : rules) {
            Condition identity{Condition::Kind::identity, {random.who()}, {}, {}};
            rule.conditions.push_back(identity);
            for (Condition& condition : rule.conditions)
                for (Who& who : condition.who) {
                    who.kind = Who::Kind::many;
                    Except except;
                    if (random.chance(2) || out.host.empty())
                        except.person = out;
                    else
                        except.domain = out.host;
                    who.excepts.insert(
                        who.excepts.begin() +
                            static_cast<std::ptrdiff_t>(random.below(who.excepts.size() + 1)),
                        except);
                }
        }
        Rules read(xml(random, rules));
        const presence::Verdict got = ask(random, read, now);
        REQUIRE(got.rules.empty());
        REQUIRE(packed(got.permissions) == packed({}));
    }
}

TEST_CASE("R4745-6-1: the order of rules does not matter") {
    for (std::uint64_t seed = 0; seed < rule_sets(); ++seed) {
        CAPTURE(seed);
        Generator random(seed + 3'000'000);
        std::vector<Rule> rules = random.rules(true);
        Rules first(xml(random, rules));
        std::shuffle(rules.begin(), rules.end(), random.engine());
        for (Rule& rule : rules)
            std::shuffle(rule.conditions.begin(), rule.conditions.end(), random.engine());
        Rules second(xml(random, rules));
        for (int i = 0; i < 4; ++i) {
            const Circumstances now = random.circumstances();
            const auto a = ask(random, first, now), b = ask(random, second, now);
            REQUIRE(packed(a.permissions) == packed(b.permissions));
            REQUIRE(std::set<std::string_view>(a.rules.begin(), a.rules.end()) ==
                    std::set<std::string_view>(b.rules.begin(), b.rules.end()));
            REQUIRE(a.until_wall_ms == b.until_wall_ms);
        }
    }
}

TEST_CASE("R5025-3.3.1-1 R5025-3.3.2-2 R5025-4-1: two filter the same, and again changes nothing") {
    std::size_t shown_at_all = 0;
    for (std::uint64_t seed = 0; seed < rule_sets(); ++seed) {
        CAPTURE(seed);
        Generator random(seed + 4'000'000);
        std::vector<Rule> rules = random.rules(true);
        for (Rule& rule : rules) rule.conditions.clear();
        const std::string text = xml(random, rules);
        CAPTURE(text);
        Rules read(text);
        const presence::Permissions permissions = ask(random, read, {}).permissions;
        const naive::Grant grant = naive::evaluate(rules, {}).grant;
        for (int i = 0; i < 3; ++i) {
            const Document document = random.document();
            const std::string given = pidf_document(xml(document));
            CAPTURE(given);
            Shown filtered(given);
            const std::string once = filtered.filter(permissions).text();
            REQUIRE(once == Shown(pidf_document(xml(naive::shown(grant, document)))).text());
            REQUIRE(filtered.filter(permissions).text() == once);
            shown_at_all += once.empty() ? 0U : 1U;
            // As bytes, too, where what a component was chosen by is left in them (RFC 5025 4).
            if (grant.booleans.contains("class")) {
                const std::string left = filtered.whole();
                REQUIRE(Shown(left).filter(permissions).whole() == left);
            }
            // The same by permissions that went through their bytes.
            sip::Memory memory;
            pidf::Arena arena(memory, 1U << 16U);
            const std::string bytes = packed(permissions);
            presence::Permissions back;
            REQUIRE(presence::unpack(bytes, arena, back));
            REQUIRE(Shown(given).filter(back).text() == once);
        }
    }
    CHECK(shown_at_all > rule_sets());
}
