#include "sip/message/message_writer.hpp"

#include "sip/base/error.hpp"
#include "sip/base/text.hpp"

namespace sip {
namespace {

/// Folds and tabs become one space with the white space around them; other control bytes go. What
/// came in cannot start a line of its own.
void write_value(Appender& out, std::string_view value) {
    value = trim(value);
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        // A quoted-pair is kept whole, whatever byte it escapes.
        if (c == '\\' && i + 1 < value.size() && value[i + 1] != '\r' && value[i + 1] != '\n') {
            out << value.substr(i++, 2);
        } else if (is_lws(c)) {
            std::size_t end = i;
            bool plain = true;
            for (; end < value.size() && is_lws(value[end]); ++end) plain &= value[end] == ' ';
            out << (plain ? value.substr(i, end - i) : " ");
            i = end - 1;
        } else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
            out << c;
        }
    }
}

bool needs_care(std::string_view value) {
    for (char c : value)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
    return false;
}

}  // namespace

MessageWriter& MessageWriter::request(Method method, std::string_view uri) {
    return request(name_of(method), uri);
}

MessageWriter& MessageWriter::request(std::string_view method, std::string_view uri) {
    out_ << method << ' ';
    if (needs_care(uri))
        write_value(out_, uri);
    else
        out_ << uri;
    out_ << " SIP/2.0\r\n";
    return *this;
}

MessageWriter& MessageWriter::response(std::uint16_t status, std::string_view reason) {
    out_ << "SIP/2.0 " << status << ' ';
    write_value(out_, reason.empty() ? reason_of(status) : reason);
    out_ << "\r\n";
    return *this;
}

MessageWriter& MessageWriter::header(HeaderId id, std::string_view value) {
    return header(name_of(id), value);
}

MessageWriter& MessageWriter::header(std::string_view name, std::string_view value) {
    out_ << name << ": ";
    if (needs_care(value))
        write_value(out_, value);
    else
        out_ << value;
    out_ << "\r\n";
    return *this;
}

MessageWriter& MessageWriter::header(HeaderId id, std::uint64_t value) {
    out_ << name_of(id) << ": ";
    out_.decimal(value) << "\r\n";
    return *this;
}

Appender& MessageWriter::begin(HeaderId id) { return out_ << name_of(id) << ": "; }

MessageWriter& MessageWriter::end() {
    out_ << "\r\n";
    return *this;
}

void MessageWriter::finish(std::size_t body_bytes) {
    header(HeaderId::content_length, static_cast<std::uint64_t>(body_bytes));
    out_ << "\r\n";
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
