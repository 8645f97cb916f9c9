#include "presence/service_capabilities.hpp"

#include "pidf/conformer.hpp"
#include "pidf/schema.hpp"
#include "sip/base/buffer.hpp"
#include "sip/base/text.hpp"

namespace presence {
namespace {

using pidf::Element;
using Kind = sip::FeatureValue::Kind;

/// A feature tag and the element that stands for it.
struct Named {
    sip::StaticText tag, element;
};
constexpr Named booleans[] = {{"application", "application"},
                              {"audio", "audio"},
                              {"automata", "automata"},
                              {"control", "control"},
                              {"data", "data"},
                              {"isfocus", "isfocus"},
                              {"+sip.message", "message"},  // RFC 4569
                              {"text", "text"},
                              {"video", "video"}};
/// Those that list what is supported and what is not; `names`: what may stand in either.
struct Listed {
    sip::StaticText tag, element;
    pidf::Type names;
};
constexpr Listed lists[] = {{"actor", "actor", pidf::Type::actor_names},
                            {"class", "class", pidf::Type::class_names},
                            {"duplex", "duplex", pidf::Type::duplex_names},
                            {"events", "event-packages", pidf::Type::event_names},
                            {"extensions", "extensions", pidf::Type::extension_names},
                            {"language", "languages", pidf::Type::language_names},
                            {"methods", "methods", pidf::Type::method_names},
                            {"priority", "priority", pidf::Type::priority_ranges},
                            {"schemes", "schemes", pidf::Type::scheme_names}};
constexpr Listed mobility{"mobility", "mobility", pidf::Type::mobility_names};

/// Values of one tag that are looked at.
constexpr std::size_t values_max = 64;

/// The name that RFC 5196 has for a token; empty: none.
std::string_view name_of(pidf::Type names, std::string_view token) {
    // Names that the schema spells in another way than the option tags are registered.
    if (names == pidf::Type::extension_names) {
        if (sip::equal_ignoring_case(token, "100rel")) token = "rel100";
        if (sip::equal_ignoring_case(token, "histinfo")) token = "hist-info";
    }
    for (const pidf::Child& child : pidf::row(names).children) {
        std::string_view rest = child.names;
        while (!rest.empty()) {
            const sip::Halves halves = sip::split_at(rest, ' ');
            if (sip::equal_ignoring_case(halves.before, token)) return halves.before;
            rest = halves.after;
        }
    }
    return {};
}

class Builder {
public:
    Builder(pidf::Arena& arena, const sip::CalleeCapabilities& capabilities)
        : arena_(arena), capabilities_(capabilities) {}

    /// Null and good(): nothing to say.
    Element* servcaps() {
        Element* root = make("servcaps");
        for (const Named& one : booleans)
            if (const auto truth = capabilities_.truth_of(one.tag))
                add(root, one.element, *truth ? "true" : "false");
        for (const Listed& one : lists) add_list(root, one);
        add_string(root, "description");
        add_string(root, "type");
        return finish(root);
    }
    Element* devcaps() {
        Element* root = make("devcaps");
        add_list(root, mobility);
        return finish(root);
    }
    bool good() const { return good_; }

private:
    Element* make(std::string_view name) {
        Element* e = good_ ? pidf::make_element(arena_, pidf::caps_namespace, name) : nullptr;
        good_ = e != nullptr;
        return e;
    }
    Element* add(Element* to, std::string_view name, std::string_view text = {}) {
        Element* e = make(name);
        if (e == nullptr || to == nullptr) return nullptr;
        if (!text.empty()) {
            Element* inside = pidf::make_text(arena_, text);
            good_ = inside != nullptr;
            if (!good_) return nullptr;
            pidf::append(*e, inside);
        }
        pidf::append(*to, e);
        return e;
    }
    /// RFC 5196 5: the order of the schema, and nothing that it has not.
    Element* finish(Element* root) {
        if (!good_ || root->children.empty()) return nullptr;
        pidf::Conformer conformer(arena_);
        const auto answer = conformer.conform(*root);
        good_ = answer != pidf::Conformer::Answer::refused;
        return answer == pidf::Conformer::Answer::kept ? root : nullptr;
    }

    void add_list(Element* root, const Listed& list) {
        auto values = capabilities_.find(list.tag);
        if (!values) return;
        Element* supported = make("supported");
        Element* not_supported = make("notsupported");
        for (std::size_t i = 0; good_ && i < values_max; ++i) {
            const auto value = values->next();
            if (!value) break;
            Element* to = value->negated ? not_supported : supported;
            if (list.names == pidf::Type::priority_ranges)
                add_range(to, *value);
            else if (value->kind == Kind::token)
                add_name(to, list.names, value->text);
        }
        if (!good_ || (supported->children.empty() && not_supported->children.empty())) return;
        Element* e = add(root, list.element);
        if (e == nullptr) return;
        for (Element* part : {supported, not_supported})
            if (!part->children.empty()) pidf::append(*e, part);
    }
    void add_name(Element* to, pidf::Type names, std::string_view token) {
        // Schemes and languages are texts in elements of one name.
        const bool by_text =
            names == pidf::Type::scheme_names || names == pidf::Type::language_names;
        const std::string_view name =
            by_text ? pidf::row(names).children.begin()->names.view() : name_of(names, token);
        if (name.empty()) return;
        for (const Element& known : to->children)
            if (known.name == name && (!by_text || known.simple_text() == token)) return;
        add(to, name, by_text ? token : std::string_view{});
    }
    /// Whole numbers alone can be written: what lies between them is not claimed.
    void add_range(Element* to, const sip::FeatureValue& value) {
        if (value.kind != Kind::number) return;
        const bool has_low = value.low != sip::FeatureValue::no_low;
        const bool has_high = value.high != sip::FeatureValue::no_high;
        const std::int64_t low = has_low ? divide(value.low, true) : 0;
        const std::int64_t high = has_high ? divide(value.high, false) : 0;
        if (has_low && has_high && low > high) return;
        if (has_low && has_high && low == high) {
            number(add(to, "equals"), "value", low);
            return;
        }
        // RFC 5196 5: its schema has "higherhan", and that is what is valid.
        Element* e = add(to, has_low && has_high ? "range" : has_low ? "higherhan" : "lowerthan");
        if (has_low) number(e, "minvalue", low);
        if (has_high) number(e, "maxvalue", high);
    }
    static std::int64_t divide(std::int64_t thousandths, bool up) {
        const std::int64_t whole = thousandths / 1000, left = thousandths % 1000;
        if (up) return left > 0 ? whole + 1 : whole;
        return left < 0 ? whole - 1 : whole;
    }
    void number(Element* e, std::string_view name, std::int64_t value) {
        if (e == nullptr) return;
        sip::Room<24> out;
        if (value < 0) out << '-';
        out << static_cast<std::uint64_t>(value < 0 ? -value : value);
        auto* made = arena_.make<pidf::Attribute>();
        good_ = made != nullptr && arena_.copy(out.view(), made->value);
        if (!good_) return;
        made->name = name;
        e->attributes.push_back(made);
    }
    void add_string(Element* root, std::string_view tag) {
        auto values = capabilities_.find(tag);
        const auto value = values ? values->next() : std::nullopt;
        if (!good_ || !value || value->kind != Kind::string || value->text.empty()) return;
        auto* room = static_cast<char*>(arena_.allocate(value->text.size()));
        good_ = room != nullptr;
        if (!good_) return;
        sip::Appender out({room, value->text.size()});
        for (std::size_t i = 0; i < value->text.size(); ++i) {
            // RFC 3261 25.1 quoted-pair.
            if (value->text[i] == '\\' && i + 1 < value->text.size()) ++i;
            out << value->text[i];
        }
        add(root, tag, out.view());
    }

    pidf::Arena& arena_;
    const sip::CalleeCapabilities& capabilities_;
    bool good_ = true;
};

}  // namespace

bool add_service_capabilities(pidf::Tuple& tuple, pidf::Arena& arena,
                              const sip::CalleeCapabilities& capabilities) {
    if (capabilities.empty()) return true;
    Builder builder(arena, capabilities);
    if (Element* made = builder.servcaps()) tuple.extensions.push_back(made);
    return builder.good();
}

bool add_device_capabilities(pidf::Device& device, pidf::Arena& arena,
                             const sip::CalleeCapabilities& capabilities) {
    if (capabilities.empty()) return true;
    Builder builder(arena, capabilities);
    if (Element* made = builder.devcaps()) device.extensions.push_back(made);
    return builder.good();
}

}  // namespace presence
