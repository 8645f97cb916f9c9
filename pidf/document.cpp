#include "pidf/document.hpp"

#include "pidf/namespaces.hpp"
#include "pidf/schema.hpp"

namespace pidf {
namespace {

template <class T>
T* add(List<T>& list, Arena& arena, std::string_view id) {
    T* made = arena.make<T>();
    if (made == nullptr) return nullptr;
    made->id = id;
    list.push_back(made);
    return made;
}

Element* find(const List<Element>& list, std::string_view ns, std::string_view name) {
    for (Element& element : list)
        if (element.is(ns, name)) return &element;
    return nullptr;
}

}  // namespace

Tuple* add_tuple(Document& document, Arena& arena, std::string_view id) {
    return add(document.tuples, arena, id);
}

Person* add_person(Document& document, Arena& arena, std::string_view id) {
    return add(document.persons, arena, id);
}

Device* add_device(Document& document, Arena& arena, std::string_view id, std::string_view device) {
    Device* made = add(document.devices, arena, id);
    if (made != nullptr) made->device_id = device;
    return made;
}

Note* add_note(List<Note>& notes, Arena& arena, std::string_view text, std::string_view lang) {
    auto* made = arena.make<Note>();
    if (made == nullptr) return nullptr;
    made->text = text;
    made->lang = lang;
    notes.push_back(made);
    return made;
}

bool is_activity(std::string_view name) {
    const Child* known = row(Type::activities).find(name);
    return known != nullptr && known->type == Type::empty;
}

bool add_activity(Person& person, Arena& arena, std::string_view activity) {
    Element* activities = find(person.extensions, rpid_namespace, "activities");
    if (activities == nullptr) {
        activities = make_element(arena, rpid_namespace, "activities");
        if (activities == nullptr) return false;
        person.extensions.push_back(activities);
    }
    // What RFC 4480 does not list has its place in "other".
    const bool listed = is_activity(activity);
    Element* one = make_element(arena, rpid_namespace, listed ? activity : "other");
    if (one == nullptr) return false;
    if (!listed) {
        Element* text = make_text(arena, activity);
        if (text == nullptr) return false;
        append(*one, text);
    }
    append(*activities, one);
    return true;
}

std::string_view activity_of(const Person& person, std::size_t index) {
    for (const Element& extension : person.extensions) {
        if (!extension.is(rpid_namespace, "activities")) continue;
        for (const Element& one : extension.children) {
            if (one.is_text || one.is(rpid_namespace, "note")) continue;
            const std::string_view name =
                one.is(rpid_namespace, "other") ? one.simple_text() : one.name;
            if (name.empty() || index-- > 0) continue;
            return name;
        }
    }
    return {};
}

std::string_view device_of(const Tuple& tuple) {
    const Element* device = find(tuple.extensions, data_model_namespace, "deviceID");
    return device == nullptr ? std::string_view{} : device->simple_text();
}

}  // namespace pidf
