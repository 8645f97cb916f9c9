#pragma once

#include <array>
#include <cstddef>

#include "sip/base/assert.hpp"

namespace sip {

/// Up to N values in place. `push` answers false when full; nothing is ever allocated.
template <class T, std::size_t N>
class SmallVector {
public:
    [[nodiscard]] bool push(const T& value) {
        if (size_ == N) return false;
        items_[size_++] = value;
        return true;
    }
    void clear() { size_ = 0; }
    T& operator[](std::size_t i) {
        SIP_ASSERT(i < size_);
        return items_[i];
    }
    const T& operator[](std::size_t i) const {
        SIP_ASSERT(i < size_);
        return items_[i];
    }
    T* begin() { return items_.data(); }
    T* end() { return items_.data() + size_; }
    const T* begin() const { return items_.data(); }
    const T* end() const { return items_.data() + size_; }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    bool full() const { return size_ == N; }

private:
    std::array<T, N> items_{};
    std::size_t size_ = 0;
};

}  // namespace sip
