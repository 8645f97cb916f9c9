#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
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

/// What slabs of all types share: cells of one size in chunks, and which of them are free.
class SlabCells {
public:
    SlabCells(const SlabCells&) = delete;
    SlabCells& operator=(const SlabCells&) = delete;

    /// Takes the memory for `count` objects, the limit at most, now and for good: until then none
    /// of them can be refused, and `trim` keeps it. False: refused.
    [[nodiscard]] bool reserve(std::size_t count);
    /// Gives its memory back if nothing lives in it, as much as Memory::may_trim lets it. Handles
    /// from before go on finding nothing.
    void trim();
    std::size_t size() const { return size_; }
    std::size_t limit() const { return limit_; }
    bool full() const { return size_ >= limit_; }

protected:
    struct Cell {
        std::uint32_t generation;
        std::uint32_t next_free;  ///< `taken` of one that lives
        bool live() const { return next_free == taken; }
    };
    static_assert(sizeof(Cell) == 8);
    static constexpr std::uint32_t taken = UINT32_MAX - 1;

    SlabCells(Memory& memory, std::size_t limit, std::size_t cell_bytes);
    ~SlabCells() { release(); }

    static constexpr unsigned bits_for(std::size_t limit) {
        unsigned bits = 1;
        while (bits < chunk_bits_max && (std::size_t{4} << bits) < limit) ++bits;
        return bits;
    }
    std::size_t cells() const { return cells_; }
    static std::uint32_t generation_of(void* object) { return cell_of(object).generation; }
    /// The object there; null when none lives there.
    void* object_at(std::size_t i) {
        Cell* const found = cell(i);
        return found->live() ? object_in(found) : nullptr;
    }
    /// Null when what it named is gone.
    void* find_object(Handle handle) {
        if (handle.index >= cells_) return nullptr;
        void* const found = object_at(handle.index);
        return found != nullptr && generation_of(found) == handle.generation ? found : nullptr;
    }
    /// Of one that is known to live.
    void* live_object(std::uint32_t index) {
        SIP_ASSERT(index < cells_);
        void* const found = object_at(index);
        SIP_ASSERT(found != nullptr);
        return found;
    }
    struct Place {
        Handle handle;
        void* at = nullptr;  ///< null when full or refused
    };
    /// For an object to be made in.
    Place take_place() {
        if (size_ >= limit_) return {};
        if (free_ == UINT32_MAX && !grow()) return {};
        const std::uint32_t index = free_;
        Cell* const found = cell(index);
        free_ = found->next_free;
        found->next_free = taken;
        ++size_;
        return {{index, found->generation}, object_in(found)};
    }
    void give_back(void* object, std::uint32_t index) {
        Cell& cell = cell_of(object);
        if (++cell.generation == 0) cell.generation = 1;
        if (cell.generation > highest_generation_) highest_generation_ = cell.generation;
        cell.next_free = free_;
        free_ = index;
        --size_;
    }
    /// Calls `destroy` for all that live.
    void destroy_all(void (*destroy)(void*));
    static constexpr unsigned chunk_bits_max = 5;

private:
    static void* object_in(Cell* cell) { return cell + 1; }
    static Cell& cell_of(void* object) { return static_cast<Cell*>(object)[-1]; }
    Cell* cell(std::size_t i) {
        const std::size_t in_chunk = i & ((std::size_t{1} << chunk_bits_) - 1);
        return reinterpret_cast<Cell*>(chunks_[i >> chunk_bits_] + in_chunk * cell_bytes_);
    }
    std::size_t chunk_bytes() const { return std::size_t{cell_bytes_} << chunk_bits_; }
    bool grow();
    void release();

    Memory* memory_;
    Vector<std::byte*> chunks_;
    std::size_t limit_, cells_ = 0, size_ = 0;
    unsigned chunk_bits_;
    std::uint32_t cell_bytes_;
    std::uint32_t free_ = UINT32_MAX;
    std::uint32_t first_generation_ = 1;  ///< of cells to come: above all that were
    std::uint32_t highest_generation_ = 1;
    bool reserved_ = false;
};

/// Objects of one type at stable addresses, at most `limit` of them, in chunks that are kept until
/// `trim`: of 32, where there may be few of fewer. Creating may be refused (limit or memory), which
/// the caller answers with 503.
template <class T>
class Slab : public SlabCells {
    static_assert(alignof(T) <= sizeof(Cell));
    struct Whole : Cell {
        alignas(T) unsigned char storage[sizeof(T)];
    };
    static constexpr std::size_t bytes = sizeof(Whole);
    static T* object(void* at) { return static_cast<T*>(at); }

public:
    Slab(Memory& memory, std::size_t limit) : SlabCells(memory, limit, bytes) {}
    ~Slab() {
        if constexpr (!std::is_trivially_destructible_v<T>)
            destroy_all([](void* at) { object(at)->~T(); });
    }

    /// Nothing (a false handle) when full.
    template <class... Args>
    Handle create(Args&&... args) {
        const Place place = take_place();
        if (place.at != nullptr) new (place.at) T(std::forward<Args>(args)...);
        return place.handle;
    }
    /// Null when the object is gone.
    T* find(Handle handle) { return object(find_object(handle)); }
    const T* find(Handle handle) const { return const_cast<Slab*>(this)->find(handle); }
    /// For an index that is known to be live (from an index table of this slab).
    T& at(std::uint32_t index) { return *object(live_object(index)); }
    const T& at(std::uint32_t index) const { return const_cast<Slab*>(this)->at(index); }
    Handle handle_at(std::uint32_t index) { return {index, generation_of(live_object(index))}; }
    void destroy(Handle handle) {
        void* const found = find_object(handle);
        SIP_ASSERT(found != nullptr);
        object(found)->~T();
        give_back(found, handle.index);
    }
    /// Calls `visit(Handle, T&)` for each live object, in order of index. It may destroy the one
    /// it is given.
    template <class Visit>
    void for_each(Visit visit) {
        (void)for_each_from(0, UINT32_MAX, visit);
    }

    /// The same for at most `count` places from `at` on: where to go on, or UINT32_MAX at the end.
    /// What is made or goes in between is met or not; nothing is met twice.
    template <class Visit>
    std::uint32_t for_each_from(std::uint32_t at, std::uint32_t count, Visit visit) {
        for (; at < cells() && count > 0; ++at, --count)
            if (void* const met = object_at(at))
                visit(Handle{at, generation_of(met)}, *object(met));
        return at < cells() ? at : UINT32_MAX;
    }

    /// What `count` objects take of a Memory's bytes where at most `limit` may be.
    static constexpr std::size_t bytes_for(std::size_t count, std::size_t limit) {
        const std::size_t a_chunk = std::size_t{1} << bits_for(limit);
        const std::size_t chunks = (count + a_chunk - 1) / a_chunk;
        return chunks * a_chunk * bytes + vector_bytes<std::byte*>(chunks);
    }
};

}  // namespace sip
