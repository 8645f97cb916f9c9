#include "pidf/xml.hpp"

#include <array>
#include <csetjmp>
#include <cstring>
#include <optional>

#include "pidf/namespaces.hpp"
#include "pidf/unicode.hpp"
#include "pidf/utf16.hpp"

#ifndef __cpp_exceptions
#define RAPIDXML_NO_EXCEPTIONS
#endif
// The pool inside the document object is for people with large stacks; ours comes from the arena.
#define RAPIDXML_STATIC_POOL_SIZE 512
#define RAPIDXML_DYNAMIC_POOL_SIZE 2048
#include <rapidxml/rapidxml.hpp>

namespace pidf {
namespace {

/// What the library's callbacks need, which get no argument of ours: the arena of the parse that
/// is under way, and where to go when it cannot go on.
struct Parse {
    Arena* arena = nullptr;
#ifndef __cpp_exceptions
    std::jmp_buf out;
#endif
    std::size_t refused_at = 0;
    bool refused = false;
    const void* where = nullptr;
};
thread_local Parse* current = nullptr;

#ifdef __cpp_exceptions
struct Refused {};
#endif

void* allocate(std::size_t size) {
    void* room = current->arena->allocate(size);
    if (room != nullptr) return room;
    current->refused = true;
#ifdef __cpp_exceptions
    throw Refused{};
#else
    std::longjmp(current->out, 1);
#endif
}

void release(void*) {}  // the arena gives all back at once

using Library = rapidxml::xml_document<char>;
constexpr int flags = rapidxml::parse_validate_closing_tags | rapidxml::parse_no_element_values;

/// The whole of the fence: nothing with a destructor lives here, and no local changes.
bool run(Library* library, char* text) {
#ifdef __cpp_exceptions
    try {
        library->parse<flags>(text);
        return true;
    } catch (const rapidxml::parse_error& error) {
        current->where = error.where<char>();
        return false;
    } catch (const Refused&) {
        return false;
    }
#else
    if (setjmp(current->out) != 0) return false;
    library->parse<flags>(text);
    return true;
#endif
}

/// Namespace declarations in scope, innermost last.
class Scope {
public:
    bool push(std::string_view prefix, std::string_view ns, std::uint32_t depth) {
        if (size_ == bindings_.size()) return false;
        bindings_[size_++] = {prefix, ns, depth};
        return true;
    }
    void leave(std::uint32_t depth) {
        while (size_ > 0 && bindings_[size_ - 1].depth >= depth) --size_;
    }
    /// False: the prefix is not declared.
    bool find(std::string_view prefix, std::string_view& ns) const {
        for (std::size_t i = size_; i-- > 0;)
            if (bindings_[i].prefix == prefix) {
                ns = bindings_[i].ns;
                return prefix.empty() || !ns.empty();
            }
        ns = prefix == "xml" ? xml_namespace : std::string_view{};
        return prefix.empty() || prefix == "xml";
    }

private:
    struct Binding {
        std::string_view prefix, ns;
        std::uint32_t depth;
    };
    std::array<Binding, 128> bindings_;
    std::size_t size_ = 0;
};

struct Name {
    std::string_view prefix, local;
};
Name split_name(std::string_view name) {
    const auto colon = name.find(':');
    if (colon == std::string_view::npos) return {{}, name};
    return {name.substr(0, colon), name.substr(colon + 1)};
}

/// Turns the library's tree into ours, namespaces resolved.
class Builder {
public:
    Builder(Arena& arena, const char* text) : arena_(arena), text_(text) {}

    sip::Expected<Element*> build(const rapidxml::xml_node<char>* root) {
        const rapidxml::xml_node<char>* node = root;
        Element* parent = nullptr;
        Element* top = nullptr;
        std::uint32_t depth = 0;
        while (node != nullptr) {
            Element* made = nullptr;
            if (const auto error = convert(node, depth, made)) return tl::unexpected(*error);
            if (made != nullptr && parent != nullptr) append(*parent, made);
            if (top == nullptr) top = made;
            if (node->type() == rapidxml::node_element && node->first_node() != nullptr) {
                parent = made;
                node = node->first_node();
                ++depth;
                continue;
            }
            if (node->type() == rapidxml::node_element) scope_.leave(depth);
            while (node != root && node->next_sibling() == nullptr) {
                node = node->parent();
                parent = parent->parent;
                scope_.leave(--depth);
            }
            node = node == root ? nullptr : node->next_sibling();
        }
        return top;
    }

private:
    std::uint32_t offset(const char* at) const { return static_cast<std::uint32_t>(at - text_); }

    std::optional<sip::Error> convert(const rapidxml::xml_node<char>* node, std::uint32_t depth,
                                      Element*& made) {
        const std::string_view value{node->value(), node->value_size()};
        if (node->type() == rapidxml::node_data || node->type() == rapidxml::node_cdata) {
            made = make_text(arena_, value);
            return made == nullptr ? std::optional(arena_.refusal()) : std::nullopt;
        }
        if (node->type() != rapidxml::node_element) return {};
        if (const auto error = declare(node, depth)) return error;
        const Name name = split_name({node->name(), node->name_size()});
        std::string_view ns;
        if (name.prefix == "xmlns" || !scope_.find(name.prefix, ns))
            return malformed("XML: prefix is not declared", node->name());
        made = make_element(arena_, ns, name.local);
        if (made == nullptr) return arena_.refusal();
        made->offset = offset(node->name());
        return attributes(node, *made);
    }
    std::optional<sip::Error> declare(const rapidxml::xml_node<char>* node, std::uint32_t depth) {
        for (const auto* a = node->first_attribute(); a != nullptr; a = a->next_attribute()) {
            const Name name = split_name({a->name(), a->name_size()});
            const bool is_default = name.prefix.empty() && name.local == "xmlns";
            if (!is_default && name.prefix != "xmlns") continue;
            const std::string_view prefix = is_default ? std::string_view{} : name.local;
            const std::string_view ns{a->value(), a->value_size()};
            // Namespaces in XML 1.0, section 3: what may not be bound.
            if ((!is_default && ns.empty()) || prefix == "xmlns" || ns == xmlns_namespace ||
                (prefix == "xml") != (ns == xml_namespace))
                return malformed("XML: namespace declaration is not allowed", a->name());
            if (!scope_.push(prefix, ns, depth))
                return sip::Error{sip::Condition::body_too_large, "XML: too many namespaces",
                                  offset(a->name())};
        }
        return {};
    }
    std::optional<sip::Error> attributes(const rapidxml::xml_node<char>* node, Element& element) {
        for (const auto* a = node->first_attribute(); a != nullptr; a = a->next_attribute()) {
            const Name name = split_name({a->name(), a->name_size()});
            if (name.prefix == "xmlns" || (name.prefix.empty() && name.local == "xmlns")) continue;
            std::string_view ns;
            if (!name.prefix.empty() && !scope_.find(name.prefix, ns))
                return malformed("XML: prefix is not declared", a->name());
            if (element.find_attribute(ns, name.local) != nullptr)
                return malformed("XML: attribute stands twice", a->name());
            auto* made = arena_.make<Attribute>();
            if (made == nullptr) return arena_.refusal();
            made->ns = ns;
            made->name = name.local;
            made->value = {a->value(), a->value_size()};
            element.attributes.push_back(made);
        }
        return {};
    }
    std::optional<sip::Error> malformed(std::string_view rule, const char* at) const {
        return sip::Error{sip::Condition::malformed, rule, offset(at)};
    }

    Arena& arena_;
    const char* text_;
    Scope scope_;
};

sip::Expected<Element*> parse_utf8(std::string_view text, Arena& arena, const XmlLimits& limits,
                                   bool was_utf16) {
    if (const auto checked = check_xml(text, limits, was_utf16); !checked)
        return tl::unexpected(checked.error());
    // The library writes into what it reads: a private copy, ended by the NUL that it looks for.
    auto* copy = static_cast<char*>(arena.allocate(text.size() + 1));
    void* room = arena.allocate(sizeof(Library));
    if (copy == nullptr || room == nullptr) return tl::unexpected(arena.refusal());
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = '\0';
    auto* library = new (room) Library;
    library->set_allocator(allocate, release);
    Parse parse;
    parse.arena = &arena;
    current = &parse;
    const bool parsed = run(library, copy);
    current = nullptr;
    if (parse.refused) return tl::unexpected(arena.refusal());
    if (!parsed) {
        const auto* where = static_cast<const char*>(parse.where);
        return sip::failure(sip::Condition::malformed, "XML: document is malformed",
                            where == nullptr ? 0 : static_cast<std::size_t>(where - copy));
    }
    const auto* root = library->first_node();
    while (root != nullptr && root->type() != rapidxml::node_element) root = root->next_sibling();
    SIP_ASSERT(root != nullptr);  // the guard saw it
    return Builder(arena, copy).build(root);
}

}  // namespace

#ifndef __cpp_exceptions
/// Called by the library; must not return.
void fail_parse(const void* where) {
    current->where = where;
    std::longjmp(current->out, 1);
}
#endif

sip::Expected<Element*> parse_xml(std::string_view bytes, Arena& arena, const XmlLimits& limits) {
    if (bytes.size() > 2 * limits.bytes + 2)
        return sip::failure(sip::Condition::body_too_large, "XML: document is too large");
    if (is_utf16(bytes)) {
        const auto text = utf16_to_utf8(bytes, arena);
        if (!text) return tl::unexpected(text.error());
        auto tree = parse_utf8(*text, arena, limits, true);
        if (!tree)
            tree.error().offset =
                static_cast<std::uint32_t>(utf16_offset(*text, tree.error().offset));
        return tree;
    }
    constexpr std::string_view mark = "\xEF\xBB\xBF";
    const std::size_t skipped = bytes.starts_with(mark) ? mark.size() : 0;
    auto tree = parse_utf8(bytes.substr(skipped), arena, limits, false);
    if (!tree) tree.error().offset += static_cast<std::uint32_t>(skipped);
    return tree;
}

}  // namespace pidf

#ifndef __cpp_exceptions
namespace rapidxml {
void parse_error_handler(const char*, void* where) { pidf::fail_parse(where); }
}  // namespace rapidxml
#endif
