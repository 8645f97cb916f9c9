#include "pidf/element.hpp"

#include <cstring>

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

bool text_of(const Element& e, Arena& arena, std::string_view& out) {
    std::size_t pieces = 0, size = 0;
    for (const Element& child : e.children) {
        if (!child.is_text) continue;
        out = child.text;
        size += child.text.size();
        ++pieces;
    }
    if (pieces == 0) out = {};
    if (pieces <= 1) return true;
    auto* room = static_cast<char*>(arena.allocate(size));
    if (room == nullptr) return false;
    out = {room, size};
    for (const Element& child : e.children) {
        if (!child.is_text) continue;
        std::memcpy(room, child.text.data(), child.text.size());
        room += child.text.size();
    }
    return true;
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
