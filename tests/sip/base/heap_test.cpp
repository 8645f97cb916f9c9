#include "sip/base/heap.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "sip/base/memory.hpp"

using namespace sip;

namespace {

/// What a heap should hold: blocks by address, each filled with a byte of its own.
struct Model {
    explicit Model(std::size_t bytes) : room(bytes), heap(std::span(room)) {}

    bool take(std::size_t size) {
        void* pointer = heap.take(size);
        if (pointer == nullptr) return false;
        auto* start = static_cast<std::byte*>(pointer);
        CHECK(reinterpret_cast<std::uintptr_t>(start) % Heap::granule == 0);
        CHECK(start >= room.data());
        CHECK(start + size <= room.data() + room.size());
        const auto after = blocks.lower_bound(start);
        if (after != blocks.end()) CHECK(start + size <= after->first);
        if (after != blocks.begin()) {
            const auto& before = *std::prev(after);
            CHECK(before.first + before.second.size <= start);
        }
        std::memset(start, fill, size);
        blocks[start] = {size, fill++};
        sum += Heap::rounded(size);
        return true;
    }
    void give_back(std::size_t number) {
        const auto block = std::next(blocks.begin(), static_cast<std::ptrdiff_t>(number));
        const auto is_own = [&](std::byte b) { return b == std::byte{block->second.fill}; };
        CHECK(std::all_of(block->first, block->first + block->second.size, is_own));
        heap.give_back(block->first, block->second.size);
        sum -= Heap::rounded(block->second.size);
        blocks.erase(block);
    }

    struct Block {
        std::size_t size;
        unsigned char fill;
    };
    std::vector<std::byte> room;
    Heap heap;
    std::map<std::byte*, Block> blocks;
    std::size_t sum = 0;
    unsigned char fill = 1;
};

}  // namespace

TEST_CASE("a heap gives all its bytes as one block, and as the smallest ones") {
    for (std::size_t bytes : {std::size_t{512}, std::size_t{4'096}, std::size_t{100'003}}) {
        Model model(bytes);
        const std::size_t capacity = model.heap.capacity();
        // Fewer bytes may want a level less of tables.
        CHECK(capacity + Heap::overhead(bytes) <= bytes + 8 * Heap::granule);
        CHECK(capacity >= bytes - Heap::overhead(bytes));
        CHECK_FALSE(model.take(capacity + 1));
        CHECK_FALSE(model.take(SIZE_MAX));
        REQUIRE(model.take(capacity));
        CHECK_FALSE(model.take(1));
        CHECK(model.heap.is_sound());
        model.give_back(0);
        CHECK(model.heap.largest() == capacity);
        for (std::size_t i = 0; i < capacity / Heap::granule; ++i) REQUIRE(model.take(1));
        CHECK_FALSE(model.take(1));
        CHECK(model.heap.used() == capacity);
        // Every second first, so that none has a free neighbour; then the others join them.
        for (std::size_t i = 0; i < model.blocks.size(); ++i) model.give_back(i);
        CHECK(model.heap.largest() == Heap::granule);
        CHECK(model.heap.is_sound());
        while (!model.blocks.empty()) model.give_back(model.blocks.size() / 2);
        CHECK(model.heap.largest() == capacity);
        CHECK(model.heap.used() == 0);
    }
}

TEST_CASE("a heap of too few bytes gives nothing, wherever they begin") {
    std::vector<std::byte> room(400);
    for (std::size_t from = 0; from < 17; ++from)
        for (std::size_t size = 0; size + from <= room.size(); ++size) {
            std::fill(room.begin(), room.end(), std::byte{0xa5});
            Heap heap{std::span(room).subspan(from, size)};
            if (size < 80) CHECK(heap.capacity() == 0);
            if (heap.capacity() > 0) {
                void* all = heap.take(heap.capacity());
                REQUIRE(all != nullptr);
                std::memset(all, 0, heap.capacity());
                heap.give_back(all, heap.capacity());
                CHECK(heap.is_sound());
            } else {
                CHECK(heap.take(1) == nullptr);
            }
            const auto is_untouched = [](std::byte b) { return b == std::byte{0xa5}; };
            const auto end = room.begin() + static_cast<std::ptrdiff_t>(from + size);
            REQUIRE(std::all_of(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(from),
                                is_untouched));
            REQUIRE(std::all_of(end, room.end(), is_untouched));
        }
}

TEST_CASE("a heap agrees with a model over any sequence") {
    std::mt19937 random(20260727);
    for (int round = 0; round < 40; ++round) {
        Model model(1'000 + random() % 60'000);
        const std::size_t most = round % 2 == 0 ? 200 : 5'000;
        for (int step = 0; step < 2'000; ++step) {
            const bool grows = random() % 1'000 < (step / 500 % 2 == 0 ? 700U : 300U);
            if (grows || model.blocks.empty())
                (void)model.take(1 + random() % most);
            else
                model.give_back(random() % model.blocks.size());
            CHECK(model.heap.used() == model.sum);
            if (step % 50 == 0) REQUIRE(model.heap.is_sound());
        }
        while (!model.blocks.empty()) model.give_back(random() % model.blocks.size());
        CHECK(model.heap.is_sound());
        CHECK(model.heap.largest() == model.heap.capacity());
    }
}

TEST_CASE("a heap in which a block of some size is free gives one a sixteenth smaller") {
    std::mt19937 random(7);
    Model model(200'000);
    while (model.take(1 + random() % 3'000)) {
    }
    for (int i = 0; i < 60; ++i) model.give_back(random() % model.blocks.size());
    while (model.heap.largest() > Heap::granule) {
        const std::size_t size = model.heap.largest() - model.heap.largest() / 16;
        REQUIRE(model.take(size));
    }
}

TEST_CASE("memory of an arena is refused at its end, at its cap, and keeps a reserve") {
    std::vector<std::byte> room(10'000);
    for (std::size_t cap : {std::size_t{4'000}, SIZE_MAX}) {
        Memory memory(cap, room);
        CHECK(memory.cap() == std::min(cap, memory.heap().capacity()));
        memory.set_reserve(1'000);
        const std::size_t most = (memory.cap() - 1'000) / Heap::granule * Heap::granule;
        CHECK(memory.allocate(most + 1) == nullptr);
        void* block = memory.allocate(most);
        REQUIRE(block != nullptr);
        CHECK(memory.allocate(500) == nullptr);
        CHECK(memory.allocate(SIZE_MAX) == nullptr);
        memory.open_reserve(true);
        void* reserved = memory.allocate(500);
        REQUIRE(reserved != nullptr);
        CHECK(memory.used() == most + 512);
        CHECK(memory.used() == memory.heap().used());
        CHECK(memory.refusals() == 3);
        memory.release(reserved, 500);
        memory.release(block, most);
        CHECK(memory.used() == 0);
    }
    Memory none(SIZE_MAX, std::span(room).first(20));
    CHECK(none.allocate(1) == nullptr);
}
