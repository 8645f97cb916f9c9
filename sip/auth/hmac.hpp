#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sip/auth/sha256.hpp"

namespace sip {

/// HMAC-SHA-256 (RFC 2104, RFC 6234). A key longer than a block is hashed first.
class HmacSha256 {
public:
    using Digest = Sha256::Digest;

    explicit HmacSha256(std::string_view key) {
        std::array<char, Sha256::block_size> block{};
        if (key.size() > block.size()) {
            Sha256 hash;
            hash.update(key);
            const Digest digest = hash.finish();
            for (std::size_t i = 0; i < digest.size(); ++i) block[i] = static_cast<char>(digest[i]);
        } else {
            for (std::size_t i = 0; i < key.size(); ++i) block[i] = key[i];
        }
        for (char& c : block) c = static_cast<char>(c ^ 0x36);
        inner_.update({block.data(), block.size()});
        for (char& c : block) c = static_cast<char>(c ^ 0x36 ^ 0x5c);
        outer_.update({block.data(), block.size()});
    }
    void update(std::string_view bytes) { inner_.update(bytes); }
    /// Once; the object is spent then.
    Digest finish() {
        const Digest digest = inner_.finish();
        outer_.update({reinterpret_cast<const char*>(digest.data()), digest.size()});
        return outer_.finish();
    }

private:
    Sha256 inner_, outer_;
};

}  // namespace sip
