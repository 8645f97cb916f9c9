#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sip/auth/block_buffer.hpp"

namespace sip {

/// RFC 1321. Only for digest authentication with peers that know nothing better.
class Md5 {
public:
    static constexpr std::size_t digest_size = 16;
    using Digest = std::array<std::uint8_t, digest_size>;

    void update(std::string_view bytes);
    /// Once; the object is spent then.
    Digest finish();

private:
    void compress(const std::uint8_t* block);

    BlockBuffer<64> buffer_;
    std::array<std::uint32_t, 4> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
};

}  // namespace sip
