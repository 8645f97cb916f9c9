#include "sip/base/slab.hpp"

namespace sip {

SlabCells::SlabCells(Memory& memory, std::size_t limit, std::size_t cell_bytes)
    : memory_(&memory),
      chunks_(memory),
      limit_(limit),
      chunk_bits_(bits_for(limit)),
      cell_bytes_(static_cast<std::uint32_t>(cell_bytes)) {}

bool SlabCells::grow() {
    // What has yet to be given back is there.
    if (cells_ == chunks_.size() << chunk_bits_) {
        void* const raw = memory_->allocate(chunk_bytes());
        if (raw == nullptr) return false;
        if (!chunks_.push(static_cast<std::byte*>(raw))) {
            memory_->release(raw, chunk_bytes());
            return false;
        }
    }
    const std::size_t first = cells_;
    cells_ += std::size_t{1} << chunk_bits_;
    for (std::size_t i = cells_; i-- > first;) {
        new (cell(i)) Cell{first_generation_, free_};
        free_ = static_cast<std::uint32_t>(i);
    }
    return true;
}

bool SlabCells::reserve(std::size_t count) {
    if (count > limit_) count = limit_;
    const std::size_t chunk = std::size_t{1} << chunk_bits_;
    if (!chunks_.reserve((count + chunk - 1) / chunk)) return false;
    while (cells_ < count)
        if (!grow()) return false;
    reserved_ = true;
    return true;
}

void SlabCells::trim() {
    if (size_ > 0 || reserved_) return;
    first_generation_ = highest_generation_;
    cells_ = 0;
    free_ = UINT32_MAX;
    while (!chunks_.empty() && memory_->may_trim()) {
        memory_->release(chunks_.back(), chunk_bytes());
        chunks_.pop();
    }
    chunks_.trim();
}

void SlabCells::destroy_all(void (*destroy)(void*)) {
    for (std::size_t i = 0; i < cells_ && size_ > 0; ++i)
        if (void* const object = object_at(i)) destroy(object);
}

void SlabCells::release() {
    for (std::byte* const chunk : chunks_) memory_->release(chunk, chunk_bytes());
}

}  // namespace sip
