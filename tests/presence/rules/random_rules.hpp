#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

/// Random rules, watchers and presence documents as plain data, and as the XML that says the same.
/// The data has each thing in one form; the XML has it in any of its spellings.

namespace random_rules {

struct Person {
    std::string scheme;  ///< "sip" for sip, sips and pres
    std::string user, host;
    bool operator==(const Person&) const = default;
};
struct Except {
    std::optional<Person> person;
    std::string domain;
};
struct Who {
    enum class Kind { one, many, foreign } kind = Kind::one;
    Person person;
    std::string domain;
    std::vector<Except> excepts;
    bool foreign_inside = false;
};
struct Condition {
    enum class Kind {
        identity,
        sphere,
        validity,
        foreign,
        anonymous,
        others,
        list
    } kind = Kind::foreign;
    std::vector<Who> who;
    std::vector<std::string> spheres;
    std::vector<std::pair<int, int>> seconds;
};
struct Choice {
    std::string by, value;
};
struct Components {
    std::string of;  ///< "services"
    bool all = false;
    std::vector<Choice> choices;
};
struct Unknown {
    std::string prefix, name;
    bool granted = true;
};
struct Rule {
    std::string id;
    std::vector<Condition> conditions;
    std::vector<int> handlings;  ///< 0 block ... 3 allow
    std::vector<std::pair<std::string, bool>> booleans;
    std::vector<int> user_inputs;
    std::vector<Components> components;
    std::vector<Unknown> unknown;
    bool all_attributes = false;
};
struct Circumstances {
    std::vector<Person> identities;
    int second = 0;
    std::optional<std::string> sphere;
};

/// A child of a component, and what stands in it.
struct Attribute {
    std::string prefix, name, text;
    std::vector<std::pair<std::string, std::string>> xml_attributes;
    std::vector<Attribute> children;
};
struct Component {
    std::string kind;  ///< "services", "persons", "devices"
    std::string id, occurrence_class, contact, basic, device_id;
    std::vector<Attribute> status, attributes;
    std::vector<std::string> notes;
    bool timestamp = false;
};
struct Document {
    std::vector<Component> components;
    std::vector<std::string> notes;
    std::vector<Attribute> attributes;
};

inline constexpr std::array<std::string_view, 12> booleans{
    "activities", "class",        "deviceID",    "mood",   "place-is",    "place-type",
    "privacy",    "relationship", "status-icon", "sphere", "time-offset", "note"};
inline constexpr std::array<std::string_view, 4> handling_names{"block", "confirm", "polite-block",
                                                                "allow"};
inline constexpr std::array<std::string_view, 4> user_input_names{"false", "bare", "thresholds",
                                                                  "full"};

inline std::string namespace_of(const std::string& prefix) {
    if (prefix == "x") return "urn:example:x";
    if (prefix == "r") return "urn:ietf:params:xml:ns:pidf:rpid";
    if (prefix == "dm") return "urn:ietf:params:xml:ns:pidf:data-model";
    if (prefix == "ts") return "urn:ietf:params:xml:ns:pidf:timed-status";
    if (prefix == "c") return "urn:ietf:params:xml:ns:pidf:cipid";
    return "urn:ietf:params:xml:ns:pidf";
}

class Generator {
public:
    explicit Generator(std::uint64_t seed) : random_(seed) {}

    std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }
    bool chance(std::size_t one_in) { return below(one_in) == 0; }
    template <class T>
    auto any_of(const T& items) {
        return *(std::begin(items) + static_cast<std::ptrdiff_t>(below(std::size(items))));
    }

    Person person() {
        static const std::vector<Person> all{
            {"sip", "bob", "example.com"},      {"sip", "carol", "example.com"},
            {"sip", "bob", "example.org"},      {"sip", "Bob", "example.com"},
            {"sip", "bob", "sub.example.com"},  {"sip", "dave", "xn--mnchen-3ya.example"},
            {"sip", "15551234", "example.com"}, {"tel", "15551234", ""},
            {"mailto", "bob", "example.com"},   {"im", "carol", "example.com"}};
        return any_of(all);
    }
    std::string domain() {
        static const std::vector<std::string> all{"example.com", "example.org", "sub.example.com",
                                                  "xn--mnchen-3ya.example", "example.net"};
        return any_of(all);
    }
    std::string sphere() {
        static const std::vector<std::string> all{"home", "work", "club"};
        return any_of(all);
    }

    Who who() {
        Who made;
        if (chance(12)) {
            made.kind = Who::Kind::foreign;
            return made;
        }
        made.kind = chance(2) ? Who::Kind::one : Who::Kind::many;
        made.person = person();
        made.foreign_inside = chance(15);
        if (made.kind == Who::Kind::one) return made;
        if (chance(2)) made.domain = domain();
        for (std::size_t i = below(4); i > 0; --i) {
            Except except;
            if (chance(2))
                except.person = person();
            else
                except.domain = domain();
            made.excepts.push_back(except);
        }
        return made;
    }
    Condition condition(bool oma) {
        Condition made;
        switch (below(oma ? 20 : 14)) {
            case 0: made.kind = Condition::Kind::foreign; break;
            case 1:
            case 2:
            case 3:
                made.kind = Condition::Kind::sphere;
                for (std::size_t i = below(3); i > 0; --i) made.spheres.push_back(sphere());
                break;
            case 4:
            case 5:
            case 6:
                made.kind = Condition::Kind::validity;
                for (std::size_t i = 1 + below(2); i > 0; --i)
                    made.seconds.emplace_back(static_cast<int>(below(30)),
                                              static_cast<int>(10 + below(40)));
                break;
            case 14: made.kind = Condition::Kind::anonymous; break;
            case 15:
            case 16:
            case 17: made.kind = Condition::Kind::others; break;
            case 18: made.kind = Condition::Kind::list; break;
            default:
                made.kind = Condition::Kind::identity;
                for (std::size_t i = below(8) == 0 ? 0 : 1 + below(2); i > 0; --i)
                    made.who.push_back(who());
        }
        return made;
    }
    Components components() {
        static const std::vector<std::string> kinds{"services", "persons", "devices"};
        Components made;
        made.of = any_of(kinds);
        made.all = chance(3);
        if (made.all) return made;
        for (std::size_t i = below(4); i > 0; --i) {
            std::vector<std::string> by{"class", "occurrence-id"};
            if (made.of == "devices") by.push_back("deviceID");
            if (made.of == "services") {
                by.push_back("service-uri");
                by.push_back("service-uri-scheme");
            }
            Choice choice{any_of(by), {}};
            if (choice.by == "class") choice.value = any_of(classes());
            if (choice.by == "occurrence-id") choice.value = "i" + std::to_string(below(6));
            if (choice.by == "deviceID") choice.value = any_of(devices());
            if (choice.by == "service-uri") choice.value = any_of(contacts());
            if (choice.by == "service-uri-scheme")
                choice.value = any_of(std::vector<std::string>{"sip", "mailto", "SIP"});
            made.choices.push_back(choice);
        }
        return made;
    }
    Rule rule(const std::string& id, bool oma) {
        Rule made;
        made.id = id;
        for (std::size_t i = below(3); i > 0; --i) made.conditions.push_back(condition(oma));
        for (std::size_t i = below(6) == 0 ? 2 : below(6) == 0 ? 0 : 1; i > 0; --i)
            made.handlings.push_back(static_cast<int>(below(4)));
        for (std::size_t i = below(7); i > 0; --i)
            made.booleans.emplace_back(any_of(booleans), !chance(4));
        for (std::size_t i = below(3); i > 0; --i)
            made.user_inputs.push_back(static_cast<int>(below(4)));
        for (std::size_t i = below(4); i > 0; --i) made.components.push_back(components());
        for (std::size_t i = below(3); i > 0; --i) {
            static const std::vector<std::pair<std::string, std::string>> names{
                {"x", "foo"},  {"x", "bar"},  {"c", "card"},         {"ts", "timed-status"},
                {"r", "mood"}, {"r", "note"}, {"r", "user-input"},   {"dm", "note"},
                {"p", "note"}, {"x", "Foo"},  {"r", "service-class"}};
            const auto name = any_of(names);
            made.unknown.push_back({name.first, name.second, !chance(4)});
        }
        made.all_attributes = chance(12);
        return made;
    }
    std::vector<Rule> rules(bool oma) {
        std::vector<Rule> made;
        for (std::size_t i = below(6); i > 0; --i)
            made.push_back(rule("r" + std::to_string(made.size()), oma));
        return made;
    }
    Circumstances circumstances() {
        Circumstances made;
        for (std::size_t i = below(6) == 0 ? 0 : below(4) == 0 ? 2 : 1; i > 0; --i)
            made.identities.push_back(person());
        made.second = static_cast<int>(below(55));
        if (!chance(3)) made.sphere = sphere();
        return made;
    }

    Attribute attribute(std::size_t depth = 0) {
        static const std::vector<Attribute> all{
            {"r",
             "activities",
             "",
             {},
             {{"r", "note", "inside", {}, {}}, {"r", "away", "", {}, {}}}},
            {"r", "mood", "", {}, {{"r", "happy", "", {}, {}}}},
            {"r", "place-is", "", {}, {{"r", "audio", "", {}, {{"r", "noisy", "", {}, {}}}}}},
            {"r", "place-type", "", {}, {{"r", "other", "office", {}, {}}}},
            {"r", "privacy", "", {}, {{"r", "audio", "", {}, {}}}},
            {"r", "relationship", "", {}, {{"r", "family", "", {}, {}}}},
            {"r", "service-class", "", {}, {{"r", "electronic", "", {}, {}}}},
            {"r", "sphere", "", {}, {{"r", "work", "", {}, {}}}},
            {"r", "status-icon", "http://x.example/i", {}, {}},
            {"r", "time-offset", "60", {}, {}},
            {"x", "foo", "1", {}, {}},
            {"x", "bar", "2", {}, {}},
            {"c", "card", "http://x.example/c", {}, {}},
            {"dm", "deviceID", "urn:x:phone", {}, {}},
        };
        if (chance(5)) return user_input();
        if (depth < 2 && chance(6)) {
            Attribute made{"x", chance(2) ? "foo" : "bar", "", {}, {}};
            for (std::size_t i = 1 + below(3); i > 0; --i)
                made.children.push_back(attribute(depth + 1));
            return made;
        }
        return any_of(all);
    }
    Attribute user_input() {
        Attribute made{"r", "user-input", chance(2) ? "idle" : "active", {}, {}};
        if (chance(2)) made.xml_attributes.emplace_back("idle-threshold", "600");
        if (chance(2)) made.xml_attributes.emplace_back("last-input", "2026-01-01T00:00:00Z");
        if (chance(2)) made.xml_attributes.emplace_back("id", "u" + std::to_string(ids_++));
        return made;
    }
    Component component(const std::string& kind, const std::string& id) {
        Component made;
        made.kind = kind;
        made.id = id;
        if (!chance(3)) made.occurrence_class = any_of(classes());
        if (kind == "services") {
            if (!chance(4)) made.contact = any_of(contacts());
            if (!chance(5)) made.basic = chance(2) ? "open" : "closed";
            if (chance(4)) made.status.push_back(attribute());
        }
        if (kind == "devices") made.device_id = any_of(devices());
        for (std::size_t i = below(5); i > 0; --i) {
            const Attribute one = attribute();
            // A device's own deviceID is no extension of it, and a person has none.
            if (kind == "services" || one.prefix != "dm") made.attributes.push_back(one);
        }
        for (std::size_t i = below(3); i > 0; --i)
            made.notes.push_back("note " + std::to_string(below(9)));
        made.timestamp = chance(2);
        return made;
    }
    Document document() {
        static const std::vector<std::string> kinds{"services", "persons", "devices"};
        Document made;
        ids_ = 0;
        std::vector<std::string> ids{"i0", "i1", "i2", "i3", "i4", "i5"};
        std::shuffle(ids.begin(), ids.end(), random_);
        for (std::size_t i = below(6); i > 0; --i) {
            made.components.push_back(component(any_of(kinds), ids.back()));
            ids.pop_back();
        }
        if (chance(3)) made.notes.push_back("of all");
        if (chance(3)) made.attributes.push_back(attribute());
        std::erase_if(made.attributes, [](const Attribute& a) { return a.prefix == "dm"; });
        return made;
    }

    std::string spelt(const Person& person) {
        if (person.scheme == "tel") return chance(2) ? "tel:+1-555-1234" : "tel:+15551234";
        if (person.scheme == "mailto") return "mailto:" + person.user + "@" + person.host;
        std::string text = person.scheme == "im"
                               ? "im"
                               : any_of(std::vector<std::string>{"sip", "sips", "pres", "SIP"});
        text += ":" + escaped(person.user) + "@";
        return text + any_case(person.host);
    }
    std::string spelt_domain(const std::string& domain) {
        if (domain.starts_with("xn--mnchen") && chance(2))
            return chance(2) ? "m\u00FCnchen.example" : "M%C3%9Cnchen.Example";
        return any_case(escaped(domain)) + (chance(8) ? "." : "");
    }
    std::string any_case(std::string text) {
        for (char& c : text)
            if (chance(4)) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        return text;
    }
    std::string instant(int second) {
        const std::string digits = (second < 10 ? "0" : "") + std::to_string(second);
        return chance(2) ? "1970-01-01T00:00:" + digits + "Z"
                         : "1970-01-01T01:00:" + digits + ".000+01:00";
    }

    std::string xml(const Who& who) {
        if (who.kind == Who::Kind::foreign) return "<x:robot/>";
        const std::string inside = who.foreign_inside ? "<x:moon phase='full'/>" : "";
        if (who.kind == Who::Kind::one)
            return "<cr:one id='" + spelt(who.person) + "'>" + inside + "</cr:one>";
        std::string text = "<cr:many";
        if (!who.domain.empty()) text += " domain='" + spelt_domain(who.domain) + "'";
        text += ">" + inside;
        for (const Except& except : who.excepts)
            text += except.person ? "<cr:except id='" + spelt(*except.person) + "'/>"
                                  : "<cr:except domain='" + spelt_domain(except.domain) + "'/>";
        return text + "</cr:many>";
    }
    std::string xml(const Condition& condition) {
        std::string text;
        switch (condition.kind) {
            case Condition::Kind::identity:
                for (const Who& each : condition.who) text += xml(each);
                return "<cr:identity>" + text + "</cr:identity>";
            case Condition::Kind::sphere:
                for (const std::string& each : condition.spheres) text += any_case(each) + " ";
                return "<cr:sphere value='" + text + "'/>";
            case Condition::Kind::validity:
                for (const auto& [from, until] : condition.seconds)
                    text += "<cr:from>" + instant(from) + "</cr:from><cr:until>" + instant(until) +
                            "</cr:until>";
                return "<cr:validity>" + text + "</cr:validity>";
            case Condition::Kind::foreign: return "<x:weather>rain</x:weather>";
            case Condition::Kind::anonymous: return "<ocp:anonymous-request/>";
            case Condition::Kind::others: return "<ocp:other-identity/>";
            case Condition::Kind::list: return "<ocp:external-list/>";
        }
        return text;
    }
    std::string xml(const Rule& rule) {
        std::string text = "<cr:rule id='" + rule.id + "'>";
        if (!rule.conditions.empty() || chance(2)) {
            text += "<cr:conditions>";
            for (const Condition& each : rule.conditions) text += xml(each);
            text += "</cr:conditions>";
        }
        text += "<cr:actions>";
        for (const int each : rule.handlings)
            text += element("sub-handling", handling_names[static_cast<std::size_t>(each)]);
        text += "<x:beep/></cr:actions><cr:transformations>";
        for (const auto& [name, granted] : rule.booleans)
            text += element("provide-" + name, boolean(granted));
        for (const int each : rule.user_inputs)
            text += element("provide-user-input", user_input_names[static_cast<std::size_t>(each)]);
        for (const Components& each : rule.components) {
            text += "<pr:provide-" + each.of + ">";
            if (each.all) text += "<pr:all-" + each.of + "/>";
            for (const Choice& choice : each.choices) text += element(choice.by, choice.value);
            text += "</pr:provide-" + each.of + ">";
        }
        for (const Unknown& each : rule.unknown)
            text += "<pr:provide-unknown-attribute name='" + each.name + "' ns='" +
                    namespace_of(each.prefix) + "'>" + boolean(each.granted) +
                    "</pr:provide-unknown-attribute>";
        if (rule.all_attributes) text += "<pr:provide-all-attributes/>";
        return text + "</cr:transformations></cr:rule>";
    }
    std::mt19937_64& engine() { return random_; }

private:
    static const std::vector<std::string>& classes() {
        static const std::vector<std::string> all{"biz", "Biz", "home", "two words"};
        return all;
    }
    static const std::vector<std::string>& devices() {
        static const std::vector<std::string> all{"urn:x:phone", "urn:x:desk", "mac:00"};
        return all;
    }
    static const std::vector<std::string>& contacts() {
        static const std::vector<std::string> all{"sip:alice@example.com", "sips:alice@example.com",
                                                  "mailto:alice@example.net", "SIP:a@example.com"};
        return all;
    }
    static std::string element(const std::string& name, std::string_view text) {
        return "<pr:" + name + ">" + std::string(text) + "</pr:" + name + ">";
    }
    std::string boolean(bool value) {
        return chance(2) ? value ? "true" : "false" : value ? "1" : "0";
    }
    std::string escaped(const std::string& text) {
        static constexpr std::string_view digits = "0123456789ABCDEF";
        std::string out;
        for (const char c : text) {
            const auto byte = static_cast<unsigned char>(c);
            if (std::isalpha(byte) != 0 && chance(8))
                out += std::string("%") + digits[byte >> 4U] + digits[byte & 15U];
            else
                out += c;
        }
        return out;
    }

    std::mt19937_64 random_;
    std::size_t ids_ = 0;
};

inline std::string xml(const Attribute& attribute) {
    const std::string name = attribute.prefix + ":" + attribute.name;
    std::string text = "<" + name;
    for (const auto& [key, value] : attribute.xml_attributes)
        text += " " + key + "='" + value + "'";
    text += ">" + attribute.text;
    for (const Attribute& child : attribute.children) text += xml(child);
    return text + "</" + name + ">";
}
inline std::string xml(const Component& c) {
    const bool tuple = c.kind == "services";
    const std::string name = tuple ? "tuple" : c.kind == "persons" ? "dm:person" : "dm:device";
    const std::string prefix = tuple ? "" : "dm:";
    std::string text = "<" + name + " id='" + c.id + "'>";
    if (tuple) {
        text += "<status>";
        if (!c.basic.empty()) text += "<basic>" + c.basic + "</basic>";
        for (const Attribute& each : c.status) text += xml(each);
        text += "</status>";
    }
    if (!c.occurrence_class.empty()) text += "<r:class>" + c.occurrence_class + "</r:class>";
    for (const Attribute& each : c.attributes) text += xml(each);
    if (!c.device_id.empty()) text += "<dm:deviceID>" + c.device_id + "</dm:deviceID>";
    if (!c.contact.empty()) text += "<contact>" + c.contact + "</contact>";
    for (const std::string& note : c.notes)
        text += "<" + prefix + "note>" + note + "</" + prefix + "note>";
    if (c.timestamp)
        text += "<" + prefix + "timestamp>2026-01-01T00:00:00Z</" + prefix + "timestamp>";
    return text + "</" + name + ">";
}
inline std::string xml(const Document& document) {
    std::string text;
    for (const Component& each : document.components) text += xml(each);
    for (const std::string& note : document.notes) text += "<note>" + note + "</note>";
    for (const Attribute& each : document.attributes) text += xml(each);
    return text;
}

}  // namespace random_rules
