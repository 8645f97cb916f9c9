#include "pidf/escape.hpp"

#include "pidf/run.hpp"
#include "pidf/unicode.hpp"
#include "sip/base/text.hpp"

namespace pidf {
namespace {

/// Blanks alone between two tags are not read back: they are written as references.
void blanks(sip::Appender& out, std::string_view text) {
    for (char c : text) {
        out << "&#";
        out.decimal(static_cast<unsigned char>(c));
        out << ';';
    }
}

}  // namespace

void escape(sip::Appender& out, std::string_view text, bool in_attribute) {
    // As a rule all of it is as it is written. Blanks alone start with one.
    if (!sip::built_for_size && !text.starts_with(' ')) {
        char* const to = out.room_for(text.size());
        if (to != nullptr && copy_run<run::Plain>(to, text)) {
            out.added(text.size());
            return;
        }
    }
    if (!in_attribute && is_xml_blank(text)) return blanks(out, text);
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t plain = run_size<run::Plain>(text, at);
        out << sip::slice(text, at, plain);
        at += plain;
        if (at == text.size()) return;
        const Decoded next = decode_utf8(text, at);
        if (next.size == 0 || !is_xml_char(next.code)) {
            out << "\xEF\xBF\xBD";
            at += next.size == 0 ? 1 : next.size;
            continue;
        }
        const std::string_view character = sip::slice(text, at, next.size);
        at += next.size;
        switch (character.front()) {
            case '&': out << "&amp;"; break;
            case '<': out << "&lt;"; break;
            case '>': out << "&gt;"; break;
            case '\r': out << "&#13;"; break;
            case '"': out << (in_attribute ? "&quot;" : "\""); break;
            case '\t': out << (in_attribute ? "&#9;" : "\t"); break;
            case '\n': out << (in_attribute ? "&#10;" : "\n"); break;
            default: out << character;
        }
    }
}

}  // namespace pidf
