#pragma once

#include <cstdint>

namespace vigil {

enum class LogLevel : std::uint8_t { error, warn, info, debug };

}  // namespace vigil
