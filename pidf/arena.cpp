#include "pidf/arena.hpp"

#include <cstring>

namespace pidf {

namespace {
constexpr std::size_t chunk_min = 4'096;
constexpr std::size_t chunk_max = 16'384;
}  // namespace

bool Arena::grow(std::size_t size) {
    static_assert(sizeof(Chunk) % alignment == 0, "what follows the head of a chunk is aligned");
    // Doubling keeps the number of chunks small; near the cap a chunk is only as large as is left.
    std::size_t wanted = used_ < chunk_min ? chunk_min : used_;
    if (wanted > chunk_max) wanted = chunk_max;
    if (wanted < size + sizeof(Chunk)) wanted = size + sizeof(Chunk);
    if (wanted > left()) wanted = left();
    capped_ = wanted < size + sizeof(Chunk);
    if (capped_) return false;
    void* raw = memory_->allocate(wanted);
    if (raw == nullptr) return false;
    chunks_ = new (raw) Chunk{chunks_, wanted};
    used_ += wanted;
    at_ = static_cast<char*>(raw) + sizeof(Chunk);
    end_ = static_cast<char*>(raw) + wanted;
    return true;
}

void* Arena::allocate_new(std::size_t size) {
    if (size > cap_ || size > SIZE_MAX - sizeof(Chunk) - alignment) {
        capped_ = true;
        return nullptr;
    }
    size = round_up(size);
    const auto room = static_cast<std::size_t>(end_ - at_);
    if ((at_ == nullptr || size > room) && !grow(size)) return nullptr;
    void* result = at_;
    at_ += size;
    return result;
}

bool Arena::copy(std::string_view text, std::string_view& out) {
    if (text.empty()) {
        out = {};
        return true;
    }
    auto* room = static_cast<char*>(allocate(text.size()));
    if (room == nullptr) return false;
    std::memcpy(room, text.data(), text.size());
    out = {room, text.size()};
    return true;
}

void Arena::reset() {
    while (chunks_ != nullptr) {
        Chunk* next = chunks_->next;
        memory_->release(chunks_, chunks_->size);
        chunks_ = next;
    }
    used_ = 0;
    at_ = end_ = nullptr;
    capped_ = false;
}

sip::Error Arena::refusal() const {
    if (capped_)
        return {sip::Condition::body_too_large, "PIDF: document needs more memory than allowed", 0};
    return {sip::Condition::overloaded, "PIDF: no memory for the document", 0};
}

}  // namespace pidf
