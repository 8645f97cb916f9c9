#include "pidf/writer.hpp"

#include <array>

#include "pidf/escape.hpp"
#include "pidf/lexical.hpp"
#include "pidf/namespaces.hpp"

namespace pidf {
namespace {

class Writer {
public:
    explicit Writer(sip::Appender& out) : out_(out) {}

    bool collect(const Document& document) {
        bool fits = true;
        const auto take = [&](const List<Element>& list) {
            for (Element& root : list) fits = fits && collect(root);
        };
        for_tuples(document, take);
        fits = fits && use_data_model(document);
        for_others(document, take);
        return fits;
    }
    /// Takes extensions out of the document whose namespaces do not fit beside those before.
    void fit(Document& document) {
        const auto take = [&](List<Element>& list) {
            Element* next = list.first;
            list = {};
            while (next != nullptr) {
                Element* root = next;
                next = root->next;
                const std::size_t before = count_;
                if (collect(*root))
                    list.push_back(root);
                else
                    count_ = before;
            }
        };
        use_data_model(document);
        for_tuples(document, take);
        for_others(document, take);
    }

    void write(const Document& document) {
        out_ << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<presence xmlns=\"" << pidf_namespace
             << '"';
        for (std::size_t i = 0; i < count_; ++i) {
            out_ << " xmlns:";
            prefix(used_[i].name());
            out_ << "=\"";
            escape(out_, used_[i].name(), true);
            out_ << '"';
        }
        // The default namespace does not reach attributes: they need a prefix.
        if (pidf_attributes_) out_ << " xmlns:pidf=\"" << pidf_namespace << '"';
        out_ << " entity=\"";
        if (is_any_uri(document.entity)) escape(out_, document.entity, true);
        out_ << "\">\n";
        for (const Tuple& tuple : document.tuples) write(tuple);
        notes(document.notes, "note");
        for (const Person& person : document.persons) write(person);
        for (const Device& device : document.devices) write(device);
        elements(document.extensions);
        out_ << "</presence>\n";
    }

private:
    /// Remembers a namespace for its declaration on the root.
    bool use(std::string_view ns) {
        if (ns.empty() || ns == pidf_namespace || ns == xml_namespace) return true;
        for (std::size_t i = 0; i < count_; ++i)
            if (used_[i].name() == ns) return true;
        if (count_ == used_.size()) return false;
        used_[count_++] = {ns.data(), ns.size()};
        return true;
    }
    bool use_data_model(const Document& document) {
        return (document.persons.empty() && document.devices.empty()) || use(data_model_namespace);
    }
    /// The lists of extensions, in the order in which they are written.
    template <class Each>
    static void for_tuples(const Document& document, Each each) {
        for (Tuple& tuple : document.tuples) {
            each(tuple.status_extensions);
            each(tuple.extensions);
        }
    }
    template <class Doc, class Each>
    static void for_others(Doc& document, Each each) {
        for (Person& person : document.persons) each(person.extensions);
        for (Device& device : document.devices) each(device.extensions);
        each(document.extensions);
    }
    bool collect(Element& root) {
        for (Element* e = &root; e != nullptr; e = next_in_tree(&root, e)) {
            if (e->is_text) continue;
            if (!use(e->ns)) return false;
            for (const Attribute& a : e->attributes) {
                pidf_attributes_ |= a.ns == pidf_namespace;
                if (!use(a.ns)) return false;
            }
        }
        return true;
    }
    void prefix(std::string_view ns) {
        if (ns == xml_namespace) {
            out_ << "xml";
        } else if (ns == data_model_namespace) {
            out_ << "dm";
        } else if (ns == rpid_namespace) {
            out_ << "rpid";
        } else {
            std::size_t i = 0;
            while (used_[i].name() != ns) ++i;
            out_ << "ns";
            out_.decimal(i + 1);
        }
    }
    void name_of(const Element& e) {
        if (!e.ns.empty() && e.ns != pidf_namespace) {
            prefix(e.ns);
            out_ << ':';
        }
        out_ << e.name;
    }
    static bool is_unprefixed(const Element& e) {
        return !e.is_text && (e.ns.empty() || e.ns == pidf_namespace);
    }
    /// What an unprefixed name means inside `e`: the namespace of the nearest unprefixed element.
    static std::string_view default_outside(const Element* root, const Element* e) {
        while (e != root) {
            e = e->parent;
            if (is_unprefixed(*e)) return e->ns;
        }
        return pidf_namespace;
    }
    void open_tag(const Element* root, const Element& e) {
        out_ << '<';
        name_of(e);
        if (is_unprefixed(e) && default_outside(root, &e) != e.ns)
            out_ << " xmlns=\"" << e.ns << '"';
        for (const Attribute& a : e.attributes) {
            out_ << ' ';
            if (a.ns == pidf_namespace) {
                out_ << "pidf:";
            } else if (!a.ns.empty()) {
                prefix(a.ns);
                out_ << ':';
            }
            out_ << a.name << "=\"";
            escape(out_, a.value, true);
            out_ << '"';
        }
        out_ << (e.children.empty() ? "/>" : ">");
    }
    void close_tag(const Element& e) {
        out_ << "</";
        name_of(e);
        out_ << '>';
    }
    /// A tree without recursion: children follow their parent, end tags on the way back up.
    void tree(const Element& top) {
        const Element* e = &top;
        for (;;) {
            if (e->is_text)
                escape(out_, e->text, false);
            else
                open_tag(&top, *e);
            if (!e->children.empty()) {
                e = e->children.first;
                continue;
            }
            while (e != &top && e->next == nullptr) {
                e = e->parent;
                close_tag(*e);
            }
            if (e == &top) return;
            e = e->next;
        }
    }
    void elements(const List<Element>& list) {
        for (const Element& e : list) {
            tree(e);
            out_ << '\n';
        }
    }
    void notes(const List<Note>& list, std::string_view name) {
        for (const Note& note : list) {
            out_ << '<' << name;
            if (is_language(note.lang)) {
                out_ << " xml:lang=\"";
                escape(out_, note.lang, true);
                out_ << '"';
            }
            out_ << '>';
            escape(out_, note.text, false);
            out_ << "</" << name << ">\n";
        }
    }
    void simple(std::string_view name, std::string_view text) {
        out_ << '<' << name << '>';
        escape(out_, text, false);
        out_ << "</" << name << ">\n";
    }
    void timestamp(std::string_view name, const Timestamp& stamp) {
        if (is_date_time(stamp.text)) simple(name, stamp.text);
    }
    void begin(std::string_view name, std::string_view id) {
        out_ << '<' << name << " id=\"";
        escape(out_, id, true);
        out_ << "\">\n";
    }
    void write(const Tuple& tuple) {
        begin("tuple", tuple.id);
        out_ << "<status>";
        if (tuple.basic)
            out_ << (*tuple.basic == Basic::open ? "<basic>open</basic>" : "<basic>closed</basic>");
        for (const Element& e : tuple.status_extensions) tree(e);
        out_ << "</status>\n";
        elements(tuple.extensions);
        if (!tuple.contact.empty() && is_any_uri(tuple.contact)) {
            out_ << "<contact";
            if (tuple.priority) priority(*tuple.priority);
            out_ << '>';
            escape(out_, tuple.contact, false);
            out_ << "</contact>\n";
        }
        notes(tuple.notes, "note");
        timestamp("timestamp", tuple.timestamp);
        out_ << "</tuple>\n";
    }
    void priority(std::uint16_t thousandths) {
        out_ << " priority=\"" << (thousandths >= 1000 ? "1" : "0");
        unsigned rest = thousandths % 1000U;
        if (rest > 0) out_ << '.';
        for (unsigned scale = 100; rest > 0; scale /= 10) {
            out_ << static_cast<char>('0' + rest / scale);
            rest %= scale;
        }
        out_ << '"';
    }
    void write(const Person& person) {
        begin("dm:person", person.id);
        elements(person.extensions);
        notes(person.notes, "dm:note");
        timestamp("dm:timestamp", person.timestamp);
        out_ << "</dm:person>\n";
    }
    void write(const Device& device) {
        if (device.device_id.empty() || !is_any_uri(device.device_id)) return;
        begin("dm:device", device.id);
        elements(device.extensions);
        simple("dm:deviceID", device.device_id);
        notes(device.notes, "dm:note");
        timestamp("dm:timestamp", device.timestamp);
        out_ << "</dm:device>\n";
    }

    sip::Appender& out_;
    /// Left as they are until they are set, for there are many.
    struct Namespace {
        const char* data;
        std::size_t size;

        std::string_view name() const { return {data, size}; }
    };
    std::array<Namespace, 48> used_;
    std::size_t count_ = 0;
    bool pidf_attributes_ = false;
};

}  // namespace

void fit_namespaces(Document& document) {
    sip::Appender nowhere({});
    Writer(nowhere).fit(document);
}

sip::Expected<void> write(const Document& document, sip::Appender& out) {
    Writer writer(out);
    if (!writer.collect(document))
        return sip::failure(sip::Condition::body_too_large, "PIDF: too many namespaces");
    writer.write(document);
    if (out.overflowed())
        return sip::failure(sip::Condition::body_too_large, "PIDF: document is too large");
    return {};
}

}  // namespace pidf
