#include "sip/base/reserve.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace sip;

namespace {

struct Entry {
    std::uint64_t key = 0;
};

/// Fills a table with as many as were reserved while memory refuses all, and empties it again.
template <class Put, class Take>
void fill_without_memory(Memory& memory, std::size_t count, Put put, Take take) {
    const std::size_t used = memory.used();
    for (std::uint32_t i = 0; i < count; ++i) {
        memory.refuse_after(0);
        REQUIRE(put(i));
    }
    memory.refuse_none();
    CHECK(memory.used() == used);
    for (std::uint32_t i = 0; i < count; ++i) take(i);
}

}  // namespace

TEST_CASE("a table takes as many entries as were reserved without asking for memory") {
    for (const std::size_t count : {1U, 10U, 63U, 64U, 65U, 1'000U}) {
        CAPTURE(count);
        Memory memory;
        {
            HashIndex index(memory);
            REQUIRE(reserve(index, memory, count));
            fill_without_memory(
                memory, count, [&](std::uint32_t i) { return index.insert(i * 77U, i); },
                [&](std::uint32_t i) { index.erase(i * 77U, i); });
            Tally tally(memory, count);
            REQUIRE(reserve(tally, memory, count));
            fill_without_memory(
                memory, count,
                [&](std::uint32_t i) { return tally.add(i * 77U + 1) == Tally::Counted::yes; },
                [&](std::uint32_t i) { tally.remove(i * 77U + 1); });
            std::vector<GroupLink> links(count);
            const auto link_of = [&](std::uint32_t i) -> GroupLink& { return links[i]; };
            HashGroups groups(memory);
            REQUIRE(reserve(groups, memory, count));
            fill_without_memory(
                memory, count, [&](std::uint32_t i) { return groups.add(i * 77U, i, link_of); },
                [&](std::uint32_t i) { groups.remove(i, link_of); });
            TimerQueue timers(memory);
            REQUIRE(reserve(timers, memory, count));
            std::vector<TimerQueue::Slot> slots(count);
            fill_without_memory(
                memory, count,
                [&](std::uint32_t i) {
                    const auto slot = timers.add({});
                    if (slot) slots[i] = *slot;
                    return slot.has_value();
                },
                [&](std::uint32_t i) { timers.remove(slots[i]); });
            Ring<int> ring(memory, count);
            REQUIRE(reserve(ring, memory, count));
            fill_without_memory(
                memory, count, [&](std::uint32_t i) { return ring.push(static_cast<int>(i)); },
                [&](std::uint32_t) { (void)ring.pop(); });
        }
        CHECK(memory.used() == 0);
    }
}

TEST_CASE("a table of sets has all its places once it is reserved, and an interner its buckets") {
    Memory memory;
    SetTable<Entry> table(memory, 100);
    REQUIRE(reserve(table, memory, 0));
    CHECK(table.capacity() == 64);
    SetTable<Entry> none(memory, 3);
    CHECK(reserve(none, memory, 0));
    Interner texts(memory, HashKey{1, 2});
    REQUIRE(reserve(texts, memory, 100));
    CHECK(texts.size() == 0);
    Interned one;
    const std::size_t used = memory.used();
    const auto allocations = memory.allocations();
    REQUIRE(texts.intern("sip:alice@example.com", one));
    CHECK(memory.allocations() == allocations + 1);  // the text itself
    one.reset();
    CHECK(memory.used() == used);
}

TEST_CASE("T-35: what cannot be reserved is said, and nothing is lost") {
    for (std::uint64_t n = 0; n < 40; ++n) {
        Memory memory;
        {
            HashIndex index(memory);
            TimerQueue timers(memory);
            HashGroups groups(memory);
            Interner texts(memory, HashKey{1, 2});
            memory.refuse_after(n);
            const bool all = reserve(index, memory, 200) && reserve(timers, memory, 200) &&
                             reserve(groups, memory, 200) && reserve(texts, memory, 200);
            CHECK(all == (memory.refusals() == 0));
            memory.refuse_none();
            CHECK(index.size() + timers.size() + groups.size() + texts.size() == 0);
        }
        CHECK(memory.used() == 0);
    }
}
