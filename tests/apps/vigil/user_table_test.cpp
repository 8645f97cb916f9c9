#include "apps/vigil/user_table.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace vigil;

namespace {

constexpr std::array md5{sip::DigestAlgorithm::md5};

}  // namespace

TEST_CASE("A user is found by name, realm and algorithm") {
    UserTable table;
    table.put(make_user("alice", "example.com", "p", md5));
    sip::Ha1 found;
    REQUIRE(table.find("alice", "Example.Com", sip::DigestAlgorithm::md5, found));
    CHECK(found == sip::make_ha1(sip::DigestAlgorithm::md5, "alice", "example.com", "p"));
    CHECK_FALSE(table.find("alice", "example.com", sip::DigestAlgorithm::sha256, found));
    CHECK_FALSE(table.find("Alice", "example.com", sip::DigestAlgorithm::md5, found));
    CHECK_FALSE(table.find("alice", "example.org", sip::DigestAlgorithm::md5, found));
    CHECK_FALSE(table.find("alice\nexample.com", "", sip::DigestAlgorithm::md5, found));
    CHECK(table.lacks(sip::DigestAlgorithm::sha256));
    CHECK_FALSE(table.lacks(sip::DigestAlgorithm::md5));
}

TEST_CASE("An address-of-record exists in its canonical form") {
    UserTable table;
    table.put(make_user("alice", "Example.COM", "p", md5));
    table.put(make_user("+49 30", "example.com", "p", md5));
    CHECK(table.exists("alice@example.com"));
    CHECK(table.exists("+49%2030@example.com"));
    CHECK_FALSE(table.exists("bob@example.com"));
    CHECK_FALSE(table.exists("alice"));
    CHECK_FALSE(table.exists(""));
}

TEST_CASE("A user that is put again has the new password") {
    UserTable table;
    table.put(make_user("a", "r", "old", md5));
    table.put(make_user("a", "R", "new", md5));
    CHECK(table.size() == 1);
    sip::Ha1 found;
    REQUIRE(table.find("a", "r", sip::DigestAlgorithm::md5, found));
    CHECK(found == sip::make_ha1(sip::DigestAlgorithm::md5, "a", "R", "new"));
}
