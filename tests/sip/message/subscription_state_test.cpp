#include "sip/message/subscription_state.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sip;

TEST_CASE("R6665-4.1.3-5 R6665-4.1.3-4: states, expires and reasons are read") {
    const auto active = parse_subscription_state("Active ; expires = 599");
    REQUIRE(active);
    CHECK(active->state == SubscriptionStateValue::active);
    CHECK(active->expires == 599);
    CHECK_FALSE(parse_subscription_state("pending")->expires);
    const auto ended = parse_subscription_state("terminated;reason=Probation;retry-after=30");
    CHECK(ended->state == SubscriptionStateValue::terminated);
    CHECK(ended->reason == TerminationReason::probation);
    CHECK(ended->retry_after == 30);
}

TEST_CASE("R6665-4.1.3-14 R6665-4.1.3-15: unknown states and reasons are told as such") {
    const auto other = parse_subscription_state("waiting;reason=expired");
    REQUIRE(other);
    CHECK(other->state == SubscriptionStateValue::other);
    CHECK(other->state_name == "waiting");
    CHECK(other->reason == TerminationReason::none);
    CHECK(other->reason_name == "expired");
}

TEST_CASE("numbers that cannot be read are absent; no state is an error") {
    const auto header = parse_subscription_state("active;expires=4294967296;retry-after=x");
    REQUIRE(header);
    CHECK_FALSE(header->expires);
    CHECK_FALSE(header->retry_after);
    for (const char* bad : {"", ";expires=1", "active expires=1", "active;"})
        CHECK_MESSAGE(!parse_subscription_state(bad), bad);
}

TEST_CASE("every reason is written as it is read") {
    for (const TerminationReason reason :
         {TerminationReason::deactivated, TerminationReason::probation, TerminationReason::rejected,
          TerminationReason::timeout, TerminationReason::giveup, TerminationReason::noresource,
          TerminationReason::invariant}) {
        const std::string text = "terminated;reason=" + std::string(name_of(reason));
        CHECK(parse_subscription_state(text)->reason == reason);
    }
}
