#pragma once

#include <set>
#include <string>
#include <string_view>

#include "pidf/xml.hpp"

/// What a presence document has to be by RFC 3863 4.4, RFC 4479 5 and RFC 4480 5, said once more
/// and in another way than the sources say it, so that one can be held against the other. It does
/// not replace the schemas: of extensions it knows ids, activities and attributes with times.
class Structure {
public:
    /// What is wrong first; "" when all is well.
    static std::string fault_of(std::string_view document) {
        sip::Memory memory;
        pidf::Arena arena(memory, 16U << 20U);
        const pidf::XmlLimits limits{
            .bytes = 1U << 20U, .depth = 64, .elements = 65'536, .attributes = 64};
        const auto root = pidf::parse_xml(document, arena, limits);
        if (!root) return "not well-formed: " + std::string(root.error().rule);
        Structure structure;
        structure.presence(**root);
        return structure.fault_;
    }

private:
    using Element = pidf::Element;
    static constexpr std::string_view pidf_ns = "urn:ietf:params:xml:ns:pidf";
    static constexpr std::string_view dm_ns = "urn:ietf:params:xml:ns:pidf:data-model";
    static constexpr std::string_view rpid_ns = "urn:ietf:params:xml:ns:pidf:rpid";
    static constexpr std::string_view xml_ns = "http://www.w3.org/XML/1998/namespace";

    void require(bool good, std::string_view what, const Element& e) {
        if (!good && fault_.empty()) fault_ = std::string(what) + " in " + std::string(e.name);
    }
    static bool in(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }
    static bool digits(std::string_view text, std::size_t from, std::size_t count) {
        for (std::size_t i = from; i < from + count; ++i)
            if (i >= text.size() || !in(text[i], "0123456789")) return false;
        return true;
    }
    static bool is_date_time(std::string_view t) {
        if (!digits(t, 0, 4) || t.size() < 20 || t.substr(0, 4) == "0000") return false;
        const std::string fixed{t[4], t[7], t[10], t[13], t[16]};
        if (fixed != "--T::" || !digits(t, 5, 2) || !digits(t, 8, 2) || !digits(t, 11, 2) ||
            !digits(t, 14, 2) || !digits(t, 17, 2))
            return false;
        const auto at = [&](std::size_t i) { return (t[i] - '0') * 10 + t[i + 1] - '0'; };
        const int year = at(0) * 100 + at(2), month = at(5), day = at(8);
        const int february = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
        const int days[] = {31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        if (month < 1 || month > 12 || day < 1 || day > days[month - 1]) return false;
        if (at(11) > 23 || at(14) > 59 || at(17) > 59) return false;
        std::string_view rest = t.substr(19);
        if (rest[0] == '.') {
            std::size_t n = 1;
            while (digits(rest, n, 1)) ++n;
            if (n == 1) return false;
            rest.remove_prefix(n);
        }
        if (rest == "Z") return true;
        if (rest.size() != 6 || !in(rest[0], "+-") || rest[3] != ':' || !digits(rest, 1, 2) ||
            !digits(rest, 4, 2))
            return false;
        const std::string_view offset = rest.substr(1);
        return offset <= "14:00" && offset.substr(3) <= "59";
    }
    static bool is_ncname(std::string_view text) {
        if (text.empty() || in(text[0], "-.0123456789")) return false;
        for (char c : text)
            if (static_cast<unsigned char>(c) < 0x80 &&
                !in(c, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"))
                return false;
        return true;
    }
    static bool is_language(std::string_view text) {
        for (bool first = true;; first = false) {
            const auto end = text.find('-');
            const std::string_view part = text.substr(0, end);
            if (part.empty() || part.size() > 8) return false;
            for (char c : part)
                if (!in(c | 0x20, "abcdefghijklmnopqrstuvwxyz") && (first || !in(c, "0123456789")))
                    return false;
            if (end == std::string_view::npos) return true;
            text.remove_prefix(end + 1);
        }
    }
    static bool is_uri(std::string_view text) {
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (in(text[i], " \t\r\n<>\"{}|\\^`")) return false;
            if (text[i] == '%' && (i + 2 >= text.size() || !in(text[i + 1] | 0x20, hex_digits) ||
                                   !in(text[i + 2] | 0x20, hex_digits)))
                return false;
        }
        return true;
    }
    static constexpr std::string_view hex_digits = "0123456789abcdef";
    static bool is_priority(std::string_view text) {
        if (text.size() > 5 || (text[0] != '0' && text[0] != '1')) return false;
        if (text.size() > 1 && text[1] != '.') return false;
        for (char c : text.substr(text.size() < 2 ? text.size() : 2))
            if (!in(c, text[0] == '1' ? "0" : "0123456789")) return false;
        return true;
    }

    static std::string text_of(const Element& e) {
        std::string text;
        for (const Element& child : e.children)
            if (child.is_text) text += child.text;
        return text;
    }
    /// Text alone, and of attributes these alone.
    std::string leaf(const Element& e, std::string_view ns, std::string_view attribute) {
        for (const Element& child : e.children) require(child.is_text, "an element", e);
        for (const pidf::Attribute& a : e.attributes)
            require(a.ns == ns && a.name == attribute, "an attribute", e);
        return text_of(e);
    }
    void take_id(std::string_view id, const Element& e) {
        require(is_ncname(id), "no NCName", e);
        require(ids_.insert(std::string(id)).second, "an id that stands twice", e);
    }
    void note(const Element& e) {
        leaf(e, xml_ns, "lang");
        const pidf::Attribute* lang = e.find_attribute(xml_ns, "lang");
        if (lang != nullptr) require(lang->value.empty() || is_language(lang->value), "lang", e);
    }
    void extension(const Element& e, std::string_view ns) {
        require(!e.ns.empty() && e.ns != ns, "an element without or of this namespace", e);
        for (const Element* at = &e; at != nullptr;
             at = pidf::next_in_tree(&e, const_cast<Element*>(at)))
            if (!at->is_text) inside_extension(*at);
    }
    void inside_extension(const Element& e) {
        for (const pidf::Attribute& a : e.attributes) {
            if (a.ns == xml_ns && a.name == "id") take_id(a.value, e);
            if (a.ns == xml_ns && a.name == "lang")
                require(a.value.empty() || is_language(a.value), "lang", e);
            if (a.ns == pidf_ns && a.name == "mustUnderstand")
                require(a.value == "1" || a.value == "0" || a.value == "true" || a.value == "false",
                        "mustUnderstand", e);
        }
        if (e.is(rpid_ns, "activities")) activities(e);
    }
    void activities(const Element& e) {
        int last = 0;
        bool unknown = false, others = false;
        for (const pidf::Attribute& a : e.attributes) {
            if (a.ns.empty() && a.name == "id") take_id(a.value, e);
            if (a.ns.empty() && (a.name == "from" || a.name == "until"))
                require(is_date_time(a.value), "a time", e);
        }
        for (const Element& child : e.children) {
            require(!child.is_text && !child.ns.empty(), "a text or nameless child", e);
            const bool is_note = child.is(rpid_ns, "note");
            require(last <= (is_note ? 0 : 1), "order", e);
            last = is_note ? 0 : 1;
            (child.is(rpid_ns, "unknown") ? unknown : others) |= !is_note;
            if (child.ns != rpid_ns || is_note) continue;
            if (child.name == "other")
                note(child);
            else
                require(activity_names().count(std::string(child.name)) == 1 &&
                            child.children.empty() && child.attributes.empty(),
                        "no activity", e);
        }
        require(!(unknown && others), "unknown and known", e);
    }
    static const std::set<std::string>& activity_names() {
        static const std::set<std::string> names{
            "appointment",  "away",        "breakfast",        "busy",         "dinner",
            "holiday",      "in-transit",  "looking-for-work", "meal",         "meeting",
            "on-the-phone", "performance", "playing",          "presentation", "permanent-absence",
            "shopping",     "sleeping",    "spectator",        "steering",     "travel",
            "tv",           "vacation",    "working",          "worship",      "unknown"};
        return names;
    }
    /// The children of `e` by `rank_of`, none lower than the one before; each(child, rank).
    template <class RankOf, class Each>
    void children(const Element& e, RankOf rank_of, Each each) {
        int last = 0;
        for (const Element& child : e.children) {
            if (child.is_text) {
                require(text_is_blank(child.text), "a text", e);
                continue;
            }
            const int rank = rank_of(child);
            require(rank >= last, "order", e);
            last = rank;
            each(child, rank);
        }
    }
    static bool text_is_blank(std::string_view text) {
        return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
    }
    void only_attribute(const Element& e, std::string_view name) {
        for (const pidf::Attribute& a : e.attributes)
            require(a.ns.empty() && a.name == name, "an attribute", e);
        require(e.find_attribute({}, name) != nullptr, "no " + std::string(name), e);
    }

    void presence(const Element& e) {
        require(e.is(pidf_ns, "presence"), "no presence", e);
        only_attribute(e, "entity");
        require(is_uri(e.attribute("entity")), "entity", e);
        const auto rank_of = [](const Element& c) {
            return c.is(pidf_ns, "tuple") ? 0 : c.is(pidf_ns, "note") ? 1 : 2;
        };
        children(e, rank_of, [&](const Element& c, int rank) {
            if (rank == 0) tuple(c);
            if (rank == 1) note(c);
            if (rank < 2) return;
            if (c.is(dm_ns, "person") || c.is(dm_ns, "device"))
                component(c);
            else
                extension(c, pidf_ns);
        });
    }
    void tuple(const Element& e) {
        int counts[5] = {};
        only_attribute(e, "id");
        take_id(e.attribute("id"), e);
        const auto rank_of = [](const Element& c) {
            if (c.is(pidf_ns, "status")) return 0;
            if (c.is(pidf_ns, "contact")) return 2;
            if (c.is(pidf_ns, "note")) return 3;
            return c.is(pidf_ns, "timestamp") ? 4 : 1;
        };
        children(e, rank_of, [&](const Element& c, int rank) {
            ++counts[rank];
            if (rank == 0) status(c);
            if (rank == 1) extension(c, pidf_ns);
            if (rank == 2) contact(c);
            if (rank == 3) note(c);
            if (rank == 4) require(is_date_time(leaf(c, "", "")), "no time", c);
        });
        require(counts[0] == 1 && counts[2] <= 1 && counts[4] <= 1, "one too many or few", e);
    }
    void contact(const Element& e) {
        const std::string text = leaf(e, "", "priority");
        require(!text.empty() && is_uri(text), "no URI", e);
        if (e.find_attribute({}, "priority") != nullptr)
            require(is_priority(e.attribute("priority")), "priority", e);
    }
    void status(const Element& e) {
        require(e.attributes.empty(), "an attribute", e);
        int basics = 0;
        const auto rank_of = [](const Element& c) { return c.is(pidf_ns, "basic") ? 0 : 1; };
        children(e, rank_of, [&](const Element& c, int rank) {
            if (rank == 1) return extension(c, pidf_ns);
            const std::string text = leaf(c, "", "");
            require(text == "open" || text == "closed", "neither open nor closed", c);
            ++basics;
        });
        require(basics <= 1, "basic twice", e);
    }
    void component(const Element& e) {
        int counts[4] = {};
        only_attribute(e, "id");
        take_id(e.attribute("id"), e);
        const auto rank_of = [](const Element& c) {
            if (c.is(dm_ns, "deviceID")) return 1;
            if (c.is(dm_ns, "note")) return 2;
            return c.is(dm_ns, "timestamp") ? 3 : 0;
        };
        children(e, rank_of, [&](const Element& c, int rank) {
            ++counts[rank];
            if (rank == 0) extension(c, dm_ns);
            if (rank == 1) require(is_uri(leaf(c, "", "")), "no URI", c);
            if (rank == 2) note(c);
            if (rank == 3) require(is_date_time(leaf(c, "", "")), "no time", c);
        });
        require(counts[1] == (e.name == "device" ? 1 : 0) && counts[3] <= 1, "one too many or few",
                e);
    }

    std::string fault_;
    std::set<std::string> ids_;
};
