#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace load {

/// Times in nanoseconds, counted in classes that are a 64th of their size wide. Takes no memory
/// while it counts.
class Percentiles {
public:
    void add(std::uint64_t value) {
        ++classes_[class_of(value)];
        ++count_;
        if (value > max_) max_ = value;
    }
    void clear() { *this = {}; }

    std::uint64_t count() const { return count_; }
    std::uint64_t max() const { return max_; }
    /// The value that `share` of all do not exceed: the upper end of its class, and never above
    /// the greatest. 0 when there is none.
    std::uint64_t at(double share) const;

private:
    static constexpr unsigned bits = 6;
    static constexpr std::size_t width = std::size_t{1} << bits;

    static std::size_t class_of(std::uint64_t value) {
        if (value < width) return static_cast<std::size_t>(value);
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - bits - 1;
        return (shift + 1) * width + static_cast<std::size_t>(value >> shift) - width;
    }
    static std::uint64_t last_of(std::size_t index);

    std::array<std::uint64_t, (64 - bits + 1) * width> classes_{};
    std::uint64_t count_ = 0, max_ = 0;
};

}  // namespace load
