#include "sip/transport/certificate_names.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using sip::AlternativeName;
using Type = sip::AlternativeName::Type;

struct Certificate {
    std::vector<AlternativeName> alternatives;
    std::string_view common_name = {};
    bool empty_extension = false;

    sip::CertificateNames names() const {
        return {alternatives, empty_extension || !alternatives.empty(), common_name};
    }
    std::vector<std::string> identities() const {
        std::vector<std::string> all;
        sip::DomainIdentities reader(names());
        while (const auto each = reader.next()) all.emplace_back(*each);
        return all;
    }
    bool proves(std::string_view domain) const { return sip::proves(names(), domain); }
};

using List = std::vector<std::string>;
using namespace std::string_view_literals;

}  // namespace

TEST_CASE("R5922-7.1-1: sip URIs without a user come first, then DNS names, and the CN alone") {
    CHECK(Certificate{{{Type::uri, "sip:example.com"}, {Type::dns, "host.example.com"}}, "cn.com"}
              .identities() == List{"example.com"});
    CHECK(
        Certificate{{{Type::dns, "a.example"}, {Type::dns, "b.example"}}, "cn.com"}.identities() ==
        List{"a.example", "b.example"});
    CHECK(Certificate{{}, "cn.example.com"}.identities() == List{"cn.example.com"});
    CHECK(Certificate{{{Type::other, "x"}}, "cn.example.com"}.identities().empty());
    CHECK(Certificate{{}, "cn.example.com", true}.identities().empty());
    CHECK(Certificate{{}, "Example Corporation"}.identities().empty());
    CHECK(Certificate{{}, ""}.identities().empty());
}

TEST_CASE(
    "R5922-7.1-1: a URI of another scheme or with a user names no domain, DNS names then do") {
    for (const std::string_view uri :
         {"sips:example.com"sv, "https://example.com"sv, "sip:alice@example.com"sv,
          "sip:@example.com"sv, "sip:"sv, "sip"sv, ""sv, "sip:*.example.com"sv,
          "sip:example.com:5061"sv, "sip:example.com;transport=tls"sv, "sip:exa mple.com"sv,
          "sip:example.com\0.evil.example"sv, "sip:%65xample.com"sv}) {
        const std::string shown(uri);
        CAPTURE(shown);
        CHECK(Certificate{{{Type::uri, uri}, {Type::dns, "dns.example"}}}.identities() ==
              List{"dns.example"});
    }
    CHECK(Certificate{{{Type::uri, "SIP:Example.COM"}, {Type::dns, "dns.example"}}}.identities() ==
          List{"Example.COM"});
}

TEST_CASE("R5922-7.2-1: whole names match in any case, and no wildcard, suffix or part does") {
    const Certificate one{{{Type::dns, "sip.Example.com"}}};
    CHECK(one.proves("sip.example.com"));
    CHECK(one.proves("SIP.EXAMPLE.COM"));
    CHECK(one.proves("sip.example.com."));
    for (const std::string_view other :
         {"example.com"sv, "a.sip.example.com"sv, "ip.example.com"sv, "sip.example.co"sv,
          "sip.example.com.."sv, ".sip.example.com"sv, ""sv, "."sv, "sip.example.com\0"sv})
        CHECK_FALSE_MESSAGE(one.proves(other), std::string(other));
    const Certificate wild{{{Type::dns, "*.example.com"},
                            {Type::dns, ".example.com"},
                            {Type::dns, "*"},
                            {Type::dns, "s*.example.com"}}};
    CHECK(wild.identities().empty());
    CHECK_FALSE(wild.proves("sip.example.com"));
    CHECK_FALSE(wild.proves("*.example.com"));
}

TEST_CASE("R5922-7.2-1 T-30: what hides behind a NUL, a final dot or an odd byte is no name") {
    for (const std::string_view name :
         {"example.com\0.evil.example"sv, "example.com\0"sv, "\0example.com"sv, "example.com."sv,
          "example..com"sv, "-example.com"sv, "example-.com"sv, "exa mple.com"sv,
          "ex\xc3\xa4.com"sv, "example.com\n"sv, "example.com\nother.example"sv, ""sv, "."sv}) {
        const std::string shown(name);
        CAPTURE(shown);
        CHECK(Certificate{{{Type::dns, name}}}.identities().empty());
        CHECK(Certificate{{}, name}.identities().empty());
        CHECK_FALSE(Certificate{{{Type::dns, name}}}.proves("example.com"));
    }
    // An IDN is compared as its A-labels, which are what both a URI and a certificate have.
    CHECK(Certificate{{{Type::dns, "XN--bcher-kva.example"}}}.proves("xn--Bcher-KVA.example"));
}

TEST_CASE("R5922-7.1-1: labels have up to 63 characters, names up to 253") {
    const std::string label(63, 'a');
    std::string name = label + "." + label + "." + label + "." + std::string(61, 'b');
    REQUIRE(name.size() == 253);
    CHECK(Certificate{{{Type::dns, name}}}.proves(name));
    name += "b";
    CHECK_FALSE(Certificate{{{Type::dns, name}}}.proves(name));
    const std::string longer = label + "a.example";
    CHECK_FALSE(Certificate{{{Type::dns, longer}}}.proves(longer));
}

TEST_CASE("R5922-7.2-1: a numeric host is proved by an address or a sip URI, and by no DNS name") {
    const Certificate v4{{{Type::ip, "\xc0\x00\x02\x01"sv}}};
    CHECK(v4.identities() == List{"192.0.2.1"});
    CHECK(v4.proves("192.0.2.1"));
    CHECK_FALSE(v4.proves("192.0.2.2"));
    const Certificate v6{
        {{Type::ip, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"sv}, {Type::dns, "a.example"}}};
    CHECK(v6.proves("[2001:db8::1]"));
    CHECK(v6.proves("[2001:0DB8:0::1]"));
    CHECK(v6.proves("a.example"));
    CHECK_FALSE(v6.proves("[2001:db8::2]"));
    CHECK(Certificate{{{Type::uri, "sip:192.0.2.1"}}}.proves("192.0.2.1"));
    CHECK(Certificate{{{Type::uri, "sip:[2001:db8::1]"}}}.proves("[2001:db8:0::1]"));
    CHECK_FALSE(Certificate{{{Type::dns, "192.0.2.1"}}}.proves("192.0.2.1"));
    CHECK_FALSE(Certificate{{}, "192.0.2.1"}.proves("192.0.2.1"));
    for (const std::string_view odd : {""sv, "\1\2\3"sv, "\1\2\3\4\5"sv, "\1\2\3\4\5\6\7\10"sv})
        CHECK(Certificate{{{Type::ip, odd}}}.identities().empty());
}

TEST_CASE("R5924-4.1-1: sipDomain, any use or no restriction are good, and no other purpose is") {
    using sip::allows_sip;
    using sip::KeyUsage;
    for (const bool as_server : {true, false})
        for (const bool strict : {true, false}) {
            CHECK(allows_sip(KeyUsage{}, as_server, strict));
            CHECK(allows_sip({.restricted = true, .sip_domain = true}, as_server, strict));
            CHECK(allows_sip({.restricted = true, .any = true}, as_server, strict));
            CHECK_FALSE(allows_sip({.restricted = true}, as_server, strict));
            // What public authorities issue.
            CHECK(allows_sip({.restricted = true, .tls_server = true}, as_server, strict) !=
                  strict);
        }
    CHECK(allows_sip({.restricted = true, .tls_client = true}, false, false));
    CHECK_FALSE(allows_sip({.restricted = true, .tls_client = true}, true, false));
}
