#include "pidf/element.hpp"

#include "pidf/unicode.hpp"

namespace pidf {

std::string_view Element::simple_text() const {
    for (const Element& child : children)
        if (child.is_text && !is_xml_blank(child.text)) return trim_xml_space(child.text);
    return {};
}

Element* make_element(Arena& arena, std::string_view ns, std::string_view name) {
    auto* made = arena.make<Element>();
    if (made == nullptr) return nullptr;
    made->ns = ns;
    made->name = name;
    return made;
}

Element* make_text(Arena& arena, std::string_view text) {
    auto* made = arena.make<Element>();
    if (made == nullptr) return nullptr;
    made->is_text = true;
    made->text = text;
    return made;
}

void append(Element& parent, Element* child) {
    child->parent = &parent;
    parent.children.push_back(child);
}

Element* next_in_tree(const Element* root, Element* at, bool skip) {
    if (!skip && at->children.first != nullptr) return at->children.first;
    while (at != root) {
        if (at->next != nullptr) return at->next;
        at = at->parent;
    }
    return nullptr;
}

}  // namespace pidf
