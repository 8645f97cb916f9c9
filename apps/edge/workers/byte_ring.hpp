#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace edge {

/// Records of bytes from one thread to one other, in order, in a bounded room: no lock, no memory
/// taken after it is made. One thread calls what is the producer's, one what is the consumer's.
class ByteRing {
public:
    /// `bytes` is rounded up to a power of two, and at least 1024.
    explicit ByteRing(std::size_t bytes)
        : size_(std::bit_ceil(bytes < 1024 ? std::size_t{1024} : bytes)),
          room_(std::make_unique_for_overwrite<char[]>(size_)) {}
    ByteRing(const ByteRing&) = delete;
    ByteRing& operator=(const ByteRing&) = delete;

    // The producer's.
    /// No longer record fits, ever.
    std::size_t record_max() const { return size_ / 2 - word; }
    /// A record of `size` bytes fits now.
    bool fits(std::size_t size) {
        if (needed(size) <= size_ - (tail_local_ - head_seen_)) return true;
        head_seen_ = head_.load(std::memory_order_acquire);
        return needed(size) <= size_ - (tail_local_ - head_seen_);
    }
    /// One record, of these pieces one after the other. False: it does not fit, nothing was done.
    template <std::size_t N>
    bool push(const std::span<const char> (&pieces)[N]) {
        std::size_t size = 0;
        for (const auto& piece : pieces) size += piece.size();
        if (size > record_max() || !fits(size)) return false;
        if (contiguous() < word + padded(size)) {
            put_size(skip);
            tail_local_ += contiguous();
        }
        put_size(static_cast<std::uint32_t>(size));
        char* to = room_.get() + at(tail_local_) + word;
        for (const auto& piece : pieces) {
            if (!piece.empty()) std::memcpy(to, piece.data(), piece.size());
            to += piece.size();
        }
        tail_local_ += word + padded(size);
        tail_.store(tail_local_, std::memory_order_release);
        return true;
    }
    /// To be called where a record did not fit: whether it does now. If not, the consumer's
    /// `release` will say that somebody waits.
    bool wait_for(std::size_t size) {
        (void)waits_.exchange(true, std::memory_order_acq_rel);
        return fits(size);
    }

    // The consumer's.
    /// The oldest record, valid until `pop`. False: there is none.
    bool front(std::span<const char>& record) {
        for (;;) {
            if (head_local_ == tail_seen_) {
                tail_seen_ = tail_.load(std::memory_order_acquire);
                if (head_local_ == tail_seen_) return false;
            }
            std::uint32_t size = 0;
            std::memcpy(&size, room_.get() + at(head_local_), sizeof size);
            if (size != skip) {
                record = {room_.get() + at(head_local_) + word, size};
                return true;
            }
            head_local_ += size_ - at(head_local_);
        }
    }
    void pop() {
        std::uint32_t size = 0;
        std::memcpy(&size, room_.get() + at(head_local_), sizeof size);
        head_local_ += word + padded(size);
    }
    /// Gives the producer the room of what was popped. True: it waits for that, and is to be woken.
    bool release() {
        head_.store(head_local_, std::memory_order_release);
        return waits_.exchange(false, std::memory_order_acq_rel);
    }

private:
    static constexpr std::size_t word = 8;
    static constexpr std::uint32_t skip = UINT32_MAX;  ///< in place of a size: go to the start

    static std::size_t padded(std::size_t size) { return (size + word - 1) & ~(word - 1); }
    std::size_t at(std::uint64_t position) const {
        return static_cast<std::size_t>(position) & (size_ - 1);
    }
    std::size_t contiguous() const { return size_ - at(tail_local_); }
    /// With what is left out where it would cross the end.
    std::size_t needed(std::size_t size) const {
        const std::size_t whole = word + padded(size);
        return contiguous() < whole ? contiguous() + whole : whole;
    }
    void put_size(std::uint32_t size) {
        std::memcpy(room_.get() + at(tail_local_), &size, sizeof size);
    }

    static constexpr std::size_t line = 64;
    const std::size_t size_;
    const std::unique_ptr<char[]> room_;
    alignas(line) std::atomic<std::uint64_t> tail_{0};
    alignas(line) std::atomic<std::uint64_t> head_{0};
    alignas(line) std::atomic<bool> waits_{false};
    alignas(line) std::uint64_t tail_local_ = 0, head_seen_ = 0;  ///< the producer's
    alignas(line) std::uint64_t head_local_ = 0, tail_seen_ = 0;  ///< the consumer's
};

}  // namespace edge
