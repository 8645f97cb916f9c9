#include "sip/auth/hmac.hpp"

#include <doctest/doctest.h>

#include <string>

#include "sip/auth/digest_hash.hpp"

using namespace sip;

namespace {
std::string hmac(std::string_view key, std::string_view text, std::size_t piece) {
    HmacSha256 mac(key);
    for (std::size_t at = 0; at < text.size(); at += piece) mac.update(text.substr(at, piece));
    return std::string(HexDigest(mac.finish()).view());
}
}  // namespace

TEST_CASE("HMAC-SHA-256 gives the values of RFC 4231, in any pieces") {
    for (const std::size_t piece : {1U, 5U, 1000U}) {
        CHECK(hmac(std::string(20, '\x0b'), "Hi There", piece) ==
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        CHECK(hmac("Jefe", "what do ya want for nothing?", piece) ==
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        CHECK(hmac(std::string(20, '\xaa'), std::string(50, '\xdd'), piece) ==
              "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
        CHECK(hmac(std::string(131, '\xaa'),
                   "Test Using Larger Than Block-Size Key - Hash Key First",
                   piece) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }
}

TEST_CASE("HMAC-SHA-256 hashes a key of more than one block, and takes one of 64 bytes whole") {
    CHECK(hmac(std::string(64, 'k'), "x", 1) ==
          "f91c4c403625fb06910ef93999265bbd2d62baeaec6ff36455498cc124fe3e66");
    CHECK(hmac(std::string(65, 'k'), "x", 1) ==
          "75092ca3ee2b307470c227697b42b3e65376aa3bae98fb5a1f7b7536daa9588a");
}
