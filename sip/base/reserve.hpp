#pragma once

#include "sip/base/hash_groups.hpp"
#include "sip/base/hash_index.hpp"
#include "sip/base/interner.hpp"
#include "sip/base/ring.hpp"
#include "sip/base/set_table.hpp"
#include "sip/base/slab.hpp"
#include "sip/base/split_table.hpp"
#include "sip/base/tally.hpp"
#include "sip/base/timer_queue.hpp"

namespace sip {

/// Tables grow as entries come, and keep what they took until they are trimmed. These take what
/// `count` entries need now; where a table has nothing for that, as many are put in and taken out
/// again. The table is empty before. False: refused; it has then less, or nothing.
[[nodiscard]] inline bool reserve(SlabCells& slab, Memory&, std::size_t count) {
    return slab.reserve(count);
}
template <class T>
[[nodiscard]] bool reserve(Ring<T>& ring, Memory&, std::size_t count) {
    return ring.reserve(count);
}
template <class T>
[[nodiscard]] bool reserve(SetTable<T>& table, Memory&, std::size_t) {
    return table.reserve();
}
template <class T>
[[nodiscard]] bool reserve(Vector<T>& values, Memory&, std::size_t count) {
    return values.reserve(count);
}
[[nodiscard]] inline bool reserve(Interner& texts, Memory&, std::size_t count) {
    return texts.reserve(count);
}
[[nodiscard]] bool reserve(HashIndex& index, Memory& memory, std::size_t count);
[[nodiscard]] bool reserve(HashGroups& groups, Memory& memory, std::size_t count);
[[nodiscard]] bool reserve(Tally& tally, Memory& memory, std::size_t count);
[[nodiscard]] bool reserve(TimerQueue& timers, Memory& memory, std::size_t count);
[[nodiscard]] bool reserve(SplitTable<std::uint32_t, UINT32_MAX>& table, Memory& memory,
                           std::size_t count);

}  // namespace sip
