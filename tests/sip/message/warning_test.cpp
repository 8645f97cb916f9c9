#include "sip/message/warning.hpp"

#include <doctest/doctest.h>

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
