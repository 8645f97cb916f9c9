#include "pidf/xml_guard.hpp"

#include <array>
#include <cstring>

#include "pidf/run.hpp"
#include "pidf/unicode.hpp"
#include "sip/base/text.hpp"

namespace pidf {
namespace {

using sip::Condition;

constexpr std::uint32_t depth_most = 64;
constexpr std::uint32_t attributes_most = 64;
static_assert(sip::scan::VectorBlock::size <= xml_padding);

/// Of a text without other control characters.
bool is_space(char c) { return static_cast<unsigned char>(c - 1) < 0x20; }

/// The first character from `at` on that is not of `Run`.
template <class Run>
const char* run_to(const char* at) {
    if constexpr (sip::built_for_size) {
        while (Run::has(*at)) ++at;
        return at;
    } else {
        return sip::scan::sure_end<Run>(at);
    }
}
class Guard {
public:
    /// The text is followed by zero bytes, which end every run and every word that is looked for.
    Guard(std::string_view text, const XmlLimits& limits)
        : limits_(limits), text_(text.data()), end_(text.data() + text.size()), at_(text_) {}

    sip::Fault run(bool utf16) {
        if (declaration(utf16) && document()) return {};
        return error_;
    }
    bool is_plain() const { return plain_; }

private:
    /// Of a name; left as it is until it is set, for there are many.
    struct Place {
        const char* begin;
        std::size_t size;
    };

    // What fails says why, and is false.
    bool fail(Condition condition, sip::StaticText rule, const char* at) {
        error_ = {condition, rule, static_cast<std::uint32_t>(at - text_)};
        return false;
    }
    SIP_CALL_FOR_SIZE bool bad(sip::StaticText rule, const char* at) {
        return fail(Condition::malformed, rule, at);
    }
    SIP_CALL_FOR_SIZE bool too_large(sip::StaticText rule, const char* at) {
        return fail(Condition::body_too_large, rule, at);
    }

    /// Whether this stands here, which is shorter than the padding.
    bool starts(std::string_view what) const {
        return std::memcmp(at_, what.data(), what.size()) == 0;
    }
    bool skip_space() {
        const char* const start = at_;
        while (is_space(*at_)) ++at_;
        return at_ != start;
    }
    std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }
    static std::string_view between(const char* begin, const char* end) {
        return {begin, static_cast<std::size_t>(end - begin)};
    }
    bool skip_past(std::string_view end) {
        const auto found = rest().find(end);
        if (found == std::string_view::npos) return false;
        at_ += found + end.size();
        return true;
    }
    /// The end of the NCName that starts at `first`; `first` when there is none.
    const char* end_of_name(const char* first) const {
        const char* at = sip::is_alpha(*first) || *first == '_' ? run_to<run::Name>(first) : first;
        while (!is_ascii(*at)) {
            const Decoded c = decode_utf8(between(at, end_), 0);
            if (!(at == first ? is_name_start(c.code) : is_name_char(c.code))) break;
            at = run_to<run::Name>(at + c.size);
        }
        return at;
    }
    /// NCName [ ":" NCName ]. False: there is none.
    bool qualified_name(std::string_view& name) {
        const char* const first = at_;
        const char* end = end_of_name(first);
        if (end == first) return false;
        if (*end == ':') {
            const char* const local = end + 1;
            end = end_of_name(local);
            if (end == local) return false;
        }
        name = between(first, end);
        at_ = end;
        return true;
    }

    /// One pseudo-attribute of the declaration: its value, or nothing. False: malformed.
    bool pseudo(std::string_view name, std::string_view& value) {
        const char* const start = at_;
        if (!skip_space() || !starts(name)) {
            at_ = start;
            return true;
        }
        at_ += name.size();
        skip_space();
        if (*at_ != '=') return false;
        ++at_;
        skip_space();
        const char quote = *at_;
        if (quote != '"' && quote != '\'') return false;
        const char* end = at_ + 1;
        while (*end != quote && *end != '\0') ++end;
        if (*end != quote || end == at_ + 1) return false;
        value = between(at_ + 1, end);
        at_ += value.size() + 2;
        return true;
    }
    bool declaration(bool utf16) {
        if (!starts("<?xml") || !is_space(at_[5])) return true;
        at_ += 5;
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
            !(utf16 && sip::equal_ignoring_case(encoding, "UTF-16")))
            return fail(Condition::media_not_supported, "XML: encoding is not UTF-8", text_);
        if (!standalone.empty() && standalone != "yes" && standalone != "no")
            return bad("XML: declaration is malformed", at_);
        at_ += 2;
        return true;
    }

    bool comment() {
        const char* const start = at_;
        at_ += 4;
        if (!skip_past("--")) return bad("XML: comment has no end", start);
        if (*at_ != '>') return bad("XML: -- within a comment", at_ - 2);
        ++at_;
        return true;
    }
    bool instruction() {
        const char* const start = at_;
        at_ += 2;
        std::string_view target;
        if (!qualified_name(target) || target.find(':') != std::string_view::npos)
            return bad("XML: processing instruction has no target", start);
        if (sip::equal_ignoring_case(target, "xml"))
            return bad("XML: declaration stands not at the start", start);
        if (!is_space(*at_) && !starts("?>"))
            return bad("XML: processing instruction is malformed", at_);
        return skip_past("?>") || bad("XML: processing instruction has no end", start);
    }
    bool reference() {
        const char* const start = at_++;
        plain_ = false;
        for (std::string_view name : {"amp;", "lt;", "gt;", "quot;", "apos;"})
            if (starts(name)) {
                at_ += name.size();
                return true;
            }
        if (*at_ != '#') return bad("XML: entity is not declared", start);
        ++at_;
        const unsigned base = *at_ == 'x' ? 16 : 10;
        if (base == 16) ++at_;
        std::uint32_t code = 0;
        const char* const digits = at_;
        for (; *at_ != ';'; ++at_) {
            const int digit = sip::hex_value(*at_);
            if (digit < 0 || static_cast<unsigned>(digit) >= base || code > 0x10FFFF)
                return bad("XML: character reference is malformed", start);
            code = code * base + static_cast<unsigned>(digit);
        }
        if (at_ == digits || !is_xml_char(code))
            return bad("XML: character reference is malformed", start);
        ++at_;
        return true;
    }

    bool attribute_value() {
        const char quote = *at_;
        if (quote != '"' && quote != '\'') return bad("XML: attribute value has no quotes", at_);
        const char* const start = at_++;
        for (;;) {
            at_ = quote == '"' ? run_to<run::Value<'"'>>(at_) : run_to<run::Value<'\''>>(at_);
            if (*at_ == quote) break;
            if (at_ == end_) return bad("XML: attribute value has no end", start);
            if (*at_ == '<') return bad("XML: < within an attribute value", at_);
            if (*at_ == '&') {
                if (!reference()) return false;
            } else {
                plain_ = false;
                ++at_;
            }
        }
        ++at_;
        return true;
    }
    /// All attributes of a tag; `at_` stands behind its name.
    bool attributes() {
        std::array<Place, attributes_most> names;
        for (std::uint32_t count = 0;; ++count) {
            const bool space = skip_space();
            if (*at_ == '>' || (*at_ == '/' && at_[1] == '>')) return true;
            const char* const start = at_;
            std::string_view name;
            if (!qualified_name(name) || !space) return bad("XML: attribute name expected", start);
            for (std::uint32_t i = 0; i < count; ++i)
                if (names[i].size == name.size() &&
                    std::memcmp(names[i].begin, start, name.size()) == 0)
                    return bad("XML: attribute stands twice", start);
            if (count >= limits_.attributes || count >= names.size())
                return too_large("XML: too many attributes", start);
            names[count] = {start, name.size()};
            skip_space();
            if (*at_ != '=') return bad("XML: = expected behind the attribute name", at_);
            ++at_;
            skip_space();
            if (!attribute_value()) return false;
        }
    }
    bool start_tag() {
        const char* const start = at_++;
        std::string_view name;
        if (!qualified_name(name)) return bad("XML: element name is malformed", at_);
        if (depth_ == 0 && had_root_) return bad("XML: more than one root element", start);
        had_root_ = true;
        if (++elements_ > limits_.elements) return too_large("XML: too many elements", start);
        if (depth_ >= limits_.depth || depth_ >= depth_most)
            return too_large("XML: elements are nested too deeply", start);
        if (*at_ != '>' && !attributes()) return false;
        if (*at_ == '/') {
            at_ += 2;
            return true;
        }
        ++at_;
        open_[depth_++] = {start + 1, name.size()};
        return true;
    }
    bool end_tag() {
        const char* const start = at_;
        at_ += 2;
        const Place wanted = depth_ == 0 ? Place{at_, 0} : open_[depth_ - 1];
        if (wanted.size == 0 || wanted.size > static_cast<std::size_t>(end_ - at_) ||
            std::memcmp(at_, wanted.begin, wanted.size) != 0)
            return bad("XML: end tag does not match", start);
        const char* const behind = at_ + wanted.size;
        if (*behind != '>') {
            std::string_view name;
            if (!qualified_name(name) || at_ != behind)
                return bad("XML: end tag does not match", start);
            skip_space();
            if (*at_ != '>') return bad("XML: end tag is malformed", at_);
        } else {
            at_ = behind;
        }
        ++at_;
        --depth_;
        return true;
    }
    bool character_data() {
        const char* const begin = at_;
        skip_space();
        if (*at_ == '<' || at_ == end_) return true;
        at_ = depth_ == 0 ? at_ : begin;
        if (starts("]]>")) return bad("XML: ]]> within text", at_);
        if (depth_ == 0) return bad("XML: text outside the root element", at_);
        plain_ &= *at_ != '\r';
        if (*at_ == '&') return reference();
        at_ = run_to<run::Until<'<', '&', ']', '\r', '\0'>>(at_ + 1);
        plain_ &= *at_ != '\r';
        return true;
    }
    bool markup() {
        switch (at_[1]) {
            case '/': return end_tag();
            case '?': return instruction();
            case '!': break;
            default: return start_tag();
        }
        if (starts("<!--")) return comment();
        if (!starts("<![CDATA[")) return bad("XML: document type is refused", at_);
        if (depth_ == 0) return bad("XML: text outside the root element", at_);
        plain_ = false;
        const char* const start = at_;
        return skip_past("]]>") || bad("XML: CDATA section has no end", start);
    }
    bool document() {
        while (at_ != end_)
            if (!(*at_ == '<' ? markup() : character_data())) return false;
        if (depth_ > 0) return bad("XML: element has no end", end_);
        if (!had_root_) return bad("XML: root element is missing", end_);
        return true;
    }

    const XmlLimits& limits_;
    const char* const text_;
    const char* const end_;
    const char* at_;
    std::array<Place, depth_most> open_;
    std::uint32_t depth_ = 0, elements_ = 0;
    bool had_root_ = false;
    bool plain_ = true;
    sip::Error error_;
};

}  // namespace

sip::Fault check_xml(std::string_view text, char* copy, const XmlLimits& limits,
                     bool encoding_utf16, bool* plain) {
    if (text.size() > limits.bytes)
        return sip::Error{Condition::body_too_large, "XML: document is too large",
                          static_cast<std::uint32_t>(limits.bytes)};
    // All characters first, so that what follows may look at bytes.
    if (!copy_run<run::Allowed>(copy, text))
        if (const TextFault fault = find_fault(text); fault.any)
            return sip::Error{
                Condition::malformed,
                fault.encoding ? "XML: bytes are not UTF-8" : "XML: character is not allowed",
                static_cast<std::uint32_t>(fault.at)};
    std::memset(copy + text.size(), 0, xml_padding);
    Guard guard({copy, text.size()}, limits);
    const sip::Fault fault = guard.run(encoding_utf16);
    if (plain != nullptr) *plain = guard.is_plain();
    return fault;
}

}  // namespace pidf
