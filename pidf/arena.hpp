#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>
#include <type_traits>

#include "sip/base/error.hpp"
#include "sip/base/inline.hpp"
#include "sip/base/memory.hpp"

namespace pidf {

/// A bump arena with a cap: what one document costs, freed all at once.
/// Chunks come from a sip::Memory, which outlives the arena. Refusal is a value.
class Arena {
public:
    /// `cap`: bytes that the arena may draw from `memory`, its own book-keeping included.
    Arena(sip::Memory& memory, std::size_t cap) : memory_(&memory), cap_(cap) {}
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    ~Arena() { reset(); }

    /// Aligned for any object, content undefined, valid until reset(). Null: refused.
    [[nodiscard]] SIP_CALL_FOR_SIZE void* allocate(std::size_t size) {
        const std::size_t taken = round_up(size);
        // One that is rounded up to nothing is none, or too large.
        if (taken == 0 || taken > static_cast<std::size_t>(end_ - at_)) return allocate_new(size);
        void* result = at_;
        at_ += taken;
        return result;
    }

    /// A value-initialised T. Null: refused. Its destructor never runs.
    template <class T>
    [[nodiscard]] T* make() {
        static_assert(std::is_trivially_destructible_v<T>);
        void* room = allocate(sizeof(T));
        return room == nullptr ? nullptr : new (room) T{};
    }
    /// `count` value-initialised T; null when refused. A count of 0 gives a pointer to nothing.
    template <class T>
    [[nodiscard]] T* make_array(std::size_t count) {
        static_assert(std::is_trivially_destructible_v<T>);
        if (count > SIZE_MAX / sizeof(T)) return nullptr;
        void* room = allocate(count * sizeof(T));
        if (room == nullptr) return nullptr;
        T* first = static_cast<T*>(room);
        for (std::size_t i = 0; i < count; ++i) new (first + i) T{};
        return first;
    }
    /// Sets `out` to a copy of `text` that lives as long as the arena. False: refused.
    [[nodiscard]] bool copy(std::string_view text, std::string_view& out);

    /// Gives everything back.
    void reset();

    sip::Memory& memory() { return *memory_; }
    /// Bytes drawn from the memory; never above cap().
    std::size_t used() const { return used_; }
    std::size_t cap() const { return cap_; }
    std::size_t left() const { return cap_ - used_; }
    /// The last refusal was for the cap and not for want of memory.
    bool capped() const { return capped_; }

    /// The error that answers a refusal: 413 at the cap (this document is too large for what one
    /// document may cost), 503 when the memory had no more.
    sip::Error refusal() const;

private:
    struct Chunk {
        Chunk* next;
        std::size_t size;
    };
    static constexpr std::size_t alignment = alignof(std::max_align_t);
    static constexpr std::size_t round_up(std::size_t size) {
        return (size + alignment - 1) & ~(alignment - 1);
    }
    void* allocate_new(std::size_t size);
    bool grow(std::size_t size);

    sip::Memory* memory_;
    std::size_t cap_, used_ = 0;
    Chunk* chunks_ = nullptr;
    char* at_ = nullptr;
    char* end_ = nullptr;
    bool capped_ = false;
};

}  // namespace pidf
