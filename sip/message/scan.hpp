#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__) && !defined(SIP_PLAIN_SCAN)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(SIP_PLAIN_SCAN)
#include <arm_neon.h>
#endif

/// Looks at many bytes at once for the first that ends something. A block loads `size` bytes and
/// answers tests with a mask of `bits` a byte, the first byte lowest; all blocks are made and
/// tested alike, and the plain one works anywhere.
namespace sip::scan {

/// Eight bytes in a word. Byte by byte the tests add to seven bits what makes the eighth carry.
class PlainBlock {
public:
    using Mask = std::uint64_t;
    static constexpr unsigned size = 8, bits = 8;

    explicit PlainBlock(const char* at) {
        std::memcpy(&word_, at, sizeof word_);
        if constexpr (std::endian::native == std::endian::big) word_ = __builtin_bswap64(word_);
    }
    Mask equal(char c) const { return zero(word_ ^ each(c)); }
    /// The bytes that are not from `first` to `last`, which are of ASCII.
    Mask outside(char first, char last) const {
        const std::uint64_t low = word_ & each(0x7f);
        const std::uint64_t from = low + each(static_cast<char>(0x80 - first));
        const std::uint64_t past = low + each(static_cast<char>(0x7f - last));
        return (~from | past | word_) & high;
    }
    /// The same, with letters taken for small ones: from `first` to `last` are some of these.
    Mask outside_letters(char first, char last) const {
        PlainBlock small(*this);
        small.word_ |= each(0x20);
        return small.outside(first, last);
    }

private:
    static constexpr std::uint64_t high = 0x8080808080808080;
    static constexpr std::uint64_t each(char c) {
        return 0x0101010101010101 * static_cast<std::uint64_t>(static_cast<unsigned char>(c));
    }
    static constexpr std::uint64_t zero(std::uint64_t word) {
        return ~(((word & ~high) + ~high) | word) & high;
    }

    std::uint64_t word_;
};

#if defined(__SSE2__) && !defined(SIP_PLAIN_SCAN)
class VectorBlock {
public:
    using Mask = std::uint32_t;
    static constexpr unsigned size = 16, bits = 1;

    explicit VectorBlock(const char* at)
        : bytes_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))) {}
    Mask equal(char c) const { return mask(_mm_cmpeq_epi8(bytes_, _mm_set1_epi8(c))); }
    // Compared with their signs: what is outside ASCII is below all that is in it.
    Mask outside(char first, char last) const { return mask(outside(bytes_, first, last)); }
    Mask outside_letters(char first, char last) const {
        return mask(outside(_mm_or_si128(bytes_, _mm_set1_epi8(0x20)), first, last));
    }

private:
    static __m128i outside(__m128i bytes, char first, char last) {
        return _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(first)),
                            _mm_cmpgt_epi8(bytes, _mm_set1_epi8(last)));
    }
    static Mask mask(__m128i bytes) { return static_cast<Mask>(_mm_movemask_epi8(bytes)); }

    __m128i bytes_;
};
#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(SIP_PLAIN_SCAN)
class VectorBlock {
public:
    using Mask = std::uint64_t;
    static constexpr unsigned size = 16, bits = 4;

    explicit VectorBlock(const char* at)
        : bytes_(vld1q_u8(reinterpret_cast<const std::uint8_t*>(at))) {}
    Mask equal(char c) const { return mask(vceqq_u8(bytes_, each(c))); }
    Mask outside(char first, char last) const { return mask(outside(bytes_, first, last)); }
    Mask outside_letters(char first, char last) const {
        return mask(outside(vorrq_u8(bytes_, each(0x20)), first, last));
    }

private:
    static uint8x16_t each(char c) { return vdupq_n_u8(static_cast<std::uint8_t>(c)); }
    static uint8x16_t outside(uint8x16_t bytes, char first, char last) {
        return vorrq_u8(vcltq_u8(bytes, each(first)), vcgtq_u8(bytes, each(last)));
    }
    static Mask mask(uint8x16_t bytes) {
        return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(bytes), 4)), 0);
    }

    uint8x16_t bytes_;
};
#else
using VectorBlock = PlainBlock;
#endif

/// The place in a block of the first byte in `mask`, which has one.
template <class Block>
constexpr unsigned first_of(typename Block::Mask mask) {
    return static_cast<unsigned>(std::countr_zero(mask)) / Block::bits;
}

/// A test of a block, and the same of one byte.
struct Special {  ///< a control byte, or one outside ASCII
    template <class Block>
    static auto in(const Block& block) {
        return block.outside(' ', '~');
    }
    static constexpr bool is(char c) { return c < ' ' || c > '~'; }
};
struct Invisible {  ///< the same, or a space
    template <class Block>
    static auto in(const Block& block) {
        return block.outside('!', '~');
    }
    static constexpr bool is(char c) { return c < '!' || c > '~'; }
};
struct EndsName {  ///< of a header field: a colon, or what no name holds
    template <class Block>
    static auto in(const Block& block) {
        return block.outside(' ', '~') | block.equal(':');
    }
    static constexpr bool is(char c) { return Special::is(c) || c == ':'; }
};
struct EndsQuoted {  ///< what ends a run of plain text between quotes
    template <class Block>
    static auto in(const Block& block) {
        return block.outside(' ', '~') | block.equal('"') | block.equal('\\');
    }
    static constexpr bool is(char c) { return Special::is(c) || c == '"' || c == '\\'; }
};
/// Neither letter, digit, hyphen nor dot, which every class of the grammar holds.
struct EndsWord {
    template <class Block>
    static auto in(const Block& block) {
        return block.outside_letters('a', 'z') & (block.outside('-', '9') | block.equal('/'));
    }
    static constexpr bool is(char c) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        return !letter && (c < '-' || c > '9' || c == '/');
    }
};

/// The first byte from `at` on that `Test` is true of, or `end`. `begin` is how far back may be
/// read, which is done so that the last bytes cost no more than others.
template <class Test, class Block = VectorBlock>
const char* find(const char* begin, const char* at, const char* end) {
    while (static_cast<std::size_t>(end - at) >= Block::size) {
        if (const auto mask = Test::in(Block(at)); mask != 0) return at + first_of<Block>(mask);
        at += Block::size;
    }
    const auto left = static_cast<unsigned>(end - at);
    if (left == 0) return end;
    if (static_cast<std::size_t>(end - begin) >= Block::size) {
        const auto mask =
            Test::in(Block(end - Block::size)) >> (Block::bits * (Block::size - left));
        return mask == 0 ? end : at + first_of<Block>(mask);
    }
    while (at != end && !Test::is(*at)) ++at;
    return at;
}

}  // namespace sip::scan
