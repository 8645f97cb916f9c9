#pragma once

#include <span>

#include "apps/vigil/raw_options.hpp"

namespace vigil {

/// Every option of `vigil serve`; a configuration file takes the same names.
std::span<const OptionSpec> serve_option_specs();

}  // namespace vigil
