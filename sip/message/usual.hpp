#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sip/base/inline.hpp"
#include "sip/base/scan.hpp"
#include "sip/message/character.hpp"
#include "sip/message/cseq.hpp"
#include "sip/message/method_table.hpp"
#include "sip/message/name_addr.hpp"
#include "sip/message/name_word.hpp"
#include "sip/message/parameters.hpp"
#include "sip/message/uri.hpp"

/// Header values as nearly all are spelt: no white space where none is needed, no escapes, no
/// quoted-pairs. They go from one byte that ends a word to the next, and are read in one walk. What
/// is spelt otherwise, with faults or without, is told by null and read once more by those who know
/// all of the grammar; what is told to be fine here is fine there, and the same.
namespace sip::usual {

/// A part of a message that was scanned: behind it white space stands, so that no walk from word to
/// word leaves it unseen.
class Part {
public:
    /// `limit` is where the message ends; null: `text` may be any.
    Part(std::string_view text, const char* limit)
        : begin_(text.data()), end_(text.data() + text.size()), limit_(limit) {}

    /// Whether it is one, behind which sixteen bytes can be read.
    bool is_one() const {
        if constexpr (built_for_size) return false;
        return limit_ != nullptr && limit_ - end_ >= 16;
    }
    const char* begin() const { return begin_; }
    const char* end() const { return end_; }
    const char* limit() const { return limit_; }

private:
    const char *begin_, *end_, *limit_;
};

/// The bytes of a part that end words, the one behind it too: each is given once. More must not be
/// asked for than there are.
class WordEnds {
public:
    /// From `at` on.
    SIP_ALWAYS_INLINE WordEnds(const Part& part, const char* at)
        : window_(at),
          ends_(part.limit() - window_ >= 64 ? scan::ends_of_most<scan::Word>(window_, part.end())
                                             : word_ends(window_, window_, part.limit())),
          part_(part) {}

    SIP_ALWAYS_INLINE const char* take() {
        if (ends_ == 0) {
            const WordWindow next = next_window(window_, part_.limit());
            window_ = next.from;
            ends_ = next.ends;
        }
        const char* const found = window_ + scan::lowest(ends_);
        ends_ &= ends_ - 1;
        return found;
    }
    /// Goes on at `at`, which is not behind what was taken.
    SIP_ALWAYS_INLINE void skip(const char* at) {
        const auto passed = static_cast<std::size_t>(at - window_);
        if (passed < 64) {
            ends_ = ends_ >> passed << passed;
        } else {
            window_ = at;
            ends_ = word_ends(at, at, part_.limit());
        }
    }
    /// What stands at `found`.
    SIP_ALWAYS_INLINE char at(const char* found) const { return *found; }
    const char* end() const { return part_.end(); }

private:
    const char* window_;
    std::uint64_t ends_;
    const Part part_;
};

/// The same of any text: each byte that ends a word once, then the end of the text.
class TextEnds {
public:
    SIP_ALWAYS_INLINE explicit TextEnds(std::string_view text)
        : window_(text.data()),
          end_(text.data() + text.size()),
          ends_(text.size() >= 64 ? scan::ends_of_64<scan::Word>(window_)
                                  : word_ends(window_, window_, end_)) {}

    SIP_ALWAYS_INLINE const char* take() {
        if (ends_ == 0) {
            const WordWindow next = next_window(window_, end_);
            window_ = next.from;
            ends_ = next.ends;
        }
        const char* const found = window_ + scan::lowest(ends_);
        ends_ &= ends_ - 1;
        return found;
    }
    const char* end() const { return end_; }
    /// What stands at `found`; 0 at the end.
    SIP_ALWAYS_INLINE char at(const char* found) const { return found == end_ ? '\0' : *found; }

private:
    const char *window_, *end_;
    std::uint64_t ends_;
};

/// The next byte that ends a word and is not of `which`.
template <class Ends>
SIP_ALWAYS_INLINE const char* take_past(Ends& ends, Class which) {
    const char* found = ends.take();
    while (is(ends.at(found), which)) [[unlikely]] found = ends.take();
    return found;
}
/// The quote that ends the quoted-string whose first quote was taken; null when there is more to
/// it.
template <class Ends>
SIP_ALWAYS_INLINE const char* take_quoted(Ends& ends) {
    for (;;) {
        const char* const found = ends.take();
        const char c = ends.at(found);
        if (c == '"') return found;
        if (c == '\\' || is_control(c) || found == ends.end()) return nullptr;
    }
}

constexpr std::string_view between(const char* from, const char* to) {
    return {from, static_cast<std::size_t>(to - from)};
}

/// The digits from `at` on, behind which something else stands: they become a number, and `at` the
/// byte behind them.
SIP_ALWAYS_INLINE std::uint32_t take_digits(const char*& at) {
    std::uint32_t value = 0;
    for (unsigned digit; (digit = static_cast<unsigned char>(*at) - unsigned{'0'}) <= 9; ++at)
        value = 10 * value + digit;
    return value;
}

/// The port that stands there, without white space, before a byte that ends a word; 0 when there is
/// none.
SIP_ALWAYS_INLINE std::uint16_t port_of(const char* from, const char* to) {
    if (to - from > 5) return 0;
    const std::uint32_t value = take_digits(from);
    return from != to || value > 65'535 ? std::uint16_t{0} : static_cast<std::uint16_t>(value);
}

/// A CSeq with a number that is surely not too large, one space and a method that is known.
SIP_ALWAYS_INLINE bool read_cseq(Cseq& cseq, const Part& part) {
    if (!part.is_one()) return false;
    const char *at = part.begin(), *const end = part.end();
    const std::uint32_t number = take_digits(at);
    if (static_cast<std::size_t>(at - part.begin()) - 1 > 8 || *at != ' ') return false;
    ++at;
    cseq.method_name = between(at, end);
    cseq.method = detail::method_at(at, cseq.method_name.size());
    cseq.number = number;
    return cseq.method != Method::unknown;
}

/// Whether `name`, a token of a part, is `known`, of small letters, in any case.
template <std::size_t N>
SIP_ALWAYS_INLINE bool is_named(std::string_view name, const char (&known)[N]) {
    constexpr std::size_t size = N - 1;
    static_assert(size <= 8);
    if (name.size() != size) return false;
    if constexpr (size <= 4) {
        constexpr std::uint32_t letters = 0x20202020U >> (32 - 8 * size);
        return ((load_word<std::uint32_t>(name.data()) | 0x20202020U) << (32 - 8 * size)) ==
               (static_cast<std::uint32_t>(word_of({known, size})) | letters) << (32 - 8 * size);
    } else {
        return ((load_word<std::uint64_t>(name.data()) | small_letters) << (64 - 8 * size)) ==
               (word_of({known, size}) | small_letters) << (64 - 8 * size);
    }
}

/// The first five of the bytes at `at`, behind which eight can be read, as `word_of` has them.
SIP_ALWAYS_INLINE std::uint64_t five_at(const char* at) {
    return load_word<std::uint64_t>(at) & 0xff'ffff'ffff;
}
inline bool is_sip(const char* at) { return load_word<std::uint32_t>(at) == word_of("sip:"); }

enum class Brackets : std::uint8_t { allowed, missing };

/// A URI at `at`, where it `is_sip`, without password or headers: the byte behind it, which was
/// taken. `ends` go on behind the colon. Without brackets around it there may be, it has no
/// parameters, and its user nothing that could end it there (RFC 3261 20).
template <Brackets brackets = Brackets::allowed>
SIP_ALWAYS_INLINE const char* read_uri(Uri& uri, WordEnds& ends, const char* at) {
    const char* host = at + 4;
    const char* end = ends.take();
    if (brackets == Brackets::allowed && *end != '@' && *end != ';' && is(*end, Class::uri_user))
        [[unlikely]] {
        end = take_past(ends, Class::uri_user);
        if (*end != '@') return nullptr;
    }
    uri.has_user = *end == '@';
    uri.user = {};
    if (uri.has_user) {
        if (end == host) return nullptr;
        uri.user = between(host, end);
        host = end + 1;
        end = ends.take();
    }
    if (end == host) return nullptr;
    uri.host = between(host, end);
    uri.port = 0;
    if (*end == ':') {
        const char* const port = end + 1;
        end = ends.take();
        uri.port = port_of(port, end);
        if (uri.port == 0) return nullptr;
    }
    const char* const parameters = end;
    std::uint32_t first_letters = 0;
    while (brackets == Brackets::allowed && *end == ';') {
        const char* const name = end + 1;
        end = take_past(ends, Class::uri_parameter);
        if (end == name) return nullptr;
        if (*end == '=') {
            const char* const value = end + 1;
            end = take_past(ends, Class::uri_parameter);
            if (end == value) return nullptr;
        }
        const std::uint32_t letter = 1U << (*name & 31);
        // Twice the same letter may be twice the same name; this also bounds how many there are.
        if ((first_letters & letter) != 0) return nullptr;
        first_letters |= letter;
    }
    uri.text = between(at, end);
    uri.scheme = Scheme::sip;
    uri.password = {};
    uri.parameters = UriParameters(between(parameters, end));
    uri.headers = {};
    return end;
}

/// The parameters of a header field from `end` on, which was taken: the byte behind them. `visit`
/// is told each and says whether it is usual.
template <class Ends, class Visit>
SIP_ALWAYS_INLINE const char* read_parameters(Ends& ends, const char* end, Visit visit) {
    char c = ends.at(end);
    while (c == ';') {
        Parameter parameter;
        const char* const name = end + 1;
        end = take_past(ends, Class::token);
        if (end == name) return nullptr;
        parameter.name = between(name, end);
        c = ends.at(end);
        if (c == '=') {
            const char* value = end + 1;
            end = take_past(ends, Class::value);
            c = ends.at(end);
            const char* value_end = end;
            if (end == value) {
                if (c != '"') return nullptr;
                value_end = take_quoted(ends);
                if (value_end == nullptr) return nullptr;
                end = ends.take();
                if (end != value_end + 1) return nullptr;
                ++value;
                c = ends.at(end);
                parameter.quoted = true;
            }
            parameter.value = between(value, value_end);
            parameter.has_value = true;
        }
        if (!visit(parameter)) return nullptr;
    }
    return end;
}

/// A token and parameters, all of `text`. False: it is something else.
template <class Visit>
SIP_ALWAYS_INLINE bool read_token(std::string_view text, std::string_view& token,
                                  Parameters& parameters, Visit visit) {
    if (built_for_size || text.empty()) return false;
    TextEnds ends(text);
    const char* const token_end = take_past(ends, Class::token);
    if (token_end == text.data()) return false;
    const char* const end = read_parameters(ends, token_end, visit);
    if (end != ends.end()) return false;
    token = between(text.data(), token_end);
    parameters = Parameters(between(token_end, end));
    return true;
}

/// A URI in brackets with a display name in quotes or none before it: the byte behind the bracket,
/// which is still to be taken.
SIP_ALWAYS_INLINE const char* read_address(NameAddr& into, WordEnds& ends, const char* at) {
    into.display_name = {};
    if (*at == '"') {
        const char* const quote = take_quoted(ends);
        if (quote == nullptr) return nullptr;
        into.display_name = between(at + 1, quote);
        at = quote + 1;
        if (*at == ' ') ++at;
        ends.skip(at + 5);
    }
    if (five_at(at) != word_of("<sip:")) return nullptr;
    const char* const bracket = read_uri(into.uri, ends, at + 1);
    if (bracket == nullptr || *bracket != '>') return nullptr;
    into.bracketed = true;
    return bracket + 1;
}
/// A URI without brackets: the byte behind it, which was taken.
SIP_ALWAYS_INLINE const char* read_bare(NameAddr& into, WordEnds& ends, const char* at) {
    into.display_name = {};
    into.bracketed = false;
    return read_uri<Brackets::missing>(into.uri, ends, at);
}
/// Where what ends words matters first in such a value.
inline WordEnds address_ends(const Part& part) {
    return {part, part.begin() + (*part.begin() == '"' ? 1 : 5)};
}

/// The same with parameters behind it: the byte behind them.
template <class Visit>
SIP_ALWAYS_INLINE const char* read_name_addr(NameAddr& into, const Part& part, Visit visit) {
    WordEnds ends = address_ends(part);
    const char* const parameters = read_address(into, ends, part.begin());
    if (parameters == nullptr) return nullptr;
    const char* end = parameters;
    if (*end == ';') end = read_parameters(ends, ends.take(), visit);
    if (end != nullptr) into.parameters = Parameters(between(parameters, end));
    return end;
}

/// Takes one value of a list off the front of `rest` when it is usual: `read(part)` reads one and
/// gives the byte behind it, or null.
template <class Read>
SIP_ALWAYS_INLINE bool take_value(std::string_view& rest, const char* limit, Read read) {
    std::string_view text = rest;
    while (text.starts_with(' ')) text.remove_prefix(1);
    const Part part(text, limit);
    if (text.empty() || !part.is_one()) return false;
    const char* const end = read(part);
    if (end == part.end()) {
        rest = {};
        return true;
    }
    if (end == nullptr || *end != ',') return false;
    const std::string_view behind = between(end + 1, part.end());
    // A comma with nothing behind it is a fault in most lists.
    if (is_blank(behind)) return false;
    rest = behind;
    return true;
}

}  // namespace sip::usual
