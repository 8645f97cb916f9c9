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
    queue.set(slots[0], at(5));
    queue.set(slots[1], at(3));
    queue.set(slots[2], at(5));
    queue.set(slots[3], at(1));
    queue.set(slots[0], at(5));  // set again: now after 2
    queue.stop(slots[3]);
    CHECK(*queue.next() == at(3));
    CHECK_FALSE(queue.pop_due(at(2)));
    std::vector<std::uint32_t> order;
    while (auto due = queue.pop_due(at(10))) order.push_back(due->owner.object.index);
    CHECK(order == std::vector<std::uint32_t>{1, 2, 0});
    CHECK_FALSE(queue.next());
}

TEST_CASE("a heap of random sets, moves and stops pops what a sorted list would") {
    for (const std::size_t objects : {1U, 2U, 5U, 6U, 21U, 200U, 1'000U}) {
        std::mt19937 random(7);
        Memory memory;
        TimerQueue queue(memory);
        struct Model {
            TimerQueue::Slot slot;
            std::uint32_t number;
            Instant at = never;
            std::uint64_t stamp = 0;
        };
        std::vector<Model> model;
        for (std::uint32_t i = 0; i < objects; ++i) model.push_back({*queue.add({1, {i, 1}}), i});
        int clock = 0;
        const auto earliest = [&] {
            return std::min_element(model.begin(), model.end(), [](const Model& a, const Model& b) {
                return a.at != b.at ? a.at < b.at : a.stamp < b.stamp;
            });
        };
        for (int step = 0; step < 5'000; ++step) {
            Model& m = model[random() % model.size()];
            switch (random() % 8) {
                case 0:
                case 1:
                    m.at = never;
                    queue.stop(m.slot);
                    break;
                case 2: {
                    // One goes and another comes, which may get its place.
                    const std::uint32_t i = static_cast<std::uint32_t>(&m - model.data());
                    queue.remove(m.slot);
                    m = {*queue.add({1, {i, 1}}), i};
                    break;
                }
                case 3:
                    clock += static_cast<int>(random() % 3);
                    while (const auto due = queue.pop_due(at(clock))) {
                        const auto first = earliest();
                        REQUIRE(due->at == first->at);
                        REQUIRE(&model[due->owner.object.index] == &*first);
                        first->at = never;
                    }
                    REQUIRE(earliest()->at > at(clock));
                    break;
                default:
                    m.at = at(clock + static_cast<int>(random() % 50));
                    m.stamp = static_cast<std::uint64_t>(step);
                    queue.set(m.slot, m.at);
            }
            const Instant first = earliest()->at;
            REQUIRE(queue.next_at_least().has_value() == (first != never));
            REQUIRE(queue.next_at_least().value_or(never) <= first);
            if (random() % 4 == 0) REQUIRE(queue.next().value_or(never) == first);
        }
        std::erase_if(model, [](const Model& m) { return m.at == never; });
        std::sort(model.begin(), model.end(), [](const Model& a, const Model& b) {
            return a.at != b.at ? a.at < b.at : a.stamp < b.stamp;
        });
        CHECK(queue.armed() == model.size());
        for (const Model& m : model) {
            const auto due = queue.pop_due(at(clock + 100));
            REQUIRE(due);
            CHECK(due->at == m.at);
            CHECK(due->owner.object.index == m.number);
        }
        CHECK_FALSE(queue.next());
    }
}

TEST_CASE("T-35: a timer queue that grows to a hundred thousand copies none, whatever is refused") {
    Memory memory;
    TimerQueue queue(memory);
    std::mt19937 random(3);
    std::size_t largest = 0, refused = 0;
    std::vector<TimerQueue::Slot> slots;
    while (slots.size() < 100'000) {
        if (random() % 8 == 0) memory.refuse_after(0);
        const std::size_t used = memory.used();
        const auto i = static_cast<std::uint32_t>(slots.size());
        const auto slot = queue.add({1, {i, 1}});
        memory.refuse_none();
        largest = std::max(largest, memory.used() - std::min(used, memory.used()));
        if (!slot) {
            ++refused;
            REQUIRE(queue.size() == slots.size());
            continue;
        }
        slots.push_back(*slot);
        queue.set(*slot, at(static_cast<int>(random() % 1'000'000)));
    }
    CHECK(refused > 100);
    // A chunk of each kind and a directory, where all entries are some four million bytes.
    CHECK(largest < 40'000);
    CHECK(memory.used() < 100'000 * 42);
    Instant last{};
    std::size_t popped = 0;
    while (const auto due = queue.pop_due(never)) {
        REQUIRE(due->at >= last);
        last = due->at;
        ++popped;
    }
    CHECK(popped == slots.size());
    for (const TimerQueue::Slot slot : slots) queue.remove(slot);
    queue.trim();
    CHECK(memory.used() == 0);
}

TEST_CASE("a deadline that is put off is put where it belongs once the first one would have come") {
    Memory memory;
    TimerQueue queue(memory);
    const auto slot = *queue.add({0, {1, 1}}), other = *queue.add({0, {2, 1}});
    queue.set(slot, at(5));
    queue.set(other, at(7));
    queue.set(slot, at(9));
    CHECK(queue.next_at_least() == at(5));
    CHECK_FALSE(queue.pop_due(at(5)));
    CHECK(queue.next_at_least() == at(7));
    // Sooner again than what it stands for, and than all others.
    queue.set(slot, at(6));
    CHECK(queue.next_at_least() == at(6));
    queue.stop(slot);
    CHECK(queue.next() == at(7));
    CHECK(queue.next_at_least() == at(7));
    queue.remove(slot);
    queue.stop(other);
    CHECK_FALSE(queue.next_at_least());
    CHECK_FALSE(queue.next());
    CHECK(queue.armed() == 0);
    // Whoever gets the place has nothing of the one before.
    const auto third = *queue.add({3, {3, 1}});
    CHECK_FALSE(queue.pop_due(at(100)));
    queue.set(third, at(4));
    const auto due = queue.pop_due(at(4));
    REQUIRE(due);
    CHECK(due->owner.part == 3);
    CHECK(due->owner.object == Handle{3, 1});
}

TEST_CASE("an object's named deadlines share one entry, the earliest first") {
    Memory memory;
    TimerQueue queue(memory);
    Timers<Name, 3> timers;
    REQUIRE(timers.attach(queue, {2, {9, 1}}));
    timers.set(queue, Name::c, at(7));
    timers.set(queue, Name::b, at(4));
    timers.set(queue, Name::a, at(7));
    CHECK(queue.armed() == 1);
    CHECK(*queue.next() == at(4));
    timers.stop(queue, Name::b);
    CHECK(*queue.next() == at(7));
    REQUIRE(queue.pop_due(at(7)));
    CHECK(timers.pop_due(queue, at(7)) == Name::a);
    CHECK(timers.pop_due(queue, at(7)) == Name::c);
    CHECK_FALSE(timers.pop_due(queue, at(7)));
    CHECK(queue.armed() == 0);
    timers.set(queue, Name::a, at(8));
    timers.set(queue, Name::b, at(9));
    timers.set_alone(queue, Name::c, at(10));
    CHECK(*queue.next() == at(10));
    CHECK_FALSE(timers.running(Name::a));
    CHECK_FALSE(timers.running(Name::b));
    timers.detach(queue);
    CHECK(queue.size() == 0);
}

TEST_CASE("ROUR-4: a queue without memory refuses a new object and keeps the others") {
    Memory memory;
    TimerQueue queue(memory);
    for (std::uint32_t i = 0; i < 32; ++i) {
        const auto slot = queue.add({0, {i, 1}});
        REQUIRE(slot);
        queue.set(*slot, at(static_cast<int>(i)));
    }
    memory.refuse_after(0);
    CHECK_FALSE(queue.add({0, {32, 1}}));
    CHECK(queue.size() == 32);
    CHECK(*queue.next() == at(0));
    memory.refuse_none();
    CHECK(queue.add({0, {32, 1}}));
}

TEST_CASE("what falls due together goes by part, and transactions before who uses them") {
    Memory memory;
    TimerQueue queue(memory);
    std::vector<TimerQueue::Slot> slots;
    for (const int part : {7, 3, 7, 2, 31}) {
        slots.push_back(*queue.add(
            {static_cast<std::uint8_t>(part), {static_cast<std::uint32_t>(slots.size()), 1}}));
        queue.set(slots.back(), at(4));
    }
    queue.set(slots[0], at(4));  // armed again: behind the other of its part
    std::vector<std::uint32_t> order;
    while (const auto due = queue.pop_due(at(4))) order.push_back(due->owner.object.index);
    CHECK(order == std::vector<std::uint32_t>{3, 1, 2, 0, 4});
}

TEST_CASE("an empty timer queue gives its memory back, and works as before") {
    Memory memory;
    TimerQueue queue(memory);
    const auto slot = queue.add({1, {}});
    REQUIRE(slot);
    queue.trim();
    queue.set(*slot, Instant{} + seconds{5});
    CHECK(queue.next() == Instant{} + seconds{5});
    queue.remove(*slot);
    queue.trim();
    CHECK(memory.used() == 0);
    CHECK_FALSE(queue.next());
    const auto again = queue.add({2, {}});
    REQUIRE(again);
    queue.set(*again, Instant{} + seconds{7});
    CHECK(queue.pop_due(Instant{} + seconds{7})->owner.part == 2);
}
