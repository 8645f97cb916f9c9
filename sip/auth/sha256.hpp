#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sip/auth/block_buffer.hpp"

namespace sip {

/// SHA-256: FIPS 180-4 6.2, RFC 6234.
class Sha256 {
public:
    static constexpr std::size_t digest_size = 32;
    static constexpr std::size_t block_size = 64;
    using Digest = std::array<std::uint8_t, digest_size>;

    void update(std::string_view bytes);
    /// Once; the object is spent then.
    Digest finish();

private:
    void compress(const std::uint8_t* block);

    BlockBuffer<block_size> buffer_;
    std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
};

}  // namespace sip
