#include "sip/auth/digest_hash.hpp"

#include "sip/base/assert.hpp"
#include "sip/base/text.hpp"

namespace sip {

HexDigest::HexDigest(std::span<const std::uint8_t> digest) {
    SIP_ASSERT(2 * digest.size() <= text_.size());
    for (const std::uint8_t byte : digest) {
        text_[size_++] = "0123456789abcdef"[byte >> 4];
        text_[size_++] = "0123456789abcdef"[byte & 15];
    }
}

std::optional<HexDigest> HexDigest::parse(std::string_view text) {
    if (text.size() != 2 * Md5::digest_size && text.size() != 2 * Sha256::digest_size) return {};
    HexDigest digest;
    for (const char c : text) {
        if (hex_value(c) < 0) return {};
        digest.text_[digest.size_++] = to_lower(c);
    }
    return digest;
}

DigestHash::DigestHash(DigestAlgorithm algorithm) {
    switch (base_of(algorithm)) {
        case DigestAlgorithm::md5: hash_.emplace<Md5>(); return;
        case DigestAlgorithm::sha256: hash_.emplace<Sha256>(); return;
        case DigestAlgorithm::sha512_256: hash_.emplace<Sha512_256>(); return;
        default: SIP_ASSERT(false);
    }
}

HexDigest hash_joined(DigestAlgorithm algorithm, std::initializer_list<std::string_view> parts) {
    DigestHash hash(algorithm);
    bool first = true;
    for (const std::string_view part : parts) {
        if (!first) hash.update(":");
        first = false;
        hash.update(part);
    }
    return hash.finish();
}

}  // namespace sip
