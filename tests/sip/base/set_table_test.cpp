#include "sip/base/set_table.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

using namespace sip;

namespace {
struct Entry {
    std::uint64_t key = 0;
    int value = 0;
};
constexpr auto lower = [](const Entry& a, const Entry& b) { return a.value < b.value; };
constexpr auto nobody = [](const Entry&) { return false; };
constexpr auto anybody = [](const Entry&) { return true; };
/// Keys of one set, whatever the size of the table.
constexpr std::uint64_t in_one_set(std::uint64_t i) { return i + 1; }
}  // namespace

TEST_CASE("T-23: a table of sets finds what was put into it as it grows") {
    Memory memory;
    {
        SetTable<Entry> table(memory, 1'048'576);
        std::map<std::uint64_t, int> model;
        std::mt19937_64 random(5);
        for (int i = 0; i < 5000; ++i) {
            const std::uint64_t key = random() | 1;
            if (table.find(key) != nullptr) continue;
            Entry* made = table.put(key, lower, nobody);
            REQUIRE(made != nullptr);
            CHECK(made->value == 0);
            made->value = i;
            model[key] = i;
        }
        CHECK(table.size() == model.size());
        for (const auto& [key, value] : model) {
            REQUIRE(table.find(key) != nullptr);
            CHECK(table.find(key)->value == value);
        }
        std::size_t seen = 0;
        table.for_each([&](const Entry& entry) { seen += model.contains(entry.key) ? 1U : 0U; });
        CHECK(seen == model.size());
        CHECK(table.capacity() <= 1'048'576);
        table.reset();
        CHECK(table.find(model.begin()->first) == nullptr);
        CHECK(memory.used() == 0);
    }
}

TEST_CASE("T-16 T-35: a table of sets takes no more than its limit, and says when nobody may go") {
    Memory memory;
    SetTable<Entry> table(memory, 130);
    for (std::uint64_t i = 0; i < 4; ++i) {
        Entry* made = table.put(in_one_set(i), lower, nobody);
        REQUIRE(made != nullptr);
        made->value = static_cast<int>(10 - i);
    }
    CHECK(table.put(in_one_set(4), lower, nobody) == nullptr);
    CHECK(table.capacity() == 128);
    CHECK(memory.used() == 128 * sizeof(Entry));
    // The one that goes is the one that goes before all others.
    Entry* made = table.put(in_one_set(4), lower, anybody);
    REQUIRE(made != nullptr);
    CHECK(table.find(in_one_set(3)) == nullptr);
    CHECK(table.find(in_one_set(0)) != nullptr);
    CHECK(table.find(in_one_set(4)) == made);
    CHECK(table.size() == 4);
}

TEST_CASE("T-35: a table of sets without memory, or without room for one set, is empty") {
    Memory memory;
    SetTable<Entry> table(memory, 1024);
    memory.refuse_after(0);
    CHECK(table.put(1, lower, anybody) == nullptr);
    CHECK(table.find(1) == nullptr);
    CHECK(table.put(1, lower, anybody) != nullptr);
    // Growing refused: what is there stays.
    for (std::uint64_t i = 1; i < 4; ++i) CHECK(table.put(in_one_set(i), lower, nobody) != nullptr);
    memory.refuse_after(0);
    CHECK(table.put(in_one_set(4), lower, nobody) == nullptr);
    for (std::uint64_t i = 0; i < 4; ++i) CHECK(table.find(in_one_set(i)) != nullptr);
    SetTable<Entry> none(memory, 3);
    CHECK(none.put(1, lower, anybody) == nullptr);
}
