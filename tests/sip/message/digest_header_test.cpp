#include "sip/message/digest_header.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sip;

TEST_CASE("R7616-3.3-1: a challenge is read, and unknown parameters passed over") {
    const auto c = parse_challenge(
        "Digest realm=\"a, b\", qop=\"auth, auth-int\",nonce=\"n\\\"1\" , opaque=\"o\", "
        "stale=TRUE, "
        "algorithm=SHA-256, x=y, userhash=true");
    REQUIRE(c);
    CHECK(c->is_digest);
    CHECK(c->realm == "a, b");
    CHECK(c->qop.auth);
    CHECK(c->qop.auth_int);
    CHECK(c->nonce == "n\\\"1");
    CHECK(c->stale);
    CHECK(c->algorithm == DigestAlgorithm::sha256);
    CHECK(c->userhash);
    CHECK(parse_challenge("Digest realm=\"r\"")->algorithm == DigestAlgorithm::md5);
    CHECK_FALSE(parse_challenge("Digest realm=\"r\"")->qop.present);
    CHECK(parse_challenge("Digest algorithm=MD7")->algorithm == DigestAlgorithm::other);
    CHECK_FALSE(parse_challenge("Basic realm=\"r\"")->is_digest);
}

TEST_CASE("R3261-22.4-1: credentials as clients write them: bare, quoted, spaced, unspaced") {
    const auto spaced = parse_credentials(
        "Digest  username=\"bob\",  realm=\"r\", nonce=\"n\", uri=\"sip:a,b@c\", "
        "response=\"0123\", algorithm=MD5, cnonce=\"c\", nc=0000001f, qop=auth");
    REQUIRE(spaced);
    CHECK(spaced->uri == "sip:a,b@c");
    CHECK(spaced->nc == 31);
    CHECK(spaced->qop == "auth");
    const auto quoted = parse_credentials(
        "DIGEST "
        "username=\"bob\",realm=\"r\",nonce=\"n\",uri=\"sip:x\",nc=\"00000001\",qop=\"auth\","
        "response=\"0\"\r\n ,opaque=\"\"");
    REQUIRE(quoted);
    CHECK(quoted->nc == 1);
    CHECK(quoted->qop == "auth");
    CHECK(quoted->opaque.empty());
    CHECK_FALSE(parse_credentials("Digest nc=1")->nc);
    CHECK_FALSE(parse_credentials("Digest nc=0000000g")->nc);
}

TEST_CASE("R4475-3.3.7: an unknown scheme is told as such; broken parameters are errors") {
    const auto unknown = parse_credentials("NoOneKnowsThisScheme opaque-data=here");
    REQUIRE(unknown);
    CHECK_FALSE(unknown->is_digest);
    for (const char* bad :
         {"", "Digest username", "Digest username=\"a\" realm=\"b\"", "Digest username=\"a",
          "Digest username=\"a\",username=\"b\"", "Digest =x", "Digest nonce=a\"b\""})
        CHECK_MESSAGE(!parse_credentials(bad), bad);
}

TEST_CASE("R3261-22.4-3: Authentication-Info is read") {
    const auto info = parse_authentication_info(
        "nextnonce=\"n2\", qop=auth, rspauth=\"aa\", cnonce=\"c\", nc=00000002");
    REQUIRE(info);
    CHECK(info->nextnonce == "n2");
    CHECK(info->rspauth == "aa");
    CHECK(info->nc == 2);
    CHECK_FALSE(parse_authentication_info("nextnonce"));
}

TEST_CASE("T-8: control bytes are refused in digest values, bare or quoted") {
    for (char c : {'\0', '\x01', '\x1f', '\x7f'}) {
        CHECK_FALSE(parse_credentials(std::string("Digest nonce=a") + c));
        CHECK_FALSE(parse_credentials(std::string("Digest nonce=a") + c + "b"));
        CHECK_FALSE(parse_credentials(std::string("Digest nonce=\"a") + c + "\""));
        CHECK_FALSE(parse_challenge(std::string("Digest realm=a") + c));
        CHECK(parse_credentials(std::string("Digest nonce=\"a\\") + c + "\""));
    }
}

TEST_CASE("every algorithm is written as it is read") {
    for (int i = 0; i < 6; ++i) {
        const auto algorithm = static_cast<DigestAlgorithm>(i);
        const std::string text = "Digest algorithm=" + std::string(name_of(algorithm));
        CHECK(parse_challenge(text)->algorithm == algorithm);
    }
}
