#include "sip/message/scan.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "sip/message/name_word.hpp"

using namespace sip;

namespace {

template <class Test>
std::size_t one_by_one(std::string_view text) {
    std::size_t i = 0;
    while (i < text.size() && !Test::is(text[i])) ++i;
    return i;
}

/// From several places of `text`, with as much before them that may be read and with nothing. The
/// text stands in memory of its own size, so that the sanitizers see a byte read beside it.
template <class Test, class Block>
bool finds_in(std::string_view text, std::size_t place) {
    const std::vector<char> held(text.begin(), text.end());
    const char *const begin = held.data(), *const end = begin + held.size();
    for (const std::size_t from : {std::size_t{0}, std::size_t{1}, place, place + 1, text.size()}) {
        if (from > text.size()) continue;
        const char* const at = begin + from;
        const char* const wanted = at + one_by_one<Test>(text.substr(from));
        if (scan::find<Test, Block>(begin, at, end) != wanted) return false;
        if (scan::find<Test, Block>(at, at, end) != wanted) return false;
    }
    return true;
}

/// Each byte there is at each place of texts of each size.
template <class Test, class Block>
void finds(char plain) {
    REQUIRE_FALSE(Test::is(plain));
    for (std::size_t size = 0; size < 40; ++size)
        for (std::size_t place = 0; place < size; ++place)
            REQUIRE(finds_in<Test, Block>(std::string(size, plain), place));
    bool fine = true;
    for (unsigned byte = 0; byte < 256; ++byte)
        for (const std::size_t size : {1U, 8U, 15U, 16U, 17U, 33U})
            for (std::size_t place = 0; place < size; ++place) {
                std::string text(size, plain);
                text[place] = static_cast<char>(byte);
                fine &= finds_in<Test, Block>(text, place);
                if (place > 0) text[place - 1] = static_cast<char>(byte ^ 0x80);
                fine &= finds_in<Test, Block>(text, place);
            }
    REQUIRE(fine);
}

template <class Block>
void finds_all() {
    finds<scan::Special, Block>(' ');
    finds<scan::Invisible, Block>('~');
    finds<scan::EndsName, Block>('z');
    finds<scan::EndsQuoted, Block>('!');
    finds<scan::EndsWord, Block>('-');
}

}  // namespace

TEST_CASE("the plain scan finds what a look at each byte finds, and reads none beside the text") {
    finds_all<scan::PlainBlock>();
}

TEST_CASE("the vector scan finds what a look at each byte finds, and reads none beside the text") {
    finds_all<scan::VectorBlock>();
}

TEST_CASE("what ends a run is what its test says it is") {
    for (int c = 0; c < 256; ++c) {
        const char byte = static_cast<char>(c);
        const bool control = c < 0x20 || c >= 0x7f;
        const bool alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        CHECK(scan::Special::is(byte) == control);
        CHECK(scan::Invisible::is(byte) == (control || c == ' '));
        CHECK(scan::EndsName::is(byte) == (control || c == ':'));
        CHECK(scan::EndsQuoted::is(byte) == (control || c == '"' || c == '\\'));
        CHECK(scan::EndsWord::is(byte) == (!alphanumeric && c != '-' && c != '.'));
    }
}

TEST_CASE("a word holds its text, the first byte lowest, and no text beside it") {
    CHECK(word_of("") == 0);
    CHECK(word_of("a") == 0x61);
    CHECK(word_of("ab") == 0x6261);
    CHECK(word_of("abcdefgh") == 0x6867666564636261);
    CHECK(word_of("abcdefghi") == 0);
    for (std::size_t size = 1; size <= 8; ++size) {
        const std::string_view text = std::string_view("\xff\x80tag-QZ").substr(0, size);
        const std::vector<char> held(text.begin(), text.end());
        std::uint64_t wanted = 0;
        for (std::size_t i = size; i-- > 0;)
            wanted = wanted << 8 | static_cast<unsigned char>(text[i]);
        CHECK(word_of({held.data(), size}) == wanted);
    }
}

TEST_CASE("R3261-7.3.1-1: the names of parameters are the same in any case, and no others are") {
    CHECK(name_word("Branch") == name_word("bRANCH"));
    CHECK(name_word("branch") != name_word("branc"));
    CHECK(name_word("tag") != name_word("tag1"));
    CHECK(name_word("tag") != name_word("t"));
    static_assert(name_word("retry-after") == 0, "too long for a word");
}
