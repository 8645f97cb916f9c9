#include "sip/base/timer_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

using namespace sip;

namespace {
Instant at(int s) { return Instant{seconds{s}}; }
enum class Name : std::uint8_t { a, b, c };
}  // namespace

TEST_CASE("deadlines fire in order, and those of one instant in the order they were set") {
    Memory memory;
    TimerQueue queue(memory);
    std::vector<TimerQueue::Slot> slots;
    for (std::uint32_t i = 0; i < 5; ++i) slots.push_back(*queue.add({0, {i, 1}}));
    queue.set(slots[0], at(5), queue.stamp());
    queue.set(slots[1], at(3), queue.stamp());
    queue.set(slots[2], at(5), queue.stamp());
    queue.set(slots[3], at(1), queue.stamp());
    queue.set(slots[0], at(5), queue.stamp());  // set again: now after 2
    queue.stop(slots[3]);
    CHECK(*queue.next() == at(3));
    CHECK_FALSE(queue.pop_due(at(2)));
    std::vector<std::uint32_t> order;
    while (auto due = queue.pop_due(at(10))) order.push_back(due->owner.object.index);
    CHECK(order == std::vector<std::uint32_t>{1, 2, 0});
    CHECK_FALSE(queue.next());
}

TEST_CASE("a heap of random sets, moves and stops pops what a sorted list would") {
    std::mt19937 random(7);
    Memory memory;
    TimerQueue queue(memory);
    struct Model {
        TimerQueue::Slot slot;
        Instant at = never;
        std::uint64_t stamp = 0;
    };
    std::vector<Model> model;
    for (std::uint32_t i = 0; i < 200; ++i) model.push_back({*queue.add({1, {i, 1}})});
    for (int step = 0; step < 5'000; ++step) {
        Model& m = model[random() % model.size()];
        if (random() % 4 == 0) {
            m.at = never;
            queue.stop(m.slot);
        } else {
            m.at = at(static_cast<int>(random() % 50));
            m.stamp = queue.stamp();
            queue.set(m.slot, m.at, m.stamp);
        }
    }
    std::erase_if(model, [](const Model& m) { return m.at == never; });
    std::sort(model.begin(), model.end(), [](const Model& a, const Model& b) {
        return a.at != b.at ? a.at < b.at : a.stamp < b.stamp;
    });
    CHECK(queue.armed() == model.size());
    for (const Model& m : model) {
        const auto due = queue.pop_due(at(100));
        REQUIRE(due);
        CHECK(due->at == m.at);
        CHECK(due->owner.object.index == m.slot);
    }
}

TEST_CASE("an object's named deadlines share one entry, the earliest first") {
    Memory memory;
    TimerQueue queue(memory);
    Timers<Name, 3> timers;
    REQUIRE(timers.attach(queue, {2, {9, 1}}));
    timers.set(queue, Name::a, at(7));
    timers.set(queue, Name::b, at(4));
    timers.set(queue, Name::c, at(7));
    CHECK(queue.armed() == 1);
    CHECK(*queue.next() == at(4));
    timers.stop(queue, Name::b);
    CHECK(*queue.next() == at(7));
    REQUIRE(queue.pop_due(at(7)));
    CHECK(timers.pop_due(queue, at(7)) == Name::a);
    CHECK(timers.pop_due(queue, at(7)) == Name::c);
    CHECK_FALSE(timers.pop_due(queue, at(7)));
    CHECK(queue.armed() == 0);
    timers.detach(queue);
    CHECK(queue.size() == 0);
}

TEST_CASE("ROUR-4: a queue without memory refuses a new object and keeps the others") {
    Memory memory;
    TimerQueue queue(memory);
    for (std::uint32_t i = 0; i < 8; ++i) {
        const auto slot = queue.add({0, {i, 1}});
        REQUIRE(slot);
        queue.set(*slot, at(static_cast<int>(i)), queue.stamp());
    }
    memory.refuse_after(0);
    CHECK_FALSE(queue.add({0, {8, 1}}));
    CHECK(queue.size() == 8);
    CHECK(*queue.next() == at(0));
    memory.refuse_none();
    CHECK(queue.add({0, {8, 1}}));
}

TEST_CASE("an empty timer queue gives its memory back, and works as before") {
    Memory memory;
    TimerQueue queue(memory);
    const auto slot = queue.add({1, {}});
    REQUIRE(slot);
    queue.trim();
    queue.set(*slot, Instant{} + seconds{5}, queue.stamp());
    CHECK(queue.next() == Instant{} + seconds{5});
    queue.remove(*slot);
    queue.trim();
    CHECK(memory.used() == 0);
    CHECK_FALSE(queue.next());
    const auto again = queue.add({2, {}});
    REQUIRE(again);
    queue.set(*again, Instant{} + seconds{7}, queue.stamp());
    CHECK(queue.pop_due(Instant{} + seconds{7})->owner.part == 2);
}
