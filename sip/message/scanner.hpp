#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "sip/base/inline.hpp"
#include "sip/base/scan.hpp"
#include "sip/base/text.hpp"
#include "sip/message/character.hpp"

namespace sip {

/// Of the 64 bytes from `at` on, those that end words (`scan::Word`), and all from `end` on; the
/// first one lowest. `begin` is how far back may be read.
std::uint64_t word_ends(const char* begin, const char* at, const char* end);
/// The next 64 of them behind those from `from` on in which a word ends. Told and given by value,
/// so that what is known of them can stay in registers.
struct WordWindow {
    const char* from;
    std::uint64_t ends;  ///< not 0
};
WordWindow next_window(const char* from, const char* end);

/// Walks over one header value: tokens, quoted strings, white space with folds. Keeps its place,
/// which is where an error is.
class Scanner {
public:
    explicit Scanner(std::string_view text)
        : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), window_(begin_) {}

    bool done() const { return at_ == end_; }
    /// 0 at the end.
    char peek() const { return done() ? '\0' : *at_; }
    std::size_t at() const { return static_cast<std::size_t>(at_ - begin_); }
    std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }
    /// A place to come back to: cheaper than `at`.
    const char* mark() const { return at_; }
    std::string_view since(const char* mark) const {
        return {mark, static_cast<std::size_t>(at_ - mark)};
    }
    void skip(std::size_t count) { at_ += count; }
    void go_back(const char* mark) { at_ = mark; }
    std::size_t at(const char* mark) const { return static_cast<std::size_t>(mark - begin_); }

    bool take(char c) {
        if (done() || *at_ != c) return false;
        ++at_;
        return true;
    }
    void skip_lws() {
        while (!done() && is_lws(*at_)) ++at_;
    }
    /// `c` with any white space around it; nothing is taken when it is not there.
    bool take_separator(char c) {
        if (done()) return false;
        if (*at_ != c) {
            if (!is_lws(*at_)) return false;
            const char* const start = at_;
            skip_lws();
            if (peek() != c || done()) {
                at_ = start;
                return false;
            }
        }
        ++at_;
        skip_lws();
        return true;
    }
    /// As many as `accept` takes; empty when the first is another.
    template <class Accept>
    std::string_view take_while(Accept accept) {
        const char* const start = at_;
        while (!done() && accept(*at_)) ++at_;
        return {start, static_cast<std::size_t>(at_ - start)};
    }
    /// All before `c`, which is in no word, or all that is left.
    std::string_view take_until(char c) {
        const char* const start = at_;
        const char* end = word_end(at_);
        while (end != end_ && *end != c) end = word_end(end + 1);
        at_ = end;
        return {start, static_cast<std::size_t>(end - start)};
    }
    /// All digits that stand here; nothing when there is none, or they are more than `max`.
    std::optional<std::uint64_t> take_decimal(std::uint32_t max) {
        const char* const start = at_;
        const char* at = start;
        std::uint64_t value = 0;
        for (; at != end_ && is_digit(*at); ++at)
            if (value <= max) value = 10 * value + static_cast<std::uint64_t>(*at - '0');
        at_ = at;
        if (at == start || value > max) return {};
        return value;
    }
    std::string_view take_token() { return take_run(Class::token); }
    /// As many as are of `which`.
    SIP_ALWAYS_INLINE std::string_view take_run(Class which) {
        const char* const start = at_;
        const char* end = word_end(at_);
        while (end != end_ && is(*end, which)) end = word_end(end + 1);
        at_ = end;
        return {start, static_cast<std::size_t>(end - start)};
    }
    /// A quoted-string: what is between the quotes, escapes kept. Nothing (and nothing taken) when
    /// there is none, when it does not end, or holds a control byte that is not escaped.
    std::optional<std::string_view> take_quoted() {
        if (peek() != '"') return {};
        for (const char* i = word_end(at_ + 1); i != end_; i = word_end(i + 1)) {
            const char c = *i;
            if (c == '\\') {
                // RFC 3261 25.1 quoted-pair: any ASCII but CR and LF.
                if (++i == end_ || *i == '\r' || *i == '\n') return {};
            } else if (c == '"') {
                const std::string_view inside{at_ + 1, static_cast<std::size_t>(i - at_ - 1)};
                at_ = i + 1;
                return inside;
            } else if (is_control(c) && !is_lws(c)) {
                return {};
            }
        }
        return {};
    }

private:
    /// The first from `at` on that is no letter, digit, hyphen or dot, which are of every class;
    /// or the end. What is known of 64 bytes at a time is kept.
    SIP_ALWAYS_INLINE const char* word_end(const char* at) {
        const auto passed = static_cast<std::size_t>(at - window_);
        if (passed < 64)
            if (const std::uint64_t ends = ends_ >> passed; ends != 0)
                return at + scan::lowest(ends);
        const WordWindow next = find_window(begin_, at, end_);
        if (next.ends == 0) __builtin_unreachable();
        window_ = next.from;
        ends_ = next.ends;
        return window_ + scan::lowest(ends_);
    }
    static WordWindow find_window(const char* begin, const char* at, const char* end);

    const char *begin_, *at_, *end_;
    const char* window_;
    std::uint64_t ends_ = 0;  ///< of the 64 bytes from `window_` on, those that end words
};

/// Where in a header value a backslash makes a quoted-pair: in a quoted-string and in a comment
/// (RFC 3261 25.1). Told each character that is not part of a pair.
class QuoteState {
public:
    bool takes_pairs() const { return quoted_ || comments_ > 0; }
    /// Whether `text`, which starts with a backslash, starts with a quoted-pair: CR, LF and bytes
    /// outside ASCII cannot be quoted.
    bool is_pair(std::string_view text) const {
        return takes_pairs() && text.size() > 1 && text[1] != '\r' && text[1] != '\n' &&
               static_cast<unsigned char>(text[1]) < 0x80;
    }
    void pass(char c) {
        if (c == '"' && comments_ == 0)
            quoted_ = !quoted_;
        else if (c == '(' && !quoted_)
            ++comments_;
        else if (c == ')' && !quoted_ && comments_ > 0)
            --comments_;
    }

private:
    bool quoted_ = false;
    std::size_t comments_ = 0;  ///< open parentheses
};

/// Whether a control byte stands in `value` that is neither white space nor in a quoted-pair.
bool has_control(std::string_view value);

/// Only white space is left.
inline bool is_blank(std::string_view text) {
    for (const char c : text)
        if (!is_lws(c)) return false;
    return true;
}

/// One element of a comma-separated list, taken off the front of `rest`: the text up to the first
/// comma outside quotes and <>, trimmed.
struct ListElement {
    std::string_view text;
    bool last = true;  ///< no comma came behind it
};
ListElement take_element(std::string_view& rest);

}  // namespace sip
