#include "presence/location.hpp"

#include "pidf/namespaces.hpp"
#include "sip/base/buffer.hpp"

namespace presence {
namespace {

bool is_location(const pidf::Element& element) {
    return element.is(pidf::geopriv_namespace, "geopriv");
}

template <class T>
bool has_id(const pidf::List<T>& list, std::string_view id) {
    for (const T& each : list)
        if (each.id == id) return true;
    return false;
}

/// A person with an id that nothing else in the document has. Null: the arena refused.
pidf::Person* add_person(pidf::Document& document, pidf::Arena& arena) {
    for (unsigned number = 0;; ++number) {
        sip::Room<24> out;
        out << "located" << number;
        const std::string_view id = out.view();
        if (has_id(document.tuples, id) || has_id(document.persons, id) ||
            has_id(document.devices, id))
            continue;
        std::string_view kept;
        return arena.copy(id, kept) ? pidf::add_person(document, arena, kept) : nullptr;
    }
}

}  // namespace

sip::Expected<void> move_locations(pidf::Document& document, pidf::Arena& arena) {
    for (pidf::Tuple& tuple : document.tuples) {
        pidf::List<pidf::Element> found;
        for (auto* list : {&tuple.status_extensions, &tuple.extensions}) {
            pidf::List<pidf::Element> rest;
            for (pidf::Element* at = list->first; at != nullptr;) {
                pidf::Element* next = at->next;
                (is_location(*at) ? found : rest).push_back(at);
                at = next;
            }
            *list = rest;
        }
        if (found.empty()) continue;
        pidf::List<pidf::Element>* to = nullptr;
        const std::string_view device_id = pidf::device_of(tuple);
        for (pidf::Device& device : document.devices)
            if (!device_id.empty() && device.device_id == device_id) to = &device.extensions;
        if (to == nullptr) {
            pidf::Person* person = document.persons.first;
            if (person == nullptr) person = add_person(document, arena);
            if (person == nullptr) return tl::unexpected(arena.refusal());
            to = &person->extensions;
        }
        for (pidf::Element* at = found.first; at != nullptr;) {
            pidf::Element* next = at->next;
            to->push_back(at);
            at = next;
        }
    }
    return {};
}

}  // namespace presence
