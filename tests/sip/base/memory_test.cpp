#include "sip/base/memory.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

using namespace sip;

TEST_CASE("memory is given up to its cap, and not one byte more") {
    Memory memory(100);
    void* most = memory.allocate(60);
    REQUIRE(most != nullptr);
    CHECK(memory.allocate(41) == nullptr);
    CHECK(memory.allocate(SIZE_MAX) == nullptr);
    void* rest = memory.allocate(40);
    CHECK(rest != nullptr);
    CHECK(memory.allocate(1) == nullptr);
    CHECK(memory.refusals() == 3);
    memory.release(rest, 40);
    memory.release(most, 60);
    CHECK(memory.used() == 0);
    CHECK(memory.peak() == 100);
}

TEST_CASE("the nth allocation is refused once, and counted") {
    Memory memory;
    memory.refuse_after(1);
    void* first = memory.allocate(8);
    CHECK(first != nullptr);
    CHECK(memory.allocate(8) == nullptr);
    void* third = memory.allocate(8);
    CHECK(third != nullptr);
    CHECK(memory.refusals() == 1);
    memory.release(first, 8);
    memory.release(third, 8);
    memory.refuse_after(0);
    memory.refuse_none();
    void* fourth = memory.allocate(8);
    CHECK(fourth != nullptr);
    memory.release(fourth, 8);
}

TEST_CASE("a block has the exact size, moves, and is empty when refused") {
    Memory memory(10);
    Block block;
    REQUIRE(block.assign(memory, "0123456789"));
    CHECK(memory.used() == 10);
    Block moved(std::move(block));
    CHECK(moved.view() == "0123456789");
    REQUIRE(moved.assign(memory, "abc"));
    CHECK(memory.used() == 3);
    CHECK_FALSE(moved.resize(memory, 11));
    CHECK(moved.empty());
    CHECK(memory.used() == 0);
    REQUIRE(moved.assign(memory, ""));
    CHECK(moved.view() == "");
    REQUIRE(block.assign(memory, "x"));
    moved = std::move(block);
    CHECK(moved.view() == "x");
}

TEST_CASE("a vector that may not grow keeps what it has") {
    Memory memory;
    Vector<std::uint32_t> vector(memory);
    for (std::uint32_t i = 0; i < 8; ++i) REQUIRE(vector.push(i));
    memory.refuse_after(0);
    CHECK_FALSE(vector.push(8));
    REQUIRE(vector.size() == 8);
    for (std::uint32_t i = 0; i < 8; ++i) CHECK(vector[i] == i);
    REQUIRE(vector.push(vector[7]));
    CHECK(vector.back() == 7);
    vector.remove_unordered(0);
    CHECK(vector[0] == 7);
    CHECK(vector.size() == 8);
    vector.clear();
    CHECK(vector.empty());
}

TEST_CASE("T-35: the reserve below the cap is there for whoever it is opened for alone") {
    Memory memory(100);
    memory.set_reserve(30);
    void* first = memory.allocate(60);
    CHECK(first != nullptr);
    CHECK(memory.allocate(11) == nullptr);
    void* second = memory.allocate(10);
    CHECK(second != nullptr);
    CHECK(memory.allocate(1) == nullptr);
    memory.open_reserve(true);
    CHECK(memory.allocate(31) == nullptr);
    void* third = memory.allocate(30);
    CHECK(third != nullptr);
    memory.open_reserve(false);
    CHECK(memory.allocate(1) == nullptr);
    memory.release(third, 30);
    memory.release(second, 10);
    memory.release(first, 60);
    CHECK(memory.used() == 0);
}

TEST_CASE(
    "T-35: a block that was released is the next of its size, and counts for nothing until then") {
    Memory memory(4'000);
    void* const first = memory.allocate(450);
    memory.release(first, 450);
    CHECK(memory.used() == 0);
    void* const second = memory.allocate(442);  // it has the same room
    if (!built_for_size && !is_sanitized) CHECK(second == first);
    std::memset(second, 1, 442);
    memory.release(second, 442);
    // What is kept takes nothing of what there may be.
    void* const all = memory.allocate(4'000);
    CHECK(all != nullptr);
    CHECK(memory.allocate(440) == nullptr);
    memory.release(all, 4'000);
    memory.trim();
    CHECK(memory.used() == 0);
}

TEST_CASE("blocks of all sizes keep what is written to them, whatever came and went before") {
    Memory memory;
    std::mt19937 random(11);
    struct Held {
        unsigned char* at;
        std::size_t size;
        unsigned char mark;
    };
    std::vector<Held> held;
    for (int i = 0; i < 40'000; ++i) {
        if (held.size() < 600 && random() % 2 == 0) {
            const std::size_t size = 1 + random() % 1'100;
            auto* const at = static_cast<unsigned char*>(memory.allocate(size));
            REQUIRE(at != nullptr);
            REQUIRE(reinterpret_cast<std::uintptr_t>(at) % alignof(std::max_align_t) == 0);
            const auto mark = static_cast<unsigned char>(i);
            std::memset(at, mark, size);
            held.push_back({at, size, mark});
        } else if (!held.empty()) {
            Held& one = held[random() % held.size()];
            for (std::size_t k = 0; k < one.size; ++k) REQUIRE(one.at[k] == one.mark);
            memory.release(one.at, one.size);
            one = held.back();
            held.pop_back();
        }
        if (i % 5'000 == 0) memory.trim();
    }
    for (const Held& one : held) memory.release(one.at, one.size);
    CHECK(memory.used() == 0);
}
