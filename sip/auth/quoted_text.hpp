#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace sip {

/// The inside of a quoted-string with its quoted-pairs undone (RFC 3261 25.1): the text itself
/// when it has none, else a copy held here.
class Unquoted {
public:
    static constexpr std::size_t copy_bytes_max = 256;

    explicit Unquoted(std::string_view text) : text_(text) {
        if (text.find('\\') == std::string_view::npos) return;
        copied_ = true;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '\\' && i + 1 < text.size()) ++i;
            if (size_ == copy_.size()) {
                too_long_ = true;
                return;
            }
            copy_[size_++] = text[i];
        }
    }
    /// A text with quoted-pairs is longer than any name of ours; `view` is cut then.
    bool too_long() const { return too_long_; }
    std::string_view view() const {
        return copied_ ? std::string_view{copy_.data(), size_} : text_;
    }

private:
    std::string_view text_;
    std::array<char, copy_bytes_max> copy_;
    std::size_t size_ = 0;
    bool copied_ = false, too_long_ = false;
};

/// Whether `text`, escapes and all, may stand between quotes in a header field that we write:
/// no control bytes, no quote or backslash on its own.
constexpr bool fits_between_quotes(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"') return false;
        if (text[i] == '\\' && ++i == text.size()) return false;
        if (static_cast<unsigned char>(text[i]) < 0x20 || text[i] == 0x7f) return false;
    }
    return true;
}

}  // namespace sip
