#include "apps/vigil/raw_options.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace vigil {

namespace {

/// Insertions, removals and replacements that turn one text into the other.
std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i] == to[j] ? 0U : 1U);
            diagonal = row[j + 1];
            row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
        }
    }
    return row.back();
}

}  // namespace

std::string_view nearest_name(std::string_view wrong, const std::vector<std::string_view>& names) {
    std::string_view best;
    std::size_t least = 0;
    if (wrong.size() > 40) return best;
    for (std::string_view name : names) {
        const std::size_t distance = edit_distance(wrong, name);
        const bool near = distance <= std::max<std::size_t>(1, name.size() / 3);
        if (near && (best.empty() || distance < least)) {
            best = name;
            least = distance;
        }
    }
    return best;
}

std::string suggestion(std::string_view wrong, const std::vector<std::string_view>& names,
                       std::string_view dashes) {
    const std::string_view near = nearest_name(wrong, names);
    if (near.empty()) return {};
    return ", did you mean " + std::string(dashes) + std::string(near) + "?";
}

}  // namespace vigil
