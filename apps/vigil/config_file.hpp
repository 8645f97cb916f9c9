#pragma once

#include <span>
#include <string>

#include "apps/edge/net/outcome.hpp"
#include "apps/vigil/raw_options.hpp"

namespace vigil {

/// Reads a TOML document whose keys are the names of `specs`. The error names `origin`, the line,
/// the key and the fix. The door to toml11.
edge::Outcome<RawOptions> read_config(const std::string& text, const std::string& origin,
                                      std::span<const OptionSpec> specs);

}  // namespace vigil
