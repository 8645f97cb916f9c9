#include "sip/base/memory.hpp"

#include <cstdlib>

namespace sip {

void* Memory::allocate(std::size_t size) {
    const bool told_to_refuse = allocations_ == refuse_at_;
    ++allocations_;
    if (size == 0) return nullptr;
    const std::size_t kept = open_ ? 0 : reserve_;
    const bool fits = used_ + kept <= cap_ && size <= cap_ - kept - used_;
    void* pointer = told_to_refuse || !fits ? nullptr : std::malloc(size);
    if (pointer == nullptr) {
        ++refusals_;
        return nullptr;
    }
    used_ += size;
    if (used_ > peak_) peak_ = used_;
    return pointer;
}

void Memory::release(void* pointer, std::size_t size) {
    if (pointer == nullptr) return;
    SIP_ASSERT(used_ >= size);
    used_ -= size;
    std::free(pointer);
}

}  // namespace sip
