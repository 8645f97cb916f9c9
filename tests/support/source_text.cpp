#include "tests/support/source_text.hpp"

#include <algorithm>
#include <cctype>

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Where the comment, string or character literal that begins at `i` ends; `i` if none does.
std::size_t end_of_inert(std::string_view text, std::size_t i) {
    const std::string_view rest = text.substr(i);
    const auto past = [&](std::string_view what, std::size_t from) {
        const auto found = text.find(what, from);
        return found == std::string_view::npos ? text.size() : found + what.size();
    };
    if (rest.starts_with("//")) return std::min(text.find('\n', i), text.size());
    if (rest.starts_with("/*")) return past("*/", i + 2);
    if (rest.starts_with("R\"") && (i == 0 || !is_word(text[i - 1]))) {
        const auto open = text.find('(', i);
        if (open == std::string_view::npos) return text.size();
        return past(")" + std::string(text.substr(i + 2, open - i - 2)) + "\"", open);
    }
    const bool separator = rest.starts_with('\'') && i > 0 && is_word(text[i - 1]);
    if (!rest.starts_with('"') && (!rest.starts_with('\'') || separator)) return i;
    std::size_t j = i + 1;
    while (j < text.size() && text[j] != text[i] && text[j] != '\n') j += text[j] == '\\' ? 2U : 1U;
    return std::min(j + 1, text.size());
}

}  // namespace

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::size_t line_at(std::string_view text, std::size_t offset) {
    return 1 + static_cast<std::size_t>(std::count(
                   text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

std::string code_of(std::string_view text) {
    std::string code(text);
    for (std::size_t i = 0; i < text.size();) {
        const auto end = end_of_inert(text, i);
        for (std::size_t j = i; j < end; ++j)
            if (text[j] != '\n') code[j] = ' ';
        i = std::max(end, i + 1);
    }
    return code;
}

std::vector<Include> includes_of(std::string_view text) {
    std::vector<Include> found;
    std::size_t number = 0;
    for (auto line : lines_of(text)) {
        ++number;
        if (!line.starts_with("#include ")) continue;
        const auto open = line.find_first_of("<\"");
        if (open == std::string_view::npos) continue;
        const auto close = line.find_first_of(">\"", open + 1);
        found.push_back({line.substr(open + 1, close - open - 1), number});
    }
    return found;
}

std::vector<std::size_t> places_of(std::string_view word, std::string_view code) {
    std::vector<std::size_t> places;
    for (auto i = code.find(word); i != std::string_view::npos; i = code.find(word, i + 1)) {
        const auto end = i + word.size();
        if ((i == 0 || !is_word(code[i - 1])) && (end == code.size() || !is_word(code[end])))
            places.push_back(i);
    }
    return places;
}

char next_char(std::string_view code, std::size_t i) {
    i = code.find_first_not_of(" \n", i);
    return i == std::string_view::npos ? '\0' : code[i];
}
char previous_char(std::string_view code, std::size_t i) {
    if (i == 0) return '\0';
    i = code.find_last_not_of(" \n", i - 1);
    return i == std::string_view::npos ? '\0' : code[i];
}
