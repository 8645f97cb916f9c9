#include "sip/base/reserve.hpp"

namespace sip {
namespace {

/// `put(i)` for each i below `count`, as long as it can be, and `take(i)` for all that were.
template <class Put, class Take>
bool fill(std::size_t count, Put put, Take take) {
    std::uint32_t i = 0;
    while (i < count && put(i)) ++i;
    const bool all = i == count;
    while (i-- > 0) take(i);
    return all;
}

/// Links of entries that are none.
template <class Link>
class Links {
public:
    Links(Memory& memory, std::size_t count) : links_(memory) {
        while (links_.size() < count && links_.push({})) continue;
    }
    std::size_t size() const { return links_.size(); }
    Link& operator[](std::size_t i) { return links_[i]; }

private:
    Vector<Link> links_;
};

}  // namespace

bool reserve(HashIndex& index, Memory&, std::size_t count) {
    return fill(
        count, [&](std::uint32_t i) { return index.insert(i, i); },
        [&](std::uint32_t i) { index.erase(i, i); });
}

bool reserve(HashGroups& groups, Memory& memory, std::size_t count) {
    Links<GroupLink> links(memory, count);
    const auto link_of = [&](std::uint32_t i) -> GroupLink& { return links[i]; };
    const bool all = fill(
        links.size(), [&](std::uint32_t i) { return groups.add(i, i, link_of); },
        [&](std::uint32_t i) { groups.remove(i, link_of); });
    return all && links.size() == count;
}

bool reserve(Tally& tally, Memory&, std::size_t count) {
    return fill(
        count, [&](std::uint32_t i) { return tally.add(i) == Tally::Counted::yes; },
        [&](std::uint32_t i) { tally.remove(i); });
}

bool reserve(TimerQueue& timers, Memory& memory, std::size_t count) {
    Links<TimerQueue::Slot> slots(memory, count);
    const bool all = fill(
        slots.size(),
        [&](std::uint32_t i) {
            const auto slot = timers.add({});
            if (slot) slots[i] = *slot;
            return slot.has_value();
        },
        [&](std::uint32_t i) { timers.remove(slots[i]); });
    return all && slots.size() == count;
}

bool reserve(SplitTable<std::uint32_t, UINT32_MAX>& table, Memory& memory, std::size_t count) {
    Links<std::uint32_t> links(memory, count);
    struct Access {
        Links<std::uint32_t>& links;
        std::uint32_t& next(std::uint32_t i) const { return links[i]; }
        std::uint64_t hash(std::uint32_t i) const { return i; }
    };
    const bool all = fill(
        links.size(), [&](std::uint32_t i) { return table.insert(i, Access{links}); },
        [&](std::uint32_t i) { table.erase(i, Access{links}); });
    return all && links.size() == count;
}

}  // namespace sip
