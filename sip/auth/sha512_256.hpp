#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sip/auth/block_buffer.hpp"

namespace sip {

/// SHA-512/256: FIPS 180-4 5.3.6.2 and 6.7. Called SHA-512-256 in RFC 7616.
class Sha512_256 {
public:
    static constexpr std::size_t digest_size = 32;
    using Digest = std::array<std::uint8_t, digest_size>;

    void update(std::string_view bytes);
    /// Once; the object is spent then.
    Digest finish();

private:
    void compress(const std::uint8_t* block);

    BlockBuffer<128> buffer_;
    std::array<std::uint64_t, 8> state_{0x22312194fc2bf72c, 0x9f555fa3c84c64c2, 0x2393b86b6f53b151,
                                        0x963877195940eabd, 0x96283ee2a88effe3, 0xbe5e1e2553863992,
                                        0x2b0199fc2c85b8aa, 0x0eb72ddc81c52ca2};
};

}  // namespace sip
