#include "apps/vigil/limit_names.hpp"

#include <doctest/doctest.h>

using vigil::set_limit;

TEST_CASE("A limit is set by its name, whatever its size") {
    sip::Limits limits;
    REQUIRE(set_limit("subscriptions=1000000", limits));
    CHECK(limits.subscriptions == 1'000'000);
    REQUIRE(set_limit("memory_bytes=8589934592", limits));
    CHECK(limits.memory_bytes == 8'589'934'592);
    REQUIRE(set_limit("flows=4294967295", limits));
    CHECK(limits.flows == UINT32_MAX);
    CHECK(limits.publications == sip::Limits{}.publications);
}

TEST_CASE("What is no limit is said, and nothing is set") {
    sip::Limits limits;
    for (const char* text : {"", "=", "subscriptions", "subscriptions=", "subscriptions=0",
                             "subscriptions=-1", "subscriptions=1x", "subscriptions=4294967296",
                             "subscription=5", "nobody=1", "rate_user=1"}) {
        CAPTURE(text);
        const auto set = set_limit(text, limits);
        REQUIRE_FALSE(set);
        CHECK_FALSE(set.error().empty());
    }
    CHECK(limits.subscriptions == sip::Limits{}.subscriptions);
    CHECK(set_limit("subscription=5", limits).error().find("did you mean subscriptions?") !=
          std::string::npos);
    CHECK(set_limit("nobody=1", limits).error().find("memory_bytes, ") != std::string::npos);
}
