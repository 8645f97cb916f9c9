#pragma once

#include <cstddef>
#include <string>

#include "apps/edge/net/outcome.hpp"

namespace vigil {

/// Everything a command reads at once is bounded by this.
inline constexpr std::size_t file_bytes_max = std::size_t{16} << 20;

/// The whole of a file, "-" being standard input. The error says which and why.
edge::Outcome<std::string> read_file(const std::string& path);

}  // namespace vigil
