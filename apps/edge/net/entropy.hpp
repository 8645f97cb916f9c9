#pragma once

#include <array>

#include "sip/base/entropy.hpp"

namespace edge {

/// The operating system's random bytes, fetched a page at a time. Bytes that were given out are
/// wiped. Not to be used on both sides of a fork.
class OsEntropy final : public sip::Entropy {
public:
    /// Ends the process when the system has no entropy: nothing that needs it could go on.
    void fill(std::span<std::byte> out) override;

private:
    std::array<std::byte, 4096> pool_{};
    std::size_t left_ = 0;  ///< unused bytes, at the end of `pool_`
};

}  // namespace edge
