#pragma once

#include <cstdint>

namespace sim {

/// Numbers that a 64-bit seed decides (splitmix64). Every source of chance in a world is one of
/// these, made from the seed of the run and a label, so that what one draws moves no other.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    Random(std::uint64_t seed, std::uint64_t label) : state_(scramble(seed) ^ scramble(~label)) {}

    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15ULL;
        return scramble(state_);
    }
    /// From 0 to `bound` - 1; 0 for a bound of 0.
    std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
    /// From `least` to `most`, both included.
    std::int64_t between(std::int64_t least, std::int64_t most) {
        if (most <= least) return least;
        return least +
               static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most - least) + 1));
    }
    bool percent(unsigned probability) { return below(100) < probability; }

    static constexpr std::uint64_t scramble(std::uint64_t x) {
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
        return x ^ (x >> 31);
    }

private:
    std::uint64_t state_;
};

}  // namespace sim
