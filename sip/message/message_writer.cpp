#include "sip/message/message_writer.hpp"

#include <array>
#include <cstring>
#include <span>

#include "sip/base/error.hpp"
#include "sip/base/inline.hpp"
#include "sip/base/text.hpp"
#include "sip/message/header_table.hpp"
#include "sip/message/scanner.hpp"
#include "sip/message/token_list.hpp"

namespace sip {
namespace {

/// Folds and tabs become one space with the white space around them; control bytes go, but for
/// those of quoted-pairs. Works in place, as nothing grows; the new size is returned. With `quotes`
/// false there are no quoted-pairs.
[[gnu::noinline, gnu::cold]] std::size_t clean(std::span<char> text, bool quotes) {
    const std::string_view value = trim({text.data(), text.size()});
    const auto shift = static_cast<std::size_t>(value.data() - text.data());
    QuoteState state;
    std::size_t size = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        if (c == '\\' && state.is_pair(slice(value, i))) {
            text[size++] = c;
            text[size++] = text[shift + ++i];
        } else if (is_lws(c)) {
            bool plain = true;
            std::size_t end = i;
            for (; end < value.size() && is_lws(value[end]); ++end) plain &= value[end] == ' ';
            const std::size_t spaces = plain ? end - i : 1;
            for (std::size_t k = 0; k < spaces; ++k) text[size++] = ' ';
            i = end - 1;
        } else if (!is_control(c)) {
            if (quotes) state.pass(c);
            text[size++] = c;
        }
    }
    return size;
}

/// Whether a control byte stands behind the first `size` bytes of `written`. Only what is not plain
/// text can be one; UTF-8 is none.
bool needs_care(std::string_view written, std::size_t size) {
    const char *const begin = written.data(), *const end = begin + written.size();
    const char* at = begin + size;
    while ((at = scan::find_end<scan::Plain>(begin, at, end)) != end) {
        if (is_control(*at)) return true;
        ++at;
    }
    return false;
}

/// A header field's name with a colon and a space behind, as it starts; nothing of those that are
/// not for everybody to write.
struct HeaderStart {
    std::array<char, 23> text{};
    std::uint8_t size = 0;
};
constexpr std::array<HeaderStart, header_id_count> starts = [] {
    std::array<HeaderStart, header_id_count> made{};
    for (std::size_t i = 1; i < header_id_count; ++i) {
        HeaderStart& start = made[i];
        // A second Content-Length would be a second end of the message: `finish` writes the one.
        if (static_cast<HeaderId>(i) == HeaderId::content_length) continue;
        for (const std::string_view part : {detail::header_entries[i].name, std::string_view(": ")})
            for (const char c : part) start.text[start.size++] = c;
    }
    return made;
}();

/// RFC 3261 7.1: no white space, no control characters, no <> around it.
bool may_be_request_uri(std::string_view uri) {
    const char* const end = uri.data() + uri.size();
    return !uri.empty() && scan::find_end<scan::RequestUri>(uri.data(), uri.data(), end) == end;
}

}  // namespace

void MessageWriter::start_line() {
    // Less than there was: somebody took lines back.
    if (value_at_ != none || out_.size() > line_at_) out_.fail();
}

void MessageWriter::start_value(HeaderId id) {
    start_line();
    if constexpr (built_for_size) {
        if (id == HeaderId::unknown || id == HeaderId::content_length) out_.fail();
        out_ << name_of(id) << ": ";
        return value_starts();
    }
    const HeaderStart& start = starts[static_cast<std::size_t>(id)];
    if (start.size == 0) out_.fail();
    if (char* const to = out_.room_for(sizeof start)) {
        std::memcpy(to, &start, sizeof start);
        out_.added(start.size);
    } else {
        out_ << std::string_view(start.text.data(), start.size);
    }
    value_starts();
}

void MessageWriter::start_value(std::string_view name) {
    start_line();
    if (header_id_of(name) == HeaderId::content_length || !is_token(name)) out_.fail();
    out_ << name << ": ";
    value_starts();
}

void MessageWriter::end_line(bool quotes) {
    const bool is_begun = value_at_ != none && out_.size() >= value_at_;
    if (is_begun && !out_.overflowed() && needs_care(out_.view(), value_at_))
        out_.rewind(value_at_ + clean(out_.behind(value_at_), quotes));
    end_own();
}

MessageWriter& MessageWriter::end_own() {
    if (value_at_ == none || out_.size() < value_at_) out_.fail();
    if (char* const to = out_.room_for(2)) {
        std::memcpy(to, "\r\n", 2);
        out_.added(2);
    } else {
        out_.fail();
    }
    line_at_ = out_.size();
    value_at_ = none;
    return *this;
}

MessageWriter& MessageWriter::request(Method method, std::string_view uri) {
    return request_line(name_of(method), uri, method != Method::unknown);
}

MessageWriter& MessageWriter::request(std::string_view method, std::string_view uri) {
    return request_line(method, uri, is_token(method));
}

MessageWriter& MessageWriter::request_line(std::string_view method, std::string_view uri,
                                           bool is_method) {
    start_line();
    if (!is_method || !may_be_request_uri(uri)) out_.fail();
    constexpr std::string_view version = " SIP/2.0\r\n";
    if (char* to = out_.room_for(method.size() + 1 + uri.size() + version.size())) {
        const char* const start = to;
        std::memcpy(to, method.data(), method.size());
        to += method.size();
        *to++ = ' ';
        std::memcpy(to, uri.data(), uri.size());
        to += uri.size();
        std::memcpy(to, version.data(), version.size());
        out_.added(static_cast<std::size_t>(to - start) + version.size());
    } else {
        out_.fail();
    }
    line_at_ = out_.size();
    return *this;
}

MessageWriter& MessageWriter::response(std::uint16_t status, std::string_view reason) {
    start_line();
    if (status < 100 || status > 699) out_.fail();
    out_ << "SIP/2.0 " << status << ' ';
    value_starts();
    out_ << (reason.empty() ? reason_of(status) : reason);
    end_line(false);
    return *this;
}

/// A field whose value `copy` finds nothing to clean in, as in nearly all. False: nothing is
/// written.
template <class Copy>
SIP_ALWAYS_INLINE bool MessageWriter::plain_header(HeaderId id, std::string_view value, Copy copy) {
    const HeaderStart& start = starts[static_cast<std::size_t>(id)];
    if (out_.room_left() < sizeof start + value.size() + 2 || start.size == 0 ||
        out_.size() != line_at_)
        return false;
    char* const at = out_.end();
    std::memcpy(at, &start, sizeof start);
    char* const to = at + start.size;
    if (!copy(to, value)) return false;
    std::memcpy(to + value.size(), "\r\n", 2);
    out_.added(start.size + value.size() + 2);
    line_at_ = out_.size();
    return true;
}

// Each of these calls nothing before it is done, so that it has no registers to save.

MessageWriter& MessageWriter::header(HeaderId id, std::string_view value) {
    if (built_for_size || value.size() < scan::VectorBlock::size) return short_header(id, value);
    return plain_header(id, value, scan::copy_run<scan::Plain>) ? *this : any_header(id, value);
}

MessageWriter& MessageWriter::short_header(HeaderId id, std::string_view value) {
    if constexpr (built_for_size) return any_header(id, value);
    return plain_header(id, value, scan::copy_short_run<scan::Plain>) ? *this
                                                                      : any_header(id, value);
}

MessageWriter& MessageWriter::any_header(HeaderId id, std::string_view value) {
    start_value(id);
    out_ << value;
    return end();
}

MessageWriter& MessageWriter::header(std::string_view name, std::string_view value) {
    start_value(name);
    out_ << value;
    return end();
}

MessageWriter& MessageWriter::header(HeaderId id, std::uint64_t value) {
    start_value(id);
    out_.decimal(value);
    return end();
}

Appender& MessageWriter::begin(HeaderId id) {
    start_value(id);
    return out_;
}

MessageWriter& MessageWriter::end() {
    end_line(true);
    return *this;
}

void MessageWriter::finish(std::size_t body_bytes) {
    start_line();
    constexpr std::string_view name = "Content-Length: ", end = "\r\n\r\n";
    constexpr std::size_t digits_max = 20;
    if (char* const start = out_.room_for(name.size() + digits_max + end.size())) {
        std::memcpy(start, name.data(), name.size());
        char* const to = write_decimal(start + name.size(), body_bytes);
        std::memcpy(to, end.data(), end.size());
        out_.added(static_cast<std::size_t>(to - start) + end.size());
    } else {
        (out_ << name).decimal(body_bytes) << end;
    }
    line_at_ = out_.size();
}

void MessageWriter::finish(std::string_view content_type, std::string_view body) {
    if (!content_type.empty()) header(HeaderId::content_type, content_type);
    finish(body.size());
    out_ << body;
}

void write_quoted(Appender& out, std::string_view text) {
    out << '"';
    for (char c : text) {
        if (c == '\r' || c == '\n') continue;  // RFC 3261 25.1: not even as a quoted-pair
        if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f) out << '\\';
        out << c;
    }
    out << '"';
}

void write_name_addr(Appender& out, std::string_view display_name, std::string_view uri) {
    if (!display_name.empty()) {
        write_quoted(out, display_name);
        out << ' ';
    }
    out << '<' << uri << '>';
}

}  // namespace sip
