#pragma once

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

    std::uint64_t next() {
        std::uint64_t value = 0;
        fill(std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }

protected:
    ~Entropy() = default;
};

}  // namespace sip
