#include "sip/auth/sha256.hpp"

#include <bit>

namespace sip {

namespace {

// FIPS 180-4 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first
// 64 primes.
constexpr std::array<std::uint32_t, 64> constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

using Word = std::uint32_t;

Word big_endian(const std::uint8_t* at) {
    Word word = 0;
    for (std::size_t i = 0; i < sizeof word; ++i) word = word << 8 | at[i];
    return word;
}

}  // namespace

void Sha256::update(std::string_view bytes) {
    buffer_.add(bytes, [this](const std::uint8_t* block) { compress(block); });
}

void Sha256::compress(const std::uint8_t* block) {
    std::array<Word, 64> words;
    for (std::size_t i = 0; i < 16; ++i) words[i] = big_endian(block + sizeof(Word) * i);
    for (std::size_t i = 16; i < words.size(); ++i) {
        const Word x = words[i - 15], y = words[i - 2];
        const Word s0 = std::rotr(x, 7) ^ std::rotr(x, 18) ^ (x >> 3);
        const Word s1 = std::rotr(y, 17) ^ std::rotr(y, 19) ^ (y >> 10);
        words[i] = words[i - 16] + s0 + words[i - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state_;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const Word s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
        const Word choice = (e & f) ^ (~e & g);
        const Word first = h + s1 + choice + constants[i] + words[i];
        const Word s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
        const Word majority = (a & b) ^ (a & c) ^ (b & c);
        h = g;
        g = f;
        f = e;
        e = d + first;
        d = c;
        c = b;
        b = a;
        a = first + s0 + majority;
    }
    const std::array<Word, 8> added{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state_[i] += added[i];
}

Sha256::Digest Sha256::finish() {
    buffer_.pad(
        2 * sizeof(Word), [this](const std::uint8_t* block) { compress(block); },
        [this](std::uint8_t* at) {
            for (unsigned i = 0; i < 8; ++i)
                at[2 * sizeof(Word) - 1 - i] = static_cast<std::uint8_t>(buffer_.bits() >> (8 * i));
        });
    Digest digest;
    for (std::size_t i = 0; i < digest.size(); ++i)
        digest[i] = static_cast<std::uint8_t>(state_[i / sizeof(Word)] >>
                                              (8 * (sizeof(Word) - 1 - i % sizeof(Word))));
    return digest;
}

}  // namespace sip
