#pragma once

#include <cstddef>
#include <new>
#include <type_traits>

#include "sip/base/memory.hpp"

namespace sip {

/// Room for trivial values at stable addresses, that grows by `chunk_size` of them at a time: what
/// is there is never copied. Their content is undefined until they are written.
template <class T, std::size_t chunk_size>
class Chunks {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
    static_assert((chunk_size & (chunk_size - 1)) == 0);

public:
    explicit Chunks(Memory& memory) : memory_(&memory), chunks_(memory) {}
    Chunks(const Chunks&) = delete;
    Chunks& operator=(const Chunks&) = delete;
    ~Chunks() {
        while (!chunks_.empty()) release_last();
    }

    /// Another chunk. False: memory refused.
    [[nodiscard]] bool grow() {
        void* raw = memory_->allocate(sizeof(T) * chunk_size);
        if (raw == nullptr) return false;
        T* chunk = static_cast<T*>(raw);
        for (std::size_t i = 0; i < chunk_size; ++i) new (chunk + i) T;
        if (chunks_.push(chunk)) return true;
        memory_->release(raw, sizeof(T) * chunk_size);
        return false;
    }
    /// Gives all back, as much as Memory::may_trim lets it. Nothing is in use.
    void trim() {
        while (!chunks_.empty() && memory_->may_trim()) release_last();
        chunks_.trim();
    }
    /// Below `capacity()`, which its owner sees to.
    T& operator[](std::size_t i) { return chunks_.begin()[i / chunk_size][i % chunk_size]; }
    const T& operator[](std::size_t i) const {
        return chunks_.begin()[i / chunk_size][i % chunk_size];
    }
    std::size_t capacity() const { return chunks_.size() * chunk_size; }
    static constexpr std::size_t bytes_for(std::size_t count) {
        const std::size_t chunks = (count + chunk_size - 1) / chunk_size;
        return chunks * chunk_size * sizeof(T) + vector_bytes<T*>(chunks);
    }

private:
    void release_last() {
        memory_->release(chunks_.back(), sizeof(T) * chunk_size);
        chunks_.pop();
    }

    Memory* memory_;
    Vector<T*> chunks_;
};

}  // namespace sip
