#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "sip/base/text.hpp"
#include "sip/message/character.hpp"

namespace sip {

/// Walks over one header value: tokens, quoted strings, white space with folds. Keeps its place,
/// which is where an error is.
class Scanner {
public:
    explicit Scanner(std::string_view text) : text_(text) {}

    bool done() const { return at_ == text_.size(); }
    /// 0 at the end.
    char peek() const { return done() ? '\0' : text_[at_]; }
    std::size_t at() const { return at_; }
    std::string_view rest() const { return text_.substr(at_); }
    std::string_view since(std::size_t start) const { return text_.substr(start, at_ - start); }
    void skip(std::size_t count) { at_ += count; }

    bool take(char c) {
        if (done() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    void skip_lws() {
        while (!done() && is_lws(text_[at_])) ++at_;
    }
    /// `c` with any white space around it; nothing is taken when it is not there.
    bool take_separator(char c) {
        const std::size_t start = at_;
        skip_lws();
        if (!take(c)) {
            at_ = start;
            return false;
        }
        skip_lws();
        return true;
    }
    /// As many as `accept` takes; empty when the first is another.
    template <class Accept>
    std::string_view take_while(Accept accept) {
        const std::size_t start = at_;
        while (!done() && accept(text_[at_])) ++at_;
        return since(start);
    }
    std::string_view take_token() { return take_while(is_token_char); }
    /// A quoted-string: what is between the quotes, escapes kept. Nothing (and nothing taken) when
    /// there is none, when it does not end, or holds a control byte that is not escaped.
    std::optional<std::string_view> take_quoted() {
        if (peek() != '"') return {};
        for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
            const char c = text_[i];
            if (c == '\\') {
                // RFC 3261 25.1 quoted-pair: any ASCII but CR and LF.
                if (++i == text_.size() || text_[i] == '\r' || text_[i] == '\n') return {};
            } else if (c == '"') {
                const std::string_view inside = text_.substr(at_ + 1, i - at_ - 1);
                at_ = i + 1;
                return inside;
            } else if (is_control(c) && !is_lws(c)) {
                return {};
            }
        }
        return {};
    }

private:
    std::string_view text_;
    std::size_t at_ = 0;
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

/// One element of a comma-separated list, taken off the front of `rest`: the text up to the first
/// comma outside quotes and <>, trimmed.
struct ListElement {
    std::string_view text;
    bool last = true;  ///< no comma came behind it
};
ListElement take_element(std::string_view& rest);

}  // namespace sip
