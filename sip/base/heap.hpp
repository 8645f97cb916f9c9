#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sip/base/assert.hpp"

namespace sip {

/// An allocator within one span of bytes. Taking and giving back are O(1): two-level segregated
/// fit, and what is given back joins its free neighbours at once. Nothing stands before a block:
/// who gives it back says its size. Two bits for each 32 bytes say where free blocks begin and end.
///
/// Sizes go up to the next 16 bytes; the rest of what it costs is in `overhead`.
class Heap {
public:
    /// What every size is rounded up to, and every block aligned to.
    static constexpr std::size_t granule = 16;

    Heap() = default;
    /// The bytes outlive it, and are its own. Too few for any block: it has no capacity.
    explicit Heap(std::span<std::byte> bytes);
    Heap(const Heap&) = delete;
    Heap& operator=(const Heap&) = delete;

    /// Null when no free block is large enough. `size` is not 0.
    [[nodiscard]] void* take(std::size_t size);
    /// `size` is what was asked for.
    void give_back(void* pointer, std::size_t size);

    /// Of all blocks together.
    std::size_t capacity() const { return granules_ * granule; }
    std::size_t used() const { return used_ * granule; }
    /// At most so much of `bytes` that are given is not for blocks: tables, and alignment.
    static std::size_t overhead(std::size_t bytes);
    static constexpr std::size_t rounded(std::size_t size) {
        return (size + granule - 1) / granule * granule;
    }
    /// The largest free block; goes through those of one class.
    std::size_t largest() const;
    /// Goes through all of it: whether every table agrees with every other. For tests.
    bool is_sound() const;

private:
    /// Stands in the first granule of a free block. The size stands in its last bytes, too.
    struct Free {
        std::uint32_t next, previous;  ///< of the same class; in granules
        std::uint32_t size;            ///< in granules
    };
    static constexpr std::uint32_t none = UINT32_MAX;
    static constexpr unsigned class_bits = 4, classes_a_level = 1U << class_bits;
    struct Class {
        unsigned level, place;
    };
    struct Layout {
        unsigned levels;
        std::size_t tables, granules;
    };
    static Layout lay_out(std::size_t bytes);
    static Class class_of(std::uint32_t size);

    std::byte* at(std::uint32_t block) const { return blocks_ + std::size_t{block} * granule; }
    Free read(std::uint32_t block) const;
    void write(std::uint32_t block, const Free& free);
    std::uint32_t size_that_ends_before(std::uint32_t block) const;
    std::uint32_t& first_of(Class c) const { return firsts_[c.level * classes_a_level + c.place]; }
    bool is_edge(std::uint32_t i) const { return (edges_[i / 32] >> i % 32 & 1) != 0; }
    void set_edge(std::uint32_t i) { edges_[i / 32] |= 1U << i % 32; }
    void clear_edge(std::uint32_t i) { edges_[i / 32] &= ~(1U << i % 32); }
    void add(std::uint32_t block, std::uint32_t size);
    void remove(std::uint32_t block, const Free& free);
    std::uint32_t find(std::uint32_t size) const;

    std::byte* blocks_ = nullptr;
    std::uint32_t* edges_ = nullptr;   ///< a bit a granule: a free block begins or ends here
    std::uint32_t* firsts_ = nullptr;  ///< the first free block of each class
    std::uint32_t* filled_ = nullptr;  ///< a bit a class of each level: it has a free block
    std::uint32_t filled_levels_ = 0;
    unsigned levels_ = 0;
    std::uint32_t granules_ = 0, used_ = 0;
};

}  // namespace sip
