#include "apps/load/template.hpp"

#include <cstring>

namespace load {

namespace {

constexpr std::array<std::string_view, slot_count> names{
    "target",  "routes", "port",       "branch",      "index",   "cseq",    "user",
    "watcher", "tag",    "entity_tag", "credentials", "expires", "version", "part"};

/// The slot whose name stands at `at` behind a brace; slot_count: none.
std::size_t slot_at(std::string_view text, std::size_t at) {
    const auto end = text.find('}', at);
    if (end == std::string_view::npos) return slot_count;
    for (std::size_t i = 0; i < slot_count; ++i)
        if (text.substr(at, end - at) == names[i]) return i;
    return slot_count;
}

}  // namespace

Template::Template(std::string_view text) {
    Piece piece;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const std::size_t slot = text[at] == '{' ? slot_at(text, at + 1) : slot_count;
        if (slot == slot_count) {
            text_ += text[at];
            continue;
        }
        piece.size = text_.size() - piece.begin;
        piece.slot = slot;
        pieces_.push_back(piece);
        piece = {text_.size(), 0, slot_count};
        at += names[slot].size() + 1;
    }
    piece.size = text_.size() - piece.begin;
    pieces_.push_back(piece);
}

std::size_t Template::size(const Values& values) const {
    std::size_t size = text_.size();
    for (const Piece& piece : pieces_)
        if (piece.slot != slot_count) size += values[piece.slot].size();
    return size;
}

char* Template::render(char* to, const Values& values) const {
    for (const Piece& piece : pieces_) {
        std::memcpy(to, text_.data() + piece.begin, piece.size);
        to += piece.size;
        if (piece.slot == slot_count) break;
        const std::string_view value = values[piece.slot];
        if (!value.empty()) std::memcpy(to, value.data(), value.size());
        to += value.size();
    }
    return to;
}

std::string Template::render(const Values& values) const {
    std::string out(size(values), '\0');
    render(out.data(), values);
    return out;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

void write_fixed(std::uint64_t number, char* digits, std::size_t count, unsigned base) {
    for (; count > 0; --count, number /= base)
        digits[count - 1] = "0123456789abcdef"[number % base];
}

}  // namespace load
