#pragma once

#include <cstring>
#include <string_view>

#include "sip/base/scan.hpp"

namespace pidf {

/// Runs of characters, many of which are looked at once (sip/base/scan.hpp).
namespace run {

constexpr bool is_no_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte <= 0x7f;
}

/// Char of XML 1.0 below 0x80.
struct Allowed {
    template <class Block>
    static auto in(const Block& block) {
        return block.inside(' ', '\x7f') | block.equal('\n') | block.equal('\t') |
               block.equal('\r');
    }
    static constexpr bool has(char c) {
        return is_no_control(c) || c == '\n' || c == '\t' || c == '\r';
    }
};
/// Below 0x80, what means nothing in XML but itself, wherever it stands.
struct Plain {
    template <class Block>
    static auto in(const Block& block) {
        return block.inside(' ', '\x7f')
            .without(block.equal('&') | block.equal('<') | block.equal('>') | block.equal('"') |
                     block.equal('\'') | block.equal(']'));
    }
    static constexpr bool has(char c) {
        return is_no_control(c) && c != '&' && c != '<' && c != '>' && c != '"' && c != '\'' &&
               c != ']';
    }
};
/// NCNameChar of XML 1.0 below 0x80.
struct Name {
    template <class Block>
    static auto in(const Block& block) {
        return block.letters() | block.inside('-', '9').without(block.equal('/')) |
               block.equal('_');
    }
    static constexpr bool has(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               (c >= '-' && c <= '9' && c != '/') || c == '_';
    }
};
/// Of a URI, escapes, brackets and the fragment's mark aside, below 0x80.
struct Uri {
    template <class Block>
    static auto in(const Block& block) {
        return block.letters() |
               block.inside('!', ';').without(block.equal('"') | block.equal('#') |
                                              block.equal('%')) |
               block.inside('?', '@') | block.equal('=') | block.equal('_') | block.equal('~');
    }
    static constexpr bool has(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               (c >= '!' && c <= ';' && c != '"' && c != '#' && c != '%') || c == '?' || c == '@' ||
               c == '=' || c == '_' || c == '~';
    }
};
/// What RapidXML takes for the name of an element and of an attribute, in a text that was checked.
struct ElementName {
    template <class Block>
    static auto in(const Block& block) {
        return (block.inside('\0', ' ') | block.equal('/') | block.equal('>') | block.equal('?'))
            .others();
    }
    static constexpr bool has(char c) {
        return static_cast<unsigned char>(c) > ' ' && c != '/' && c != '>' && c != '?';
    }
};
struct AttributeName {
    template <class Block>
    static auto in(const Block& block) {
        return ElementName::in(block).without(block.equal('<') | block.equal('=') |
                                              block.equal('!'));
    }
    static constexpr bool has(char c) {
        return ElementName::has(c) && c != '<' && c != '=' && c != '!';
    }
};
/// Of the value of an attribute in such quotes: what means itself, blanks but a space aside.
template <char quote>
struct Value {
    template <class Block>
    static auto in(const Block& block) {
        return (block.equal(quote) | block.equal('<') | block.equal('&') |
                block.inside('\0', '\x1f'))
            .others();
    }
    static constexpr bool has(char c) {
        return c != quote && c != '<' && c != '&' && static_cast<unsigned char>(c) >= 0x20;
    }
};
/// All but these.
template <char... Ends>
struct Until {
    template <class Block>
    static auto in(const Block& block) {
        return (block.equal(Ends) | ...).others();
    }
    static constexpr bool has(char c) { return ((c != Ends) && ...); }
};

}  // namespace run

/// How many of the characters of `text` from `at` on, one after the other, are of `Run`.
template <class Run>
std::size_t run_size(std::string_view text, std::size_t at = 0) {
    const char* const begin = text.data();
    const char* const from = begin + at;
    return static_cast<std::size_t>(sip::scan::find_end<Run>(begin, from, begin + text.size()) -
                                    from);
}

/// Copies `text`, and says whether all of it is of `Run`.
template <class Run>
bool copy_run(char* to, std::string_view text) {
    if constexpr (sip::built_for_size) {
        std::memcpy(to, text.data(), text.size());
        return run_size<Run>(text) == text.size();
    } else {
        return text.size() >= sip::scan::VectorBlock::size
                   ? sip::scan::copy_run<Run>(to, text)
                   : sip::scan::copy_short_run<Run>(to, text);
    }
}

}  // namespace pidf
