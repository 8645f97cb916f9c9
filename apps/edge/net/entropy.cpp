#include "apps/edge/net/entropy.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace edge {

namespace {

void fetch(std::span<std::byte> out) {
    while (!out.empty()) {
        const ssize_t got = ::getrandom(out.data(), out.size(), 0);
        if (got > 0)
            out = out.subspan(static_cast<std::size_t>(got));
        else if (errno != EINTR)
            std::abort();
    }
}

}  // namespace

void OsEntropy::fill(std::span<std::byte> out) {
    if (out.size() >= pool_.size()) {
        fetch(out);
        return;
    }
    while (!out.empty()) {
        if (left_ == 0) {
            fetch(pool_);
            left_ = pool_.size();
        }
        const std::size_t take = std::min(left_, out.size());
        std::byte* from = pool_.data() + (pool_.size() - left_);
        std::copy_n(from, take, out.begin());
        std::fill_n(from, take, std::byte{0});
        left_ -= take;
        out = out.subspan(take);
    }
}

}  // namespace edge
