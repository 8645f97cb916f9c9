#pragma once

#include <cstdint>
#include <random>

#include "sip/base/entropy.hpp"

/// Entropy that repeats with its seed. Draws are counted.
class SeededEntropy final : public sip::Entropy {
public:
    explicit SeededEntropy(std::uint64_t seed = 1) : engine_(seed) {}
    void fill(std::span<std::byte> out) override {
        for (std::byte& byte : out) byte = static_cast<std::byte>(engine_() & 0xff);
        ++draws;
    }
    std::uint64_t draws = 0;

private:
    std::mt19937_64 engine_;
};
