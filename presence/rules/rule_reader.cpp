#include <array>
#include <cstring>
#include <optional>
#include <span>

#include "pidf/lexical.hpp"
#include "pidf/namespaces.hpp"
#include "pidf/unicode.hpp"
#include "pidf/xml.hpp"
#include "presence/rules/domain_name.hpp"
#include "presence/rules/rule_model.hpp"
#include "sip/base/civil_time.hpp"
#include "sip/base/text.hpp"

namespace presence {
namespace {

using pidf::Element;
using Status = sip::Fault;  // nothing: all is well

sip::Error bad(sip::StaticText rule, const Element& at) {
    return {sip::Condition::malformed, rule, at.offset};
}

/// What RFC 5025 3.2 and 3.3 define: one row a permission.
enum class Form : std::uint8_t {
    handling,
    boolean,
    user_input,
    components,
    unknown_attribute,
    all_attributes,
};
struct Permission {
    sip::StaticText name;
    Form form = Form::boolean;
    Provide provide = Provide::note;
    Selector::Of of = Selector::Of::services;
};
constexpr Permission permissions[] = {
    {"sub-handling", Form::handling},
    {"provide-services", Form::components, {}, Selector::Of::services},
    {"provide-persons", Form::components, {}, Selector::Of::persons},
    {"provide-devices", Form::components, {}, Selector::Of::devices},
    {"provide-activities", Form::boolean, Provide::activities},
    {"provide-class", Form::boolean, Provide::class_},
    {"provide-deviceID", Form::boolean, Provide::device_id},
    {"provide-mood", Form::boolean, Provide::mood},
    {"provide-place-is", Form::boolean, Provide::place_is},
    {"provide-place-type", Form::boolean, Provide::place_type},
    {"provide-privacy", Form::boolean, Provide::privacy},
    {"provide-relationship", Form::boolean, Provide::relationship},
    {"provide-status-icon", Form::boolean, Provide::status_icon},
    {"provide-sphere", Form::boolean, Provide::sphere},
    {"provide-time-offset", Form::boolean, Provide::time_offset},
    {"provide-note", Form::boolean, Provide::note},
    {"provide-user-input", Form::user_input},
    {"provide-unknown-attribute", Form::unknown_attribute},
    {"provide-all-attributes", Form::all_attributes},
};
const Permission* find_permission(std::string_view name) {
    for (const Permission& row : permissions)
        if (row.name == name) return &row;
    return nullptr;
}

/// The members of the three sets, RFC 5025 3.3.1 and 7.
struct Member {
    std::string_view name;
    Selector::By by;
    bool services, persons, devices;
    bool uri = false;
    bool in(Selector::Of of) const {
        return of == Selector::Of::services  ? services
               : of == Selector::Of::persons ? persons
                                             : devices;
    }
};
constexpr Member members[] = {
    {"class", Selector::By::class_, true, true, true},
    {"occurrence-id", Selector::By::occurrence_id, true, true, true},
    {"deviceID", Selector::By::device_id, false, false, true, true},
    {"service-uri", Selector::By::service_uri, true, false, false, true},
    {"service-uri-scheme", Selector::By::service_uri_scheme, true, false, false},
};
std::string_view name_of_all(Selector::Of of) {
    return of == Selector::Of::services  ? "all-services"
           : of == Selector::Of::persons ? "all-persons"
                                         : "all-devices";
}

class RuleReader {
public:
    RuleReader(const Ruleset::Limits& limits, pidf::Arena& arena, RuleModel& model)
        : limits_(limits), arena_(arena), model_(model) {}

    Status ruleset(const Element& root) {
        if (!root.is(common_policy_namespace, "ruleset"))
            return bad("ruleset: root element is not ruleset of common-policy", root);
        if (const Status s = holds(root, {})) return s;
        for (const Element& e : root.children) {
            if (e.is_text) continue;
            if (!e.is(common_policy_namespace, "rule"))
                return bad("ruleset: element is no rule", e);
            if (const Status s = rule(e)) return s;
        }
        return unique_ids();
    }

private:
    Status refused() { return arena_.refusal(); }
    bool keep(std::string_view text, std::string_view& out) { return arena_.copy(text, out); }
    template <class T>
    T* add(pidf::List<T>& list) {
        T* made = arena_.make<T>();
        if (made != nullptr) list.push_back(made);
        return made;
    }

    /// That no attributes stand here but these and those of XML Schema, and no text.
    Status holds(const Element& e, std::initializer_list<std::string_view> attributes) {
        if (const Status s = only(e, attributes)) return s;
        for (const Element& child : e.children)
            if (child.is_text && !pidf::is_xml_blank(child.text))
                return bad("rules: text stands where only elements may", e);
        return {};
    }
    static Status only(const Element& e, std::initializer_list<std::string_view> attributes) {
        for (const pidf::Attribute& a : e.attributes) {
            if (a.ns == pidf::schema_instance_namespace &&
                (a.name == "schemaLocation" || a.name == "noNamespaceSchemaLocation"))
                continue;
            bool known = false;
            for (std::string_view name : attributes) known |= a.ns.empty() && a.name == name;
            if (!known) return bad("rules: attribute is not defined here", e);
        }
        return {};
    }
    static Status empty(const Element& e, std::initializer_list<std::string_view> attributes = {}) {
        if (!e.children.empty()) return bad("rules: element has to be empty", e);
        return only(e, attributes);
    }
    /// The text of an element that has nothing else, as it was written.
    static Status text(const Element& e, std::string_view& out,
                       std::initializer_list<std::string_view> attributes = {}) {
        out = {};
        for (const Element& child : e.children) {
            if (!child.is_text) return bad("rules: element stands where only text may", e);
            out = child.text;  // there is but one: text that follows text is joined
        }
        return only(e, attributes);
    }
    /// xs:token: runs of blanks are one space.
    Status token(std::string_view text, std::string_view& out) {
        text = pidf::trim_xml_space(text);
        auto* room = static_cast<char*>(arena_.allocate(text.size()));
        if (room == nullptr) return refused();
        std::size_t size = 0;
        for (std::size_t i = 0; i < text.size(); ++i) {
            const bool blank = pidf::is_xml_space(text[i]);
            if (blank && size > 0 && room[size - 1] == ' ') continue;
            room[size++] = blank ? ' ' : text[i];
        }
        out = {room, size};
        return {};
    }

    Status rule(const Element& e) {
        if (model_.count++ >= limits_.rules)
            return sip::Error{sip::Condition::body_too_large, "ruleset: too many rules", e.offset};
        if (const Status s = holds(e, {"id"})) return s;
        if (e.find_attribute({}, "id") == nullptr) return bad("rule: id is missing", e);
        const std::string_view id = pidf::trim_xml_space(e.attribute("id"));
        if (!pidf::is_ncname(id)) return bad("rule: id is no XML name", e);
        Rule* made = add(model_.rules);
        if (made == nullptr || !keep(id, made->id)) return refused();
        made->offset = e.offset;
        constexpr std::array<std::string_view, 3> parts{"conditions", "actions", "transformations"};
        std::size_t next = 0;
        for (const Element& child : e.children) {
            if (child.is_text) continue;
            std::size_t part = 0;
            while (part < parts.size() && !child.is(common_policy_namespace, parts[part])) ++part;
            if (part == parts.size()) return bad("rule: element is not defined here", child);
            if (part < next)
                return bad("rule: order is conditions, actions, transformations, each once", child);
            next = part + 1;
            if (const Status s = holds(child, {})) return s;
            const Status s = part == 0 ? conditions(child, *made) : grants(child, part == 1, *made);
            if (s) return s;
        }
        return {};
    }
    /// R4745-6.1-1.
    Status unique_ids() {
        for (const Rule& rule : model_.rules)
            for (const Rule& other : model_.rules) {
                if (&other == &rule) break;
                if (other.id == rule.id)
                    return sip::Error{sip::Condition::malformed, "rule: id stands twice",
                                      rule.offset};
            }
        return {};
    }

    Status conditions(const Element& e, Rule& rule) {
        for (const Element& child : e.children) {
            if (child.is_text) continue;
            if (child.ns.empty()) return bad("conditions: element has no namespace", child);
            RuleCondition* made = add(rule.conditions);
            if (made == nullptr) return refused();
            const Status s = child.ns == common_policy_namespace ? condition(child, *made)
                                                                 : foreign(child, *made);
            if (s) return s;
        }
        return {};
    }
    Status condition(const Element& e, RuleCondition& made) {
        if (e.name == "identity") return identity(e, made);
        if (e.name == "sphere") return sphere(e, made);
        if (e.name == "validity") return validity(e, made);
        return bad("conditions: element is not defined here", e);
    }
    /// RFC 4745 7: what is not known is false. Of OMA's conditions external-list is, too: there are
    /// no lists to look into.
    Status foreign(const Element& e, RuleCondition& made) {
        made.kind = RuleCondition::Kind::never;
        if (e.ns != oma_common_policy_namespace) return {};
        if (e.name == "anonymous-request") made.kind = RuleCondition::Kind::anonymous_request;
        if (e.name == "other-identity") made.kind = RuleCondition::Kind::other_identity;
        model_.uses_others |= e.name == "other-identity";
        model_.refers_to_unknown |= e.name == "external-list";
        return {};
    }
    /// RFC 5025 3.1.1.2 lets it be empty, which the schema does not.
    Status identity(const Element& e, RuleCondition& made) {
        made.kind = RuleCondition::Kind::identity;
        made.empty = true;
        if (const Status s = holds(e, {})) return s;
        for (const Element& child : e.children) {
            if (child.is_text) continue;
            made.empty = false;
            if (child.ns.empty()) return bad("identity: element has no namespace", child);
            if (child.ns != common_policy_namespace) {
                model_.refers_to_unknown = true;
                continue;
            }
            Who* who = add(made.who);
            if (who == nullptr) return refused();
            Status s;
            if (child.name == "one")
                s = one(child, *who);
            else if (child.name == "many")
                s = many(child, *who);
            else
                s = bad("identity: element is not defined here", child);
            if (s) return s;
        }
        return {};
    }
    /// RFC 4745 7.2: an identity has to be a URI; a name without scheme would be nobody's, and an
    /// exception that excepts nobody.
    Status person(const Element& e, sip::StaticText rule, Identity& out) {
        const std::string_view id = pidf::trim_xml_space(e.attribute("id"));
        if (!pidf::is_uri(id)) return bad(rule, e);
        std::string_view kept;
        bool known = false;
        if (!keep(id, kept) || !make_identity(kept, arena_, out, known)) return refused();
        if (!known) return bad(rule, e);
        return {};
    }
    Status domain(const Element& e, sip::StaticText rule, std::string_view& out) {
        sip::Room<domain_max> name;
        if (!write_domain(name, e.attribute("domain"))) return bad(rule, e);
        if (!keep(name.view(), out)) return refused();
        return {};
    }
    Status one(const Element& e, Who& who) {
        if (const Status s = holds(e, {"id"})) return s;
        if (e.find_attribute({}, "id") == nullptr) return bad("one: id is missing", e);
        std::size_t others = 0;
        for (const Element& child : e.children) {
            if (child.is_text) continue;
            if (child.ns.empty() || child.ns == common_policy_namespace || others++ > 0)
                return bad("one: element is not defined here", child);
            who.understood = false;
        }
        return person(e, "one: id is no URI", who.id);
    }
    Status many(const Element& e, Who& who) {
        if (const Status s = holds(e, {"domain"})) return s;
        who.kind = Who::Kind::many;
        if (e.find_attribute({}, "domain") != nullptr)
            if (const Status s = domain(e, "many: domain is no domain name", who.domain)) return s;
        for (const Element& child : e.children) {
            if (child.is_text) continue;
            if (child.ns.empty()) return bad("many: element has no namespace", child);
            if (child.ns != common_policy_namespace) {
                // It may say whom to leave out: who does not understand it lets nobody in.
                who.understood = false;
                continue;
            }
            if (child.name != "except") return bad("many: element is not defined here", child);
            if (const Status s = except(child, who)) return s;
        }
        return {};
    }
    Status except(const Element& e, Who& who) {
        if (const Status s = empty(e, {"id", "domain"})) return s;
        const bool has_id = e.find_attribute({}, "id") != nullptr;
        const bool has_domain = e.find_attribute({}, "domain") != nullptr;
        if (has_id == has_domain) return bad("except: has to have either id or domain", e);
        Except* made = add(who.excepts);
        if (made == nullptr) return refused();
        if (has_id) return person(e, "except: id is no URI", made->id);
        return domain(e, "except: domain is no domain name", made->domain);
    }
    Status sphere(const Element& e, RuleCondition& made) {
        made.kind = RuleCondition::Kind::sphere;
        model_.uses_sphere = true;
        if (const Status s = empty(e, {"value"})) return s;
        if (e.find_attribute({}, "value") == nullptr) return bad("sphere: value is missing", e);
        if (!keep(e.attribute("value"), made.spheres)) return refused();
        return {};
    }
    Status validity(const Element& e, RuleCondition& made) {
        made.kind = RuleCondition::Kind::validity;
        model_.uses_validity = true;
        if (const Status s = holds(e, {})) return s;
        Period* open = nullptr;
        for (const Element& child : e.children) {
            if (child.is_text) continue;
            if (!child.is(common_policy_namespace, open == nullptr ? "from" : "until"))
                return bad("validity: has to be pairs of from and until", child);
            std::int64_t instant = 0;
            if (const Status s = date_time(child, instant)) return s;
            if (open != nullptr) {
                open->until_wall_ms = instant;
                open = nullptr;
                continue;
            }
            open = add(made.periods);
            if (open == nullptr) return refused();
            open->from_wall_ms = instant;
        }
        if (open != nullptr || made.periods.empty())
            return bad("validity: has to be pairs of from and until", e);
        return {};
    }
    /// RFC 4745 7.4 with its erratum 1455: the time zone has to be there.
    static Status date_time(const Element& e, std::int64_t& out) {
        std::string_view written;
        if (const Status s = text(e, written)) return s;
        written = pidf::trim_xml_space(written);
        if (!pidf::is_date_time(written))
            return bad("validity: is no date and time with a time zone", e);
        out = *sip::parse_rfc3339(written);
        return {};
    }

    Status grants(const Element& e, bool actions, Rule& rule) {
        for (const Element& child : e.children) {
            if (child.is_text) continue;
            if (child.ns.empty() || child.ns == common_policy_namespace)
                return bad(actions ? "actions: element is not defined here"
                                   : "transformations: element is not defined here",
                           child);
            // RFC 5025 8: extensions have namespaces of their own, and are ignored.
            if (child.ns != pres_rules_namespace) continue;
            const Permission* row = find_permission(child.name);
            if (row == nullptr) return bad("rules: no permission of pres-rules", child);
            if ((row->form == Form::handling) != actions)
                return bad(
                    actions ? "actions: is a transformation" : "transformations: is an action",
                    child);
            if (const Status s = permission(child, *row, rule)) return s;
        }
        return {};
    }
    Status permission(const Element& e, const Permission& row, Rule& rule) {
        bool granted = false;
        switch (row.form) {
            case Form::handling: return handling(e, rule.grants);
            case Form::user_input: return user_input(e, rule.grants);
            case Form::components: return components(e, row.of, rule);
            case Form::unknown_attribute: return unknown_attribute(e, rule);
            case Form::all_attributes: rule.grants.all_attributes = true; return empty(e);
            case Form::boolean: break;
        }
        if (const Status s = boolean(e, granted)) return s;
        if (granted)
            rule.grants.attributes = static_cast<std::uint16_t>(
                rule.grants.attributes | 1U << static_cast<unsigned>(row.provide));
        return {};
    }
    static Status boolean(const Element& e, bool& out,
                          std::initializer_list<std::string_view> attributes = {}) {
        std::string_view written;
        if (const Status s = text(e, written, attributes)) return s;
        written = pidf::trim_xml_space(written);
        if (!pidf::is_boolean(written)) return bad("rules: is neither true nor false", e);
        out = written == "true" || written == "1";
        return {};
    }
    static Status handling(const Element& e, Permissions& out) {
        std::string_view written;
        if (const Status s = text(e, written)) return s;
        written = pidf::trim_xml_space(written);
        for (const SubHandling each : {SubHandling::block, SubHandling::confirm,
                                       SubHandling::polite_block, SubHandling::allow}) {
            if (written != name_of(each)) continue;
            if (each > out.handling) out.handling = each;
            return {};
        }
        return bad("sub-handling: is none of block, confirm, polite-block, allow", e);
    }
    /// An xs:string: blanks around it count.
    static Status user_input(const Element& e, Permissions& out) {
        std::string_view written;
        if (const Status s = text(e, written)) return s;
        constexpr std::array<std::string_view, 4> names{"false", "bare", "thresholds", "full"};
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (written != names[i]) continue;
            const auto level = static_cast<UserInput>(i);
            if (level > out.user_input) out.user_input = level;
            return {};
        }
        return bad("provide-user-input: is none of false, bare, thresholds, full", e);
    }
    Status components(const Element& e, Selector::Of of, Rule& rule) {
        if (const Status s = holds(e, {})) return s;
        bool all = false;
        std::size_t count = 0;
        for (const Element& child : e.children) {
            if (child.is_text) continue;
            if (all || (count > 0 && child.is(pres_rules_namespace, name_of_all(of))))
                return bad("rules: all of them, and more beside", child);
            ++count;
            if (child.ns.empty()) return bad("rules: element has no namespace", child);
            if (child.ns != pres_rules_namespace) continue;
            if (child.name == name_of_all(of)) {
                all = true;
                if (const Status s = empty(child)) return s;
                continue;
            }
            if (const Status s = member(child, of, rule)) return s;
        }
        if (!all) return {};
        (of == Selector::Of::services  ? rule.grants.all_services
         : of == Selector::Of::persons ? rule.grants.all_persons
                                       : rule.grants.all_devices) = true;
        return {};
    }
    Status member(const Element& e, Selector::Of of, Rule& rule) {
        for (const Member& row : members) {
            if (row.name != e.name || !row.in(of)) continue;
            std::string_view written, value;
            if (const Status s = text(e, written)) return s;
            if (const Status s = token(written, value)) return s;
            if (row.uri && !pidf::is_any_uri(value)) return bad("rules: is no URI", e);
            if (const Status s = count_member(e)) return s;
            SelectorNode* made = add(rule.selectors);
            if (made == nullptr) return refused();
            made->selector = {of, row.by, value};
            return {};
        }
        return bad("rules: nothing that these are chosen by", e);
    }
    Status count_member(const Element& e) {
        if (model_.members++ < limits_.members) return {};
        return sip::Error{sip::Condition::body_too_large, "ruleset: sets have too many members",
                          e.offset};
    }
    /// RFC 5025 3.3.2.14: the name has no prefix, and the namespace is a URI.
    Status unknown_attribute(const Element& e, Rule& rule) {
        bool granted = false;
        if (const Status s = boolean(e, granted, {"name", "ns"})) return s;
        if (e.find_attribute({}, "name") == nullptr || e.find_attribute({}, "ns") == nullptr)
            return bad("provide-unknown-attribute: name or ns is missing", e);
        const std::string_view name = e.attribute("name"), ns = e.attribute("ns");
        if (!pidf::is_ncname(name))
            return bad("provide-unknown-attribute: name is no name without prefix", e);
        if (!pidf::is_any_uri(ns) || ns.empty())
            return bad("provide-unknown-attribute: ns is no URI", e);
        if (!granted || is_known_attribute(ns, name)) return {};
        if (const Status s = count_member(e)) return s;
        UnknownNode* made = add(rule.unknown);
        if (made == nullptr || !keep(ns, made->attribute.ns) || !keep(name, made->attribute.name))
            return refused();
        return {};
    }

    const Ruleset::Limits& limits_;
    pidf::Arena& arena_;
    RuleModel& model_;
};

}  // namespace

sip::Expected<void> read_rules(std::string_view document, const Ruleset::Limits& limits,
                               pidf::Arena& scratch, pidf::Arena& arena, RuleModel& out) {
    pidf::XmlLimits xml;
    xml.bytes = limits.bytes;
    xml.elements = limits.bytes / 4;  // the shortest is <a/>
    const auto root = pidf::parse_xml(document, scratch, xml);
    if (!root) return tl::unexpected(root.error());
    if (const Status status = RuleReader(limits, arena, out).ruleset(**root))
        return tl::unexpected(*status);
    return {};
}

}  // namespace presence
