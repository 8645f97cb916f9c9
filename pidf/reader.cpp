#include "pidf/reader.hpp"

#include <array>

#include "pidf/conformer.hpp"
#include "pidf/lexical.hpp"
#include "pidf/namespaces.hpp"
#include "pidf/unicode.hpp"
#include "sip/base/text.hpp"

namespace pidf {
namespace {

using Status = sip::Fault;  // nothing: all is well

sip::Error bad(sip::StaticText rule, const Element& at) {
    return {sip::Condition::malformed, rule, at.offset};
}

/// RFC 3863 4.1.5: 0 to 1 with at most three digits behind the point; anything else is ignored.
std::optional<std::uint16_t> priority_of(std::string_view text) {
    const sip::Halves halves = sip::split_at(text, '.');
    if (halves.before != "0" && halves.before != "1") return {};
    if (halves.after.size() > 3 || (halves.found && halves.after.empty())) return {};
    unsigned value = halves.before == "1" ? 1000 : 0;
    unsigned scale = 100;
    for (char c : halves.after) {
        if (!sip::is_digit(c)) return {};
        value += scale * static_cast<unsigned>(c - '0');
        scale /= 10;
    }
    if (value > 1000) return {};
    return static_cast<std::uint16_t>(value);
}

class Reader {
public:
    Reader(Arena& arena, const ReadOptions& options) : arena_(arena), options_(options) {}

    Status document(Element& root, Document& document) {
        if (!root.is(pidf_namespace, "presence"))
            return bad("PIDF: root element is not presence", root);
        document.entity = trim_xml_space(root.attribute("entity"));
        if (document.entity.empty() && options_.strict) return bad("PIDF: entity is missing", root);
        if (!is_any_uri(document.entity)) {
            if (options_.strict) return bad("PIDF: entity is no URI", root);
            document.entity = {};
        }
        int last = -1;
        for (Element* child = root.children.first; child != nullptr;) {
            Element& e = *child;
            child = e.next;
            if (e.is_text) {
                if (!is_xml_blank(e.text)) return bad("PIDF: text in presence", root);
                continue;
            }
            const bool ours = e.ns == pidf_namespace;
            const int rank = ours && e.name == "tuple" ? 0 : ours && e.name == "note" ? 1 : 2;
            if (!in_order(rank, last, false))
                return bad("PIDF: order is tuple, note, extensions", e);
            if (const Status status = component(e, document)) return status;
        }
        drop_unnamed_devices(document);
        if (!settle_ids(document, arena_)) return arena_.refusal();
        return {};
    }

private:
    /// RFC 4479 3.4: a device is its deviceID.
    static void drop_unnamed_devices(Document& document) {
        Device* next = document.devices.first;
        document.devices = {};
        while (next != nullptr) {
            Device* device = next;
            next = device->next;
            if (!device->device_id.empty()) document.devices.push_back(device);
        }
    }
    Status component(Element& e, Document& document) {
        if (e.is(pidf_namespace, "tuple")) return tuple(e, document);
        if (e.is(pidf_namespace, "note")) return note(e, document.notes);
        if (e.is(data_model_namespace, "person")) return person(e, document);
        if (e.is(data_model_namespace, "device")) return device(e, document);
        return extension(e, document.extensions, pidf_namespace);
    }
    /// `ns`: the namespace of the element around it. Extensions are of another, and of one.
    Status extension(Element& e, List<Element>& extensions, std::string_view ns) {
        if (e.ns == ns || e.ns == pidf_namespace || e.ns.empty()) {
            if (options_.strict) return bad("PIDF: element is not defined here", e);
            return {};
        }
        const auto answer = conformer_.conform(e);
        if (answer == Conformer::Answer::refused) return arena_.refusal();
        if (answer == Conformer::Answer::dropped) return {};
        e.parent = nullptr;
        extensions.push_back(&e);
        return {};
    }
    /// xs:ID, unique over tuples, persons and devices (RFC 4479 5).
    Status take_id(const Element& e, std::string_view& id) {
        id = trim_xml_space(e.attribute("id"));
        // Clients number their tuples; a compositor gives out ids of its own in any case.
        if (id.empty() || (options_.strict && !is_ncname(id)))
            return bad("PIDF: id is missing or no XML name", e);
        if (ids_ >= options_.components || ids_ >= seen_.size())
            return sip::Error{sip::Condition::body_too_large, "PIDF: too many tuples", e.offset};
        for (std::size_t i = 0; i < ids_; ++i)
            if (std::string_view(seen_[i].data, seen_[i].size) == id)
                return bad("PIDF: id stands twice", e);
        seen_[ids_++] = {id.data(), id.size()};
        return {};
    }
    Status note(const Element& e, List<Note>& notes) {
        if (notes_++ >= options_.notes)
            return sip::Error{sip::Condition::body_too_large, "PIDF: too many notes", e.offset};
        std::string_view text;
        std::optional<std::string_view> language;
        if (!text_of(e, arena_, text) || !language_of(e, arena_, language) ||
            add_note(notes, arena_, text, language.value_or("")) == nullptr)
            return arena_.refusal();
        return {};
    }
    /// Whether a child of this rank may stand behind one of rank `last`; `once`: it comes but once.
    bool in_order(int rank, int& last, bool once) const {
        const bool good = !options_.strict || (once ? rank > last : rank >= last);
        last = rank;
        return good;
    }
    /// Of several the latest counts: no more was said of what changed when.
    Status timestamp(const Element& e, Timestamp& stamp) {
        Timestamp read;
        const std::string_view text = e.simple_text();
        if (options_.strict && !is_date_time(text)) return bad("PIDF: timestamp is malformed", e);
        if (!normal_date_time(text, arena_, read.text, read.wall_ms)) return arena_.refusal();
        if (read.text.empty()) return {};
        if (stamp.text.empty() || *read.wall_ms > *stamp.wall_ms) stamp = read;
        return {};
    }
    Status contact(const Element& e, Tuple& tuple) {
        if (!tuple.contact.empty()) return bad("PIDF: contact stands twice", e);
        const std::string_view text = e.simple_text();
        if (!is_any_uri(text)) {
            if (options_.strict) return bad("PIDF: contact is no URI", e);
            return {};
        }
        tuple.contact = text;
        tuple.priority = priority_of(trim_xml_space(e.attribute("priority")));
        return {};
    }
    /// Whether an element that is not known here, or one inside it, says that it must be.
    static bool must_be_understood(Element& extension) {
        for (Element* e = &extension; e != nullptr; e = next_in_tree(&extension, e)) {
            if (e->is_text) continue;
            const Attribute* must = e->find_attribute(pidf_namespace, "mustUnderstand");
            if (must != nullptr && (must->value == "true" || must->value == "1")) return true;
        }
        return false;
    }
    Status status(const Element& e, Tuple& tuple) {
        int last = -1;
        for (Element* child = e.children.first; child != nullptr;) {
            Element& c = *child;
            child = c.next;
            if (c.is_text) continue;
            const bool is_basic = c.is(pidf_namespace, "basic");
            if (!in_order(is_basic ? 0 : 1, last, is_basic))
                return bad("PIDF: order is basic, extensions", c);
            if (is_basic) {
                const std::string_view text = c.simple_text();
                if (options_.unknown_basic && text == "unknown") continue;
                if (text != "open" && text != "closed")
                    return bad("PIDF: basic is neither open nor closed", c);
                if (tuple.basic) return bad("PIDF: basic stands twice", c);
                tuple.basic = text == "open" ? Basic::open : Basic::closed;
                continue;
            }
            // RFC 3863 4.2.3: what is not understood takes its extension with it, and no more.
            if (options_.watcher && must_be_understood(c)) continue;
            if (const Status s = extension(c, tuple.status_extensions, pidf_namespace)) return s;
        }
        if (options_.strict && last < 0) return bad("PIDF: status is empty", e);
        return {};
    }
    static int rank_in_tuple(const Element& e) {
        if (e.is(pidf_namespace, "status")) return 0;
        if (e.is(pidf_namespace, "contact")) return 2;
        if (e.is(pidf_namespace, "note")) return 3;
        return e.is(pidf_namespace, "timestamp") ? 4 : 1;
    }
    Status tuple(const Element& e, Document& document) {
        std::string_view id;
        if (const Status s = take_id(e, id)) return s;
        Tuple* made = add_tuple(document, arena_, id);
        if (made == nullptr) return arena_.refusal();
        bool has_status = false;
        int last = -1;
        for (Element* child = e.children.first; child != nullptr;) {
            Element& c = *child;
            child = c.next;
            if (c.is_text) continue;
            const int rank = rank_in_tuple(c);
            if (!in_order(rank, last, rank == 0 || rank == 4))
                return bad("PIDF: order is status, extensions, contact, note, timestamp", c);
            Status s;
            if (c.is(pidf_namespace, "status")) {
                if (has_status) return bad("PIDF: status stands twice", c);
                has_status = true;
                s = status(c, *made);
            } else if (c.is(pidf_namespace, "contact")) {
                s = contact(c, *made);
            } else if (c.is(pidf_namespace, "note")) {
                s = note(c, made->notes);
            } else if (c.is(pidf_namespace, "timestamp")) {
                s = timestamp(c, made->timestamp);
            } else {
                s = extension(c, made->extensions, pidf_namespace);
            }
            if (s) return s;
        }
        if (!has_status) return bad("PIDF: status is missing", e);
        return {};
    }
    static int rank_in_component(const Element& e) {
        if (e.is(data_model_namespace, "deviceID")) return 1;
        if (e.is(data_model_namespace, "note")) return 2;
        return e.is(data_model_namespace, "timestamp") ? 3 : 0;
    }
    /// What person and device have in common; `device_id` is null for a person.
    template <class T>
    Status component_children(const Element& e, T& made, std::string_view* device_id) {
        int last = -1;
        for (Element* child = e.children.first; child != nullptr;) {
            Element& c = *child;
            child = c.next;
            if (c.is_text) continue;
            const int rank = rank_in_component(c);
            if (!in_order(rank, last, rank == 1 || rank == 3))
                return bad("PIDF: order is extensions, deviceID, note, timestamp", c);
            Status s;
            if (c.is(data_model_namespace, "note"))
                s = note(c, made.notes);
            else if (c.is(data_model_namespace, "timestamp"))
                s = timestamp(c, made.timestamp);
            else if (device_id != nullptr && c.is(data_model_namespace, "deviceID"))
                take_device_id(c, *device_id);
            else
                s = extension(c, made.extensions, data_model_namespace);
            if (s) return s;
        }
        return {};
    }
    /// The first that is a URI.
    static void take_device_id(const Element& e, std::string_view& device_id) {
        const std::string_view text = e.simple_text();
        if (device_id.empty() && is_any_uri(text)) device_id = text;
    }
    Status person(const Element& e, Document& document) {
        std::string_view id;
        if (const Status s = take_id(e, id)) return s;
        Person* made = add_person(document, arena_, id);
        if (made == nullptr) return arena_.refusal();
        return component_children(e, *made, nullptr);
    }
    Status device(const Element& e, Document& document) {
        std::string_view id;
        if (const Status s = take_id(e, id)) return s;
        Device* made = add_device(document, arena_, id, {});
        if (made == nullptr) return arena_.refusal();
        if (const Status s = component_children(e, *made, &made->device_id)) return s;
        if (made->device_id.empty() && options_.strict) return bad("PIDF: deviceID is missing", e);
        return {};
    }

    Arena& arena_;
    const ReadOptions& options_;
    /// Left as they are until they are set, for there are many.
    struct Seen {
        const char* data;
        std::size_t size;
    };
    std::array<Seen, 512> seen_;
    std::size_t ids_ = 0, notes_ = 0;
    Conformer conformer_{arena_};
};

}  // namespace

sip::Expected<Document*> read(std::string_view bytes, Arena& arena, const ReadOptions& options) {
    const auto root = parse_xml(bytes, arena, options.xml);
    if (!root) return tl::unexpected(root.error());
    auto* document = arena.make<Document>();
    if (document == nullptr) return tl::unexpected(arena.refusal());
    if (const Status status = Reader(arena, options).document(**root, *document))
        return tl::unexpected(*status);
    return document;
}

}  // namespace pidf
