#include "sip/base/heap.hpp"

#include <bit>
#include <cstring>

namespace sip {

namespace {

constexpr std::size_t granules_max = UINT32_MAX / 2;

}  // namespace

Heap::Layout Heap::lay_out(std::size_t bytes) {
    Layout layout{};
    std::size_t granules = bytes / granule < granules_max ? bytes / granule : granules_max;
    // The tables are for somewhat more granules than are left beside them.
    const auto width = static_cast<unsigned>(std::bit_width(granules));
    layout.levels = width > class_bits ? width - class_bits + 1 : 1;
    const std::size_t words =
        (granules + 31) / 32 + std::size_t{layout.levels} * (classes_a_level + 1);
    layout.tables = rounded(words * sizeof(std::uint32_t));
    const std::size_t taken = layout.tables / granule;
    layout.granules = granules > taken ? granules - taken : 0;
    return layout;
}

std::size_t Heap::overhead(std::size_t bytes) {
    const std::size_t most = lay_out(bytes).tables + 2 * granule;  // both ends are aligned
    return most < bytes ? most : bytes;
}

Heap::Heap(std::span<std::byte> bytes) {
    const std::size_t off = reinterpret_cast<std::uintptr_t>(bytes.data()) % granule;
    const std::size_t skipped = off == 0 ? 0 : granule - off;
    if (bytes.size() <= skipped) return;
    const Layout layout = lay_out(bytes.size() - skipped);
    if (layout.granules == 0) return;
    std::byte* start = bytes.data() + skipped;
    std::memset(start, 0, layout.tables);
    levels_ = layout.levels;
    firsts_ = reinterpret_cast<std::uint32_t*>(start);
    const std::size_t classes = std::size_t{levels_} * classes_a_level;
    for (std::size_t i = 0; i < classes; ++i) firsts_[i] = none;
    filled_ = firsts_ + classes;
    edges_ = filled_ + levels_;
    blocks_ = start + layout.tables;
    granules_ = static_cast<std::uint32_t>(layout.granules);
    add(0, granules_);
}

/// Below 32 granules a class is one size, above it is a sixteenth of a power of two.
Heap::Class Heap::class_of(std::uint32_t size) {
    const auto width = static_cast<unsigned>(std::bit_width(size));
    if (width <= class_bits) return {0, size};
    const unsigned level = width - class_bits;
    return {level, size >> (level - 1) & (classes_a_level - 1)};
}

Heap::Free Heap::read(std::uint32_t block) const {
    Free free{};
    std::memcpy(&free, at(block), sizeof free);
    return free;
}

void Heap::write(std::uint32_t block, const Free& free) {
    std::memcpy(at(block), &free, sizeof free);
    std::memcpy(at(block + free.size) - sizeof free.size, &free.size, sizeof free.size);
}

std::uint32_t Heap::size_that_ends_before(std::uint32_t block) const {
    std::uint32_t size = 0;
    std::memcpy(&size, at(block) - sizeof size, sizeof size);
    return size;
}

void Heap::add(std::uint32_t block, std::uint32_t size) {
    const Class c = class_of(size);
    std::uint32_t& first = first_of(c);
    write(block, {first, none, size});
    if (first != none) {
        Free after = read(first);
        after.previous = block;
        write(first, after);
    }
    first = block;
    filled_[c.level] |= 1U << c.place;
    filled_levels_ |= 1U << c.level;
    set_edge(block);
    set_edge(block + size - 1);
}

void Heap::remove(std::uint32_t block, const Free& free) {
    const Class c = class_of(free.size);
    if (free.next != none) {
        Free after = read(free.next);
        after.previous = free.previous;
        write(free.next, after);
    }
    if (free.previous != none) {
        Free before = read(free.previous);
        before.next = free.next;
        write(free.previous, before);
    } else {
        first_of(c) = free.next;
        if (free.next == none) filled_[c.level] &= ~(1U << c.place);
        if (filled_[c.level] == 0) filled_levels_ &= ~(1U << c.level);
    }
    clear_edge(block);
    clear_edge(block + free.size - 1);
}

/// A free block of at least `size` granules: the first of its own class if that is large enough,
/// else the first of the next class that has one, any of which is. `none`: there is none.
std::uint32_t Heap::find(std::uint32_t size) const {
    Class c = class_of(size);
    if (c.level >= levels_) return none;
    const std::uint32_t own = first_of(c);
    if (own != none && read(own).size >= size) return own;
    std::uint32_t filled = filled_[c.level] & ~0U << c.place << 1;
    if (filled == 0) {
        const std::uint32_t above = filled_levels_ & ~0U << c.level << 1;
        if (above == 0) return none;
        c.level = static_cast<unsigned>(std::countr_zero(above));
        filled = filled_[c.level];
    }
    c.place = static_cast<unsigned>(std::countr_zero(filled));
    return first_of(c);
}

void* Heap::take(std::size_t size) {
    SIP_ASSERT(size > 0);
    if (size > capacity()) return nullptr;
    const auto wanted = static_cast<std::uint32_t>(rounded(size) / granule);
    const std::uint32_t block = find(wanted);
    if (block == none) return nullptr;
    const Free free = read(block);
    remove(block, free);
    if (free.size > wanted) add(block + wanted, free.size - wanted);
    used_ += wanted;
    return at(block);
}

void Heap::give_back(void* pointer, std::size_t size) {
    const auto offset = static_cast<std::size_t>(static_cast<std::byte*>(pointer) - blocks_);
    SIP_ASSERT(size > 0 && offset % granule == 0 && offset < capacity());
    auto block = static_cast<std::uint32_t>(offset / granule);
    auto count = static_cast<std::uint32_t>(rounded(size) / granule);
    SIP_ASSERT(count <= used_ && count <= granules_ - block);
    SIP_ASSERT(!is_edge(block) && !is_edge(block + count - 1));  // given back twice
    used_ -= count;
    if (const std::uint32_t after = block + count; after < granules_ && is_edge(after)) {
        const Free free = read(after);
        remove(after, free);
        count += free.size;
    }
    if (block > 0 && is_edge(block - 1)) {
        const std::uint32_t before = block - size_that_ends_before(block);
        const Free free = read(before);
        remove(before, free);
        block = before;
        count += free.size;
    }
    add(block, count);
}

std::size_t Heap::largest() const {
    if (filled_levels_ == 0) return 0;
    const auto level = static_cast<unsigned>(std::bit_width(filled_levels_)) - 1;
    const auto place = static_cast<unsigned>(std::bit_width(filled_[level])) - 1;
    std::uint32_t most = 0;
    for (std::uint32_t i = first_of({level, place}); i != none; i = read(i).next)
        if (read(i).size > most) most = read(i).size;
    return most * granule;
}

bool Heap::is_sound() const {
    std::size_t listed = 0, free_granules = 0, edges = 0;
    for (unsigned i = 0; i < levels_ * classes_a_level; ++i) {
        const Class c{i / classes_a_level, i % classes_a_level};
        const bool filled = (filled_[c.level] >> c.place & 1) != 0;
        if (filled != (first_of(c) != none)) return false;
        if ((filled_levels_ >> c.level & 1) != (filled_[c.level] != 0 ? 1U : 0U)) return false;
        std::uint32_t previous = none;
        for (std::uint32_t at = first_of(c); at != none; previous = at, at = read(at).next) {
            const Free free = read(at);
            const Class own = class_of(free.size);
            if (own.level != c.level || own.place != c.place || free.previous != previous ||
                free.size == 0 || free.size > granules_ - at || !is_edge(at) ||
                !is_edge(at + free.size - 1) || size_that_ends_before(at + free.size) != free.size)
                return false;
            const std::uint32_t after = at + free.size;
            if (after < granules_ && is_edge(after)) return false;  // they were not joined
            ++listed;
            free_granules += free.size;
            edges += free.size == 1 ? 1U : 2U;
        }
    }
    for (std::uint32_t i = 0; i < granules_; ++i) edges -= is_edge(i) ? 1U : 0U;
    return edges == 0 && free_granules + used_ == granules_ && listed <= granules_;
}

}  // namespace sip
