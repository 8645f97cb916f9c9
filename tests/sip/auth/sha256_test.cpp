#include "sip/auth/sha256.hpp"

#include <doctest/doctest.h>

#include "tests/sip/auth/hash_vectors.hpp"

using namespace sip;

TEST_CASE("R7616-3.4-1: SHA-256 gives the values of FIPS 180 and RFC 6234, in any pieces") {
    struct Vector {
        std::string_view text, hex;
    };
    const Vector vectors[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
         "lmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    for (const Vector& vector : vectors)
        for (const std::size_t piece : {0U, 1U, 3U, 63U, 64U, 65U})
            CHECK(hex_of<Sha256>(vector.text, piece) == vector.hex);
    CHECK(hex_of<Sha256>(std::string(1'000'000, 'a'), 977) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256 pads every length up to 299 bytes rightly") {
    for (const std::size_t piece : {1U, 7U, 64U, 300U})
        CHECK(hash_of_all_lengths<Sha256>(piece) ==
              "3068c8c08e804c2be19cb16d8f13fb8cbdff841c789d00ce28ded624674b6d55");
}
