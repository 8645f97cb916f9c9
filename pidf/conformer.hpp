#pragma once

#include <optional>

#include "pidf/document.hpp"
#include "pidf/schema.hpp"

namespace pidf {

/// Makes an extension of a document valid (RFC 4479 5): what its schema (schema.hpp) gives another
/// place is put there, what it has another word for gets that (an activity that RFC 4480 does not
/// list becomes rpid:other), and what can be no part of a valid document is taken out. Elements
/// of schemas that are not known here stay as they are, with what they have inside made valid.
class Conformer {
public:
    enum class Answer : std::uint8_t {
        kept,
        dropped,  ///< nothing valid can be made of it
        refused   ///< by the arena
    };

    explicit Conformer(Arena& arena) : arena_(arena) {}
    /// `root` and all below it. Its parents still say which language holds.
    Answer conform(Element& root);

private:
    static void assign_types(Element& root);
    bool conform_one(Element& e);
    bool conform_attributes(Element& e);
    bool keep_attribute(const Element& e, Attribute& attribute, bool& keep);
    bool inherit_language(Element& e);
    bool conform_text(Element& e);
    bool conform_foreign(Element& e);
    bool join(Element& first, const Element* end, std::size_t size);
    bool conform_sequence(Element& e);
    bool conform_choice(Element& e);
    /// What a child of a choice is, or becomes. False: refused.
    bool make_choice(const TypeRow& row, Element& e, Element*& made);
    bool append_new(Element& e, List<Element>& to, std::string_view name, Type type);
    bool value(Simple simple, std::string_view& text, bool& good);

    Arena& arena_;
};

/// XML 1.0 2.12: xml:lang holds for what stands inside, until it is given anew. Empty: of no
/// language; nothing: nobody said. What is no language tag is as good as not said. False: refused.
[[nodiscard]] bool language_of(const Element& e, Arena& arena,
                               std::optional<std::string_view>& out);

/// Every element of every extension of a document.
template <class Each>
void for_each_element(Document& document, Each each) {
    const auto walk = [&](List<Element>& list) {
        for (Element& root : list)
            for (Element* e = &root; e != nullptr; e = next_in_tree(&root, e))
                if (!e->is_text) each(*e);
    };
    for (Tuple& tuple : document.tuples) {
        walk(tuple.status_extensions);
        walk(tuple.extensions);
    }
    for (Person& person : document.persons) walk(person.extensions);
    for (Device& device : document.devices) walk(device.extensions);
    walk(document.extensions);
}

/// Whether an attribute is of type xs:ID. Ids of tuples, persons and devices are members of those.
bool is_id(const Element& element, const Attribute& attribute);

/// xs:ID over the whole document: ids of extensions that are no XML names, or stand somewhere else
/// too, are taken out; ids of tuples, persons and devices that are no XML names become such.
/// False: the arena refused.
bool settle_ids(Document& document, Arena& arena);

}  // namespace pidf
