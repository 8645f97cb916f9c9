#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/setup.hpp"

namespace sim {

/// What of a presentity decides besides who asks.
struct Moment {
    std::int64_t wall_ms = 0;
    std::string sphere;  ///< empty: none, or not everybody says the same
};

/// In the order of RFC 5025 3.2.1: the highest counts.
enum class Handling : std::uint8_t { block, confirm, polite_block, allow };
std::string_view name_of(Handling handling);

/// What somebody may see of a presentity.
struct Given {
    Handling handling = Handling::block;
    bool all_services = false, all_persons = false;
    std::set<std::string> service_classes, person_classes;
    std::set<std::string> attributes;  ///< "note", "class", "mood", "activities", "sphere"

    static Given everything();
    bool shows(const std::string& attribute) const { return attributes.contains(attribute); }
    bool shows_service(const std::string& of_class) const {
        return all_services || service_classes.contains(of_class);
    }
    bool shows_person(const std::string& of_class) const {
        return all_persons || person_classes.contains(of_class);
    }
    friend bool operator==(const Given&, const Given&) = default;
};

/// The rules of a presentity, drawn from a seed, and what they give by a plain reading of RFC 4745
/// and RFC 5025: no line of it is the product's.
class RuleBook {
public:
    /// Validities begin and end around `wall_ms`.
    RuleBook(const Setup& setup, unsigned presentity, std::uint64_t seed, std::int64_t wall_ms);

    std::string document() const;
    Given given(unsigned watcher, const Moment& moment) const;
    /// Whether a validity begins or ends behind `from_ms` and up to `to_ms`.
    bool changes_between(std::int64_t from_ms, std::int64_t to_ms) const;
    /// All that become of `watcher` in one sphere or another, at one time or another.
    std::set<Handling> handlings(unsigned watcher) const;

private:
    struct Rule {
        enum class Whom : std::uint8_t { one, all, all_but_one };
        Whom whom = Whom::all;
        unsigned user = 0;  ///< that one
        std::string sphere;
        std::int64_t from_ms = 0, until_ms = 0;  ///< the same: always
        Given given;

        bool is_for(unsigned watcher) const {
            return whom == Whom::all || (whom == Whom::one) == (watcher == user);
        }
        bool holds(const Moment& moment) const;
    };
    void draw_conditions(class Random& random, Rule& rule, std::int64_t wall_ms) const;
    std::string text_of(const Rule& rule, std::size_t number) const;
    std::string id_of(unsigned user) const { return "sip:" + setup_->address_of(user, home_); }

    const Setup* setup_;
    unsigned home_;
    std::vector<Rule> rules_;
};

}  // namespace sim
