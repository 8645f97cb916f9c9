#include "pidf/xml.hpp"

#include <array>
#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>

#include "pidf/namespaces.hpp"
#include "pidf/run.hpp"
#include "pidf/unicode.hpp"
#include "pidf/utf16.hpp"
#include "sip/base/assert.hpp"
#include "sip/base/text.hpp"

#ifndef __cpp_exceptions
#define RAPIDXML_NO_EXCEPTIONS
#endif
// The pool inside the document object is for people with large stacks; ours comes from the arena.
#define RAPIDXML_STATIC_POOL_SIZE 512
#define RAPIDXML_DYNAMIC_POOL_SIZE 2048
#define RAPIDXML_NO_STDLIB
#define assert SIP_ASSERT
#include <rapidxml/rapidxml.hpp>
#undef assert

// It has our allocator alone: nothing in it may ask the C++ library for memory.
template <>
inline char* rapidxml::memory_pool<char>::allocate_raw(std::size_t size) {
    return static_cast<char*>(m_alloc_func(size));
}
template <>
inline void rapidxml::memory_pool<char>::clear() {
    init();  // the arena gives all back at once
}

namespace pidf {
namespace {

/// The library finds what is where; references and line ends are resolved by us afterwards.
constexpr int flags = rapidxml::parse_non_destructive | rapidxml::parse_no_element_values;

/// Where it looks for the end of something in the text, which the guard has passed and padded.
template <class Run>
void skip(char*& text) {
    text += sip::scan::sure_end<Run>(text) - text;
}

}  // namespace
}  // namespace pidf

#ifndef __OPTIMIZE_SIZE__
/// The same as the library does, many characters at once.
template <>
template <>
inline void rapidxml::xml_document<char>::skip<rapidxml::xml_document<char>::node_name_pred,
                                               pidf::flags>(char*& text) {
    pidf::skip<pidf::run::ElementName>(text);
}
template <>
template <>
inline void rapidxml::xml_document<char>::skip<rapidxml::xml_document<char>::attribute_name_pred,
                                               pidf::flags>(char*& text) {
    pidf::skip<pidf::run::AttributeName>(text);
}
template <>
template <>
inline void rapidxml::xml_document<char>::skip<rapidxml::xml_document<char>::text_pred,
                                               pidf::flags>(char*& text) {
    pidf::skip<pidf::run::Until<'<', '\0'>>(text);
}
template <>
template <>
inline void rapidxml::xml_document<char>::skip<
    rapidxml::xml_document<char>::attribute_value_pred<'"'>, pidf::flags>(char*& text) {
    pidf::skip<pidf::run::Until<'"', '\0'>>(text);
}
template <>
template <>
inline void rapidxml::xml_document<char>::skip<
    rapidxml::xml_document<char>::attribute_value_pred<'\''>, pidf::flags>(char*& text) {
    pidf::skip<pidf::run::Until<'\'', '\0'>>(text);
}
#endif

namespace pidf {
namespace {

/// What the library's callbacks need, which get no argument of ours: the arena of the parse that
/// is under way, and where to go when it cannot go on.
struct Parse {
    Arena* arena = nullptr;
#ifndef __cpp_exceptions
    std::jmp_buf out;
#endif
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

void release(void*) {}

using Library = rapidxml::xml_document<char>;
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
        bindings_[size_++] = {prefix.data(), ns.data(), prefix.size(), ns.size(), depth};
        return true;
    }
    void leave(std::uint32_t depth) {
        while (size_ > 0 && bindings_[size_ - 1].depth >= depth) --size_;
    }
    /// False: the prefix is not declared.
    bool find(std::string_view prefix, std::string_view& ns) const {
        for (std::size_t i = size_; i-- > 0;)
            if (std::string_view(bindings_[i].prefix, bindings_[i].prefix_size) == prefix) {
                ns = {bindings_[i].ns, bindings_[i].ns_size};
                return prefix.empty() || !ns.empty();
            }
        ns = prefix == "xml" ? xml_namespace : std::string_view{};
        return prefix.empty() || prefix == "xml";
    }

private:
    /// Left as it is until it is set, for there are many.
    struct Binding {
        const char *prefix, *ns;
        std::size_t prefix_size, ns_size;
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
    return {sip::slice(name, 0, colon), sip::slice(name, colon + 1)};
}

/// What stands between & and ; of a reference that the guard has let pass.
char32_t referenced(std::string_view name) {
    if (name == "amp") return '&';
    if (name == "lt") return '<';
    if (name == "gt") return '>';
    if (name == "quot") return '"';
    if (name == "apos") return '\'';
    const bool hexadecimal = name.size() > 1 && name[1] == 'x';
    char32_t code = 0;
    for (char digit : sip::slice(name, hexadecimal ? 2 : 1))
        code = code * (hexadecimal ? 16 : 10) + static_cast<char32_t>(sip::hex_value(digit));
    return code;
}

enum class Kind : std::uint8_t { text, cdata, attribute };

/// XML 1.0 2.11, 3.3.3, 4.1, in place: every line end is one LF, in an attribute every blank a
/// space, and references give way to what they stand for. The text never grows: the shortest
/// reference has four bytes, as many as the longest character.
std::string_view resolve(char* text, std::size_t size, Kind kind) {
    const std::string_view whole(text, size);
    std::size_t out = kind == Kind::attribute ? run_size<run::Until<'&', '\r', '\n', '\t'>>(whole)
                                              : run_size<run::Until<'&', '\r'>>(whole);
    for (std::size_t i = out; i < size;) {
        const char c = text[i];
        if (c == '&' && kind != Kind::cdata) {
            const std::string_view rest(text + i, size - i);
            const std::string_view name = sip::slice(rest, 1, rest.find(';') - 1);
            i += name.size() + 2;
            out += encode_utf8(referenced(name), text + out);
            continue;
        }
        ++i;
        if (c == '\r' && i < size && text[i] == '\n') continue;
        const bool blank = kind == Kind::attribute && is_xml_space(c);
        text[out++] = blank ? ' ' : c == '\r' ? '\n' : c;
    }
    return {text, out};
}

/// Turns the library's tree into ours, namespaces resolved.
class Builder {
public:
    /// `plain`: see check_xml.
    Builder(Arena& arena, char* text, bool plain) : arena_(arena), text_(text), plain_(plain) {}

    sip::Expected<Element*> build(const rapidxml::xml_node<char>* root) {
        const rapidxml::xml_node<char>* node = root;
        Element* parent = nullptr;
        Element* top = nullptr;
        std::uint32_t depth = 0;
        while (node != nullptr) {
            Element* made = nullptr;
            if (const auto error = convert(node, depth, parent, made))
                return tl::unexpected(*error);
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
    std::string_view meaning(char* text, std::size_t size, Kind kind) const {
        return plain_ ? std::string_view(text, size) : resolve(text, size, kind);
    }
    std::uint32_t offset(const char* at) const { return static_cast<std::uint32_t>(at - text_); }

    /// Text that follows text, only a comment or the border of a CDATA section between the two,
    /// joins it: where a text stands in pieces is nothing that a reader should see.
    sip::Fault text(std::string_view piece, Element* last, Element*& made) {
        if (last != nullptr && last->is_text) {
            char* end = text_ + (last->text.data() - text_) + last->text.size();
            std::memmove(end, piece.data(), piece.size());
            last->text = {last->text.data(), last->text.size() + piece.size()};
            return {};
        }
        made = make_text(arena_, piece);
        return made == nullptr ? arena_.refusal() : sip::Fault{};
    }
    sip::Fault convert(const rapidxml::xml_node<char>* node, std::uint32_t depth, Element* parent,
                       Element*& made) {
        const bool cdata = node->type() == rapidxml::node_cdata;
        if (cdata || node->type() == rapidxml::node_data) {
            const Kind kind = cdata ? Kind::cdata : Kind::text;
            return text(meaning(node->value(), node->value_size(), kind), parent->children.last,
                        made);
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
    sip::Fault declare(const rapidxml::xml_node<char>* node, std::uint32_t depth) {
        for (const auto* a = node->first_attribute(); a != nullptr; a = a->next_attribute()) {
            const Name name = split_name({a->name(), a->name_size()});
            const bool is_default = name.prefix.empty() && name.local == "xmlns";
            if (!is_default && name.prefix != "xmlns") continue;
            const std::string_view prefix = is_default ? std::string_view{} : name.local;
            const std::string_view ns = meaning(a->value(), a->value_size(), Kind::attribute);
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
    sip::Fault attributes(const rapidxml::xml_node<char>* node, Element& element) {
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
            made->value = meaning(a->value(), a->value_size(), Kind::attribute);
            element.attributes.push_back(made);
        }
        return {};
    }
    sip::Fault malformed(sip::StaticText rule, const char* at) const {
        return sip::Error{sip::Condition::malformed, rule, offset(at)};
    }

    Arena& arena_;
    char* text_;
    bool plain_;
    Scope scope_;
};

sip::Expected<Element*> parse_utf8(std::string_view text, Arena& arena, const XmlLimits& limits,
                                   bool was_utf16) {
    // A private copy, ended by the NUL that the library looks for, with room to resolve in place.
    const bool fits = text.size() <= limits.bytes;
    auto* copy = static_cast<char*>(fits ? arena.allocate(text.size() + xml_padding) : nullptr);
    if (fits && copy == nullptr) return tl::unexpected(arena.refusal());
    bool plain = false;
    if (const auto fault = check_xml(text, copy, limits, was_utf16, &plain))
        return tl::unexpected(*fault);
    void* room = arena.allocate(sizeof(Library));
    if (room == nullptr) return tl::unexpected(arena.refusal());
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
    return Builder(arena, copy, plain).build(root);
}

/// Offsets in the transcoded text become those in the UTF-16 that came. They rise along the tree,
/// so that one pass will do.
void place_in_utf16(Element& root, std::string_view text) {
    std::size_t at = 0, place = utf16_mark_size;
    for (Element* e = &root; e != nullptr; e = next_in_tree(&root, e)) {
        if (e->is_text) continue;
        place += utf16_size(sip::slice(text, at, e->offset - at));
        at = e->offset;
        e->offset = static_cast<std::uint32_t>(place);
    }
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
        if (tree)
            place_in_utf16(**tree, *text);
        else
            tree.error().offset = static_cast<std::uint32_t>(
                utf16_mark_size + utf16_size(sip::slice(*text, 0, tree.error().offset)));
        return tree;
    }
    constexpr std::string_view mark = "\xEF\xBB\xBF";
    const std::size_t skipped = bytes.starts_with(mark) ? mark.size() : 0;
    auto tree = parse_utf8(sip::slice(bytes, skipped), arena, limits, false);
    if (!tree) {
        tree.error().offset += static_cast<std::uint32_t>(skipped);
    } else if (skipped > 0) {
        for (Element* e = *tree; e != nullptr; e = next_in_tree(*tree, e))
            e->offset += static_cast<std::uint32_t>(skipped);
    }
    return tree;
}

}  // namespace pidf

#ifndef __cpp_exceptions
namespace rapidxml {
void parse_error_handler(const char*, void* where) { pidf::fail_parse(where); }
}  // namespace rapidxml
#endif
