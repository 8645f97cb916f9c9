#pragma once

#include <string_view>

#include "pidf/arena.hpp"

namespace pidf {

/// A list through nodes of one arena: T has a member `T* next`. Nodes may move between lists.
template <class T>
struct List {
    T* first = nullptr;
    T* last = nullptr;

    void push_back(T* node) {
        node->next = nullptr;
        (last == nullptr ? first : last->next) = node;
        last = node;
    }
    bool empty() const { return first == nullptr; }
    struct Iterator {
        T* at;
        T& operator*() const { return *at; }
        Iterator& operator++() {
            at = at->next;
            return *this;
        }
        bool operator!=(const Iterator& other) const { return at != other.at; }
    };
    Iterator begin() const { return {first}; }
    Iterator end() const { return {nullptr}; }
};

struct Attribute {
    std::string_view ns, name, value;  ///< ns is empty for a name without prefix
    Attribute* next = nullptr;
};

/// An element with its namespace resolved, or a piece of text between elements (`is_text`).
/// Comments, processing instructions and blanks between two pieces of markup are not kept. All
/// views live as long as the arena.
struct Element {
    bool is_text = false;
    std::uint8_t type = 0;  ///< what the schemas say that it is; see schema.hpp
    std::string_view ns, name;
    std::string_view text;  ///< of a piece of text, references resolved
    List<Attribute> attributes;
    List<Element> children;
    Element* parent = nullptr;
    Element* next = nullptr;
    std::uint32_t offset = 0;  ///< of its name in what was read

    bool is(std::string_view ns_given, std::string_view name_given) const {
        return !is_text && ns == ns_given && name == name_given;
    }
    const Attribute* find_attribute(std::string_view ns_given, std::string_view name_given) const {
        for (const Attribute& a : attributes)
            if (a.ns == ns_given && a.name == name_given) return &a;
        return nullptr;
    }
    std::string_view attribute(std::string_view name_given) const {
        const Attribute* a = find_attribute({}, name_given);
        return a == nullptr ? std::string_view{} : a->value;
    }
    /// Its text when that stands in one piece, without the blanks around it.
    std::string_view simple_text() const;
};

/// Null: the arena refused.
Element* make_element(Arena& arena, std::string_view ns, std::string_view name);
Element* make_text(Arena& arena, std::string_view text);
void append(Element& parent, Element* child);

/// All text of an element, without what stands in elements inside. False: the arena refused.
[[nodiscard]] bool text_of(const Element& e, Arena& arena, std::string_view& out);

/// The next node of a walk through the tree below `root`, parents before children; null at the
/// end. `skip`: the children of `at` are left out.
Element* next_in_tree(const Element* root, Element* at, bool skip = false);

}  // namespace pidf
