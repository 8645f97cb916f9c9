#include "sip/auth/md5.hpp"

#include <doctest/doctest.h>

#include "tests/sip/auth/hash_vectors.hpp"

using namespace sip;

TEST_CASE("R7616-3.4-1: MD5 gives the values of RFC 1321 A.5, in any pieces") {
    struct Vector {
        std::string_view text, hex;
    };
    const Vector vectors[] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"a", "0cc175b9c0f1b6a831c399e269772661"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72"},
        {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
        {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
         "d174ab98d277d9f5a5611c2c9f419d9f"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"},
    };
    for (const Vector& vector : vectors)
        for (const std::size_t piece : {0U, 1U, 3U, 63U, 64U, 65U})
            CHECK(hex_of<Md5>(vector.text, piece) == vector.hex);
}

TEST_CASE("MD5 pads every length up to 299 bytes rightly") {
    for (const std::size_t piece : {1U, 7U, 64U, 300U})
        CHECK(hash_of_all_lengths<Md5>(piece) == "575f9da1c47ba6b2cba933c4e7ce5ecd");
}
