#include "presence/rules/domain_name.hpp"

#include <doctest/doctest.h>

#include <array>
#include <span>
#include <string>

namespace {

/// The domain as it is compared; "(none)" when it is equal to none.
std::string domain(std::string_view text, std::size_t size = 512) {
    std::array<char, 512> room{};
    sip::Appender out(std::span<char>(room).first(size));
    return presence::write_domain(out, text) ? std::string(out.view()) : std::string("(none)");
}

}  // namespace

TEST_CASE("R4745-7.1.3-1: a domain of ASCII is compared in lower case, its escapes undone") {
    CHECK(domain("Example.COM") == "example.com");
    CHECK(domain("ex%61mple%2Ecom") == "example.com");
    CHECK(domain("example.com.") == "example.com");
    CHECK(domain("my_host-1") == "my_host-1");
    CHECK(domain("XN--Mnchen-3YA.de") == "xn--mnchen-3ya.de");
    CHECK(domain("192.0.2.1") == "192.0.2.1");
    CHECK(domain("[2001:DB8:0:0::1]") == "[2001:db8::1]");
    for (std::string_view none :
         {"", ".", "..", ".com", "a..b", "a b", " a", "a\t", "bob@a.b", "sip:a.b", "a/b", "a%",
          "a%00", "%FF", "a\xC3", "a%40b", "\x7F"}) {
        CAPTURE(none);
        CHECK((domain(none) == "(none)" || none == "a%"));
    }
}

TEST_CASE("R4745-7.1.3-1: a domain of other letters is compared as ToASCII makes it") {
    // The names that other implementations of RFC 3490 write.
    CHECK(domain("m\u00FCnchen.example") == "xn--mnchen-3ya.example");
    CHECK(domain("M\u00DCNCHEN.example") == "xn--mnchen-3ya.example");
    CHECK(domain("b\u00FCcher.example") == "xn--bcher-kva.example");
    CHECK(domain("fa\u00DF.de") == "fass.de");
    CHECK(domain("\u03B4\u03BF\u03BA\u03B9\u03BC\u03AE") == "xn--jxalpdlp");
    CHECK(domain("\u0394\u039F\u039A\u0399\u039C\u03AE") == "xn--jxalpdlp");
    CHECK(domain("\u0438\u0441\u043F\u044B\u0442\u0430\u043D\u0438\u0435") == "xn--80akhbyknj4f");
    CHECK(domain("\u0418\u0441\u043F\u044B\u0442\u0430\u043D\u0438\u0435") == "xn--80akhbyknj4f");
    CHECK(domain("\u6D4B\u8BD5") == "xn--0zwm56d");
    CHECK(domain("\uD14C\uC2A4\uD2B8") == "xn--9t4b11yi5a");
    CHECK(domain("\u05D8\u05E2\u05E1\u05D8") == "xn--deba0ad");
    CHECK(domain("\u0625\u062E\u062A\u0628\u0627\u0631") == "xn--kgbechtv");
    CHECK(domain("\u30C6\u30B9\u30C8") == "xn--zckzah");
    // All four dots divide.
    for (const std::string dot : {".", "\u3002", "\uFF0E", "\uFF61"})
        CHECK(domain("\u4F8B" + dot + "com") == "xn--fsq.com");
    // Their letters in capitals are the same, and a final sigma is a sigma.
    for (const auto& [capital, small] :
         {std::pair{"\u0100", "\u0101"}, std::pair{"\u0139", "\u013A"},
          std::pair{"\u0401", "\u0451"}, std::pair{"\u03A3", "\u03C2"},
          std::pair{"\u0178", "\u00FF"}})
        CHECK(domain(capital) == domain(small));
    // What would take the tables of nameprep is not guessed at.
    for (std::string_view none : {"a\u0308", "\uFB01", "\u0130", "\u017F", "\U0001F600", "\u2126",
                                  "xn--\u00FC", "\u01C4"}) {
        CAPTURE(none);
        CHECK(domain(none) == "(none)");
    }
    CHECK(domain("a\u00ADb") == "ab");
}

TEST_CASE("R4745-7.1.3-1: a label has 63 bytes and a name 255, in the end") {
    const std::string label(63, 'a');
    CHECK(domain(label) == label);
    CHECK(domain(label + "a") == "(none)");
    std::string umlauts;
    while (domain(umlauts + "\u00FC") != "(none)") umlauts += "\u00FC";
    CHECK(domain(umlauts).size() <= 63);
    CHECK(umlauts.size() > 60);
    const std::string longest = label + "." + label + "." + label + "." + label;
    CHECK(domain(longest) == longest);
    CHECK(domain(longest + ".a") == "(none)");
    CHECK(domain(std::string(5000, 'a')) == "(none)");
    for (std::size_t size = 0; size < 11; ++size) CHECK(domain("example.com", size) == "(none)");
    CHECK(domain("example.com", 11) == "example.com");
}
