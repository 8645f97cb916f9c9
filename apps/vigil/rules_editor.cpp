#include "apps/vigil/rules_editor.hpp"

#include <algorithm>
#include <array>

#include "apps/vigil/console.hpp"
#include "apps/vigil/text.hpp"
#include "pidf/xml.hpp"
#include "presence/rules/ruleset.hpp"
#include "sip/base/memory.hpp"
#include "sip/message/uri.hpp"

namespace vigil {

namespace {

using edge::failure;
using edge::Outcome;
using presence::SubHandling;

constexpr std::string_view common = "urn:ietf:params:xml:ns:common-policy";
constexpr std::string_view pres_rules = "urn:ietf:params:xml:ns:pres-rules";
constexpr std::size_t memory_max = std::size_t{64} << 20;

std::string id_of(SubHandling handling) {
    return "vigil-" + std::string(presence::name_of(handling));
}

std::string attribute_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '"': out += "&quot;"; break;
            default: out += c;
        }
    }
    return out;
}

std::string transformations_of(SubHandling handling) {
    if (handling != SubHandling::allow) return "";
    return "    <transformations>\n"
           "      <pr:provide-services><pr:all-services/></pr:provide-services>\n"
           "      <pr:provide-persons><pr:all-persons/></pr:provide-persons>\n"
           "      <pr:provide-devices><pr:all-devices/></pr:provide-devices>\n"
           "      <pr:provide-all-attributes/>\n"
           "    </transformations>\n";
}

/// A rule of ours, whose identity condition holds `identity`.
std::string rule_of(const std::string& id, SubHandling handling, const std::string& identity) {
    return "  <rule xmlns=\"" + std::string(common) + "\" xmlns:pr=\"" + std::string(pres_rules) +
           "\" id=\"" + id + "\">\n    <conditions><identity>\n      " + identity +
           "\n    </identity></conditions>\n    <actions><pr:sub-handling>" +
           std::string(presence::name_of(handling)) + "</pr:sub-handling></actions>\n" +
           transformations_of(handling) + "  </rule>\n";
}

bool same_address(std::string_view a, std::string_view b) {
    const auto x = sip::parse_uri(a), y = sip::parse_uri(b);
    if (!x || !y) return a == b;
    const auto named = [](const sip::Uri& uri) {
        return uri.is_sip() || uri.scheme == sip::Scheme::pres;
    };
    if (!named(*x) || !named(*y)) return sip::equivalent(*x, *y);
    std::array<char, 512> room_x{}, room_y{};
    sip::Appender of_x(room_x), of_y(room_y);
    sip::write_address_of_record(of_x, *x);
    sip::write_address_of_record(of_y, *y);
    return !of_x.overflowed() && !of_y.overflowed() && of_x.view() == of_y.view();
}

/// Changes of a text, made together at the end.
class Patch {
public:
    explicit Patch(std::string_view text) : text_(text) {}

    void replace(std::size_t from, std::size_t to, std::string with) {
        changes_.push_back({from, to, std::move(with)});
    }
    void insert(std::size_t at, std::string what) { replace(at, at, std::move(what)); }
    std::string result() {
        std::stable_sort(changes_.begin(), changes_.end(),
                         [](const Change& a, const Change& b) { return a.from < b.from; });
        std::string out;
        std::size_t at = 0;
        for (const Change& change : changes_) {
            if (change.from < at) continue;  // inside what is gone already
            out += text_.substr(at, change.from - at);
            out += change.with;
            at = change.to;
        }
        out += text_.substr(at);
        return out;
    }

private:
    struct Change {
        std::size_t from, to;
        std::string with;
    };
    std::string_view text_;
    std::vector<Change> changes_;
};

/// Where an element stands in the text that it was read from.
struct Span {
    std::size_t begin = 0;   ///< of "<"
    std::size_t inside = 0;  ///< behind the start tag
    std::size_t end = 0;     ///< behind the end tag
    bool empty = false;      ///< "<name/>"
    std::string prefix;      ///< "cp:", or nothing
};

/// The end of the piece of markup that starts at `at` (a "<"), and what kind it is.
enum class Piece : std::uint8_t { start, empty, end, other };
std::size_t end_of_piece(std::string_view text, std::size_t at, Piece& kind) {
    const auto behind = [&](std::string_view mark, std::size_t from) {
        const auto found = text.find(mark, from);
        return found == std::string_view::npos ? text.size() : found + mark.size();
    };
    kind = Piece::other;
    const std::string_view rest = text.substr(at);
    if (rest.starts_with("<!--")) return behind("-->", at + 4);
    if (rest.starts_with("<![CDATA[")) return behind("]]>", at);
    if (rest.starts_with("<?")) return behind("?>", at);
    char quote = 0;
    for (std::size_t i = at; i < text.size(); ++i) {
        if (quote != 0) {
            if (text[i] == quote) quote = 0;
        } else if (text[i] == '"' || text[i] == '\'') {
            quote = text[i];
        } else if (text[i] == '>') {
            kind = rest.starts_with("</") ? Piece::end
                   : text[i - 1] == '/'   ? Piece::empty
                                          : Piece::start;
            return i + 1;
        }
    }
    return text.size();
}

Span span_of(std::string_view text, const pidf::Element& element) {
    Span span;
    span.begin = text.rfind('<', element.offset);
    const auto name_end = text.find_first_of(" \t\r\n/>", span.begin + 1);
    const std::string_view name = text.substr(span.begin + 1, name_end - span.begin - 1);
    if (const auto colon = name.find(':'); colon != std::string_view::npos)
        span.prefix = name.substr(0, colon + 1);
    Piece kind = Piece::start;
    span.inside = span.end = end_of_piece(text, span.begin, kind);
    span.empty = kind == Piece::empty;
    for (std::size_t depth = kind == Piece::start ? 1 : 0; depth > 0;) {
        const std::size_t next = text.find('<', span.end);
        if (next == std::string_view::npos) break;
        span.end = end_of_piece(text, next, kind);
        if (kind == Piece::start) ++depth;
        if (kind == Piece::end) --depth;
    }
    return span;
}

const pidf::Element* child_of(const pidf::Element* parent, std::string_view ns,
                              std::string_view name) {
    if (parent == nullptr) return nullptr;
    for (const pidf::Element& each : parent->children)
        if (each.is(ns, name)) return &each;
    return nullptr;
}

SubHandling handling_of(const pidf::Element& rule) {
    const auto* actions = child_of(&rule, common, "actions");
    const auto* element = child_of(actions, pres_rules, "sub-handling");
    const std::string_view text = element == nullptr ? "block" : element->simple_text();
    for (const auto each : {SubHandling::confirm, SubHandling::polite_block, SubHandling::allow})
        if (text == presence::name_of(each)) return each;
    return SubHandling::block;
}

class Editor {
public:
    Editor(std::string_view text, std::string_view watcher, SubHandling wanted)
        : text_(text), watcher_(watcher), wanted_(wanted), patch_(text) {}

    Outcome<EditedRules> edit(const pidf::Element& root) {
        const pidf::Element* ours = nullptr;
        for (const pidf::Element& rule : root.children) {
            if (!rule.is(common, "rule")) continue;
            const bool is_ours = rule.attribute("id") == id_of(wanted_);
            if (is_ours) ours = &rule;
            const bool is_kept = rule.attribute("id").starts_with("vigil-") && !is_ours;
            if (is_ours || (handling_of(rule) <= wanted_ && !is_kept)) continue;
            if (auto taken = take_out_of(rule, handling_of(rule) > wanted_); !taken)
                return failure(taken.error());
        }
        if (auto put = put_into(root, ours); !put) return failure(put.error());
        return EditedRules{patch_.result(), std::move(notes_)};
    }

private:
    std::string one() const { return "one id=\"" + attribute_text(watcher_) + "\"/>"; }

    /// `whole`: also where the rule is for many; else its name alone goes.
    Outcome<void> take_out_of(const pidf::Element& rule, bool whole) {
        const auto* conditions = child_of(&rule, common, "conditions");
        const auto* identity = child_of(conditions, common, "identity");
        if (identity == nullptr) return whole ? make_exception(rule, conditions) : Outcome<void>{};
        std::size_t left = 0, gone = 0;
        for (const pidf::Element& each : identity->children) {
            if (each.is_text) continue;
            if (each.is(common, "one") && same_address(each.attribute("id"), watcher_)) {
                remove_line(span_of(text_, each));
                ++gone;
                continue;
            }
            ++left;
            if (whole && each.is(common, "many")) except_from(rule, each);
        }
        // An identity without anybody would be for whom nobody vouches for (RFC 5025 3.1.1.2).
        if (gone > 0 && left == 0) remove_line(span_of(text_, rule));
        if (gone > 0) note(rule, "does not name " + watcher_ + " any more");
        return {};
    }
    void except_from(const pidf::Element& rule, const pidf::Element& many) {
        if (const std::string_view domain = many.attribute("domain"); !domain.empty()) {
            const auto uri = sip::parse_uri(watcher_);
            if (!uri || !sip::equal_ignoring_case(uri->host, domain)) return;
        }
        for (const pidf::Element& each : many.children)
            if (each.is(common, "except") && same_address(each.attribute("id"), watcher_)) return;
        const Span span = span_of(text_, many);
        const std::string except =
            "<" + span.prefix + "except id=\"" + attribute_text(watcher_) + "\"/>";
        if (span.empty) {
            const std::size_t slash = text_.rfind('/', span.end - 1);
            patch_.replace(slash, span.end, ">" + except + "</" + span.prefix + "many>");
        } else {
            patch_.insert(span.inside, except);
        }
        note(rule, "is for everybody it was for but " + watcher_);
    }
    /// A rule for everybody becomes one for everybody who is authenticated, but one.
    Outcome<void> make_exception(const pidf::Element& rule, const pidf::Element* conditions) {
        const auto made = [&](const std::string& prefix) {
            return "<" + prefix + "identity><" + prefix + "many><" + prefix + "except id=\"" +
                   attribute_text(watcher_) + "\"/></" + prefix + "many></" + prefix + "identity>";
        };
        if (conditions == nullptr) {
            const Span span = span_of(text_, rule);
            if (span.empty) return {};
            patch_.insert(span.inside, "<" + span.prefix + "conditions>" + made(span.prefix) +
                                           "</" + span.prefix + "conditions>");
        } else if (const Span span = span_of(text_, *conditions); span.empty) {
            const std::size_t slash = text_.rfind('/', span.end - 1);
            patch_.replace(slash, span.end,
                           ">" + made(span.prefix) + "</" + span.prefix + "conditions>");
        } else {
            patch_.insert(span.inside, made(span.prefix));
        }
        note(rule, "was for everybody; it is for everybody who is authenticated but " + watcher_);
        return {};
    }

    Outcome<void> put_into(const pidf::Element& root, const pidf::Element* ours) {
        if (ours == nullptr) {
            const Span span = span_of(text_, root);
            const std::string rule = rule_of(id_of(wanted_), wanted_, "<" + one());
            if (span.empty) {
                const std::size_t slash = text_.rfind('/', span.end - 1);
                patch_.replace(slash, span.end, ">\n" + rule + "</" + span.prefix + "ruleset>");
                return {};
            }
            std::size_t close = text_.rfind("</", span.end - 1);
            // Ours stands in lines of its own, before the one that the end tag is in.
            const std::size_t line = text_.find_last_of('\n', close);
            const bool alone =
                line != std::string_view::npos &&
                text_.substr(line + 1, close - line - 1).find_first_not_of(" \t\r") ==
                    std::string_view::npos;
            patch_.insert(alone ? line + 1 : close, (alone ? "" : "\n") + rule);
            return {};
        }
        const auto* identity = child_of(child_of(ours, common, "conditions"), common, "identity");
        if (identity == nullptr)
            return failure("rule " + id_of(wanted_) +
                           " is not as it was made; give it another id, or remove it");
        for (const pidf::Element& each : identity->children)
            if (each.is(common, "one") && same_address(each.attribute("id"), watcher_)) return {};
        const Span span = span_of(text_, *identity);
        if (span.empty)
            return failure("rule " + id_of(wanted_) +
                           " is not as it was made; give it another id, or remove it");
        patch_.insert(span.inside, "\n      <" + span.prefix + one());
        return {};
    }

    /// With the line that it stands in, where that holds nothing else.
    void remove_line(const Span& span) {
        const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
        std::size_t from = span.begin, to = span.end;
        while (from > 0 && is_blank(text_[from - 1])) --from;
        while (to < text_.size() && is_blank(text_[to])) ++to;
        const bool alone =
            from > 0 && text_[from - 1] == '\n' && to < text_.size() && text_[to] == '\n';
        if (alone)
            patch_.replace(from, to + 1, "");
        else
            patch_.replace(span.begin, span.end, "");
    }
    void note(const pidf::Element& rule, const std::string& what) {
        const std::string id(rule.attribute("id"));
        if (!id.starts_with("vigil-")) notes_.push_back("rule " + escape(id, 60) + " " + what);
    }

    std::string_view text_;
    std::string watcher_;
    SubHandling wanted_;
    Patch patch_;
    std::vector<std::string> notes_;
};

/// What `document` says about the watcher at the moment; the error says what is wrong with it.
Outcome<SubHandling> outcome_of(std::string_view document, std::string_view watcher,
                                sip::Memory& memory) {
    const auto rules = presence::Ruleset::read(document, memory, {});
    if (!rules) {
        const Place place = place_of(document, rules.error().offset);
        return failure(std::to_string(place.line) + ":" + std::to_string(place.column) + ": " +
                       escape(rules.error().rule));
    }
    pidf::Arena arena(memory, memory_max);
    presence::Circumstances circumstances;
    circumstances.identities = {&watcher, 1};
    circumstances.wall_ms = wall_clock_ms();
    const auto verdict = rules->evaluate(circumstances, arena);
    if (!verdict) return failure(std::string(verdict.error().rule));
    return verdict->permissions.handling;
}

}  // namespace

std::string make_rules(SubHandling others) {
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ruleset xmlns=\"" + std::string(common) +
           "\">\n" + rule_of("everybody-else", others, "<many/>") + "</ruleset>\n";
}

Outcome<EditedRules> decide_about(std::string_view document, std::string_view watcher,
                                  SubHandling handling) {
    sip::Memory memory(memory_max);
    const auto before = outcome_of(document, watcher, memory);
    if (!before) return failure(before.error());
    // Whoever may see something by rules of a person's own is not shown more.
    if (*before == SubHandling::allow && handling == SubHandling::allow)
        return EditedRules{std::string(document), {}};
    pidf::Arena arena(memory, memory_max);
    const auto root = pidf::parse_xml(document, arena, {});
    if (!root) return failure(std::string(root.error().rule));
    auto edited = Editor(document, watcher, handling).edit(**root);
    if (!edited) return edited;
    const auto after = outcome_of(edited->document, watcher, memory);
    if (!after) return failure("what was made of it is no good, and not kept: " + after.error());
    if (*after != handling)
        return failure("rules by hand still give " + std::string(presence::name_of(*after)) +
                       "; nothing was changed");
    return edited;
}

}  // namespace vigil
