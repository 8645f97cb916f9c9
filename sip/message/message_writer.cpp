#include "sip/message/message_writer.hpp"

#include <cstring>
#include <span>

#include "sip/base/error.hpp"
#include "sip/base/text.hpp"
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

// A second Content-Length would be a second end of the message: `finish` writes the one.

void MessageWriter::start_value(HeaderId id) {
    start_line();
    if (id == HeaderId::content_length || id == HeaderId::unknown) out_.fail();
    const HeaderStart& start = start_of(id);
    out_.put(start.text, start.size);
    value_at_ = out_.size();
}

void MessageWriter::start_value(std::string_view name) {
    start_line();
    if (header_id_of(name) == HeaderId::content_length || !is_token(name)) out_.fail();
    out_ << name << ": ";
    value_at_ = out_.size();
}

void MessageWriter::end_line(bool quotes) {
    if (value_at_ == none || out_.size() < value_at_) out_.fail();
    if (!out_.overflowed() && needs_care(out_.view(), value_at_))
        out_.rewind(value_at_ + clean(out_.behind(value_at_), quotes));
    out_ << "\r\n";
    line_at_ = out_.size();
    value_at_ = none;
}

MessageWriter& MessageWriter::request(Method method, std::string_view uri) {
    return request(name_of(method), uri);
}

MessageWriter& MessageWriter::request(std::string_view method, std::string_view uri) {
    start_line();
    if (!is_token(method) || !may_be_request_uri(uri)) out_.fail();
    out_ << method << ' ' << uri << " SIP/2.0\r\n";
    line_at_ = out_.size();
    return *this;
}

MessageWriter& MessageWriter::response(std::uint16_t status, std::string_view reason) {
    start_line();
    if (status < 100 || status > 699) out_.fail();
    out_ << "SIP/2.0 " << status << ' ';
    value_at_ = out_.size();
    out_ << (reason.empty() ? reason_of(status) : reason);
    end_line(false);
    return *this;
}

MessageWriter& MessageWriter::header(HeaderId id, std::string_view value) {
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
    const HeaderStart& start = start_of(HeaderId::content_length);
    out_.put(start.text, start.size).decimal(body_bytes) << "\r\n\r\n";
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
