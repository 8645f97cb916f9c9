#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vigil {

/// `text` fit to stand in one line on a terminal or in a log: control bytes, line ends and what is
/// not UTF-8 as \xNN, a backslash doubled, and no more than `bytes_max` of it.
std::string escape(std::string_view text, std::size_t bytes_max = 400);

/// RFC 3339 with milliseconds, UTC.
std::string time_text(std::int64_t wall_ms);

/// Where byte `offset` of `text` stands.
struct Place {
    std::size_t line = 1, column = 1;  ///< both from 1; the column in bytes
};
Place place_of(std::string_view text, std::size_t offset);

}  // namespace vigil
