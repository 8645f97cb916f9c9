#include "presence/policy.hpp"

#include <doctest/doctest.h>

using presence::Policy;

TEST_CASE("a policy is read by its name, and by nothing else") {
    for (Policy policy : {Policy::allow, Policy::confirm, Policy::polite_block, Policy::block}) {
        Policy read = policy == Policy::block ? Policy::allow : Policy::block;
        CHECK(presence::parse_policy(presence::name_of(policy), read));
        CHECK(read == policy);
    }
    CHECK(presence::name_of(Policy::polite_block) == "polite-block");
    Policy untouched = Policy::confirm;
    for (const char* text : {"", "Allow", "allow ", "polite_block", "deny"})
        CHECK_FALSE(presence::parse_policy(text, untouched));
    CHECK(untouched == Policy::confirm);
}
