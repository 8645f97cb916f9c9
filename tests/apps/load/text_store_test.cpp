#include "apps/load/text_store.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace load;

TEST_CASE("Texts are kept, replaced by shorter and longer ones, and do not touch each other") {
    TextStore store;
    StoredText a, b;
    CHECK(store.view(a) == "");
    REQUIRE(store.set(a, "first"));
    REQUIRE(store.set(b, "second"));
    REQUIRE(store.set(a, "1st"));
    CHECK(store.view(a) == "1st");
    CHECK(store.view(b) == "second");
    REQUIRE(store.set(a, "fifth"));  // fits where "first" was
    CHECK(a.at == 0);
    REQUIRE(store.set(a, "longer than that"));
    CHECK(store.view(a) == "longer than that");
    CHECK(store.view(b) == "second");
    REQUIRE(store.set(b, ""));
    CHECK(store.view(b) == "");
}

TEST_CASE("A text that is too long is not kept, and what was there stays") {
    TextStore store;
    StoredText a;
    REQUIRE(store.set(a, std::string(1'024, 'x')));
    CHECK_FALSE(store.set(a, std::string(1'025, 'y')));
    CHECK(store.view(a) == std::string(1'024, 'x'));
}
