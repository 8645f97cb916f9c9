#include "presence/rules/privacy_filter.hpp"

#include <array>

#include "pidf/namespaces.hpp"
#include "pidf/unicode.hpp"
#include "presence/rules/identity.hpp"
#include "presence/rules/rule_model.hpp"
#include "sip/base/text.hpp"
#include "sip/message/uri.hpp"

namespace presence {
namespace {

using pidf::Element;
using Of = Selector::Of;
using By = Selector::By;

/// RFC 5025 3.3.2.1 to 3.3.2.11: what RPID defines, and the permission for it.
struct Attribute {
    std::string_view name;
    Provide provide;
};
constexpr Attribute attributes[] = {
    {"activities", Provide::activities},
    {"class", Provide::class_},
    {"mood", Provide::mood},
    {"place-is", Provide::place_is},
    {"place-type", Provide::place_type},
    {"privacy", Provide::privacy},
    {"relationship", Provide::relationship},
    {"status-icon", Provide::status_icon},
    {"sphere", Provide::sphere},
    {"time-offset", Provide::time_offset},
};
std::optional<Provide> provided_by(const Element& e) {
    if (e.is(pidf::data_model_namespace, "deviceID")) return Provide::device_id;
    if (e.ns != pidf::rpid_namespace) return {};
    for (const Attribute& row : attributes)
        if (row.name == e.name) return row.provide;
    return {};
}

/// Keeps the nodes of a list for which `keep` is true.
template <class T, class Keep>
void keep_if(pidf::List<T>& list, Keep keep) {
    T* node = list.first;
    list = {};
    while (node != nullptr) {
        T* next = node->next;
        if (keep(*node)) list.push_back(node);
        node = next;
    }
}

/// The next character of an xs:token: runs of blanks are one space. 0: at the end.
char take_token_char(std::string_view& text) {
    if (text.empty()) return 0;
    const bool blank = pidf::is_xml_space(text.front());
    const char c = blank ? ' ' : text.front();
    do text.remove_prefix(1);
    while (blank && !text.empty() && pidf::is_xml_space(text.front()));
    return c;
}
bool same_token(std::string_view a, std::string_view b) {
    a = pidf::trim_xml_space(a);
    b = pidf::trim_xml_space(b);
    for (;;) {
        const char x = take_token_char(a), y = take_token_char(b);
        if (x != y) return false;
        if (x == 0) return true;
    }
}

template <class T>
std::string_view class_of(const T& component) {
    for (const Element& e : component.extensions)
        if (e.is(pidf::rpid_namespace, "class")) return e.simple_text();
    return component.withheld_class;
}

class Filter {
public:
    explicit Filter(const Permissions& permissions) : permissions_(permissions) {}

    void run(pidf::Document& document) {
        keep_if(document.tuples, [&](pidf::Tuple& tuple) { return run(tuple); });
        keep_if(document.persons, [&](pidf::Person& person) {
            if (!permissions_.all_persons && !chooses(Of::persons, person)) return false;
            filter_component(person, Where::elsewhere);
            return true;
        });
        keep_if(document.devices, [&](pidf::Device& device) {
            if (!permissions_.all_devices && !chooses_device(device)) return false;
            filter_component(device, Where::elsewhere);
            return true;
        });
        // What belongs to no component is said of the presentity, and no selector can choose it:
        // it comes with all persons or not at all. RFC 5025 knows it not.
        if (!permissions_.all_persons || !permissions_.provides(Provide::note)) document.notes = {};
        if (!permissions_.all_persons) document.extensions = {};
        keep_if(document.extensions, [&](Element& e) { return keeps(e, Where::elsewhere); });
    }

    bool run(pidf::Tuple& tuple) {
        if (!permissions_.all_services && !chooses_tuple(tuple)) return false;
        keep_if(tuple.status_extensions, [&](Element& e) { return keeps(e, Where::service); });
        filter_component(tuple, Where::service);
        return true;
    }

private:
    enum class Where : std::uint8_t { service, elsewhere };

    template <class Matches>
    bool any_selector(Of of, Matches matches) const {
        for (const Selector& selector : permissions_.selectors)
            if (selector.of == of && matches(selector)) return true;
        return false;
    }
    /// What all components can be chosen by. RFC 5025 3.3.1: case-sensitive equality.
    template <class T>
    static bool is_chosen(const Selector& selector, const T& component) {
        if (selector.by == By::occurrence_id) return same_token(selector.value, component.id);
        if (selector.by != By::class_) return false;
        const std::string_view is = class_of(component);
        return !is.empty() && same_token(selector.value, is);
    }
    template <class T>
    bool chooses(Of of, const T& component) const {
        return any_selector(of, [&](const Selector& s) { return is_chosen(s, component); });
    }
    bool chooses_device(const pidf::Device& device) const {
        return any_selector(Of::devices, [&](const Selector& s) {
            return s.by == By::device_id ? same_uri(s.value, device.device_id)
                                         : is_chosen(s, device);
        });
    }
    bool chooses_tuple(const pidf::Tuple& tuple) const {
        return any_selector(Of::services, [&](const Selector& s) {
            if (s.by == By::service_uri)
                return !tuple.contact.empty() && same_uri(s.value, tuple.contact);
            if (s.by != By::service_uri_scheme) return is_chosen(s, tuple);
            const sip::Halves halves = sip::split_at(tuple.contact, ':');
            return halves.found && halves.before == s.value;
        });
    }

    template <class T>
    void filter_component(T& component, Where where) {
        // What a component was chosen by stays known, so that to filter again changes nothing.
        component.withheld_class = class_of(component);
        if (!permissions_.provides(Provide::note)) component.notes = {};
        keep_if(component.extensions, [&](Element& e) { return keeps(e, where); });
    }

    /// Whether a child of a component stays, with what stands in it filtered too.
    bool keeps(Element& e, Where where) {
        if (permissions_.all_attributes) return true;
        if (!is_given(e, where)) return false;
        for (Element* inner = &e; inner != nullptr; inner = pidf::next_in_tree(&e, inner))
            if (!inner->is_text)
                keep_if(inner->children, [&](Element& child) { return keeps_inside(child); });
        return true;
    }
    bool is_given(Element& e, Where where) {
        if (e.is_text) return false;
        if (e.is(pidf::rpid_namespace, "user-input")) return keeps_user_input(e);
        if (e.is(pidf::rpid_namespace, "service-class")) return where == Where::service;
        if (const auto provide = provided_by(e)) return permissions_.provides(*provide);
        if (is_known_attribute(e.ns, e.name)) return false;
        for (const UnknownAttribute& unknown : permissions_.unknown)
            if (unknown.ns == e.ns && unknown.name == e.name) return true;
        return false;
    }
    /// An attribute that stands in another one, as in timed-status (RFC 4481), is not given with
    /// it.
    bool keeps_inside(Element& e) {
        if (e.is_text) return true;
        if (e.is(pidf::rpid_namespace, "user-input")) return keeps_user_input(e);
        const auto provide = provided_by(e);
        return !provide || permissions_.provides(*provide);
    }
    /// RFC 5025 3.3.2.12 with its erratum 2544. "thresholds" retains one attribute alone, so
    /// "bare", which is less, retains none: a rule that grants more must not take an id away.
    bool keeps_user_input(Element& e) const {
        const UserInput level = permissions_.user_input;
        if (level == UserInput::full) return true;
        keep_if(e.attributes, [&](const pidf::Attribute& a) {
            return level == UserInput::thresholds && a.ns.empty() && a.name == "idle-threshold";
        });
        return level != UserInput::none;
    }

    const Permissions& permissions_;
};

/// RFC 4480 3.10: the name of the element inside; what a client writes as text is taken as well.
std::string_view value_of_sphere(const Element& sphere) {
    for (const Element& child : sphere.children)
        if (!child.is_text) return child.name;
    return sphere.simple_text();
}

}  // namespace

bool is_known_attribute(std::string_view ns, std::string_view name) {
    if (ns == pidf::pidf_namespace || ns == pidf::data_model_namespace) return true;
    if (ns != pidf::rpid_namespace) return false;
    for (const Attribute& row : attributes)
        if (row.name == name) return true;
    return name == "user-input" || name == "service-class";
}

void filter(const Permissions& permissions, pidf::Document& document) {
    Filter(permissions).run(document);
}

bool filter(const Permissions& permissions, pidf::Tuple& service) {
    return Filter(permissions).run(service);
}

std::optional<std::string_view> sphere_of(std::span<const pidf::Document* const> documents) {
    std::optional<std::string_view> agreed;
    for (const pidf::Document* document : documents)
        for (const pidf::Person& person : document->persons)
            for (const Element& e : person.extensions) {
                if (!e.is(pidf::rpid_namespace, "sphere")) continue;
                const std::string_view value = value_of_sphere(e);
                if (value.empty()) return {};
                if (agreed && !sip::equal_ignoring_case(*agreed, value)) return {};
                if (!agreed) agreed = value;
            }
    return agreed;
}

std::optional<std::string_view> sphere_of(const pidf::Document& document) {
    const pidf::Document* one = &document;
    return sphere_of(std::span(&one, 1));
}

}  // namespace presence
