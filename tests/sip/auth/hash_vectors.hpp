#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sip/auth/digest_hash.hpp"

/// The hash of `text` in hexadecimal, given in pieces of `piece` bytes (0: all at once).
template <class Hash>
std::string hex_of(std::string_view text, std::size_t piece = 0) {
    Hash hash;
    if (piece == 0) hash.update(text);
    for (std::size_t at = 0; piece != 0 && at < text.size(); at += piece)
        hash.update(text.substr(at, piece));
    return std::string(sip::HexDigest(hash.finish()).view());
}

/// The hash of the binary hashes of 0, 1, 2, ... 299 times "x": every padding in one number.
template <class Hash>
std::string hash_of_all_lengths(std::size_t piece) {
    Hash outer;
    for (std::size_t length = 0; length < 300; ++length) {
        Hash inner;
        const std::string text(length, 'x');
        for (std::size_t at = 0; at < length; at += piece)
            inner.update(std::string_view(text).substr(at, piece));
        const auto digest = inner.finish();
        outer.update({reinterpret_cast<const char*>(digest.data()), digest.size()});
    }
    return std::string(sip::HexDigest(outer.finish()).view());
}
