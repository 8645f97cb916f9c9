#include "apps/load/process_meter.hpp"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>

namespace load {

namespace {

namespace fs = std::filesystem;

std::uint64_t read_clock(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(time.tv_nsec);
}

std::uint64_t pss_of(const std::string& folder) {
    std::ifstream file(folder + "/smaps_rollup");
    for (std::string word; file >> word;) {
        if (word != "Pss:") continue;
        std::uint64_t kilobytes = 0;
        file >> kilobytes;
        return kilobytes * 1024;
    }
    return 0;
}

void add(pid_t pid, bool memory, ProcessUse& use, int depth) {
    constexpr int depth_max = 8;
    const std::string folder = "/proc/" + std::to_string(pid);
    std::error_code none;
    std::vector<pid_t> children;
    for (const auto& task : fs::directory_iterator(folder + "/task", none)) {
        std::uint64_t spent = 0;
        if (std::ifstream(task.path() / "schedstat") >> spent) use.found = true;
        use.cpu_ns += spent;
        std::ifstream file(task.path() / "children");
        for (pid_t child = 0; file >> child;) children.push_back(child);
    }
    if (memory) use.pss_bytes += pss_of(folder);
    if (depth < depth_max)
        for (pid_t child : children) add(child, memory, use, depth + 1);
}

}  // namespace

ProcessUse use_of(pid_t pid, bool memory) {
    ProcessUse use;
    add(pid, memory, use, 0);
    return use;
}

std::uint64_t own_cpu_ns() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }
std::uint64_t now_ns() { return read_clock(CLOCK_MONOTONIC); }

}  // namespace load
