#include "pidf/conformer.hpp"

#include <algorithm>
#include <array>

#include "pidf/lexical.hpp"
#include "pidf/unicode.hpp"
#include "sip/base/buffer.hpp"
#include "sip/base/sort.hpp"

namespace pidf {
namespace {

using Rank = std::array<List<Element>, ranks_max>;

Type type_of(const Element& e) { return static_cast<Type>(e.type); }
void set_type(Element& e, Type type) { e.type = static_cast<std::uint8_t>(type); }

/// What a child is by the row of its parent. One that the row has no place for is misplaced.
Type type_of_child(const TypeRow& parent, const Element& child) {
    if (parent.content == Content::foreign) return global_type(child.ns, child.name);
    if (child.ns == parent.ns) {
        const Child* rule = parent.find(child.name);
        return rule == nullptr ? Type::misplaced : rule->type;
    }
    if (!parent.others || child.ns.empty()) return Type::misplaced;
    return global_type(child.ns, child.name);
}

/// The first element of a walk that comes to children before their parents, and the one after `e`.
Element* innermost(Element* e) {
    while (e->children.first != nullptr) e = e->children.first;
    return e;
}
Element* next_outwards(const Element* root, Element* e) {
    if (e == root) return nullptr;
    return e->next != nullptr ? innermost(e->next) : e->parent;
}

void append_all(List<Element>& to, List<Element>& from) {
    while (from.first != nullptr) {
        Element* e = from.first;
        from.first = e->next;
        to.push_back(e);
    }
    from = {};
}

}  // namespace

void Conformer::assign_types(Element& root) {
    set_type(root, global_type(root.ns, root.name));
    for (Element* e = &root; e != nullptr; e = next_in_tree(&root, e)) {
        if (e->is_text) continue;
        const TypeRow& parent = row(type_of(*e));
        for (Element& child : e->children)
            if (!child.is_text) set_type(child, type_of_child(parent, child));
    }
}

Conformer::Answer Conformer::conform(Element& root) {
    assign_types(root);
    // The step outwards is taken before the element is touched: it is its parent that moves it.
    for (Element* e = innermost(&root); e != nullptr;) {
        Element* next = next_outwards(&root, e);
        if (!e->is_text && type_of(*e) != Type::misplaced && !conform_one(*e))
            return Answer::refused;
        e = next;
    }
    return type_of(root) == Type::misplaced ? Answer::dropped : Answer::kept;
}

bool Conformer::conform_one(Element& e) {
    bool fits = false;
    // Attributes last: the language of an element that may not say one still holds inside it.
    switch (row(type_of(e)).content) {
        case Content::foreign: fits = conform_foreign(e); break;
        case Content::simple: fits = conform_text(e); break;
        case Content::sequence: fits = conform_sequence(e); break;
        case Content::one_of:
        case Content::any_of: fits = conform_choice(e); break;
    }
    return fits && (type_of(e) == Type::misplaced || conform_attributes(e));
}

/// A `text` that is good is given its valid form. False: refused.
bool Conformer::value(Simple simple, std::string_view& text, bool& good) {
    const std::string_view trimmed = trim_xml_space(text);
    good = true;
    if (simple == Simple::string) return true;
    if (simple == Simple::nothing) {
        text = {};
        return true;
    }
    if (simple == Simple::date_time) {
        std::optional<std::int64_t> wall_ms;
        if (!normal_date_time(trimmed, arena_, text, wall_ms)) return false;
        good = !text.empty();
        return true;
    }
    text = trimmed;
    switch (simple) {
        case Simple::uri: good = is_any_uri(text); break;
        case Simple::boolean: good = is_boolean(text); break;
        case Simple::integer: good = is_integer(text); break;
        case Simple::positive_integer: good = is_positive_integer(text); break;
        case Simple::id: good = is_ncname(text); break;
        case Simple::basic: good = text == "open" || text == "closed"; break;
        case Simple::user_input: good = text == "active" || text == "idle"; break;
        default: break;
    }
    return true;
}

bool Conformer::keep_attribute(const Element& e, Attribute& attribute, bool& keep) {
    const TypeRow& type = row(type_of(e));
    const bool any = type.any_attribute || type.content == Content::foreign;
    keep = any;
    if (attribute.ns == schema_instance_namespace) {
        // Names of types have prefixes that are others in what we write.
        keep = false;
    } else if (attribute.ns.empty()) {
        const AttributeRule* rule = type.find_attribute(attribute.name);
        if (rule != nullptr) return value(rule->simple, attribute.value, keep);
    } else if (attribute.ns == xml_namespace && attribute.name == "lang") {
        if (!any && !type.language) return true;
        const bool none = is_xml_blank(attribute.value);
        if (!normal_language(attribute.value, arena_, attribute.value)) return false;
        keep = none || !attribute.value.empty();
    } else if (!any) {
        keep = false;
    } else if (attribute.ns == xml_namespace && attribute.name == "space") {
        keep = attribute.value == "default" || attribute.value == "preserve";
    } else if (attribute.ns == xml_namespace && attribute.name == "base") {
        return value(Simple::uri, attribute.value, keep);
    } else if (attribute.ns == xml_namespace && attribute.name == "id") {
        return value(Simple::id, attribute.value, keep);
    } else if (attribute.ns == pidf_namespace && attribute.name == "mustUnderstand") {
        return value(Simple::boolean, attribute.value, keep);
    }
    return true;
}

bool Conformer::conform_attributes(Element& e) {
    Attribute* next = e.attributes.first;
    e.attributes = {};
    while (next != nullptr) {
        Attribute* attribute = next;
        next = attribute->next;
        bool keep = false;
        if (!keep_attribute(e, *attribute, keep)) return false;
        if (keep) e.attributes.push_back(attribute);
    }
    for (const AttributeRule& rule : row(type_of(e)).attributes)
        if (rule.required && e.find_attribute({}, rule.name) == nullptr)
            set_type(e, Type::misplaced);
    return type_of(e) != Type::note || inherit_language(e);
}

/// The language of what stands around a note is the note's; where that is not written, the note
/// says it itself.
bool Conformer::inherit_language(Element& e) {
    if (e.find_attribute(xml_namespace, "lang") != nullptr) return true;
    std::optional<std::string_view> language;
    if (!language_of(e, arena_, language)) return false;
    if (!language) return true;
    auto* made = arena_.make<Attribute>();
    if (made == nullptr) return false;
    made->ns = xml_namespace;
    made->name = "lang";
    made->value = *language;
    e.attributes.push_back(made);
    return true;
}

/// Without the children of which nothing could be made. What stood around one is one text now.
bool Conformer::conform_foreign(Element& e) {
    List<Element> kept;
    for (Element* child = e.children.first; child != nullptr;) {
        Element* next = child->next;
        if (child->is_text) {
            std::size_t size = child->text.size();
            bool joined = false;
            while (next != nullptr && (next->is_text || type_of(*next) == Type::misplaced)) {
                size += next->text.size();
                joined |= next->is_text;
                next = next->next;
            }
            if (joined && !join(*child, next, size)) return false;
            kept.push_back(child);
        } else if (type_of(*child) != Type::misplaced) {
            kept.push_back(child);
        }
        child = next;
    }
    e.children = kept;
    return true;
}

/// `first` takes all text up to `end`, of `size` altogether.
bool Conformer::join(Element& first, const Element* end, std::size_t size) {
    auto* room = static_cast<char*>(arena_.allocate(size));
    if (room == nullptr) return false;
    sip::Appender text({room, size});
    for (const Element* at = &first; at != end; at = at->next) text << at->text;
    first.text = text.view();
    return true;
}

bool Conformer::conform_text(Element& e) {
    std::string_view text;
    if (!text_of(e, arena_, text)) return false;
    e.children = {};
    bool good = false;
    if (!value(row(type_of(e)).simple, text, good)) return false;
    if (!good) set_type(e, Type::misplaced);
    if (!good || text.empty()) return true;
    Element* made = make_text(arena_, text);
    if (made == nullptr) return false;
    append(e, made);
    return true;
}

bool Conformer::conform_sequence(Element& e) {
    const TypeRow& type = row(type_of(e));
    Rank ranks{};
    bool has_child = false;
    for (Element* child = e.children.first; child != nullptr;) {
        Element* next = child->next;
        if (!child->is_text && type_of(*child) != Type::misplaced) {
            const bool other = child->ns != type.ns;
            const auto rank =
                other ? ranks_max - 1 : static_cast<std::size_t>(type.rank(child->name));
            if (other || type.find(child->name)->many || ranks[rank].empty())
                ranks[rank].push_back(child);
            has_child |= other || child->name != "note";
        }
        child = next;
    }
    // RFC 4480 3.8: a privacy that is unknown is nothing else.
    if (const int unknown = type.rank("unknown"); unknown >= 0)
        for (std::size_t i = static_cast<std::size_t>(unknown) + 1; i < ranks.size(); ++i)
            if (!ranks[i].empty()) ranks[static_cast<std::size_t>(unknown)] = {};
    for (const Child& rule : type.children)
        if (rule.required && ranks[static_cast<std::size_t>(type.rank(rule.names))].empty())
            set_type(e, Type::misplaced);
    if (type.needs_child && !has_child) set_type(e, Type::misplaced);
    e.children = {};
    for (List<Element>& rank : ranks) append_all(e.children, rank);
    return true;
}

bool Conformer::make_choice(const TypeRow& type, Element& e, Element*& made) {
    made = nullptr;
    const bool listed = !e.is_text && type_of(e) != Type::misplaced;
    if (listed) {
        made = &e;
        return true;
    }
    // What is not listed, or stands as a text: a name that is listed is that, all else is "other".
    // An element of another namespace comes here only when nothing could be made of it.
    const std::string_view name = e.is_text ? trim_xml_space(e.text) : e.name;
    if (name.empty() || (!e.is_text && !e.ns.empty() && e.ns != type.ns)) return true;
    const Child* rule = type.find(name);
    const bool known = rule != nullptr && rule->type == Type::empty;
    if (!known && type.find("other") == nullptr) return true;
    Element* text = known ? nullptr : make_text(arena_, name);
    Element* element = make_element(arena_, type.ns, known ? name : "other");
    if (element == nullptr || (text == nullptr && !known)) return false;
    set_type(*element, known ? Type::empty : Type::note);
    element->parent = e.parent;
    if (text != nullptr) append(*element, text);
    if (!known && !inherit_language(*element)) return false;
    made = element;
    return true;
}

bool Conformer::append_new(Element& e, List<Element>& to, std::string_view name, Type type) {
    Element* made = make_element(arena_, row(type_of(e)).ns, name);
    if (made == nullptr) return false;
    set_type(*made, type);
    made->parent = &e;
    to.push_back(made);
    return true;
}

bool Conformer::conform_choice(Element& e) {
    const TypeRow& type = row(type_of(e));
    List<Element> notes, listed, others;
    bool unknown = false;
    for (Element* child = e.children.first; child != nullptr;) {
        Element* next = child->next;
        Element* made = nullptr;
        if (!make_choice(type, *child, made)) return false;
        if (made == nullptr) {
        } else if (made->ns != type.ns) {
            (type.content == Content::any_of ? listed : others).push_back(made);
        } else if (made->name == "note") {
            notes.push_back(made);
        } else if (made->name == "unknown") {
            unknown = true;
        } else if (type.content == Content::any_of || listed.empty()) {
            listed.push_back(made);
        }
        child = next;
    }
    e.children = {};
    append_all(e.children, notes);
    const bool has_notes = !e.children.empty();
    if (!listed.empty()) {
        append_all(e.children, listed);
    } else if (!others.empty()) {
        append_all(e.children, others);
    } else if (unknown || (type.needs_child && has_notes && type.find("unknown") != nullptr)) {
        return append_new(e, e.children, "unknown", Type::empty);
    } else if (type.needs_child) {
        set_type(e, Type::misplaced);
    }
    return true;
}

bool language_of(const Element& e, Arena& arena, std::optional<std::string_view>& out) {
    out.reset();
    for (const Element* at = &e; at != nullptr; at = at->parent) {
        const Attribute* lang = at->find_attribute(xml_namespace, "lang");
        if (lang == nullptr) continue;
        std::string_view value;
        if (!normal_language(lang->value, arena, value)) return false;
        if (value.empty() && !is_xml_blank(lang->value)) continue;
        out = value;
        return true;
    }
    return true;
}

bool is_id(const Element& element, const Attribute& attribute) {
    if (attribute.ns == xml_namespace) return attribute.name == "id";
    if (!attribute.ns.empty()) return false;
    const AttributeRule* rule = row(type_of(element)).find_attribute(attribute.name);
    return rule != nullptr && rule->simple == Simple::id;
}

namespace {

/// One id of a document; of an extension when it is an attribute.
struct Id {
    std::string_view text;
    std::size_t order = 0;
    Element* element = nullptr;
    Attribute* attribute = nullptr;
};

void remove_attribute(Element& e, const Attribute* unwanted) {
    Attribute* next = e.attributes.first;
    e.attributes = {};
    while (next != nullptr) {
        Attribute* attribute = next;
        next = attribute->next;
        if (attribute != unwanted) e.attributes.push_back(attribute);
    }
}

template <class Each>
void for_each_component_id(Document& document, Each each) {
    for (Tuple& tuple : document.tuples) each(tuple.id);
    for (Person& person : document.persons) each(person.id);
    for (Device& device : document.devices) each(device.id);
}

/// False: refused.
bool name_component(Document& document, Arena& arena, std::string_view& id) {
    std::string_view name;
    if (!normal_ncname(id, arena, name)) return false;
    for (bool clash = !name.empty() && name.data() != id.data(); clash;) {
        clash = false;
        for_each_component_id(document, [&](std::string_view other) { clash |= other == name; });
        if (!clash) break;
        auto* room = static_cast<char*>(arena.allocate(name.size() + 1));
        if (room == nullptr) return false;
        sip::Appender longer({room, name.size() + 1});
        longer << '_' << name;
        name = longer.view();
    }
    id = name;
    return true;
}

}  // namespace

bool settle_ids(Document& document, Arena& arena) {
    bool fits = true;
    std::size_t count = 0, ids = 0;
    for_each_component_id(document, [&](std::string_view& id) {
        fits = fits && name_component(document, arena, id);
        ++count;
    });
    const std::size_t components = count;
    const auto each_id = [&](auto take) {
        for_each_element(document, [&](Element& e) {
            for (Attribute& a : e.attributes)
                if (is_id(e, a)) take(e, a);
        });
    };
    each_id([&](Element&, Attribute&) { ++count; });
    if (!fits || count == components) return fits;
    Id* all = arena.make_array<Id>(count);
    if (all == nullptr) return false;
    for_each_component_id(document, [&](std::string_view id) {
        all[ids] = {id, ids, nullptr, nullptr};
        ++ids;
    });
    each_id([&](Element& e, Attribute& a) {
        all[ids] = {a.value, ids, &e, &a};
        ++ids;
    });
    sip::sort(all, count, [](const Id& a, const Id& b) {
        return a.text != b.text ? a.text < b.text : a.order < b.order;
    });
    for (std::size_t i = 1; i < count; ++i)
        if (all[i].text == all[i - 1].text && all[i].element != nullptr)
            remove_attribute(*all[i].element, all[i].attribute);
    return true;
}

}  // namespace pidf
