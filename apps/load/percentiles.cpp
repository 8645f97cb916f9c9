#include "apps/load/percentiles.hpp"

#include <algorithm>
#include <cmath>

namespace load {

std::uint64_t Percentiles::last_of(std::size_t index) {
    if (index < width) return index;
    const std::size_t shift = index / width - 1;
    return ((std::uint64_t{width + index % width} + 1) << shift) - 1;
}

std::uint64_t Percentiles::at(double share) const {
    if (count_ == 0) return 0;
    const double wanted = std::ceil(share * static_cast<double>(count_));
    const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < classes_.size(); ++i) {
        seen += classes_[i];
        if (seen >= rank) return std::min(last_of(i), max_);
    }
    return max_;
}

}  // namespace load
