#include "sip/base/memory.hpp"

#include "sip/base/system_memory.hpp"

namespace sip {

namespace {

/// Where it is faster than `malloc`; a sanitizer shall see each block come and go. Here alone: what
/// is linked with the core may be compiled otherwise.
constexpr bool keeps_spares = !built_for_size && !is_sanitized;

}  // namespace

/// Of the arena, or of the system.
void* Memory::take(std::size_t size) {
    if (in_arena_) return heap_.take(size);
    if constexpr (!keeps_spares) return system_allocate(size);
    if (size > spare_max) return system_allocate(size);
    const std::size_t step = step_of(size);
    Spare* const spare = spares_[step];
    if (spare == nullptr) return system_allocate(bytes_of_step(step));
    spares_[step] = spare->next;
    spare_bytes_ -= bytes_of_step(step);
    return spare;
}

void Memory::give_back(void* pointer, std::size_t size) {
    if (in_arena_) {
        heap_.give_back(pointer, size);
        return;
    }
    const std::size_t step = step_of(size);
    if (!keeps_spares || size > spare_max || spare_bytes_ + bytes_of_step(step) > spare_bytes_max) {
        system_release(pointer);
        return;
    }
    spares_[step] = new (pointer) Spare{spares_[step]};
    spare_bytes_ += bytes_of_step(step);
}

void Memory::trim() {
    if constexpr (!keeps_spares) return;
    for (Spare*& first : spares_)
        while (first != nullptr) {
            Spare* const spare = first;
            first = spare->next;
            system_release(spare);
        }
    spare_bytes_ = 0;
}

void* Memory::allocate(std::size_t size) {
    const bool told_to_refuse = allocations_ == refuse_at_;
    ++allocations_;
    if (size == 0) return nullptr;
    const std::size_t asked = size;
    if (in_arena_ && size < SIZE_MAX - Heap::granule) size = Heap::rounded(size);
    const std::size_t kept = open_ ? 0 : reserve_;
    const bool fits = used_ + kept <= cap_ && size <= cap_ - kept - used_;
    void* pointer = nullptr;
    if (fits && !told_to_refuse) pointer = take(asked);
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
    const std::size_t counted = in_arena_ ? Heap::rounded(size) : size;
    SIP_ASSERT(used_ >= counted);
    used_ -= counted;
    give_back(pointer, size);
}

bool ArrayRoom::grow(std::size_t count, std::size_t element_bytes) {
    void* const grown = memory_->allocate(count * element_bytes);
    if (grown == nullptr) return false;
    if (size_ > 0) std::memcpy(grown, data_, size_ * element_bytes);
    give_back(element_bytes);
    data_ = grown;
    capacity_ = count;
    return true;
}

void ArrayRoom::give_back(std::size_t element_bytes) {
    memory_->release(data_, capacity_ * element_bytes);
    data_ = nullptr;
    capacity_ = 0;
}

}  // namespace sip
