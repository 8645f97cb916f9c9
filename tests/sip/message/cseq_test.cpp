#include "sip/message/cseq.hpp"

#include <doctest/doctest.h>

using namespace sip;

TEST_CASE("R3261-20.16-1: CSeq goes up to 2^32-1, leading zeros and folds allowed") {
    CHECK(parse_cseq("4294967295 NOTIFY")->number == 4294967295U);
    CHECK(parse_cseq("0009\r\n  INVITE")->number == 9);
    CHECK(parse_cseq("0009\r\n  INVITE")->method == Method::invite);
    CHECK(parse_cseq("1 invite")->method == Method::unknown);
    CHECK(parse_cseq("1 Extension")->method_name == "Extension");
    for (const char* bad :
         {"", "1", "1 ", "INVITE", "INVITE 1", "4294967296 NOTIFY", "36893488147419103232 REGISTER",
          "-1 NOTIFY", "1NOTIFY", "1 A B", "1 A,B", "0x1 NOTIFY", "1.5 NOTIFY"})
        CHECK_MESSAGE(!parse_cseq(bad), bad);
}
