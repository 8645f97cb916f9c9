#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "sip/base/assert.hpp"
#include "sip/base/memory.hpp"

namespace sip {

/// Names an object of a Slab. A handle that outlived its object finds nothing: the generation has
/// moved on. The default handle names nothing.
struct Handle {
    std::uint32_t index = UINT32_MAX;
    std::uint32_t generation = 0;
    friend bool operator==(const Handle&, const Handle&) = default;
    explicit operator bool() const { return index != UINT32_MAX; }
};

/// Objects of one type at stable addresses, at most `limit` of them, in chunks that are kept until
/// `trim`: of 32, where there may be few of fewer. Creating may be refused (limit or memory), which
/// the caller answers with 503.
template <class T>
class Slab {
    static constexpr unsigned chunk_bits_max = 5;
    struct Cell {
        std::uint32_t generation;
        std::uint32_t next_free = UINT32_MAX;  ///< `taken` of one that lives
        alignas(T) unsigned char storage[sizeof(T)];
        T* object() { return std::launder(reinterpret_cast<T*>(storage)); }
        bool live() const { return next_free == taken; }
    };
    static constexpr std::uint32_t taken = UINT32_MAX - 1;

public:
    Slab(Memory& memory, std::size_t limit)
        : memory_(&memory), chunks_(memory), limit_(limit), chunk_bits_(bits_for(limit)) {}
    Slab(const Slab&) = delete;
    Slab& operator=(const Slab&) = delete;
    ~Slab() {
        for (std::size_t i = 0; i < cells_; ++i)
            if (cell(i).live()) cell(i).object()->~T();
        for (Cell* chunk : chunks_) memory_->release(chunk, chunk_size() * sizeof(Cell));
    }

    /// Nothing (a false handle) when full.
    template <class... Args>
    Handle create(Args&&... args) {
        if (size_ >= limit_) return {};
        if (free_ == UINT32_MAX && !grow()) return {};
        const std::uint32_t index = free_;
        Cell& c = cell(index);
        free_ = c.next_free;
        new (c.storage) T(std::forward<Args>(args)...);
        c.next_free = taken;
        ++size_;
        return {index, c.generation};
    }
    /// Null when the object is gone.
    T* find(Handle handle) {
        if (handle.index >= cells_) return nullptr;
        Cell& c = cell(handle.index);
        return c.live() && c.generation == handle.generation ? c.object() : nullptr;
    }
    const T* find(Handle handle) const { return const_cast<Slab*>(this)->find(handle); }
    /// For an index that is known to be live (from an index table of this slab).
    T& at(std::uint32_t index) {
        SIP_ASSERT(index < cells_ && cell(index).live());
        return *cell(index).object();
    }
    const T& at(std::uint32_t index) const { return const_cast<Slab*>(this)->at(index); }
    Handle handle_at(std::uint32_t index) {
        SIP_ASSERT(index < cells_ && cell(index).live());
        return {index, cell(index).generation};
    }
    void destroy(Handle handle) {
        T* object = find(handle);
        SIP_ASSERT(object != nullptr);
        object->~T();
        Cell& c = cell(handle.index);
        if (++c.generation == 0) c.generation = 1;
        if (c.generation > highest_generation_) highest_generation_ = c.generation;
        c.next_free = free_;
        free_ = handle.index;
        --size_;
    }
    /// Calls `visit(Handle, T&)` for each live object, in order of index. It may destroy the one
    /// it is given.
    template <class Visit>
    void for_each(Visit visit) {
        for (std::uint32_t i = 0; i < cells_; ++i)
            if (cell(i).live()) visit(Handle{i, cell(i).generation}, *cell(i).object());
    }

    /// The same for at most `cells` places from `at` on: where to go on, or UINT32_MAX at the end.
    /// What is made or goes in between is met or not; nothing is met twice.
    template <class Visit>
    std::uint32_t for_each_from(std::uint32_t at, std::uint32_t cells, Visit visit) {
        for (; at < cells_ && cells > 0; ++at, --cells)
            if (cell(at).live()) visit(Handle{at, cell(at).generation}, *cell(at).object());
        return at < cells_ ? at : UINT32_MAX;
    }

    /// Gives its memory back if nothing lives in it, as much as Memory::may_trim lets it. Handles
    /// from before go on finding nothing.
    void trim() {
        if (size_ > 0) return;
        first_generation_ = highest_generation_;
        cells_ = 0;
        free_ = UINT32_MAX;
        while (!chunks_.empty() && memory_->may_trim()) {
            memory_->release(chunks_.back(), chunk_size() * sizeof(Cell));
            chunks_.pop();
        }
        chunks_.trim();
    }
    std::size_t size() const { return size_; }
    std::size_t limit() const { return limit_; }
    bool full() const { return size_ >= limit_; }

    /// What `count` objects take of a Memory's bytes where at most `limit` may be.
    static constexpr std::size_t bytes_for(std::size_t count, std::size_t limit) {
        const std::size_t a_chunk = std::size_t{1} << bits_for(limit);
        const std::size_t chunks = (count + a_chunk - 1) / a_chunk;
        return chunks * a_chunk * sizeof(Cell) + vector_bytes<Cell*>(chunks);
    }

private:
    static constexpr unsigned bits_for(std::size_t limit) {
        unsigned bits = 1;
        while (bits < chunk_bits_max && (std::size_t{4} << bits) < limit) ++bits;
        return bits;
    }
    std::size_t chunk_size() const { return std::size_t{1} << chunk_bits_; }
    Cell& cell(std::size_t i) { return chunks_[i >> chunk_bits_][i & (chunk_size() - 1)]; }
    bool grow() {
        const std::size_t size = chunk_size();
        // What has yet to be given back is there.
        if (cells_ == chunks_.size() << chunk_bits_) {
            void* raw = memory_->allocate(size * sizeof(Cell));
            if (raw == nullptr) return false;
            if (!chunks_.push(static_cast<Cell*>(raw))) {
                memory_->release(raw, size * sizeof(Cell));
                return false;
            }
        }
        Cell* chunk = chunks_[cells_ >> chunk_bits_];
        for (std::size_t i = 0; i < size; ++i) new (chunk + i) Cell{first_generation_};
        const auto first = static_cast<std::uint32_t>(cells_);
        cells_ += size;
        for (std::size_t i = size; i-- > 0;) {
            chunk[i].next_free = free_;
            free_ = first + static_cast<std::uint32_t>(i);
        }
        return true;
    }

    Memory* memory_;
    Vector<Cell*> chunks_;
    std::size_t limit_, cells_ = 0, size_ = 0;
    unsigned chunk_bits_;
    std::uint32_t free_ = UINT32_MAX;
    std::uint32_t first_generation_ = 1;  ///< of cells to come: above all that were
    std::uint32_t highest_generation_ = 1;
};

}  // namespace sip
