#include "sip/base/interner.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace sip;

TEST_CASE("the same text is kept once, for as long as somebody has it") {
    Memory memory;
    Interner texts(memory, {1, 2});
    Interned a, b, other;
    REQUIRE(texts.intern("sip:alice@example.com", a));
    REQUIRE(texts.intern(std::string("sip:alice@example.com"), b));
    REQUIRE(texts.intern("sip:alice@example.con", other));
    CHECK(texts.size() == 2);
    CHECK(a == b);
    CHECK_FALSE(a == other);
    CHECK(a.view().data() == b.view().data());
    CHECK(a.view() == "sip:alice@example.com");
    CHECK(a.hash() == texts.hash_of("sip:alice@example.com"));
    Interned copy = a, moved = std::move(b);
    a.reset();
    copy = other;
    CHECK(texts.size() == 2);
    CHECK(moved.view() == "sip:alice@example.com");
    moved.reset();
    CHECK(texts.size() == 1);
    CHECK(copy.view() == "sip:alice@example.con");
    const auto& same = copy;
    copy = same;
    other = std::move(copy);
    CHECK(other.view() == "sip:alice@example.con");
    other.reset();
    texts.trim();
    CHECK(memory.used() == 0);
}

TEST_CASE("no text is no memory, and a NUL is a character as any other") {
    Memory memory;
    Interner texts(memory, {1, 2});
    Interned none, nul, nothing;
    REQUIRE(texts.intern("", none));
    CHECK(none.empty());
    CHECK(memory.used() == 0);
    REQUIRE(texts.intern(std::string_view("a\0b", 3), nul));
    REQUIRE(texts.intern("a", nothing));
    CHECK(nul.view().size() == 3);
    CHECK_FALSE(nul == nothing);
}

TEST_CASE("T-35: a text that memory is refused for is none, and the others stand") {
    Memory memory;
    Interner texts(memory, {1, 2});
    std::vector<Interned> all(200);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const std::string text = "text" + std::to_string(i);
        for (std::uint64_t n = 0;; ++n) {
            const std::uint64_t before = memory.refusals();
            const std::size_t used = memory.used();
            memory.refuse_after(n);
            const bool made = texts.intern(text, all[i]);
            memory.refuse_none();
            CHECK(made == (memory.refusals() == before));
            if (made) break;
            CHECK(all[i].empty());
            CHECK(memory.used() == used);
        }
    }
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i].view() == "text" + std::to_string(i));
    CHECK(texts.size() == all.size());
    all.clear();
    CHECK(texts.size() == 0);
}
