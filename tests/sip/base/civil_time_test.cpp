#include "sip/base/civil_time.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace sip;

namespace {
std::string rfc3339(std::int64_t ms) {
    std::array<char, 64> room{};
    Appender out(room);
    write_rfc3339(out, ms);
    return std::string(out.view());
}
std::string sip_date(std::int64_t ms) {
    std::array<char, 64> room{};
    Appender out(room);
    write_sip_date(out, ms);
    return std::string(out.view());
}
}  // namespace

TEST_CASE("R3863-4.1.7-1: timestamps are written with capital T and Z and read in every form") {
    CHECK(rfc3339(0) == "1970-01-01T00:00:00Z");
    CHECK(rfc3339(1'795'420'799'005) == "2026-11-23T07:59:59.005Z");
    CHECK(parse_rfc3339("2026-11-23T07:59:59.005Z") == 1'795'420'799'005);
    CHECK(parse_rfc3339("2026-11-23t08:59:59.0059999+01:00") == 1'795'420'799'005);
    CHECK(parse_rfc3339("2026-11-23T02:29:59-05:30") == 1'795'420'799'000);
    CHECK(parse_rfc3339("2024-02-29T23:59:60Z") == parse_rfc3339("2024-03-01T00:00:00Z"));
    for (const char* bad :
         {"", "2026-11-23", "2026-13-01T00:00:00Z", "2025-02-29T00:00:00Z", "2026-11-23T24:00:00Z",
          "2026-11-23T00:00:00", "2026-11-23T00:00:00.Z", "2026-11-23T00:00:00Zx",
          "2026-11-23 00:00:00Z", "2026-11-23T00:60:00Z", "2026-11-23T00:00:00+24:00"})
        CHECK_MESSAGE(!parse_rfc3339(bad), bad);
}

TEST_CASE("R3261-20.17-1: Date is an RFC 1123 date in GMT only") {
    CHECK(sip_date(1'795'420'799'005) == "Mon, 23 Nov 2026 07:59:59 GMT");
    CHECK(parse_sip_date("Mon, 23 Nov 2026 07:59:59 GMT") == 1'795'420'799'000);
    CHECK_FALSE(parse_sip_date("Fri, 01 Jan 2010 16:00:00 EST"));
    CHECK_FALSE(parse_sip_date("Xyz, 01 Jan 2010 16:00:00 GMT"));
    CHECK_FALSE(parse_sip_date("Fri, 1 Jan 2010 16:00:00 GMT"));
    CHECK_FALSE(parse_sip_date("Fri, 01 Jan 2010 16:00:00"));
}
