#include "sip/message/warning.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sip;

TEST_CASE("R3261-20.43-1: Warning has three digits, an agent and quoted text") {
    std::string_view rest = "307 isi.example \"Session, \\\"x\\\"\", 301 [::1]:5 \"y\"";
    const auto first = next_warning(rest);
    REQUIRE((first && *first));
    CHECK((*first)->code == 307);
    CHECK((*first)->agent == "isi.example");
    CHECK((*first)->text == "Session, \\\"x\\\"");
    CHECK((*next_warning(rest))->agent == "[::1]:5");
    CHECK_FALSE(next_warning(rest));
    for (const char* bad : {"1812 overture \"x\"", "30 a \"x\"", "307 \"x\"", "307 a x", "307 a",
                            "307 a \"x", "307 a \"x\" y"}) {
        std::string_view text = bad;
        CHECK_FALSE_MESSAGE(*next_warning(text), bad);
    }
}

TEST_CASE("T-8: control bytes are refused in the agent, and in the text outside of quoted-pairs") {
    for (char c : {'\0', '\x01', '\x1f', '\x7f'}) {
        for (const std::string& bad :
             {std::string("307 a") + c + " \"x\"", std::string("307 ") + c + " \"x\"",
              std::string("307 a \"x") + c + "\""}) {
            std::string_view rest = bad;
            CHECK_FALSE(*next_warning(rest));
        }
        const std::string pair = std::string("307 a \"x\\") + c + "\"";
        std::string_view rest = pair;
        CHECK((*next_warning(rest))->text == std::string("x\\") + c);
    }
    std::string_view odd = "307 a(b) \"x\"";
    CHECK_FALSE(*next_warning(odd));
}
