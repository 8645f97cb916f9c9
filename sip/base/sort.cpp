#include "sip/base/sort.hpp"

#include <algorithm>

namespace sip::detail {
namespace {

struct Items {
    std::byte* first;
    std::size_t item_bytes;
    Before before;
    const void* context;

    std::byte* at(std::size_t i) const { return first + i * item_bytes; }
    bool less(std::size_t a, std::size_t b) const { return before(context, at(a), at(b)); }
    void exchange(std::size_t a, std::size_t b) const {
        std::swap_ranges(at(a), at(a) + item_bytes, at(b));
    }
    /// Lets an item sink to its place in a heap that has the last at the top.
    void sink(std::size_t i, std::size_t end) const {
        for (std::size_t child = 2 * i + 1; child < end; child = 2 * i + 1) {
            if (child + 1 < end && less(child, child + 1)) ++child;
            if (!less(i, child)) return;
            exchange(i, child);
            i = child;
        }
    }
};

}  // namespace

void sort(void* items, std::size_t count, std::size_t item_bytes, Before before,
          const void* context) {
    const Items all{static_cast<std::byte*>(items), item_bytes, before, context};
    for (std::size_t i = count / 2; i-- > 0;) all.sink(i, count);
    for (std::size_t end = count; end-- > 1;) {
        all.exchange(0, end);
        all.sink(0, end);
    }
}

}  // namespace sip::detail
