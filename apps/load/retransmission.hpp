#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace load {

/// A queue in one piece of memory that grows to what it has held at once.
template <class T>
class Ring {
public:
    bool empty() const { return first_ == last_; }
    const T& front() const { return items_[first_ & (items_.size() - 1)]; }
    void pop() { ++first_; }
    void push(const T& item) {
        if (last_ - first_ == items_.size()) grow();
        items_[last_++ & (items_.size() - 1)] = item;
    }

private:
    void grow() {
        std::vector<T> more(items_.empty() ? 64 : items_.size() * 2);
        for (std::size_t i = first_; i != last_; ++i)
            more[i & (more.size() - 1)] = items_[i & (items_.size() - 1)];
        items_.swap(more);
    }
    std::vector<T> items_;  ///< a power of two of them
    std::size_t first_ = 0, last_ = 0;
};

/// Timer E of RFC 3261 17.1.2.2 for any number of transactions: 0.5, 1, 2, then 4 s after 4 s. All
/// that wait for as long stand in one queue, in their order; who is no longer waiting is told by
/// the generation of the operation.
class RetransmissionTimers {
public:
    struct Entry {
        std::uint64_t due = 0;
        std::uint32_t operation = 0, generation = 0;
        std::uint8_t level = 0;
    };

    static std::uint64_t interval(std::uint8_t level) {
        return 500'000'000ULL << (level < levels ? level : levels - 1);
    }
    void arm(std::uint32_t operation, std::uint32_t generation, std::uint8_t level,
             std::uint64_t now) {
        const std::size_t queue = level < levels ? level : levels - 1;
        queues_[queue].push({now + interval(level), operation, generation, level});
    }
    /// The next entry that is due, taken out. False: none is.
    bool take_due(std::uint64_t now, Entry& out) {
        for (auto& queue : queues_)
            if (!queue.empty() && queue.front().due <= now) {
                out = queue.front();
                queue.pop();
                return true;
            }
        return false;
    }
    /// When the next is due; UINT64_MAX: none waits.
    std::uint64_t next() const {
        std::uint64_t first = UINT64_MAX;
        for (const auto& queue : queues_)
            if (!queue.empty() && queue.front().due < first) first = queue.front().due;
        return first;
    }

private:
    static constexpr std::uint8_t levels = 4;
    std::array<Ring<Entry>, levels> queues_;
};

}  // namespace load
