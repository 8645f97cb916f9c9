#include "apps/load/credentials.hpp"

#include <doctest/doctest.h>

#include <string>

using load::Credentials;

TEST_CASE("The example of the RFC is answered as it is there but for our own cnonce") {
    Credentials credentials;
    credentials.set_password("Circle Of Life");
    CHECK(credentials.take("Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", "
                           "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
                           "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
                           false) == "dcd98b7102dd2f0e8b11d0f600bfb0c093");
    std::string out;
    credentials.write(out, "Mufasa", "GET", "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093",
                      1);
    CHECK(
        out.starts_with("Authorization: Digest username=\"Mufasa\", "
                        "realm=\"testrealm@host.com\", "));
    CHECK(out.find("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"") != std::string::npos);
    CHECK(out.find("qop=auth, nc=00000001, cnonce=") != std::string::npos);
    CHECK(out.ends_with("\r\n"));
}

TEST_CASE("Without qop the response is that of RFC 2069, which has no cnonce") {
    Credentials credentials;
    credentials.set_password("CircleOfLife");
    REQUIRE_FALSE(credentials
                      .take("Digest realm=\"testrealm@host.com\", "
                            "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
                            true)
                      .empty());
    std::string out;
    credentials.write(out, "Mufasa", "GET", "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093",
                      1);
    CHECK(out.starts_with("Proxy-Authorization: Digest "));
    CHECK(out.find("response=\"1949323746fe6a43ef61f9606e7febea\"") != std::string::npos);
    CHECK(out.find("cnonce") == std::string::npos);
}

TEST_CASE("What cannot be answered is not") {
    Credentials credentials;
    CHECK_FALSE(credentials.has_password());
    CHECK(credentials.take("Basic realm=\"a\"", false).empty());
    CHECK(credentials.take("Digest realm=\"a\", nonce=\"n\", algorithm=TEA", false).empty());
    CHECK(credentials.take("Digest realm=\"a\", nonce=\"n\", qop=\"auth-int\"", false).empty());
    CHECK(credentials.take("", false).empty());
}
