#include "pidf/arena.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <string>

using namespace pidf;

TEST_CASE("T-5: an arena never draws more than its cap, and says that it was the cap") {
    sip::Memory memory;
    for (const std::size_t cap : {0U, 1U, 31U, 32U, 33U, 100U, 1'024U, 5'000U, 40'000U}) {
        Arena arena(memory, cap);
        std::size_t given = 0;
        while (arena.allocate(24) != nullptr) given += 24;
        CHECK(memory.used() <= cap);
        CHECK(arena.used() == memory.used());
        CHECK(given <= cap);
        CHECK(arena.capped());
        CHECK(arena.refusal().condition == sip::Condition::body_too_large);
        if (cap >= 1'024) CHECK(given >= cap / 2);
    }
    CHECK(memory.used() == 0);
}

TEST_CASE("T-5: sizes that would overflow are refused") {
    sip::Memory memory(1U << 20U);
    Arena arena(memory, SIZE_MAX);
    for (const std::size_t size : {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 14, SIZE_MAX - 15,
                                   SIZE_MAX - 16, SIZE_MAX - 31, SIZE_MAX - 32, SIZE_MAX / 2}) {
        CAPTURE(size);
        CHECK(arena.allocate(size) == nullptr);
    }
    CHECK(arena.make_array<std::uint64_t>(SIZE_MAX / 8 + 1) == nullptr);
    CHECK(arena.make_array<std::uint64_t>(SIZE_MAX) == nullptr);
    CHECK(arena.allocate(8) != nullptr);
}

TEST_CASE("what an arena gives is aligned for any object and does not overlap") {
    sip::Memory memory;
    Arena arena(memory, 1U << 20U);
    char* last = nullptr;
    std::size_t last_size = 0;
    for (std::size_t size = 1; size < 600; size += 7) {
        auto* room = static_cast<char*>(arena.allocate(size));
        REQUIRE(room != nullptr);
        CHECK(reinterpret_cast<std::uintptr_t>(room) % alignof(std::max_align_t) == 0);
        CHECK((room >= last + last_size || room < last));
        std::memset(room, static_cast<int>(size), size);
        last = room;
        last_size = size;
    }
}

TEST_CASE("text is copied, and an empty one needs no room") {
    sip::Memory memory;
    Arena arena(memory, 100);
    std::string text = "presence";
    std::string_view copy;
    REQUIRE(arena.copy(text, copy));
    text = "scribble";
    CHECK(copy == "presence");
    CHECK_FALSE(arena.copy(std::string(200, 'x'), copy));
    CHECK(copy == "presence");
    REQUIRE(arena.copy({}, copy));
    CHECK(copy.empty());
    int* numbers = arena.make_array<int>(3);
    REQUIRE(numbers != nullptr);
    CHECK(numbers[0] + numbers[1] + numbers[2] == 0);
}

TEST_CASE("T-5: memory that has no more is told apart from a cap") {
    sip::Memory memory;
    Arena arena(memory, 1U << 20U);
    memory.refuse_after(0);
    CHECK(arena.allocate(10) == nullptr);
    CHECK_FALSE(arena.capped());
    CHECK(arena.refusal().condition == sip::Condition::overloaded);
    CHECK(arena.allocate(10) != nullptr);
    CHECK(memory.used() > 0);
    arena.reset();
    CHECK(memory.used() == 0);
    CHECK(arena.allocate(10) != nullptr);
}
