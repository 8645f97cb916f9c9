#pragma once

#include <cstddef>
#include <type_traits>

namespace sip {
namespace detail {
using Before = bool (*)(const void* context, const void* a, const void* b);
void sort(void* items, std::size_t count, std::size_t item_bytes, Before before,
          const void* context);
}  // namespace detail

/// Puts items in the order of `before(a, b)`, in place and in O(n log n) at worst. Not stable. For
/// few items, or where it is done seldom: it is one function for items of all types.
template <class T, class Before>
void sort(T* items, std::size_t count, Before before) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (count < 2) return;
    detail::sort(
        items, count, sizeof(T),
        [](const void* context, const void* a, const void* b) {
            return (*static_cast<const Before*>(context))(*static_cast<const T*>(a),
                                                          *static_cast<const T*>(b));
        },
        &before);
}

}  // namespace sip
