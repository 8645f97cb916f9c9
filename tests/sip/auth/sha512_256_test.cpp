#include "sip/auth/sha512_256.hpp"

#include <doctest/doctest.h>

#include "tests/sip/auth/hash_vectors.hpp"

using namespace sip;

TEST_CASE("R7616-3.4-1: SHA-512/256 gives the values of FIPS 180-4, in any pieces") {
    struct Vector {
        std::string_view text, hex;
    };
    const Vector vectors[] = {
        {"", "c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a"},
        {"abc", "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
         "lmnopqrsmnopqrstnopqrstu",
         "3928e184fb8690f840da3988121d31be65cb9d3ef83ee6146feac861e19b563a"},
    };
    for (const Vector& vector : vectors)
        for (const std::size_t piece : {0U, 1U, 3U, 127U, 128U, 129U})
            CHECK(hex_of<Sha512_256>(vector.text, piece) == vector.hex);
    CHECK(hex_of<Sha512_256>(std::string(1'000'000, 'a'), 977) ==
          "9a59a052930187a97038cae692f30708aa6491923ef5194394dc68d56c74fb21");
}

TEST_CASE("SHA-512/256 pads every length up to 299 bytes rightly") {
    for (const std::size_t piece : {1U, 7U, 128U, 300U})
        CHECK(hash_of_all_lengths<Sha512_256>(piece) ==
              "980ec33a5a2ac23fe34dc8ade2e6e31d449d3576a5c7c5290a9b04951c72e1a1");
}
