#include "pidf/xml_guard.hpp"

#include <array>

#include "pidf/run.hpp"
#include "pidf/unicode.hpp"
#include "sip/base/text.hpp"

namespace pidf {
namespace {

using sip::Condition;
using sip::Expected;
using sip::failure;

constexpr std::uint32_t depth_most = 64;
constexpr std::uint32_t attributes_most = 64;

class Guard {
public:
    Guard(std::string_view text, const XmlLimits& limits, bool utf16)
        : text_(text), limits_(limits), utf16_(utf16) {}

    Expected<void> run() {
        if (text_.size() > limits_.bytes)
            return failure(Condition::body_too_large, "XML: document is too large", limits_.bytes);
        // All characters first, so that what follows may look at bytes.
        const TextFault fault = find_fault(text_);
        if (fault.encoding) return bad("XML: bytes are not UTF-8", fault.at);
        if (fault.any) return bad("XML: character is not allowed", fault.at);
        if (const auto declared = declaration(); !declared) return declared;
        return document();
    }

private:
    static tl::unexpected<sip::Error> bad(sip::StaticText rule, std::size_t offset) {
        return failure(Condition::malformed, rule, offset);
    }
    /// Of a name; left as it is until it is set, for there are many.
    struct Place {
        std::size_t begin, size;
    };
    std::string_view at(Place place) const { return sip::slice(text_, place.begin, place.size); }
    bool starts(std::string_view what) const { return sip::slice(text_, at_).starts_with(what); }
    bool done() const { return at_ >= text_.size(); }
    char peek() const { return done() ? '\0' : text_[at_]; }
    bool skip_space() {
        const std::size_t start = at_;
        while (!done() && is_xml_space(text_[at_])) ++at_;
        return at_ > start;
    }
    /// NCName [ ":" NCName ]; empty when there is none.
    std::string_view qualified_name() {
        const std::size_t start = at_;
        for (int part = 0; part < 2; ++part) {
            const std::size_t first = at_;
            for (;;) {
                if (at_ > first || sip::is_alpha(peek()) || peek() == '_')
                    at_ += run_size<run::Name>(text_, at_);
                if (done() || is_ascii(text_[at_])) break;
                const Decoded c = decode_utf8(text_, at_);
                if (c.size == 0 || !(at_ == first ? is_name_start(c.code) : is_name_char(c.code)))
                    break;
                at_ += c.size;
            }
            if (at_ == first) {
                at_ = start;
                return {};
            }
            if (part == 1 || peek() != ':') break;
            ++at_;
        }
        return sip::slice(text_, start, at_ - start);
    }
    bool skip_past(std::string_view end) {
        const auto found = text_.find(end, at_);
        if (found == std::string_view::npos) return false;
        at_ = found + end.size();
        return true;
    }

    /// One pseudo-attribute of the declaration: its value, or nothing. False: malformed.
    bool pseudo(std::string_view name, std::string_view& value) {
        const std::size_t start = at_;
        if (!skip_space() || !starts(name)) {
            at_ = start;
            return true;
        }
        at_ += name.size();
        skip_space();
        if (peek() != '=') return false;
        ++at_;
        skip_space();
        const char quote = peek();
        if (quote != '"' && quote != '\'') return false;
        const auto end = text_.find(quote, at_ + 1);
        if (end == std::string_view::npos || end == at_ + 1) return false;
        value = sip::slice(text_, at_ + 1, end - at_ - 1);
        at_ = end + 1;
        return true;
    }
    Expected<void> declaration() {
        if (!starts("<?xml") || text_.size() < 6 || !is_xml_space(text_[5])) return {};
        at_ = 5;
        std::string_view version, encoding, standalone;
        if (!pseudo("version", version) || !pseudo("encoding", encoding) ||
            !pseudo("standalone", standalone))
            return bad("XML: declaration is malformed", at_);
        skip_space();
        if (!starts("?>") || !version.starts_with("1.") || version.size() < 3)
            return bad("XML: declaration is malformed", at_);
        for (char c : sip::slice(version, 2))
            if (!sip::is_digit(c)) return bad("XML: version is malformed", at_);
        if (!encoding.empty() && !sip::equal_ignoring_case(encoding, "UTF-8") &&
            !sip::equal_ignoring_case(encoding, "US-ASCII") &&
            !(utf16_ && sip::equal_ignoring_case(encoding, "UTF-16")))
            return failure(Condition::media_not_supported, "XML: encoding is not UTF-8", 0);
        if (!standalone.empty() && standalone != "yes" && standalone != "no")
            return bad("XML: declaration is malformed", at_);
        at_ += 2;
        return {};
    }

    Expected<void> comment() {
        const std::size_t start = at_;
        at_ += 4;
        if (!skip_past("--")) return bad("XML: comment has no end", start);
        if (peek() != '>') return bad("XML: -- within a comment", at_ - 2);
        ++at_;
        return {};
    }
    Expected<void> instruction() {
        const std::size_t start = at_;
        at_ += 2;
        const std::string_view target = qualified_name();
        if (target.empty() || target.find(':') != std::string_view::npos)
            return bad("XML: processing instruction has no target", start);
        if (sip::equal_ignoring_case(target, "xml"))
            return bad("XML: declaration stands not at the start", start);
        if (!is_xml_space(peek()) && !starts("?>"))
            return bad("XML: processing instruction is malformed", at_);
        if (!skip_past("?>")) return bad("XML: processing instruction has no end", start);
        return {};
    }
    Expected<void> reference() {
        const std::size_t start = at_;
        ++at_;
        for (std::string_view name : {"amp;", "lt;", "gt;", "quot;", "apos;"})
            if (starts(name)) {
                at_ += name.size();
                return {};
            }
        if (peek() != '#') return bad("XML: entity is not declared", start);
        ++at_;
        const unsigned base = peek() == 'x' ? 16 : 10;
        if (base == 16) ++at_;
        std::uint32_t code = 0;
        std::size_t digits = 0;
        for (; !done() && peek() != ';'; ++at_, ++digits) {
            const int digit = sip::hex_value(peek());
            if (digit < 0 || static_cast<unsigned>(digit) >= base || code > 0x10FFFF)
                return bad("XML: character reference is malformed", start);
            code = code * base + static_cast<unsigned>(digit);
        }
        if (digits == 0 || done() || !is_xml_char(code))
            return bad("XML: character reference is malformed", start);
        ++at_;
        return {};
    }
    Expected<void> attribute_value() {
        const char quote = peek();
        if (quote != '"' && quote != '\'') return bad("XML: attribute value has no quotes", at_);
        const std::size_t start = at_++;
        for (;;) {
            at_ += quote == '"' ? run_size<run::Until<'"', '<', '&'>>(text_, at_)
                                : run_size<run::Until<'\'', '<', '&'>>(text_, at_);
            if (done()) return bad("XML: attribute value has no end", start);
            if (peek() == quote) break;
            if (peek() == '<') return bad("XML: < within an attribute value", at_);
            if (const auto r = reference(); !r) return r;
        }
        ++at_;
        return {};
    }
    /// All attributes of a tag; `at_` stands behind its name.
    Expected<void> attributes() {
        std::array<Place, attributes_most> names;
        std::size_t count = 0;
        for (;;) {
            const bool space = skip_space();
            if (peek() == '>' || starts("/>")) return {};
            const std::size_t start = at_;
            const std::string_view name = qualified_name();
            if (name.empty() || !space) return bad("XML: attribute name expected", start);
            for (std::size_t i = 0; i < count; ++i)
                if (at(names[i]) == name) return bad("XML: attribute stands twice", start);
            if (count >= limits_.attributes || count >= names.size())
                return failure(Condition::body_too_large, "XML: too many attributes", start);
            names[count++] = {start, name.size()};
            skip_space();
            if (peek() != '=') return bad("XML: = expected behind the attribute name", at_);
            ++at_;
            skip_space();
            if (const auto value = attribute_value(); !value) return value;
        }
    }
    Expected<void> start_tag() {
        const std::size_t start = at_++;
        const std::string_view name = qualified_name();
        if (name.empty()) return bad("XML: element name is malformed", at_);
        if (depth_ == 0 && had_root_) return bad("XML: more than one root element", start);
        had_root_ = true;
        if (++elements_ > limits_.elements)
            return failure(Condition::body_too_large, "XML: too many elements", start);
        if (depth_ >= limits_.depth || depth_ >= depth_most)
            return failure(Condition::body_too_large, "XML: elements are nested too deeply", start);
        if (const auto read = attributes(); !read) return read;
        if (peek() == '/') {
            at_ += 2;
            return {};
        }
        ++at_;
        open_[depth_++] = {start + 1, name.size()};
        return {};
    }
    Expected<void> end_tag() {
        const std::size_t start = at_;
        at_ += 2;
        const std::string_view wanted = depth_ == 0 ? std::string_view{} : at(open_[depth_ - 1]);
        if (wanted.empty() || !starts(wanted)) return bad("XML: end tag does not match", start);
        at_ += wanted.size();
        if (peek() == '>') {
            ++at_;
            --depth_;
            return {};
        }
        at_ = start + 2;
        if (qualified_name() != wanted) return bad("XML: end tag does not match", start);
        skip_space();
        if (peek() != '>') return bad("XML: end tag is malformed", at_);
        ++at_;
        --depth_;
        return {};
    }
    Expected<void> character_data() {
        if (peek() == '&') {
            if (depth_ == 0) return bad("XML: text outside the root element", at_);
            return reference();
        }
        if (starts("]]>")) return bad("XML: ]]> within text", at_);
        if (depth_ == 0 && !is_xml_space(peek()))
            return bad("XML: text outside the root element", at_);
        ++at_;
        if (depth_ > 0)
            at_ += run_size<run::Until<'<', '&', ']'>>(text_, at_);
        else
            skip_space();
        return {};
    }
    Expected<void> markup() {
        const char kind = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
        if (kind == '/') return end_tag();
        if (kind == '?') return instruction();
        if (kind != '!') return start_tag();
        if (starts("<!--")) return comment();
        if (starts("<![CDATA[")) {
            if (depth_ == 0) return bad("XML: text outside the root element", at_);
            const std::size_t start = at_;
            if (!skip_past("]]>")) return bad("XML: CDATA section has no end", start);
            return {};
        }
        return bad("XML: document type is refused", at_);
    }
    Expected<void> document() {
        while (!done()) {
            const auto step = peek() == '<' ? markup() : character_data();
            if (!step) return step;
        }
        if (depth_ > 0) return bad("XML: element has no end", text_.size());
        if (!had_root_) return bad("XML: root element is missing", text_.size());
        return {};
    }

    std::string_view text_;
    const XmlLimits& limits_;
    bool utf16_;
    std::size_t at_ = 0;
    std::array<Place, depth_most> open_;
    std::uint32_t depth_ = 0, elements_ = 0;
    bool had_root_ = false;
};

}  // namespace

Expected<void> check_xml(std::string_view text, const XmlLimits& limits, bool encoding_utf16) {
    return Guard(text, limits, encoding_utf16).run();
}

}  // namespace pidf
