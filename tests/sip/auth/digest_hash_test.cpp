#include "sip/auth/digest_hash.hpp"

#include <doctest/doctest.h>

#include <string>

#include "sip/auth/ha1.hpp"

using namespace sip;

namespace {
std::string response_of(DigestAlgorithm algorithm, std::string_view user, std::string_view realm,
                        std::string_view password, std::string_view method, std::string_view uri,
                        std::string_view nonce, std::string_view cnonce) {
    const Ha1 ha1 = make_ha1(algorithm, user, realm, password);
    const HexDigest ha2 = hash_joined(algorithm, {method, uri});
    return std::string(
        hash_joined(algorithm, {ha1.hex.view(), nonce, "00000001", cnonce, "auth", ha2.view()})
            .view());
}
}  // namespace

TEST_CASE("R7616-3.4-1: the numbers of RFC 7616 3.9.1 come out for MD5 and SHA-256") {
    const auto response = [](DigestAlgorithm algorithm) {
        return response_of(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life", "GET",
                           "/dir/index.html", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                           "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
    };
    CHECK(response(DigestAlgorithm::md5) == "8ca523f5e9506fed4657c9700eebdbec");
    CHECK(response(DigestAlgorithm::sha256) ==
          "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

TEST_CASE("R7616-3.4-1: the numbers of RFC 2617 3.5 come out") {
    CHECK(response_of(DigestAlgorithm::md5, "Mufasa", "testrealm@host.com", "Circle Of Life", "GET",
                      "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093",
                      "0a4f113b") == "6629fae49393a05397450978507c4ef1");
}

TEST_CASE("a -sess algorithm hashes with its base, and its HA1 is that of the base") {
    using enum DigestAlgorithm;
    CHECK(base_of(md5_sess) == md5);
    CHECK(base_of(sha256_sess) == sha256);
    CHECK(base_of(sha512_256_sess) == sha512_256);
    CHECK(base_of(other) == other);
    CHECK(is_session(sha256_sess));
    CHECK_FALSE(is_session(sha256));
    for (const auto& [session, base] : {std::pair{md5_sess, md5}, std::pair{sha256_sess, sha256},
                                        std::pair{sha512_256_sess, sha512_256}})
        CHECK(make_ha1(session, "a", "b", "c") == make_ha1(base, "a", "b", "c"));
    CHECK(make_ha1(md5, "a", "b", "c").hex.view().size() == 32);
    CHECK(make_ha1(sha256, "a", "b", "c").hex.view().size() == 64);
    CHECK(make_ha1(sha512_256, "a", "b", "c").hex.view().size() == 64);
}

TEST_CASE("a hash is read from hexadecimal of its length alone, in any case") {
    const std::string hex = "0123456789abcdefABCDEF0123456789";
    REQUIRE(HexDigest::parse(hex));
    CHECK(HexDigest::parse(hex)->view() == "0123456789abcdefabcdef0123456789");
    CHECK(HexDigest::parse(hex + hex)->view().size() == 64);
    CHECK_FALSE(HexDigest::parse(""));
    CHECK_FALSE(HexDigest::parse(hex.substr(1)));
    CHECK_FALSE(HexDigest::parse(hex + "0"));
    CHECK_FALSE(HexDigest::parse(hex + hex + "00"));
    CHECK_FALSE(HexDigest::parse(std::string(32, 'g')));
    CHECK_FALSE(HexDigest::parse(std::string(32, '\0')));
    CHECK(HexDigest().view().empty());
}
