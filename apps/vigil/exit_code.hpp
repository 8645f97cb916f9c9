#pragma once

#include <cstdint>

namespace vigil {

/// What the process says when it ends; scripts depend on the numbers.
enum class ExitCode : std::uint8_t {
    done = 0,
    failed = 1,        ///< refused, timed out, found wrong
    wrong_usage = 2,   ///< command line or configuration; nothing was done
    interrupted = 130  ///< Ctrl-C, after cleaning up
};

}  // namespace vigil
