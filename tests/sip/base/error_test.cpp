#include "sip/base/error.hpp"

#include <doctest/doctest.h>

using namespace sip;

TEST_CASE("every condition is answered with an error status that has a reason phrase") {
    for (int i = 0; i <= static_cast<int>(Condition::overloaded); ++i) {
        CAPTURE(i);
        const auto status = status_of(static_cast<Condition>(i));
        CHECK(status >= 400);
        CHECK(status < 600);
        CHECK(reason_of(status) != "Unknown");
    }
    CHECK(status_of(Condition::malformed) == 400);
    CHECK(status_of(Condition::conditional_failed) == 412);
    CHECK(status_of(Condition::bad_event) == 489);
    CHECK(status_of(Condition::out_of_order) == 500);
    CHECK(status_of(Condition::overloaded) == 503);
}

TEST_CASE("a status without a phrase of its own is Unknown, never empty") {
    CHECK(reason_of(200) == "OK");
    CHECK(reason_of(0) == "Unknown");
    CHECK(reason_of(499) == "Unknown");
    CHECK(reason_of(65535) == "Unknown");
}

TEST_CASE("a failure carries what was broken, in which words, and where") {
    const Expected<int> result = failure(Condition::mismatch, "CSeq: another method", 17);
    REQUIRE_FALSE(result);
    CHECK(result.error().condition == Condition::mismatch);
    CHECK(result.error().rule == "CSeq: another method");
    CHECK(result.error().offset == 17);
}

TEST_CASE("an error is two registers large, its words are compared and empty by default") {
    static_assert(sizeof(Error) <= 2 * sizeof(std::uint64_t));
    CHECK(Error{}.rule.empty());
    CHECK(Error{}.rule == "");
    const Error error{Condition::malformed, "Via: sent-by is missing"};
    CHECK_FALSE(error.rule.empty());
    CHECK(error.rule.view().size() == 23);
    CHECK_FALSE(error.rule == "Via: sent-by is missin");
    CHECK_FALSE(error.rule == "Via: sent-by is missing!");
    CHECK(error.offset == 0);
}

TEST_CASE("a fault is an error or none, in the room of an error") {
    static_assert(sizeof(Fault) == sizeof(Error));
    CHECK_FALSE(Fault{});
    // One that says nothing is one all the same.
    CHECK(Fault(Error{}));
    Fault fault = Error{Condition::too_large, "Too many Vias", 3};
    REQUIRE(fault);
    CHECK(fault->condition == Condition::too_large);
    CHECK((*fault).rule == "Too many Vias");
    fault->offset += 4;
    CHECK(fault->offset == 7);
    fault = {};
    CHECK_FALSE(fault);
}

TEST_CASE("what gives nothing is done, or says why not") {
    const auto done = [](bool well) -> Expected<void> {
        if (well) return {};
        return failure(Condition::overloaded, "no memory", 2);
    };
    CHECK(done(true));
    CHECK(done(true).has_value());
    CHECK_FALSE(done(false));
    CHECK_FALSE(done(false).has_value());
    CHECK(done(false).error().condition == Condition::overloaded);
    CHECK(done(false).error().rule == "no memory");
    CHECK(done(false).error().offset == 2);
}
