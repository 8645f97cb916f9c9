#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sip {

/// Where branches, tags, Call-IDs, nonces' keys and entity-tags come from. The edge gives the
/// operating system's; a test gives a seeded one, so that a run repeats byte for byte.
class Entropy {
public:
    /// Fills `out` with bytes nobody can predict. Never fails.
    virtual void fill(std::span<std::byte> out) = 0;

    /// Of eight bytes, the lowest first, so that a run is the same on every machine.
    std::uint64_t next() {
        std::array<std::byte, 8> bytes{};
        fill(bytes);
        std::uint64_t value = 0;
        for (std::size_t i = bytes.size(); i-- > 0;)
            value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
        return value;
    }

protected:
    ~Entropy() = default;
};

}  // namespace sip
