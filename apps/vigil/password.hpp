#pragma once

#include <optional>
#include <string>

#include "apps/edge/net/outcome.hpp"

namespace vigil {

/// The value of an environment variable that holds a password.
edge::Outcome<std::string> password_from_environment(const std::string& variable);

/// One line of standard input without its end. On a terminal it asks with `prompt` first and shows
/// nothing of what is typed.
edge::Outcome<std::string> password_from_input(const std::string& prompt);

/// Whether standard input is a terminal, so that a person may be asked.
bool input_is_terminal();

}  // namespace vigil
