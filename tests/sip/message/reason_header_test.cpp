#include "sip/message/reason_header.hpp"

#include <doctest/doctest.h>

using namespace sip;

TEST_CASE("Reason names a protocol, a cause and a text (RFC 3326 2)") {
    std::string_view rest = "SIP ;cause=200 ;text=\"Call, completed\" , Q.850;cause=16";
    const auto first = next_reason(rest);
    REQUIRE((first && *first));
    CHECK((*first)->protocol == "SIP");
    CHECK((*first)->cause == 200);
    CHECK((*first)->text == "Call, completed");
    CHECK((*next_reason(rest))->protocol == "Q.850");
    CHECK_FALSE(next_reason(rest));
    for (const char* bad : {";cause=1", "SIP;", "SIP;text=\"x"}) {
        std::string_view text = bad;
        CHECK_FALSE_MESSAGE(*next_reason(text), bad);
    }
}
