#pragma once

#include <span>

#include "apps/vigil/options.hpp"

namespace vigil {

/// Reads the arguments behind the program's name. What is wrong with them comes as Say, one line
/// that names the argument and the fix, with ExitCode::wrong_usage. The door to CLI11.
Command read_command_line(std::span<const char* const> arguments);

}  // namespace vigil
