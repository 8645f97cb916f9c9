#include "sip/base/scan.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "sip/message/name_word.hpp"

using namespace sip;

namespace {

template <class Run>
std::size_t one_by_one(std::string_view text) {
    std::size_t i = 0;
    while (i < text.size() && Run::has(text[i])) ++i;
    return i;
}

template <class Run>
std::uint64_t all_one_by_one(std::string_view text) {
    std::uint64_t found = 0;
    for (std::size_t i = 0; i < 64; ++i)
        found |= std::uint64_t{i >= text.size() || !Run::has(text[i])} << i;
    return found;
}

/// Of 64 bytes: what stands up to a place is told, and nothing that is not so.
template <class Run, class Block>
bool most_are_told(const char* at) {
    const std::uint64_t all = scan::ends_of_64<Run, Block>(at);
    for (const unsigned size : {0U, 1U, 31U, 32U, 47U, 48U, 63U}) {
        const std::uint64_t told = scan::ends_of_most<Run, Block>(at, at + size);
        if ((told & ~all) != 0 || ((told ^ all) << (63 - size)) != 0) return false;
    }
    return true;
}

/// From several places of `text`, with as much before them that may be read and with nothing. The
/// text stands in memory of its own size, so that the sanitizers see a byte read beside it.
template <class Run, class Block>
bool finds_in(std::string_view text, std::size_t place) {
    const std::vector<char> held(text.begin(), text.end());
    const char *const begin = held.data(), *const end = begin + held.size();
    for (const std::size_t from : {std::size_t{0}, std::size_t{1}, place, place + 1, text.size()}) {
        if (from > text.size()) continue;
        const char* const at = begin + from;
        const char* const wanted = at + one_by_one<Run>(text.substr(from));
        if (scan::find_end<Run, Block>(begin, at, end) != wanted) return false;
        if (scan::find_end<Run, Block>(at, at, end) != wanted) return false;
        if (scan::all_ends<Run, Block>(begin, at, end) != all_one_by_one<Run>(text.substr(from)))
            return false;
        if (end - at >= 64 && !most_are_told<Run, Block>(at)) return false;
    }
    return true;
}

/// Each byte there is at each place of texts of each size.
template <class Run, class Block>
void finds(char plain) {
    REQUIRE(Run::has(plain));
    for (std::size_t size = 0; size < 70; ++size)
        for (std::size_t place = 0; place < size; ++place)
            REQUIRE(finds_in<Run, Block>(std::string(size, plain), place));
    bool fine = true;
    for (unsigned byte = 0; byte < 256; ++byte)
        for (const std::size_t size : {1U, 8U, 15U, 16U, 17U, 33U, 70U})
            for (std::size_t place = 0; place < size; ++place) {
                std::string text(size, plain);
                text[place] = static_cast<char>(byte);
                fine &= finds_in<Run, Block>(text, place);
                if (place > 0) text[place - 1] = static_cast<char>(byte ^ 0x80);
                fine &= finds_in<Run, Block>(text, place);
            }
    REQUIRE(fine);
}

/// Texts of each size, with a byte that is not of `Run` at each place and with none.
template <class Run, bool (*copy)(char*, std::string_view)>
bool copies(std::size_t least) {
    bool fine = true;
    for (std::size_t size = least; size < 70; ++size)
        for (std::size_t place = 0; place <= size; ++place)
            for (const char other : {'\0', '\n', '\r', '\x1f', '\x7f', '\x80', '\xff'}) {
                std::string text(size, 'x');
                if (place < size) text[place] = other;
                const std::vector<char> from(text.begin(), text.end());
                std::vector<char> to(size);
                fine &= copy(to.data(), {from.data(), size}) == (place == size) && to == from;
            }
    return fine;
}

template <class Block>
void finds_all() {
    finds<scan::Plain, Block>(' ');
    finds<scan::Visible, Block>('~');
    finds<scan::RequestUri, Block>('!');
    finds<scan::Word, Block>('-');
}

}  // namespace

TEST_CASE("the plain scan finds what a look at each byte finds, and reads none beside the text") {
    finds_all<scan::PlainBlock>();
}

TEST_CASE("the vector scan finds what a look at each byte finds, and reads none beside the text") {
    finds_all<scan::VectorBlock>();
}

TEST_CASE(
    "T-8: what is copied is seen to be plain text, or not, whichever byte it is that is none") {
    CHECK(copies<scan::Plain, scan::copy_run<scan::Plain, scan::PlainBlock>>(8));
    CHECK(copies<scan::Plain, scan::copy_run<scan::Plain, scan::VectorBlock>>(
        scan::VectorBlock::size));
    CHECK(copies<scan::Plain, scan::copy_short_run<scan::Plain>>(0));
}

TEST_CASE("a run is made of what it says") {
    for (int c = 0; c < 256; ++c) {
        const char byte = static_cast<char>(c);
        const bool plain = c >= 0x20 && c < 0x7f;
        const bool alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        CHECK(scan::Plain::has(byte) == plain);
        CHECK(scan::Visible::has(byte) == (plain && c != ' '));
        CHECK(scan::RequestUri::has(byte) ==
              (plain && c != ' ' && c != '<' && c != '>' && c != '"'));
        CHECK(scan::Word::has(byte) == (alphanumeric || c == '-' || c == '.'));
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
