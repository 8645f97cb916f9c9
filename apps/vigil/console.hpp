#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "apps/vigil/exit_code.hpp"

namespace vigil {

/// One line to standard output, at once: who reads it may be waiting for it.
void print_line(std::string_view line);
/// A line could not be written: who read standard output is gone (`vigil watch ... | head`).
bool output_is_broken();
/// One line to standard error, with "vigil: " in front.
void print_error(std::string_view line);
/// Milliseconds since 1970, UTC.
std::int64_t wall_clock_ms();

/// How a command that may speak JSON tells that it failed: always a line on standard error; with
/// `json` also an object on standard output. Gives `code` back.
struct Trouble {
    std::string error;  ///< what failed, why, and what to do
    std::string uri;    ///< empty: of none
    std::uint16_t status = 0;
    std::string reason;
};
ExitCode fail(ExitCode code, const Trouble& trouble, bool json);

}  // namespace vigil
