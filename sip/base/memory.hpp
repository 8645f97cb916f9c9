#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "sip/base/assert.hpp"
#include "sip/base/heap.hpp"
#include "sip/base/inline.hpp"

namespace sip {

/// The one source of heap memory in the core: capped, counted, and able to refuse.
/// Every slab, table, block and packet of a stack draws from one Memory, which outlives them all.
class Memory {
public:
    /// `cap`: bytes that may be out at one time. They come from `arena`, which outlives it and is
    /// its own, and are counted as they lie there (see Heap); from `malloc` where it is empty.
    explicit Memory(std::size_t cap = SIZE_MAX, std::span<std::byte> arena = {})
        : heap_(arena),
          in_arena_(!arena.empty()),
          cap_(in_arena_ && heap_.capacity() < cap ? heap_.capacity() : cap) {}
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() {
        SIP_ASSERT(used_ == 0);
        trim();
    }

    /// Aligned for any object; null at the cap, when the system has none, or when told to refuse.
    [[nodiscard]] void* allocate(std::size_t size);
    /// `size` is what was asked for. Null is allowed with size 0.
    void release(void* pointer, std::size_t size);

    /// Keeps the last `bytes` below the cap for when `open` says so: what has to be said when
    /// there is no memory for anything else.
    void set_reserve(std::size_t bytes) { reserve_ = bytes; }
    void open_reserve(bool open) { open_ = open; }

    /// Gives back what is kept of blocks that were released. Nothing depends on it.
    void trim();
    /// Containers that are trimmed give back at most so many blocks from here on, so that giving
    /// back the memory of a million objects takes many short steps. SIZE_MAX: as many as they have.
    void limit_trim(std::size_t blocks) { trim_left_ = blocks; }
    /// Whether a container may give one more back.
    bool may_trim() {
        if (trim_left_ == 0) return false;
        if (trim_left_ != SIZE_MAX) --trim_left_;
        return true;
    }

    std::size_t trim_left() const { return trim_left_; }

    std::size_t used() const { return used_; }
    std::size_t peak() const { return peak_; }
    std::size_t cap() const { return cap_; }
    std::uint64_t allocations() const { return allocations_; }
    std::uint64_t refusals() const { return refusals_; }
    /// Of the arena; without one it has no capacity.
    const Heap& heap() const { return heap_; }

    /// For tests: the allocation that is `countdown` away (0: the next) is refused, once.
    void refuse_after(std::uint64_t countdown) { refuse_at_ = allocations_ + countdown; }
    void refuse_none() { refuse_at_ = UINT64_MAX; }

private:
    /// Blocks of up to `spare_max` bytes, in steps as `malloc` has them, that were released and may
    /// be the next ones of their size.
    static constexpr std::size_t spare_max = 1'032, spare_step = 16, spare_bytes_max = 256 * 1'024;
    struct Spare {
        Spare* next;
    };
    static constexpr std::size_t step_of(std::size_t size) { return (size + 7) / spare_step; }
    static constexpr std::size_t bytes_of_step(std::size_t step) { return step * spare_step + 8; }

    void* take(std::size_t size);
    void give_back(void* pointer, std::size_t size);

    Heap heap_;
    bool in_arena_;
    Spare* spares_[spare_max / spare_step + 1] = {};
    std::size_t spare_bytes_ = 0;
    std::size_t cap_;
    std::size_t reserve_ = 0;
    bool open_ = false;
    std::size_t trim_left_ = SIZE_MAX;
    std::size_t used_ = 0, peak_ = 0;
    std::uint64_t allocations_ = 0, refusals_ = 0, refuse_at_ = UINT64_MAX;
};

/// Bytes of exact size, owned. Holds the packed strings of a dialog, a publication's body.
class Block {
public:
    Block() = default;
    SIP_CALL_FOR_SIZE Block(Block&& other) noexcept
        : memory_(other.memory_),
          data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}
    SIP_CALL_FOR_SIZE Block& operator=(Block&& other) noexcept {
        if (this != &other) {
            reset();
            memory_ = other.memory_;
            data_ = std::exchange(other.data_, nullptr);
            size_ = std::exchange(other.size_, 0);
        }
        return *this;
    }
    ~Block() { reset(); }

    /// Room for `size` bytes, content undefined. False: refused; the block is then empty.
    [[nodiscard]] bool resize(Memory& memory, std::size_t size) {
        reset();
        if (size == 0) return true;
        data_ = static_cast<char*>(memory.allocate(size));
        if (data_ == nullptr) return false;
        memory_ = &memory;
        size_ = size;
        return true;
    }
    [[nodiscard]] bool assign(Memory& memory, std::string_view text) {
        if (!resize(memory, text.size())) return false;
        if (!text.empty()) std::memcpy(data_, text.data(), text.size());
        return true;
    }
    void reset() {
        if (data_ != nullptr) memory_->release(data_, size_);
        data_ = nullptr;
        size_ = 0;
    }

    char* data() { return data_; }
    std::string_view view() const { return {data_, size_}; }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

private:
    Memory* memory_ = nullptr;
    char* data_ = nullptr;
    std::size_t size_ = 0;
};

/// What a Vector that grew to `count` elements, one by one, takes. It takes half as much again
/// while it grows.
template <class T>
constexpr std::size_t vector_bytes(std::size_t count) {
    std::size_t capacity = count == 0 ? 0 : 8;
    while (capacity < count) capacity *= 2;
    return capacity * sizeof(T);
}

/// What arrays of all types share: room for so many elements, each of so many bytes.
class ArrayRoom {
protected:
    explicit ArrayRoom(Memory& memory) : memory_(&memory) {}
    ArrayRoom(const ArrayRoom&) = delete;
    ArrayRoom& operator=(const ArrayRoom&) = delete;
    ~ArrayRoom() = default;

    /// Moves what there is, bit by bit, to where there is room for `count`. False: refused.
    [[nodiscard]] bool grow(std::size_t count, std::size_t element_bytes);
    /// Nothing is in it.
    void give_back(std::size_t element_bytes);

    Memory* memory_;
    void* data_ = nullptr;
    std::size_t size_ = 0, capacity_ = 0;
};

/// A growing array of trivially copyable values. Growth may be refused; nothing is lost then.
template <class T>
class Vector : ArrayRoom {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    explicit Vector(Memory& memory) : ArrayRoom(memory) {}
    ~Vector() { give_back(sizeof(T)); }

    [[nodiscard]] bool reserve(std::size_t count) {
        if (count <= capacity_) return true;
        const std::size_t wanted = capacity_ == 0 ? 8 : capacity_ * 2;
        return grow(wanted < count ? count : wanted, sizeof(T));
    }
    [[nodiscard]] bool push(const T& value) {
        const T copy = value;  // `value` may stand in the array that moves
        if (!reserve(size_ + 1)) return false;
        new (end()) T(copy);
        ++size_;
        return true;
    }
    void pop() {
        SIP_ASSERT(size_ > 0);
        --size_;
    }
    /// Removes element `i` by moving the last one into its place.
    void remove_unordered(std::size_t i) {
        SIP_ASSERT(i < size_);
        begin()[i] = begin()[size_ - 1];
        --size_;
    }
    void clear() { size_ = 0; }
    /// Gives its memory back if it is empty.
    void trim() {
        if (size_ == 0) give_back(sizeof(T));
    }

    T& operator[](std::size_t i) {
        SIP_ASSERT(i < size_);
        return begin()[i];
    }
    const T& operator[](std::size_t i) const {
        SIP_ASSERT(i < size_);
        return begin()[i];
    }
    T& back() { return (*this)[size_ - 1]; }
    T* begin() { return static_cast<T*>(data_); }
    T* end() { return begin() + size_; }
    const T* begin() const { return static_cast<const T*>(data_); }
    const T* end() const { return begin() + size_; }
    T* data() { return begin(); }
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return capacity_; }
    bool empty() const { return size_ == 0; }
};

}  // namespace sip
