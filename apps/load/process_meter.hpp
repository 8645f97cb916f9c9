#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace load {

/// What a process has used, and those it has started.
struct ProcessUse {
    std::uint64_t cpu_ns = 0;     ///< on processors, all threads together
    std::uint64_t pss_bytes = 0;  ///< its share of the memory it uses; 0: not to be had
    bool found = false;
};
/// /proc/PID/task/*/schedstat and smaps_rollup. `memory`: whether to look at the latter, too.
ProcessUse use_of(pid_t pid, bool memory);

/// CPU time and clock of this process, nanoseconds.
std::uint64_t own_cpu_ns();
std::uint64_t now_ns();

}  // namespace load
