#pragma once

#include <cstddef>
#include <new>
#include <utility>

#include "sip/base/memory.hpp"

namespace sip {

/// A queue of movable values that grows up to `limit`. A push past that, or without memory, is
/// refused.
template <class T>
class Ring : ArrayRoom {
public:
    Ring(Memory& memory, std::size_t limit) : ArrayRoom(memory), limit_(limit) {}
    ~Ring() {
        while (size_ > 0) drop();
        give_back(sizeof(T));
    }
    [[nodiscard]] bool push(T&& value) {
        if (size_ >= limit_ || (size_ == capacity_ && !grow())) return false;
        new (slots() + ((first_ + size_) & (capacity_ - 1))) T(std::move(value));
        ++size_;
        return true;
    }
    /// Room for `count` values, the limit at most. False: refused.
    [[nodiscard]] bool reserve(std::size_t count) {
        while (capacity_ < count && capacity_ < limit_)
            if (!grow()) return false;
        return true;
    }
    /// Must not be empty.
    T pop() {
        SIP_ASSERT(size_ > 0);
        T value = std::move(slots()[first_]);
        drop();
        return value;
    }
    /// The element `i` places behind the front.
    T& at(std::size_t i) {
        SIP_ASSERT(i < size_);
        return slots()[(first_ + i) & (capacity_ - 1)];
    }
    /// Gives its memory back if it is empty.
    void trim() {
        if (size_ > 0) return;
        give_back(sizeof(T));
        first_ = 0;
    }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

private:
    T* slots() { return static_cast<T*>(data_); }
    void drop() {
        slots()[first_].~T();
        first_ = (first_ + 1) & (capacity_ - 1);
        --size_;
    }
    bool grow() {
        // A power of two: places are found by a mask.
        const std::size_t wanted = capacity_ == 0 ? 16 : capacity_ * 2;
        void* raw = memory_->allocate(wanted * sizeof(T));
        if (raw == nullptr) return false;
        T* grown = static_cast<T*>(raw);
        for (std::size_t i = 0; i < size_; ++i) {
            T& old = slots()[(first_ + i) & (capacity_ - 1)];
            new (grown + i) T(std::move(old));
            old.~T();
        }
        give_back(sizeof(T));
        data_ = grown;
        capacity_ = wanted;
        first_ = 0;
        return true;
    }

    std::size_t limit_, first_ = 0;
};

}  // namespace sip
