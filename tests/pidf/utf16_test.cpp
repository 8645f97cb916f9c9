#include "pidf/utf16.hpp"

#include <doctest/doctest.h>

#include "tests/pidf/room.hpp"

using namespace pidf;

TEST_CASE("R3863-4.1-1: UTF-16 of both orders becomes the same UTF-8") {
    Room room;
    for (const bool big_endian : {false, true}) {
        const std::string bytes = utf16(u"a\u00E9\u20AC\U0001F600z", big_endian);
        REQUIRE(is_utf16(bytes));
        const auto text = utf16_to_utf8(ExactCopy(bytes), room.arena);
        REQUIRE(text);
        CHECK(*text == "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z");
        CHECK(utf16_mark_size + utf16_size(*text) == bytes.size());
    }
    CHECK_FALSE(is_utf16(""));
    CHECK_FALSE(is_utf16("\xFE"));
    CHECK_FALSE(is_utf16("\xEF\xBB\xBF<a/>"));
}

TEST_CASE("R3863-4.1-1: a mark alone is an empty text") {
    Room room;
    const auto text = utf16_to_utf8("\xFE\xFF", room.arena);
    REQUIRE(text);
    CHECK(text->empty());
}

TEST_CASE("T-6: surrogates that stand alone and half characters are refused, with their place") {
    struct Case {
        std::u16string text;
        std::size_t offset;
    };
    const Case cases[] = {
        {{u'a', 0xD800, u'b'}, 4},     {{u'a', 0xDC00}, 4},   {{0xD83D}, 2},
        {{0xD83D, 0xD83D, 0xDE00}, 2}, {{0xDE00, 0xD83D}, 2},
    };
    for (const Case& c : cases)
        for (const bool big_endian : {false, true}) {
            Room room;
            const auto text = utf16_to_utf8(ExactCopy(utf16(c.text, big_endian)), room.arena);
            REQUIRE_FALSE(text);
            CHECK(fault_of(text.error()) == Fault{"XML: UTF-16 surrogate stands alone", c.offset});
        }
    Room room;
    const auto half = utf16_to_utf8(ExactCopy("\xFF\xFE"
                                              "a"),
                                    room.arena);
    REQUIRE_FALSE(half);
    CHECK(half.error().offset == 2);
}

TEST_CASE("T-5: transcoding is refused when there is no room") {
    const std::string bytes = utf16(std::u16string(1'000, u'\u20AC'), true);
    sip::Memory memory;
    Arena small(memory, 1'500);
    const auto capped = utf16_to_utf8(bytes, small);
    REQUIRE_FALSE(capped);
    CHECK(capped.error().condition == sip::Condition::body_too_large);
    Arena large(memory, 100'000);
    memory.refuse_after(0);
    const auto refused = utf16_to_utf8(bytes, large);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().condition == sip::Condition::overloaded);
}
