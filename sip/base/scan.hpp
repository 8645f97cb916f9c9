#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "sip/base/inline.hpp"

#if defined(__SSE2__) && !defined(SIP_PLAIN_SCAN)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(SIP_PLAIN_SCAN)
#include <arm_neon.h>
#endif

/// Looks at many bytes at once for the end of a run. A block loads `size` bytes and finds sets of
/// them, of which a mask has a bit for each, the first byte lowest; all blocks are made and tested
/// alike, and the plain one works anywhere.
namespace sip::scan {

using Mask = std::uint32_t;

/// The place of the lowest bit of `mask`, which is not 0.
inline std::size_t lowest(std::uint64_t mask) {
#if defined(__x86_64__) && !defined(__clang__)
    // g++ 12 extends the sign of what cannot have one, at each of these.
    std::uint64_t place;
    asm("rep bsfq %1, %0" : "=r"(place) : "r"(mask) : "cc");
    return place;
#else
    return static_cast<std::size_t>(std::countr_zero(mask));
#endif
}

/// Eight bytes in a word. Byte by byte the tests add to seven bits what makes the eighth carry.
class PlainBlock {
public:
    static constexpr unsigned size = 8;

    /// The eighth bit of each byte says whether it is one of them; the others mean nothing.
    struct Set {
        std::uint64_t bits;
        Set operator|(Set other) const { return {bits | other.bits}; }
        Set operator&(Set other) const { return {bits & other.bits}; }
        Set without(Set other) const { return {bits & ~other.bits}; }
        Set others() const { return {~bits}; }
        /// No two of the products meet in a bit.
        Mask mask() const {
            return static_cast<Mask>(((bits & high) >> 7) * 0x0102040810204080 >> 56);
        }
        bool all() const { return (~bits & high) == 0; }
    };

    explicit PlainBlock(const char* at) {
        std::memcpy(&word_, at, sizeof word_);
        if constexpr (std::endian::native == std::endian::big) word_ = __builtin_bswap64(word_);
    }
    void store(char* to) const {
        const std::uint64_t word =
            std::endian::native == std::endian::big ? __builtin_bswap64(word_) : word_;
        std::memcpy(to, &word, sizeof word);
    }
    Set equal(char c) const {
        const std::uint64_t other = word_ ^ each(c);
        return {~(((other & ~high) + ~high) | other)};
    }
    /// From `first` to `last`, which are of ASCII.
    Set inside(char first, char last) const {
        const std::uint64_t low = word_ & ~high;
        const std::uint64_t from = low + each(static_cast<char>(0x80 - first));
        const std::uint64_t past = low + each(static_cast<char>(0x7f - last));
        return {from & ~past & ~word_};
    }
    Set outside(char first, char last) const { return inside(first, last).others(); }
    /// The same with its letters in lower case.
    PlainBlock lower() const {
        PlainBlock small(*this);
        small.word_ |= (inside('A', 'Z').bits & high) >> 2;
        return small;
    }
    /// Letters in either case.
    Set letters() const {
        PlainBlock small(*this);
        small.word_ |= each(0x20);
        return small.inside('a', 'z');
    }

private:
    static constexpr std::uint64_t high = 0x8080808080808080;
    static constexpr std::uint64_t each(char c) {
        return 0x0101010101010101 * static_cast<std::uint64_t>(static_cast<unsigned char>(c));
    }

    std::uint64_t word_;
};

#if defined(__SSE2__) && !defined(SIP_PLAIN_SCAN)
class VectorBlock {
public:
    static constexpr unsigned size = 16;

    struct Set {
        __m128i bytes;
        Set operator|(Set other) const { return {_mm_or_si128(bytes, other.bytes)}; }
        Set operator&(Set other) const { return {_mm_and_si128(bytes, other.bytes)}; }
        Set without(Set other) const { return {_mm_andnot_si128(other.bytes, bytes)}; }
        Set others() const { return {_mm_xor_si128(bytes, _mm_set1_epi8(-1))}; }
        Mask mask() const { return static_cast<Mask>(_mm_movemask_epi8(bytes)); }
        bool all() const { return mask() == 0xffff; }
    };

    explicit VectorBlock(const char* at)
        : bytes_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))) {}
    void store(char* to) const { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes_); }
    Set equal(char c) const { return {_mm_cmpeq_epi8(bytes_, _mm_set1_epi8(c))}; }
    Set inside(char first, char last) const { return inside(bytes_, first, last); }
    /// The others. Moved as for `inside`, what is below `first` becomes negative.
    Set outside(char first, char last) const {
        const auto moved = _mm_add_epi8(bytes_, _mm_set1_epi8(static_cast<char>(0x7f - last)));
        return {_mm_subs_epi8(moved, _mm_set1_epi8(static_cast<char>(first + 0x7f - last)))};
    }
    Set letters() const { return inside(_mm_or_si128(bytes_, _mm_set1_epi8(0x20)), 'a', 'z'); }

private:
    /// Moved so that `last` is the highest there is, compared with signs.
    static Set inside(__m128i bytes, char first, char last) {
        const auto moved = _mm_add_epi8(bytes, _mm_set1_epi8(static_cast<char>(0x7f - last)));
        return {_mm_cmpgt_epi8(moved, _mm_set1_epi8(static_cast<char>(first + 0x7e - last)))};
    }

    __m128i bytes_;
};
#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(SIP_PLAIN_SCAN)
class VectorBlock {
public:
    static constexpr unsigned size = 16;

    struct Set {
        uint8x16_t bytes;
        Set operator|(Set other) const { return {vorrq_u8(bytes, other.bytes)}; }
        Set operator&(Set other) const { return {vandq_u8(bytes, other.bytes)}; }
        Set without(Set other) const { return {vbicq_u8(bytes, other.bytes)}; }
        Set others() const { return {vmvnq_u8(bytes)}; }
        Mask mask() const {
            constexpr std::uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128,
                                                 1, 2, 4, 8, 16, 32, 64, 128};
            const uint8x16_t set = vandq_u8(bytes, vld1q_u8(places));
            return static_cast<Mask>(vaddv_u8(vget_low_u8(set)) | vaddv_u8(vget_high_u8(set)) << 8);
        }
        bool all() const { return vminvq_u8(bytes) != 0; }
    };

    explicit VectorBlock(const char* at)
        : bytes_(vld1q_u8(reinterpret_cast<const std::uint8_t*>(at))) {}
    void store(char* to) const { vst1q_u8(reinterpret_cast<std::uint8_t*>(to), bytes_); }
    Set equal(char c) const { return {vceqq_u8(bytes_, each(c))}; }
    Set inside(char first, char last) const { return inside(bytes_, first, last); }
    Set outside(char first, char last) const { return inside(first, last).others(); }
    Set letters() const { return inside(vorrq_u8(bytes_, each(0x20)), 'a', 'z'); }

private:
    static uint8x16_t each(char c) { return vdupq_n_u8(static_cast<std::uint8_t>(c)); }
    static Set inside(uint8x16_t bytes, char first, char last) {
        return {vandq_u8(vcgeq_u8(bytes, each(first)), vcleq_u8(bytes, each(last)))};
    }

    uint8x16_t bytes_;
};
#else
using VectorBlock = PlainBlock;
#endif

/// What a run is made of: the bytes of a block, and the same of one byte.
struct Plain {  ///< of ASCII, and no control byte
    template <class Block>
    static auto in(const Block& block) {
        return block.inside(' ', '~');
    }
    template <class Block>
    static auto out(const Block& block) {
        return block.outside(' ', '~');
    }
    static constexpr bool has(char c) { return c >= ' ' && c <= '~'; }
};
struct Visible {  ///< the same, and no space
    template <class Block>
    static auto in(const Block& block) {
        return block.inside('!', '~');
    }
    template <class Block>
    static auto out(const Block& block) {
        return block.outside('!', '~');
    }
    static constexpr bool has(char c) { return c >= '!' && c <= '~'; }
};
struct RequestUri {  ///< what may stand in one
    template <class Block>
    static auto in(const Block& block) {
        return block.inside('!', '~').without(block.equal('<') | block.equal('>') |
                                              block.equal('"'));
    }
    static constexpr bool has(char c) {
        return Visible::has(c) && c != '<' && c != '>' && c != '"';
    }
};
struct Word {  ///< letters, digits, hyphens and dots, which are of every class of the grammar
    template <class Block>
    static auto in(const Block& block) {
        return block.letters() | block.inside('-', '9').without(block.equal('/'));
    }
    static constexpr bool has(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               (c >= '-' && c <= '9' && c != '/');
    }
};

/// Of the sixteen bytes from `at` on those that are `c`.
template <class Block = VectorBlock>
SIP_ALWAYS_INLINE Mask in_sixteen(const char* at, char c) {
    Mask found = 0;
    for (unsigned i = 0; i != 16; i += Block::size) found |= Block(at + i).equal(c).mask() << i;
    return found;
}

/// The bytes of `block` that are not of `Run`.
template <class Run, class Block>
Mask outside(const Block& block) {
    if constexpr (requires { Run::out(block); }) return Run::out(block).mask();
    return Run::in(block).mask() ^ ((Mask{1} << Block::size) - 1);
}

/// The first byte from `at` on that is not of `Run`, or `end`. `begin` is how far back may be read,
/// which is done so that the last bytes cost no more than others.
template <class Run, class Block = VectorBlock>
const char* find_end(const char* begin, const char* at, const char* end) {
    if (built_for_size || static_cast<std::size_t>(end - begin) < Block::size) {
        while (at != end && Run::has(*at)) ++at;
        return at;
    }
    const char* const last = end - Block::size;
    for (; at <= last; at += Block::size)
        if (const Mask mask = outside<Run>(Block(at)); mask != 0) return at + lowest(mask);
    if (at == end) return end;
    const Mask mask = outside<Run>(Block(last)) >> (at - last);
    return mask == 0 ? end : at + lowest(mask);
}

/// The first byte from `at` on that is not of `Run`, which there is; a block can be read from
/// there.
template <class Run, class Block = VectorBlock>
SIP_ALWAYS_INLINE const char* sure_end(const char* at) {
    for (;; at += Block::size)
        if (const Mask mask = outside<Run>(Block(at)); mask != 0) return at + lowest(mask);
}
/// `find_end` for where it is asked for most: looks at four blocks before it thinks of the end.
template <class Run, class Block = VectorBlock>
SIP_ALWAYS_INLINE const char* run_end(const char* begin, const char* at, const char* end) {
    constexpr unsigned size = Block::size;
    for (const char* const last = end - 4 * size; at <= last; at += 4 * size) {
        if (const Mask mask = outside<Run>(Block(at)); mask != 0) return at + lowest(mask);
        if (const Mask mask = outside<Run>(Block(at + size)); mask != 0)
            return at + size + lowest(mask);
        if (const Mask mask = outside<Run>(Block(at + 2 * size)); mask != 0)
            return at + 2 * size + lowest(mask);
        if (const Mask mask = outside<Run>(Block(at + 3 * size)); mask != 0)
            return at + 3 * size + lowest(mask);
    }
    return find_end<Run, Block>(begin, at, end);
}

/// Copies `text`, which has as many bytes as a block at least, and says whether all of it is of
/// `Run`.
template <class Run, class Block = VectorBlock>
inline bool copy_run(char* to, std::string_view text) {
    const char* const from = text.data();
    const std::size_t last = text.size() - Block::size;
    const Block end(from + last);
    auto within = Run::in(end);
    for (std::size_t i = 0; i < last; i += Block::size) {
        const Block block(from + i);
        within = within & Run::in(block);
        block.store(to + i);
    }
    end.store(to + last);
    return within.all();
}
/// The same of a text of any size, best of a short one.
template <class Run>
inline bool copy_short_run(char* to, std::string_view text) {
    if (text.size() >= PlainBlock::size) return copy_run<Run, PlainBlock>(to, text);
    bool all = true;
    for (const char c : text) {
        all &= Run::has(c);
        *to++ = c;
    }
    return all;
}

/// Puts letters of ASCII in lower case.
inline void make_lower(char* text, std::size_t size) {
    for (; size >= PlainBlock::size; text += PlainBlock::size, size -= PlainBlock::size)
        PlainBlock(text).lower().store(text);
    for (; size > 0; ++text, --size)
        if (*text >= 'A' && *text <= 'Z') *text = static_cast<char>(*text + 32);
}

/// Of the 64 bytes from `at` on, all of which are there, those that are not of `Run`, the first one
/// lowest.
template <class Run, class Block = VectorBlock>
std::uint64_t ends_of_64(const char* at) {
    std::uint64_t within = 0;
    for (unsigned i = 0; i != 64; i += Block::size)
        within |= std::uint64_t{Run::in(Block(at + i)).mask()} << i;
    return ~within;
}

/// The same, up to `end` and what stands there at least: what is further is not looked at where
/// that saves something, and then none of it is told.
template <class Run, class Block = VectorBlock>
SIP_ALWAYS_INLINE std::uint64_t ends_of_most(const char* at, const char* end) {
    const auto sixteen = [at](unsigned from) {
        std::uint64_t within = 0;
        for (unsigned i = 0; i != 16; i += Block::size)
            within |= std::uint64_t{Run::in(Block(at + from + i)).mask()} << (from + i);
        return within;
    };
    std::uint64_t within = sixteen(0) | sixteen(16);
    if (end - at < 32) return static_cast<std::uint32_t>(~within);
    within |= sixteen(32);
    return end - at < 48 ? ~(within << 16) >> 16 : ~(within | sixteen(48));
}

/// Of the 64 bytes from `at` on, which are not of `Run`, the first one lowest; what lies behind
/// `end` counts as such.
template <class Run, class Block = VectorBlock>
std::uint64_t all_ends(const char* begin, const char* at, const char* end) {
    const auto size = static_cast<std::size_t>(end - at);
    if (size >= 64) return ends_of_64<Run, Block>(at);
    std::uint64_t found = ~std::uint64_t{0} << size;
    std::size_t i = 0;
    for (; size - i >= Block::size; i += Block::size)
        found |= std::uint64_t{outside<Run>(Block(at + i))} << i;
    if (i == size) return found;
    const std::size_t left = size - i;
    if (static_cast<std::size_t>(end - begin) >= Block::size) {
        const Mask mask = outside<Run>(Block(end - Block::size));
        return found | std::uint64_t{mask >> (Block::size - left)} << i;
    }
    if constexpr (Block::size > PlainBlock::size) {
        return all_ends<Run, PlainBlock>(begin, at, end);
    } else {
        for (; i < size; ++i) found |= std::uint64_t{!Run::has(at[i])} << i;
        return found;
    }
}

}  // namespace sip::scan
