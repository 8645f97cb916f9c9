#include "apps/edge/net/descriptor.hpp"

#include <dirent.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstddef>

namespace edge {

namespace {

// "Unlimited" is taken as this many.
constexpr rlim_t many = 1'048'576;

std::size_t count_open() {
    DIR* folder = ::opendir("/proc/self/fd");
    if (folder == nullptr) return 16;
    std::size_t entries = 0;
    while (::readdir(folder) != nullptr) ++entries;
    ::closedir(folder);
    return entries > 3 ? entries - 3 : 0;  // ".", ".." and the folder itself
}

}  // namespace

std::size_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    const rlimit raised{std::min(limit.rlim_max, many), limit.rlim_max};
    if (raised.rlim_cur > limit.rlim_cur && ::setrlimit(RLIMIT_NOFILE, &raised) == 0)
        return raised.rlim_cur;
    return std::min(limit.rlim_cur, many);
}

std::size_t descriptors_left() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = 1024;
    const std::size_t cap = std::min(limit.rlim_cur, many);
    const std::size_t open = count_open();
    return cap > open ? cap - open : 0;
}

}  // namespace edge
