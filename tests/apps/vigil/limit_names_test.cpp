#include "apps/vigil/limit_names.hpp"

#include <doctest/doctest.h>

#include <string>

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

TEST_CASE("What vigil limits prints can be given to serve, each of it") {
    sip::Limits limits;
    for (const char* name :
         {"memory_bytes", "resources", "subscriptions", "subscriptions_per_resource",
          "undecided_watchers", "publications", "bindings", "flows", "flows_per_address",
          "stream_bytes_percent", "server_transactions", "server_transactions_per_user",
          "server_transactions_per_address", "completed_transactions", "client_transactions",
          "rate_buckets", "known_sources", "nonces", "name_cache_bytes"}) {
        CAPTURE(name);
        CHECK(set_limit(std::string(name) + "=100", limits));
    }
    CHECK(limits.stream_bytes_percent == 100);
    CHECK_FALSE(set_limit("stream_bytes_percent=101", limits));
    CHECK(limits.stream_bytes_percent == 100);
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
