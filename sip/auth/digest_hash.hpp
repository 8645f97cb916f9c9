#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "sip/auth/md5.hpp"
#include "sip/auth/sha256.hpp"
#include "sip/auth/sha512_256.hpp"
#include "sip/message/digest_header.hpp"

namespace sip {

/// A hash as lower-case hexadecimal: 32 characters of MD5, 64 of the others, none when empty.
class HexDigest {
public:
    HexDigest() = default;
    explicit HexDigest(std::span<const std::uint8_t> digest);
    /// 32 or 64 hexadecimal digits in any case; nothing for any other text.
    static std::optional<HexDigest> parse(std::string_view text);

    std::string_view view() const { return {text_.data(), size_}; }
    friend bool operator==(const HexDigest&, const HexDigest&) = default;

private:
    std::array<char, 64> text_{};
    std::uint8_t size_ = 0;
};

/// The hash below a -sess variant; any other algorithm is itself. RFC 7616 3.4.2.
constexpr DigestAlgorithm base_of(DigestAlgorithm algorithm) {
    switch (algorithm) {
        case DigestAlgorithm::md5_sess: return DigestAlgorithm::md5;
        case DigestAlgorithm::sha256_sess: return DigestAlgorithm::sha256;
        case DigestAlgorithm::sha512_256_sess: return DigestAlgorithm::sha512_256;
        default: return algorithm;
    }
}
constexpr bool is_session(DigestAlgorithm algorithm) { return base_of(algorithm) != algorithm; }

/// The hash function that `algorithm` names, with or without -sess. `other` must not be asked for.
class DigestHash {
public:
    explicit DigestHash(DigestAlgorithm algorithm);

    void update(std::string_view bytes) {
        std::visit([bytes](auto& hash) { hash.update(bytes); }, hash_);
    }
    /// Once; the object is spent then.
    HexDigest finish() {
        return std::visit([](auto& hash) { return HexDigest(hash.finish()); }, hash_);
    }

private:
    std::variant<Md5, Sha256, Sha512_256> hash_;
};

/// The hash of `parts` with ":" between them, as all of RFC 7616 3.4 is built.
HexDigest hash_joined(DigestAlgorithm algorithm, std::initializer_list<std::string_view> parts);

}  // namespace sip
