#include "sip/message/token_list.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace sip;

TEST_CASE("R3261-7.3.1-3: tokens are found over all fields of a name, in any case") {
    const std::array fields{HeaderField{HeaderId::supported, "Supported", "path ,gruu"},
                            HeaderField{HeaderId::require, "Require", "x"},
                            HeaderField{HeaderId::supported, "k", ", eventlist,"}};
    MessageView message;
    message.headers = fields;
    CHECK(lists_token(message, HeaderId::supported, "PATH"));
    CHECK(lists_token(message, HeaderId::supported, "eventlist"));
    CHECK_FALSE(lists_token(message, HeaderId::supported, "x"));
    CHECK_FALSE(lists_token(message, HeaderId::supported, "event"));
}

TEST_CASE("what is no token ends a list with an error") {
    std::string_view rest = "a, b c, d";
    CHECK(**next_token(rest) == "a");
    CHECK_FALSE(*next_token(rest));
    CHECK_FALSE(next_token(rest));
}

TEST_CASE("R3903-12-1: an entity-tag is a token") {
    CHECK(is_token("dx200xyz-_.!~*'%+`"));
    for (const char* bad : {"", "a b", "a,b", "\"a\"", "a;b", "a@b"})
        CHECK_FALSE_MESSAGE(is_token(bad), bad);
}
