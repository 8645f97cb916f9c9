#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// A source file as text, for tests that check the rules of the code.
struct Source {
    std::string path;  ///< from the root, with slashes
    std::string text;
};

/// The lines without their newlines; views into `text`.
std::vector<std::string_view> lines_of(std::string_view text);

/// The number of the line that holds `offset`, from 1.
std::size_t line_at(std::string_view text, std::size_t offset);

/// C++ text with comments and literals blanked; every line keeps its place and length.
std::string code_of(std::string_view text);

struct Include {
    std::string_view name;  ///< without its brackets or quotes; a view into the text
    std::size_t line;
};
std::vector<Include> includes_of(std::string_view text);

/// Every offset where `word` stands as a whole; it may be qualified, as `std::string` is.
std::vector<std::size_t> places_of(std::string_view word, std::string_view code);

/// The nearest character from `i` on, or before `i`, that is no blank or newline; NUL if none is.
char next_char(std::string_view code, std::size_t i);
char previous_char(std::string_view code, std::size_t i);
