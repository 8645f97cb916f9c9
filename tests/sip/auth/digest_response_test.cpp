#include "sip/auth/digest_response.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sip;

namespace {

constexpr std::string_view nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
constexpr std::string_view cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

DigestInput example(DigestAlgorithm algorithm) {
    return {algorithm, nonce, "auth", cnonce, "00000001", "GET", "/dir/index.html", {}};
}
std::string response(const DigestInput& input) {
    const Ha1 ha1 = make_ha1(input.algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
    const HexDigest key = session_key(ha1, input.algorithm, input.nonce, input.cnonce);
    return std::string(digest_response(key, input).view());
}

}  // namespace

TEST_CASE("R7616-3.4-1: the responses of RFC 7616 3.9.1 come out") {
    CHECK(response(example(DigestAlgorithm::md5)) == "8ca523f5e9506fed4657c9700eebdbec");
    CHECK(response(example(DigestAlgorithm::sha256)) ==
          "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

TEST_CASE("R7616-3.4-1: the key of -sess is bound to both nonces, its hash is the base's") {
    for (const auto algorithm : {DigestAlgorithm::md5_sess, DigestAlgorithm::sha256_sess,
                                 DigestAlgorithm::sha512_256_sess}) {
        const Ha1 ha1 = make_ha1(algorithm, "a", "b", "c");
        CHECK(session_key(ha1, algorithm, "n", "c") ==
              hash_joined(algorithm, {ha1.hex.view(), "n", "c"}));
        CHECK(session_key(ha1, algorithm, "n", "c") != session_key(ha1, algorithm, "n", "d"));
        CHECK(session_key(ha1, base_of(algorithm), "n", "c") == ha1.hex);
        CHECK(response(example(algorithm)) != response(example(base_of(algorithm))));
    }
}

TEST_CASE("R3261-22.4-2 R7616-3.4-3: auth-int covers the body, an empty one as the empty text") {
    DigestInput input = example(DigestAlgorithm::md5);
    input.qop = "auth-int";
    const HexDigest key = make_ha1(DigestAlgorithm::md5, "a", "b", "c").hex;
    const HexDigest ha2 = hash_joined(
        DigestAlgorithm::md5, {"GET", "/dir/index.html", "d41d8cd98f00b204e9800998ecf8427e"});
    CHECK(digest_response(key, input) ==
          hash_joined(DigestAlgorithm::md5,
                      {key.view(), nonce, "00000001", cnonce, "auth-int", ha2.view()}));
    const std::string empty = response(input);
    input.body = "x";
    CHECK(response(input) != empty);
    input.qop = "auth";
    CHECK(response(input) == response(example(DigestAlgorithm::md5)));
}

TEST_CASE("D-6: without qop the response is that of RFC 2069") {
    DigestInput input = example(DigestAlgorithm::md5);
    input.qop = {};
    const HexDigest key = make_ha1(DigestAlgorithm::md5, "a", "b", "c").hex;
    const HexDigest ha2 = hash_joined(DigestAlgorithm::md5, {"GET", "/dir/index.html"});
    CHECK(digest_response(key, input) ==
          hash_joined(DigestAlgorithm::md5, {key.view(), nonce, ha2.view()}));
}
