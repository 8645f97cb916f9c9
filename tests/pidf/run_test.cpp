#include "pidf/run.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "pidf/unicode.hpp"

using namespace pidf;

namespace {

template <class Run>
std::size_t one_by_one(std::string_view text, std::size_t at) {
    std::size_t size = 0;
    while (at + size < text.size() && Run::has(text[at + size])) ++size;
    return size;
}

/// Each byte there is, at each place of texts of several sizes, which stand in memory of their own
/// size.
template <class Run>
bool finds(char plain) {
    bool fine = Run::has(plain);
    for (unsigned byte = 0; byte < 256; ++byte)
        for (const std::size_t size : {1U, 8U, 15U, 16U, 17U, 33U})
            for (std::size_t place = 0; place < size; ++place) {
                std::string text(size, plain);
                text[place] = static_cast<char>(byte);
                if (place > 0) text[place - 1] = static_cast<char>(byte ^ 0x80U);
                const std::vector<char> held(text.begin(), text.end());
                const std::string_view whole(held.data(), held.size());
                for (const std::size_t at : {std::size_t{0}, place, size})
                    fine &= run_size<Run>(whole, at) == one_by_one<Run>(whole, at);
            }
    return fine;
}

}  // namespace

TEST_CASE("runs end where a look at each character ends them") {
    CHECK(finds<run::Allowed>('\n'));
    CHECK(finds<run::Plain>(' '));
    CHECK(finds<run::Name>('_'));
    CHECK(finds<run::Uri>('~'));
    CHECK(finds<run::ElementName>('='));
    CHECK(finds<run::AttributeName>(':'));
    CHECK(finds<run::Value<'"'>>('\''));
    CHECK(finds<run::Value<'\''>>(' '));
    CHECK(finds<run::Until<'<', '&', ']'>>('>'));
    CHECK(finds<run::Until<'"', '<', '&'>>('\''));
    CHECK(run_size<run::Plain>({}) == 0);
}

TEST_CASE("a run is made of what it says") {
    const auto is_in = [](char c, const char* set) { return c != 0 && std::strchr(set, c); };
    for (int i = 0; i < 256; ++i) {
        const char c = static_cast<char>(i);
        const bool allowed = i < 0x80 && (i >= 0x20 || is_in(c, "\t\n\r"));
        const bool letter = (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z');
        const bool digit = i >= '0' && i <= '9';
        CAPTURE(i);
        CHECK(run::Allowed::has(c) == allowed);
        CHECK(run::Allowed::has(c) == (i < 0x80 && is_xml_char(static_cast<char32_t>(i))));
        CHECK(run::Name::has(c) == (i < 0x80 && is_name_char(static_cast<char32_t>(i))));
        CHECK(run::Plain::has(c) == (allowed && i >= 0x20 && !is_in(c, "&<>\"']")));
        CHECK(run::Name::has(c) == (letter || digit || is_in(c, "_-.")));
        CHECK(run::Uri::has(c) == (letter || digit || is_in(c, "-._~:/?@!$&'()*+,;=")));
        CHECK(run::ElementName::has(c) == (i > 0x20 && !is_in(c, "/>?")));
        CHECK(run::AttributeName::has(c) == (i > 0x20 && !is_in(c, "/<>=?!")));
        CHECK(run::Value<'"'>::has(c) == (i >= 0x20 && !is_in(c, "\"<&")));
        CHECK(run::Until<'a', '<'>::has(c) == !is_in(c, "a<"));
    }
}
